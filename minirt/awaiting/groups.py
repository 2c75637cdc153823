"""How does a task wait for many?

`gather` waits for all, `race` for the first. Coroutines become tasks at once, in their order, as
the async functions in `Promise.all([f(), g()])` have begun when it is called.
"""

from collections.abc import Awaitable, Coroutine
from functools import partial
from inspect import isawaitable
from types import CoroutineType
from typing import Any

from minirt.awaiting.book import Book
from minirt.awaiting.coroutines import check_coroutine, place_of_the_caller, task_of
from minirt.awaiting.errors import NotAwaitable, OfAnotherRuntime
from minirt.awaiting.futures import Future
from minirt.values import Js


class Group(Future[Any]):
    """Several futures, of which each tells when it is settled."""

    __slots__ = ("_first", "_left", "_members")

    def __init__(self, awaitables: tuple[Awaitable[Any], ...]) -> None:
        super().__init__()
        for one in awaitables:
            check_awaitable(one, self._book)
        self._first: Future[Any] | None = None  # the one that ended the others
        self._members = self._begin(awaitables)
        self._left = len(self._members)
        for member in self._members:
            member.react(partial(self._ended, member))

    def _begin(self, awaitables: tuple[Awaitable[Any], ...]) -> list[Future[Any]]:
        """Those that are futures, and a task for each other one; one task if it comes twice."""
        made = place_of_the_caller()
        futures: dict[int, Future[Any]] = {}
        for one in awaitables:
            if isinstance(one, Future):
                futures[id(one)] = one
            elif id(one) not in futures:
                futures[id(one)] = task_of(as_coroutine(one), self._book, None, made)
        return [futures[id(one)] for one in awaitables]

    def _ended(self, member: Future[Any], value: Js) -> None:
        raise NotImplementedError

    def _cancel_members(self) -> None:
        for member in self._members:
            member.cancel()

    def _settle_as(self, member: Future[Any]) -> None:
        if member.cancelled():
            self._settle("cancelled")
        elif (error := member.exception()) is not None:
            self._fail(error)
        else:
            self._fulfil(member.result())


class All(Group):
    """Settled when all are. The first that fails has the others cancelled, and they are awaited."""

    __slots__ = ()

    def __init__(self, awaitables: tuple[Awaitable[Any], ...]) -> None:
        super().__init__(awaitables)
        if not self._left:
            self._fulfil([])

    def cancel(self) -> bool:
        """Cancel all of them. This one is cancelled when they are over."""
        self._check_thread()
        if self.state != "pending":
            return False
        if self._first is None:
            self._first = self  # it is not settled: whoever comes last settles it as cancelled
        self._cancel_members()
        return True

    def _ended(self, member: Future[Any], value: Js) -> None:
        self._left -= 1
        if self._first is None and member.state != "done":
            self._first = member
            self._cancel_members()
        if not self._left and self.state == "pending":
            if self._first is None:
                self._fulfil([one._value for one in self._members])
            elif self._first is self:
                self._settle("cancelled")
            else:
                self._settle_as(self._first)
            self._members.clear()


class First(Group):
    """Settled as the first is; the others are cancelled, and not awaited."""

    __slots__ = ()

    def _ended(self, member: Future[Any], value: Js) -> None:
        if self.state == "pending":
            self._settle_as(member)
            self._cancel_members()

    def _give_back(self) -> None:
        self._cancel_members()


def gather(*awaitables: Awaitable[Any]) -> Future[Any]:
    """Wait for all: the list of their values, in the order of the arguments.

    The first error, or cancellation, cancels the others; it is raised when all are over. An error
    that one of the others raises meanwhile counts as heard.
    """
    return All(awaitables)


def race(*awaitables: Awaitable[Any]) -> Future[Any]:
    """Wait for the first: its value, or its error. The others are cancelled then."""
    if not awaitables:
        raise ValueError("race() of nothing would wait for ever. Hand it one or more awaitables")
    return First(awaitables)


def check_awaitable(one: object, book: Book) -> None:
    """Raise NotAwaitable, NotACoroutine for one that was awaited already, or OfAnotherRuntime."""
    if type(one) is CoroutineType:
        check_coroutine(one)
    elif isinstance(one, Future):
        if one._book is not book:
            raise OfAnotherRuntime(one)
    elif not isawaitable(one):
        raise NotAwaitable(one)


def as_coroutine(one: Awaitable[Any]) -> Coroutine[Any, Any, Any]:
    """The coroutine itself, or one that awaits what can be awaited."""
    return one if type(one) is CoroutineType else waiting_for(one)


async def waiting_for(one: Awaitable[Any]) -> Any:
    return await one
