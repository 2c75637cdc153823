"""What stands for a value that is not there yet?

A future: a box that is settled once, by a result, an error, or a cancellation, and the callbacks
that wait for that. Each of them, a reaction, is a microtask, as the reactions of a promise are in
Node. It never runs at once, not even when the future is settled already: so the code behind an
`add_done_callback` or an `await` always runs later than the code before it, whoever was first.

`await future` is this: the future is handed to the task (`yield`), which adds its own next step as
a reaction, and whose coroutine goes on here when that is called.

Whoever makes a future that holds something, as a timer, gives it back in `_give_back`: that is
called when the future is cancelled before it is settled.
"""

from collections.abc import Callable, Generator
from threading import get_ident
from typing import Any, Generic, TypeVar

from minirt.awaiting.book import Book, book_here
from minirt.awaiting.errors import AlreadySettled, Cancelled, NotAnException, NotSettled
from minirt.core.callbacks import check_callable
from minirt.values import Callback

T = TypeVar("T")


class Future(Generic[T]):
    """A value to come. It belongs to the runtime in whose callback it was made."""

    __slots__ = ("__weakref__", "_book", "_error", "_reactions", "_value", "is_heard", "state")

    def __init__(self) -> None:
        self._book: Book = book_here()
        self._reactions: list[Callback] = []  # empty again once it is settled
        self.state = "pending"  # then "done", "failed" or "cancelled"
        self.is_heard = False  # somebody waits for it, or has asked

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.state}>"

    def __await__(self) -> Generator["Future[Any]", None, T]:
        yield self
        if self.state == "done":
            return self._value
        try:
            return self.result()
        finally:
            del self  # or the error's traceback, which has this frame, would keep the error

    # What was it settled with?

    def done(self) -> bool:
        """Is it settled, in whichever way?"""
        return self.state != "pending"

    def cancelled(self) -> bool:
        """Was it cancelled?"""
        return self.state == "cancelled"

    def result(self) -> T:
        """Its value; its error is raised. Cancelled, or NotSettled if it is too early."""
        if self.state == "done":
            return self._value
        error = self.exception()
        assert error is not None
        try:
            raise error
        finally:
            del error, self  # or its traceback, which has this frame, would keep it

    def exception(self) -> BaseException | None:
        """Its error, or None. Cancelled is raised, and NotSettled if it is too early."""
        if self.state == "pending":
            raise NotSettled(self)
        if self.state == "cancelled":
            raise Cancelled
        self.is_heard = True
        return self._error if self.state == "failed" else None

    # Settling it

    def set_result(self, value: T) -> None:
        """It has a value. AlreadySettled when it is settled."""
        self._check_pending()
        self._value = value
        self._settle("done")

    def set_exception(self, error: BaseException) -> None:
        """It has failed. TypeError for what is no instance of an exception, and StopIteration."""
        if not isinstance(error, BaseException) or isinstance(error, StopIteration):
            raise NotAnException(error)
        self._check_pending()
        self._fail(error)

    def cancel(self) -> bool:
        """Nobody wants it any more: who awaits it is cancelled. False when it is settled."""
        self._check_thread()
        if self.state != "pending":
            return False
        self._give_back()
        self._settle("cancelled")
        return True

    def add_done_callback(self, cb: Callable[["Future[T]"], object]) -> None:
        """Call `cb` with this future, in a microtask, once it is settled."""
        self._check_thread()
        check_callable(cb)
        self.react(lambda _: cb(self))

    # Inside

    def react(self, reaction: Callback) -> None:
        """`reaction` is a microtask when this is settled, or now if it is."""
        self.is_heard = True
        if self.state == "pending":
            self._reactions.append(reaction)
        else:
            self._queue(reaction)

    def told(self) -> BaseException:
        """Its error, for somebody who has not made it and did not wait for it."""
        self.is_heard = True
        return self._error

    def _fulfil(self, value: T) -> None:
        self._value = value
        self._settle("done")

    def _fail(self, error: BaseException) -> None:
        if issubclass(type(error), StopIteration):  # it would end the coroutine that awaits this
            stopped, error = error, RuntimeError(f"what was awaited raised {error!r}")
            error.__cause__ = stopped
        self._error = error
        self._settle("failed")
        if not self.is_heard:
            self._book.failed(self)

    def _settle(self, state: str) -> None:
        self.state = state
        reactions = self._reactions
        if reactions:
            loop = self._book.loop
            if loop.alert:
                for reaction in reactions:
                    loop.calls.added(None, reaction, "microtask")
            loop.microtasks.extend(reactions)
            reactions.clear()

    def _queue(self, reaction: Callback) -> None:
        loop = self._book.loop
        if loop.alert:
            loop.calls.added(None, reaction, "microtask")
        loop.microtasks.append(reaction)

    def _give_back(self) -> None:
        """It is cancelled: what it holds is not needed."""

    def _check_pending(self) -> None:
        loop = self._book.loop  # as `_check_thread`, without its call: each result comes by here
        if get_ident() != loop.thread:
            loop.check_thread()
        if self.state != "pending":
            raise AlreadySettled(self)

    def _check_thread(self) -> None:
        loop = self._book.loop
        if get_ident() != loop.thread:
            loop.check_thread()
