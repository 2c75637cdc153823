"""How does a program use the loop?

`Runtime` puts the parts together. It keeps the names of the source chapter, and adds what a program
written for Node expects. The functions at the end are the same without `rt.`: they belong to the
runtime that is running.
"""

import asyncio
import os
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass
from numbers import Real
from threading import Thread, get_ident
from types import FunctionType, TracebackType
from typing import Any

from minirt.callbacks import Callback, check_callable, ignore
from minirt.epoll import Registrator
from minirt.errors import (
    AlreadyRan,
    ForeignThread,
    ForkedRuntime,
    NestedRuntime,
    NoRuntime,
    NotADelay,
    RuntimeClosed,
)
from minirt.loop import CLOSED, Loop, StopLoop
from minirt.system import RealSystem, System
from minirt.threadpool import Schedule, Task, TaskKind
from minirt.values import Js

LONGEST_DELAY = 2**31 - 1  # ms, some 25 days: Node's limit; what is above becomes SHORTEST_DELAY
SHORTEST_DELAY = 1  # ms

new_tuple = tuple.__new__

_current: ContextVar["Runtime | None"] = ContextVar("minirt_current_runtime", default=None)


def normal_delay(ms: object) -> int:
    """The delay that Node would use: whole milliseconds, 1 for what is too small, too large or NaN. NotADelay for no number."""
    if isinstance(ms, bool) or not isinstance(ms, Real):
        raise NotADelay(ms)
    number = float(ms)
    return int(number) if SHORTEST_DELAY <= number <= LONGEST_DELAY else SHORTEST_DELAY


class Timeout:
    """A timer that a caller holds: it can be cancelled, set again, and told not to keep the loop alive."""

    __slots__ = ("_callback", "_delay", "_runtime", "identity")

    def __init__(self, runtime: "Runtime", identity: int, delay: float, callback: Callback) -> None:
        self._runtime = runtime
        self.identity = identity
        self._delay = delay  # ms
        self._callback: Callback | None = callback

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.identity}: {self._delay} ms>"

    def cancel(self) -> None:
        """It does not run (again), even if it is due already."""
        self._callback = None
        self._runtime.clear_timeout(self.identity)

    def refresh(self) -> "Timeout":
        """Its delay starts again now. A timer that ran already is set once more; a cancelled one stays cancelled."""
        if self._callback is not None:
            self._runtime._rearm(self.identity, self._delay, self._callback)
        return self

    def ref(self) -> "Timeout":
        """It keeps the loop alive, as timers do."""
        self._runtime.unref_identities.discard(self.identity)
        return self

    def unref(self) -> "Timeout":
        """The loop may end without it."""
        if self.identity in self._runtime.callback_queue:
            self._runtime.unref_identities.add(self.identity)
        return self


class Interval(Timeout):
    """A timer that is set again after each of its calls, and so never fires twice in a row for one that was late."""

    __slots__ = ()

    def refresh(self) -> "Interval":
        if self._callback is not None:
            self._runtime._rearm(self.identity, self._delay, self.run)
        return self

    def run(self, value: Js) -> None:
        """Call the callback, then wait for the next time, unless the callback cleared us."""
        waiting = self._runtime.callback_queue
        waiting[self.identity] = self.run
        try:
            if self._callback is not None:
                self._callback(value)
        finally:
            if self.identity in waiting:
                self.refresh()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a runtime looks like at one moment: counts, and the first few of what may be many."""

    time: float  # s, on the loop's clock
    phase: str
    ticks: int
    identity_token: int
    pending_events: int
    epoll_pending_events: int
    callbacks: int
    immediates: int
    next_ticks: int
    microtasks: int
    threads: int
    available_threads: int
    waiting_tasks: int
    timers: tuple[tuple[float, int], ...]  # (deadline in s, identity), the nearest first
    running: tuple[tuple[int, int, str], ...]  # (thread, identity, kind)
    waiting: tuple[tuple[int, str], ...]  # (identity, kind), the oldest first
    watched: tuple[tuple[int, int, str], ...]  # (descriptor, token, interest)
    callback_identities: tuple[int, ...]


class Runtime(Loop):
    """A Node-style runtime: one loop, a pool of threads, timers, and an event queue. It runs once.

        rt = Runtime()
        rt.run(main)

    threads: size of the pool; started as they are needed.
    system: `RealSystem()` by default, or `Simulation(seed=...)`.
    trace: what records the run: a `Recorder`, or anything with its `record` method.
    schedule: which waiting task is next: "fifo", "priority", "shortest", or a function of the waiting tasks.
    max_waiting: how many tasks may wait for a thread; one more is TooManyWaiting for the caller.
    """

    __slots__ = ("_at_close", "_context", "_registrator", "_state", "_thread", "trace")

    def __init__(
        self,
        threads: int = 4,
        system: System | None = None,
        trace: Any = None,
        schedule: Schedule = "fifo",
        max_waiting: int | None = None,
    ) -> None:
        super().__init__(system or RealSystem(), threads, schedule, max_waiting)
        self._state = "new"  # then "running", "closed"
        self._thread = get_ident()  # who may call; 0 when nobody may any more
        self._context: Context | None = None
        self._at_close: list[Callable[[], object]] = []
        self.trace = trace

    # Its life

    def run(self, main: Callable[[], object]) -> None:
        """Call `main`, then turn the loop until nothing is alive, then close. What nobody caught leaves here."""
        context = self._new_context()
        try:
            context.run(self._run, main)
        except StopLoop:
            pass
        finally:
            self.close()

    def start(self, main: Callable[[], object]) -> None:
        """Call `main`. Then call `tick` as long as it says True."""
        self._context = self._new_context()
        self._guarded(self._enter, main)

    def tick(self) -> bool:
        """One turn of the loop. True while something is alive; when it says False the runtime is closed."""
        if self._context is None:
            if self._state == "closed":
                raise RuntimeClosed
            raise NoRuntime
        if get_ident() != self._thread:
            raise ForeignThread
        if self.is_alive():
            self._guarded(self.turn)
        if self._context is not None and not self.is_alive():
            self.close()
        return self._state == "running"

    def stop(self) -> None:
        """End `run` after the current callback. Any thread may call this."""
        self.next_ticks.appendleft(_stop)
        self.wake()

    def close(self) -> None:
        """Give back every thread and descriptor; callbacks that still wait are dropped. A second call does nothing."""
        if self._state == "closed":
            return
        self._state = "closed"
        self._thread = 0
        try:
            self.phase = "close"
            for close in reversed(self._at_close):
                close()
            self.pool.close()
        finally:
            self.poll.close()
            self._forget_everything()
            self.phase = "closed"

    def __enter__(self) -> "Runtime":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @staticmethod
    def current() -> "Runtime":
        """The runtime whose callback is running here. NoRuntime when none is."""
        runtime = _current.get()
        if runtime is None:
            raise NoRuntime
        return runtime

    async def play(self, main: Callable[[], object], view: Any = None) -> None:
        """Run in a thread of its own while the notebook's cell awaits, so that its controls answer.

        Interrupting the kernel stops the runtime; what `main` or a callback raised is raised here.
        """
        errors: list[BaseException] = []

        def run() -> None:
            try:
                self.run(main)
            except BaseException as error:
                errors.append(error)

        thread = Thread(target=copy_context().run, args=(run,), name="main")
        thread.start()
        try:
            while thread.is_alive():
                await asyncio.sleep(1 / 30)  # an await that ticks can be interrupted; one long sleep cannot
        finally:
            if thread.is_alive():
                self.stop()
            thread.join()
        if errors:
            raise errors[0]

    # Identities and callbacks: the names of the source chapter

    @property
    def identity_token(self) -> int:
        """The identity that was given last."""
        return self.identities.token

    @identity_token.setter
    def identity_token(self, token: int) -> None:
        self.identities.token = token

    def generate_identity(self) -> int:
        """The next identity, taken or not; after 2**64 - 1 comes 0."""
        return self.identities.generate()

    def generate_cb_identity(self) -> int:
        """The next identity that no callback has. AllIdentitiesTaken when there is none."""
        return self.identities.generate_free()

    def add_callback(self, ident: int, cb: Callback) -> None:
        """Box `cb` under an identity of the caller's choice. On its own it does not keep the loop alive."""
        self._check_thread()
        self._box(ident, cb)
        self.unref_identities.add(ident)

    def get_available_thread(self) -> int | None:
        """The number of a free thread, taken from the stack; None when all are busy."""
        return self.pool.take_free()

    def register_event_threadpool(self, task: Callable[[], Js], kind: TaskKind, cb: Callback) -> int:
        """Run `task` on the pool; `cb` receives the `Js` that it returns, or the `Error` that it raised.

        Returns the identity. When no thread is free the task waits; TooManyWaiting when it may not.
        """
        if get_ident() != self._thread:
            self._check_thread()
        if not callable(cb) or not callable(task):
            check_callable(cb)
            check_callable(task)
        if type(kind) is not TaskKind:
            raise TypeError(f"{kind!r} is no TaskKind. Use TaskKind.FILE_READ, or make your own: TaskKind('Zip')")
        identity = self.identities.generate_free()
        self.callback_queue[identity] = cb
        try:
            self.pool.submit(new_tuple(Task, (identity, kind, task)))  # Task(...), in half the time
        except BaseException:
            del self.callback_queue[identity]
            raise
        return identity

    def cancel_task(self, identity: int) -> bool:
        """Take back a task that no thread has started; its callback never runs. False when it is too late."""
        self._check_thread()
        if not self.pool.cancel(identity):
            return False
        self.callback_queue.pop(identity, None)
        return True

    @property
    def epoll_registrator(self) -> Registrator:
        """Where interest in descriptors is registered."""
        self._check_thread()
        return self.poll

    def register_event_epoll(self, token: int, cb: Callback, persistent: bool = False) -> None:
        """`cb` receives the readiness (`Int` of a `Ready`) of the descriptor registered with `token`.

        Once, after which token and interest are gone; or, if `persistent`, each time until `deregister_event_epoll`.
        """
        self._check_thread()
        self._box(token, cb)
        self.tokens.add(token)
        if persistent:
            self.persistent[token] = cb

    def deregister_event_epoll(self, token: int) -> None:
        """Neither the callback of `token` nor its interest is there any longer."""
        self.poll.deregister_token(token)
        if token in self.tokens:
            self.tokens.discard(token)
            self.persistent.pop(token, None)
            self.callback_queue.pop(token, None)

    # Timers, immediates, ticks, microtasks, close callbacks

    def set_timeout(self, ms: float, cb: Callback) -> Timeout:
        """Call `cb` once, `ms` milliseconds from now."""
        now = self.clock.now()  # first: the caller means this moment
        if get_ident() != self._thread:
            self._check_thread()
        if not callable(cb):
            check_callable(cb)
        if type(ms) is not int or not SHORTEST_DELAY <= ms <= LONGEST_DELAY:
            ms = normal_delay(ms)
        identity = self.identities.generate_free()
        self.callback_queue[identity] = cb
        self.timers.schedule(now + ms / 1000, identity)
        return Timeout(self, identity, ms, cb)

    def set_interval(self, ms: float, cb: Callback) -> Timeout:
        """Call `cb` again and again, each time `ms` milliseconds after the last call ended."""
        now = self.clock.now()
        self._check_thread()
        check_callable(cb)
        ms = normal_delay(ms)
        interval = Interval(self, self.identities.generate_free(), ms, cb)
        self.callback_queue[interval.identity] = interval.run
        self.timers.schedule(now + ms / 1000, interval.identity)
        return interval

    def clear_timeout(self, timeout: Timeout | int | None) -> None:
        """The timer does not run (again). Takes the handle or its identity; what is no timer is left alone, as in Node."""
        self._check_thread()
        if isinstance(timeout, Timeout):
            if timeout._callback is not None:
                timeout.cancel()
            return
        if timeout is not None and self._is_timer(timeout):
            self.callback_queue.pop(timeout, None)
            self.timers.cleared()

    def clear_interval(self, interval: Timeout | int | None) -> None:
        """The same as `clear_timeout`."""
        self.clear_timeout(interval)

    def set_immediate(self, cb: Callback) -> int:
        """Call `cb` in the check phase of this turn, or of the next one if that has begun. Returns its identity.

        From another thread it is refused while the loop sleeps, and not noticed otherwise: a look at
        the thread would cost a fifth of the whole call. Every other method looks each time.
        """
        if type(cb) is not FunctionType and not callable(cb):
            check_callable(cb)
        identities = self.identities
        identity = identities._token + 1
        if identity >= identities.free_below:
            identity = identities.generate_free()
        else:
            identities._token = identity
        self.immediates.append(cb)
        self._immediate_identities.append(identity)
        return identity

    def clear_immediate(self, identity: int | None) -> None:
        """The immediate does not run, even if its phase has begun. What is no immediate is left alone."""
        self._check_thread()
        if identity in self._immediate_identities:
            at = self._immediate_identities.index(identity)
            del self._immediate_identities[at]
            assert isinstance(self.immediates, list)
            del self.immediates[at]
        elif identity in self._check_identities:
            # identities count from the first, `_checking` is reversed and loses its last with each call
            at = len(self._check_identities) - 1 - self._check_identities.index(identity)
            if at < len(self._checking):
                self._checking[at] = ignore

    def next_tick(self, cb: Callback) -> None:
        """Call `cb` right after the current callback, before anything else."""
        self._check_thread()
        check_callable(cb)
        self.next_ticks.append(cb)

    def queue_microtask(self, cb: Callback) -> None:
        """Call `cb` after the current callback and all ticks."""
        self._check_thread()
        check_callable(cb)
        self.microtasks.append(cb)

    def call_in_close_phase(self, cb: Callback) -> int:
        """Call `cb` in the close phase of this turn. For modules: that is when Node says "close"."""
        self._check_thread()
        identity = self.generate_cb_identity()
        self._box(identity, cb)
        self.closing.append(identity)
        return identity

    def call_in_pending_phase(self, cb: Callback) -> int:
        """Call `cb` at the start of the next turn. For modules: I/O that failed before it began reports later all the same."""
        self._check_thread()
        identity = self.generate_cb_identity()
        self._box(identity, cb)
        self.pending.append(identity)
        return identity

    # Other threads

    def call_from_thread(self, cb: Callback) -> None:
        """Call `cb` on the loop. The one door for other threads: it wakes the loop."""
        check_callable(cb)
        if self._state == "closed":
            raise RuntimeClosed
        self.inbox.append(cb)
        self.wake()

    def at_close(self, close: Callable[[], object]) -> None:
        """Call `close` when the runtime closes. For modules that hold threads or descriptors of their own."""
        self._at_close.append(close)

    # Counters

    @property
    def pending_events(self) -> int:
        """How many events the loop waits for: what keeps it alive."""
        waiting = self.callback_queue
        unref = sum(identity in waiting for identity in self.unref_identities)
        return len(waiting) - unref + len(self.immediates) + len(self._checking)

    @property
    def epoll_pending_events(self) -> int:
        """How many of them wait for a descriptor."""
        return len(self.tokens)

    @property
    def available_threads(self) -> int:
        """How many threads of the pool are free."""
        return self.pool.available

    def snapshot(self, most: int = 50) -> Snapshot:
        """The counters, and at most `most` of each list. Any thread may call this."""
        waiting = self.pool.waiting()
        watched = self.poll.watched.copy()
        descriptors = tuple(watched.items())[:most]
        return Snapshot(
            time=self.clock.now(),
            phase=self.phase,
            ticks=self.ticks,
            identity_token=self.identity_token,
            pending_events=len(self.callback_queue) + len(self.immediates),
            epoll_pending_events=self.epoll_pending_events,
            callbacks=len(self.callback_queue) + len(self.immediates) + len(self._checking),
            immediates=len(self.immediates),
            next_ticks=len(self.next_ticks),
            microtasks=len(self.microtasks),
            threads=self.pool.size,
            available_threads=self.available_threads,
            waiting_tasks=len(waiting),
            timers=tuple(self.timers.nearest(most)),
            running=tuple((thread, task.identity, str(task.kind)) for thread, task in self.pool.running().items()),
            waiting=tuple((task.identity, str(task.kind)) for task in waiting[:most]),
            watched=tuple(
                (number, token, interest)
                for number, watch in descriptors
                for token, interest in ((watch.reader, "read"), (watch.writer, "write"))
                if token is not None
            ),
            callback_identities=tuple(self.callback_queue.copy())[:most],
        )

    # Inside

    def _new_context(self) -> Context:
        if self._state == "closed":
            raise AlreadyRan if self.ticks or self._context else RuntimeClosed
        if self._state == "running":
            raise AlreadyRan
        if _current.get() is not None:
            raise NestedRuntime
        self._state = "running"
        self._thread = get_ident()
        context = copy_context()
        self.pool.run_in(context.copy())  # the tasks: where the program was started, but with no runtime of their own
        context.run(_current.set, self)
        return context

    def _run(self, main: Callable[[], object]) -> None:
        self._enter(main)
        turn, is_alive = self.turn, self.is_alive
        while self.immediates or is_alive():
            turn()

    def _enter(self, main: Callable[[], object]) -> None:
        self.phase = "main"
        self.run_one(main)
        self.system.enter_loop()

    def _guarded(self, step: Callable[..., object], *arguments: object) -> None:
        """One step of a loop that the caller turns: an error or a stop closes the runtime, as in `run`."""
        assert self._context is not None
        try:
            self._context.run(step, *arguments)
        except StopLoop:
            self.close()
        except BaseException:
            self.close()
            raise

    def _check_thread(self) -> None:
        if get_ident() != self._thread:
            if self._state == "closed":
                raise RuntimeClosed
            raise ForeignThread

    def _box(self, identity: int, cb: Callback) -> None:
        self.callback_queue.add(identity, cb)
        self.identities.claim(identity)

    def _is_timer(self, identity: int) -> bool:
        return (
            identity in self.callback_queue
            and not self.pool.has(identity)
            and identity not in self.tokens
            and identity not in self.unref_bare
        )

    def _rearm(self, identity: int, delay: float, cb: Callback) -> None:
        self._check_thread()
        self.callback_queue[identity] = cb
        self.timers.move(self.clock.now() + delay / 1000, identity)

    def _forget_everything(self) -> None:
        self.immediates = CLOSED
        for queue in (
            self.callback_queue,
            self._immediate_identities,
            self._checking,
            self._check_identities,
            self.next_ticks,
            self.microtasks,
            self.pending,
            self.closing,
            self.idle_hooks,
            self.prepare_hooks,
            self.inbox,
            self.tokens,
            self.persistent,
            self.unref_identities,
            self.timers,
            self._at_close,
            self.pool.finished,
        ):
            queue.clear()  # type: ignore[attr-defined]
        self.on_uncaught = None
        self._context = None


def _stop(value: Js) -> None:
    raise StopLoop


def _after_fork_in_child() -> None:
    """The child of a callback's fork has the loop but none of its threads: end it at the next chance."""
    runtime = _current.get()
    if runtime is not None:
        runtime.next_ticks.appendleft(_forked)


def _forked(value: Js) -> None:
    raise ForkedRuntime


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


# The ambient functions: the running runtime's methods, so that a program reads like Node


def set_timeout(ms: float, cb: Callback) -> Timeout:
    """`Runtime.set_timeout` of the running runtime."""
    return Runtime.current().set_timeout(ms, cb)


def set_interval(ms: float, cb: Callback) -> Timeout:
    """`Runtime.set_interval` of the running runtime."""
    return Runtime.current().set_interval(ms, cb)


def clear_timeout(timeout: Timeout | int | None) -> None:
    """`Runtime.clear_timeout` of the running runtime."""
    Runtime.current().clear_timeout(timeout)


def clear_interval(interval: Timeout | int | None) -> None:
    """`Runtime.clear_interval` of the running runtime."""
    Runtime.current().clear_interval(interval)


def set_immediate(cb: Callback) -> int:
    """`Runtime.set_immediate` of the running runtime."""
    return Runtime.current().set_immediate(cb)


def clear_immediate(identity: int | None) -> None:
    """`Runtime.clear_immediate` of the running runtime."""
    Runtime.current().clear_immediate(identity)


def next_tick(cb: Callback) -> None:
    """`Runtime.next_tick` of the running runtime."""
    Runtime.current().next_tick(cb)


def queue_microtask(cb: Callback) -> None:
    """`Runtime.queue_microtask` of the running runtime."""
    Runtime.current().queue_microtask(cb)
