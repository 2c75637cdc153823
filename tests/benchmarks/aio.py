"""What do asyncio's own operations cost on minirt's loop, on the standard one, and on uvloop?

The same programs, written as anybody writes them, on three loops. CPU seconds of one operation;
for the executor wall-clock seconds, because threads wait for each other.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Coroutine
from time import perf_counter, process_time
from typing import Any

BURST = 10_000
TASKS = 1000
IN_FLIGHT = 1000
SPREAD = 0.05  # s: over which timers are due
LIMIT = 30.0  # s: a time limit that no program reaches
A_TURN = 100  # timers set and cancelled before the loop turns

Program = Callable[[int], Coroutine[Any, Any, float]]  # how many -> seconds of all


def loop_of(peer: str) -> Callable[[], asyncio.AbstractEventLoop]:
    """What makes the peer's loop."""
    if peer == "minirt-asyncio":
        return importlib.import_module("minirt.aio").MinirtEventLoop  # type: ignore[no-any-return]
    return importlib.import_module(peer).new_event_loop  # type: ignore[no-any-return]


def on(program: Program) -> Callable[[str, int], dict[str, Any]]:
    """The program as a row's: (peer, how many) -> the seconds of one."""

    def measure(peer: str, total: int) -> dict[str, Any]:
        with asyncio.Runner(loop_factory=loop_of(peer)) as runner:
            return {"value": runner.run(program(total)) / total}

    return measure


async def _burst(total: int) -> float:
    """BURST callbacks are made, then called; again and again."""
    loop, seconds = asyncio.get_running_loop(), 0.0

    def nothing() -> None:
        """A callback without work: what remains is the loop's."""

    for _ in range(max(1, total // BURST)):
        ended = loop.create_future()
        began = process_time()
        for _ in range(BURST - 1):
            loop.call_soon(nothing)
        loop.call_soon(ended.set_result, None)
        await ended
        seconds += process_time() - began
    return seconds


async def _chain(total: int) -> float:
    """One callback a turn: each makes the next one."""
    loop = asyncio.get_running_loop()
    ended, left = loop.create_future(), total

    def step() -> None:
        nonlocal left
        left -= 1
        if left:
            loop.call_soon(step)
        else:
            ended.set_result(None)

    began = process_time()
    loop.call_soon(step)
    await ended
    return process_time() - began


async def _later(total: int) -> float:
    """Timers at as many different moments, all set, all fired."""
    loop = asyncio.get_running_loop()
    ended, left = loop.create_future(), total

    def fired() -> None:
        nonlocal left
        left -= 1
        if not left:
            ended.set_result(None)

    began = process_time()
    for number in range(total):
        loop.call_later(number * 7919 % total * SPREAD / total, fired)
    await ended
    return process_time() - began


async def _cancelled(total: int) -> float:
    """A thousand time limits wait; each turn sets some and cancels older ones."""
    loop = asyncio.get_running_loop()

    def never() -> None:
        raise AssertionError(f"no timer may fire within {LIMIT} s")

    pending = [loop.call_later(LIMIT, never) for _ in range(TASKS)]
    began = process_time()
    for _ in range(max(1, total // A_TURN)):
        for place in range(A_TURN):
            pending[place].cancel()
            pending[place] = loop.call_later(LIMIT, never)
        await asyncio.sleep(0)
    seconds = process_time() - began
    for timer in pending:
        timer.cancel()
    return seconds


async def _yields(total: int) -> float:
    """A thousand tasks that do nothing but let the others go on."""

    async def one() -> None:
        for _ in range(total // TASKS):
            await asyncio.sleep(0)

    began = process_time()
    await asyncio.gather(*(one() for _ in range(TASKS)))
    return process_time() - began


async def _hand_over(total: int) -> float:
    """Pairs of tasks: each waits for a future that the other one sets."""
    loop = asyncio.get_running_loop()
    turns = total // TASKS

    async def pair() -> None:
        there = [loop.create_future() for _ in range(turns)]
        back = [loop.create_future() for _ in range(turns)]

        async def answer() -> None:
            for asked, answered in zip(there, back, strict=True):
                await asked
                answered.set_result(None)

        other = asyncio.create_task(answer())
        for asked, answered in zip(there, back, strict=True):
            asked.set_result(None)
            await answered
        await other

    began = process_time()
    await asyncio.gather(*(pair() for _ in range(TASKS // 2)))
    return process_time() - began


async def _limits(total: int) -> float:
    """`asyncio.timeout` around what is over at once."""
    began = process_time()
    for _ in range(total):
        async with asyncio.timeout(LIMIT):
            await asyncio.sleep(0)
    return process_time() - began


async def _executor(total: int) -> float:
    """IN_FLIGHT functions that do nothing are on their way to the default executor and back."""
    loop = asyncio.get_running_loop()

    async def one() -> None:
        for _ in range(total // IN_FLIGHT):
            await loop.run_in_executor(None, int)

    await loop.run_in_executor(None, int)
    began = perf_counter()
    await asyncio.gather(*(one() for _ in range(IN_FLIGHT)))
    return perf_counter() - began


burst, chain, later, cancelled = on(_burst), on(_chain), on(_later), on(_cancelled)
yields, hand_over, limits, executor = on(_yields), on(_hand_over), on(_limits), on(_executor)
