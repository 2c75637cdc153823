"""Is nothing left of what a task waited for, when it is done or cancelled?"""

import gc
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from minirt import (
    Cancelled,
    Future,
    Recorder,
    Runtime,
    Simulation,
    Task,
    crypto,
    fs,
    gather,
    in_pool,
    net,
    race,
    sleep_ms,
    timeout_ms,
)
from minirt.awaiting.book import Book
from minirt.modules.sockets import Socket

MANY = 20


async def a_sleep() -> None:
    await sleep_ms(60_000)


async def a_task_of_the_pool() -> None:
    await in_pool(lambda: 7)
    await a_sleep()


async def a_module() -> None:
    await fs.stat(__file__)
    await crypto.sha256("text")
    await a_sleep()


async def a_family() -> None:
    await gather(a_sleep(), a_sleep(), race(a_sleep(), a_sleep()))


async def a_time_limit() -> None:
    async with timeout_ms(50_000):
        await a_sleep()


async def a_future() -> None:
    await Future()


async def a_socket() -> None:
    def greet(socket: Socket) -> None:
        socket.on_error = lambda error: None  # the client may be gone already
        socket.write(b"hello")

    async with net.create_server(greet) as server, net.connect(*server.address) as client:
        async for _ in client:
            pass


async def another_task() -> None:
    await Task(a_sleep())


WAITS: list[Callable[[], Coroutine[Any, Any, None]]] = [
    *(a_sleep, a_task_of_the_pool, a_module, a_family, a_time_limit, a_future, a_socket),
    another_task,
]


def futures() -> int:
    """How many there are in this process."""
    gc.collect()
    return sum(isinstance(one, Future) for one in gc.get_objects())


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").is_dir() else 0


def counts() -> dict[str, Any]:
    """What the runtime that is running here holds, and what Python does."""
    rt = Runtime.current()
    return {
        "waiting": rt.loop.callbacks.by_kind(),
        "watched": len(rt.loop.poll.watched),
        "tasks": len(rt.of_modules[Book].tasks),
        "futures": futures(),
        "descriptors": descriptors(),
    }


@pytest.mark.parametrize("turns", [0, 1, 4])
@pytest.mark.parametrize("wait", WAITS, ids=[wait.__name__ for wait in WAITS])
def test_a_cancelled_task_leaves_no_timer_watch_task_or_future(
    wait: Callable[[], Coroutine[Any, Any, None]], turns: int
) -> None:
    async def main() -> None:
        await in_pool(lambda: None)  # the threads, the wake-up and the book are there
        before = counts()
        tasks = [Task(wait()) for _ in range(MANY)]
        for _ in range(turns):
            await sleep_ms(1)
        for task in tasks:
            task.cancel()
        for task in tasks:
            with pytest.raises(Cancelled):
                await task
        del task, tasks
        until = 1000  # turns: a task that a thread has begun is waited for, and so is a close
        while counts() != before and until:
            until -= 1
            await sleep_ms(1)
        assert counts() == before

    Runtime().run(main)


async def several_sleeps() -> None:
    await gather(*[sleep_ms(1) for _ in range(3)])


async def a_limit_in_time() -> None:
    async with timeout_ms(5_000):
        await sleep_ms(1)


async def a_task_and_the_pool() -> None:
    await Task(several_sleeps())
    await in_pool(lambda: 7)
    await crypto.sha256("text")


async def a_cancelled_task() -> None:
    task = Task(a_sleep())
    task.cancel()
    with pytest.raises(Cancelled):
        await task


@pytest.mark.parametrize(
    "wait", [several_sleeps, a_limit_in_time, a_task_and_the_pool, a_cancelled_task]
)
def test_what_is_settled_goes_without_the_garbage_collector(
    wait: Callable[[], Coroutine[Any, Any, None]],
) -> None:
    """Futures that keep each other cost a program more than the loop itself."""

    async def main() -> int:
        await wait()
        before = futures()
        gc.disable()
        try:
            for _ in range(MANY):
                await wait()
            await sleep_ms(1)
            return sum(isinstance(one, Future) for one in gc.get_objects()) - before
        finally:
            gc.enable()

    assert Runtime().run(main) < MANY / 2


async def fails(ms: float) -> None:
    await sleep_ms(ms)
    raise KeyError("x")


async def fails_while_it_cleans_up(ms: float) -> None:
    try:
        await sleep_ms(100)
    finally:
        await fails(ms)


def fail() -> None:
    raise KeyError("x")


FAILURES: dict[str, Callable[[], Any]] = {
    "a task": lambda: Task(fails(1)),
    "a task at its first step": lambda: Task(fails_while_it_cleans_up(0)),
    "a coroutine": lambda: fails(1),
    "a task of a task": lambda: Task(waits_for(lambda: Task(fails(1)))),
    "a gathering": lambda: gather(fails(1), fails(1), sleep_ms(5)),
    "one that fails because another did": lambda: gather(fails(1), fails_while_it_cleans_up(1)),
    "a race": lambda: race(fails(1), fails_while_it_cleans_up(2)),
    "a function on the pool": lambda: in_pool(fail),
    "a module": lambda: fs.read_file("there/is/no/such/file"),
    "a connection": lambda: net.connect(1),
    "a time limit": lambda: limited(),
    "what cannot be awaited": lambda: waits_for(lambda: 7),
}


async def waits_for(make: Callable[[], Any]) -> None:
    await make()  # in no variable, or the traceback would have the future


async def limited() -> None:
    async with timeout_ms(1):
        await sleep_ms(100)


def left_for_the_collector(program: Callable[[], object]) -> list[object]:
    """The futures and errors that only the collector of garbage frees, when `program` is over."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        program()
        gc.collect()
        return [one for one in gc.garbage if isinstance(one, Future | BaseException)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


AT_ONCE = {"a module", "a connection", "what cannot be awaited"}


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("failure", FAILURES)
def test_an_error_is_gone_when_nobody_has_it_without_the_collector(
    failure: str, traced: bool
) -> None:
    if sys.version_info >= (3, 12) and (traced or failure in AT_ONCE):
        pytest.skip("from 3.12 on a coroutine that is over keeps the frames of its callers")
    heard: list[str] = []

    async def main() -> None:
        try:
            await FAILURES[failure]()
        except Exception as error:
            heard.append(type(error).__name__)
        Task(waits_for(FAILURES[failure]))  # nobody awaits this one

    def program() -> None:
        rt = Runtime(trace=Recorder() if traced else None)
        rt.on_uncaught = lambda error: heard.append(type(error).__name__)
        rt.run(main)

    assert left_for_the_collector(program) == []
    assert len(heard) >= 2


def test_the_error_that_leaves_run_is_gone_without_the_collector() -> None:
    async def main() -> None:
        await Task(fails(1))

    def program() -> None:
        with pytest.raises(KeyError):
            Runtime(system=Simulation(1)).run(main)

    assert left_for_the_collector(program) == []
