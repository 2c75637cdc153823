"""What changes around a program of asyncio's while it is watched?

Three things of Python's: who makes a new event loop, who hears of a warning, and which loop and
task run here. All are put back when the program is over, and all are as before for the code of
every other thread.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from minirt.watching.unawaited import Hearing, dropped_coroutine


@contextmanager
def outside_of_loops() -> Iterator[None]:
    """While this lasts, neither loop nor task runs on this thread, so that a program may run some.

    Where a cell runs in one go, those of its kernel do.
    """
    of_asyncio: Any = asyncio.tasks
    loop = asyncio._get_running_loop()
    task = None if loop is None else asyncio.current_task()
    if task is not None:  # one a thread, since 3.14; before, one a loop
        of_asyncio._leave_task(loop, task)
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)
        if task is not None:
            of_asyncio._enter_task(loop, task)


@contextmanager
def loops_made_here(make: Callable[[], object]) -> Iterator[None]:
    """While this lasts, a new event loop on this thread is what `make` makes."""
    policies: Any = asyncio.events  # 3.14 warns of the public name
    policy = getattr(policies, "_get_event_loop_policy", policies.get_event_loop_policy)()
    here, before, is_over = threading.get_ident(), policy.new_event_loop, False

    def new_event_loop() -> object:
        if threading.get_ident() == here and not is_over:
            return make()
        return before()

    was_replaced = vars(policy).get("new_event_loop")
    policy.new_event_loop = new_event_loop
    try:
        yield
    finally:
        is_over = True
        if vars(policy).get("new_event_loop") is new_event_loop:
            if was_replaced is None:
                del policy.new_event_loop
            else:
                policy.new_event_loop = was_replaced


@contextmanager
def warnings_heard(tell: Callable[[Any, str, int], object]) -> Iterator[None]:
    """While this lasts, `tell(coroutine, file, line)` hears of coroutines that nobody awaited."""
    here = threading.get_ident()

    def show(message: Any, category: Any, filename: str, lineno: int, *more: Any) -> None:
        if category is RuntimeWarning and "never awaited" in str(message):
            coroutine = dropped_coroutine()
            if coroutine is not None and threading.get_ident() == here:
                tell(coroutine, filename, lineno)
        hearing.before(message, category, filename, lineno, *more)

    hearing = Hearing(show)
    hearing.begin()
    try:
        yield
    finally:
        hearing.end()
