"""minirt.views: what a view shows of a run, decided without drawing anything."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirt import Recorder, Runtime, Simulation, TaskKind, Undefined
from minirt.watching.trace import Event
from minirt.views.findings import biography, lives_of, summary, warnings
from minirt.views.model import ROWS, Story, console_rows, frame_of, label, waits_for
from minirt.views.recording import Sample, State
from minirt.views.tape import pack, tape, threads_of, unpack
from minirt.views.watch import Watch


def recorded(program: Any, threads: int = 4, seed: int = 0) -> tuple[Runtime, list[Event]]:
    """The events of `program(rt)` in simulated time."""
    recorder = Recorder()
    rt = Runtime(threads=threads, system=Simulation(seed=seed), trace=recorder)
    rt.run(lambda: program(rt))
    return rt, recorder.events


def task(rt: Runtime, seconds: float, kind: TaskKind = TaskKind.ENCRYPT) -> int:
    def work() -> Undefined:
        rt.clock.sleep(seconds)
        return Undefined()

    return rt.register_event_threadpool(work, kind, lambda _: None)


def event(time: float, kind: str, identity: int | None = None, **detail: Any) -> Event:
    thread = detail.pop("thread", "main")
    return Event(time, 1, detail.pop("phase", "timers"), thread, kind, identity, detail or None)


def call(start: float, end: float, identity: int | None = None) -> list[Event]:
    return [event(start, "run", identity), event(end, "returned", identity)]


def unfolded(recording: dict[str, Any]) -> list[dict[str, Any]]:
    """What the page does: the frame after each event."""
    frame: dict[str, Any] = {}
    frames = []
    for time, turn, phase, _, _, _, _, changes in recording["events"]:
        frame = {**frame, "time": time, "turn": turn, "phase": phase}
        frame |= {name: recording["values"][number] for name, number in changes.items()}
        frames.append(frame)
    return frames


# --- the console ---


def printed(*lines: str) -> Story:
    story = Story()
    for number, line in enumerate(lines):
        story.tell(event(float(number), "printed", text=line))
    return story


def test_the_console_shows_the_last_lines_in_their_order() -> None:
    rows = console_rows(printed(*map(str, range(60))))
    assert rows == [60, [[float(n), str(n)] for n in range(20, 60)]]


def test_lines_that_are_long_leave_room_for_fewer() -> None:
    lines, rows = console_rows(printed(*["x" * 10_000] * 60))
    assert lines == 60
    assert [len(text) for _, text in rows] == [500] * 8
    assert rows[0][1].endswith("x…")


# --- names ---


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


# --- one frame ---


def test_a_frame_lists_the_nearest_timers_and_says_how_many_there_are() -> None:
    frames: list[dict[str, Any]] = []

    def program(rt: Runtime) -> None:
        for delay in range(500, 0, -1):
            rt.set_timeout(delay, lambda _: None)
        frames.append(frame_of(rt.snapshot(), Story()))

    recorded(program)
    total, rows = frames[0]["timers"]
    assert (total, len(rows)) == (500, ROWS)
    assert [row[0] for row in rows] == [500, 499, 498, 497, 496, 495]  # identities, nearest first


def test_a_frame_of_ten_thousand_timers_stays_small() -> None:
    sizes: list[int] = []

    def program(rt: Runtime) -> None:
        watch = Watch()
        rt.attach(watch)
        for delay in range(10_000):
            rt.set_timeout(1 + delay, lambda _: None)
        watch.take()
        sizes.append(len(json.dumps(watch.frame(rt.snapshot()))))
        rt.stop()

    Runtime().run(lambda: program(Runtime.current()))
    assert sizes[0] < 20_000


def test_a_frame_counts_what_the_callbacks_wait_for() -> None:
    frames: list[dict[str, Any]] = []

    def program(rt: Runtime) -> None:
        for _ in range(3):
            rt.set_timeout(10, lambda _: None)
            task(rt, 0.1)
        rt.set_immediate(lambda _: None)
        frames.append(frame_of(rt.snapshot(), Story()))

    recorded(program)
    assert dict(frames[0]["queue"][2]) == {"timer": 3, "pool": 3, "immediate": 1}


def test_a_task_that_had_to_wait_for_a_thread_shows_it_while_the_program_runs() -> None:
    story = Story()
    for each in recorded(lambda rt: [task(rt, 0.2), task(rt, 0.1)], threads=1)[1]:
        story.tell(each)
    (wait,) = (span for span in story.spans if span.kind == "wait")
    assert (wait.lane, wait.identity, wait.label) == ("pool0", 2, "Encrypt waits")
    assert (wait.start, wait.end) == (0, pytest.approx(0.2, abs=0.01))


def test_a_task_that_found_a_free_thread_did_not_wait() -> None:
    story = Story()
    for each in recorded(lambda rt: [task(rt, 0.2), task(rt, 0.1)], threads=2)[1]:
        story.tell(each)
    assert {span.kind for span in story.spans if span.lane != "loop"} == {"task"}


def test_a_frame_is_json() -> None:
    def program(rt: Runtime) -> None:
        task(rt, 0.1)
        frame = frame_of(rt.snapshot(), Story())
        assert json.loads(json.dumps(frame)) == frame

    recorded(program)


# --- the recording ---


def busy_program(rt: Runtime) -> None:
    """A bit of everything."""

    def tick(_: object) -> None:
        rt.set_immediate(lambda _: rt.next_tick(lambda _: rt.queue_microtask(lambda _: None)))
        if rt.ticks > 20:
            rt.clear_interval(interval)

    interval = rt.set_interval(5, tick)
    rt.clear_timeout(rt.set_timeout(50, lambda _: None))
    for n in range(7):
        task(rt, 0.01 * n, TaskKind.ENCRYPT if n % 2 else TaskKind.FILE_READ)
    rt.log("started")


def test_the_last_frame_of_a_recording_shows_that_nothing_is_left() -> None:
    frame = unfolded(tape(recorded(busy_program)[1]))[-1]
    pending, epoll, callbacks, free, waiting, _ = frame["counters"]
    assert (pending, epoll, callbacks, free, waiting) == (0, 0, 0, 4, 0)
    assert frame["timers"] == [0, []]
    assert frame["soon"] == [0, 0, 0]


def test_the_recording_shows_at_each_turn_what_the_runtime_said_of_itself() -> None:
    _, events = recorded(busy_program)
    turns = [(at, e.detail) for at, e in enumerate(events) if e.kind == "turn" and e.detail]
    frames = unfolded(tape(events))
    assert len(turns) > 20
    for at, counters in turns:
        pending, epoll, _, free, _, _ = frames[at]["counters"]
        assert pending == counters["pending_events"]
        assert epoll == counters["epoll_pending_events"]
        assert free == counters["available_threads"]


@given(
    st.lists(
        st.tuples(st.sampled_from(["timer", "immediate", "task", "clear"]), st.integers(0, 30)),
        max_size=25,
    )
)
def test_whatever_a_program_does_its_recording_ends_with_nothing_left(
    steps: list[tuple[str, int]],
) -> None:
    def program(rt: Runtime) -> None:
        timers = []
        for what, number in steps:
            if what == "timer":
                timers.append(rt.set_timeout(number, lambda _: None))
            elif what == "immediate":
                rt.set_immediate(lambda _: None)
            elif what == "task":
                task(rt, number / 1000)
            elif timers:
                rt.clear_timeout(timers[number % len(timers)])

    frame = unfolded(tape(recorded(program)[1]))[-1]
    assert frame["queue"][0] == frame["timers"][0] == frame["waiting"][0] == 0


def test_a_field_that_did_not_change_is_not_recorded_again() -> None:
    recording = tape(recorded(busy_program)[1])
    fields = len(unfolded(recording)[-1])
    changed = sum(len(row[-1]) for row in recording["events"])
    assert changed < len(recording["events"]) * fields / 3


def test_the_page_gets_back_what_was_packed() -> None:
    recording = json.loads(json.dumps(tape(recorded(busy_program)[1])))
    assert unpack(pack(recording)) == recording


def test_after_a_gap_the_recording_goes_on_from_the_snapshot() -> None:
    snapshots: list[Any] = []

    def program(rt: Runtime) -> None:
        rt.set_timeout(10, lambda _: None)
        task(rt, 0.1)
        snapshots.append(rt.snapshot())

    recorded(program)
    state = State()
    state.apply(event(0.0, "queued", 99, where="timer", deadline=1.0))
    frame = state.apply(Sample(snapshots[0], missed=12))
    assert [row[0] for row in frame["timers"][1]] == [1]
    assert frame["missed"] == 12
    assert state.frame["queue"][0] == 2


def test_the_size_of_the_pool_is_read_from_the_recording() -> None:
    assert threads_of(recorded(busy_program, threads=3)[1]) == 3


# --- what was found out ---


def test_a_biography_tells_a_callback_from_its_identity_to_its_end() -> None:
    kinds: list[str] = []

    def program(rt: Runtime) -> None:
        identity = task(rt, 0.01)
        rt.set_timeout(100, lambda _: kinds.extend(k for _, k, _ in biography(events(), identity)))

    recorder = Recorder()
    rt = Runtime(system=Simulation(), trace=recorder)

    def events() -> list[Event]:
        return recorder.events

    rt.run(lambda: program(rt))
    expected = ["identity", "boxed", "queued", "started", "finished", "run", "returned"]
    assert kinds == expected


def test_a_healthy_run_has_no_warning() -> None:
    def program(rt: Runtime) -> None:
        for n in range(4):
            task(rt, 0.2)
            rt.set_timeout(10 * n, lambda _: rt.set_immediate(lambda _: None))

    rt, events = recorded(program)
    assert warnings(events, rt.pool.size) == []


def test_a_callback_that_held_the_loop_is_named() -> None:
    events = [event(0, "boxed", 7, callback="crunch", line=3), *call(0.0, 0.08, 7)]
    assert [warn.text for warn in warnings(events, 4)] == [
        "callback 7 (crunch) held the loop for 80 ms."
    ]


def test_a_callback_of_just_under_fifty_milliseconds_held_nobody() -> None:
    assert warnings(call(0.0, 0.0499, 7), 4) == []


def test_a_late_timer_names_the_callback_that_made_it_late() -> None:
    events = [
        event(0, "boxed", 7, callback="crunch"),
        event(0, "queued", 8, where="timer", delay=5, deadline=0.005),
        *call(0.0, 0.04, 7),
        *call(0.04, 0.041, 8),
    ]
    assert [warn.text for warn in warnings(events, 4)] == [
        "Timer 8 was late by 35 ms because of callback 7 (crunch)."
    ]
    assert warnings(events, 4)[0].at == 2


def test_a_timer_that_is_late_because_the_machine_was_busy_blames_nobody() -> None:
    events = [event(0, "queued", 8, where="timer", delay=5, deadline=0.005), *call(0.1, 0.11, 8)]
    assert warnings(events, 4) == []


def test_several_timers_late_because_of_one_callback_are_one_warning() -> None:
    timers = [event(0, "queued", n, where="timer", delay=5, deadline=0.005) for n in (2, 3, 4)]
    events = [*timers, *call(0.0, 0.04, 1), *call(0.04, 0.04, 2), *call(0.04, 0.04, 3)]
    assert len(warnings(events, 4)) == 1
    assert warnings(events, 4)[0].text.startswith("2 timers were late by up to 35 ms")


def test_a_full_pool_is_reported_with_the_task_that_waited_longest() -> None:
    rt, events = recorded(lambda rt: [task(rt, 0.1) for _ in range(3)], threads=1)
    (warn,) = warnings(events, rt.pool.size)
    assert warn.text.startswith("2 tasks waited because the only thread was busy, the longest 2")
    assert warn.text.endswith("(3 Encrypt).")


def test_a_pool_with_a_thread_for_each_task_is_not_full() -> None:
    rt, events = recorded(lambda rt: [task(rt, 0.1) for _ in range(4)])
    assert warnings(events, rt.pool.size) == []


def test_the_summary_says_for_each_kind_how_long_its_tasks_waited_and_ran() -> None:
    rt, events = recorded(lambda rt: [task(rt, 0.1) for _ in range(2)], threads=1)
    ((kind, tasks, waited, longest, ran, _),) = summary(lives_of(events, rt.pool.size))
    assert (kind, tasks) == ("Encrypt", 2)
    assert ran == pytest.approx(0.1)
    assert longest == pytest.approx(0.1, abs=0.002)
    assert waited == pytest.approx(longest / 2, abs=0.002)
