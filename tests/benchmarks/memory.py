"""How many bytes does one pending callback, one pending timer hold?

What tracemalloc counts before and after `count` of them, all with the same callback, divided by
`count`: everything that was allocated for them and is still there, the share of the loop's own
tables included. Those tables grow in steps, so the figure depends on `count`: it is taken at three
counts within one doubling, and the value is the first of them (100,000 in the full table). The
caller keeps no handle.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

from .loops import LOOPS
from .nodejs import in_node
from .timers import delays_of

FAR_AWAY = 60_000  # ms: no timer fires while we count


def pending_callback(peer: str, count: int) -> dict[str, Any]:
    if peer == "node":
        return in_node("memory", "callback", count)

    def start(loop: Any, number: int) -> Callable[[], None]:
        soon = loop.soon

        def start_all() -> None:
            for _ in range(number):
                soon(ignored)

        return start_all

    return _bytes_at_three_counts(peer, count, start)


def pending_timer(peer: str, count: int) -> dict[str, Any]:
    if peer == "node":
        return in_node("memory", "timer", count)

    def start(loop: Any, number: int) -> Callable[[], None]:
        delays = [loop.delay(FAR_AWAY + milliseconds) for milliseconds in delays_of(number)]
        later = loop.later

        def start_all() -> None:
            for delay in delays:
                later(delay, ignored)

        return start_all

    return _bytes_at_three_counts(peer, count, start)


def ignored(_: object = None) -> None:
    pass


def _bytes_at_three_counts(peer: str, count: int, start: Callable[..., Any]) -> dict[str, Any]:
    counts = [count, count * 7 // 5, count * 9 // 5]
    found = {str(number): _bytes_each(LOOPS[peer](), number, start) for number in counts}
    return {"value": found[str(count)], "at": found}


def _bytes_each(loop: Any, number: int, start: Callable[..., Any]) -> float:
    start_all = start(loop, number)
    held = 0

    def main(_: object = None) -> None:
        nonlocal held
        gc.collect()
        tracemalloc.start()
        try:
            start_all()
            gc.collect()
            held, _peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        loop.stop()

    loop.run(main)
    return held / number
