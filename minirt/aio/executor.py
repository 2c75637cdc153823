"""How does a function run on a thread, and its result become an asyncio future?

On minirt's pool. `run_in_executor` of the standard loop makes two futures, one for the threads and
one for the loop, and tells one of the other through a handle, a lock, and a byte in a pipe. Here a
thread puts the result where the loop finds it, and the loop sets the only future there is.

A future that was cancelled is seen by the thread, just before it would call the function. So taking
work back needs no message to the pool.
"""

import asyncio
import concurrent.futures
import os
from collections.abc import Callable
from typing import Any

from minirt.aio.rounds import Rounds
from minirt.core.policies import TaskKind
from minirt.values import UNDEFINED, Js

EXECUTOR = TaskKind("Executor")


def usual_threads() -> int:
    """How many threads the standard executor has."""
    count: Callable[[], int | None] = getattr(os, "process_cpu_count", os.cpu_count)
    return min(32, (count() or 1) + 4)


class Executor:
    """The pool of a loop, for any function."""

    def __init__(self, rounds: Rounds) -> None:
        self._rounds = rounds
        self._waiting = rounds.callbacks.tasks  # for a result
        self._is_used = False
        self.all_done: asyncio.Future[None] | None = None  # somebody waits for the last result

    def submit(
        self, future: "asyncio.Future[Any]", function: Callable[..., Any], args: tuple[Any, ...]
    ) -> None:
        """Call `function(*args)` on a thread; `future` gets what it returns or raises."""
        rounds, call = self._rounds, Call(self, future, function, args)
        identity = rounds.next_identity()
        if not self._is_used:
            self._is_used = True
            rounds.pool.outlive()
        if rounds.alert:
            rounds.calls.added(identity, call.deliver, "pool", {"kind": EXECUTOR})
        self._waiting[identity] = call.deliver
        try:
            rounds.pool.submit((identity, EXECUTOR, call.run))
        except BaseException:  # the system gives no more threads
            del self._waiting[identity]
            raise

    async def drain(self) -> None:
        """Wait until the pool has done all that it was given, cancelled or not."""
        if self._waiting:
            self.all_done = asyncio.get_running_loop().create_future()
            try:
                await self.all_done
            finally:
                self.all_done = None

    def delivered(self) -> None:
        """A result came, and somebody waits for the last one."""
        if self.all_done is not None and not self._waiting and not self.all_done.done():
            self.all_done.set_result(None)


class Call:
    """A function with its arguments, and the future that waits for what it returns."""

    __slots__ = ("_args", "_error", "_executor", "_function", "_future", "_value")

    def __init__(
        self,
        executor: Executor,
        future: "asyncio.Future[Any]",
        function: Callable[..., Any],
        args: tuple[Any, ...],
    ) -> None:
        self._executor = executor
        self._future: asyncio.Future[Any] | None = future
        self._function: Any = function
        self._args = args
        self._value: Any = None
        self._error: BaseException | None = None

    def run(self) -> Js:
        """On a thread: call the function, and keep what it returns or raises for the loop."""
        function, args = self._function, self._args
        self._function, self._args = None, ()  # once it is over, nothing keeps them
        # no name for the future: it will have the error, which has this frame
        if self._future is not None and not self._future.cancelled():
            try:
                self._value = function(*args)
            except BaseException as error:
                self._error = error
        return UNDEFINED

    def deliver(self, _: Js) -> None:
        """On the loop: the future gets its result, if it still waits for one."""
        future, value, error = self._future, self._value, self._error
        self._future = self._value = self._error = None  # an error has a frame, which has this
        if future is not None and not future.done():
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(raisable(error))
        if self._executor.all_done is not None:
            self._executor.delivered()


def raisable(error: BaseException) -> BaseException:
    """The same error as a future can have it."""
    if isinstance(error, StopIteration):  # it would end the coroutine that awaits it
        raised = RuntimeError("the function raised StopIteration, which a future cannot raise")
        raised.__cause__ = error
        return raised
    if isinstance(error, concurrent.futures.CancelledError):  # another class than asyncio's
        return asyncio.CancelledError(*error.args)
    return error
