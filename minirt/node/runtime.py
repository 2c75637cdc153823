"""How does a program use the loop?

`Runtime` puts a loop's parts together, gives them the life of one program, from `run` to `close`,
and has the names that a program calls: Node's, and those of the source chapter.
"""

import sys
from collections.abc import Callable
from contextvars import Context, copy_context
from threading import get_ident
from types import CoroutineType, TracebackType
from typing import TYPE_CHECKING, Any, TypeGuard
from weakref import WeakValueDictionary

from minirt.clock import Clock
from minirt.core.callbacks import check_callable
from minirt.core.calls import Over
from minirt.core.loop import Loop, leave
from minirt.core.policies import Schedule, TaskKind
from minirt.core.signatures import (
    GENERATORS,
    check_action,
    check_main,
    check_returned,
)
from minirt.core.system import System
from minirt.core.usual import usual_system
from minirt.errors import (
    AlreadyRan,
    ForkedRuntime,
    IdentityTaken,
    NestedRuntime,
    NoRuntime,
    NotCallable,
    RuntimeClosed,
)
from minirt.identity import checked_identity
from minirt.node import forking
from minirt.node.current import Maker, TaskOf, current
from minirt.node.giving_back import GivingBack
from minirt.node.registrator import Registrator
from minirt.node.timeouts import (
    LONGEST_DELAY,
    SHORTEST_DELAY,
    Interval,
    Timeout,
    normal_delay,
)
from minirt.values import Callback, Js

if TYPE_CHECKING:
    from minirt.node.snapshot import Snapshot
    from minirt.watching.trace import Sink

new_object = object.__new__
LONGEST_FLOAT = float(LONGEST_DELAY)  # a float is compared with a float in half the time
forking.listen()  # a fork in a callback is heard of


class Runtime:
    """A Node-style runtime: one loop, a pool of threads, timers, and an event queue. It runs once.

        rt = Runtime()
        rt.run(main)

    threads: size of the pool; started as they are needed.
    system: `RealSystem()` by default, or `Simulation(seed=...)`; in a web page the second.
    trace: what records the run: a `Recorder`, or anything with its `record` method.
    schedule: which waiting task is next: "fifo", "priority", "shortest", or a function of them all.
    max_waiting: how many tasks may wait for a thread; one more is TooManyWaiting for the caller.
    """

    __slots__ = (
        *("__weakref__", "_at_close", "_context", "_has_run", "_identities", "_immediates"),
        *("_joins_threads", "_main", "_main_is_async", "_registrator", "_state", "_to_close"),
        *("handles", "has_forked", "loop", "of_modules"),
    )

    make_loop: Callable[[System, int, Schedule, int | None], Loop] = Loop  # for other rules

    def __init__(
        self,
        threads: int = 4,
        system: System | None = None,
        trace: "Sink | None" = None,
        schedule: Schedule = "fifo",
        max_waiting: int | None = None,
    ) -> None:
        self.loop = type(self).make_loop(system or usual_system(), threads, schedule, max_waiting)
        self._identities = self.loop.callbacks.identities
        self._immediates = self.loop.callbacks.immediates
        self._registrator = Registrator(self.loop)
        self._context: Context | None = None
        self._state = "new"  # then "running", "closing", "closed"
        self._has_run = False
        self._main: Any = None  # the task of an async main
        self._main_is_async = False
        self._joins_threads = True  # does a close wait until the threads of the pool have ended?
        self._at_close: list[Callable[[], object]] = []
        self._to_close: list[Callable[[], object]] = []  # what a close has still to do
        # the timers of which somebody knows the identity
        self.handles: WeakValueDictionary[int, Timeout] = WeakValueDictionary()
        self.of_modules: dict[type, Any] = {}  # what each module keeps for this runtime
        self.has_forked = False  # this is the child of a fork
        if trace is not None:
            self.attach(trace)

    # Its life

    def run(self, main: Callable[[], object]) -> Any:
        """Call `main`, then turn the loop until nothing is alive, then close.

        If `main` is an async function, its value is returned. What nobody caught leaves here.
        """
        context = self._begin(main)
        try:
            context.run(self._run, main)
            value = self._value_of_main()
        finally:
            self._close_for_certain()
        self._check_fork()
        return value

    def start(self, main: Callable[[], object]) -> None:
        """Call `main`. Then call `tick` as long as it says True."""
        self._context = self._begin(main)
        try:
            self._context.run(self._enter, main)
        except BaseException:
            self._close_for_certain()
            raise

    def tick(self, block: bool = True) -> bool:
        """One turn of the loop. True while something is alive; False: the runtime is closed.

        block=False: it waits for nothing. It does not sleep, and when the runtime closes, the
        threads of the pool end by themselves.
        An error or a stop closes it, as in `run`. A KeyboardInterrupt does not: the next tick goes
        on with the callback after the one that was interrupted.
        """
        if self._state == "new":
            raise NoRuntime
        if self._state == "closed" and not self._has_run:
            raise RuntimeClosed
        if self._state == "running":
            self._check_not_inside()
            self._joins_threads = block
            try:
                self._tick(block)
            except KeyboardInterrupt:
                for queue in (self.loop.immediates, self.loop.pending, self.loop.closing):
                    queue.realign()
                raise
            except BaseException:
                self._close_for_certain()
                raise
        return self._state == "running"

    def check_new(self, main: Callable[[], object]) -> None:
        """Raise unless `main` can be a main, and this runtime has not run yet."""
        check_main(main)
        if self._state != "new":
            raise AlreadyRan if self._has_run else RuntimeClosed

    def stop(self) -> None:
        """End `run` after the current callback. Any thread may call this."""
        self.loop.stop()

    def close(self) -> None:
        """Give back every thread and descriptor; callbacks that still wait are dropped.

        A second call does nothing, or goes on with what an interrupt left. From a callback it is
        `stop`: the loop closes when that is over.
        """
        if self._state == "running":
            self.loop.check_thread()  # or a loop that turns would lose its descriptors: use stop()
            if current.get() is self:
                self.stop()
                return
        if self._state in ("new", "running"):
            self._to_close = [self._forget, self._close_poll, self._close_pool, *self._at_close]
            self._state = "closing"  # from here on another call goes on
        self.loop.thread = 0
        self.loop.phase = "closed"
        self._close_the_rest()

    def _close_the_rest(self) -> None:
        """Take the steps from the end of `_to_close`. Each goes from the list when it is done."""
        first: BaseException | None = None
        at = len(self._to_close)
        while at:
            at -= 1
            try:
                self._to_close[at]()
            except KeyboardInterrupt as interrupt:
                first = first or interrupt
                continue  # the next `close` does it again
            except BaseException as error:  # the others are done nevertheless
                first = first or error
            del self._to_close[at]
        try:
            if first is not None:
                raise first
        finally:
            del first  # or its traceback, which has this frame, would keep the runtime

    def __enter__(self) -> "Runtime":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close_for_certain()

    @staticmethod
    def current() -> "Runtime":
        """The runtime whose callback is running here. NoRuntime when none is."""
        here = current.get()
        if isinstance(here, Runtime):
            return here
        if isinstance(here, Maker):
            return here.make()
        raise NoRuntime

    async def play(
        self, main: Callable[[], object], view: Any = None, speed: float = 1.0, paused: bool = False
    ) -> None:
        """Run in a thread of its own while the notebook's cell awaits, so that its controls answer.

        view: a new LiveView in a notebook; False for none; or a LiveView to go on with.
        speed, paused: how it starts (see `Gate`). Interrupting the kernel stops the runtime; what
        `main` or a callback raised is raised here, after everything is closed.
        """
        from minirt.watching.gate import Gate
        from minirt.watching.play import play  # brings asyncio, which only a notebook needs

        await play(self, main, view, Gate(speed, paused))

    def at_close(self, close: Callable[[], object]) -> None:
        """Call `close` when the runtime closes. For modules that hold threads or descriptors.

        It may be called twice, if an interrupt comes in between. One that takes long is over then.
        """
        self.loop.check_thread()
        check_action(close, "at_close(give_back)")
        self._at_close.append(GivingBack(close))

    # Timers, immediates, ticks and microtasks

    def set_timeout(self, ms: float, cb: Callback) -> Timeout:
        """Call `cb` once, `ms` milliseconds from now."""
        loop = self.loop
        now = loop.clock.now()  # first: the caller means this moment
        if get_ident() != loop.thread:
            loop.check_thread()
        if not callable(cb):
            raise NotCallable(cb)
        delay: Any = ms
        if type(ms) is float and 1.0 <= ms <= LONGEST_FLOAT:
            delay = int(ms)
        elif type(ms) is not int or not SHORTEST_DELAY <= ms <= LONGEST_DELAY:
            delay = normal_delay(ms)
        identities = self._identities
        identity = identities._token + 1  # generate_free(), without the call
        if identity >= identities.free_below:
            identity = identities.generate_free()
        else:
            identities._token = identity
        deadline = now + delay / 1000
        if loop.alert:
            loop.calls.added(identity, cb, "timer", {"delay": delay, "deadline": deadline})
        key = loop.timers.fresh_key(identity) if identities.came_round else identity
        loop.timers.add(deadline, key, cb)
        timer = new_object(Timeout)  # its __init__, without the call: most handles are thrown away
        timer._runtime = self
        timer._identity = identity
        timer._delay = delay
        timer._callback = cb
        timer._key = key
        timer._is_ref = True
        return timer

    def set_interval(self, ms: float, cb: Callback) -> Timeout:
        """Call `cb` again and again: the next time `ms` milliseconds after it was called last."""
        loop = self.loop
        now = loop.clock.now()
        loop.check_thread()
        check_callable(cb)
        delay = normal_delay(ms)
        deadline = now + delay / 1000
        identity = self._identities.generate_free()
        if loop.alert:
            detail = {"delay": delay, "deadline": deadline, "repeats": True}
            loop.calls.added(identity, cb, "timer", detail)
        interval = Interval(self, identity, delay, cb)
        interval._wait(deadline)
        return interval

    def clear_timeout(self, timeout: Timeout | int | None) -> None:
        """The timer does not run (again). Takes the handle, or its identity.

        What is no timer, or none any more, is left alone, as in Node.
        """
        if isinstance(timeout, Timeout):
            timeout.cancel()
            return
        loop = self.loop
        loop.check_thread()
        if not is_number(timeout):
            return
        handle = self.handles.get(timeout)
        if handle is not None and handle._waits():
            handle.cancel()
        elif loop.timers.remove(loop.timers.key_of(timeout)) and loop.alert:
            loop.calls.dropped(timeout)

    def clear_interval(self, interval: Timeout | int | None) -> None:
        """The same as `clear_timeout`."""
        self.clear_timeout(interval)

    def set_immediate(self, cb: Callback) -> int:
        """Call `cb` in the next check phase. Returns its identity.

        From another thread it is refused while the loop sleeps, and not noticed otherwise: a look
        at the thread would cost a fifth of the whole call. Every other method looks each time.
        """
        if not callable(cb):
            raise NotCallable(cb)
        identities = self._identities
        identity = identities._token + 1  # generate_free(), without the call
        if identity >= identities.free_below:
            identity = identities.generate_free()
        else:
            identities._token = identity
        if self.loop.alert:
            self.loop.check_thread()
            self.loop.calls.added(identity, cb, "immediate")
        immediates = self._immediates
        immediates.callbacks.append(cb)
        immediates.identities.append(identity)
        return identity

    def clear_immediate(self, identity: int | None) -> None:
        """The immediate does not run, even if its phase has begun. Leaves alone what is none."""
        loop = self.loop
        loop.check_thread()
        if is_number(identity) and loop.immediates.remove(identity) and loop.alert:
            loop.calls.dropped(identity)

    def next_tick(self, cb: Callback) -> None:
        """Call `cb` right after the current callback, before anything else."""
        loop = self.loop
        if get_ident() != loop.thread:
            loop.check_thread()
        if not callable(cb):
            raise NotCallable(cb)
        if loop.alert:
            loop.calls.added(None, cb, "tick")
        loop.next_ticks.append(cb)

    def queue_microtask(self, cb: Callback) -> None:
        """Call `cb` after the current callback and all ticks."""
        loop = self.loop
        if get_ident() != loop.thread:
            loop.check_thread()
        if not callable(cb):
            raise NotCallable(cb)
        if loop.alert:
            loop.calls.added(None, cb, "microtask")
        loop.microtasks.append(cb)

    def call_in_close_phase(self, cb: Callback) -> int:
        """Call `cb` in the close phase of this turn. For modules: there Node says "close"."""
        return self._defer("close", cb)

    def call_in_pending_phase(self, cb: Callback) -> int:
        """Call `cb` when the next turn begins. For modules: even early failures report later."""
        return self._defer("pending", cb)

    # Identities and callbacks: the names of the source chapter

    @property
    def identity_token(self) -> int:
        """The identity that was given last."""
        return self.loop.callbacks.identities.token

    @identity_token.setter
    def identity_token(self, token: int) -> None:
        self.loop.check_thread()
        self.loop.callbacks.identities.token = checked_identity(token)
        if self.loop.is_watched:
            self.loop.calls.counts_from(token)

    def generate_identity(self) -> int:
        """The next identity, taken or not; after 2**64 - 1 comes 0."""
        self.loop.check_thread()
        identity = self.loop.callbacks.identities.generate()
        if self.loop.is_watched:
            self.loop.calls.named(identity)
        return identity

    def generate_cb_identity(self) -> int:
        """The next identity that no callback has. AllIdentitiesTaken when there is none."""
        self.loop.check_thread()
        return self.loop.new_identity()

    def add_callback(self, ident: int, cb: Callback) -> None:
        """Box `cb` under an identity of the caller's choice. It does not keep the loop alive."""
        loop = self.loop
        loop.check_thread()
        check_callable(cb)
        if loop.callbacks.is_taken(checked_identity(ident)) or self._registrator.knows(ident):
            raise IdentityTaken(ident)
        if loop.alert:
            loop.calls.added(ident, cb, "")
        loop.callbacks.boxed.add(ident, cb)
        loop.callbacks.identities.claim(ident)

    def get_available_thread(self) -> int | None:
        """The number of a free thread, taken from the stack; None when all are busy.

        The thread gets no task until `give_back_thread`.
        """
        self.loop.check_thread()
        return self.loop.pool.take_free()

    def give_back_thread(self, number: int) -> None:
        """The thread that `get_available_thread` gave may get tasks again."""
        self.loop.check_thread()
        self.loop.pool.give_back(number)

    def register_event_threadpool(
        self, task: Callable[[], Js], kind: TaskKind, cb: Callback
    ) -> int:
        """Run `task` on the pool; `cb` receives the `Js` that it returns, or an `Error`.

        Returns the identity. TooManyWaiting: it may not wait; NoThread: it would wait for ever.
        """
        loop = self.loop
        loop.check_thread()
        check_task(task, kind, cb)
        if not loop.pool.free:
            loop.pool.check_room()  # before it has an identity, and anybody is told of it
        identity = self._identities.generate_free()
        tasks = loop.callbacks.tasks
        if loop.alert:
            loop.calls.added(identity, cb, "pool", {"kind": kind})
        tasks[identity] = cb
        try:
            loop.pool.submit((identity, kind, task))
        except BaseException:
            del tasks[identity]
            raise
        return identity

    def cancel_task(self, identity: int) -> bool:
        """Take back a task that no thread has started; its callback never runs.

        False when it is too late.
        """
        loop = self.loop
        loop.check_thread()
        if not is_number(identity) or not loop.pool.cancel(identity):
            return False
        loop.callbacks.tasks.pop(identity, None)
        if loop.alert:
            loop.calls.dropped(identity)
        return True

    @property
    def epoll_registrator(self) -> Registrator:
        """Where interest in descriptors is registered."""
        self.loop.check_thread()
        return self._registrator

    def register_event_epoll(self, token: int, cb: Callback, persistent: bool = False) -> None:
        """`cb` receives the readiness (`Int` of a `Ready`) of what was registered with `token`.

        Once, after which token and interest are gone; or, if `persistent`, each time until
        `deregister_event_epoll`.
        """
        self.loop.check_thread()
        self._registrator.expect(token, cb, persistent)

    def deregister_event_epoll(self, token: int) -> None:
        """Neither the callback of `token` nor its interest is there any longer."""
        loop = self.loop
        loop.check_thread()
        if not is_number(token):
            return
        end = loop.callbacks.holds.get(token)
        if end is not None:
            end()  # a module's own event: it closes what belongs to it
        elif self._registrator.forget(token) and loop.alert:
            loop.calls.dropped(token)

    # Other threads

    def call_from_thread(self, cb: Callback) -> None:
        """Call `cb` on the loop. The one door for other threads: it wakes the loop."""
        check_callable(cb)
        if self.loop.thread == 0:
            raise RuntimeClosed
        self.loop.system.deliver(self.loop.receive, cb)

    @property
    def on_uncaught(self) -> Callable[[Exception], object] | None:
        """`on_uncaught(exception)` hears of what a callback or `main` raised; the loop goes on.

        What it raises itself leaves `run`. An async one is run as a task.
        """
        return self.loop.on_uncaught

    @on_uncaught.setter
    def on_uncaught(self, handler: Callable[[Exception], object] | None) -> None:
        if handler is not None:
            check_callable(handler)
        self.loop.on_uncaught = handler

    def log(self, text: object) -> None:
        """Print one line with the name of its thread, as the source chapter's programs do."""
        from minirt.watching.trace import console_line

        print_line(console_line("main", text))
        self.loop.calls.printed(str(text))

    # What there is to see

    @property
    def system(self) -> System:
        """Clock, pool, poll and network, real or simulated."""
        return self.loop.system

    @property
    def clock(self) -> Clock:
        """The program's time."""
        return self.loop.clock

    @property
    def pending_events(self) -> int:
        """How many events the loop waits for: what keeps it alive."""
        return self.loop.callbacks.count()

    @property
    def epoll_pending_events(self) -> int:
        """How many of them wait for a descriptor."""
        return self.loop.callbacks.waits_for_readiness()

    @property
    def available_threads(self) -> int:
        """How many threads of the pool are free."""
        return self.loop.pool.available

    @property
    def ticks(self) -> int:
        """How many turns the loop has made."""
        return self.loop.turns

    @property
    def phase(self) -> str:
        """Where the loop is: "new", "main", one of `PHASES`, or "closed"."""
        return self.loop.phase

    def snapshot(self, most: int = 50) -> "Snapshot":
        """The counters, and at most `most` of each list. Any thread may call this."""
        from minirt.node.snapshot import snapshot  # most programs are not looked at

        return snapshot(self.loop, most)

    def attach(self, trace: "Sink | None" = None, gate: Any = None) -> None:
        """From now on every event goes to `trace`, and every callback passes the `gate`.

        Without them none of that code runs.
        """
        from minirt.watching.calls import watch

        self.loop.check_thread()
        watch(self.loop, trace, gate)

    def detach(self) -> None:
        """No event is recorded any more. On the loop's thread, also from a callback."""
        from minirt.watching.calls import unwatch

        unwatch(self.loop)

    # Inside

    def is_main(self, task: object) -> bool:
        """Is it the task of an async main?"""
        return task is self._main or self._main_is_async

    def _defer(self, where: str, cb: Callback) -> int:
        loop = self.loop
        loop.check_thread()
        check_callable(cb)
        identity = loop.callbacks.identities.generate_free()
        if loop.alert:
            loop.calls.added(identity, cb, where)
        queue = loop.closing if where == "close" else loop.pending
        queue.callbacks.append(cb)
        queue.identities.append(identity)
        return identity

    def _begin(self, main: Callable[[], object]) -> Context:
        self.check_new(main)
        outer = current.get()
        if isinstance(outer, Runtime) and outer._runs_here():
            raise NestedRuntime
        self._state, self._has_run = "running", True
        self.loop.thread = get_ident()
        context = copy_context()
        tasks = context.copy()  # the tasks: where the program was started
        tasks.run(current.set, TaskOf(self))
        self.loop.pool.run_in(tasks)
        context.run(current.set, self)
        return context

    def _runs_here(self) -> bool:
        return self.loop.thread == get_ident() and not self.has_forked

    def _run(self, main: Callable[[], object]) -> None:
        self._enter(main)
        self.loop.run()

    def _value_of_main(self) -> Any:
        if self._main is None:
            return None
        from minirt.awaiting.callbacks import value_of

        return value_of(self._main, self.loop.stopped)

    def _enter(self, main: Callable[[], object]) -> None:
        self.loop.phase = "main"
        self.loop.adopt = self._adopt
        self.loop.calls.one(main, self._adopt_main)
        self.loop.system.enter_loop()

    def _adopt_main(self, returned: object) -> None:
        """`main` returned this. If it is a coroutine, the value of its task is the program's."""
        self._main_is_async = type(returned) is CoroutineType  # until the task is known
        self._adopt(returned)

    def _adopt(self, returned: object, by_handler: bool = False) -> None:
        """A callback returned this. If it is an async one's coroutine, it is run as a task."""
        if type(returned) is CoroutineType:
            from minirt.awaiting.callbacks import adopt  # most programs have none

            task = adopt(self, returned, by_handler)
            if self._main_is_async:
                self._main, self._main_is_async = task, False
        elif type(returned) in GENERATORS:
            check_returned(returned)

    def _tick(self, block: bool) -> None:
        assert self._context is not None
        loop = self.loop
        if not (loop.stopped or loop.is_over()):
            self._context.run(loop.turn, block)
        if loop.stopped or loop.is_over():
            self._close_for_certain()
            self._check_fork()

    def _check_not_inside(self) -> None:
        self.loop.check_thread()
        if current.get() is self:
            raise NestedRuntime

    def _check_fork(self) -> None:
        if self.has_forked:
            raise ForkedRuntime

    def _close_for_certain(self) -> None:
        """An interrupt may split `close` in two: then it is called once more."""
        try:
            self.close()
        except BaseException:
            self.close()
            raise

    # The steps of `close`, each of which can be done twice

    def _close_pool(self) -> None:
        self.loop.pool.close(wait=self._joins_threads)
        for number in range(self.loop.pool.size):
            self.loop.calls.closed(f"pool{number}")

    def _close_poll(self) -> None:
        self.loop.poll.close()
        self.loop.calls.closed("epoll")

    def _forget(self) -> None:
        loop = self.loop
        loop.calls.ending()
        loop.calls = Over()
        loop.alert = True  # whoever still calls is told that it is over
        loop.callbacks.drop_all()
        self._registrator.drop_all()
        loop.idle_hooks.clear()
        loop.prepare_hooks.clear()
        loop.pool.finished.clear()
        loop.on_uncaught = None
        loop.adopt = leave
        self._at_close.clear()
        self.of_modules.clear()
        self._context = self._main = None
        self._state = "closed"


def check_task(task: object, kind: object, cb: object) -> None:
    """TypeError for what can be no task of the pool."""
    if not callable(cb):
        raise NotCallable(cb)
    check_action(task, "register_event_threadpool(work, kind, done)")
    if not isinstance(kind, TaskKind):
        raise TypeError(
            f"got {kind!r}, expected a TaskKind. "
            "Use TaskKind.FILE_READ, or make your own: TaskKind('Zip')"
        )


def is_number(identity: object) -> TypeGuard[int]:
    """Can this be an identity? True and 1.0 equal one, and are none."""
    return isinstance(identity, int) and not isinstance(identity, bool)


def print_line(line: str) -> None:
    """Print it; what the output's encoding lacks is shown by its number."""
    if not line.isascii():  # a notebook's output refuses nothing, and cannot send half a character
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        line = line.encode(encoding, "backslashreplace").decode(encoding)
    sys.stdout.write(line + "\n")
