"""Who goes on with a coroutine when what it awaits is there?

A task. It sends the coroutine on (a step) until that awaits a future, and adds its next step as a
reaction of that future. What the coroutine returns settles the task, which is a future itself.

The first step is taken at once, as an async function's is in Node. A coroutine that is awaited
without a task runs inside of whoever awaits it, and takes no microtask of its own.

Cancellation is a third way to settle, and a request: `cancel` cancels what the task awaits, and so
`Cancelled` is raised at that `await`. Four cases go wrong first. A task that cancels itself, or is
cancelled while its next step is queued, awaits nothing that could be cancelled: the request is
kept (`_must_cancel`) and meets it at its next `await`, or at its next step. A task may refuse: it
catches `Cancelled` and goes on. And two may ask: each request is counted, so that `timeout_ms` can
tell its own from another's.
"""

import sys
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from types import CodeType, CoroutineType
from typing import Any, TypeVar

from minirt.awaiting.book import Book, book_here
from minirt.awaiting.errors import (
    Cancelled,
    NotACoroutine,
    NotAwaitable,
    OfAnotherRuntime,
    without_this_frame,
)
from minirt.awaiting.futures import Future
from minirt.values import UNDEFINED, Js
from minirt.watching.places import told

T = TypeVar("T")

PACKAGE = str(Path(__file__).parent.parent)
ITS_OWN_LINE = -1  # of a code object: its first one


class Task(Future[T]):
    """Runs a coroutine. The first step is taken before this returns.

    name: for the trace and for messages; the coroutine's own when it is left out.
    """

    __slots__ = (
        *("_awaits", "_cancels", "_coroutine", "_identity", "_made", "_must_cancel"),
        *("_refusal", "name"),
    )

    def __init__(self, coroutine: Coroutine[Any, Any, T], name: str | None = None) -> None:
        self._book: Book = book_here()
        check_coroutine(coroutine)
        self._begin(coroutine, name, place_of_the_caller())

    def _begin(self, coroutine: Any, name: str | None, made: tuple[CodeType, int]) -> None:
        book = self._book
        self._check_thread()
        self._reactions = []
        self.state = "pending"
        self.is_heard = False
        self.name = coroutine.__name__ if name is None else name
        self._coroutine = coroutine
        self._made = made  # where
        self._awaits: Future[Any] | None = None
        self._cancels = 0  # requests that were not taken back
        self._must_cancel = False  # one has not reached the coroutine yet
        self._refusal: Exception | None = None  # what is wrong with what it awaits
        self._identity: int | None = None  # only where somebody watches
        book.tasks.add(self)
        if book.loop.is_watched:
            self._tell("created")
        self._step(UNDEFINED)

    def __repr__(self) -> str:
        return f"<Task {self.name} {self.state}>"

    # Cancellation

    def cancel(self) -> bool:
        """Ask it to end: `Cancelled` is raised where it awaits. False when it is settled.

        What it awaits is cancelled: a timer is gone at once, a task of the pool is taken back
        unless it has begun. The task may clean up in `finally`, and may await there.
        """
        self._check_thread()
        if self.state != "pending":
            return False
        self._cancels += 1
        if self._awaits is None or not self._awaits.cancel():
            self._must_cancel = True
        return True

    def cancelling(self) -> int:
        """How many requests to cancel it were not taken back."""
        return self._cancels

    def uncancel(self) -> int:
        """Take one request back: who made it has dealt with it. Returns how many are left."""
        self._cancels = max(0, self._cancels - 1)
        if not self._cancels:
            self._must_cancel = False
        return self._cancels

    # Steps

    def _step(self, value: Js) -> None:
        book, awaited = self._book, self._awaits
        outer, book.running, self._awaits = book.running, self, None
        if book.loop.is_watched:
            self._tell("step" if awaited is None else "resumed")
        try:
            is_interrupted = self._must_cancel or self._refusal is not None
            awaiting = self._interrupt() if is_interrupted else self._coroutine.send(None)
        except StopIteration as stop:
            self._settle("cancelled") if self._must_cancel else self._fulfil(stop.value)
        except Cancelled:
            self._settle("cancelled")
        except Exception as error:
            self._fail(without_this_frame(error))
        except BaseException as error:  # it ends the loop's turn as well
            self.is_heard = True
            self._fail(error)
            raise
        else:
            self._wait_for(awaiting)
        finally:
            book.running = outer
            del self, awaited, outer  # from 3.12 on the coroutine's last frame keeps this one

    def _wait_for(self, awaited: Any) -> None:
        if not isinstance(awaited, Future):
            self._refuse(NotAwaitable(awaited))
        elif awaited._book is not self._book:
            self._refuse(OfAnotherRuntime(awaited))
        elif awaited is self:
            self._refuse(RuntimeError(f"{self!r} awaits itself, and so would wait for ever"))
        else:
            self._awaits = awaited
            awaited.is_heard = True
            if awaited.state == "pending":
                awaited._reactions.append(self._step)
            else:
                awaited._queue(self._step)
            if self._book.loop.is_watched:
                self._tell("awaits")
            if self._must_cancel and awaited.cancel():
                self._must_cancel = False

    def _refuse(self, error: Exception) -> None:
        """What it awaits cannot be awaited: the error is raised there, in a microtask."""
        self._refusal = error
        self._queue(self._step)

    def _interrupt(self) -> Any:
        """Raise where it awaits what was asked for."""
        error = Cancelled() if self._must_cancel else self._refusal
        self._must_cancel, self._refusal = False, None
        assert error is not None
        return self._coroutine.throw(error)

    def _settle(self, state: str) -> None:
        """The coroutine is over, and so is the task."""
        self._book.tasks.discard(self)
        Future._settle(self, state)
        if self._book.loop.is_watched:
            self._tell("cancelled" if state == "cancelled" else "done")

    def drop(self) -> None:
        """The runtime closes: the coroutine ends where it stands, if it does not refuse."""
        try:
            self._coroutine.close()
        except RuntimeError:  # it awaits on, and nothing can come any more
            pass

    # What there is to tell

    def told(self) -> BaseException:
        error = super().told()
        if self._book.runtime.is_main(self):  # it is run's to raise
            return error
        where = told(*line_of(*self._made))
        with suppress(Exception):  # as a frozen dataclass, whose errors keep no notes
            error.add_note(f"nobody awaited the task {self.name}, made in {where}")
        return error

    def _tell(self, kind: str) -> None:
        loop = self._book.loop
        if self._identity is None:
            self._identity = loop.new_identity()
        loop.calls.task(kind, self._identity, self.describe())

    def describe(self) -> dict[str, Any]:
        """For an event: its name, where it was made, and what it awaits and where."""
        file, line = line_of(*self._made)
        said = {"name": self.name, "file": file, "line": line}
        if self.state == "failed":
            said["error"] = type(self._error).__name__
        if self._awaits is not None:
            inner: Any = self._coroutine
            while isinstance(getattr(inner, "cr_await", None), CoroutineType):
                inner = inner.cr_await
            frame = getattr(inner, "cr_frame", None)
            said["awaits"] = getattr(self._awaits, "name", type(self._awaits).__name__)
            said["at"] = 0 if frame is None else frame.f_lineno
        return said


def task_of(coroutine: Any, book: Book, name: str | None, made: tuple[CodeType, int]) -> Task[Any]:
    """A task of a coroutine that was checked, made somewhere else than here."""
    task: Task[Any] = Task.__new__(Task)
    task._book = book
    task._begin(coroutine, name, made)
    return task


def check_coroutine(one: Any) -> None:
    """Raise NotACoroutine for one that runs already, or is over, and for anything else."""
    if type(one) is not CoroutineType or one.cr_suspended or one.cr_running or one.cr_frame is None:
        raise NotACoroutine(one)


def place_of_the_caller() -> tuple[CodeType, int]:
    """The nearest code outside of minirt, and where in it. A frame would keep its locals."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame = frame.f_back
    return frame.f_code, frame.f_lasti


def line_of(code: CodeType, at: int) -> tuple[str, int]:
    """File and line of a place in a code object."""
    for start, end, line in code.co_lines() if at >= 0 else ():
        if start <= at < end and line is not None:
            return code.co_filename, line
    return code.co_filename, code.co_firstlineno
