"""What does a callback cost: kept going, made fresh, or alone beside a watched descriptor?

Each program returns the CPU seconds of one callback. A callback that counts would cost as much as a
good loop does, and hide it. So of PENDING callbacks all but one only start themselves again, and
that one counts: every loop here is fair, each callback gets its turn before any gets a second one.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from time import process_time
from typing import Any

from .loops import LOOPS
from .nodejs import in_node
from .turnover import turnover, turnover_of_tasks

PENDING = 1000
OF_TASKS = ("trio", "curio")  # their nearest thing: PENDING tasks that pause


def steady(peer: str, total: int) -> dict[str, Any]:
    """PENDING callbacks, each starts itself again."""
    if peer == "node":
        return in_node("callbacks", "steady", PENDING, total)
    loop = LOOPS[peer]()
    if peer in OF_TASKS:
        return {"value": turnover_of_tasks(loop, loop.pause, PENDING, total, process_time)}
    soon = loop.soon

    def turn(_: object = None) -> None:
        soon(turn)

    return {"value": counted_by_one(loop, lambda: soon(turn), total)}


def fresh(peer: str, total: int) -> dict[str, Any]:
    """PENDING callbacks, each starts a closure that was made for this one turn."""
    if peer == "node":
        return in_node("callbacks", "fresh", PENDING, total)
    loop = LOOPS[peer]()
    soon = loop.soon

    def start() -> None:
        def turn(_: object = None) -> None:
            start()

        soon(turn)

    return {"value": counted_by_one(loop, start, total)}


def counted_by_one(loop: Any, start: Callable[[], object], total: int) -> float:
    """CPU seconds of one callback on a loop that is run here."""
    main, figure = counting(loop, start, total)
    loop.run(main)
    return figure()


def counting(
    loop: Any, start: Callable[[], object], total: int
) -> tuple[Callable[..., None], Callable[[], float]]:
    """The first callback, and the CPU seconds of one callback, once the loop has ended.

    `start` keeps one callback going; here are PENDING - 1 of those, and the one that counts.
    """
    turns = max(1, total // PENDING)
    left, began, ended = turns, 0.0, 0.0

    def count(_: object = None) -> None:
        nonlocal left, ended
        left -= 1
        if left:
            loop.soon(count)
        else:
            ended = process_time()
            loop.stop()

    def main(_: object = None) -> None:
        nonlocal began
        began = process_time()
        for _ in range(PENDING - 1):
            start()
        loop.soon(count)

    return main, lambda: (ended - began) / (turns * PENDING)


def chain(peer: str, total: int) -> dict[str, Any]:
    """One callback at a time, while the loop watches a socket on which nothing ever arrives."""
    if peer == "node":
        return in_node("callbacks", "chain", 1, total)
    loop = LOOPS[peer]()
    idle, other_end = socket.socketpair()

    def never(_: object = None) -> None:
        raise AssertionError("nothing was sent, and yet the socket was readable")

    def watch_idle() -> None:
        loop.watch(idle, never)

    with idle, other_end:
        idle.setblocking(False)
        return {"value": turnover(loop, loop.soon, 1, total, process_time, first=watch_idle)}
