"""Which callbacks are due, and how long may the loop sleep?"""

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirt import Runtime
from minirt.core.callbacks import ignore
from minirt.core.timers import FEW, SLOTS, Timers
from minirt.node.timeouts import normal_delay


def call_next(timers: Timers) -> int | None:
    """Call the next timer of the batch as the loop does; its identity, None if it was cleared."""
    key = timers.current.pop()
    identity = timers.names.get(key, key)
    timers.forget(key)
    return None if timers.waiting.pop(key, None) is None else identity


def due(timers: Timers, now: float) -> list[int]:
    """Whom a loop would call at `now`, by identity."""
    ran: list[int | None] = []
    timers.begin(now)
    while timers.next_batch():
        ran.append(call_next(timers))
    return [identity for identity in ran if identity is not None]


def set_again(timers: Timers, deadline: float, identity: int) -> int:
    """As a handle sets its timer again. Returns the new key."""
    timers.remove(timers.key_of(identity))
    key = timers.fresh_key(identity)
    timers.add(deadline, key, ignore)
    return key


def kept(timers: Timers) -> int:
    """How many keys and deadlines it keeps, those of cleared timers included."""
    return sum(map(len, timers._slots.values())) + len(timers._heap)


# Deadlines


def test_equal_deadlines_share_a_slot_and_keep_their_order() -> None:
    timers = Timers()
    for identity in (2, 1, 3):
        timers.add(1.0, identity, ignore)
    assert kept(timers) == 4
    assert timers.next_deadline() == 1.0
    assert due(timers, 1.0) == [2, 1, 3]
    assert timers.next_deadline() is None


@given(st.floats(0, 1e7), st.integers(0, 2**31 - 1))
def test_a_deadline_is_rounded_up_by_less_than_a_quarter_of_a_millisecond(
    now: float, ms: int
) -> None:
    timers = Timers()
    timers.add(now + ms / 1000, 1, ignore)
    rounded = timers.next_deadline()
    assert rounded is not None
    assert -1e-8 <= rounded - (now + ms / 1000) <= 1 / SLOTS + 1e-8


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_what_is_due_at_its_own_deadline_does_not_wait_for_the_last_bit(
    now: float, seconds: float
) -> None:
    """The loop sleeps until next_deadline(): then the timer must be due, or it would spin."""
    timers = Timers()
    timers.add(now + seconds, 1, ignore)
    timers.add_exactly(now + seconds, 2, ignore)
    ran = []
    while (nearest := timers.next_deadline()) is not None:
        found = due(timers, nearest)
        assert found
        ran += found
    assert sorted(ran) == [1, 2]


def test_exact_deadlines_keep_their_order_whoever_came_first() -> None:
    """R24: within a quarter of a millisecond they ran in the order of registration."""
    timers = Timers()
    for deadline, identity in ((1.0002, 1), (1.0001, 2), (1.00015, 3), (1.0001, 4)):
        timers.add_exactly(deadline, identity, ignore)
    assert timers.next_deadline() == pytest.approx(1.0001, abs=1e-9)
    assert due(timers, 1.00005) == []
    assert due(timers, 1.00012) == [2, 4]
    assert due(timers, 1.0002) == [3, 1]


def test_exact_deadlines_and_rounded_ones_are_sorted_together() -> None:
    timers = Timers()
    timers.add(1.0, 1, ignore)
    timers.add_exactly(1.0001, 2, ignore)
    timers.add(1.00025, 3, ignore)
    timers.add_exactly(0.9999, 4, ignore)
    timers.add_exactly(1.0, 5, ignore)
    assert due(timers, 2.0) == [4, 1, 5, 2, 3]


def test_an_exact_deadline_can_be_cleared_and_set_again() -> None:
    timers = Timers()
    timers.add_exactly(1.0001, 1, ignore)
    timers.add_exactly(1.0002, 2, ignore)
    assert timers.remove(1)
    assert timers.next_deadline() == pytest.approx(1.0002, abs=1e-9)
    key = timers.fresh_key(1)
    timers.add_exactly(1.0003, key, ignore)
    assert due(timers, 2.0) == [2, 1]


def test_what_never_comes_may_be_waited_for() -> None:
    timers = Timers()
    timers.add_exactly(1e300, 1, ignore)
    timers.add(1e9, 2, ignore)
    assert due(timers, 1e8) == []
    assert timers.next_deadline() == pytest.approx(1e9, abs=1 / SLOTS)
    assert timers.nearest(2) == [(timers.next_deadline(), 2), (1e300, 1)]


# The running batch


def test_a_timer_set_or_moved_while_a_batch_runs_does_not_join_it() -> None:
    timers = Timers()
    timers.add(1.0, 1, ignore)
    timers.add(1.0, 2, ignore)
    ran: list[int | None] = []
    timers.begin(1.0)
    while timers.next_batch():
        ran.append(call_next(timers))
        if ran == [1]:
            timers.add(0.5, 3, ignore)
            timers.add_exactly(0.25, 4, ignore)
            set_again(timers, 0.75, 2)
    assert ran == [1, None]
    assert timers.next_deadline() == 0.25
    assert due(timers, 1.0) == [4, 3, 2]


def test_a_timer_cleared_while_its_batch_runs_is_passed_over() -> None:
    timers = Timers()
    for identity in (1, 2, 3):
        timers.add(1.0, identity, ignore)
    timers.add(1.5, 4, ignore)
    timers.begin(2.0)
    timers.next_batch()
    assert call_next(timers) == 1
    assert timers.remove(2) and timers.remove(4)
    assert not timers.remove(1)
    assert [call_next(timers), call_next(timers)] == [None, 3]
    while timers.next_batch():
        assert call_next(timers) is None
    assert not timers.waiting


def test_what_an_exception_leaves_behind_comes_first_the_next_time() -> None:
    """R28: the rest of the batch was lost."""
    timers = Timers()
    for identity in (1, 2, 3):
        timers.add(1.0, identity, ignore)
    timers.add(1.5, 4, ignore)
    timers.begin(2.0)
    timers.next_batch()
    assert call_next(timers) == 1  # and here the turn is left
    assert timers.next_deadline() == 0.0  # the loop must not sleep
    assert timers.alive() == 3
    timers.add(1.0, 5, ignore)  # a deadline that the batch had, too
    timers.remove(3)
    assert due(timers, 2.0) == [2, 4, 5]


# Clearing, and setting again


def test_a_cleared_timer_is_gone_at_once_and_wakes_nobody() -> None:
    timers = Timers()
    timers.add(1.0, 1, ignore)
    timers.add(2.0, 2, ignore)
    assert timers.remove(1)
    assert not timers.remove(1) and not timers.remove(3)
    assert timers.identities() == {2} and timers.alive() == 1
    assert timers.next_deadline() == 2.0
    assert due(timers, 1.5) == []
    assert due(timers, 2.0) == [2]


def test_a_timer_that_is_set_again_twice_is_due_once_and_after_the_others() -> None:
    timers = Timers()
    timers.add(1.0, 1, ignore)
    timers.add(3.0, 2, ignore)
    for deadline in (2.0, 2.0, 3.0):
        set_again(timers, deadline, 1)
    assert due(timers, 2.5) == []
    assert due(timers, 3.0) == [2, 1]
    assert due(timers, 9.0) == []
    assert not timers.names and timers.key_of(1) == 1


def test_a_key_is_used_once_so_that_an_old_one_finds_nobody() -> None:
    """R12: a handle named a place, and nobody checked whose it was."""
    timers = Timers()
    timers.add(1.0, 7, ignore)
    first = set_again(timers, 2.0, 7)
    second = set_again(timers, 3.0, 7)
    assert len({7, first, second}) == 3
    assert not timers.remove(first) and not timers.remove(7)
    assert timers.has(7) and timers.key_of(7) == second
    timers.set_ref(first, False)
    assert timers.alive() == 1
    assert timers.remove(second) and not timers.has(7)
    third = timers.fresh_key(7)  # its number has a new owner
    timers.add(4.0, third, ignore)
    timers.forget(second)
    assert not timers.remove(second)
    assert timers.has(7) and timers.key_of(7) == third


def test_a_new_owner_of_an_identity_is_not_called_when_the_old_one_was_due() -> None:
    timers = Timers()
    timers.add(1.0, 7, ignore)
    timers.remove(7)
    timers.add(2.0, timers.fresh_key(7), ignore)
    assert due(timers, 1.0) == []
    assert due(timers, 2.0) == [7]


class Counted(Timers):
    """Counts how often all keys are looked at."""

    sweeps = 0

    def _sweep(self) -> None:
        self.sweeps += 1
        super()._sweep()


@pytest.mark.parametrize("order", ["first", "last"])
def test_clearing_many_timers_looks_at_all_of_them_a_few_times_only(order: str) -> None:
    """R21: a look at all of them for each cleared one would be 200 million steps."""
    timers = Counted()
    for identity in range(20_000):
        timers.add(1000.0 + identity, identity, ignore)
    for identity in range(20_000) if order == "first" else reversed(range(20_000)):
        assert timers.remove(identity)
    assert 1 <= timers.sweeps <= 15
    assert kept(timers) <= 2 * FEW + 2
    assert timers.next_deadline() is None


def test_a_timeout_for_each_request_that_is_cleared_in_time_costs_no_memory() -> None:
    timers = Timers()
    timers.add(9000.0, 0, ignore)
    most = 0
    for identity in range(1, 10 * FEW):
        timers.add(1000.0 + identity, identity, ignore)
        timers.remove(identity)
        most = max(most, kept(timers))
    assert most <= 2 * FEW + 10
    assert timers.nearest(3) == [(9000.0, 0)]
    assert due(timers, 8999.0) == []
    assert due(timers, 9000.0) == [0]


def test_a_timer_that_is_set_again_for_ever_costs_no_memory_and_no_wake_up() -> None:
    """R21: each `refresh()` left an idle turn."""
    timers = Timers()
    timers.add(1.0, 7, ignore)
    most = 0
    for number in range(10 * FEW):
        set_again(timers, 2.0 + number, 7)
        most = max(most, kept(timers))
    assert most <= 2 * FEW + 10
    assert len(timers.names) == len(timers._keys) == 1
    last = 2.0 + 10 * FEW - 1
    assert timers.next_deadline() == last
    assert due(timers, last) == [7]


def test_keys_of_cleared_timers_before_the_nearest_are_looked_at_once() -> None:
    timers = Timers()
    for identity in range(FEW):
        timers.add(1.0, identity, ignore)
    for identity in range(FEW - 1):
        timers.remove(identity)
    assert timers.next_deadline() == 1.0
    assert kept(timers) == 2  # the next look has one key to see


# Who keeps the loop alive


def test_a_timer_without_ref_keeps_nothing_alive_until_it_has_one_again() -> None:
    timers = Timers()
    for identity in (1, 2):
        timers.add(1.0, identity, ignore)
    timers.set_ref(1, False)
    timers.set_ref(1, False)
    timers.set_ref(3, False)  # there is none
    assert timers.alive() == 1
    timers.set_ref(2, False)
    assert timers.alive() == 0 and len(timers.waiting) == 2
    timers.set_ref(1, True)
    assert timers.alive() == 1
    timers.remove(2)
    timers.remove(1)
    assert timers.alive() == 0
    timers.add(1.0, 1, ignore)  # a later timer with the same identity
    assert timers.alive() == 1


def test_whoever_is_due_runs_with_ref_or_without() -> None:
    timers = Timers()
    for identity in (1, 2):
        timers.add(1.0, identity, ignore)
    timers.set_ref(1, False)
    timers.begin(1.0)
    timers.next_batch()
    timers.set_ref(2, False)
    assert timers.alive() == 2
    assert [call_next(timers), call_next(timers)] == [1, 2]
    assert timers.alive() == 0


def test_taking_the_ref_of_a_due_timer_does_not_search_its_batch() -> None:
    """16,000 intervals without ref, all due at once, each set again while the batch runs."""

    class Unsearched(list[int]):
        def __contains__(self, key: object) -> bool:
            raise AssertionError("each of the keys was looked at")

    timers = Timers()
    for identity in range(10):
        timers.add(1.0, identity, ignore)
    timers.begin(1.0)
    timers.current = Unsearched(timers.next_batch())
    while timers.current:
        identity = call_next(timers)
        assert identity is not None
        key = timers.fresh_key(identity)
        timers.add(2.0, key, ignore)
        timers.set_ref(key, False)
        if identity < 9:
            timers.set_ref(identity + 1, False)
    assert timers.alive() == 0 and len(timers.waiting) == 10


# A look from another thread


def test_the_nearest_are_told_by_deadline_without_the_cleared_and_moved_ones() -> None:
    timers = Timers()
    for identity, deadline in ((1, 3.0), (2, 1.0), (3, 2.0), (4, 2.5), (5, 2.5)):
        timers.add(deadline, identity, ignore)
    timers.remove(3)
    set_again(timers, 4.0, 2)
    assert timers.nearest(2) == [(2.5, 4), (2.5, 5)]
    assert timers.nearest(9) == [(2.5, 4), (2.5, 5), (3.0, 1), (4.0, 2)]
    assert timers.nearest(0) == []


def test_of_many_the_nearest_are_found_among_a_few() -> None:
    """R21: of a million it took 96 ms, thirty times a second."""

    class Counting(dict[float, list[int]]):
        looks = 0

        def get(self, at: float, default: Any = None) -> Any:
            self.looks += 1
            return super().get(at, default)

    timers = Timers()
    for identity in range(100_000):
        timers.add(identity / 100, 99_999 - identity, ignore)
    timers._slots = slots = Counting(timers._slots)
    found = timers.nearest(50)
    assert found == [(identity / 100, 99_999 - identity) for identity in range(50)]
    assert slots.looks <= 50


def test_forgotten_timers_are_gone() -> None:
    timers = Timers()
    timers.add(1.0, 1, ignore)
    timers.add(2.0, timers.fresh_key(2), ignore)
    timers.set_ref(1, False)
    assert timers.identities() == {1, 2}
    timers.begin(1.0)
    batch = timers.next_batch()
    timers.drop_all()
    assert not batch  # also if its phase runs
    assert timers.next_deadline() is None
    assert timers.identities() == set() and timers.alive() == 0 and kept(timers) == 0
    assert due(timers, 5.0) == []


# Any history


Step = tuple[str, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "exactly", "again", "remove", "due", "leave"]),
        st.integers(0, 7),
        st.integers(0, 40),
    ),
    max_size=60,
)
# Powers of two, so that sums and products are exact: a thirty-second of a second is 125 slots
COARSE, FINE = 1 / 32, 1 / 65536


@given(STEPS)
def test_no_history_separates_it_from_a_sorted_list(steps: list[Step]) -> None:
    timers = Timers()
    model: list[tuple[float, int, int]] = []  # (deadline, order, identity)
    now, identities = 0.0, 0
    for order, (step, pick, distance) in enumerate(steps):
        deadline = now + distance * COARSE
        if step in ("add", "exactly"):
            identities += 1
            if step == "exactly":
                deadline += pick * FINE
                timers.add_exactly(deadline, identities, ignore)
            else:
                timers.add(deadline, identities, ignore)
            model.append((deadline, order, identities))
        elif step == "again" and model:
            old = model.pop(pick % len(model))
            set_again(timers, deadline, old[2])
            model.append((deadline, order, old[2]))
        elif step == "remove" and model:
            gone = model.pop(pick % len(model))
            assert timers.remove(timers.key_of(gone[2]))
        elif step in ("due", "leave"):
            now += distance * COARSE
            expected = sorted(entry for entry in model if entry[0] <= now)
            if step == "leave":
                expected = leave_after(timers, now, pick, expected)
            else:
                assert due(timers, now) == [identity for *_, identity in expected]
            model = [entry for entry in model if entry not in expected]
        if step != "leave":
            nearest = timers.next_deadline()
            if not timers.current and not timers._due:
                assert nearest == (min(model)[0] if model else None)
                shown = [(entry[0], entry[2]) for entry in sorted(model)]
                assert timers.nearest(99) == shown
            assert timers.identities() == {identity for *_, identity in model}
        assert timers.alive() == len(model)


def leave_after(
    timers: Timers, now: float, most: int, expected: list[tuple[float, int, int]]
) -> list[tuple[float, int, int]]:
    """An exception leaves the timers phase after `most` calls, and a second one finishes it."""
    timers.begin(now)
    ran: list[int] = []
    while len(ran) < most and timers.next_batch():
        identity = call_next(timers)
        if identity is not None:
            ran.append(identity)
    ran += due(timers, now)
    assert ran == [identity for *_, identity in expected]
    return expected


# On a runtime


def test_a_thousand_real_timers_are_never_early() -> None:
    rt = Runtime()
    early: list[float] = []
    fired = []

    def main() -> None:
        for number in range(1000):
            ms = 1 + number % 40
            asked = rt.clock.now()
            rt.set_timeout(ms, checked(asked + ms / 1000))

    def checked(deadline: float) -> Callable[[object], None]:
        def check(_: object) -> None:
            fired.append(deadline)
            late = rt.clock.now() - deadline
            if late < -1e-6:
                early.append(late)

        return check

    rt.run(main)
    assert len(fired) == 1000
    assert early == []


@pytest.mark.parametrize(
    ("ms", "expected"),
    [(0, 1), (-5, 1), (0.9, 1), (1.9, 1), (2.9, 2), (2**31 - 1, 2**31 - 1), (2**31, 1), (3e9, 1)],
)
def test_a_delay_is_what_node_makes_of_it(ms: float, expected: int) -> None:
    assert normal_delay(ms) == expected
    assert normal_delay(math.nan) == 1
