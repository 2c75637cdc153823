"""Which callbacks are due, and how long may the loop sleep?"""

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirt import Runtime, Simulation
from minirt.core.timers import FEW, SLOTS, Timers


def due(timers: Timers, live: set[int], now: float) -> list[int]:
    """What a loop would run at `now`: it takes each identity out of the live ones."""
    ran = []
    for batch in timers.due(now):
        for identity in batch:
            if identity in live:
                live.discard(identity)
                ran.append(identity)
    return ran


def test_equal_deadlines_share_a_slot_and_keep_their_order() -> None:
    live = {1, 2, 3}
    timers = Timers(live)
    for identity in (2, 1, 3):
        timers.schedule(1.0, identity)
    assert len(timers.heap) == 1
    assert timers.next_deadline() == 1.0
    assert due(timers, live, 1.0) == [2, 1, 3]
    assert timers.next_deadline() is None


@given(st.floats(0, 1e7), st.integers(0, 2**31 - 1))
def test_a_deadline_is_rounded_up_by_less_than_a_quarter_of_a_millisecond(
    now: float, ms: int
) -> None:
    timers = Timers({1})
    timers.schedule(now + ms / 1000, 1)
    rounded = timers.next_deadline()
    assert rounded is not None
    assert -1e-8 <= rounded - (now + ms / 1000) <= 1 / SLOTS + 1e-8


def test_a_timer_set_or_moved_while_a_batch_runs_does_not_join_it() -> None:
    live = {1, 2, 3}
    timers = Timers(live)
    timers.schedule(1.0, 1)
    timers.schedule(1.0, 2)
    ran = []
    for batch in timers.due(1.0):
        for identity in batch:
            ran.append(identity)
            if identity == 1:
                timers.schedule(1.001, 3)
                timers.move(1.001, 2)
    assert ran == [1, -1]
    assert due(timers, live, 1.001) == [3, 2]


def test_a_timer_that_is_moved_twice_is_due_once() -> None:
    live = {1}
    timers = Timers(live)
    timers.schedule(1.0, 1)
    timers.move(2.0, 1)
    timers.move(2.0, 1)
    timers.move(3.0, 1)
    assert due(timers, live, 2.5) == []
    assert due(timers, live, 3.0) == [1]
    assert due(timers, live, 9.0) == []


def test_has_knows_what_waits_and_what_the_running_batch_still_holds() -> None:
    timers = Timers({1, 2})
    timers.schedule(1.0, 1)
    timers.schedule(2.0, 2)
    assert timers.has(1) and timers.has(2) and not timers.has(3)
    batches = timers.due(1.0)
    next(batches)
    assert timers.has(1)
    assert list(batches) == []
    assert not timers.has(1)


def test_the_nearest_are_told_by_deadline_without_the_cleared_and_moved_ones() -> None:
    live = {1, 2, 4}
    timers = Timers(live)
    for identity, deadline in ((1, 3.0), (2, 1.0), (3, 2.0), (4, 2.5)):
        timers.schedule(deadline, identity)
    timers.move(4.0, 2)
    assert timers.nearest(2) == [(2.5, 4), (3.0, 1)]
    assert timers.nearest(9) == [(2.5, 4), (3.0, 1), (4.0, 2)]


def test_most_of_many_cleared_timers_are_swept_away() -> None:
    live: set[int] = set()
    timers = Timers(live)
    for identity in range(5 * FEW):
        live.add(identity)
        timers.schedule(1000.0 + identity, identity)
    timers.move(9000.0, 0)
    for identity in range(1, 5 * FEW):
        live.discard(identity)
        timers.cleared()
    assert len(timers.heap) <= FEW + 1
    assert timers.nearest(3) == [(9000.0, 0)]
    assert due(timers, live, 8999.0) == []
    assert due(timers, live, 9000.0) == [0]


def test_clearing_half_of_many_timers_looks_at_them_a_few_times_only() -> None:
    """A look at all of them for each cleared one would be a billion steps."""

    class Counting(dict[int, list[int]]):
        looks = 0

        def values(self) -> object:  # type: ignore[override]
            Counting.looks += 1
            return super().values()

    live = set(range(20_000))
    timers = Timers(live)
    timers._slots = Counting()
    for identity in live:
        timers.schedule(1000.0 + identity, identity)
    for identity in range(9000):
        live.discard(identity)
        timers.cleared()
    assert 1 <= Counting.looks <= 5


def test_forgotten_timers_are_gone() -> None:
    timers = Timers({1})
    timers.schedule(1.0, 1)
    assert timers.identities() == {1}
    timers.clear()
    assert timers.next_deadline() is None
    assert timers.identities() == set()
    assert due(timers, {1}, 5.0) == []


Step = tuple[str, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["schedule", "schedule", "move", "clear", "due", "next"]),
        st.integers(0, 7),
        st.integers(0, 40),
    ),
    max_size=60,
)


@given(STEPS)
def test_no_history_separates_it_from_a_sorted_list(steps: list[Step]) -> None:
    live: set[int] = set()
    timers = Timers(live)
    model: list[tuple[int, int, int]] = []  # (slot, order, identity)
    now, identities = 0, 0
    for order, (step, pick, distance) in enumerate(steps):
        deadline = now + distance
        if step == "schedule":
            identities += 1
            live.add(identities)
            timers.schedule(deadline / SLOTS, identities)
            model.append((deadline, order, identities))
        elif step == "move" and model:
            old = model[pick % len(model)]
            later = max(deadline, old[0])
            timers.move(later / SLOTS, old[2])
            model.remove(old)
            model.append((later, order, old[2]))
        elif step == "clear" and model:
            gone = model.pop(pick % len(model))
            live.discard(gone[2])
            timers.cleared()
        elif step == "due":
            now += distance
            expected = [entry[2] for entry in sorted(model) if entry[0] <= now]
            model = [entry for entry in model if entry[0] > now]
            assert due(timers, live, now / SLOTS) == expected
        nearest = timers.next_deadline()
        if model:
            assert nearest is not None and nearest <= min(model)[0] / SLOTS
        shown = [(entry[0] / SLOTS, entry[2]) for entry in sorted(model)]
        assert sorted(timers.nearest(99)) == sorted(shown)
    now += 100
    assert due(timers, live, now / SLOTS) == [entry[2] for entry in sorted(model)]


def in_simulation(main: Callable[[Runtime, list[object]], None]) -> list[object]:
    rt = Runtime(system=Simulation())
    log: list[object] = []
    rt.run(lambda: main(rt, log))
    return log


def test_a_thousand_real_timers_are_never_early() -> None:
    rt = Runtime()
    early: list[float] = []
    fired = []

    def main() -> None:
        for number in range(1000):
            ms = 1 + number % 40
            asked = rt.clock.now()
            rt.set_timeout(ms, lambda _, at=asked + ms / 1000: check(at))  # type: ignore[misc]

    def check(deadline: float) -> None:
        fired.append(deadline)
        late = rt.clock.now() - deadline
        if late < -1e-6:
            early.append(late)

    rt.run(main)
    assert len(fired) == 1000
    assert early == []


def test_next_deadline_passes_over_cleared_timers() -> None:
    live = {2}
    timers = Timers(live)
    timers.schedule(1.0, 1)
    timers.schedule(2.0, 2)
    assert timers.next_deadline() == 2.0
    assert timers.heap == [2 * SLOTS]


@pytest.mark.parametrize(
    ("ms", "expected"),
    [(0, 1), (-5, 1), (0.9, 1), (1.9, 1), (2.9, 2), (2**31 - 1, 2**31 - 1), (2**31, 1), (3e9, 1)],
)
def test_a_delay_is_what_node_makes_of_it(ms: float, expected: int) -> None:
    from minirt.node.timeouts import normal_delay

    assert normal_delay(ms) == expected
    assert normal_delay(math.nan) == 1
