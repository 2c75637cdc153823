"""How does a program use the loop?

`Runtime` puts the parts together, gives them a life from `run` to `close`, and keeps the names of
the source chapter.
"""

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass
from threading import get_ident
from types import TracebackType
from typing import Any

from minirt.core.callbacks import Callback, check_callable
from minirt.core.epoll import Registrator
from minirt.errors import (
    AlreadyRan,
    ForkedRuntime,
    NestedRuntime,
    NoRuntime,
    NotCallable,
    RuntimeClosed,
)
from minirt.core.loop import StopLoop
from minirt.watching.gate import Gate
from minirt.node.timeouts import Scheduling
from minirt.core.system import RealSystem, System
from minirt.core.threadpool import Schedule, TaskKind
from minirt.watching.trace import Named, Recorder, Silence, Sink, console_line
from minirt.watching.calls import Traced
from minirt.values import Js

_current: ContextVar["Runtime | None"] = ContextVar("minirt_current_runtime", default=None)


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


class Runtime(Scheduling):
    """A Node-style runtime: one loop, a pool of threads, timers, and an event queue. It runs once.

        rt = Runtime()
        rt.run(main)

    threads: size of the pool; started as they are needed.
    system: `RealSystem()` by default, or `Simulation(seed=...)`.
    trace: what records the run: a `Recorder`, or anything with its `record` method.
    schedule: which waiting task is next: "fifo", "priority", "shortest", or a function of them all.
    max_waiting: how many tasks may wait for a thread; one more is TooManyWaiting for the caller.
    """

    __slots__ = ("_at_close", "_context")

    def __init__(
        self,
        threads: int = 4,
        system: System | None = None,
        trace: Sink | None = None,
        schedule: Schedule = "fifo",
        max_waiting: int | None = None,
    ) -> None:
        super().__init__(system or RealSystem(), threads, schedule, max_waiting)
        self._context: Context | None = None
        self._at_close: list[Callable[[], object]] = []
        if trace is not None:
            self.attach(trace)

    # Its life

    def run(self, main: Callable[[], object]) -> None:
        """Call `main`, then turn the loop until nothing is alive, then close.

        What nobody caught leaves here.
        """
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
        """One turn of the loop. True while something is alive; False: the runtime is closed."""
        if self._state == "new":
            raise NoRuntime
        if self._state == "running":
            self._check_thread()
            if _current.get() is self:
                raise NestedRuntime
            if self.is_alive():
                self._guarded(self.turn)
            if not self.is_alive():
                self.close()
        elif self._state == "closed":
            raise RuntimeClosed
        return self._state == "running"

    def stop(self) -> None:
        """End `run` after the current callback. Any thread may call this."""
        self.next_ticks.appendleft(_stop)
        self.wake()

    def close(self) -> None:
        """Give back every thread and descriptor; callbacks that still wait are dropped.

        A second call does nothing. From a callback it is `stop`: the loop closes when that is over.
        """
        if self._state in ("ran", "closed"):
            return
        if self._state == "running":
            self._check_thread()  # or a loop that turns would lose its descriptors: use stop()
            if _current.get() is self:
                self.stop()
                return
        self._state = "ran" if self._state == "running" else "closed"
        self._thread = 0
        self.phase = "closed"
        # each of these happens, also if one before it failed or was interrupted
        with ExitStack() as last_first:
            last_first.callback(self._forget_everything)
            last_first.callback(self._close_poll)
            last_first.callback(self._close_pool)
            for close in self._at_close:
                last_first.callback(close)

    def __enter__(self) -> "Runtime":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @staticmethod
    def current() -> "Runtime":
        """The runtime whose callback is running here. NoRuntime when none is."""
        runtime = _current.get()
        if runtime is None:
            raise NoRuntime
        return runtime

    async def play(
        self, main: Callable[[], object], view: Any = None, speed: float = 1.0, paused: bool = False
    ) -> None:
        """Run in a thread of its own while the notebook's cell awaits, so that its controls answer.

        view: a new LiveView in a notebook; False for none; or a LiveView to go on with.
        speed, paused: how it starts (see `Gate`). Interrupting the kernel stops the runtime; what
        `main` or a callback raised is raised here, after everything is closed.
        """
        from minirt.watching.play import play  # brings asyncio, which only a notebook needs

        await play(self, main, view, Gate(speed, paused))

    # Identities and callbacks: the names of the source chapter

    @property
    def identity_token(self) -> int:
        """The identity that was given last."""
        return self.identities.token

    @identity_token.setter
    def identity_token(self, token: int) -> None:
        self._check_thread()
        self.identities.token = token

    def generate_identity(self) -> int:
        """The next identity, taken or not; after 2**64 - 1 comes 0."""
        self._check_thread()
        return self.identities.generate()

    def generate_cb_identity(self) -> int:
        """The next identity that no callback has. AllIdentitiesTaken when there is none."""
        self._check_thread()
        return self.identities.generate_free()

    def add_callback(self, ident: int, cb: Callback) -> None:
        """Box `cb` under an identity of the caller's choice. It does not keep the loop alive."""
        self._check_thread()
        self._box(ident, cb)
        self.unref_identities.add(ident)

    def get_available_thread(self) -> int | None:
        """The number of a free thread, taken from the stack; None when all are busy."""
        self._check_thread()
        return self.pool.take_free()

    def register_event_threadpool(
        self, task: Callable[[], Js], kind: TaskKind, cb: Callback
    ) -> int:
        """Run `task` on the pool; `cb` receives the `Js` that it returns, or an `Error`.

        Returns the identity. When no thread is free the task waits; TooManyWaiting when it may not.
        """
        if get_ident() != self._thread:
            self._check_thread()
        if not callable(cb) or not callable(task):
            raise NotCallable(task if callable(cb) else cb)
        if type(kind) is not TaskKind:
            raise TypeError(
                f"{kind!r} is no TaskKind. "
                "Use TaskKind.FILE_READ, or make your own: TaskKind('Zip')"
            )
        identity = self.identities.generate_free()
        self.callback_queue[identity] = cb
        try:
            self.pool.submit((identity, kind, task))
        except BaseException:
            del self.callback_queue[identity]
            raise
        return identity

    def cancel_task(self, identity: int) -> bool:
        """Take back a task that no thread has started; its callback never runs.

        False when it is too late.
        """
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
        """`cb` receives the readiness (`Int` of a `Ready`) of what was registered with `token`.

        Once, after which token and interest are gone; or, if `persistent`, each time until
        `deregister_event_epoll`.
        """
        self._check_thread()
        self._box(token, cb)
        self.tokens.add(token)
        if persistent:
            self.persistent[token] = cb

    def deregister_event_epoll(self, token: int) -> None:
        """Neither the callback of `token` nor its interest is there any longer."""
        self._check_thread()
        self.poll.deregister_token(token)
        if token in self.tokens:
            self.tokens.discard(token)
            self.persistent.pop(token, None)
            self.callback_queue.pop(token, None)

    # Other threads

    def call_from_thread(self, cb: Callback) -> None:
        """Call `cb` on the loop. The one door for other threads: it wakes the loop."""
        check_callable(cb)
        if self._thread == 0:
            raise RuntimeClosed
        self.inbox.append(cb)
        self.wake()

    def at_close(self, close: Callable[[], object]) -> None:
        """Call `close` when the runtime closes. For modules that hold threads or descriptors."""
        self._check_thread()
        self._at_close.append(close)

    def log(self, text: object) -> None:
        """Print one line with the name of its thread, as the source chapter's programs do."""
        sys.stdout.write(console_line("main", text) + "\n")

    # Counters

    @property
    def pending_events(self) -> int:
        """How many events the loop waits for: what keeps it alive."""
        waiting = self.callback_queue
        unref = sum(identity in waiting for identity in self.unref_identities.copy())
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
            pending_events=self.pending_events,
            epoll_pending_events=self.epoll_pending_events,
            callbacks=len(self.callback_queue) + len(self.immediates) + len(self._checking),
            immediates=len(self.immediates),
            next_ticks=len(self.next_ticks),
            microtasks=len(self.microtasks),
            threads=self.pool.size,
            available_threads=self.available_threads,
            waiting_tasks=len(waiting),
            timers=tuple(self.timers.nearest(most)),
            running=tuple(
                (thread, identity, str(kind))
                for thread, (identity, kind, _) in self.pool.running().items()
            ),
            waiting=tuple((identity, str(kind)) for identity, kind, _ in waiting[:most]),
            watched=tuple(
                (number, token, interest)
                for number, watch in descriptors
                for token, interest in ((watch.reader, "read"), (watch.writer, "write"))
                if token is not None
            ),
            callback_identities=tuple(self.callback_queue.copy())[:most],
        )

    # Being watched

    def attach(self, trace: Sink) -> None:
        """From now on every event goes to `trace.record`.

        Without a trace none of that code runs: it is another class.
        """
        self._check_thread()
        self.trace = trace if isinstance(trace, Recorder | Silence) else Named(trace)
        self.__class__ = TracedRuntime
        self.pool.observer = self._observe  # type: ignore[attr-defined]

    def detach(self) -> None:
        """No event is recorded any more. On the loop's thread, also from a callback."""
        self.pool.observer = None
        self.trace = Silence()  # with the next turn it also is a plain Runtime again

    # Inside

    def _new_context(self) -> Context:
        if self._state == "closed":
            raise RuntimeClosed
        if self._state != "new":
            raise AlreadyRan
        outer = _current.get()
        if outer is not None and outer._thread == get_ident():
            raise NestedRuntime
        self._state = "running"
        self._thread = get_ident()
        context = copy_context()
        # the tasks: where the program was started, but with no runtime of their own
        self.pool.run_in(context.copy())
        context.run(_current.set, self)
        return context

    def _run(self, main: Callable[[], object]) -> None:
        self._enter(main)
        is_alive = self.is_alive
        while self.immediates or is_alive():
            self.turn()  # looked up each time: a trace may come and go

    def _enter(self, main: Callable[[], object]) -> None:
        self.phase = "main"
        self.run_one(main)
        self.system.enter_loop()

    def _guarded(self, step: Callable[..., object], *arguments: object) -> None:
        """One step of a loop that the caller turns: an error or a stop closes it, as in `run`."""
        assert self._context is not None
        try:
            self._context.run(step, *arguments)
        except StopLoop:
            self.close()
        except BaseException:
            self.close()
            raise

    def _close_pool(self) -> None:
        self.pool.close()

    def _close_poll(self) -> None:
        self.poll.close()

    def _forget_everything(self) -> None:
        self.forget_callbacks()
        self._at_close.clear()
        self.on_uncaught = None
        self._context = None


class TracedRuntime(Traced, Runtime):
    """What a Runtime becomes while a trace is attached."""

    __slots__ = ()

    def turn(self) -> None:
        if type(self.trace) is Silence:  # between two turns none of this class's methods is at work
            self.__class__ = Runtime  # type: ignore[assignment]
            Runtime.turn(self)
        else:
            super().turn()

    def _close_pool(self) -> None:
        super()._close_pool()
        self.pool.observer = None

    def _close_poll(self) -> None:
        super()._close_poll()
        self.note("closed", thread="epoll")

    def _forget_everything(self) -> None:
        self.note_dropped()
        super()._forget_everything()
        self.note("end")

    def add_callback(self, ident: int, cb: Callback) -> None:
        super().add_callback(ident, cb)
        self.note_boxed(ident, cb)

    def register_event_epoll(self, token: int, cb: Callback, persistent: bool = False) -> None:
        super().register_event_epoll(token, cb, persistent)
        self.note_boxed(token, cb)
        self.note("queued", token, {"where": "epoll", "persistent": persistent})

    def cancel_task(self, identity: int) -> bool:
        is_cancelled = super().cancel_task(identity)
        if is_cancelled:
            self.note("dropped", identity)
        return is_cancelled

    def deregister_event_epoll(self, token: int) -> None:
        if token in self.tokens:
            self.note("dropped", token)
        super().deregister_event_epoll(token)

    def generate_identity(self) -> int:
        identity = super().generate_identity()
        self.note("identity", identity)
        return identity

    def generate_cb_identity(self) -> int:
        identity = super().generate_cb_identity()
        self.note("identity", identity)
        return identity

    def log(self, text: object) -> None:
        super().log(text)
        self.note("printed", None, {"text": str(text)})


def _stop(value: Js) -> None:
    raise StopLoop


def _after_fork_in_child() -> None:
    """The child of a callback's fork has the loop but none of its threads: end it soon."""
    runtime = _current.get()
    if runtime is not None:
        runtime.on_uncaught = None  # the error is not the program's, and nobody may hold it up
        runtime.poll.after_fork()
        runtime.pool.abandon()
        runtime.next_ticks.appendleft(_forked)


def _forked(value: Js) -> None:
    raise ForkedRuntime


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
