"""How long is a delay, and what does a program hold of a timer that it set?

A delay comes as Node takes it: any number of milliseconds, of which some mean something else. What
`set_timeout` returns is a handle: with it the timer is cleared, set again, or left out of what the
loop waits for.
"""

from numbers import Real
from typing import TYPE_CHECKING

from minirt.errors import NotADelay
from minirt.values import Callback, Js

if TYPE_CHECKING:
    from minirt.node.runtime import Runtime

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
    """A timer in a caller's hand: to cancel, to set again, or not to keep the loop alive for.

    It keeps the key of its entry in `Timers`, and a key is used once. So a handle whose timer is
    over touches nobody, also when its identity has a new owner.
    """

    __slots__ = (
        *("__weakref__", "_callback", "_delay"),
        *("_identity", "_is_ref", "_key", "_runtime"),
    )

    _runtime: "Runtime"
    _identity: int
    _delay: int  # ms
    _callback: Callback | None  # None: cancelled
    _key: int
    _is_ref: bool

    def __init__(self, runtime: "Runtime", identity: int, delay: int, callback: Callback) -> None:
        self._runtime = runtime
        self._identity = identity
        self._delay = delay
        self._callback = callback
        self._is_ref = True

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._identity}: {self._delay} ms>"

    @property
    def identity(self) -> int:
        """Its number. Whoever knows it may clear the timer by it, and then the handle is told."""
        self._runtime.handles[self._identity] = self
        return self._identity

    def cancel(self) -> None:
        """It does not run (again), even if it is due already. Nothing happens when it is over."""
        loop = self._runtime.loop
        if not loop.thread:  # the program has ended, and with it the timer
            return
        loop.check_thread()
        self._callback = None
        if self._waits():
            loop.timers.remove(self._key)
            if loop.alert:
                loop.calls.dropped(self._identity)

    def refresh(self) -> "Timeout":
        """Its delay starts again now, also if it ran already; a cancelled one stays cancelled."""
        loop = self._runtime.loop
        loop.check_thread()
        if self._callback is not None:
            self._set_again(loop.clock.now() + self._delay / 1000)
        return self

    def ref(self) -> "Timeout":
        """It keeps the loop alive, as timers do."""
        return self._keep_alive(True)

    def unref(self) -> "Timeout":
        """The loop may end without it. It stays so when it is set again."""
        return self._keep_alive(False)

    def _keep_alive(self, keeps_alive: bool) -> "Timeout":
        loop = self._runtime.loop
        if loop.thread:
            loop.check_thread()
            self._is_ref = keeps_alive
            if self._waits():
                loop.timers.set_ref(self._key, keeps_alive)
                loop.wake()  # a signal's handler may call: then nothing is left to sleep for
        return self

    def _waits(self) -> bool:
        return self._key in self._runtime.loop.timers.waiting

    def _fired(self) -> Callback:
        """What the loop calls when its time has come."""
        assert self._callback is not None
        return self._callback

    def _set_again(self, deadline: float) -> None:
        """It waits until `deadline` (s), after all that were set for the same time."""
        loop = self._runtime.loop
        timers, callbacks = loop.timers, loop.callbacks
        if self._waits():
            timers.remove(self._key)
        elif callbacks.is_taken(self._identity):  # it is over, and its number has a new owner
            self._identity = loop.new_identity()
        if loop.alert:
            repeats = {"repeats": True} if isinstance(self, Interval) else {}
            again = {"delay": self._delay, "deadline": deadline, "again": True, **repeats}
            loop.calls.added(self._identity, None, "timer", again)
        self._wait(deadline)

    def _wait(self, deadline: float) -> None:
        timers = self._runtime.loop.timers
        self._key = timers.fresh_key(self._identity)
        timers.add(deadline, self._key, self._fired())
        self._runtime.loop.callbacks.identities.claim(self._identity)
        if not self._is_ref:
            timers.set_ref(self._key, False)


class Interval(Timeout):
    """A timer that is set again each time, from the moment just before its callback ran.

    A callback that takes longer than the interval is followed by one call as soon as possible, and
    the intervals go on from there. What was missed meanwhile is not made up for.
    """

    __slots__ = ()

    def _fired(self) -> Callback:
        return self._run

    def _run(self, value: Js) -> None:
        loop = self._runtime.loop
        started = loop.clock.now()
        self._wait(started + self._delay / 1000)  # so that the callback can clear it
        try:
            if self._callback is not None and (returned := self._callback(value)) is not None:
                loop.adopt(returned)
        finally:
            # it comes after what the callback set for the same time, and a refresh in the callback
            # does not count: both as in Node
            if self._waits():
                self._set_again(started + self._delay / 1000)
