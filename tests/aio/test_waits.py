"""What a task awaits is said in words, with the reader's line."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest

from minirt.aio import MinirtEventLoop
from minirt.aio.waits import Await, look

queue: asyncio.Queue[int]
lock: asyncio.Lock


async def gets() -> None:
    await queue.get()


async def joins() -> None:
    await queue.join()


async def locks() -> None:
    async with lock:
        pass


async def sleeps() -> None:
    await asyncio.sleep(2.5)


async def yields() -> None:
    while True:
        await asyncio.sleep(0)


async def numbers() -> AsyncIterator[int]:
    await asyncio.sleep(5)
    yield 1


async def loops() -> None:
    async for _ in numbers():
        pass


async def gathers() -> None:
    await asyncio.gather(asyncio.sleep(3), asyncio.sleep(4))


async def groups() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(3), name="child")


async def awaits_a_task() -> None:
    await asyncio.create_task(asyncio.sleep(3), name="other")


async def limits() -> None:
    await asyncio.wait_for(sleeps(), 9)


async def future() -> None:
    await asyncio.get_running_loop().create_future()


async def event() -> None:
    ready = asyncio.Event()
    await ready.wait()


async def crowd_at_a_semaphore() -> None:
    slots = asyncio.Semaphore(0)
    async with slots:
        pass


CASES: list[tuple[Any, str, str, str]] = [
    (gets, "queue.get", "queue", "await queue.get()"),
    (joins, "queue.join", "queue", "await queue.join()"),
    (locks, "lock lock", "lock", "async with lock:"),
    (sleeps, "sleep 2.5 s", "timer", "await asyncio.sleep(2.5)"),
    (yields, "the next round", "soon", "await asyncio.sleep(0)"),
    (loops, "sleep 5 s", "timer", "await asyncio.sleep(5)"),
    (gathers, "2 tasks", "task", "await asyncio.gather(asyncio.sleep(3), asyncio.sleep(4))"),
    (groups, "its TaskGroup: task child", "task", "async with asyncio.TaskGroup() as group:"),
    (
        awaits_a_task,
        "task other",
        "task",
        'await asyncio.create_task(asyncio.sleep(3), name="other")',
    ),
    (future, "a Future", "future", "await asyncio.get_running_loop().create_future()"),
    (event, "ready.wait", "event", "await ready.wait()"),
    (crowd_at_a_semaphore, "semaphore slots", "semaphore", "async with slots:"),
]


async def look_at(main: Coroutine[Any, Any, Any]) -> Await:
    """What a task with this coroutine awaits after its first steps."""
    global queue, lock
    queue, lock = asyncio.Queue(), asyncio.Lock()
    queue.put_nowait(1)
    if main.__name__ == "gets":
        queue.get_nowait()
    await lock.acquire()
    task = asyncio.create_task(main)
    for _ in range(3):
        await asyncio.sleep(0)
    found = look(task, {})
    task.cancel()
    await asyncio.wait([task])
    return found


@pytest.mark.parametrize(("main", "what", "kind", "source"), CASES)
def test_a_task_that_waits(main: Any, what: str, kind: str, source: str) -> None:
    with asyncio.Runner(loop_factory=MinirtEventLoop) as runner:
        found = runner.run(look_at(main()))
    assert (found.what, found.kind, found.source) == (what, kind, source)
    assert found.file == __file__


def test_a_task_whose_future_is_set_goes_on_in_the_next_round() -> None:
    async def main() -> Await:
        future = asyncio.get_running_loop().create_future()

        async def waits() -> None:
            await future

        task = asyncio.create_task(waits())
        await asyncio.sleep(0)
        future.set_result(None)
        return look(task, {})

    with asyncio.Runner(loop_factory=MinirtEventLoop) as runner:
        assert runner.run(main()).what == "the next round"


def test_a_limit_does_not_hide_what_is_awaited() -> None:
    with asyncio.Runner(loop_factory=MinirtEventLoop) as runner:
        found = runner.run(look_at(limits()))
    assert found.kind in ("task", "timer")  # 3.11 makes a task of it, 3.12 does not


def test_data_of_a_socket_has_the_number_of_its_descriptor() -> None:
    one, other = socket.socketpair()

    async def receives() -> None:
        reader, writer = await asyncio.open_connection(sock=one)
        try:
            await reader.read(1)
        finally:
            writer.close()

    number = one.fileno()
    with asyncio.Runner(loop_factory=MinirtEventLoop) as runner, other:
        found = runner.run(look_at(receives()))
    assert found.what == f"data from descriptor {number}"


def test_a_job_of_the_pool_is_named() -> None:
    from minirt import Recorder
    from minirt.aio.program import AsyncioProgram

    async def main() -> None:
        await asyncio.to_thread(time.sleep, 0.001)

    recorder = Recorder()
    AsyncioProgram(None, recorder).run(main())
    said = [event.detail["awaits"] for event in recorder if event.kind == "awaits" and event.detail]
    assert "sleep on a thread" in said
