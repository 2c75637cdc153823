"""minirt.views.state: what a run looked like after each of its events."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirt import Recorder, Runtime, Simulation, Task, gather, sleep_ms
from minirt.aio.program import AsyncioProgram
from minirt.errors import NobodyReports
from minirt.views import queues
from minirt.views.deadlines import Deadlines
from minirt.views.frame import FIELDS
from minirt.views.printed import Printed
from minirt.views.queues import ROWS
from minirt.views.snapshot import Gap
from minirt.views.state import State
from minirt.views.words import label, number_of, waits_for
from minirt.watching.trace import KINDS, PHASES, Event

from .runs import busy_program, event, recorded, task


def state_of(events: list[Event], threads: int = 4) -> State:
    """The state after these events."""
    state = State(threads)
    for each in events:
        state.apply(each)
    return state


class Folding:
    """A sink that keeps a state up to date."""

    def __init__(self, threads: int = 4) -> None:
        self.state = State(threads)

    def record(self, event: Event) -> None:
        self.state.apply(event)


class Checking(Folding):
    """One that sees to it that no field changes without being named."""

    def record(self, event: Event) -> None:
        before = self.state.fields(FIELDS)
        changed = self.state.apply(event)
        after = self.state.fields(FIELDS)
        assert {name for name in FIELDS if before[name] != after[name]} <= set(changed)


# --- random programs ---

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            (
                *("timer", "interval", "immediate", "task", "tick", "microtask", "close"),
                *("pending", "box", "clear", "unref", "refresh", "cancel", "listen", "end"),
                *("log", "message"),
            )
        ),
        st.integers(0, 30),
    ),
    max_size=40,
)


class Program:
    """Does the steps, a few in each callback, and looks at itself after each."""

    def __init__(self, rt: Runtime, steps: list[tuple[str, int]], look: Callable[[], None]) -> None:
        self.rt = rt
        self.steps = iter(steps)
        self.look = look
        self.timers: list[Any] = []
        self.tasks: list[int] = []
        self.tokens: list[int] = []
        self.boxed = 1000

    def __call__(self, value: object = None) -> None:
        for (what, number), _ in zip(self.steps, range(4), strict=False):
            getattr(self, what)(number)
            self.look()

    def timer(self, number: int) -> None:
        self.timers.append(self.rt.set_timeout(number, self))

    def interval(self, number: int) -> None:
        times = iter(range(3))
        interval = self.rt.set_interval(number, lambda _: self.again(times, interval))
        self.timers.append(interval)

    def again(self, times: Iterator[int], interval: Any) -> None:
        self()
        if next(times, None) is None:
            interval.cancel()

    def immediate(self, number: int) -> None:
        self.rt.set_immediate(self)

    def task(self, number: int) -> None:
        self.tasks.append(task(self.rt, number / 1000))

    def tick(self, number: int) -> None:
        self.rt.next_tick(self)

    def microtask(self, number: int) -> None:
        self.rt.queue_microtask(self)

    def close(self, number: int) -> None:
        self.rt.call_in_close_phase(self)

    def pending(self, number: int) -> None:
        self.rt.call_in_pending_phase(self)

    def box(self, number: int) -> None:
        self.boxed += 1
        self.rt.add_callback(self.boxed, self)

    def clear(self, number: int) -> None:
        if self.timers:
            self.timers[number % len(self.timers)].cancel()

    def unref(self, number: int) -> None:
        if self.timers:
            self.timers[number % len(self.timers)].unref()

    def refresh(self, number: int) -> None:
        if self.timers:
            self.timers[number % len(self.timers)].refresh()

    def cancel(self, number: int) -> None:
        if self.tasks:
            self.rt.cancel_task(self.tasks[number % len(self.tasks)])

    def listen(self, number: int) -> None:
        token = self.rt.generate_cb_identity()
        self.rt.register_event_epoll(token, self, persistent=bool(number % 2))
        self.tokens.append(token)

    def end(self, number: int) -> None:
        if self.tokens:
            self.rt.deregister_event_epoll(self.tokens.pop())

    def log(self, number: int) -> None:
        self.rt.log(f"line {number}")

    def message(self, number: int) -> None:
        self.rt.call_from_thread(self)


def run(steps: list[tuple[str, int]], sink: Any, look: Callable[[Runtime], None]) -> Runtime:
    """A random program, and `look(rt)` after each of its steps."""
    rt = Runtime(threads=2, system=Simulation(), trace=sink)
    program = Program(rt, steps, lambda: look(rt))
    with suppress(NobodyReports):  # it listens to descriptors that it never names
        rt.run(program)
    return rt


def check_counts(state: State, rt: Runtime) -> None:
    """The state says what the runtime says."""
    snapshot, frame = rt.snapshot(), state.fields(FIELDS)
    assert dict(frame["queue"][2]) == {where: count for where, count in snapshot.queues if count}
    _, for_epoll, callbacks, free, waiting, token = frame["counters"]
    assert (for_epoll, callbacks) == (snapshot.epoll_pending_events, snapshot.callbacks)
    assert (free, waiting) == (snapshot.available_threads, snapshot.waiting_tasks)
    assert token == str(snapshot.identity_token)
    assert frame["soon"] == [snapshot.immediates, snapshot.next_ticks, snapshot.microtasks]
    if frame["timers"][0] <= ROWS:
        shown = {row[0] for row in frame["timers"][1]}
        # those whose turn has come are no longer in the snapshot's list
        assert shown >= {str(identity) for _, identity in snapshot.timers}


@given(STEPS)
@pytest.mark.slow
def test_whatever_a_program_does_its_events_say_what_the_runtime_says(
    steps: list[tuple[str, int]],
) -> None:
    sink = Checking(threads=2)
    run(steps, sink, lambda rt: check_counts(sink.state, rt))
    frame = sink.state.fields(FIELDS)
    assert frame["queue"] == [0, [], []]
    assert frame["timers"] == frame["waiting"] == frame["watched"] == [0, []]
    assert frame["soon"] == [0, 0, 0]


@given(STEPS)
@pytest.mark.slow
def test_a_state_that_begins_with_a_snapshot_says_the_same(steps: list[tuple[str, int]]) -> None:
    def look(rt: Runtime) -> None:
        state, snapshot = State(), rt.snapshot()
        state.begin(snapshot)
        check_counts(state, rt)
        assert state.fields(["counters"])["counters"][0] == snapshot.pending_events

    run(steps, None, look)


@given(STEPS, st.integers(0, 30))
@pytest.mark.slow
def test_after_a_gap_the_events_go_on_from_the_snapshot(
    steps: list[tuple[str, int]], start: int
) -> None:
    # a snapshot does not say which timers are intervals, so one is missed during its next call
    steps = [step for step in steps if step[0] != "interval"]
    sink = Checking(threads=2)
    looks = 0

    def look(rt: Runtime) -> None:
        nonlocal looks
        looks += 1
        if looks == start:
            sink.state = State()
            sink.state.apply(Gap(rt.snapshot(), missed=12))
            assert sink.state.fields(["missed"]) == {"missed": 12}
        elif looks > start:
            snapshot = rt.snapshot()
            _, _, callbacks, free, waiting, _ = sink.state.fields(["counters"])["counters"]
            assert callbacks == snapshot.callbacks
            assert (free, waiting) == (snapshot.available_threads, snapshot.waiting_tasks)

    run(steps, sink, look)


@given(STEPS)
@pytest.mark.slow
def test_at_each_turn_the_state_says_how_many_events_keep_the_loop_alive(
    steps: list[tuple[str, int]],
) -> None:
    class Sink(Folding):
        def record(self, event: Event) -> None:
            super().record(event)
            if event.kind == "turn" and event.detail:
                pending, epoll, _, free, _, _ = self.state.fields(["counters"])["counters"]
                assert pending == event.detail["pending_events"]
                assert epoll == event.detail["epoll_pending_events"]
                assert free == event.detail["available_threads"]

    run(steps, Sink(threads=2), lambda rt: None)


def test_the_identity_of_a_task_or_of_a_timer_that_is_set_again_is_the_last_one() -> None:
    sink, tokens = Checking(), list[tuple[str, str]]()

    def look(rt: Runtime) -> None:
        shown = sink.state.fields(["counters"])["counters"][-1]
        tokens.append((shown, str(rt.identity_token)))

    async def task(rt: Runtime) -> None:
        look(rt)

    async def main() -> None:
        rt = Runtime.current()
        for _ in range(2):
            over = rt.set_timeout(1, ignore)
            await sleep_ms(2)
            rt.add_callback(over.identity, ignore)
            over.refresh()  # its number was given away
            look(rt)
            await gather(Task(task(rt)), Task(task(rt)))
            rt.identity_token = 2**64 - 4  # they come round

    Runtime(system=Simulation(), trace=sink).run(main)
    assert len(tokens) == 6 and tokens[-1] == ("1", "1")
    assert all(shown == given for shown, given in tokens), tokens


# --- one frame ---


def frame_of(program: Callable[[Runtime], object], threads: int = 4) -> dict[str, Any]:
    """The frame when `program(rt)` is over and its callbacks wait."""
    sink, frames = Folding(threads), []

    def main(rt: Runtime) -> None:
        program(rt)
        frames.append(sink.state.frame(rt.clock.now()))
        rt.stop()

    rt = Runtime(threads=threads, system=Simulation(), trace=sink)
    rt.run(lambda: main(rt))
    return dict(frames[0])


def ignore(value: object) -> None:
    """Is never called."""


def test_three_close_callbacks_and_two_boxed_ones_are_called_so() -> None:
    def program(rt: Runtime) -> None:
        for _ in range(3):
            rt.call_in_close_phase(ignore)
        rt.add_callback(100, ignore)
        rt.add_callback(101, ignore)

    frame = frame_of(program)
    assert frame["queue"][2] == [["close", 3], ["boxed", 2]]
    assert [row[2] for row in frame["queue"][1]] == ["close"] * 3 + ["boxed"] * 2
    assert frame["counters"][:3] == [3, 0, 5]


def test_a_frame_lists_the_nearest_timers_and_says_how_many_there_are() -> None:
    def program(rt: Runtime) -> None:
        for delay in range(500, 0, -1):
            rt.set_timeout(delay, ignore)

    total, rows = frame_of(program)["timers"]
    assert (total, len(rows)) == (500, ROWS)
    assert [row[0] for row in rows] == ["500", "499", "498", "497", "496", "495"]  # nearest first


@pytest.mark.slow
def test_a_frame_of_ten_thousand_timers_stays_small() -> None:
    def program(rt: Runtime) -> None:
        for delay in range(10_000):
            rt.set_timeout(1 + delay, ignore)

    frame = frame_of(program)
    assert len(json.dumps(frame)) < 20_000
    assert frame["timers"][0] == frame["queue"][0] == 10_000


def test_identities_go_to_a_page_as_text() -> None:
    def program(rt: Runtime) -> None:
        rt.identity_token = 2**64 - 4
        for _ in range(3):
            rt.set_timeout(5, ignore)

    frame = json.loads(json.dumps(frame_of(program)))
    assert [row[0] for row in frame["timers"][1]] == [
        "18446744073709551613",
        "18446744073709551614",
        "18446744073709551615",
    ]
    assert frame["counters"][-1] == "18446744073709551615"
    assert numbers_above(2**53, frame) == []


def numbers_above(most: int, value: Any) -> list[int]:
    """The integers in a JSON value that JavaScript could not hold."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [found for inner in value for found in numbers_above(most, inner)]
    return [value] if isinstance(value, int) and abs(value) > most else []


def test_the_names_of_the_phases_come_with_the_frame() -> None:
    assert frame_of(lambda rt: None)["phases"] == list(PHASES)


def test_a_frame_is_json() -> None:
    frame = frame_of(busy_program)
    assert json.loads(json.dumps(frame, allow_nan=False)) == frame


def test_an_interval_says_every_also_after_its_first_call() -> None:
    words: list[str] = []

    def program(rt: Runtime) -> None:
        interval = rt.set_interval(5, lambda _: None)
        rt.set_timeout(22, lambda _: (words.extend(what()), interval.cancel()))

    sink = Folding()

    def what() -> list[str]:
        return [row[3] for row in sink.state.fields(["timers"])["timers"][1]]

    rt = Runtime(system=Simulation(), trace=sink)
    rt.run(lambda: program(rt))
    assert words == ["every 5 ms"]


def test_a_timeout_that_was_set_again_is_not_called_an_interval() -> None:
    frame = frame_of(lambda rt: rt.set_timeout(5, ignore).refresh())
    assert [row[3] for row in frame["timers"][1]] == ["5 ms"]


def test_a_persistent_event_stays_and_shows_its_last_answer() -> None:
    state = state_of([event(0, "queued", 7, where="epoll", persistent=True)])
    state.queues.watch(7, 12, "read")
    for answer in ("READABLE", "WRITABLE"):
        state.apply(event(1, "ready", 7, thread="epoll", readiness=answer))
        state.apply(event(1, "run", 7))
        state.apply(event(2, "returned", 7))
        assert state.fields(["watched"])["watched"] == [1, [[12, "7", "read", answer]]]
    state.apply(event(3, "dropped", 7, why="cleared"))
    assert state.fields(["watched"])["watched"] == [0, []]


def test_what_is_dropped_at_close_waits_no_longer() -> None:
    ticks = [event(0, "queued", where="tick"), event(0, "queued", where="microtask")]
    state = state_of([*ticks, event(0, "queued", where="message")])
    assert state.fields(["soon"])["soon"] == [0, 1, 1]
    for where in ("tick", "microtask", "message"):
        state.apply(event(1, "dropped", where=where, why="closed"))
    assert state.fields(["soon"])["soon"] == [0, 0, 0]


def test_a_task_that_had_to_wait_for_a_thread_shows_it_while_the_program_runs() -> None:
    state = state_of(recorded(lambda rt: [task(rt, 0.2), task(rt, 0.1)], threads=1)[1], 1)
    (wait,) = (span for span in state.timeline.spans if span.kind == "wait")
    assert (wait.lane, wait.identity, wait.label) == ("pool0", 2, "Encrypt waits")
    assert (wait.start, wait.end) == (0, pytest.approx(0.2, abs=0.01))


def test_a_task_that_found_a_free_thread_did_not_wait() -> None:
    state = state_of(recorded(lambda rt: [task(rt, 0.2), task(rt, 0.1)], threads=2)[1], 2)
    assert {span.kind for span in state.timeline.spans if span.lane != "loop"} == {"task"}


# --- its parts ---


@given(
    st.lists(
        st.tuples(st.sampled_from(["set", "set", "remove"]), st.integers(0, 9), st.integers(0, 9))
    )
)
def test_the_nearest_deadlines_are_those_of_a_sorted_list(
    steps: list[tuple[str, int, int]],
) -> None:
    deadlines, model = Deadlines(), {}
    for step, identity, deadline in steps:
        if step == "set":
            deadlines.set(identity, deadline)
            model[identity] = deadline
        else:
            deadlines.remove(identity)
            model.pop(identity, None)
        expected = sorted((deadline, identity) for identity, deadline in model.items())
        assert deadlines.nearest(3) == expected[:3]
        assert len(deadlines) == len(model)


def test_a_timer_that_is_set_again_and_again_takes_no_room() -> None:
    deadlines = Deadlines()
    for number in range(10_000):
        deadlines.set(1, number)
    assert len(deadlines._heap) < 100
    assert deadlines.nearest(3) == [(9999, 1)]


def test_the_console_shows_the_last_lines_in_their_order() -> None:
    lines = Printed()
    for number in range(60):
        lines.add(float(number), str(number))
    assert lines.rows(0.0) == [60, [[float(n), str(n)] for n in range(20, 60)]]


def test_lines_that_are_long_leave_room_for_fewer() -> None:
    state = state_of([event(n, "printed", text="x" * 10_000) for n in range(60)])
    lines, rows = state.fields(["console"])["console"]
    assert lines == 60
    assert [len(text) for _, text in rows] == [500] * 8
    assert rows[0][1].endswith("x…")


def test_a_line_that_goes_on_is_replaced_by_the_next_one() -> None:
    state = State()
    shown = []
    for number, (text, goes_on) in enumerate(
        [("a", False), ("10 %", True), ("20 %", True), ("done", False), ("b", False)]
    ):
        state.apply(event(number, "printed", text=text, **({"goes_on": True} if goes_on else {})))
        count, rows = state.fields(["console"])["console"]
        assert count == len(rows)
        shown.append([text for _, text in rows])
    assert shown == [
        *(["a"], ["a", "10 %"], ["a", "20 %"], ["a", "done"]),
        ["a", "done", "b"],
    ]


def test_a_line_that_goes_on_is_replaced_where_many_were_printed() -> None:
    lines = Printed()
    for number in range(250):
        lines.add(float(number), str(number), goes_on=number % 3 == 0)
        rows = lines.rows(0.0)[1]
        assert rows[-1] == [float(number), str(number)]
        kept = [n for n in range(number) if n % 3]
        assert [text for _, text in rows[:-1]] == [str(n) for n in kept[-39:]]


def test_a_lambda_is_called_by_its_line() -> None:
    assert label({"callback": "<lambda>", "line": 7}) == "lambda, line 7"


def test_a_very_long_name_is_cut() -> None:
    assert len(label({"callback": "x" * 500})) == 60


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ({"where": "timer", "delay": 100}, ("timer", "100 ms")),
        ({"where": "timer", "delay": 5, "repeats": True}, ("timer", "every 5 ms")),
        ({"where": "pool", "kind": "File read"}, ("pool", "File read")),
        ({"where": "epoll", "persistent": True}, ("epoll", "each time")),
        ({"where": "immediate"}, ("immediate", "")),
    ],
)
def test_it_says_what_a_callback_waits_for(detail: dict[str, Any], expected: object) -> None:
    assert waits_for(detail) == expected


@pytest.mark.parametrize(
    ("thread", "number"),
    [("pool3", 3), ("pool", None), ("poolx", None), ("main", None), ("pool99999999999", None)],
)
def test_only_a_thread_of_the_pool_has_a_number(thread: str, number: int | None) -> None:
    assert number_of(thread) == number


# --- its bounds ---


def size(value: object, seen: set[int] | None = None) -> int:
    """How many entries all containers have that `value` holds."""
    seen = set() if seen is None else seen
    if id(value) in seen or isinstance(value, str | bytes | int | float | None):
        return 0
    seen.add(id(value))
    if isinstance(value, dict):
        inner = [*value.keys(), *value.values()]
    elif hasattr(value, "__iter__"):
        inner = list(value)
    else:
        inner = [value.__dict__] if hasattr(value, "__dict__") else []
    return len(inner) + sum(size(each, seen) for each in inner)


def lives(number: int) -> Iterator[Event]:
    """A timer, a task, a persistent event and an immediate, from their beginning to their end."""
    timer, work, token, soon = range(4 * number, 4 * number + 4)
    place = {"callback": "f", "file": "f.py", "line": 1}
    for identity in (timer, work, token, soon):
        yield event(number, "identity", identity)
        yield event(number, "boxed", identity, **place)
    yield event(number, "queued", timer, where="timer", delay=1, deadline=float(number))
    yield event(number, "queued", work, where="pool", kind="Encrypt")
    yield event(number, "queued", token, where="epoll", persistent=True)
    yield event(number, "queued", soon, where="immediate")
    yield event(number, "started", work, thread="pool1", kind="Encrypt")
    yield event(number, "ready", token, thread="epoll", readiness="READABLE")
    yield event(number, "finished", work, thread="pool1", kind="Encrypt")
    yield event(number, "printed", text="line")
    for identity in (timer, work, token, soon):
        yield event(number, "run", identity)
        yield event(number, "returned", identity)
    yield event(number, "dropped", token, why="cleared")


@pytest.mark.slow
def test_what_is_over_takes_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "KNOWN", 100)
    state, sizes = State(4), []
    for number in range(4000):
        for each in lives(number):
            state.apply(each)
        state.queues.watch(number, number, "read")
        if number in (2000, 3999):
            sizes.append(size(state))
    assert sizes[0] == pytest.approx(sizes[1], rel=0.01)
    assert state.fields(["queue"])["queue"] == [0, [], []]


@given(
    st.lists(
        st.builds(
            Event,
            time=st.floats(0, 1e6),
            turn=st.integers(0, 99),
            phase=st.sampled_from([*PHASES, "main", "\x1b"]),
            thread=st.sampled_from(["main", "pool0", "pool1", "epoll", "pool\ud800", "\x00"]),
            kind=st.sampled_from([*KINDS, "unknown"]),
            identity=st.none() | st.integers(0, 9),
            detail=st.none()
            | st.fixed_dictionaries(
                {},
                optional={
                    "where": st.sampled_from([*queues.KINDS_OF_WAITING, "tick", "\x1b"]),
                    "text": st.text(st.characters()),
                    "kind": st.text(st.characters()),
                    "error": st.text(st.characters()),
                    "callback": st.text(st.characters()),
                    "repeats": st.booleans(),
                    "persistent": st.booleans(),
                    "goes_on": st.booleans(),
                },
            ),
        ),
        max_size=30,
    )
)
@pytest.mark.slow
def test_whatever_events_come_the_state_can_be_shown(events: list[Event]) -> None:
    state = state_of(events)
    shown = json.dumps(state.frame(1e6), allow_nan=False, ensure_ascii=False)
    shown.encode()
    pending, epoll, callbacks, free, waiting, _ = state.fields(["counters"])["counters"]
    assert min(pending, epoll, callbacks, free, waiting) >= 0


# --- a program of asyncio's ---


def of_asyncio(main: Callable[[], Any], system: Simulation | None = None) -> list[Event]:
    recorder = Recorder()
    AsyncioProgram(system, recorder).run(main())
    return recorder.events


def test_the_counters_of_a_program_of_asyncios_are_its_own() -> None:
    """Tasks, ready callbacks, timers, descriptors, executor jobs, free threads."""
    goes_on = threading.Event()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        job = asyncio.create_task(asyncio.to_thread(goes_on.wait))
        one, other = socket.socketpair()
        with one, other:
            loop.add_reader(one, lambda: None)
            loop.call_later(60, lambda: None)
            for _ in range(3):
                await asyncio.sleep(0)
            loop.call_soon(goes_on.set)
            await job
            loop.remove_reader(one)

    events = of_asyncio(main)
    state, seen = State(), set()
    for each in events:
        state.apply(each)
        (counters,) = state.fields(["counters"]).values()
        assert all(type(count) is int for count in counters)
        seen.add(tuple(counters[at] for at in (0, 2, 3, 4)))
    assert (2, 1, 1, 1) in seen
    assert counters[:5] == [0, 0, 0, 0, 0]


def test_a_timer_of_asyncios_that_is_cancelled_when_it_is_due_waits_no_longer() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(0.01, lambda: timers.pop().cancel())
        timers = [loop.call_later(0.01, ignore, None)]
        await asyncio.sleep(1)

    state = State()
    for each in of_asyncio(main, Simulation()):
        state.apply(each)
        if each.kind == "turn" and each.time > 0.5:
            assert state.fields(["counters"])["counters"][2] == 0
            return
    raise AssertionError("there was no turn after that")
