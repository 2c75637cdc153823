"""What does async/await on a Runtime cost, beside the same programs on asyncio and uvloop?

CPU seconds of one operation; for the pool wall-clock seconds, because threads wait for each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter, process_time
from typing import Any

from .aio import loop_of

TASKS = 1000


class Ours:
    """The four operations on a Runtime."""

    def __init__(self) -> None:
        import minirt

        self.gather, self.sleep = minirt.gather, minirt.sleep_ms
        self.in_pool, self._future = minirt.in_pool, minirt.Future

    def turn(self) -> Awaitable[None]:
        future = self._future()
        future.set_result(None)
        return future


class Theirs:
    """The same on asyncio's API."""

    def __init__(self) -> None:
        self.gather = asyncio.gather

    def turn(self) -> Awaitable[None]:
        return asyncio.sleep(0)

    def sleep(self, ms: float) -> Awaitable[None]:
        return asyncio.sleep(ms / 1000)

    def in_pool(self, function: Callable[[], Any]) -> Awaitable[Any]:
        return asyncio.get_running_loop().run_in_executor(None, function)


def _measure(
    one: Callable[[Any, int], Any], clock: Callable[[], float] = process_time
) -> Callable[[str, int], dict[str, Any]]:
    """A thousand tasks that each do it `total` / 1,000 times."""

    def measure(peer: str, total: int) -> dict[str, Any]:
        side: Any = Ours() if peer == "minirt" else Theirs()

        async def program() -> float:
            began = clock()
            await side.gather(*(one(side, max(1, total // TASKS)) for _ in range(TASKS)))
            return clock() - began

        if peer == "minirt":
            import minirt

            return {"value": minirt.Runtime().run(program) / total}
        with asyncio.Runner(loop_factory=loop_of(peer)) as runner:
            return {"value": runner.run(program()) / total}

    return measure


async def _turns(side: Any, times: int) -> None:
    for _ in range(times):
        await side.turn()


async def _nothing(side: Any) -> None:
    """A task without work."""


async def _tasks(side: Any, times: int) -> None:
    await side.gather(*(_nothing(side) for _ in range(times)))


async def _sleeps(side: Any, times: int) -> None:
    for number in range(times):
        await side.sleep(1 + number % 7)


async def _pool(side: Any, times: int) -> None:
    for _ in range(times):
        await side.in_pool(int)


turns, tasks, sleeps = _measure(_turns), _measure(_tasks), _measure(_sleeps)
in_pool = _measure(_pool, perf_counter)
