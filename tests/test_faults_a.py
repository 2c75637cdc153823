"""Faults under attack, load and interrupts, one section each: the instance, and its kind.

The name of a test says what is right. `tests/test_closing.py` has the lines of `close` one by one.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from minirt import Error, Int, Interest, Js, Recorder, Runtime, Simulation, TaskKind
from tests.conftest import open_descriptors
from tests.interrupts import split_at
from tests.patience import patience

KIND = TaskKind("Test")
WAIT = 5.0  # s
ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGUSR2"), reason="needs POSIX signals")
SYSTEMS = pytest.mark.parametrize(
    "system", [lambda: None, Simulation], ids=["real time", "simulated time"]
)


@pytest.fixture(autouse=True)
def _patience() -> Iterator[None]:
    with patience(60):
        yield


def nothing(_: object) -> None:
    """A callback."""


def the_package() -> list[Any]:
    return [module for name, module in sys.modules.items() if name.split(".")[0] == "minirt"]


# A5


@pytest.mark.slow
@pytest.mark.parametrize("trace", [lambda: None, Recorder], ids=["plain", "traced"])
def test_a_close_that_is_interrupted_while_a_thread_works_can_be_done_again(
    trace: Any, no_leaks: None
) -> None:
    """A5: one Ctrl-C during `close` with a busy pool could hang for ever: 37 of 996."""
    for line in count(1):
        rt, go = Runtime(threads=2, trace=trace()), threading.Event()
        begun = threading.Semaphore(0)

        def task() -> Js:
            begun.release()
            return Int(go.wait(WAIT))

        def main() -> None:
            for _ in range(4):  # two of which wait
                rt.register_event_threadpool(task, KIND, nothing)

        rt.start(main)
        for _ in range(2):
            assert begun.acquire(timeout=WAIT)
        freer = threading.Timer(0.002, go.set)
        freer.start()
        was_split = split_at(line, rt.close, the_package())
        rt.close()
        freer.join()
        assert rt.phase == "closed", line
        assert not [one for one in threading.enumerate() if one.name.startswith("pool")], line
        if not was_split:
            break
    assert line > 50


@pytest.mark.slow
@pytest.mark.parametrize("trace", [lambda: None, Recorder], ids=["plain", "traced"])
def test_a_run_that_is_interrupted_anywhere_gives_everything_back(
    trace: Any, no_leaks: None
) -> None:
    """A5: at every line of the package that a small program comes to, registering included."""
    for line in count(1):
        descriptors = open_descriptors()
        rt, ends = Runtime(threads=1, trace=trace()), os.pipe()
        was_split = split_at(line, lambda: rt.run(lambda: small_program(rt, ends)), the_package())
        rt.close()
        for number in ends:
            os.close(number)
        assert rt.phase == "closed", line
        assert open_descriptors() == descriptors, line
        assert not [one for one in threading.enumerate() if one.name.startswith("pool")], line
        if not was_split:
            break
    assert line > 100


def small_program(rt: Runtime, ends: tuple[int, int]) -> None:
    """Something of each kind."""
    rt.register_event_epoll(77, nothing)
    rt.epoll_registrator.register(ends[1], 77, Interest.WRITABLE)
    rt.register_event_threadpool(lambda: Int(1), KIND, nothing)
    rt.set_immediate(lambda _: rt.next_tick(nothing))
    rt.set_timeout(1, nothing)
    rt.call_from_thread(nothing)


# A6


def interrupted() -> Js:
    signal.raise_signal(signal.SIGINT)
    return Int(1)


def exits() -> Js:
    raise SystemExit(7)


def test_an_interrupt_in_a_task_of_the_simulation_leaves_run() -> None:
    """A6: it became `Error(KeyboardInterrupt())`, and the exit status was 0."""
    rt, values = Runtime(system=Simulation()), []  # type: tuple[Runtime, list[Js]]
    with pytest.raises(KeyboardInterrupt):
        rt.run(lambda: rt.register_event_threadpool(interrupted, KIND, values.append))
    assert values == []
    assert rt.phase == "closed"
    assert rt.available_threads == 4


def test_an_interrupt_in_a_task_of_the_simulation_leaves_tick_and_the_program_may_go_on() -> None:
    """A6: as after an interrupt in a callback."""
    rt, called = Runtime(system=Simulation()), []  # type: tuple[Runtime, list[Js]]

    def main() -> None:
        rt.register_event_threadpool(interrupted, KIND, called.append)
        rt.set_timeout(50, called.append)

    rt.start(main)
    interrupts = 0
    while True:
        try:
            if not rt.tick():
                break
        except KeyboardInterrupt:
            interrupts += 1
    assert interrupts == 1
    assert rt.available_threads == 4
    assert called  # the timer; and what became of the task may be told, too


@SYSTEMS
def test_a_task_that_exits_is_an_error_for_its_callback(system: Any) -> None:
    """A6: in real time it would end the thread, and nobody would hear."""
    rt, values = Runtime(system=system()), []  # type: tuple[Runtime, list[Js]]
    rt.run(lambda: rt.register_event_threadpool(exits, KIND, values.append))
    assert [type(value.exception) for value in values if isinstance(value, Error)] == [SystemExit]


# A7


class SinkError(Exception):
    """What the sink raises."""


class Bad:
    """A sink that raises at its `at`-th event."""

    def __init__(self, at: int) -> None:
        self.left = at

    def record(self, event: object) -> None:
        self.left -= 1
        if self.left == 0:
            raise SinkError(event)


class AlwaysBad:
    """A sink that raises at every event of one kind."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def record(self, event: Any) -> None:
        if event.kind == self.kind:
            raise SinkError(event)


def busy(rt: Runtime) -> None:
    rt.on_uncaught = nothing
    for _ in range(4):
        rt.register_event_threadpool(lambda: Int(1), KIND, nothing)
    rt.register_event_threadpool(exits, KIND, nothing)
    rt.set_timeout(2, nothing)
    rt.set_immediate(nothing)


def kinds_and_count(system: Callable[[], Any]) -> tuple[set[str], int]:
    recorder = Recorder()
    rt = Runtime(threads=2, system=system(), trace=recorder)
    rt.run(lambda: busy(rt))
    return {event.kind for event in recorder}, len(recorder)


@SYSTEMS
def test_a_sink_that_raises_once_costs_no_thread(system: Any, no_leaks: None) -> None:
    """A7: one that raised at "queued" lost a thread of the pool each time."""
    _, events = kinds_and_count(system)
    assert events > 20
    for at in range(1, events + 1):
        rt = Runtime(threads=2, system=system(), trace=Bad(at))
        with suppress(SinkError):
            rt.run(lambda: busy(rt))
        rt.close()
        assert (rt.available_threads, rt.pending_events, rt.phase) == (2, 0, "closed"), at


@SYSTEMS
def test_a_sink_that_always_raises_costs_no_thread(system: Any, no_leaks: None) -> None:
    """A7: whatever the kind of the event."""
    kinds, _ = kinds_and_count(system)
    for kind in sorted(kinds):
        rt = Runtime(threads=2, system=system(), trace=AlwaysBad(kind))
        with suppress(SinkError):
            rt.run(lambda: busy(rt))
        with suppress(SinkError):
            rt.close()
        rt.close()
        assert (rt.available_threads, rt.pending_events, rt.phase) == (2, 0, "closed"), kind


@SYSTEMS
def test_tasks_run_on_after_a_sink_raised(system: Any, no_leaks: None) -> None:
    """A7: the thread that was lost is there for the next task."""
    rt, values = Runtime(threads=1, system=system(), trace=AlwaysBad("queued")), []  # type: tuple[Runtime, list[Js]]
    numbers = iter(range(1, 4))

    def submit(_: object = None) -> None:
        number = next(numbers, None)
        if number is not None:
            with suppress(SinkError):
                rt.set_immediate(submit)
            with suppress(SinkError):
                rt.register_event_threadpool(lambda: Int(number), KIND, values.append)

    with suppress(SinkError):
        rt.run(submit)
    assert rt.available_threads == 1


# A9


DEREGISTERS_IN_A_CHILD = """
import os
from minirt import Int, Interest, Runtime, TaskKind

rt = Runtime()
reader, writer = os.pipe()

def main():
    rt.register_event_epoll(77, heard, persistent=True)
    rt.epoll_registrator.register(reader, 77, Interest.READABLE)
    rt.set_timeout(1, fork)

def fork(_):
    if os.fork() == 0:
        try:
            {does}
        finally:
            os._exit(0)
    os.wait()
    os.write(writer, b"!")
    rt.set_timeout(5000, lambda _: (print("not heard"), rt.stop()))

def heard(_):
    print("heard", os.read(reader, 10).decode())
    rt.stop()

rt.run(main)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
@pytest.mark.parametrize(
    "does",
    [
        "rt.epoll_registrator.deregister(reader)",
        "rt.deregister_event_epoll(77)",
        "rt.epoll_registrator.modify(reader, 77, Interest.WRITABLE)",
        "rt.close()",
        "rt.stop()",
        "Runtime().run(lambda: rt.deregister_event_epoll(77))",
        "os.close(reader)",
    ],
)
def test_what_a_child_does_to_its_descriptors_is_nothing_to_the_parent(does: str) -> None:
    """A9: a child that deregistered took the descriptor out of the parent's epoll."""
    program = DEREGISTERS_IN_A_CHILD.replace("{does}", does)
    ran = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=ROOT,
    )
    # what the child itself may not do it is told
    assert ran.stdout == "heard !\n", ran.stderr
