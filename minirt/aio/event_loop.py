"""Can all of asyncio run on minirt's loop?

Yes, and nobody has to change a program for it. asyncio is two things. One half waits and calls:
what is ready, which timer is next, which descriptor can be read, how a thread hands something over.
That half is minirt's core here. The other half is made of it: transports, TLS, subprocesses,
signals, and of course tasks and futures. That half is the standard library's, which is why this
class is a subclass of its loop.

So every method of the standard loop that would wait or call by itself is replaced, and the queues
that it used are closed (`closed.py`): nothing runs behind minirt's back. `_run_once`, the one
method that asyncio's `run_forever` calls again and again, is `Loop.turn`.

What happens at each call is in `call_soon`: a handle is made and added to a queue. Its price is the
price of asyncio, so there is no line in it that could be elsewhere. `alert` is the one flag for
everything unusual: the loop is closed, is watched, or sleeps, and then it is a signal's handler
that calls.
"""

import asyncio
import warnings
from collections.abc import Callable, Iterable
from contextvars import Context, copy_context
from functools import partial
from typing import Any

from minirt.aio.closed import Empty, Watched
from minirt.aio.executor import Executor, usual_threads
from minirt.aio.handles import Handle, TimerHandle, filled, made_here
from minirt.aio.rounds import Rounds
from minirt.core.callbacks import Listener
from minirt.core.polls import FileLike, Interest, number_of
from minirt.core.system import System
from minirt.core.usual import usual_system


class LoopTime:
    """The clock of the core: whatever `loop.time` is now, also where a test has replaced it."""

    def __init__(self, loop: "MinirtEventLoop", system: System) -> None:
        self._loop = loop
        self.sleep, self.spend = system.clock.sleep, system.clock.spend

    def now(self) -> float:
        return self._loop.time()


class DescriptorListener(Listener):
    """A listener for a handle of asyncio's."""

    __slots__ = ("handle", "interest")

    def __init__(self, identity: int, handle: Handle, rounds: Rounds, interest: Interest) -> None:
        super().__init__(identity, partial(rounds.descriptor_ready, handle))
        self.handle = handle
        self.interest = interest


StandardLoop: Any = asyncio.SelectorEventLoop  # half of what is used here has no public type


class MinirtEventLoop(StandardLoop):  # type: ignore[misc]
    """An asyncio loop that minirt drives: `asyncio.Runner(loop_factory=MinirtEventLoop)`.

    system: a `Simulation` for simulated time, in which `asyncio.sleep(3600)` takes no time and
    nothing real can be waited for; the machine's own time and descriptors without it, and in a
    web page a simulation, too.
    """

    _closed = True  # until it is made

    def __init__(self, system: System | None = None) -> None:
        if system is not None and not hasattr(system, "open_poll"):
            raise TypeError(
                f"got {system!r}, expected a system: Simulation(seed=0), or nothing for real time"
            )
        system = system or usual_system()
        self._now = system.clock.now
        self._core = rounds = Rounds(system, LoopTime(self, system), usual_threads())
        self._soon = rounds.ready.append
        self._timers, self._next_key = rounds.timers, rounds.next_identity
        self._executor = Executor(rounds)
        super().__init__(Watched(rounds.poll, lambda one: one.handle))
        self._ready = self._scheduled = Empty()
        # an attribute of the object: who replaces the method of the class does not reach it
        self._run_once = rounds.turn

    def clock_of_its_core(self) -> LoopTime:
        """What the core asks for the time: `time`, below."""
        return LoopTime(self, self._core.system)

    def time(self) -> float:
        """Seconds on the loop's clock. Only differences mean something."""
        return self._now()

    # What is called soon, or later

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Handle:
        """Call `callback(*args)` in the next round."""
        origin = None
        if self._debug or self._core.alert:
            origin = self._check(callback, "call_soon")
        handle: Any = Handle()
        handle._loop = self
        handle._callback = callback
        handle._args = args
        handle._context = copy_context() if context is None else context
        handle._cancelled = False
        handle._repr = None
        handle._source_traceback = origin
        self._soon(handle)
        return handle  # type: ignore[no-any-return]

    def call_soon_threadsafe(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Handle:
        """The same from any thread; it wakes the loop."""
        self._check_closed()
        origin = None
        if self._debug:
            self._check_callback(callback, "call_soon_threadsafe")
            origin = made_here(1)
        handle: Any = filled(Handle(), self, callback, args, context, origin)
        rounds = self._core
        rounds.system.deliver(rounds.bring, handle)
        return handle  # type: ignore[no-any-return]

    def call_later(
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> TimerHandle:
        """Call `callback(*args)` in `delay` seconds."""
        if delay is None:
            raise TypeError("delay must not be None. Use call_soon() to call without a delay")
        when, origin = self.time() + delay, None
        if self._debug or self._core.alert:
            origin = self._check(callback, "call_later")
        return self._add_timer(when, callback, args, context, origin)

    def call_at(
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> TimerHandle:
        """Call `callback(*args)` when `loop.time()` is `when` (seconds)."""
        if when is None:
            raise TypeError("when cannot be None. Use loop.time() and a number of seconds")
        origin = None
        if self._debug or self._core.alert:
            origin = self._check(callback, "call_at")
        return self._add_timer(when, callback, args, context, origin)

    def _add_timer(
        self, when: float, callback: Any, args: Any, context: Context | None, origin: Any
    ) -> TimerHandle:
        timer: Any = TimerHandle()
        timer._loop = self
        timer._callback = callback
        timer._args = args
        timer._context = copy_context() if context is None else context
        timer._cancelled = False
        timer._repr = None
        timer._source_traceback = origin
        timer._when = when
        timer._scheduled = key = self._next_key()  # asyncio asks whether it is true
        try:
            self._timers.add(when, key, timer)
        except (OverflowError, ValueError):  # without bounds, or NaN
            if not when > 0:
                self._soon(timer)  # else it is never due
        except TypeError:
            raise TypeError(
                f"got {when!r}, expected a number of seconds on the clock of loop.time()"
            ) from None
        return timer  # type: ignore[no-any-return]

    def _timer_handle_cancelled(self, timer: Any) -> None:
        self._timers.remove(timer._scheduled)

    def _add_callback(self, handle: Any) -> None:
        if not handle._cancelled:
            self._soon(handle)

    def _write_to_self(self) -> None:
        self._core.wake()

    def _check(self, callback: Callable[..., object], method: str) -> list[Any] | None:
        """Something is unusual: refuse, wake the loop, or note who called."""
        self._check_closed()
        if self._core.asleep:
            self._core.wake()  # a signal's handler calls
        if not self._debug:
            return None
        self._check_thread()
        self._check_callback(callback, method)
        return made_here(2)

    # Descriptors

    def _add_reader(self, fd: FileLike, callback: Callable[..., object], *args: Any) -> Handle:
        return self._listen(fd, Interest.READABLE, callback, args)

    def _add_writer(self, fd: FileLike, callback: Callable[..., object], *args: Any) -> Handle:
        return self._listen(fd, Interest.WRITABLE, callback, args)

    def _remove_reader(self, fd: FileLike) -> bool:
        return self._unlisten(fd, Interest.READABLE)

    def _remove_writer(self, fd: FileLike) -> bool:
        return self._unlisten(fd, Interest.WRITABLE)

    def _listen(
        self, fd: FileLike, interest: Interest, callback: Callable[..., object], args: Any
    ) -> Handle:
        self._check_closed()
        if type(fd) is not int or fd < 0:
            fd = self._selector.known(fd)
        rounds = self._core
        origin = made_here(2) if self._debug else None
        handle = filled(Handle(), self, callback, args, None, origin)
        listener = DescriptorListener(rounds.next_identity(), handle, rounds, interest)
        if rounds.alert:
            detail = {"persistent": True, "descriptor": number_of(fd), "interest": interest}
            rounds.calls.added(listener.identity, callback, "epoll", detail)
        replaced = rounds.poll.watch(fd, interest, listener)
        if replaced or rounds.poll.losses:
            self._forget(replaced)
        return handle  # type: ignore[no-any-return]

    def _unlisten(self, fd: FileLike, interest: Interest) -> bool:
        if self.is_closed():
            return False
        if type(fd) is not int or fd < 0:
            fd = self._selector.known(fd)
        poll = self._core.poll
        gone: set[Any] = poll.unwatch(fd, interest)
        if poll.losses:  # by the number of a descriptor that was closed
            lost: Any = [one for one, _ in poll.losses]
            gone |= {one for one in lost if one.interest is interest}
        if gone or poll.losses:
            self._forget(gone)
        return bool(gone)

    def _forget(self, listeners: Iterable[Any]) -> None:
        """These are called no more, nor are those whose descriptor was closed: asyncio's rule is
        that they are silent."""
        rounds = self._core
        losses = rounds.poll.losses
        for listener in (*listeners, *(one for one, _ in losses)):
            if rounds.alert:
                rounds.calls.dropped(listener.identity)
            listener.handle.cancel()
        losses.clear()

    # Signals come through a pair of sockets, which is there once somebody listens to one

    def _make_self_pipe(self) -> None:
        self._ssock: Any = None
        self._csock: Any = None
        self._internal_fds += 1  # what wakes the loop is the poll's

    def _close_self_pipe(self) -> None:
        self._internal_fds -= 1
        if self._csock is not None:
            super()._close_self_pipe()

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: Any) -> None:
        """Call `callback(*args)` on the loop when signal `sig` comes."""
        if self._csock is None and not self.is_closed():
            super()._make_self_pipe()
        super().add_signal_handler(sig, callback, *args)

    # The executor

    def run_in_executor(
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> "asyncio.Future[Any]":
        """A future of `func(*args)`, called on a thread. executor=None: minirt's pool."""
        if executor is not None or self._default_executor is not None:
            future: asyncio.Future[Any] = super().run_in_executor(executor, func, *args)
            return future
        self._check_closed()
        if self._debug:
            self._check_callback(func, "run_in_executor")
        self._check_default_executor()
        future = self.create_future()
        self._executor.submit(future, func, args)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Wait until the pool has done its work, `timeout` seconds at most, and end its threads."""
        self._executor_shutdown_called = True
        try:
            async with asyncio.timeout(timeout):
                await self._executor.drain()
        except TimeoutError:
            warnings.warn(
                f"the executor did not finish its work within {timeout} seconds",
                RuntimeWarning,
                stacklevel=2,
            )
            self._core.pool.end()
        else:
            self._core.pool.end(wait=True)
        if self._default_executor is not None:
            await super().shutdown_default_executor(*([] if timeout is None else [timeout]))

    # Its life

    def set_debug(self, enabled: bool) -> None:
        """Check each call, and tell of callbacks that take longer than `slow_callback_duration`."""
        super().set_debug(enabled)
        self._core.set_debug(enabled)

    def stop(self) -> None:
        """`run_forever` returns when the current round is over, or the next, if none runs."""
        super().stop()
        self._core.stop_after_round()

    def close(self) -> None:
        """Give everything back. It does not wait for the executor. RuntimeError while it runs."""
        super().close()
        self._core.close()
