"""Which callbacks are due, and how long may the loop sleep?

The question of a sorted map from deadline to identity. A heap holds the distinct deadlines and a
dict the identities of each, so that equal deadlines share one entry and none is ever lost.
Deadlines are rounded up to a quarter of a millisecond: many timers then share few entries, and a
timer is never early. Nothing here reads a clock: the time is an argument.
"""

from collections.abc import Container, Iterator
from heapq import heapify, heappop, heappush
from itertools import islice

SLOTS = 4000  # in a second: deadlines are kept in quarter milliseconds
FORGIVEN = 1e-6  # of a slot, a quarter of a nanosecond: the error of a float is no lateness
ROUND_UP = 1 - FORGIVEN  # int(x + ROUND_UP) rounds x up
FEW = 1000  # stale entries that are not worth a sweep


class Timers:
    """Deadlines (seconds on the loop's clock) and the identities that wait for them.

    `live` says which identities still have a callback: clearing a timer is taking its callback
    away, and its entry here is passed over when its time comes.
    """

    __slots__ = ("_live", "_moved", "_running", "_slots", "_stale", "_sweep_at", "heap")

    def __init__(self, live: Container[int]) -> None:
        self._live = live
        self.heap: list[int] = []  # distinct slots, the nearest first
        self._slots: dict[int, list[int]] = {}  # slot -> identities, in order of registration
        self._moved: dict[int, int] = {}  # identity -> slot, for those that were moved
        self._running: list[int] = []  # the identities that `due` gave out last
        self._stale = 0  # entries that were cleared or moved, at most
        self._sweep_at = FEW  # stale entries that are worth a look at all

    def schedule(self, deadline: float, identity: int) -> None:
        """`identity` is due at `deadline`."""
        slot = int(deadline * SLOTS + ROUND_UP)
        identities = self._slots.get(slot)
        if identities is None:
            self._slots[slot] = [identity]
            heappush(self.heap, slot)
        else:
            identities.append(identity)

    def move(self, deadline: float, identity: int) -> None:
        """`identity` is due at `deadline`, which is not before the one that it had."""
        slot = int(deadline * SLOTS + ROUND_UP)
        if identity in self._slots.get(slot, ()):
            self._slots[slot].remove(identity)  # it now comes after the others, as in Node
        self.schedule(deadline, identity)
        self._moved[identity] = slot
        if identity in self._running:
            self._running[self._running.index(identity)] = -1  # no identity is negative
        self.cleared()

    def has(self, identity: int) -> bool:
        """Does `identity` wait for a deadline here? Looks at every one."""
        return identity in self._running or any(
            identity in identities for identities in self._slots.values()
        )

    def due(self, now: float) -> Iterator[list[int]]:
        """The identities due at `now`, one list a slot, the earliest first. They leave the map."""
        limit = now * SLOTS + FORGIVEN
        while self.heap and self.heap[0] <= limit:
            slot = heappop(self.heap)
            self._running = self._slots.pop(slot)
            if self._moved:
                self._running = self._still_here(slot, self._running)
            yield self._running
        self._running = []

    def next_deadline(self) -> float | None:
        """The nearest deadline that somebody waits for (seconds), None when nobody waits."""
        while self.heap:
            slot = self.heap[0]
            if any(identity in self._live for identity in self._slots[slot]):
                return slot / SLOTS
            del self._slots[heappop(self.heap)]
        return None

    def cleared(self) -> None:
        """One entry became stale. When most are, sweep: a cleared hour must not cost its memory."""
        self._stale += 1
        if self._stale > self._sweep_at:
            if self._stale > self._entries() // 2:
                self._sweep()
            self._sweep_at = max(FEW, self._entries() // 2)

    def nearest(self, count: int) -> list[tuple[float, int]]:
        """The first `count` timers as (deadline, identity), for a look from another thread."""
        found = (
            (slot / SLOTS, identity)
            for slot in sorted(self.heap.copy())
            for identity in tuple(self._slots.get(slot, ()))
            if identity in self._live and self._moved.get(identity, slot) == slot
        )
        return list(islice(found, count))

    def clear(self) -> None:
        """Forget everything."""
        self.heap.clear()
        self._slots.clear()
        self._moved.clear()
        self._running = []
        self._stale = 0

    def identities(self) -> set[int]:
        """Every identity that has an entry here, cleared ones included."""
        return {identity for identities in self._slots.values() for identity in identities}

    def _still_here(self, slot: int, identities: list[int]) -> list[int]:
        here = [identity for identity in identities if self._moved.get(identity, slot) == slot]
        for identity in here:
            self._moved.pop(identity, None)
        return here

    def _entries(self) -> int:
        """How many there are, stale ones included. Looks at every slot: not for each clearing."""
        return sum(map(len, self._slots.values()))

    def _sweep(self) -> None:
        live, moved = self._live, self._moved
        for slot, identities in list(self._slots.items()):
            identities[:] = [i for i in identities if i in live and moved.get(i, slot) == slot]
            if not identities:
                del self._slots[slot]
        self.heap[:] = self._slots
        heapify(self.heap)
        self._moved = {identity: slot for identity, slot in moved.items() if identity in live}
        self._stale = 0
