"""Do tasks wait for something that does not come, or not soon?

In a circle each waits for the next one, and for ever; unless one of them does so for a limited time
only. And who sleeps while it holds a lock lets all others wait, who only wanted the lock.
"""

import asyncio
import gc
from collections.abc import Iterator
from types import BuiltinMethodType, MappingProxyType, MethodType
from typing import Any

from minirt.aio.book import Book, Page
from minirt.aio.chain import coroutine_of, frames_of

LONG = 0.05  # s: a lock may be held over a shorter sleep
MOST_SLEEPERS = 200

# functions that may wait for a limited time, and which variable says for how long
LIMITED = MappingProxyType(
    {
        asyncio.wait_for.__code__: "timeout",
        asyncio.tasks._wait.__code__: "timeout",  # type: ignore[attr-defined]
    }
)


def circle_of(start: Page, book: Book) -> list[Page]:
    """The tasks that wait for each other for ever, from this one on; none if there is no circle."""
    ahead, seen = [[start]], {start.identity}
    while ahead:
        path = ahead.pop()
        waits = path[-1].waits
        for page in book.awaited(waits) if waits is not None else ():
            if page is start:
                return [] if any(map(has_a_limit, path)) else path
            if page.identity not in seen and page.state == "waits":
                seen.add(page.identity)
                ahead.append([*path, page])
    return []


def sleeper_with(lock: Any, book: Book) -> Page | None:
    """A task that sleeps for long and holds this lock."""
    now = book.now()
    for page in list(book.pages.values())[:MOST_SLEEPERS]:
        task, waits = page.task(), page.waits
        if task is None or waits is None or (waits.until or 0) - now <= LONG:
            continue
        if holds(task, lock):
            return page
    return None


def holds(task: "asyncio.Task[Any]", lock: Any) -> bool:
    """Is a coroutine of this task inside of `async with lock`?"""
    return any(owner is lock for owner in _entered(task))


def has_a_limit(page: Page) -> bool:
    """Does this task await something for a limited time, and not for ever?"""
    task = page.task()
    if task is None:
        return True  # it is over
    for frame in frames_of(coroutine_of(task)):
        name = LIMITED.get(frame.f_code)
        if name is not None and frame.f_locals.get(name) is not None:
            return True
    return any(
        type(owner) is asyncio.Timeout and owner.when() is not None for owner in _entered(task)
    )


def _entered(task: "asyncio.Task[Any]") -> Iterator[Any]:
    """Whose `async with` this task is inside of.

    A frame that is inside keeps the `__aexit__` for the end. The collector of garbage knows what a
    frame keeps.
    """
    for one in _coroutines(coroutine_of(task)):
        for kept in gc.get_referents(one):
            if type(kept) in (MethodType, BuiltinMethodType) and kept.__name__ == "__aexit__":
                yield kept.__self__


def _coroutines(coroutine: Any) -> Iterator[Any]:
    one = coroutine
    for _ in frames_of(coroutine):
        if one is None:
            return
        yield one
        one = getattr(one, "cr_await", None)
