"""What does an event loop ask its core for while nobody calls a callback?

A timer, and that a function of the reader's is called on a thread. Both are noted here, and told in
words that a reader knows.
"""

from collections.abc import Callable
from contextvars import Context
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from minirt.aio.executor import Call
from minirt.core.timers import Timers

if TYPE_CHECKING:
    from minirt.aio.book import Book, Page

WAKES = "_set_result_unless_cancelled"  # what `asyncio.sleep` has called

Note = Callable[[str, int | None, dict[str, Any] | None], None]  # kind, identity, detail


class NotedTimers:
    """In place of the core's timers, where asyncio's side of the loop adds and removes them.

    now: the loop's time; running: the task that is at work; excuse: what noting took since then (s)
    is nobody's fault.
    """

    __slots__ = ("_book", "_excuse", "_note", "_now", "_running", "_timers")

    def __init__(
        self,
        timers: Timers,
        note: Note,
        book: "Book",
        now: Callable[[], float],
        running: Callable[[], "Page | None"],
        excuse: Callable[[float], None],
    ) -> None:
        self._timers, self._note, self._book = timers, note, book
        self._now, self._running, self._excuse = now, running, excuse

    def add(self, when: float, key: int, timer: Any) -> None:
        self._timers.add(when, key, timer)
        began = monotonic()
        delay = max(0.0, when - self._now())
        where, page = self._book.place(timer._callback), self._running()
        if page is not None and where["callback"] == WAKES:
            where = {**page.place(), "callback": f"wakes {page.name}"}
        self._note("boxed", key, where)
        detail = {"where": "timer", "delay": round(delay * 1000, 3), "deadline": when}
        self._note("queued", key, detail)
        self._excuse(began)

    def remove(self, key: int) -> bool:
        was_there = self._timers.remove(key)
        if was_there:
            self._note("dropped", key, {"why": "cancelled"})
        return was_there


def who_wakes(callback: str) -> str:
    """What to say of a callback that wakes a task."""
    return "its timer" if callback == WAKES else callback


def function_of(call: Call) -> Any:
    """What a thread is to call. `asyncio.to_thread` wraps it in `context.run`."""
    function = call._function
    if type(function) is partial and function.args:
        runs = function.func
        if type(getattr(runs, "__self__", None)) is Context and runs.__name__ == "run":
            return function.args[0]
    return function
