"""How does a program fill the queues?

Timers, immediates, ticks and microtasks, with the delays and the orders of Node. Each of these
methods belongs to the thread that runs the loop.
"""

from numbers import Real
from threading import get_ident

from minirt.core.callbacks import Callback, check_callable, ignore
from minirt.errors import ForeignThread, NotADelay, NotAnIdentity, NotCallable, RuntimeClosed
from minirt.identity import IDENTITIES
from minirt.core.loop import Loop
from minirt.core.system import System
from minirt.core.threadpool import Schedule
from minirt.values import Js

LONGEST_DELAY = 2**31 - 1  # ms, some 25 days: Node's limit; what is above becomes SHORTEST_DELAY
SHORTEST_DELAY = 1  # ms


def normal_delay(ms: object) -> int:
    """The delay that Node would use: whole milliseconds, 1 for too small, too large or NaN.

    NotADelay for what is no number.
    """
    if isinstance(ms, bool) or not isinstance(ms, Real):
        raise NotADelay(ms)
    try:
        number = float(ms)
    except OverflowError:
        return SHORTEST_DELAY
    return int(number) if SHORTEST_DELAY <= number <= LONGEST_DELAY else SHORTEST_DELAY


class Timeout:
    """A timer in a caller's hand: to cancel, to set again, or not to keep the loop alive for."""

    __slots__ = ("_callback", "_delay", "_runtime", "identity")

    def __init__(
        self, runtime: "Scheduling", identity: int, delay: float, callback: Callback
    ) -> None:
        self._runtime = runtime
        self.identity = identity
        self._delay = delay  # ms
        self._callback: Callback | None = callback

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.identity}: {self._delay} ms>"

    def span(self) -> dict[str, float]:
        """Its delay (ms) and its deadline if it is set now (s, on the loop's clock)."""
        return {"delay": self._delay, "deadline": self._runtime.clock.now() + self._delay / 1000}

    def cancel(self) -> None:
        """It does not run (again), even if it is due already."""
        self._runtime._check_thread()
        self._callback = None
        self._runtime._drop_timer(self.identity)

    def refresh(self) -> "Timeout":
        """Its delay starts again now, also if it ran already; a cancelled one stays cancelled."""
        if self._callback is not None:
            self._runtime._rearm(self.identity, self._delay, self._callback)
        return self

    def ref(self) -> "Timeout":
        """It keeps the loop alive, as timers do."""
        self._runtime._check_thread()
        self._runtime.unref_identities.discard(self.identity)
        return self

    def unref(self) -> "Timeout":
        """The loop may end without it."""
        self._runtime._check_thread()
        if self.identity in self._runtime.callback_queue:
            self._runtime.unref_identities.add(self.identity)
        return self


class Interval(Timeout):
    """A timer that is set again after each of its calls: being late once is no reason to burst."""

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


class Scheduling(Loop):
    """The loop, and the methods that put callbacks into it."""

    __slots__ = ("_state", "_thread")

    def __init__(
        self, system: System, threads: int, schedule: Schedule, max_waiting: int | None
    ) -> None:
        super().__init__(system, threads, schedule, max_waiting)
        self._state = "new"  # then "running", "closed"
        self._thread = get_ident()  # who may call; 0 when nobody may any more

    def set_timeout(self, ms: float, cb: Callback) -> Timeout:
        """Call `cb` once, `ms` milliseconds from now."""
        now = self.clock.now()  # first: the caller means this moment
        if get_ident() != self._thread:
            self._check_thread()
        if not callable(cb):
            raise NotCallable(cb)
        if type(ms) is not int or not SHORTEST_DELAY <= ms <= LONGEST_DELAY:
            ms = normal_delay(ms)
        identities = self.identities
        identity = identities._token + 1  # generate_free(), without the call
        if identity >= identities.free_below:
            identity = identities.generate_free()
        else:
            identities._token = identity
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
        """The timer does not run (again). Takes the handle, or its identity (a long search).

        What is no timer, or none any more, is left alone, as in Node.
        """
        self._check_thread()
        if isinstance(timeout, Timeout):
            timeout.cancel()
        elif timeout is not None and self.timers.has(timeout):
            self._drop_timer(timeout)

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
        identities = self.identities
        identity = identities._token + 1  # generate_free(), without the call
        if identity >= identities.free_below:
            identity = identities.generate_free()
        else:
            identities._token = identity
        self.immediates.append(cb)
        self._immediate_identities.append(identity)
        return identity

    def clear_immediate(self, identity: int | None) -> None:
        """The immediate does not run, even if its phase has begun. Leaves alone what is none."""
        self._check_thread()
        if identity in self._immediate_identities:
            at = self._immediate_identities.index(identity)
            del self._immediate_identities[at]
            assert isinstance(self.immediates, list)
            del self.immediates[at]
        elif identity in self._check_identities:
            # `_checking` is the other way round, and loses its last with each call
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
        """Call `cb` in the close phase of this turn. For modules: there Node says "close"."""
        return self._defer(self.closing, "close", cb)

    def call_in_pending_phase(self, cb: Callback) -> int:
        """Call `cb` when the next turn begins. For modules: even early failures report later."""
        return self._defer(self.pending, "pending", cb)

    # Inside

    def _check_thread(self) -> None:
        if get_ident() != self._thread:
            raise ForeignThread if self._thread else RuntimeClosed

    def _box(self, identity: int, cb: Callback) -> None:
        if isinstance(identity, bool) or not isinstance(identity, int):
            raise NotAnIdentity(identity)
        if not 0 <= identity < IDENTITIES:
            raise NotAnIdentity(identity)
        self.callback_queue.add(identity, cb)
        self.identities.claim(identity)

    def _defer(self, queue: list[int], where: str, cb: Callback) -> int:
        self._check_thread()
        identity = self.identities.generate_free()
        self._box(identity, cb)
        queue.append(identity)
        return identity

    def _drop_timer(self, identity: int) -> None:
        if self.callback_queue.pop(identity, None) is not None:
            self.timers.cleared()

    def _rearm(self, identity: int, delay: float, cb: Callback) -> None:
        self._check_thread()
        self.callback_queue[identity] = cb
        self.identities.claim(identity)
        self.timers.move(self.clock.now() + delay / 1000, identity)
