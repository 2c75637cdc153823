"""What does a timer cost, and how late is it?

The delays are whole milliseconds, in the one unit that every peer takes without rounding, spread in
an order that looks random and is the same in every run and in node's program.
"""

from __future__ import annotations

from collections import deque
from statistics import quantiles
from time import perf_counter, process_time
from typing import Any

from .loops import LOOPS
from .nodejs import in_node

SPREAD = 50  # ms
LIMIT = 30_000  # ms
PENDING = 1000
A_TURN = 100  # timers set and cancelled in one callback


def delays_of(count: int, spread: int = SPREAD) -> list[int]:
    """`count` delays of 1 to `spread` ms, each as often as any other."""
    return [order * 7919 % spread + 1 for order in range(count)]


def set_and_fired(peer: str, count: int) -> dict[str, Any]:
    """CPU seconds of one timer: `count` of them are set, and all fire."""
    if peer == "node":
        return in_node("timers", "fired", SPREAD, count)
    loop = LOOPS[peer]()
    delays = [loop.delay(milliseconds) for milliseconds in delays_of(count)]
    later, left, began, ended = loop.later, count, 0.0, 0.0

    def fired(_: object = None) -> None:
        nonlocal left, ended
        left -= 1
        if left == 0:
            ended = process_time()
            loop.stop()

    def main(_: object = None) -> None:
        nonlocal began
        began = process_time()
        for delay in delays:
            later(delay, fired)

    loop.run(main)
    return {"value": (ended - began) / count}


def set_and_cancelled(peer: str, count: int) -> dict[str, Any]:
    """CPU seconds to set one timer and cancel an older one, as time limits of requests do."""
    if peer == "node":
        return in_node("timers", "cancelled", LIMIT, count)
    loop = LOOPS[peer]()
    soon, later, limit = loop.soon, loop.later, loop.delay(LIMIT)
    turns, began, ended = max(1, count // A_TURN), 0.0, 0.0
    pending: deque[Any] = deque()

    def never(_: object = None) -> None:
        raise AssertionError(f"no timer may fire within {LIMIT} ms")

    def turn(_: object = None) -> None:
        nonlocal turns, ended
        for _ in range(A_TURN):
            pending.popleft().cancel()
            pending.append(later(limit, never))
        turns -= 1
        if turns:
            soon(turn)
        else:
            ended = process_time()
            loop.stop()

    def main(_: object = None) -> None:
        nonlocal began
        for _ in range(PENDING):
            pending.append(later(limit, never))
        began = process_time()
        soon(turn)

    loop.run(main)
    return {"value": (ended - began) / count}


def lateness(peer: str, count: int) -> dict[str, Any]:
    """Seconds from when a timer was asked for to when it ran: median and 99th percentile of
    `count`, and how many came early."""
    if peer == "node":
        late = in_node("timers", "lateness", SPREAD, count)["late"]
    else:
        late = _lateness_of_each(LOOPS[peer](), count)
    percentiles = quantiles(late, n=100)
    return {
        "value": percentiles[49],
        "p99": percentiles[98],
        "early": sum(seconds < 0 for seconds in late),
    }


def _lateness_of_each(loop: Any, count: int) -> list[float]:
    late: list[float] = []

    def set_one(milliseconds: int) -> None:
        def fired(_: object = None) -> None:
            late.append(perf_counter() - asked - milliseconds / 1000)
            if len(late) == count:
                loop.stop()

        asked = perf_counter()  # before the call: what the caller sees
        loop.later(loop.delay(milliseconds), fired)

    def main(_: object = None) -> None:
        for milliseconds in delays_of(count):
            set_one(milliseconds)

    loop.run(main)
    return late
