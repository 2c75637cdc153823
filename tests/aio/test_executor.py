"""run_in_executor: minirt's pool, with the promises of the standard executor."""

import asyncio
import concurrent.futures
import gc
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from minirt.aio import MinirtEventLoop
from minirt.aio.executor import usual_threads
from tests.patience import patience

Loop = asyncio.AbstractEventLoop


def test_a_function_returns_its_value_or_raises_its_error(loop: Loop) -> None:
    async def main() -> None:
        assert await loop.run_in_executor(None, divmod, 7, 3) == (2, 1)
        with pytest.raises(ValueError, match="invalid literal"):
            await loop.run_in_executor(None, int, "x")
        assert await asyncio.to_thread(lambda: 5) == 5

    loop.run_until_complete(main())


def test_threads_have_the_usual_names(loop: Loop) -> None:
    async def main() -> str:
        return await loop.run_in_executor(None, lambda: threading.current_thread().name)

    assert loop.run_until_complete(main()) == "asyncio_0"


def test_as_many_functions_run_at_once_as_on_the_standard_loop(loop: Loop) -> None:
    """A pool of four would hang here."""
    barrier = threading.Barrier(usual_threads(), timeout=10)

    async def main() -> None:
        waiting = [loop.run_in_executor(None, barrier.wait) for _ in range(usual_threads())]
        await asyncio.gather(*waiting)

    loop.run_until_complete(main())


def test_work_whose_future_is_cancelled_is_not_begun(loop: Loop) -> None:
    called: list[int] = []
    gate = threading.Event()

    async def main() -> None:
        busy = [loop.run_in_executor(None, gate.wait) for _ in range(usual_threads())]
        waits = loop.run_in_executor(None, called.append, 1)
        assert waits.cancel()
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(*busy)

    loop.run_until_complete(main())
    loop.run_until_complete(loop.shutdown_default_executor())
    assert not called


def test_work_whose_future_is_cancelled_while_it_runs_ends_unheard(loop: Loop) -> None:
    begun, gate, told = threading.Event(), threading.Event(), []
    loop.set_exception_handler(lambda _, context: told.append(context))

    def work() -> None:
        begun.set()
        gate.wait()
        raise ValueError("nobody hears this")

    async def main() -> None:
        future = loop.run_in_executor(None, work)
        while not begun.is_set():
            await asyncio.sleep(0.001)
        future.cancel()
        gate.set()
        with pytest.raises(asyncio.CancelledError):
            await future

    loop.run_until_complete(main())
    loop.run_until_complete(loop.shutdown_default_executor())
    assert not told


def test_stop_iteration_comes_as_an_error_and_does_not_hang(ours: MinirtEventLoop) -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match="StopIteration") as raised:
            await asyncio.wait_for(ours.run_in_executor(None, next, iter(())), 5)
        assert isinstance(raised.value.__cause__, StopIteration)

    ours.run_until_complete(main())


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_an_error_that_ends_programs_ends_no_thread(ours: MinirtEventLoop, error: Any) -> None:
    def raises() -> None:
        raise error

    async def main() -> Any:
        future = ours.run_in_executor(None, raises)
        await asyncio.wait([future])
        return future.exception()

    assert isinstance(ours.run_until_complete(main()), error)
    assert ours.run_until_complete(ours.run_in_executor(None, int)) == 0


class Rare(BaseException):
    """No Exception."""


@pytest.mark.parametrize(
    ("error", "comes_as"),
    [
        (Rare(), Rare),
        (ExceptionGroup("several", [ValueError()]), ExceptionGroup),
        (asyncio.CancelledError(), asyncio.CancelledError),
        (concurrent.futures.CancelledError(), asyncio.CancelledError),
        (asyncio.InvalidStateError(), asyncio.InvalidStateError),
        (TimeoutError(), TimeoutError),
    ],
)
def test_whatever_the_function_raises_is_raised_by_await(
    loop: Loop, error: BaseException, comes_as: type[BaseException]
) -> None:
    def raises() -> None:
        raise error

    async def main() -> None:
        with pytest.raises(comes_as):
            await loop.run_in_executor(None, raises)

    loop.run_until_complete(main())


@pytest.mark.parametrize("function", [None, 5, "int"])
def test_what_cannot_be_called_is_an_error_and_no_result(loop: Loop, function: Any) -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match="object is not callable"):
            await loop.run_in_executor(None, function)

    loop.run_until_complete(main())


def test_a_thread_waits_for_a_coroutine_of_the_loop_that_needs_another_thread(loop: Loop) -> None:
    def outer() -> int:
        return asyncio.run_coroutine_threadsafe(asyncio.to_thread(int, "7"), loop).result(10)

    async def main() -> list[int]:
        return await asyncio.gather(*[asyncio.to_thread(outer) for _ in range(3)])

    with patience():
        assert loop.run_until_complete(main()) == [7, 7, 7]


def test_a_function_runs_a_loop_of_its_own(new_loop: Callable[[], Loop], loop: Loop) -> None:
    def inner() -> int:
        made = new_loop()
        try:
            return made.run_until_complete(asyncio.sleep(0.001, 7))
        finally:
            made.close()

    assert loop.run_until_complete(loop.run_in_executor(None, inner)) == 7


@pytest.mark.parametrize("stage", ["waiting", "at work", "finished", "delivered"])
def test_work_is_cancelled_at_each_stage(loop: Loop, stage: str) -> None:
    gate, begun, over = threading.Event(), threading.Event(), threading.Event()
    ran: list[int] = []

    def work() -> int:
        ran.append(1)
        begun.set()
        gate.wait(10)
        over.set()
        return 7

    async def main() -> None:
        blocked = [loop.run_in_executor(None, gate.wait, 10) for _ in range(usual_threads())]
        if stage == "waiting":
            future = loop.run_in_executor(None, work)
        else:
            gate.set()
            await asyncio.gather(*blocked)
            gate.clear()
            future = loop.run_in_executor(None, work)
            begun.wait(10)
        if stage in ("finished", "delivered"):
            gate.set()
            over.wait(10)
        if stage == "delivered":
            assert await future == 7
        assert future.cancel() == (stage != "delivered")
        await asyncio.sleep(0)  # the standard loop tells its executor now
        gate.set()
        await asyncio.gather(*blocked)
        assert future.cancelled() == (stage != "delivered")

    with patience():
        loop.run_until_complete(main())
        loop.run_until_complete(loop.shutdown_default_executor())
    assert ran == ([] if stage == "waiting" else [1])


def test_an_error_keeps_nothing_alive(loop: Loop) -> None:
    class Big:
        """What the function had."""

    def raises(big: Big) -> None:
        raise ValueError

    async def main(big: Big) -> None:
        with pytest.raises(ValueError):  # noqa: PT011
            await loop.run_in_executor(None, raises, big)

    big = Big()
    alive = weakref.ref(big)
    gc.disable()
    try:
        loop.run_until_complete(main(big))
        loop.run_until_complete(loop.run_in_executor(None, int))  # the thread goes on
        del big
        assert alive() is None
    finally:
        gc.enable()


def test_a_result_is_not_kept(ours: MinirtEventLoop) -> None:
    class Big:
        """A result."""

    gc.disable()
    try:
        big = ours.run_until_complete(ours.run_in_executor(None, Big))
        alive = weakref.ref(big)
        del big
        assert alive() is None
    finally:
        gc.enable()


def test_after_the_shutdown_the_executor_refuses(loop: Loop) -> None:
    loop.run_until_complete(loop.run_in_executor(None, int))
    loop.run_until_complete(loop.shutdown_default_executor())
    with pytest.raises(RuntimeError, match="Executor shutdown has been called"):
        loop.run_in_executor(None, int)


def test_the_shutdown_waits_for_work_that_waits(loop: Loop) -> None:
    done: list[int] = []
    gate = threading.Event()

    def work(number: int) -> None:
        gate.wait(10)
        done.append(number)

    async def main() -> None:
        for number in range(3 * usual_threads()):
            loop.run_in_executor(None, work, number)
        loop.call_later(0.02, gate.set)
        await loop.shutdown_default_executor()

    loop.run_until_complete(main())
    assert sorted(done) == list(range(3 * usual_threads()))


def test_the_shutdown_gives_up_after_its_timeout(ours: MinirtEventLoop) -> None:
    gate = threading.Event()

    async def main() -> None:
        ours.run_in_executor(None, gate.wait, 10)
        with pytest.warns(RuntimeWarning, match=r"within 0.01 seconds"):
            await ours.shutdown_default_executor(timeout=0.01)

    ours.run_until_complete(main())
    gate.set()
    for thread in threading.enumerate():
        if thread.name.startswith("asyncio_"):
            thread.join()


def test_an_executor_of_ones_own_is_used(loop: Loop) -> None:
    def name() -> str:
        return threading.current_thread().name

    async def main() -> list[str]:
        with ThreadPoolExecutor(1, thread_name_prefix="given") as given:
            first = await loop.run_in_executor(given, name)
        loop.set_default_executor(ThreadPoolExecutor(1, thread_name_prefix="default"))
        return [first, await loop.run_in_executor(None, name)]

    assert loop.run_until_complete(main()) == ["given_0", "default_0"]


def test_only_a_pool_of_threads_is_a_default(loop: Loop) -> None:
    with pytest.raises(TypeError, match="ThreadPoolExecutor"):
        loop.set_default_executor(object())  # type: ignore[arg-type]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
@pytest.mark.slow
def test_a_pool_of_forked_processes_works_beside_the_threads() -> None:
    program = """
import asyncio
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from minirt.aio import run

async def main():
    loop = asyncio.get_running_loop()
    threads = [asyncio.to_thread(int) for _ in range(4)]
    await asyncio.gather(*threads)
    with ProcessPoolExecutor(2, get_context("fork")) as pool:
        print(await asyncio.gather(*[loop.run_in_executor(pool, abs, -n) for n in range(6)]))
    print(await asyncio.to_thread(int))

run(main())
"""
    command = [sys.executable, "-W", "ignore", "-c", program]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert answer.stdout == "[0, 1, 2, 3, 4, 5]\n0\n"


def test_close_does_not_wait_and_the_work_is_still_done(new_loop: Callable[[], Loop]) -> None:
    made, gate, done = new_loop(), threading.Event(), []

    def work(number: int) -> None:
        gate.wait(10)
        done.append(number)

    async def main() -> None:
        for number in range(2 * usual_threads()):
            made.run_in_executor(None, work, number)

    made.run_until_complete(main())
    began = time.monotonic()
    made.close()
    assert time.monotonic() - began < 1
    gate.set()
    for thread in threading.enumerate():
        if thread.name.startswith("asyncio_"):
            thread.join()
    assert sorted(done) == list(range(2 * usual_threads()))


@pytest.mark.parametrize("closes", [True, False])
@pytest.mark.slow
def test_the_interpreter_waits_for_work_of_a_loop_that_is_gone(closes: bool) -> None:
    program = f"""
import time
from minirt.aio import MinirtEventLoop

def work():
    time.sleep(0.2)
    print("done", flush=True)

async def main():
    loop.run_in_executor(None, work)

loop = MinirtEventLoop()
loop.run_until_complete(main())
if {closes}:
    loop.close()
"""
    command = [sys.executable, "-W", "ignore", "-c", program]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    assert answer.stdout == "done\n"
