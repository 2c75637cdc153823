"""What if a callback of the loop runs the loop?

asyncio refuses that. Libraries for notebooks, nest_asyncio first of all, take the refusal away and
turn the loop from inside of a callback until a future is done. Such a turn is a turn like any
other but for two things. The task that is in the middle of a step has to stand aside, or no other
could take one. And a context is entered once: what runs in one that is entered further up the stack
has to wait for the round outside.
"""

import asyncio
from asyncio import tasks
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import Any

of_asyncio: Any = tasks


@contextmanager
def task_aside() -> Iterator[None]:
    """While this lasts no task of the loop that runs here is in a step."""
    loop = asyncio._get_running_loop()
    task = None if loop is None else asyncio.current_task(loop)
    if task is not None:
        of_asyncio._leave_task(loop, task)
    try:
        yield
    finally:
        if task is not None:
            of_asyncio._enter_task(loop, task)


def take_entered(ready: deque[Any]) -> list[Any]:
    """Take the handles out whose context is entered by now."""
    entered: list[Any] = []
    for _ in range(len(ready)):
        handle = ready.popleft()
        (entered if is_entered(handle._context) else ready).append(handle)
    return entered


def is_entered(context: Any) -> bool:
    """Does something run in it?"""
    if not isinstance(context, Context):
        return False  # whoever calls the handle will say so
    try:
        context.run(tuple)
    except RuntimeError:
        return True
    return False
