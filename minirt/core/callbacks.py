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

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from minirt.core.signatures import check_arguments
from minirt.core.timers import Timers
from minirt.errors import CalledTwice, IdentityTaken, NotCallable
from minirt.identity import Identities
from minirt.values import Callback, Js


def ignore(value: Js) -> None:
    """Stands where a callback was cleared: called, it does nothing."""


def a_few(collection: Iterable[Any], most: int) -> list[Any]:
    """The first few of what the loop's thread may change meanwhile: then it is looked at anew."""
    while True:
        try:
            return list(islice(collection, most))
        except RuntimeError:  # it changed its size
            continue


def check_callable(callback: object) -> None:
    """Raise NotCallable or WrongArguments now, at the caller's line, and not on the loop."""
    if not callable(callback):
        raise NotCallable(callback)
    check_arguments(callback)


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
    """The callbacks that wait for a phase. What comes while they run waits for the next one.

    Two lists side by side, since two appends and a pop cost half of what a dict costs here. The
    identities are found by bisection: they are given in ascending order, until the count comes
    round. A callback that is cleared is replaced by `ignore`, which nobody waits for.
    """

    __slots__ = ("_numbers", "callbacks", "cleared", "identities", "running", "running_identities")

    def __init__(self, numbers: Identities) -> None:
        self._numbers = numbers
        self.callbacks: list[Callback] = []
        self.identities: list[int] = []
        self.cleared = 0  # how many of these callbacks are `ignore`
        self.running: list[Callback] = []  # whose phase it is: the next one last
        self.running_identities: list[int] = []  # in the order of registration, those called too

    def begin(self) -> list[Callback]:
        """The callbacks to call now. Each is popped from the end before it is called."""
        both = (self.callbacks, self.identities)
        # one statement, which no interrupt can split
        (self.running, self.running_identities), self.callbacks, self.identities = both, [], []
        self.cleared = 0
        self.running.reverse()
        return self.running

    def put_back(self) -> None:
        """An exception or a stop left some behind: they are the first of the next turn."""
        identities = self.waiting()
        callbacks = [one for one in (*reversed(self.running), *self.callbacks) if one is not ignore]
        both = (callbacks, identities)
        (self.callbacks, self.identities), self.running, self.running_identities = both, [], []
        self.cleared = 0

    def remove(self, identity: int) -> bool:
        """The callback does not run, even if its phase has begun. False when it was not here."""
        where, at = self._where(identity)
        if at < 0 or where[at] is ignore:
            return False
        where[at] = ignore
        if where is self.callbacks:
            self.cleared += 1
            if self.cleared == len(where):
                self._clear_waiting()  # nobody waits: an empty list says so
        return True

    def waiting(self) -> list[int]:
        """The identities of those that wait, those included whose phase has begun."""
        self.realign()
        running = zip(self._still_running(), reversed(self.running), strict=True)
        queued = zip(self.identities, self.callbacks, strict=True)
        return [one for one, callback in (*running, *queued) if callback is not ignore]

    def has(self, identity: int) -> bool:
        """Does a callback wait here under this identity?"""
        where, at = self._where(identity)
        return at >= 0 and where[at] is not ignore

    def __len__(self) -> int:
        """How many wait, those included whose phase has begun."""
        return len(self.callbacks) - self.cleared + len(self.running)

    def realign(self) -> None:
        """An interrupt may have come between the two appends of a registration: undo the first."""
        both = min(len(self.callbacks), len(self.identities))
        del self.callbacks[both:], self.identities[both:]

    def drop_all(self) -> None:
        """Nobody waits any more."""
        self._clear_waiting()
        self.running.clear()

    def _clear_waiting(self) -> None:
        self.callbacks.clear()
        self.identities.clear()
        self.cleared = 0

    def _still_running(self) -> list[int]:
        return self.running_identities[len(self.running_identities) - len(self.running) :]

    def _where(self, identity: int) -> tuple[list[Callback], int]:
        """The list of this identity's callback, and its place there; below 0: it is not here."""
        at = self._place(identity, self.identities)
        if at >= 0:
            return self.callbacks, at
        at = self._place(identity, self.running_identities)
        if at >= 0:
            at = len(self.running_identities) - 1 - at  # `running` is the other way round
        return self.running, at if at < len(self.running) else -1

    def _place(self, identity: int, among: list[int]) -> int:
        if self._numbers.came_round:
            return among.index(identity) if identity in among else -1
        at = bisect_left(among, identity)
        return at if at < len(among) and among[at] == identity else -1


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
        *("boxed", "closing", "dangling", "holds", "identities", "immediates", "inbox"),
        *("listeners", "microtasks", "next_ticks", "pending", "tasks", "timers"),
    )

    def __init__(self) -> None:
        self.identities = Identities(self.taken)
        self.timers = Timers()
        self.immediates = PhaseQueue(self.identities)
        self.pending = PhaseQueue(self.identities)  # deferred callbacks of I/O
        self.closing = PhaseQueue(self.identities)
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

    def is_over(self) -> bool:
        """Is there nothing that the loop waits for?"""
        return not (
            self.immediates.callbacks
            or self.tasks
            or self.listeners
            or self.inbox
            or self.holds
            or self.dangling
            or self.timers.alive()
            or self.closing.callbacks
            or self.pending.callbacks
            or self.next_ticks  # an interrupt left them
            or self.microtasks
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
            "timer": len(self.timers.waiting),
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
            *(self.pending.identities, self.immediates.identities, self.closing.identities),
        ):
            found += a_few(waiting, most)
        found += [listener.identity for listener in a_few(self.listeners, most)]
        found += [identity for _, identity in self.timers.nearest(most)]
        return found[:most]

    def is_taken(self, identity: int) -> bool:
        """Does a callback wait under this identity? Listeners are known to who made them."""
        by_identity = (self.boxed, self.holds, self.dangling, self.tasks)
        others = (self.timers, self.immediates, self.pending, self.closing)
        return any(identity in waiting for waiting in by_identity) or any(
            kind.has(identity) for kind in others
        )

    def taken(self) -> set[int]:
        """Every identity that waits for its callback. Looks at all of them."""
        return {
            *self.timers.identities(),
            *self.immediates.waiting(),
            *self.pending.waiting(),
            *self.closing.waiting(),
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
        for queue in (self.immediates, self.pending, self.closing):
            queue.drop_all()
        for waiting in (
            *(self.tasks, self.listeners, self.holds, self.dangling, self.boxed),
            *(self.next_ticks, self.microtasks, self.inbox),
        ):
            waiting.clear()
