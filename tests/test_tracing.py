"""How does a runtime tell what it does?"""

import asyncio
import json
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest.mock import Mock

import pytest

from minirt import Error, Int, Interest, Js, Recorder, Runtime, Simulation, Task, TaskKind, sleep_ms
from minirt.aio.program import AsyncioProgram
from minirt.watching.calls import place
from minirt.watching.trace import KINDS, Event, chrome_trace

KIND = TaskKind("Test")


def record(main: Callable[[Runtime], object], **options: Any) -> list[Event]:
    recorder = Recorder()
    rt = Runtime(system=Simulation(), trace=recorder, **options)
    rt.on_uncaught = lambda error: None
    rt.run(lambda: main(rt))
    return recorder.events


def life(events: list[Event], identity: int) -> list[str]:
    return [event.kind for event in events if event.identity == identity]


def everything(rt: Runtime) -> None:
    """A program in which everything happens."""
    rt.system.add_peer("peer", 1, lambda got: [(0.001, b"x")])  # type: ignore[attr-defined]

    def fails(_: Js) -> None:
        raise ValueError

    rt.log("begins")
    rt.set_timeout(5, fails)
    rt.set_timeout(5, lambda _: None).cancel()
    rt.set_immediate(lambda _: rt.next_tick(lambda _: rt.queue_microtask(fails)))
    rt.call_in_close_phase(lambda _: rt.call_in_pending_phase(lambda _: None))
    rt.call_from_thread(lambda _: None)
    rt.register_event_threadpool(lambda: Int(1), KIND, lambda _: None)
    token = rt.generate_cb_identity()
    connection: Any = rt.system.connect("peer", 1)
    rt.epoll_registrator.register(connection, token, Interest.WRITABLE)
    rt.register_event_epoll(token, lambda _: None)

    async def waits(_: Js) -> None:
        task = Task(sleeps())
        task.cancel()
        await sleep_ms(1)

    async def sleeps() -> None:
        await sleep_ms(1000)

    rt.set_immediate(waits)


def of_asyncio() -> set[str]:
    """The kinds of a program of asyncio's that waits for a queue and holds the loop."""

    async def main() -> None:
        queue: asyncio.Queue[int] = asyncio.Queue()
        task = asyncio.create_task(queue.get())
        await asyncio.sleep(0.05)
        time.sleep(0.1)  # noqa: ASYNC251
        queue.put_nowait(1)
        await task

    recorder = Recorder()
    AsyncioProgram(None, recorder).run(main())
    return {event.kind for event in recorder.events}


def test_every_kind_of_event_occurs() -> None:
    kinds = {event.kind for event in record(everything)}
    assert kinds | of_asyncio() == set(KINDS)
    assert set(KINDS) - kinds == {"found", "things"}  # of asyncio alone


@pytest.mark.parametrize(
    ("register", "expected"),
    [
        (
            lambda rt: rt.set_timeout(5, print).identity,
            ["identity", "boxed", "queued", "run", "returned"],
        ),
        (lambda rt: rt.set_immediate(print), ["identity", "boxed", "queued", "run", "returned"]),
        (
            lambda rt: rt.call_in_close_phase(print),
            ["identity", "boxed", "queued", "run", "returned"],
        ),
        (
            lambda rt: rt.register_event_threadpool(lambda: Int(1), KIND, print),
            ["identity", "boxed", "queued", "started", "finished", "run", "returned"],
        ),
    ],
    ids=["timeout", "immediate", "close", "task"],
)
def test_the_life_of_a_callback_comes_in_order(
    register: Callable[[Runtime], int], expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    identities: list[int] = []
    events = record(lambda rt: identities.append(register(rt)))
    assert life(events, identities[0]) == expected
    times = [event.time for event in events]
    assert times == sorted(times)
    assert events[-1].kind == "end"
    capsys.readouterr()


def test_the_life_of_an_event_names_its_readiness() -> None:
    tokens: list[int] = []

    def main(rt: Runtime) -> None:
        rt.system.add_peer("peer", 1, lambda got: None)  # type: ignore[attr-defined]
        tokens.append(rt.generate_cb_identity())
        connection: Any = rt.system.connect("peer", 1)
        rt.epoll_registrator.register(connection, tokens[0], Interest.WRITABLE)
        rt.register_event_epoll(tokens[0], lambda _: None)

    events = record(main)
    assert life(events, tokens[0]) == ["identity", "boxed", "queued", "ready", "run", "returned"]
    (ready,) = [event for event in events if event.kind == "ready"]
    assert (ready.thread, ready.detail) == ("epoll", {"readiness": "WRITABLE"})


def test_the_error_of_a_descriptor_closed_under_the_loop_is_told() -> None:
    def main(rt: Runtime) -> None:
        rt.system.add_peer("peer", 1, lambda got: None)  # type: ignore[attr-defined]
        connection: Any = rt.system.connect("peer", 1)
        rt.epoll_registrator.register(connection, 900, Interest.READABLE)
        rt.register_event_epoll(900, lambda _: None)
        connection.close()

    (ready,) = [event for event in record(main) if event.kind == "ready"]
    assert "DescriptorClosed" in str(ready.detail)


@pytest.mark.parametrize(
    "way", ["timer cleared", "interval", "immediate", "event", "task", "at close"]
)
def test_what_never_runs_is_told_as_dropped_once(way: str) -> None:
    identities: list[int] = []

    def main(rt: Runtime) -> None:
        match way:
            case "timer cleared":
                timer = rt.set_timeout(5, print)
                timer.cancel()
                timer.cancel()
                identities.append(timer.identity)
            case "interval":
                interval = rt.set_interval(5, lambda _: interval.cancel())
                identities.append(interval.identity)
            case "immediate":
                rt.set_immediate(lambda _: rt.clear_immediate(identities[0]))
                identities.append(rt.set_immediate(print))
                rt.set_immediate(lambda _: rt.clear_immediate(None))
            case "event":
                identities.append(900)
                rt.register_event_epoll(900, print)
                rt.deregister_event_epoll(900)
                rt.deregister_event_epoll(900)
            case "task":
                for _ in range(5):
                    identity = rt.register_event_threadpool(lambda: Int(1), KIND, lambda _: None)
                identities.append(identity)
                assert rt.cancel_task(identity)
                assert not rt.cancel_task(identity)
            case "at close":
                identities.append(rt.set_timeout(5000, print).identity)
                identities.append(rt.set_timeout(5000, print).unref().identity)
                rt.set_immediate(lambda _: rt.stop())
                identities.append(rt.set_immediate(print))

    events = record(main)
    for identity in identities:
        assert life(events, identity).count("dropped") == 1
        assert life(events, identity)[-1] == "dropped" or way == "interval"


def test_a_callback_that_ran_is_never_told_as_dropped() -> None:
    events = record(everything)
    ran = {event.identity for event in events if event.kind == "run"} - {None}
    assert ran.isdisjoint({event.identity for event in events if event.kind == "dropped"})


def test_an_error_is_told_where_it_came_back_and_where_it_went_once() -> None:
    def main(rt: Runtime) -> None:
        def fails(_: Js) -> None:
            raise ValueError("mine")

        rt.set_timeout(1, fails)
        rt.next_tick(fails)

    events = record(main)
    assert [e.detail for e in events if e.kind == "uncaught"] == [
        {"error": "ValueError('mine')"}
    ] * 2
    returned = [e.detail for e in events if e.kind == "returned" and e.detail]
    assert [detail["error"] for detail in returned] == ["ValueError('mine')"] * 2


@pytest.mark.parametrize("where", ["main", "timer", "tick"])
def test_an_error_that_leaves_run_is_told_once_too(where: str) -> None:
    recorder = Recorder()
    rt = Runtime(system=Simulation(), trace=recorder)

    def fails(_: Js) -> None:
        raise ValueError("mine")

    def main() -> None:
        if where == "main":
            fails(Int(0))
        elif where == "timer":
            rt.set_timeout(1, fails)
        else:
            rt.set_timeout(1, lambda _: rt.next_tick(fails))

    with pytest.raises(ValueError, match="mine"):
        rt.run(main)
    assert [event.kind for event in recorder.events].count("uncaught") == 1
    assert recorder.events[-1].kind == "end"


def test_the_sleep_says_how_long_it_may_last_and_why_it_ended() -> None:
    def main(rt: Runtime) -> None:
        rt.set_timeout(10, lambda _: None)
        rt.register_event_threadpool(lambda: Int(1), KIND, lambda _: None)

    events = record(main)
    slept = [event.detail for event in events if event.kind == "slept"]
    woke = [(event.detail or {})["why"] for event in events if event.kind == "woke"]
    assert slept[0] is not None and 0 < slept[0]["timeout"] <= 0.01
    assert woke[:1] == ["result"] and woke[-1] == "timeout"


@pytest.mark.parametrize("why", ["message", "stop"])
def test_a_sleep_ended_by_another_thread_says_so(why: str, no_leaks: None) -> None:
    recorder = Recorder()
    rt = Runtime(trace=recorder)

    def other() -> None:
        while not rt.loop.asleep:
            time.sleep(0.001)
        if why == "stop":
            rt.stop()
        else:
            rt.call_from_thread(lambda _: timer[0].cancel())

    timer: list[Any] = []
    thread = threading.Thread(target=other)
    thread.start()
    rt.run(lambda: timer.append(rt.set_timeout(3_600_000, print)))
    thread.join()
    assert (why,) in {
        ((event.detail or {})["why"],) for event in recorder.events if event.kind == "woke"
    }


def test_phases_and_turns_enclose_what_happens_in_them() -> None:
    events = record(everything)
    open_phase, turn = None, 0
    for event in events:
        if event.kind == "turn":
            assert event.turn == turn + 1
            turn = event.turn
            assert set(event.detail or {}) == {
                "pending_events",
                "epoll_pending_events",
                "available_threads",
            }
        elif event.kind == "enter":
            assert open_phase is None
            open_phase = event.phase
        elif event.kind == "leave":
            assert open_phase == event.phase
            open_phase = None
        elif event.kind == "run" and event.phase != "main" and event.identity is not None:
            assert open_phase == event.phase
        assert event.turn in (turn, turn + 1)
    assert open_phase is None


@pytest.mark.parametrize("end", ["alone", "stop", "error", "interrupt"])
def test_however_a_run_ends_its_chrome_trace_is_balanced(end: str, no_leaks: None) -> None:
    recorder = Recorder()
    rt = Runtime(trace=recorder, threads=2)

    def finish(_: Js) -> None:
        if end == "stop":
            rt.stop()
        elif end == "error":
            raise LookupError
        elif end == "interrupt":
            raise KeyboardInterrupt

    def main() -> None:
        for _ in range(4):
            rt.register_event_threadpool(lambda: Int(1), KIND, lambda _: None)
        rt.set_timeout(5, finish)

    try:
        rt.run(main)
    except (LookupError, KeyboardInterrupt):
        pass
    trace = json.loads(json.dumps(chrome_trace(recorder.events)))
    for row in {entry.get("tid") for entry in trace["traceEvents"]}:
        steps = [e["ph"] for e in trace["traceEvents"] if e.get("tid") == row and e["ph"] in "BE"]
        assert steps.count("B") == steps.count("E")
    assert [e.thread for e in recorder.events if e.kind == "closed"] == ["pool0", "pool1", "epoll"]


def test_a_full_recorder_goes_on_and_says_how_much_it_dropped() -> None:
    recorder = Recorder(50)
    rt = Runtime(system=Simulation(), trace=recorder)

    def main() -> None:
        for number in range(100):
            rt.set_timeout(number, lambda _: None)

    rt.run(main)
    assert len(recorder) == 50
    assert recorder.dropped == recorder.recorded - 50 > 400
    assert recorder.events[-1].kind == "end"


def test_a_sink_of_ones_own_hears_every_event_at_once() -> None:
    class Own:
        def __init__(self) -> None:
            self.kinds: list[str] = []

        def record(self, event: Event) -> None:
            self.kinds.append(event.kind)

    own = Own()
    rt = Runtime(system=Simulation(), trace=own)
    rt.run(lambda: rt.set_timeout(1, lambda _: None) and None)
    assert own.kinds[-1] == "end"
    assert "run" in own.kinds


@pytest.mark.parametrize("step", ["started", "finished"])
@pytest.mark.parametrize("system", [None, Simulation()], ids=["real", "simulated"])
def test_a_sink_that_fails_on_a_thread_fails_the_run_and_loses_no_result(
    step: str, system: Simulation | None, no_leaks: None
) -> None:
    class Broken:
        def record(self, event: Event) -> None:
            if event.kind == step:
                raise ValueError(f"broken at {event.kind}")

    results, errors = [], []
    rt = Runtime(threads=1, system=system, trace=Broken())
    rt.on_uncaught = errors.append
    rt.run(lambda: rt.register_event_threadpool(lambda: Int(1), KIND, results.append))
    assert [str(error) for error in errors] == [f"broken at {step}"]
    assert results == [Int(1)]


def test_the_error_of_a_task_is_told_by_its_thread() -> None:
    def fails() -> Js:
        raise OSError("no disk")

    events = record(lambda rt: rt.register_event_threadpool(fails, KIND, lambda _: None))
    (finished,) = [event for event in events if event.kind == "finished"]
    assert finished.thread == "pool3"
    assert finished.detail == {"kind": "Test", "error": "OSError('no disk')"}


class WithFunc:
    """A callback with an attribute that a partial has as well."""

    func = "not a callback"

    def __call__(self, value: Js) -> None:
        pass

    def method(self, value: Js) -> None:
        pass


def test_the_place_of_a_callback_is_its_name_file_and_line() -> None:
    def local(value: Js) -> None:
        pass

    line = local.__code__.co_firstlineno
    assert place(local) == {"callback": "local", "file": __file__, "line": line}
    assert place(partial(partial(local), Int(1))) == place(local)
    assert place(WithFunc().method)["callback"] == "WithFunc.method"
    assert place(WithFunc()) == {"callback": "WithFunc"}
    assert place(print) == {"callback": "print"}
    assert place(Mock()) == {"callback": "Mock"}


def test_the_trace_keeps_no_callback_alive() -> None:
    import gc
    import weakref

    class Captured:
        pass

    recorder = Recorder()
    rt = Runtime(system=Simulation(), trace=recorder)
    dead: list[Any] = []

    def main() -> None:
        captured = Captured()
        dead.append(weakref.ref(captured))
        rt.set_timeout(1, lambda _, c=captured: None)  # type: ignore[misc]

    gc.disable()
    try:
        rt.run(main)
        assert dead[0]() is None
    finally:
        gc.enable()


def test_the_program_runs_in_the_same_order_with_a_trace_and_without() -> None:
    def program(rt: Runtime, log: list[str]) -> None:
        for name in ("a", "b"):
            rt.set_timeout(5, lambda _, n=name: log.append(n))  # type: ignore[misc]
            rt.set_immediate(lambda _, n=name: rt.next_tick(lambda _: log.append(f"tick {n}")))  # type: ignore[misc]
            rt.register_event_threadpool(lambda: Int(1), KIND, lambda v: log.append(str(v)))

    logs: list[list[str]] = []
    for trace in (None, Recorder()):
        log: list[str] = []
        rt = Runtime(system=Simulation(3), trace=trace)
        rt.run(lambda rt=rt, log=log: program(rt, log))  # type: ignore[misc]
        logs.append(log)
    assert logs[0] == logs[1]
    assert Error(ValueError()) not in logs
