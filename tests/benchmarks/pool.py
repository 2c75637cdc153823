"""What does it cost to hand a task to a thread and to get its answer on the loop?

Wall-clock seconds of one task, because threads that wait for each other do so in wall-clock time. A
pool of 4 threads everywhere. node has no task that does nothing: in its place stands the cheapest
work of its own pool, `fs.access` with one in flight, `crypto.randomFill` of one byte with a
thousand (node/pool.js).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from time import perf_counter
from typing import Any

from .loops import LOOPS, THREADS, Task
from .nodejs import in_node
from .pinning import one_cpu
from .turnover import turnover, turnover_of_tasks

IN_FLIGHT = 1000
OF_TASKS = ("trio", "curio")


def one_in_flight(peer: str, total: int) -> dict[str, Any]:
    """One task at a time, every thread on one cpu: the hand-over, not the way between cores."""
    with one_cpu() as pinned:
        if peer == "queues":
            return {"value": through_two_queues(doing_nothing(None), total), "pinned": pinned}
        return {**_in_flight(peer, 1, total, doing_nothing, "one"), "pinned": pinned}


def nothing_in_flight(peer: str, total: int) -> dict[str, Any]:
    """A thousand tasks in flight that do nothing."""
    return _in_flight(peer, IN_FLIGHT, total, doing_nothing, "nothing")


def stat_in_flight(peer: str, total: int) -> dict[str, Any]:
    """A thousand tasks in flight that make one system call each."""
    return _in_flight(peer, IN_FLIGHT, total, looking_here, "stat")


def doing_nothing(answer: object) -> Task:
    return lambda: answer


def looking_here(answer: object) -> Task:
    stat, here = os.stat, os.path.dirname(__file__)

    def task() -> object:
        stat(here)
        return answer

    return task


def _in_flight(
    peer: str, flight: int, total: int, work: Callable[[object], Task], program: str
) -> dict[str, Any]:
    if peer == "node":
        return in_node("pool", program, flight, total)
    task = work(answer_of(peer))
    if peer == "gevent":
        return {"value": through_greenlets(task, flight, total)}
    loop = LOOPS[peer]()
    if peer in OF_TASKS:
        return {"value": turnover_of_tasks(loop, loop.in_thread(task), flight, total, perf_counter)}
    return {"value": turnover(loop, loop.pooled(task), flight, total, perf_counter)}


def answer_of(peer: str) -> object:
    """A task of minirt answers with a `Js`; those of the others with nothing."""
    if peer != "minirt":
        return None
    from minirt import Undefined

    return Undefined()


def through_two_queues(task: Task, total: int) -> float:
    """The floor: a thread, a queue to it and a queue back, and no loop at all."""
    there: SimpleQueue[Task | None] = SimpleQueue()
    back: SimpleQueue[object] = SimpleQueue()

    def worker() -> None:
        while (work := there.get()) is not None:
            back.put(work())

    thread = Thread(target=worker)
    thread.start()
    began = perf_counter()
    for _ in range(total):
        there.put(task)
        back.get()
    seconds = perf_counter() - began
    there.put(None)
    thread.join()
    return seconds / total


def through_greenlets(task: Task, flight: int, total: int) -> float:
    """gevent's pool makes whoever submits wait for a thread: a greenlet for each task in flight."""
    import gevent
    from gevent.threadpool import ThreadPool

    pool, left = ThreadPool(THREADS), total

    def chain() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            pool.spawn(task).get()

    began = perf_counter()
    gevent.joinall([gevent.spawn(chain) for _ in range(flight)])
    seconds = perf_counter() - began
    pool.kill()
    return seconds / total
