"""Which callbacks are due, and how long may the loop sleep?

The question of a sorted map from deadline to callback. Three designs are common. libuv keeps a heap
of timers; asyncio keeps Python's `heapq` of handles, and compares two of them with a method written
in Python; Node keeps one list for each delay, since lists of one delay are sorted by themselves.

Here a heap holds the *distinct* deadlines and a dict the callbacks of each, by identity. Deadlines
are rounded up to a quarter of a millisecond, so that many timers share few entries: the heap stays
small, no timer is early, and two equal deadlines are two entries of one dict, so none is lost.
Whoever needs finer deadlines gets them: a deadline in `add_exactly` is an entry of its own, and
the heap sorts it among the others.

A cleared timer leaves its dict at once. Marking it and passing over it later would be simpler, and
is what most loops do, but then a program that sets and clears a timeout for each request keeps
all of them until their deadline, and the loop wakes for nobody. Only the number of an emptied slot
may stay in the heap; it is dropped when it comes to the top, or when most numbers are of that sort.

Nothing here reads a clock: the time is an argument.
"""

from collections import OrderedDict
from heapq import heapify, heappop, heappush
from itertools import islice
from typing import TypeAlias

from minirt.values import Callback

SLOTS = 4000  # in a second: shared deadlines are kept in quarter milliseconds
FORGIVEN = 1e-6  # of a slot, a quarter of a nanosecond: a sum of floats may be off by that much
ROUND_UP = 1 - FORGIVEN  # int(x + ROUND_UP) rounds x up
FEW = 1000  # numbers of emptied slots that are not worth a sweep

Slot: TypeAlias = dict[int, Callback]  # the callbacks of one deadline, in the order of registration


class Timers:
    """Deadlines (seconds on the loop's clock) and the callbacks that wait for them.

    A timer that waits has an entry in `deadlines`. Its handle keeps the very object: a deadline
    that *is* there under the handle's identity is the handle's own, and an equal one may belong to
    a later timer with the same identity.
    """

    __slots__ = ("_due", "_heap", "_limit", "_slots", "_unref", "current", "deadlines")

    def __init__(self) -> None:
        self.deadlines: dict[int, float] = {}  # identity -> deadline, of all that wait
        self._slots: dict[float, Slot] = {}
        self._heap: list[float] = []  # the numbers of the slots, the nearest first
        # slots whose time has come, the earliest first
        self._due: OrderedDict[float, Slot] = OrderedDict()
        self.current: Slot = {}  # the callbacks that are called now
        self._limit = 0.0  # slots up to this number have come
        self._unref: set[int] = set()  # identities that do not keep the loop alive

    def add(self, deadline: float, identity: int, callback: Callback) -> None:
        """`callback` is due at `deadline`, rounded up to a quarter of a millisecond."""
        number = int(deadline * SLOTS + ROUND_UP)
        slot = self._slots.get(number)
        if slot is None:
            slot = self._open(number)
        slot[identity] = callback
        self.deadlines[identity] = deadline

    def add_exactly(self, deadline: float, identity: int, callback: Callback) -> None:
        """`callback` is due at `deadline`, and not before one with an earlier deadline."""
        number = deadline * SLOTS
        slot = self._slots.get(number)
        if slot is None:
            slot = self._open(number)
        slot[identity] = callback
        self.deadlines[identity] = deadline

    def remove(self, identity: int) -> bool:
        """The timer of `identity` does not run. False when none waits under it."""
        deadline = self.deadlines.pop(identity, None)
        if deadline is None:
            return False
        self._unref.discard(identity)
        for number in (int(deadline * SLOTS + ROUND_UP), deadline * SLOTS):
            slot = self._slots.get(number)
            if slot is not None and slot.pop(identity, None) is not None:
                if not slot:
                    self._close(number)
                return True
            if self._due.get(number, self.current).pop(identity, None) is not None:
                return True
        return True

    def set_ref(self, identity: int, keeps_alive: bool) -> None:
        """Does this timer keep the loop alive? Nothing changes for one that does not wait."""
        if keeps_alive:
            self._unref.discard(identity)
        elif identity in self.deadlines and identity not in self.current:
            self._unref.add(identity)

    def begin(self, now: float) -> None:
        """Everything due at `now` leaves the map. What is added from here on waits longer."""
        self._limit = limit = now * SLOTS + FORGIVEN
        heap, slots = self._heap, self._slots
        while heap and heap[0] <= limit:
            number = heappop(heap)
            slot = slots.pop(number, None)
            if slot is not None:
                self._due[number] = slot

    def has_come(self, deadline: float) -> bool:
        """Has the time of this deadline come?"""
        return int(deadline * SLOTS + ROUND_UP) <= self._limit

    def next_batch(self) -> Slot:
        """The callbacks to call next, in their order; an empty slot when no more are due."""
        while not self.current and self._due:
            self.current = self._due.popitem(last=False)[1]
            self._unref.difference_update(self.current)  # whoever is due runs
        return self.current

    def next_deadline(self) -> float | None:
        """The nearest deadline that somebody waits for (seconds), None when nobody waits."""
        if self.current or self._due:
            return 0.0  # an exception left them behind
        heap = self._heap
        while heap and heap[0] not in self._slots:
            heappop(heap)
        return heap[0] / SLOTS if heap else None

    def alive(self) -> int:
        """How many timers keep the loop alive."""
        return len(self.deadlines) - len(self._unref)

    def __len__(self) -> int:
        """How many timers wait."""
        return len(self.deadlines)

    def nearest(self, count: int) -> list[tuple[float, int]]:
        """The first `count` timers as (deadline in s, identity), for a look from another thread.

        In a heap what comes after a number is among its two children, so that nobody else is
        looked at.
        """
        heap, found = self._heap, dict[int, float]()
        ahead = [(number, 0) for number in heap[:1]]  # and its place in the heap
        while ahead and len(found) < count:
            number, place = heappop(ahead)
            for child in (2 * place + 1, 2 * place + 2):
                for after in heap[child : child + 1]:  # the loop may have shortened it meanwhile
                    heappush(ahead, (after, child))
            for identity in list(islice(self._slots.get(number, ()), count)):
                found.setdefault(identity, number / SLOTS)
        return [(deadline, identity) for identity, deadline in found.items()][:count]

    def drop_all(self) -> None:
        """Forget everything."""
        for slot in (self.current, *self._due.values()):
            slot.clear()
        for waiting in (self.deadlines, self._slots, self._heap, self._due, self._unref):
            waiting.clear()

    def _open(self, number: float) -> Slot:
        slot: Slot = {}
        self._slots[number] = slot
        heappush(self._heap, number)
        return slot

    def _close(self, number: float) -> None:
        """Its last timer was cleared. The number may stay in the heap, unless most are stale."""
        del self._slots[number]
        if len(self._heap) > 2 * len(self._slots) + FEW:
            self._heap[:] = self._slots
            heapify(self._heap)
