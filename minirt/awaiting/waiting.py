"""What does a task wait for?

For time, for a function on the pool, for the end of a time limit. Each is a future over one of the
runtime's callbacks, and gives back what it holds when it is cancelled.
"""

from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

from minirt.awaiting.book import Book, running_runtime
from minirt.awaiting.coroutines import Task
from minirt.awaiting.errors import Cancelled, EnteredTwice, NoTask, NotForThePool
from minirt.awaiting.futures import Future
from minirt.core.policies import TaskKind
from minirt.core.signatures import check_action, is_async
from minirt.errors import NotADelay
from minirt.node.timeouts import Timeout
from minirt.values import UNDEFINED, Callback, Error, Js, Undefined

T = TypeVar("T")

IN_POOL = TaskKind("Function")


class Sleep(Future[None]):
    """Settled when its timer fires."""

    __slots__ = ("_timer",)

    def __init__(self, ms: float) -> None:
        super().__init__()
        self._timer: Timeout = self._book.runtime.set_timeout(ms, self._fired)

    def _fired(self, value: Js) -> None:
        del self._timer  # it has this method, and so this: they would keep each other
        self._value = None
        self._settle("done")

    def _give_back(self) -> None:
        self._timer.cancel()


def sleep_ms(ms: float) -> Future[None]:
    """Wait so many milliseconds: `await sleep_ms(100)`. The timer is set now.

    The delay is one of `set_timeout`. A cancelled sleep clears its timer.
    """
    try:
        return Sleep(ms)
    except NotADelay:
        raise NotADelay(ms, "await sleep_ms(100)") from None


class OfCallback(Future[Any]):
    """Settled by a callback that receives a `Js`: with its plain value, or an `Error`'s error.

    start: a function of the callback that starts the work. What it returns can cancel it: it has a
    method `cancel`, or is the identity of a task of the pool.
    """

    __slots__ = ("_work",)

    def __init__(self, start: Callable[[Callable[[Js], None]], Any]) -> None:
        super().__init__()
        self._work = start(self._answered)

    def _answered(self, value: Any) -> None:
        if self.state != "pending":  # it was cancelled while the work went on
            return
        self._work = None
        if type(value) is Error:
            self._fail(value.exception)
        else:
            self._fulfil(None if type(value) is Undefined else value.value)

    def _give_back(self) -> None:
        if hasattr(self._work, "cancel"):
            self._work.cancel()
        else:
            self._book.runtime.cancel_task(self._work)


def answered(start: Callable[[Callback], Any], cb: Callback | None) -> Any:
    """Start work that tells `cb`. Without one, a future takes its place, and is returned."""
    return OfCallback(start) if cb is None else start(cb)


def on_pool(task: Callable[[], Js], kind: TaskKind, cb: Callback | None) -> Any:
    """Run a module's task on the pool: the identity of `cb`, or a future of the plain value."""
    register = running_runtime().register_event_threadpool
    return register(task, kind, cb) if cb is not None else OfCallback(partial(register, task, kind))


def find(function: Callable[[], T], found: list[T]) -> Js:
    """On a thread of the pool. The loop looks at what was found when it has the answer.

    It knows nothing of the future: the traceback of what `function` raises keeps all that is here.
    """
    found.append(function())
    return UNDEFINED


class InPool(Future[T]):
    """Settled with what a function on the pool returned or raised."""

    __slots__ = ("_found", "_identity")

    def __init__(self, function: Callable[[], T]) -> None:
        super().__init__()
        self._found: list[T] = []
        self._identity = self._book.runtime.register_event_threadpool(
            partial(find, function, self._found), IN_POOL, self._answered
        )

    def _answered(self, value: Js) -> None:
        if self.state != "pending":  # it was cancelled while the function ran
            return
        if type(value) is Error:
            self._fail(value.exception)
        else:
            self._fulfil(self._found.pop())

    def _give_back(self) -> None:
        self._book.runtime.cancel_task(self._identity)


def in_pool(function: Callable[[], T]) -> Future[T]:
    """Run `function` on a thread of the pool: `await in_pool(f)` gives what it returns.

    Cancelled before a thread has begun with it, it never runs; later its result is dropped.
    """
    check_action(function, "in_pool(work)")
    if is_async(function):
        raise NotForThePool(function)
    return InPool(function)


class timeout_ms:  # noqa: N801  (it reads like a function: async with timeout_ms(100))
    """A time limit for a block: `async with timeout_ms(100): ...` raises TimeoutError.

    The task is cancelled when the time is over, and that cancellation becomes a TimeoutError at the
    end of the block. When somebody else has cancelled the task as well, it stays a cancellation.
    expired: is the time over?
    """

    def __init__(self, ms: float) -> None:
        self._ms = ms
        self.expired = False

    async def __aenter__(self) -> "timeout_ms":
        runtime = running_runtime()
        book: Book | None = runtime.of_modules.get(Book)
        if book is None or book.running is None:
            raise NoTask
        if hasattr(self, "_timer"):
            raise EnteredTwice
        self._task: Task[Any] = book.running
        self._others = self._task.cancelling()
        self._timer = runtime.set_timeout(self._ms, self._expire)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        is_ours = self.expired and self._task.uncancel() <= self._others and kind is Cancelled
        del self._task  # or the error's traceback, which has this frame, would keep the task
        if is_ours:
            raise TimeoutError(f"not done within {self._ms} ms") from error

    def _expire(self, value: Js) -> None:
        self.expired = True
        self._task.cancel()
