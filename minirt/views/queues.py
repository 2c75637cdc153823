"""Which callbacks wait, and for what?

Each step costs the same, however many callbacks wait. Of a run that was not traced from its start
a snapshot gives the exact numbers and the first few callbacks; the others are counted by what they
wait for (`_unlisted`), and leave that count one by one. So do those for which there is no room.
"""

from collections import Counter, OrderedDict
from itertools import islice
from typing import Any, NamedTuple

from minirt.views.deadlines import Deadlines
from minirt.views.snapshot import Snapshot
from minirt.views.words import Detail, Place, as_text, label, said, waits_for

ROWS = 6  # of a list that may be long: the view says how many there are
KNOWN = 20_000  # callbacks, names and descriptors that are remembered; more are only counted
KINDS_OF_WAITING = ("timer", "pool", "epoll", "immediate", "pending", "close", "boxed", "other")


class Wait(NamedTuple):
    """A callback that waits."""

    where: str  # one of KINDS_OF_WAITING; "" if a snapshot did not say
    what: str  # "100 ms", "File read"
    name: str
    stays: bool  # its call does not take it out: an interval, a persistent event


NOBODY = Wait("", "", "", False)


class Queues:
    """The callbacks that wait, by identity, and what is known of each."""

    def __init__(self) -> None:
        self.places: OrderedDict[int, Place] = OrderedDict()  # of callbacks, those gone too
        self.descriptors: OrderedDict[int, tuple[int, str]] = OrderedDict()  # token -> its interest
        self._deadlines = Deadlines()
        self._waits: OrderedDict[int, Wait] = OrderedDict()
        self._tokens: OrderedDict[int, str] = OrderedDict()  # token -> its last readiness
        self._listed = dict.fromkeys(("", *KINDS_OF_WAITING), 0)
        self._unlisted = dict.fromkeys(KINDS_OF_WAITING, 0)
        self._unref = 0  # callbacks that do not keep the loop alive, when this turn began
        self._only_boxed: int | None = None  # the last one that was boxed and found no room

    # What happens to a callback

    def box(self, identity: int, place: Place) -> None:
        """A callback is stored under `identity`."""
        self.places[identity] = place
        _forget_oldest(self.places)
        if identity not in self._waits:
            is_listed = self._put(identity, Wait("boxed", "", label(place), False))
            self._only_boxed = None if is_listed else identity

    def join(self, identity: int, detail: Detail, time: float) -> str:
        """It waits. Returns for what."""
        before = self.about(identity)
        repeats = bool(detail.get("repeats")) or (before.where == "timer" and before.stays)
        where, what = waits_for(detail, repeats)
        if where not in KINDS_OF_WAITING:
            where = "other"
        stays = repeats or bool(detail.get("persistent"))
        if identity == self._only_boxed:  # what it waits for was not known before
            self._unlisted["boxed"] -= 1
            self._only_boxed = None
        if not self._put(identity, Wait(where, what, self.name(identity), stays)):
            return where
        if where == "timer":
            self._deadlines.set(identity, float(detail.get("deadline", time)))
        elif where == "boxed":  # its descriptor was taken away
            self._tokens.pop(identity, None)
        elif where == "epoll":
            self._tokens[identity] = ""
            if "descriptor" in detail:
                self.watch(identity, detail["descriptor"], said(detail, "interest"))
        return where

    def watch(self, token: int, descriptor: int, interest: str) -> None:
        """`token` stands for this interest."""
        self.descriptors[token] = (descriptor, interest)
        _forget_oldest(self.descriptors)

    def answer(self, token: int, readiness: str) -> None:
        """Its descriptor is ready."""
        if token in self._tokens:
            self._tokens[token] = readiness

    def call(self, identity: int, otherwise: str) -> Wait:
        """It is called, and leaves unless it stays. Returns how it waited, or else `otherwise`."""
        wait = self.about(identity)
        if not wait.where and otherwise == "epoll":  # most of them stay
            return wait._replace(where=otherwise)
        return wait if wait.stays else self.leave(identity, otherwise)

    def leave(self, identity: int, otherwise: str = "timer") -> Wait:
        """It no longer waits. Returns how it waited, or else `otherwise`."""
        wait = self.about(identity)
        if self._waits.pop(identity, None) is not None:
            self._listed[wait.where] -= 1
        self._deadlines.remove(identity)
        self._tokens.pop(identity, None)
        if wait.where:
            return wait
        if self._unlisted[otherwise] <= 0:
            otherwise = max(self._unlisted, key=self._unlisted.__getitem__)
        self._unlisted[otherwise] = max(0, self._unlisted[otherwise] - 1)
        return wait._replace(where=otherwise)

    def leave_all(self) -> None:
        """Nothing waits any more."""
        self._waits = OrderedDict()
        self._tokens = OrderedDict()
        self._deadlines = Deadlines()
        self._listed = dict.fromkeys(self._listed, 0)
        self._unlisted = dict.fromkeys(self._unlisted, 0)
        self._unref = 0
        self._only_boxed = None

    def count(self, pending: int, for_readiness: int) -> None:
        """What the loop itself says: how many callbacks keep it alive, and how many wait for epoll.

        Events do not tell of `unref`, nor of what a module of minirt watches for itself.
        """
        self._unlisted["epoll"] = for_readiness - self._listed["epoll"]
        self._unref = self.total - self._count("boxed") - pending

    def begin(self, snapshot: Snapshot) -> None:
        """Begin again from a snapshot. What is known already of a callback is kept."""
        before = self._waits
        self.leave_all()
        room = dict(snapshot.queues)
        listed = _listed(snapshot)
        for identity in (*snapshot.callback_identities, *listed):
            wait = listed.get(identity) or before.get(identity, NOBODY)
            if identity in before and before[identity].where == wait.where:
                wait = before[identity]
            if not wait.where or self._listed[wait.where] < room.get(wait.where, 0):
                self._put(identity, wait if wait.name else wait._replace(name=self.name(identity)))
        for where, count in snapshot.queues:
            self._unlisted[where] = count - self._listed[where]
        for descriptor, token, interest in snapshot.watched:
            self._tokens[token] = ""
            self.watch(token, descriptor, interest)
        self._deadlines = Deadlines(snapshot.timers)
        self._unref = self.total - self._count("boxed") - snapshot.pending_events

    def _put(self, identity: int, wait: Wait) -> bool:
        """List it, if there is room; else it is only counted."""
        before = self._waits.get(identity)
        if before is not None:
            self._listed[before.where] -= 1
        elif len(self._waits) >= KNOWN and wait.where:
            self._unlisted[wait.where] += 1
            return False
        self._waits[identity] = wait
        self._listed[wait.where] += 1
        return True

    # What there is to see

    def about(self, identity: int) -> Wait:
        """How it waits."""
        return self._waits.get(identity, NOBODY)

    def name(self, identity: int) -> str:
        """What the callback of `identity` is called in the program."""
        known = self._waits.get(identity)
        return (known.name if known else "") or label(self.places.get(identity))

    @property
    def total(self) -> int:
        """How many callbacks wait."""
        return sum(map(self._count, KINDS_OF_WAITING))

    @property
    def pending(self) -> int:
        """How many of them keep the loop alive."""
        return max(0, self.total - self._count("boxed") - self._unref)

    @property
    def for_readiness(self) -> int:
        """How many of them wait for a descriptor."""
        return self._count("epoll")

    @property
    def timers(self) -> int:
        """How many of them wait for a time."""
        return self._count("timer")

    @property
    def immediates(self) -> int:
        """How many of them wait for the next check phase."""
        return self._count("immediate")

    @property
    def tasks(self) -> int:
        """How many of them wait for the result of a task."""
        return self._count("pool")

    def _count(self, where: str) -> int:
        return max(0, self._listed[where] + self._unlisted[where])

    def queue_rows(self) -> list[Any]:
        """[how many, [identity, name, where, what] of the first, [where, how many] of all]"""
        rows = [
            [as_text(identity), wait.name, wait.where, wait.what]
            for identity, wait in islice(self._waits.items(), ROWS)
        ]
        counts = Counter({where: self._count(where) for where in KINDS_OF_WAITING})
        frequent = [[where, count] for where, count in counts.most_common() if count]
        return [self.total, rows, frequent]

    def timer_rows(self, origin: float) -> list[Any]:
        """[how many, [identity, deadline (s), name, delay] of the nearest]"""
        rows = [
            [as_text(i), round(deadline - origin, 6), self.about(i).name, self.about(i).what]
            for deadline, i in self._deadlines.nearest(ROWS)
        ]
        return [self._count("timer"), rows]

    def watched_rows(self) -> list[Any]:
        """[how many, [descriptor, token, interest, readiness] of the first]"""
        rows: list[list[Any]] = []
        for token, readiness in islice(self._tokens.items(), ROWS):
            descriptor, interest = self.descriptors.get(token, (None, ""))
            rows.append([descriptor, as_text(token), interest, readiness])
        return [self.for_readiness, rows]


def _listed(snapshot: Snapshot) -> dict[int, Wait]:
    """The callbacks of which a snapshot says for what they wait."""
    waits = {identity: Wait("timer", "", "", False) for _, identity in snapshot.timers}
    waits |= {identity: Wait("pool", kind, "", False) for _, identity, kind in snapshot.running}
    waits |= {identity: Wait("pool", kind, "", False) for identity, kind in snapshot.waiting}
    waits |= {token: Wait("epoll", "", "", True) for _, token, _ in snapshot.watched}
    return waits


def _forget_oldest(known: OrderedDict[int, Any]) -> None:
    if len(known) > KNOWN:
        known.popitem(last=False)
