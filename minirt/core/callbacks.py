"""Who keeps a callback until its moment, who calls it once, and for whom does the loop wait?

A callback that waits is an entry of one dict, by its identity, and each kind of waiting has its
dict here: timers, immediates, tasks of the pool, readiness, and so on. Taking the entry out is the
only way to call it. So nothing is left to call a second time, nothing is left that keeps the
closure alive, and clearing is taking out without calling.

Two questions are answered from these dicts alone, and nowhere else: "does the loop still wait for
something?" and "how many events are pending?". A counter beside the queue would be simpler to read,
and drifts away from it: each path on which a callback ends has to count down, also the ones by an
error, a stop or a clearing. A length cannot drift.

An entry is the bare callable. An object for each callback, with its identity, its kind and its
state, costs 2.7 times as much, since a loop makes and drops millions of them. Where a program holds
a handle, as of a timer, the handle keeps a part of the entry that no later entry shares, and so it
can touch nobody else's, even when the count of identities comes round (see `Timers`).
"""

from collections import deque
from collections.abc import Callable
from itertools import islice

from minirt.core.timers import Timers
from minirt.errors import CalledTwice, IdentityTaken, NotCallable
from minirt.identity import Identities
from minirt.values import Callback, Js


def ignore(value: Js) -> None:
    """Stands where a callback was cleared: called, it does nothing."""


def check_callable(callback: object) -> None:
    """Raise NotCallable now, at the caller's line, and not later on the loop."""
    if not callable(callback):
        raise NotCallable(callback)


class Once:
    """A box around one callback. Calling the box empties it.

    The box is for a callback that leaves the queue and could be reached from two sides, as in a
    request that may end by its answer or by its timeout.
    """

    __slots__ = ("_callback", "identity")

    def __init__(self, callback: Callback, identity: int | None = None) -> None:
        check_callable(callback)
        self._callback: Callback | None = callback
        self.identity = identity

    def __call__(self, value: Js) -> object:
        """Call the callback with `value`; CalledTwice when the box is empty."""
        callback, self._callback = self._callback, None
        if callback is None:
            raise CalledTwice(self.identity)
        return callback(value)

    @property
    def is_empty(self) -> bool:
        return self._callback is None


class CallbackQueue(dict[int, Callback]):
    """The callbacks that wait, by identity: {identity: callback}."""

    __slots__ = ()

    def add(self, identity: int, callback: Callback) -> None:
        """Box `callback` under `identity`. IdentityTaken rather than overwrite one that waits."""
        check_callable(callback)
        if identity in self:
            raise IdentityTaken(identity)
        self[identity] = callback

    def call(self, identity: int, value: Js) -> object:
        """Take the callback out, then call it. CalledTwice when it is not there."""
        callback = self.pop(identity, None)
        if callback is None:
            raise CalledTwice(identity)
        return callback(value)


class PhaseQueue:
    """The callbacks of one phase, by identity. What comes while they run waits for the next one."""

    __slots__ = ("running", "waiting")

    def __init__(self) -> None:
        self.waiting: dict[int, Callback] = {}
        self.running: dict[int, Callback] = {}  # an exception may leave some behind

    def begin(self) -> dict[int, Callback]:
        """The callbacks to call now, each to be taken out before it is called."""
        if not self.running:
            self.running, self.waiting = self.waiting, {}
        return self.running

    def remove(self, identity: int) -> bool:
        """The callback does not run, even if its phase has begun. False when it was not here."""
        return (
            self.waiting.pop(identity, None) is not None
            or self.running.pop(identity, None) is not None
        )

    def identities(self) -> set[int]:
        return {*self.waiting, *self.running}

    def clear(self) -> None:
        self.waiting.clear()
        self.running.clear()

    def __len__(self) -> int:
        return len(self.waiting) + len(self.running)


class Listener:
    """A callback that waits for readiness, each time, until nobody listens any more."""

    __slots__ = ("callback", "identity", "watches")

    def __init__(self, identity: int, callback: Callback | None) -> None:
        self.identity = identity
        self.callback = callback  # None: what the kernel answered meanwhile is for nobody
        self.watches: set[object] = set()  # the descriptors that report to it: `Watch`es


class Callbacks:
    """Everything that waits, one collection a kind, and whether the loop waits for it."""

    __slots__ = (
        "boxed",
        "closing",
        "dangling",
        "holds",
        "identities",
        "immediates",
        "inbox",
        "listeners",
        "microtasks",
        "next_ticks",
        "pending",
        "tasks",
        "timers",
    )

    def __init__(self) -> None:
        self.timers = Timers()
        self.immediates = PhaseQueue()
        self.pending = PhaseQueue()  # deferred callbacks of I/O
        self.closing = PhaseQueue()
        self.tasks: dict[int, Callback] = {}  # for what comes back from the pool
        self.listeners: dict[Listener, None] = {}  # for readiness; more than one may have a name
        self.dangling: dict[int, Callback] = {}  # for readiness, and no descriptor is named yet
        # modules that wait in their own way, as a request does: each has a call that ends it
        self.holds: dict[int, Callable[[], object]] = {}
        self.boxed = CallbackQueue()  # stored, and waited for by nobody
        # without a name: run before anything else, or handed over by another thread
        self.next_ticks: deque[Callback] = deque()
        self.microtasks: deque[Callback] = deque()
        self.inbox: deque[Callback] = deque()
        self.identities = Identities(self.taken)

    def is_alive(self) -> bool:
        """Does the loop wait for anything?"""
        return bool(
            self.immediates.waiting
            or self.tasks
            or self.listeners
            or self.inbox
            or self.holds
            or self.dangling
            or self.timers.alive()
            or self.closing
            or self.pending
            or self.immediates.running
        )

    def stranded(self) -> list[int]:
        """Who waits for a descriptor that nobody named, if nothing else can happen any more."""
        others = self.count() - len(self.dangling) + len(self.inbox)
        return [] if others else list(self.dangling)

    def count(self) -> int:
        """How many events keep the loop alive. Messages of other threads are not counted."""
        return (
            self.timers.alive()
            + len(self.immediates)
            + len(self.tasks)
            + len(self.listeners)
            + len(self.holds)
            + len(self.dangling)
            + len(self.pending)
            + len(self.closing)
        )

    def waits_for_readiness(self) -> int:
        """How many events wait for a descriptor."""
        return len(self.listeners) + len(self.holds) + len(self.dangling)

    def by_kind(self) -> dict[str, int]:
        """How many wait for what."""
        return {
            "timer": len(self.timers),
            "pool": len(self.tasks),
            "epoll": self.waits_for_readiness(),
            "immediate": len(self.immediates),
            "pending": len(self.pending),
            "close": len(self.closing),
            "boxed": len(self.boxed),
        }

    def first(self, most: int) -> list[int]:
        """Some of the identities that wait, for a look from another thread: each step is one."""
        found: list[int] = []
        for waiting in (
            *(self.tasks, self.holds, self.dangling, self.boxed),
            *(self.pending.waiting, self.immediates.waiting, self.closing.waiting),
        ):
            found += islice(waiting, most)
        found += [listener.identity for listener in list(islice(self.listeners, most))]
        found += [identity for _, identity in self.timers.nearest(most)]
        return found[:most]

    def is_taken(self, identity: int) -> bool:
        """Does a callback wait under this identity? Listeners are known to who made them."""
        return any(
            identity in waiting
            for waiting in (
                *(self.boxed, self.holds, self.dangling, self.tasks, self.timers.deadlines),
                *(self.immediates.waiting, self.immediates.running),
                *(self.pending.waiting, self.pending.running),
                *(self.closing.waiting, self.closing.running),
            )
        )

    def taken(self) -> set[int]:
        """Every identity that waits for its callback. Looks at all of them."""
        return {
            *self.timers.deadlines,
            *self.immediates.identities(),
            *self.pending.identities(),
            *self.closing.identities(),
            *self.tasks,
            *self.holds,
            *self.dangling,
            *self.boxed,
            *(listener.identity for listener in self.listeners),
        }

    def drop_all(self) -> None:
        """Nothing waits any more. Nobody is called."""
        self.identities.forget()
        self.timers.drop_all()
        for listener in self.listeners:
            listener.callback = None
        for waiting in (
            *(self.immediates, self.pending, self.closing),
            *(self.tasks, self.listeners, self.holds, self.dangling, self.boxed),
            *(self.next_ticks, self.microtasks, self.inbox),
        ):
            waiting.clear()
