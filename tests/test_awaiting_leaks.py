"""Is nothing left of what a task waited for, when it is done or cancelled?"""

import gc
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from minirt import (
    Cancelled,
    Future,
    Runtime,
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
