"""What does an asyncio program pay for being watched?

Four programs that do nothing but what asyncio does for them, so that the loop is always busy: there
is no harder case. Each is played in a kernel of its own: without a view; with a recorder that gets
every event; and under a real `LiveView`, with a client that gets thirty frames a second. Counted is
the CPU time of the whole kernel while the program runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from time import process_time
from typing import Any

ALONE, RECORDED, VIEWED = "minirt-asyncio", "minirt-asyncio-recorded", "minirt-asyncio-viewed"
FAMILY, WORKERS, CLIENTS, CROWD = 100, 10, 20, 1000
REQUEST = b"x" * 1024
CELL = """
from minirt import Recorder
from minirt.aio.program import AsyncioProgram
from tests.benchmarks import aio_viewed
program = AsyncioProgram(trace={trace})
print(await program.play(aio_viewed.PROGRAMS["{name}"]({total}), view={view}))
"""


async def _tasks(total: int) -> float:
    """Tasks that are made, wait once, and end."""

    async def one() -> None:
        await asyncio.sleep(0)

    began = process_time()
    for _ in range(total // FAMILY):
        await asyncio.gather(*(one() for _ in range(FAMILY)))
    return process_time() - began


async def _queue(total: int) -> float:
    """Workers at a queue with a bound."""
    queue: asyncio.Queue[int] = asyncio.Queue(100)

    async def work() -> None:
        while True:
            await queue.get()
            await asyncio.sleep(0)
            queue.task_done()

    began = process_time()
    workers = [asyncio.create_task(work()) for _ in range(WORKERS)]
    for number in range(total):
        await queue.put(number)
    await queue.join()
    seconds = process_time() - began
    for worker in workers:
        worker.cancel()
    return seconds


async def _echo(total: int) -> float:
    """A server that echoes, and its clients."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while asked := await reader.read(len(REQUEST)):
            writer.write(asked)
            await writer.drain()
        writer.close()

    async def ask(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(total // CLIENTS):
            writer.write(REQUEST)
            await reader.readexactly(len(REQUEST))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        began = process_time()
        await asyncio.gather(*(ask(port) for _ in range(CLIENTS)))
        return process_time() - began


async def _crowd(total: int) -> float:
    """A thousand tasks that sleep for some milliseconds, again and again."""

    async def one(number: int) -> None:
        for turn in range(total // CROWD):
            await asyncio.sleep((number * 7919 + turn * 104_729) % 9 / 1000 + 0.001)

    began = process_time()
    await asyncio.gather(*map(one, range(CROWD)))
    return process_time() - began


PROGRAMS: dict[str, Callable[[int], Coroutine[Any, Any, float]]] = {
    "tasks": _tasks,
    "queue": _queue,
    "echo": _echo,
    "crowd": _crowd,
}


def on(name: str) -> Callable[[str, int], dict[str, Any]]:
    """The program as a row's: (peer, how many) -> the CPU seconds of one."""

    def measure(peer: str, total: int) -> dict[str, Any]:
        from ..kernels import kernel  # who is not asked for this row needs no kernel

        trace, view = "Recorder()" if peer == RECORDED else None, None if peer == VIEWED else False
        with kernel() as cells:
            cell = cells.run(CELL.format(name=name, total=total, trace=trace, view=view))
            if cell.status != "ok":
                raise RuntimeError(cell.traceback.strip().splitlines()[-1])
            return {"value": float(cell.out) / total}

    return measure


tasks, queue, echo, crowd = map(on, PROGRAMS)
