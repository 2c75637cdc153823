"""minirt.views.watch: the events of a run that is watched, its frames and its recording."""

import os
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minirt import Interest, ManualClock, Recorder, Runtime, Simulation, TaskKind, Undefined
from minirt.aio.program import AsyncioProgram
from minirt.errors import NoThread
from minirt.views import watch as module
from minirt.views.frame import FIELDS
from minirt.views.snapshot import Gap
from minirt.views.state import State
from minirt.views.tape import tape
from minirt.views.watch import Watch
from minirt.watching.trace import Event, Tee

from .random_programs import QUEUES, TIMED, Program, World, perform, programs, real, simulated
from .runs import busy_program, event, unfolded

# of a runtime that does nothing
SNAPSHOT = {"time": 0.0, "ticks": 0, "threads": 4, "identity_token": 0}


def watched(watch: Watch, looks: list[Any] | None = None) -> list[Event]:
    """Run a program under `watch`; look at it now and then. Returns its events."""
    recorder = Recorder()
    rt = Runtime(system=Simulation(), trace=Tee(recorder, watch))

    def main() -> None:
        look()
        busy_program(rt)
        interval = rt.set_interval(7, lambda _: look())
        rt.set_timeout(60, lambda _: interval.cancel())

    def look() -> None:
        frame = watch.frame(rt.snapshot())
        if looks is not None:
            looks.append((recorder.recorded, frame))

    rt.run(main)
    watch.frame(rt.snapshot())
    return recorder.events


def test_a_live_frame_is_the_frame_of_the_recording_at_that_moment() -> None:
    looks: list[Any] = []
    watch = Watch()
    watched(watch, looks)
    frames = unfolded(tape(watch.entries(), before=watch.before))
    assert len(looks) > 5
    for recorded, live in looks:
        assert {name: live[name] for name in FIELDS} == {
            name: frames[recorded - 1][name] for name in FIELDS
        }


@given(st.integers(1, 400))
@pytest.mark.slow
def test_a_recording_that_lost_its_beginning_starts_with_the_state_after_it(capacity: int) -> None:
    watch = Watch(capacity)
    events = watched(watch)
    whole = unfolded(tape(events, 4))
    kept = watch.entries()
    assert len(kept) == min(capacity, len(events))
    assert watch.dropped == len(events) - len(kept)
    shown = unfolded(tape(kept, dropped=watch.dropped, before=watch.before))
    assert shown == whole[len(events) - len(kept) :]


def test_more_events_than_anybody_can_look_at_are_an_overload() -> None:
    watch = Watch(budget=10)
    for number in range(11):
        assert not watch.is_overloaded
        watch.record(event(number, "run", number))
    assert watch.is_overloaded


def overloads(watch: Watch, clock: ManualClock, sleeps: float, turns: int) -> list[bool]:
    """Turns of 10 ms with 30 events, of which the loop sleeps a part; when was it too much?"""
    found = []
    for _ in range(turns):
        for number in range(28):
            watch.record(event(number, "run", number))
        watch.record(event(0, "slept"))
        clock.advance(0.010 * sleeps)
        watch.record(event(0, "woke"))
        clock.advance(0.010 * (1 - sleeps))
        found.append(watch.is_overloaded)
    return found


def test_a_loop_that_sleeps_most_of_the_time_may_have_any_number_of_events(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = ManualClock()
    monkeypatch.setattr(module, "monotonic", clock.now)
    watch = Watch()
    assert not any(overloads(watch, clock, 0.6, 1000))
    assert overloads(watch, clock, 0.4, 1000).index(True) < 300


@pytest.mark.slow
def test_a_program_that_is_busy_still_is_left_alone_sooner_after_each_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = ManualClock()
    monkeypatch.setattr(module, "monotonic", clock.now)
    watch, nothing, traced, rested = Watch(), Runtime().snapshot(), [], []
    for _ in range(6):
        traced.append(overloads(watch, clock, 0, 1000).index(True))
        watch.rest()
        since = clock.now()
        while not watch.has_rested():
            clock.advance(0.25)
        rested.append(clock.now() - since)
        watch.begin(nothing)
    assert rested == [1, 2, 4, 8, 8, 8]
    assert traced[0] > 3 * max(traced[1:])


def test_while_it_rests_the_snapshot_says_what_there_is() -> None:
    frames: list[Any] = []
    traced_from: list[int] = []
    watch = Watch()
    rt = Runtime(system=Simulation(), trace=watch)

    def main() -> None:
        rt.set_timeout(5, ignore)
        watch.rest()
        rt.detach()
        rt.set_immediate(ignore)
        rt.set_timeout(100, again)
        frames.append(watch.frame(rt.snapshot()))

    def again(_: object) -> None:
        assert watch.is_resting
        traced_from.append(rt.ticks)
        rt.set_timeout(9, ignore)
        watch.begin(rt.snapshot())
        rt.attach(watch)
        rt.set_timeout(20, ignore)
        frames.append(watch.frame(rt.snapshot()))
        assert not watch.is_resting

    rt.run(main)
    first, second = frames
    turns = traced_from[0]
    assert dict(first["queue"][2]) == {"timer": 2, "immediate": 1}
    assert [row[2] for row in first["timers"][1]] == ["ignore", ""]  # nobody heard of the second
    assert dict(second["queue"][2]) == {"timer": 2}
    assert [row[2] for row in second["timers"][1]] == ["", "ignore"]
    (resting, traced_again) = [e for e in watch.entries() if isinstance(e, Gap)]
    assert (resting.missed, traced_again.missed) == (0, turns)
    assert unfolded(tape(watch.entries(), before=watch.before))[-1]["queue"] == [0, [], []]


def ignore(value: object) -> None:
    """Does nothing."""


def test_it_can_begin_in_the_middle_of_a_run() -> None:
    frames: list[Any] = []
    watch = Watch()
    rt = Runtime(system=Simulation())

    def main() -> None:
        for delay in range(1, 101):
            rt.set_timeout(delay, ignore)
        rt.set_timeout(1000, attach)

    def attach(_: object) -> None:
        for delay in range(1, 101):
            rt.set_timeout(delay, ignore)
        watch.begin(rt.snapshot())
        rt.attach(watch)
        rt.set_timeout(50.5, lambda _: frames.append(watch.frame(rt.snapshot())))
        frames.append(watch.frame(rt.snapshot()))

    rt.run(main)
    assert [frame["timers"][0] for frame in frames] == [101, 50]
    assert [frame["counters"][2] for frame in frames] == [101, 50]


def test_nothing_is_lost_when_nobody_looks(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "MOST", 100)
    watch, start = Watch(capacity=50), threading.Barrier(2)

    def busy(identity: int) -> None:
        start.wait()
        for number in range(5000):
            watch.record(event(number, "queued", identity * 10_000 + number, where="timer"))
            assert len(watch._fresh) < 110

    threads = [threading.Thread(target=busy, args=(identity,)) for identity in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(watch.entries()) == 50
    assert watch.dropped == 9950
    frame = unfolded(tape(watch.entries(), before=watch.before))[-1]
    assert frame["timers"][0] == 10_000


def test_the_callback_that_waits_at_the_gate_is_the_current_one() -> None:
    watch = Watch()
    rt = Runtime(system=Simulation(), trace=watch)

    def main() -> None:
        timeout = rt.set_timeout(5, ignore)
        watch.next = (timeout.identity, {"callback": "ignore"})
        assert watch.frame(rt.snapshot())["current"] == ["1", "ignore", "timer", "5 ms"]
        watch.next = (None, {"callback": "soon"})
        assert watch.frame(rt.snapshot())["current"] == [None, "soon", "", ""]
        watch.next = None
        assert watch.frame(rt.snapshot())["current"] == [None, "main", "", ""]

    rt.run(main)


# --- random programs: what is shown live, what is recorded and what the events say is one ---


class Looking(Watch):
    """A watch that looks at its runtime after every event, and remembers what it saw."""

    def __init__(self) -> None:
        super().__init__(budget=10**6)
        self.world: World | None = None
        self.events: list[Event] = []
        self.seen: list[tuple[int, int, dict[str, Any]]] = []  # events, entries, fields
        self.tokens: list[tuple[str, str]] = []  # the last identity: shown, and given

    def record(self, event: Event) -> None:
        super().record(event)
        self.events.append(event)
        if self.world is not None and threading.current_thread().name == "MainThread":
            frame = self.frame(self.world.rt.snapshot())
            fields = {name: frame[name] for name in FIELDS}
            self.tokens.append((fields["counters"][-1], str(self.world.rt.identity_token)))
            self.seen.append((len(self.events), self.dropped + len(self._entries), fields))


def looked_at(program: Program, make: Callable[..., World]) -> Looking:
    """What was seen of this program."""
    watch = Looking()
    watch.world = make(threads=program.threads, trace=watch)
    perform(program, watch.world)
    return watch


@given(programs())
@settings(max_examples=60)
@pytest.mark.slow
def test_every_frame_of_a_random_program_is_the_fold_of_the_events_so_far(program: Program) -> None:
    watch = looked_at(program, simulated)
    state, folded = State(program.threads), 0
    assert len(watch.seen) == len(watch.events) > 0
    for count, _, fields in watch.seen:
        for each in watch.events[folded:count]:
            state.apply(each)
        folded = count
        assert state.fields(FIELDS) == fields
    assert [shown for shown, _ in watch.tokens] == [given for _, given in watch.tokens]


@pytest.mark.parametrize("trace", [False, True])
def test_a_task_that_a_full_pool_refuses_takes_no_identity(trace: bool) -> None:
    watch = Watch()
    rt = Runtime(threads=1, trace=watch if trace else None)

    def main() -> None:
        rt.get_available_thread()
        with pytest.raises(NoThread):
            rt.register_event_threadpool(Undefined, TaskKind.FILE_READ, ignore)
        assert rt.identity_token == 0
        assert watch.frame(rt.snapshot())["counters"][-1] == "0"

    rt.run(main)


@pytest.mark.parametrize("make", [simulated, real])
@pytest.mark.slow
def test_a_random_program_is_recorded_as_it_was_shown(make: Callable[..., World]) -> None:
    kinds = (*QUEUES, *TIMED, "event") if make is real else (*QUEUES, *TIMED)

    @given(programs(kinds=kinds))
    @settings(max_examples=25, deadline=None)
    def check(program: Program) -> None:
        watch = looked_at(program, make)
        frames = unfolded(tape(watch.entries(), before=watch.before))
        for _, entries, fields in watch.seen:
            assert {name: frames[entries - 1][name] for name in FIELDS} == fields

    check()


def test_a_descriptor_is_recorded_when_it_was_seen_and_with_what_it_was_watched_for_then() -> None:
    watch = Watch()
    watch.record(event(0, "queued", 7, where="epoll", persistent=True))
    shown = []
    for interest in ("read", "read", "write"):
        watched = SimpleNamespace(**SNAPSHOT, watched=((12, 7, interest),))
        shown.append(watch.frame(watched)["watched"])
    recorded = [frame["watched"] for frame in unfolded(tape(watch.entries()))]
    rows = [[1, [[12, "7", interest, ""]]] for interest in ("read", "write")]
    assert shown == [rows[0], rows[0], rows[1]]
    assert recorded == [[1, [[None, "7", "", ""]]], *rows]


def test_an_identity_that_a_module_takes_for_itself_is_shown_and_recorded() -> None:
    watch = Watch()
    rt = Runtime(trace=watch)
    shown: list[str] = []

    def main() -> None:
        reader, writer = os.pipe()
        for _ in range(3):
            rt.loop.watch(reader, Interest.READABLE, ignore)
            shown.append(watch.frame(rt.snapshot())["counters"][-1])
        rt.loop.unwatch(reader)
        os.close(reader)
        os.close(writer)

    rt.run(main)
    assert shown == ["1", "2", "3"]
    frames = unfolded(tape(watch.entries(), before=watch.before))
    recorded = dict.fromkeys(frame["counters"][-1] for frame in frames)
    assert list(recorded) == ["0", *shown]


def test_the_first_frame_of_an_asyncio_program_has_its_counters_too() -> None:
    program = AsyncioProgram(Simulation())
    frame = Watch().frame(program.snapshot())
    program._close()
    assert frame["phases"] == ["poll", "timers", "round"]
    assert frame["counters"][:5] == [0, 0, 0, 0, 0]
    assert frame["counters"][5] > 0  # free threads
