"""What does one callback cost, when callbacks keep starting callbacks?

The one program behind the rows of callbacks and of the pool: `pending` callbacks are started; each
starts itself again (the same function object) until `total` have run. Only what "start" means
differs from row to row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Clock = Callable[[], float]


def nothing() -> None:
    pass


def turnover(
    loop: Any,
    start: Callable[..., Any],
    pending: int,
    total: int,
    clock: Clock,
    first: Callable[[], Any] = nothing,
) -> float:
    """Seconds of one callback, from the loop's first to its last. `first` is not counted."""
    left, began, ended = total, 0.0, 0.0

    def turn(_: object = None) -> None:
        nonlocal left, ended
        left -= 1
        if left >= pending:
            start(turn)
        elif left == 0:
            ended = clock()
            loop.stop()

    def main(_: object = None) -> None:
        nonlocal began
        first()
        began = clock()
        for _ in range(pending):
            start(turn)

    loop.run(main)
    return (ended - began) / total


def turnover_of_tasks(
    loop: Any, step: Callable[..., Any], pending: int, total: int, clock: Clock
) -> float:
    """The same for a loop of tasks: `pending` of them await `step()`, `total` times in all."""
    left, seconds = total, 0.0

    async def chain() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await step()

    async def main() -> None:
        nonlocal seconds
        began = clock()
        await loop.all_of(chain, pending)
        seconds = clock() - began

    loop.run(main)
    return seconds / total
