"""Faults that were found in use, one section each: the instance that was found, and its kind.

The name of a test says what is right. Only public names are used here, so that it stays true
whatever the package looks like inside.
"""

import array
import asyncio
import contextvars
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import minirt
from minirt import (
    Error,
    Int,
    Interest,
    Js,
    Recorder,
    Runtime,
    Simulation,
    String,
    TaskKind,
    crypto,
    fs,
    http,
    net,
)
from minirt.errors import ForeignThread, IdentityTaken, MinirtError, TooManyWaiting
from tests.conftest import open_descriptors
from tests.patience import patience
from tests.random_programs import DRESSES, ThornyError

KIND = TaskKind("Test")
WAIT = 5.0  # s that a task waits at most for what should come at once
ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGUSR2"), reason="needs POSIX signals")


@pytest.fixture(autouse=True)
def _patience() -> Iterator[None]:
    with patience():
        yield


def nothing(_: object) -> None:
    """A callback."""


def sim(**options: Any) -> Runtime:
    return Runtime(system=Simulation(), **options)


def work(rt: Runtime, seconds: float) -> None:
    """Keep the loop busy in simulated time."""
    rt.system.clock.spend(seconds)


SYSTEMS = pytest.mark.parametrize(
    "system", [lambda: None, Simulation], ids=["real time", "simulated time"]
)
WATCHED = pytest.mark.parametrize("trace", [lambda: None, Recorder], ids=["plain", "traced"])


# R1


def times_of_an_interval(ms: int, takes: list[float], trace: object = None) -> list[int]:
    """When an interval's callback is called (ms), if its calls take so long (s)."""
    rt, times = sim(trace=trace), []  # type: tuple[Runtime, list[int]]

    def call(_: Js) -> None:
        times.append(round(rt.system.clock.now() * 1000))
        work(rt, takes[len(times) - 1])
        if len(times) == len(takes):
            interval.cancel()

    interval: Any = None

    def main() -> None:
        nonlocal interval
        interval = rt.set_interval(ms, call)

    rt.run(main)
    return times


@WATCHED
@pytest.mark.parametrize(
    ("takes", "times"),
    [
        ([0.03, 0.03, 0.03], [100, 200, 300]),
        ([0, 0.35, 0, 0], [100, 200, 550, 650]),
        ([0.1, 0.1, 0.1], [100, 200, 300]),
        ([0.15, 0.25, 0.05, 0], [100, 250, 500, 600]),
        ([0.99, 0, 0], [100, 1090, 1190]),
    ],
)
def test_an_interval_counts_from_before_its_callback_and_never_bursts(
    takes: list[float], times: list[int], trace: Callable[[], object]
) -> None:
    """R1: 101, 231, 362, where Node has 100, 201, 301. `tests/node_times/` has more."""
    assert times_of_an_interval(100, takes, trace()) == times


# R2


@SYSTEMS
def test_an_error_that_has_no_text_reaches_the_callback_of_a_traced_task(system: Any) -> None:
    """R2: the pool's thread died, and the loop waited for ever."""

    def fails() -> Js:
        raise ValueError(DRESSES["thorny"](nothing))

    rt, values = Runtime(system=system(), trace=Recorder()), []  # type: tuple[Runtime, list[Js]]
    rt.run(lambda: rt.register_event_threadpool(fails, KIND, values.append))
    assert [type(value) for value in values] == [Error]
    assert rt.available_threads == 4


@WATCHED
@pytest.mark.parametrize("queue", ["set_immediate", "next_tick", "queue_microtask", "set_timeout"])
def test_on_uncaught_hears_an_error_that_has_no_text(queue: str, trace: Any) -> None:
    """R2: it never heard of it, traced."""

    def fails(_: Js) -> None:
        raise ThornyError(queue)

    rt, heard = sim(trace=trace()), []  # type: tuple[Runtime, list[Exception]]

    def main() -> None:
        rt.on_uncaught = heard.append
        register = getattr(rt, queue)
        register(1, fails) if queue == "set_timeout" else register(fails)

    rt.run(main)
    assert [type(error) for error in heard] == [ThornyError]


class Named:
    """A callable whose names are whatever it likes."""

    def __init__(self, function: Callable[[Js], object], **names: object) -> None:
        self.function = function
        vars(self).update(names)

    def __call__(self, value: Js) -> object:
        return self.function(value)


def unnamed(function: Callable[[Js], object]) -> Named:
    return Named(function, __qualname__=5, __name__=None, __code__="none", __func__=9)


def long_named(function: Callable[[Js], object]) -> Named:
    return Named(function, __qualname__="n" * 1_000_000)


@pytest.mark.parametrize("dress", ["falsy", "thorny", "unnamed", "long-named"])
def test_a_traced_runtime_takes_whatever_can_be_called(dress: str) -> None:
    """R2: a callable with a broken `__getattr__` failed in the look-up of its name."""
    wrap = {**DRESSES, "unnamed": unnamed, "long-named": long_named}[dress]
    recorder = Recorder()
    rt, called = sim(trace=recorder, threads=1), []  # type: tuple[Runtime, list[str]]

    def callback(name: str) -> Any:
        return wrap(lambda _: called.append(name))

    def main() -> None:
        rt.set_timeout(5, callback("timeout"))
        interval = rt.set_interval(10, callback("interval"))
        rt.set_timeout(15, lambda _: interval.cancel())
        rt.set_immediate(callback("immediate"))
        rt.next_tick(callback("tick"))
        rt.queue_microtask(callback("microtask"))
        rt.call_from_thread(callback("message"))
        rt.register_event_threadpool(lambda: Int(1), KIND, callback("task"))
        rt.register_event_epoll(77, callback("token"))
        rt.deregister_event_epoll(77)
        rt.add_callback(78, callback("boxed"))
        rt.clear_immediate(rt.set_immediate(callback("cleared")))

    rt.run(main)
    assert sorted(called) == sorted(
        ["timeout", "interval", "immediate", "tick", "microtask", "message", "task"]
    )
    assert max(len(repr(event)) for event in recorder) < LARGEST_EVENT


LARGEST_EVENT = 5_000  # characters


def test_an_event_is_small_however_much_a_task_brings(tmp_path: Path) -> None:
    """R2: `fs.read` of 5 MB made one event of 17.6 million characters."""
    path = tmp_path / "large.txt"
    path.write_text("x" * 5_000_000, encoding="utf-8")
    recorder, lengths = Recorder(), []  # type: tuple[Recorder, list[int]]
    rt = Runtime(trace=recorder)
    rt.run(lambda: fs.read(path, lambda value: lengths.append(len(value.into_string() or ""))))
    assert lengths == [5_000_000]
    assert max(len(repr(event)) for event in recorder) < LARGEST_EVENT


def test_an_event_is_small_however_much_an_error_or_a_line_says() -> None:
    """R2: the same of a message, of a kind and of a line that is printed."""

    def fails(_: object = None) -> Any:
        raise ValueError("x" * 1_000_000)

    recorder = Recorder()
    rt = sim(trace=recorder)

    def main() -> None:
        rt.on_uncaught = nothing
        rt.set_immediate(fails)
        rt.next_tick(fails)
        rt.register_event_threadpool(fails, TaskKind("k" * 1_000_000), nothing)
        rt.log("x" * 1_000_000)

    rt.run(main)
    assert max(len(repr(event)) for event in recorder) < LARGEST_EVENT


# R3


@pytest.mark.parametrize(
    "queue", ["queue_microtask", "next_tick", "set_immediate", "set_timeout", "call_from_thread"]
)
@WATCHED
def test_stop_ends_a_program_whose_callbacks_never_end(queue: str, trace: Any) -> None:
    """R3: microtasks that queue a microtask went on for ever after `stop()` from a thread."""
    rt, begun = Runtime(trace=trace()), threading.Event()

    def again(_: Js = None) -> None:  # type: ignore[assignment]
        begun.set()
        register = getattr(rt, queue)
        register(0, again) if queue == "set_timeout" else register(again)

    stopper = threading.Thread(target=lambda: begun.wait(WAIT) and rt.stop())
    stopper.start()
    rt.run(again)
    stopper.join()
    assert rt.phase == "closed"


@pytest.mark.parametrize("queue", ["queue_microtask", "next_tick", "set_immediate"])
def test_after_stop_no_callback_runs(queue: str) -> None:
    """R3: `stop` ends the run after the current callback, wherever that is."""
    rt, called = sim(), []  # type: tuple[Runtime, list[str]]

    def first(_: Js) -> None:
        called.append("first")
        rt.stop()
        rt.next_tick(lambda _: called.append("tick"))
        rt.queue_microtask(lambda _: called.append("microtask"))

    def main() -> None:
        getattr(rt, queue)(first)
        getattr(rt, queue)(lambda _: called.append("second"))
        rt.set_timeout(50, lambda _: called.append("timer"))

    rt.run(main)
    assert called == ["first"]


def test_stop_in_a_batch_of_results_is_the_last_that_happens() -> None:
    """R3: the same in the poll phase."""
    rt, called = sim(threads=4), []  # type: tuple[Runtime, list[int]]

    def done(value: Js) -> None:
        called.append(value.into_int() or 0)
        rt.stop()

    rt.run(
        lambda: [
            rt.register_event_threadpool(lambda n=n: Int(n), KIND, done)  # type: ignore[misc]
            for n in range(1, 5)
        ]
    )
    assert len(called) == 1


# R4


def python(program: str) -> str:
    """Run a program in an interpreter of its own, and give what it prints."""
    ran = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=ROOT,
        start_new_session=True,
    )
    assert ran.stderr == ""
    return ran.stdout


NEW_RUNTIME_IN_A_CHILD = """
import os
from minirt import Int, Runtime, TaskKind

rt = Runtime()

def in_the_child(_=None):
    def main():
        second.set_timeout(5, lambda _: os.write(writer, b"timer "))
        second.register_event_threadpool(
            lambda: Int(1), TaskKind("Test"), lambda _: os.write(writer, b"task "))
    second = Runtime()
    second.run(main)
    os.write(writer, b"ended")

def fork(_=None):
    if os.fork() == 0:
        try:
            in_the_child()
        except BaseException as error:
            os.write(writer, repr(error).encode())
        finally:
            os._exit(0)
    os.wait()

reader, writer = os.pipe()
{where}
os.close(writer)
print(b" ".join(sorted(os.read(reader, 1000).split())).decode(), rt.phase)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
@pytest.mark.parametrize(
    "where",
    [
        "rt.run(lambda: rt.set_immediate(fork))",
        "rt.run(lambda: rt.set_timeout(1, fork))",
        "rt.run(lambda: rt.next_tick(fork))",
        "rt.run(fork)",
        "rt.run(lambda: rt.register_event_threadpool(lambda: Int(1), TaskKind('A'), fork))",
        "rt.run(lambda: rt.register_event_threadpool(lambda: fork() or Int(1), TaskKind('A'), id))",
        "rt.start(lambda: rt.set_immediate(fork))\nwhile rt.tick(): pass",
    ],
    ids=["immediate", "timer", "tick", "main", "result", "task", "tick by tick"],
)
def test_the_child_of_a_fork_may_run_a_runtime_of_its_own(where: str) -> None:
    """R4: NestedRuntime, although ForkedRuntime's own message says "make a new Runtime()"."""
    program = NEW_RUNTIME_IN_A_CHILD.format(where=where)
    assert python(program).split() == ["ended", "task", "timer", "closed"]


# R5


def signalled(rt: Runtime, handler: Callable[[], object], main: Callable[[], object]) -> None:
    """Run `main`; when the loop has been idle for a moment, a signal calls `handler`."""
    before = signal.signal(signal.SIGUSR1, lambda *_: handler())
    process = os.getpid()
    sender = threading.Timer(0.05, lambda: os.kill(process, signal.SIGUSR1))
    sender.start()
    try:
        rt.run(main)
    finally:
        sender.join()
        signal.signal(signal.SIGUSR1, before)


SCHEDULED: dict[str, Callable[[Runtime, Any], object]] = {
    "immediate": lambda rt, cb: rt.set_immediate(cb),
    "timer": lambda rt, cb: rt.set_timeout(1, cb),
    "interval": lambda rt, cb: rt.set_interval(1, cb),
    "tick": lambda rt, cb: rt.next_tick(cb),
    "microtask": lambda rt, cb: rt.queue_microtask(cb),
    "message": lambda rt, cb: rt.call_from_thread(cb),
    "task": lambda rt, cb: rt.register_event_threadpool(lambda: Int(1), KIND, cb),
}


@WATCHED
@pytest.mark.parametrize("what", SCHEDULED)
@pytest.mark.parametrize("idle", ["for a timer", "for a descriptor"])
def test_what_a_signal_handler_schedules_wakes_an_idle_loop(
    what: str, idle: str, trace: Any, no_leaks: None
) -> None:
    """R5: ForeignThread, "this is another one", which is false; or it waited for something else."""
    rt, called = Runtime(trace=trace()), []  # type: tuple[Runtime, list[str]]
    ends = os.pipe()

    def callback(_: Js) -> None:
        called.append(what)
        rt.stop()

    def main() -> None:
        if idle == "for a timer":
            rt.set_timeout(3_600_000, nothing)
        else:
            rt.epoll_registrator.register(ends[0], 77, Interest.READABLE)
            rt.register_event_epoll(77, nothing)

    try:
        signalled(rt, lambda: SCHEDULED[what](rt, callback), main)
    finally:
        for number in ends:
            os.close(number)
    assert called == [what]


def test_a_descriptor_that_a_signal_handler_registers_is_heard(no_leaks: None) -> None:
    """R5: the same of a descriptor that is readable already."""
    rt, called = Runtime(), []  # type: tuple[Runtime, list[Js]]
    ends = os.pipe()
    os.write(ends[1], b"!")

    def register() -> None:
        rt.register_event_epoll(77, lambda value: (called.append(value), rt.stop()))
        rt.epoll_registrator.register(ends[0], 77, Interest.READABLE)

    try:
        signalled(rt, register, lambda: rt.set_timeout(3_600_000, nothing))
    finally:
        for number in ends:
            os.close(number)
    assert len(called) == 1


@WATCHED
def test_stop_in_a_signal_handler_ends_an_idle_loop(trace: Any) -> None:
    """R5: the same of `stop`, and of `close`, which is `stop` here."""
    for end in ("stop", "close"):
        rt = Runtime(trace=trace())
        signalled(rt, getattr(rt, end), lambda: rt.set_timeout(3_600_000, nothing))
        assert rt.phase == "closed"


@pytest.mark.parametrize("what", ["cancel", "unref", "clear by number"])
def test_the_loop_ends_when_a_signal_handler_takes_the_only_timer(what: str) -> None:
    """R5: a loop that has nothing left to wait for need not sleep on."""
    rt, timers = Runtime(), []  # type: tuple[Runtime, list[Any]]

    def take() -> None:
        if what == "clear by number":
            rt.clear_timeout(timers[0].identity)
        else:
            getattr(timers[0], what)()

    signalled(rt, take, lambda: timers.append(rt.set_timeout(3_600_000, nothing)))
    assert rt.phase == "closed"


def test_the_loop_ends_when_a_signal_handler_takes_the_only_descriptor(no_leaks: None) -> None:
    """R5: the same of a descriptor."""
    rt, ends = Runtime(), os.pipe()

    def main() -> None:
        rt.epoll_registrator.register(ends[0], 77, Interest.READABLE)
        rt.register_event_epoll(77, nothing, persistent=True)

    try:
        signalled(rt, lambda: rt.deregister_event_epoll(77), main)
    finally:
        for number in ends:
            os.close(number)
    assert rt.phase == "closed"


def test_a_timer_that_a_signal_handler_moves_is_waited_for_anew() -> None:
    """R5: what brings a deadline nearer wakes the loop."""
    rt, called = Runtime(), []  # type: tuple[Runtime, list[str]]

    def set_a_short_one() -> None:
        rt.set_timeout(5, lambda _: (called.append("short"), long[0].cancel()))

    long: list[Any] = []
    signalled(rt, set_a_short_one, lambda: long.append(rt.set_timeout(3_600_000, nothing)))
    assert called == ["short"]


# R6


VIEWS: dict[str, Callable[[], Any]] = {
    "array of ints": lambda: array.array("I", range(200_000)),
    "memoryview of ints": lambda: memoryview(array.array("I", range(200_000))),
    "two dimensions": lambda: memoryview(bytes(range(250)) * 4_000).cast("B", (1_000, 1_000)),
    "every second byte": lambda: memoryview(bytes(range(250)) * 4_000)[::2],
    "backwards": lambda: memoryview(bytes(range(250)) * 40)[::-1],
    "doubles": lambda: array.array("d", range(1_000)),
    "bytearray": lambda: bytearray(range(250)) * 100,
    "nothing": lambda: array.array("I"),
}


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("by", ["write", "end"])
def test_whatever_has_bytes_is_sent_to_the_last_one(name: str, by: str, no_leaks: None) -> None:
    """R6: `write(array.array("I", ...))` sent a part, and said nothing."""
    view = VIEWS[name]()
    sent = bytes(memoryview(view).cast("B") if memoryview(view).c_contiguous else memoryview(view))
    rt, received = Runtime(), bytearray()

    def serve(connection: net.Socket) -> None:
        connection.on_data = lambda value: received.extend(value.into_bytes() or b"")
        connection.on_end = lambda _: server.close()

    def connected(_: object) -> None:
        if by == "write":
            client.write(view)
            client.end()
        else:
            client.end(view)

    server: Any = None
    client: Any = None

    def main() -> None:
        nonlocal server, client
        server = net.create_server(serve)
        client = net.connect(*server.address, connected)

    rt.run(main)
    assert bytes(received) == sent


# R7


TAKERS: dict[str, Callable[[Any], object]] = {
    "http.get": lambda cb: http.get("http://localhost:9/", cb),
    "http.get with a timeout": lambda cb: http.get("http://localhost:9/", cb, timeout=60),
    "net.connect": lambda cb: net.connect("localhost", 9, cb),
    "fs.read": lambda cb: fs.read("/dev/null", cb),
    "fs.write": lambda cb: fs.write("/dev/null", "text", cb),
    "crypto.encrypt": lambda cb: crypto.encrypt(1, cb),
}


@pytest.mark.parametrize("name", TAKERS)
def test_what_is_refused_leaves_nothing_behind(name: str, no_leaks: None) -> None:
    """R7: `http.get` raised TooManyWaiting, and the loop never ended."""
    rt, go = Runtime(threads=1, max_waiting=0), threading.Event()
    pending: list[int] = []

    def main() -> None:
        rt.register_event_threadpool(lambda: Int(go.wait(WAIT)), KIND, nothing)
        pending.append(rt.pending_events)
        descriptors = open_descriptors()
        with pytest.raises(TooManyWaiting):
            TAKERS[name](nothing)
        pending.append(rt.pending_events)
        assert rt.epoll_pending_events == 0
        assert open_descriptors() <= descriptors
        go.set()

    rt.run(main)
    assert pending == [1, 1]
    assert rt.available_threads == 1


def test_a_task_that_is_refused_takes_no_number() -> None:
    """R7: check, then act."""
    rt = sim(threads=1, max_waiting=0)

    def main() -> None:
        rt.register_event_threadpool(lambda: Int(1), KIND, nothing)
        with pytest.raises(TooManyWaiting):
            rt.register_event_threadpool(lambda: Int(1), KIND, nothing)
        for wrong in ((5, KIND, nothing), (lambda: Int(1), "kind", nothing), (Int, KIND, 5)):
            with pytest.raises(TypeError):
                rt.register_event_threadpool(*wrong)  # type: ignore[arg-type]
        assert rt.pending_events == 1

    rt.run(main)


# R10


FROM_A_TASK: dict[str, Callable[[Any], object]] = {
    "write much": lambda client: client.write(bytes(20_000_000)),
    "write little": lambda client: client.write(b"!"),
    "write nothing": lambda client: client.write(b""),
    "end": lambda client: client.end(),
    "end with data": lambda client: client.end(b"!"),
    "destroy": lambda client: client.destroy(),
}


@pytest.mark.parametrize("name", FROM_A_TASK)
def test_a_socket_that_another_thread_touches_is_as_before(name: str, no_leaks: None) -> None:
    """R10: ForeignThread came after 3.9 MB went out, and `end()` was accepted."""
    rt, received, results = Runtime(), bytearray(), []  # type: tuple[Runtime, bytearray, list[Js]]

    def serve(connection: net.Socket) -> None:
        connection.on_data = lambda value: received.extend(value.into_bytes() or b"")
        connection.on_end = lambda _: server.close()

    def touch() -> Js:
        FROM_A_TASK[name](client)
        return Int(1)

    def touched(value: Js) -> None:
        results.append(value)
        client.end(b"as before")

    def connected(_: object) -> None:
        rt.register_event_threadpool(touch, KIND, touched)

    server: Any = None
    client: Any = None

    def main() -> None:
        nonlocal server, client
        server = net.create_server(serve)
        client = net.connect(*server.address, connected)

    rt.run(main)
    assert is_foreign(results[0])
    assert bytes(received) == b"as before"


def is_foreign(value: Js) -> bool:
    return isinstance(value, Error) and isinstance(value.exception, ForeignThread)


def test_a_registrator_serves_the_loop_only(no_leaks: None) -> None:
    """R10: `rt.epoll_registrator`, looked up once, registered from any thread."""
    rt, results = Runtime(), []  # type: tuple[Runtime, list[Js]]
    ends = os.pipe()

    def main() -> None:
        registrator = rt.epoll_registrator
        registrator.register(ends[1], 76, Interest.WRITABLE)
        for touch in (
            lambda: registrator.register(ends[0], 77, Interest.READABLE),
            lambda: registrator.modify(ends[1], 76, Interest.WRITABLE),
            lambda: registrator.deregister(ends[1]),
        ):
            rt.register_event_threadpool(lambda touch=touch: Int(touch()), KIND, results.append)

    try:
        rt.run(main)
    finally:
        for number in ends:
            os.close(number)
    assert [is_foreign(result) for result in results] == [True] * 3


LOOP_ONLY: dict[str, Callable[[Runtime, Any], object]] = {
    "set_timeout": lambda rt, timer: rt.set_timeout(1, nothing),
    "set_interval": lambda rt, timer: rt.set_interval(1, nothing),
    "next_tick": lambda rt, timer: rt.next_tick(nothing),
    "queue_microtask": lambda rt, timer: rt.queue_microtask(nothing),
    "clear_timeout": lambda rt, timer: rt.clear_timeout(timer),
    "cancel": lambda rt, timer: timer.cancel(),
    "refresh": lambda rt, timer: timer.refresh(),
    "ref": lambda rt, timer: timer.ref(),
    "unref": lambda rt, timer: timer.unref(),
    "add_callback": lambda rt, timer: rt.add_callback(99, nothing),
    "generate_cb_identity": lambda rt, timer: rt.generate_cb_identity(),
    "register_event_epoll": lambda rt, timer: rt.register_event_epoll(99, nothing),
    "register_event_threadpool": lambda rt, timer: rt.register_event_threadpool(
        lambda: Int(1), KIND, nothing
    ),
    "get_available_thread": lambda rt, timer: rt.get_available_thread(),
}


@SYSTEMS
@pytest.mark.parametrize("name", LOOP_ONLY)
def test_a_task_may_not_do_what_belongs_to_the_loop(name: str, system: Any) -> None:
    """R10, R16: refused in both times alike, and without an effect."""
    rt, results, called = Runtime(system=system()), [], []  # type: tuple[Runtime, list[Js], list[Js]]
    token: list[int] = []

    def main() -> None:
        timer = rt.set_timeout(30, called.append)
        token.append(rt.identity_token)

        def task() -> Js:
            LOOP_ONLY[name](rt, timer)
            return Int(1)

        rt.register_event_threadpool(task, KIND, check)

    def check(value: Js) -> None:
        results.append(value)
        assert rt.pending_events == 1
        assert rt.identity_token == token[0] + 1  # the task's own

    rt.run(main)
    assert is_foreign(results[0])
    assert len(called) == 1


# R11


LARGEST_OF_JSON = 2**53 - 1


def too_large(value: object) -> list[object]:
    """The whole numbers below a JSON value that JavaScript cannot hold."""
    if isinstance(value, dict):
        return [found for part in value.values() for found in too_large(part)]
    if isinstance(value, list | tuple):
        return [found for part in value for found in too_large(part)]
    return [value] if type(value) is int and abs(value) > LARGEST_OF_JSON else []


def three_timers(rt: Runtime, identities: list[int]) -> None:
    rt.identity_token = 2**64 - 4
    identities.extend(rt.set_timeout(5, nothing).identity for _ in range(3))
    rt.register_event_threadpool(lambda: Int(1), KIND, nothing)
    rt.set_immediate(nothing)


def test_identities_travel_as_text(tmp_path: Path) -> None:
    """R11: three timers with the last identities had one identity on the page."""
    recorder, identities = Recorder(), []  # type: tuple[Recorder, list[int]]
    rt = sim(trace=recorder)
    rt.run(lambda: three_timers(rt, identities))
    assert identities == [2**64 - 3, 2**64 - 2, 2**64 - 1]
    lines = recorder.write_jsonl(tmp_path / "trace.jsonl").read_text(encoding="utf-8")
    chrome = recorder.write_chrome(tmp_path / "trace.json").read_text(encoding="utf-8")
    for text in (*lines.splitlines(), chrome):
        assert too_large(json.loads(text)) == []
    for identity in identities:
        assert f'"{identity}"' in lines
        assert f'"{identity}"' in chrome


class Onlooker:
    """A view that keeps every frame."""

    def __init__(self) -> None:
        self.frames: list[Any] = []

    def begin(self, controls: object) -> None:
        """The run begins."""

    def show(self, frame: object) -> None:
        self.frames.append(frame)

    async def listen(self) -> None:
        """There are no clicks."""

    def end(self, watch: object, frame: object) -> None:
        self.frames.append(frame)


def test_a_frame_of_the_view_holds_no_number_that_a_page_cannot_hold() -> None:
    """R11: the same of what the page gets while the program runs."""
    rt, view = Runtime(), Onlooker()
    identities: list[int] = []

    def main() -> None:
        three_timers(rt, identities)
        rt.set_timeout(120, nothing)

    asyncio.run(rt.play(main, view=view))
    assert view.frames
    assert [too_large(frame) for frame in view.frames] == [[]] * len(view.frames)


# R12, R13 and A8: a handle


@WATCHED
def test_a_callback_that_gets_the_number_of_a_cancelled_timer_does_not_run_for_it(
    trace: Any,
) -> None:
    """R12: `t.cancel(); rt.add_callback(t.identity, f)`: `f` ran when `t` was due."""
    rt, called = sim(trace=trace()), []  # type: tuple[Runtime, list[str]]

    def main() -> None:
        timer = rt.set_timeout(10, lambda _: called.append("timer"))
        timer.cancel()
        rt.add_callback(timer.identity, lambda _: called.append("boxed"))
        rt.set_timeout(20, lambda _: called.append("later"))

    rt.run(main)
    assert called == ["later"]


@WATCHED
@pytest.mark.parametrize("touch", ["cancel", "refresh", "ref", "unref"])
def test_the_handle_of_a_timer_that_ran_touches_no_new_owner_of_its_number(
    touch: str, trace: Any
) -> None:
    """R12: `old.cancel()` and `old.refresh()` touched whoever had the number by then."""
    rt, called = sim(trace=trace()), []  # type: tuple[Runtime, list[tuple[str, int]]]

    def note(name: str) -> Callable[[Js], object]:
        return lambda _: called.append((name, round(rt.system.clock.now() * 1000)))

    def main() -> None:
        old.append(rt.set_timeout(10, note("old")))
        rt.set_timeout(50, come_round)

    def come_round(_: Js) -> None:
        rt.identity_token = old[0].identity - 1
        new = rt.set_timeout(30, note("new"))
        assert new.identity == old[0].identity
        getattr(old[0], touch)()

    old: list[Any] = []
    rt.run(main)
    assert ("new", 80) in called
    assert [name for name, _ in called].count("new") == 1


def test_a_number_that_waits_for_an_immediate_or_a_task_is_taken() -> None:
    """R12: one identity, one callback, of whatever kind."""
    rt = sim(threads=1)

    def main() -> None:
        for identity in (
            rt.set_immediate(nothing),
            rt.set_timeout(1, nothing).identity,
            rt.set_interval(1, nothing).unref().identity,
            rt.register_event_threadpool(lambda: Int(1), KIND, nothing),
            rt.register_event_threadpool(lambda: Int(1), KIND, nothing),
        ):
            with pytest.raises(IdentityTaken):
                rt.add_callback(identity, nothing)
            rt.identity_token = identity - 1
            assert rt.generate_cb_identity() != identity

    rt.run(main)


@WATCHED
@pytest.mark.parametrize("way", ["clear_timeout", "clear_interval", "by number", "cancel"])
@pytest.mark.parametrize("repeats", [False, True], ids=["timeout", "interval"])
def test_a_cleared_timer_stays_cleared_whatever_its_handle_is_asked(
    way: str, repeats: bool, trace: Any
) -> None:
    """A8: `t = set_timeout(10, f); clear_timeout(t.identity); t.refresh()`: `f` ran."""
    rt, called = sim(trace=trace()), []  # type: tuple[Runtime, list[str]]

    def main() -> None:
        timer = (rt.set_interval if repeats else rt.set_timeout)(10, lambda _: called.append("it"))
        if way == "cancel":
            timer.cancel()
        elif way == "by number":
            rt.clear_timeout(timer.identity)
        else:
            getattr(rt, way)(timer)
        timer.ref().refresh().unref().refresh().ref()
        assert rt.pending_events == 0

    rt.run(main)
    assert (called, rt.ticks) == ([], 0)


def test_an_interval_that_is_cleared_by_number_in_its_callback_does_not_come_again() -> None:
    """A8: the same in the middle of its call."""
    rt, called = sim(), []  # type: tuple[Runtime, list[str]]

    def call(_: Js) -> None:
        called.append("called")
        rt.clear_interval(interval.identity)
        interval.refresh()

    interval: Any = None

    def main() -> None:
        nonlocal interval
        interval = rt.set_interval(10, call)

    rt.run(main)
    assert called == ["called"]


@pytest.mark.parametrize("end", ["ran", "cancelled"])
def test_a_number_of_an_unref_timer_keeps_the_loop_alive_for_its_next_owner(end: str) -> None:
    """R13: an identity that was once unref'd never kept the loop alive again."""
    rt, called = sim(), []  # type: tuple[Runtime, list[str]]

    def main() -> None:
        old = rt.set_timeout(10, nothing).unref()
        if end == "cancelled":
            old.cancel()
        rt.set_timeout(20, lambda _: come_round(old.identity))

    def come_round(identity: int) -> None:
        rt.identity_token = identity - 1
        new = rt.set_timeout(20, lambda _: called.append("new"))
        assert new.identity == identity
        assert rt.pending_events == 1

    rt.run(main)
    assert called == ["new"]


@pytest.mark.parametrize("when", ["while it waits", "after it ran"])
@pytest.mark.parametrize("refs", [["unref"], ["unref", "ref"], ["unref", "ref", "unref"]])
def test_refresh_keeps_what_ref_and_unref_said_last_as_in_node(refs: list[str], when: str) -> None:
    """R13: liveness was kept beside the queue."""
    rt, called = sim(), []  # type: tuple[Runtime, list[int]]

    def main() -> None:
        timer = rt.set_timeout(20, lambda _: called.append(round(rt.system.clock.now() * 1000)))
        for ref in refs:
            getattr(timer, ref)()
        rt.set_timeout(10 if when == "while it waits" else 40, lambda _: timer.refresh())

    rt.run(main)
    before = [] if when == "while it waits" else [20]
    again = [30 if when == "while it waits" else 60] if refs[-1] == "ref" else []
    assert called == before + again


# R14


def read_once(number: int, log: list[str], name: str) -> Callable[[Js], object]:
    return lambda _: log.append(f"{name} {os.read(number, 10).decode()}")


def test_a_number_that_is_reused_is_another_descriptor(no_leaks: None) -> None:
    """R14: AlreadyRegistered, for a pipe that got the number of one that was closed."""
    rt, log = Runtime(), []  # type: tuple[Runtime, list[str]]
    ends: list[int] = []

    def main() -> None:
        registrator = rt.epoll_registrator
        old = os.pipe()
        registrator.register(old[0], 77, Interest.READABLE)
        for number in old:
            os.close(number)
        ends.extend(os.pipe())
        assert tuple(ends) == old
        registrator.register(ends[0], 78, Interest.READABLE)
        rt.register_event_epoll(78, read_once(ends[0], log, "new"))
        os.write(ends[1], b"hello")

    rt.run(main)
    for number in ends:
        os.close(number)
    assert log == ["new hello"]


def test_what_is_asked_of_a_number_that_is_reused_is_told_in_the_packages_words(
    no_leaks: None,
) -> None:
    """R14: `modify` raised a bare FileNotFoundError."""
    rt = Runtime()

    def main() -> None:
        registrator = rt.epoll_registrator
        old = os.pipe()
        registrator.register(old[0], 77, Interest.READABLE)
        for number in old:
            os.close(number)
        ends = os.pipe()
        try:
            with pytest.raises(MinirtError):
                registrator.modify(ends[0], 78, Interest.READABLE)
            with suppress(MinirtError):
                registrator.deregister(ends[0])
            rt.deregister_event_epoll(77)
            registrator.register(ends[0], 79, Interest.READABLE)
            registrator.deregister(ends[0])
        finally:
            for number in ends:
                os.close(number)

    rt.run(main)


@pytest.mark.parametrize("first", ["deregister", "close"])
def test_a_copy_of_a_closed_socket_calls_nobody(first: str, no_leaks: None) -> None:
    """R14: the callback of the number's next owner ran 14,000 to 85,000 times a second."""
    rt, calls = Runtime(), []  # type: tuple[Runtime, list[str]]
    opened: list[socket.socket] = []

    def main() -> None:
        registrator = rt.epoll_registrator
        old, peer = socket.socketpair()
        registrator.register(old, 77, Interest.READABLE)
        rt.register_event_epoll(77, nothing)
        number, copy = old.fileno(), old.dup()
        if first == "deregister":
            registrator.deregister(old)
        old.close()
        if first == "close":
            registrator.deregister(old)
        rt.deregister_event_epoll(77)
        new, other = socket.socketpair()
        opened.extend((peer, copy, new, other))
        assert new.fileno() == number
        registrator.register(new, 78, Interest.READABLE)
        rt.register_event_epoll(78, lambda _: calls.append("new"), persistent=True)
        peer.send(b"for the copy")
        rt.set_timeout(50, lambda _: rt.deregister_event_epoll(78))

    rt.run(main)
    for one in opened:
        one.close()
    assert calls == []
    assert rt.ticks < 100


# R16


WHO: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")


@SYSTEMS
def test_each_task_has_a_context_of_its_own(system: Any) -> None:
    """R16: task 2 saw "alice" of task 1 in real time, and nobody in simulated time."""
    rt, seen = Runtime(threads=1, system=system()), []  # type: tuple[Runtime, list[str | None]]

    def sets() -> Js:
        WHO.set("alice")
        return String(WHO.get())

    def main() -> None:
        for task in (sets, lambda: String(WHO.get()), sets, lambda: String(WHO.get())):
            rt.register_event_threadpool(task, KIND, lambda v: seen.append(v.into_string()))

    contextvars.copy_context().run(rt.run, main)
    assert seen == ["alice", "nobody", "alice", "nobody"]


@SYSTEMS
def test_a_task_sees_what_stood_where_the_program_was_started(system: Any) -> None:
    """R16: and callbacks share the program's context, which a task does not change."""
    rt, seen = Runtime(threads=1, system=system()), []  # type: tuple[Runtime, list[str | None]]

    def sets() -> Js:
        before = WHO.get()
        WHO.set("mallory")
        return String(before)

    def main() -> None:
        rt.register_event_threadpool(sets, KIND, done)

    def done(value: Js) -> None:
        seen.extend((value.into_string(), WHO.get()))
        WHO.set("carol")
        rt.set_immediate(lambda _: seen.append(WHO.get()))

    def start() -> None:
        WHO.set("bob")
        rt.run(main)
        seen.append(WHO.get())

    contextvars.copy_context().run(start)
    assert seen == ["bob", "bob", "carol", "bob"]


@SYSTEMS
def test_a_message_of_a_task_comes_when_the_task_sends_it(system: Any) -> None:
    """R16: in simulated time it came when the task began."""
    rt, order = Runtime(system=system()), []  # type: tuple[Runtime, list[str]]

    def task() -> Js:
        rt.system.clock.sleep(0.06)
        rt.call_from_thread(lambda _: order.append("message"))
        return Int(1)

    def main() -> None:
        rt.register_event_threadpool(task, KIND, lambda _: order.append("result"))
        rt.set_timeout(20, lambda _: order.append("timer"))

    rt.run(main)
    assert order == ["timer", "message", "result"]


@SYSTEMS
def test_a_task_works_on_while_the_loop_is_busy(system: Any) -> None:
    """R16: in simulated time a task did not begin before the loop was idle again."""
    rt, order = Runtime(system=system()), []  # type: tuple[Runtime, list[str]]

    def task() -> Js:
        rt.system.clock.sleep(0.02)
        return Int(1)

    def main() -> None:
        rt.register_event_threadpool(task, KIND, lambda _: order.append("result"))
        rt.set_timeout(90, lambda _: order.append("timer"))
        rt.system.clock.sleep(0.08)  # busy

    rt.run(main)
    assert order == ["result", "timer"]


# R17


class Mine(Runtime):
    """A subclass of the user's own, with an attribute and a method of its own."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.asked: list[float] = []

    def set_timeout(self, ms: float, cb: Any) -> Any:
        self.asked.append(ms)
        return super().set_timeout(ms * 2, cb)


class MineWithoutADict(Runtime):
    __slots__ = ()

    def set_timeout(self, ms: float, cb: Any) -> Any:
        return super().set_timeout(ms * 2, cb)

    def double(self, number: int) -> int:
        return number * 2


@WATCHED
@pytest.mark.parametrize("kind", [Mine, MineWithoutADict])
def test_a_subclass_of_runtime_keeps_its_methods_when_it_is_watched(
    kind: type[Runtime], trace: Any
) -> None:
    """R17: TypeError; with empty `__slots__` its methods vanished."""
    rt, at = kind(system=Simulation(), trace=trace()), []  # type: tuple[Any, list[int]]

    def main() -> None:
        rt.set_timeout(10, lambda _: at.append(round(rt.system.clock.now() * 1000)))

    rt.run(main)
    assert at == [20]
    assert isinstance(rt, kind)
    if kind is Mine:
        assert rt.asked == [10]
    else:
        assert rt.double(2) == 4


class MyRecorder(Recorder):
    """A recorder that counts."""

    def __init__(self) -> None:
        super().__init__()
        self.kinds: list[str] = []

    def record(self, event: Any) -> None:
        self.kinds.append(event.kind)
        super().record(event)


class EmptySink:
    """A sink that is false."""

    def __init__(self) -> None:
        self.kinds: list[str] = []

    def record(self, event: Any) -> None:
        self.kinds.append(event.kind)

    def __len__(self) -> int:
        return 0


@pytest.mark.parametrize("kind", [MyRecorder, EmptySink])
def test_a_sink_of_the_users_own_gets_every_event(kind: Any) -> None:
    """R17: a subclass of Recorder was never called."""
    sink, recorder = kind(), Recorder()
    for trace in (sink, recorder):
        rt = sim(trace=trace)
        rt.run(lambda: (rt.set_timeout(5, nothing), rt.set_immediate(nothing)))
    assert sink.kinds == [event.kind for event in recorder]


@WATCHED
@pytest.mark.parametrize("dress", DRESSES)
def test_a_persistent_callback_is_called_as_often_watched_and_unwatched(
    dress: str, trace: Any, no_leaks: None
) -> None:
    """R17: a falsy persistent callback ran twice plain, once traced."""
    rt, log = Runtime(trace=trace()), []  # type: tuple[Runtime, list[str]]
    reader, writer = os.pipe()

    def readable(_: Js) -> None:
        log.append(os.read(reader, 1).decode())
        if len(log) == 3:
            rt.deregister_event_epoll(77)

    def main() -> None:
        os.write(writer, b"abc")
        rt.epoll_registrator.register(reader, 77, Interest.READABLE)
        rt.register_event_epoll(77, DRESSES[dress](readable), persistent=True)

    rt.run(main)
    os.close(reader)
    os.close(writer)
    assert log == ["a", "b", "c"]


@pytest.mark.parametrize("is_heard", [True, False], ids=["on_uncaught", "nobody hears it"])
def test_an_error_is_traced_once_wherever_it_is_raised(is_heard: bool, no_leaks: None) -> None:
    """R17: an error in `on_connection` was traced twice."""
    recorder = Recorder()
    rt, heard = Runtime(trace=recorder), []  # type: tuple[Runtime, list[Exception]]

    def fails(connection: net.Socket) -> None:
        server.close()
        connection.destroy()
        raise LookupError("in on_connection")

    server: Any = None

    def main() -> None:
        nonlocal server
        if is_heard:
            rt.on_uncaught = heard.append
        server = net.create_server(fails)
        client = net.connect(*server.address)
        client.on_end = lambda _: client.end()
        client.on_error = nothing

    try:
        rt.run(main)
    except LookupError as error:
        heard.append(error)
    assert [type(error) for error in heard] == [LookupError]
    assert [event.kind for event in recorder].count("uncaught") == 1


# R19


@SYSTEMS
@WATCHED
def test_a_task_that_no_thread_can_ever_run_is_refused(system: Any, trace: Any) -> None:
    """R19: `Runtime(threads=0)` with a task waited for ever."""
    rt = Runtime(threads=0, system=system(), trace=trace())

    def main() -> None:
        with pytest.raises(MinirtError, match="thread"):
            rt.register_event_threadpool(lambda: Int(1), KIND, nothing)
        with pytest.raises(MinirtError, match="thread"):
            fs.read("/dev/null", nothing)
        assert rt.pending_events == 0
        rt.set_timeout(1, nothing)

    rt.run(main)


@SYSTEMS
def test_a_thread_that_was_taken_can_be_given_back(system: Any) -> None:
    """R19: `get_available_thread()` four times, then a task: waited for ever."""
    rt, values = Runtime(system=system()), []  # type: tuple[Runtime, list[Js]]

    def main() -> None:
        taken = [rt.get_available_thread() for _ in range(4)]
        assert sorted(number for number in taken if number is not None) == [0, 1, 2, 3]
        assert (rt.available_threads, rt.get_available_thread()) == (0, None)
        for number in taken:
            assert number is not None
            rt.give_back_thread(number)
        assert rt.available_threads == 4
        rt.register_event_threadpool(lambda: Int(1), KIND, values.append)

    rt.run(main)
    assert values == [Int(1)]
    assert rt.available_threads == 4


@SYSTEMS
def test_a_thread_that_is_given_back_takes_the_task_that_waits(system: Any) -> None:
    """R19: a task that waits behind another one is not forgotten by who gives a thread back."""
    rt, values = Runtime(threads=2, system=system()), []  # type: tuple[Runtime, list[Js]]

    def slow() -> Js:
        rt.system.clock.sleep(0.1)
        return Int(1)

    def main() -> None:
        taken = rt.get_available_thread()
        assert taken is not None
        rt.register_event_threadpool(slow, KIND, values.append)
        rt.register_event_threadpool(lambda: Int(2), KIND, values.append)
        rt.set_timeout(20, lambda _: rt.give_back_thread(taken))

    rt.run(main)
    assert values == [Int(2), Int(1)]


@pytest.mark.parametrize("number", [0, 3, 4, -1, True, "0", None])
def test_a_thread_that_was_not_taken_cannot_be_given_back(number: Any) -> None:
    """R19: or one thread would do the work of two."""
    rt = sim()

    def main() -> None:
        with pytest.raises((MinirtError, TypeError, ValueError)):
            rt.give_back_thread(number)
        taken = rt.get_available_thread()
        assert taken is not None
        rt.give_back_thread(taken)
        with pytest.raises((MinirtError, TypeError, ValueError)):
            rt.give_back_thread(taken)
        assert rt.available_threads == 4

    rt.run(main)


@SYSTEMS
def test_a_token_that_has_no_descriptor_does_not_hold_the_loop_for_ever(system: Any) -> None:
    """R19: it waited for ever, silently: it may end, or say what is missing."""
    rt = Runtime(system=system())
    with suppress(MinirtError):
        rt.run(lambda: rt.register_event_epoll(77, nothing))
    assert rt.phase == "closed"


# R20


class Forwarding:
    """A sink that hands on to a recorder."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def record(self, event: Any) -> None:
        self._recorder.record(event)


@pytest.mark.parametrize("forwards", [False, True], ids=["a recorder", "a sink that forwards"])
@pytest.mark.parametrize("queue", ["next_tick", "queue_microtask", "set_immediate"])
@pytest.mark.slow
def test_a_recorder_is_never_larger_than_it_says(forwards: bool, queue: str) -> None:
    """R20: `Recorder(1000)` and 400,000 chained ticks: 1.2 million events, 322 MB."""
    recorder = Recorder(100)
    rt, left = sim(trace=Forwarding(recorder) if forwards else recorder), 20_000

    def again(_: Js = None) -> None:  # type: ignore[assignment]
        nonlocal left
        left -= 1
        if left:
            getattr(rt, queue)(again)

    tracemalloc.start()
    try:
        rt.run(again)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 2_000_000  # bytes; 20,000 chained callbacks make 60,000 events
    assert len(recorder) == 100
    assert recorder.recorded == recorder.dropped + 100


# R22


EQUAL_TO_ONE = [True, 1.0, "1", 1 + 0j, [1]]


@pytest.mark.parametrize("other", EQUAL_TO_ONE, ids=repr)
def test_what_only_equals_a_number_is_no_number(other: Any) -> None:
    """R22: `rt.clear_timeout(True)` cleared timer 1."""
    rt, called = sim(threads=1), []  # type: tuple[Runtime, list[str]]

    def main() -> None:
        rt.identity_token = 0
        assert rt.set_timeout(5, lambda _: called.append("timer")).identity == 1
        clear(rt.clear_timeout)
        clear(rt.clear_interval)

    def clear(function: Callable[[Any], object]) -> None:
        with suppress(TypeError, ValueError):
            function(other)

    rt.run(main)
    assert called == ["timer"]

    rt = sim(threads=1)

    def immediate() -> None:
        rt.identity_token = 0
        assert rt.set_immediate(lambda _: called.append("immediate")) == 1
        clear(rt.clear_immediate)

    rt.run(immediate)
    rt = sim(threads=1)

    def tasks() -> None:
        rt.identity_token = 2**64 - 1  # 0, then 1
        rt.register_event_threadpool(lambda: Int(1), KIND, nothing)
        assert rt.register_event_threadpool(lambda: Int(1), KIND, lambda _: called.append("x")) == 1
        clear(rt.cancel_task)

    rt.run(tasks)
    assert called == ["timer", "immediate", "x"]


@pytest.mark.parametrize("other", EQUAL_TO_ONE, ids=repr)
def test_what_only_equals_a_number_is_no_token(other: Any) -> None:
    """R22: the same of tokens and of callbacks with a number of one's choice."""
    rt = sim()

    def main() -> None:
        rt.register_event_epoll(1, nothing)
        with suppress(TypeError, ValueError):
            rt.deregister_event_epoll(other)
        assert rt.epoll_pending_events == 1
        rt.deregister_event_epoll(1)
        for register in (rt.add_callback, rt.register_event_epoll):
            with pytest.raises((TypeError, ValueError)):
                register(other, nothing)

    rt.run(main)


@pytest.mark.parametrize(
    "handler", ["x", 5, object(), []], ids=["text", "number", "object", "list"]
)
def test_on_uncaught_is_a_callable_or_none(handler: Any) -> None:
    """R22: `on_uncaught = "x"` was accepted."""
    rt = sim()

    def main() -> None:
        with pytest.raises(TypeError):
            rt.on_uncaught = handler
        assert rt.on_uncaught is None
        rt.on_uncaught = print
        rt.on_uncaught = None

    rt.run(main)


# R23


@pytest.mark.parametrize("poll", ["selectors", ""])
@pytest.mark.parametrize("ms", [2**31 - 1, 2**31 - 2, 2**30])
def test_the_longest_delay_can_be_slept(
    poll: str, ms: int, monkeypatch: pytest.MonkeyPatch, no_leaks: None
) -> None:
    """R23: OverflowError from poll()."""
    monkeypatch.setenv("MINIRT_POLL", poll)
    rt = Runtime()

    def main() -> None:
        rt.set_timeout(ms, nothing)
        waker.start()

    waker = threading.Timer(0.05, rt.stop)
    rt.run(main)
    waker.join()
    assert rt.phase == "closed"


# R24


@pytest.mark.parametrize("apart", [0.0003, 0.0005, 0.0009], ids=lambda s: f"{s * 1e6:.0f} us")
def test_of_two_timers_the_one_that_is_due_earlier_runs_first(apart: float) -> None:
    """R24: timers of whole milliseconds share deadlines of a quarter of one, and no longer ones."""
    rt, order = sim(), []  # type: tuple[Runtime, list[str]]

    def main() -> None:
        rt.set_timeout(11, lambda _: order.append("later"))
        work(rt, 0.001 - apart)
        rt.set_timeout(10, lambda _: order.append("earlier"))

    rt.run(main)
    assert order == ["earlier", "later"]


@pytest.mark.parametrize("apart", [1e-6, 1e-5, 1e-4], ids=lambda s: f"{s * 1e6:.0f} us")
def test_of_two_absolute_deadlines_the_earlier_one_is_first_however_close(apart: float) -> None:
    """R24: within a quarter of a millisecond they ran in the order of registration."""
    aio, order = pytest.importorskip("minirt.aio"), []  # type: tuple[Any, list[str]]

    async def main() -> None:
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        at = loop.time() + 0.01
        loop.call_at(at + 2 * apart, ended.set_result, None)
        loop.call_at(at + apart, order.append, "later")
        loop.call_at(at, order.append, "earlier")
        await ended

    aio.run(main())
    assert order == ["earlier", "later"]


@WATCHED
def test_equal_deadlines_run_in_order_of_registration(trace: Any) -> None:
    """R24: and none is ever lost."""
    rt, order = sim(trace=trace()), []  # type: tuple[Runtime, list[int]]
    rt.run(lambda: [rt.set_timeout(10, lambda _, n=n: order.append(n)) for n in range(100)])
    assert order == list(range(100))


# R25


def test_a_fraction_of_a_millisecond_is_no_other_delay() -> None:
    """R25: floats take the same way as whole numbers."""
    rt, order = sim(), []  # type: tuple[Runtime, list[str]]
    delays = {"1.5": 1.5, "1": 1, "1.999": 1.999, "0.5": 0.5, "-3.5": -3.5, "nan": float("nan")}

    def main() -> None:
        rt.set_timeout(2.0, lambda _: order.append("2.0"))
        for name, delay in delays.items():
            rt.set_timeout(delay, lambda _, name=name: order.append(name))
        rt.set_timeout(2, lambda _: order.append("2"))

    rt.run(main)
    assert order == [*delays, "2.0", "2"]


# R26


def test_a_request_can_be_cancelled_and_gives_its_socket_back(no_leaks: None) -> None:
    """R26: there was no way to abort one."""
    rt, log = Runtime(), []  # type: tuple[Runtime, list[str]]

    def serve(connection: net.Socket) -> None:
        connection.on_data = lambda _: request.cancel()  # asked, and never answered
        connection.on_end = lambda _: log.append("hung up")
        connection.on_close = lambda _: server.close()
        connection.on_error = nothing

    server: Any = None
    request: Any = None

    def main() -> None:
        nonlocal server, request
        server = net.create_server(serve)
        request = http.get(
            "http://{}:{}/".format(*server.address), lambda _: log.append("answered")
        )
        assert isinstance(request, int)
        assert not isinstance(request, bool)

    rt.run(main)
    assert "answered" not in log


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("way", ["cancel", "deregister_event_epoll"])
def test_a_request_that_was_just_made_can_be_taken_back(
    way: str, host: str, no_leaks: None
) -> None:
    """R26: a deregistered `http.get` kept its socket until the runtime closed."""
    rt, log = Runtime(), []  # type: tuple[Runtime, list[str]]
    descriptors: list[set[tuple[int, str]]] = []

    def main() -> None:
        descriptors.append(open_descriptors())
        request = http.get(f"http://{host}:9/", lambda _: log.append("answered"), timeout=60)
        request.cancel() if way == "cancel" else rt.deregister_event_epoll(request)
        rt.set_timeout(50, lambda _: descriptors.append(open_descriptors()))

    rt.run(main)
    assert log == []
    assert not {name for _, name in descriptors[1] - descriptors[0] if "socket" in name}


def test_cancelling_a_request_twice_or_too_late_does_nothing() -> None:
    """R26: as with any handle."""
    system, log = Simulation(), []  # type: tuple[Simulation, list[Js]]
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
    system.add_peer("127.0.0.1", 80, lambda sent: [(0.01, answer)])
    rt = Runtime(system=system)

    def done(value: Js) -> None:
        log.append(value)
        first.cancel()
        first.cancel()

    first: Any = None

    def main() -> None:
        nonlocal first
        first = http.get("http://127.0.0.1/", done)
        second = http.get("http://127.0.0.1/", log.append)
        second.cancel()
        second.cancel()

    rt.run(main)
    first.cancel()
    assert log == [String("hi")]


@pytest.mark.parametrize("touch", ["cancel", "ref", "unref"])
def test_a_timer_may_be_touched_after_the_run(touch: str) -> None:
    """R26: RuntimeClosed; in Node nothing happens."""
    rt, timers = sim(), []  # type: tuple[Runtime, list[Any]]

    def main() -> None:
        timers.extend((rt.set_timeout(1, nothing), rt.set_interval(1, nothing).unref()))

    rt.run(main)
    for timer in timers:
        getattr(timer, touch)()
    assert rt.pending_events == 0


def test_what_comes_before_somebody_listens_is_kept(no_leaks: None) -> None:
    """R26: data that came before `on_data` was set was lost."""
    rt, received = Runtime(), bytearray()

    def serve(connection: net.Socket) -> None:
        connection.end(b"hello")
        server.close()

    def listen(_: Js) -> None:
        client.on_data = lambda value: received.extend(value.into_bytes() or b"")
        client.on_end = lambda _: client.end()

    server: Any = None
    client: Any = None

    def main() -> None:
        nonlocal server, client
        server = net.create_server(serve)
        client = net.connect(*server.address, lambda _: rt.set_timeout(50, listen))

    rt.run(main)
    assert bytes(received) == b"hello"


def test_dir_knows_every_public_name() -> None:
    """R26: `dir(minirt)` lacked `http`."""
    assert set(minirt.__all__) <= set(dir(minirt))
    assert "http" in dir(minirt)
    assert all(hasattr(minirt, name) for name in dir(minirt))


# R27


@pytest.mark.parametrize("end", ["stop", "raise", "exit"])
def test_everything_that_is_dropped_is_traced_as_dropped(end: str) -> None:
    """R27: messages, ticks and microtasks that were dropped at the close were not."""
    recorder = Recorder()
    rt, called = sim(trace=recorder, threads=1), []  # type: tuple[Runtime, list[Js]]

    def main() -> None:
        rt.set_immediate(last)
        rt.set_immediate(called.append)

    def last(_: Js) -> None:
        for register in (rt.next_tick, rt.queue_microtask, rt.call_from_thread):
            register(called.append)
            register(called.append)
        rt.set_immediate(called.append)
        rt.set_timeout(1, called.append)
        rt.set_interval(1, called.append)
        rt.register_event_threadpool(lambda: Int(1), KIND, called.append)
        rt.register_event_threadpool(lambda: Int(1), KIND, called.append)
        rt.register_event_epoll(77, called.append)
        rt.add_callback(78, called.append)
        if end == "stop":
            rt.stop()
        else:
            # an Exception would have its ticks and microtasks run first, if somebody heard it
            raise LookupError if end == "raise" else SystemExit

    with suppress(LookupError, SystemExit):
        rt.run(main)
    dropped = [event.identity for event in recorder if event.kind == "dropped"]
    assert dropped.count(None) + len(called) == 6
    assert len([identity for identity in dropped if identity is not None]) == 8
    assert len(set(dropped) - {None}) == 8


# R28


def interrupt(_: object = None) -> None:
    raise KeyboardInterrupt


def tick_by_tick(rt: Runtime) -> int:
    """Turn the loop to its end. Returns how many interrupts left it."""
    interrupts = 0
    while True:
        try:
            if not rt.tick():
                return interrupts
        except KeyboardInterrupt:
            interrupts += 1
            assert rt.phase != "closed"


BATCHES: dict[str, Callable[[Runtime, Any], object]] = {
    "immediates": lambda rt, cb: rt.set_immediate(cb),
    "timers": lambda rt, cb: rt.set_timeout(5, cb),
    "messages": lambda rt, cb: rt.call_from_thread(cb),
    "results": lambda rt, cb: rt.register_event_threadpool(lambda: Int(1), KIND, cb),
}


@WATCHED
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("at", range(4))
def test_after_an_interrupt_the_next_tick_goes_on_with_the_rest(
    batch: str, at: int, trace: Any
) -> None:
    """R28: the next `tick()` had lost the rest of the batch."""
    rt, called = sim(threads=8, trace=trace()), []  # type: tuple[Runtime, list[int]]

    def callback(number: int) -> Callable[[Js], object]:
        def call(_: Js) -> None:
            called.append(number)
            rt.next_tick(lambda _: called.append(number + 100))
            if number == at:
                raise KeyboardInterrupt

        return call

    rt.start(lambda: [BATCHES[batch](rt, callback(number)) for number in range(4)] and None)
    assert tick_by_tick(rt) == 1
    assert sorted(called) == [0, 1, 2, 3, 100, 101, 102, 103]
    if batch != "results":  # whose order is a race
        assert called == [0, 100, 1, 101, 2, 102, 3, 103]


@WATCHED
def test_after_an_interrupt_in_a_tick_the_ticks_and_microtasks_behind_it_run(trace: Any) -> None:
    """R28: the same in the queues that are drained."""
    rt, called = sim(trace=trace()), []  # type: tuple[Runtime, list[str]]

    def immediate(_: Js) -> None:
        rt.next_tick(interrupt)
        rt.next_tick(lambda _: called.append("tick"))
        rt.queue_microtask(interrupt)
        rt.queue_microtask(lambda _: called.append("microtask"))
        rt.set_immediate(lambda _: called.append("immediate"))

    rt.start(lambda: rt.set_immediate(immediate) and None)
    assert tick_by_tick(rt) == 2
    assert called == ["tick", "microtask", "immediate"]


def test_an_interval_goes_on_after_an_interrupt_in_its_callback() -> None:
    """R28: it is armed again whatever its callback raised."""
    rt, times = sim(), []  # type: tuple[Runtime, list[int]]

    def call(_: Js) -> None:
        times.append(round(rt.system.clock.now() * 1000))
        if len(times) == 3:
            interval.cancel()
        raise KeyboardInterrupt

    interval: Any = None

    def main() -> None:
        nonlocal interval
        interval = rt.set_interval(10, call)

    rt.start(main)
    assert tick_by_tick(rt) == 3
    assert times == [10, 20, 30]


def test_a_one_shot_event_behind_an_interrupt_is_not_lost(no_leaks: None) -> None:
    """R28: the same of descriptors that were ready in one poll."""
    rt, called = Runtime(), []  # type: tuple[Runtime, list[int]]
    pipes = [os.pipe() for _ in range(3)]

    def main() -> None:
        for number, (reader, writer) in enumerate(pipes):
            os.write(writer, b"!")
            rt.epoll_registrator.register(reader, 77 + number, Interest.READABLE)
            rt.register_event_epoll(77 + number, lambda _, n=number: call(n))  # type: ignore[misc]

    def call(number: int) -> None:
        called.append(number)
        if len(called) == 1:
            raise KeyboardInterrupt

    rt.start(main)
    assert tick_by_tick(rt) == 1
    for ends in pipes:
        for end in ends:
            os.close(end)
    assert sorted(called) == [0, 1, 2]


# R29


@pytest.mark.parametrize("busy", ["task", "callback"])
def test_the_cell_goes_on_while_a_cancelled_program_is_still_busy(busy: str) -> None:
    """R29: `play()` was cancelled, and asyncio stood still until the thread had ended."""
    rt, go, begun = Runtime(), threading.Event(), threading.Event()
    went_on: list[bool] = []

    def hold(_: object = None) -> Js:
        begun.set()
        went_on.append(go.wait(WAIT))
        return Int(1)

    def main() -> None:
        if busy == "task":
            rt.register_event_threadpool(hold, KIND, nothing)
        else:
            rt.set_immediate(hold)

    async def cell() -> None:
        playing = asyncio.ensure_future(rt.play(main, view=False))
        while not begun.is_set():
            await asyncio.sleep(0)
        playing.cancel()
        asyncio.get_running_loop().call_later(0.05, go.set)
        with suppress(asyncio.CancelledError, KeyboardInterrupt):
            await playing
        while not went_on:
            await asyncio.sleep(0)

    asyncio.run(cell())
    assert went_on == [True]
