"""Which tasks are there, which of them runs, and whose error did nobody hear?

One book for each runtime. An error that nobody has heard is told when the ticks and microtasks are
over, as Node tells an unhandled rejection: a handler that is attached in the same turn is in time.
One look serves all of them. It is a microtask, or a tick, that goes to the end of the line until it
finds both empty. A look for each error would not do: two of them queue each other for ever.
"""

from collections import deque
from typing import TYPE_CHECKING, Any

from minirt.core.loop import Loop
from minirt.errors import NoRuntime
from minirt.node.current import Maker, TaskOf, current
from minirt.values import Js

if TYPE_CHECKING:
    from minirt.awaiting.coroutines import Task
    from minirt.awaiting.futures import Future
    from minirt.node.runtime import Runtime


class Book:
    """What awaiting keeps for one runtime."""

    __slots__ = ("_is_looking", "_unheard", "loop", "main", "running", "runtime", "tasks")

    def __init__(self, runtime: "Runtime") -> None:
        self.runtime = runtime
        self.loop: Loop = runtime.loop
        self.tasks: set[Task[Any]] = set()  # those that are not done
        self.running: Task[Any] | None = None  # whose step this is
        self.main: Task[Any] | None = None  # if main is an async function
        self._unheard: deque[Future[Any]] = deque()
        self._is_looking = False

    def failed(self, future: "Future[Any]") -> None:
        """It has an error that nobody has heard so far."""
        self._unheard.append(future)
        if not self._is_looking:
            self._is_looking = True
            self.loop.microtasks.append(self._look)

    def _look(self, value: Js) -> None:
        loop, unheard = self.loop, self._unheard
        while unheard and unheard[0].is_heard:
            unheard.popleft()
        if not unheard:
            self._is_looking = False
        elif loop.next_ticks:
            loop.next_ticks.append(self._look)
        elif loop.microtasks:
            loop.microtasks.append(self._look)
        else:
            self._is_looking = len(unheard) > 1
            if self._is_looking:
                loop.microtasks.append(self._look)
            raise unheard.popleft().told()  # no name holds it: the traceback would keep it

    def drop(self) -> None:
        """The runtime closes: what still waits is ended where it stands, and nobody is told."""
        self._unheard.clear()
        while self.tasks:
            self.tasks.pop().drop()


def running_runtime() -> "Runtime":
    """The runtime whose callback is running here. NoRuntime when none is."""
    here = current.get()
    if here is None or type(here) is TaskOf:
        raise NoRuntime
    return here.make() if isinstance(here, Maker) else here  # type: ignore[return-value]


def book_of(runtime: "Runtime") -> Book:
    """The one book of this runtime. RuntimeClosed when that is over."""
    book = runtime.of_modules.get(Book)
    if book is None:
        runtime.loop.check_thread()
        book = runtime.of_modules[Book] = Book(runtime)
        runtime.at_close(book.drop)
    return book


def book_here() -> Book:
    """The book of the runtime that is running here."""
    here = current.get()
    try:
        return here.of_modules[Book]  # type: ignore[union-attr, no-any-return]
    except (AttributeError, KeyError):
        return book_of(running_runtime())
