"""minirt.magics.idle: the seams between a runtime and a loop that sleeps for it."""

import asyncio
import os
import select
import signal
import threading
from collections.abc import Callable, Iterator
from contextvars import copy_context
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from minirt import Runtime, TaskKind, Undefined, set_timeout
from minirt.core.polls import Poll
from minirt.core.system import RealSystem
from minirt.errors import NoRuntime
from minirt.magics.idle import Idle
from tests.kernels import plain
from tests.polls import POLLS as ALL_POLLS

# Each that has a descriptor of its own. poll() has none: there the kernel looks from time to time.
POLLS: dict[str, Callable[[], Poll]] = {
    name: make for name, make in ALL_POLLS.items() if make().fileno() is not None
}


@pytest.fixture(params=POLLS.values(), ids=POLLS)
def rt(request: pytest.FixtureRequest) -> Iterator[Runtime]:
    """A runtime that has started and does not end by itself."""
    make_poll: Callable[[], Poll] = request.param
    with Runtime(system=RealSystem(poll=make_poll)) as runtime:
        runtime.start(lambda: runtime.set_timeout(60_000, lambda _: None))
        yield runtime


@pytest.fixture
def idle() -> Iterator[Idle]:
    shell = InteractiveShell()
    made = Idle(shell)
    made.switch_on()
    made.after_cell(None)  # the cell that switched it on
    yield made
    made.close()


def is_readable(rt: Runtime, timeout: float = 0) -> bool:
    descriptor = rt.loop.poll.fileno()
    assert descriptor is not None
    return bool(select.select([descriptor], [], [], timeout)[0])


def test_a_loop_that_rests_says_for_how_long(rt: Runtime) -> None:
    rest = rt.loop.rest()
    assert rest is not None and 59 < rest <= 60


def test_a_loop_that_rests_has_no_time_for_it_when_something_is_to_be_done(rt: Runtime) -> None:
    rt.set_immediate(lambda _: None)
    assert rt.loop.rest() == 0


@pytest.mark.parametrize("from_thread", [True, False])
def test_who_brings_something_makes_the_descriptor_readable_until_the_next_turn(
    rt: Runtime, from_thread: bool
) -> None:
    ran: list[object] = []
    rt.loop.rest()
    assert not is_readable(rt)
    if from_thread:
        thread = threading.Thread(target=rt.call_from_thread, args=(ran.append,))
        thread.start()
        thread.join()
    else:
        rt.set_immediate(ran.append)  # as a cell does
    assert is_readable(rt)
    assert rt.tick(block=False)
    assert len(ran) == 1
    assert not is_readable(rt)


def test_a_turn_that_does_not_block_leaves_a_task_at_work_and_its_result_wakes(
    rt: Runtime,
) -> None:
    release, results = threading.Event(), []

    def task() -> Undefined:
        release.wait(20)
        return Undefined()

    copy_context().run(rt.register_event_threadpool, task, TaskKind.ENCRYPT, results.append)
    assert rt.tick(block=False)
    rt.loop.rest()
    release.set()
    assert is_readable(rt, timeout=20)
    assert rt.tick(block=False)
    assert results == [Undefined()]


def test_a_close_that_does_not_block_leaves_the_threads_to_end_by_themselves() -> None:
    release, before = threading.Event(), set(threading.enumerate())  # one may still be ending
    rt = Runtime()

    def task() -> Undefined:
        release.wait(20)
        return Undefined()

    rt.start(lambda: rt.register_event_threadpool(task, TaskKind.ENCRYPT, lambda _: None))
    (thread,) = set(threading.enumerate()) - before
    assert thread.name == "pool3"
    rt.stop()
    assert not rt.tick(block=False)
    assert rt.phase == "closed" and thread.is_alive()
    release.set()
    thread.join(20)
    assert not thread.is_alive()


# --- which cell a call belongs to ---


def test_a_plain_cell_gets_a_runtime_and_what_follows_it_gets_none(idle: Idle) -> None:
    idle.before_cell(None)
    mine = Runtime.current()
    assert mine is Runtime.current()
    idle.after_cell(None)
    with pytest.raises(NoRuntime):
        Runtime.current()
    assert mine in idle.runtimes


def test_a_cell_that_awaits_has_a_context_of_its_own_and_leaves_none_behind(idle: Idle) -> None:
    async def cell() -> Runtime:
        idle.before_cell(None)
        await asyncio.sleep(0)
        set_timeout(60_000, lambda _: None)
        return Runtime.current()

    async def kernel() -> None:
        first = await asyncio.ensure_future(cell())
        idle.after_cell(None)
        second = await asyncio.ensure_future(cell())
        idle.after_cell(None)
        assert first is not second
        with pytest.raises(NoRuntime):
            Runtime.current()

    asyncio.run(kernel())


def test_a_subshell_with_a_thread_of_its_own_gets_no_runtime(idle: Idle) -> None:
    def cell() -> None:
        idle.before_cell(None)
        with pytest.raises(NoRuntime):
            Runtime.current()
        idle.after_cell(None)
        refused.append(True)

    refused: list[bool] = []
    thread = threading.Thread(target=cell)
    thread.start()
    thread.join()
    assert refused == [True]


def test_switched_off_in_the_middle_of_a_cell_it_makes_none_any_more(idle: Idle) -> None:
    idle.before_cell(None)
    idle.switch_off()
    with pytest.raises(NoRuntime):
        Runtime.current()


@pytest.mark.parametrize("kind", [SystemExit, GeneratorExit, asyncio.CancelledError, ValueError])
def test_what_leaves_a_callback_is_shown_and_ends_its_runtime_alone(
    idle: Idle, kind: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Any] = []
    monkeypatch.setattr(idle._shell, "showtraceback", lambda what, **_: shown.append(what[0]))

    def fail(_: object) -> None:
        raise kind

    runtimes = []
    for callback in (fail, lambda _: None):
        idle.before_cell(None)
        runtimes.append(Runtime.current())
        runtimes[-1].set_immediate(callback)
        set_timeout(60_000, lambda _: None)
        idle.after_cell(None)
    idle.before_cell(None)
    assert shown == [kind]
    assert [one.phase for one in runtimes] == ["closed", "timers"]
    assert list(idle.runtimes) == runtimes[1:]
    idle.after_cell(None)


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="there is no such signal")
@pytest.mark.slow
def test_what_leaves_a_handler_of_a_signal_is_shown_and_the_kernel_lives(
    idle: Idle, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plain kernel that sleeps ends by it."""

    def heard(number: int, frame: object) -> None:
        raise ValueError("from the handler")

    before = signal.signal(signal.SIGUSR1, heard)
    reader, writer = os.pipe()
    try:
        idle.go_on(lambda: signal.raise_signal(signal.SIGUSR1), reader)
    finally:
        signal.signal(signal.SIGUSR1, before)
        os.close(reader)
        os.close(writer)
    assert "ValueError: from the handler" in plain(capsys.readouterr().out)
