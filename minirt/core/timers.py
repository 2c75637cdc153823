"""Which callbacks are due, and how long may the loop sleep?

The question of a sorted map from deadline to callback. Three designs are common. libuv keeps a heap
of timers; asyncio keeps Python's `heapq` of handles, and compares two of them with a method written
in Python; Node keeps one list for each delay, since lists of one delay are sorted by themselves.

Here a heap holds the *distinct* deadlines, and each has the list of its timers. Deadlines are
rounded up to a quarter of a millisecond, so that many timers share few of them: the heap stays
small, no timer is early, and two equal deadlines are two entries of one list, so none is lost.
Whoever needs finer deadlines gets them: one that comes through `add_exactly` has a list of its own,
and the heap sorts it among the others.

Clearing a timer takes its callback away, and leaves its number in the list until the list is due.
That is cheap, and has three traps. The loop must not wake for a list in which nobody is left
(`next_deadline` looks). A program that sets and clears a timeout for each request must not keep all
the numbers until their deadlines (`_sweep`). And a number that is left behind must never find the
callback of a later timer. So the number is a key that is used once: the identity of a timer when it
is set, and a fresh negative one each time that it is set again. A handle keeps its key, and with a
key that is over it finds nobody, even when the count of identities comes round.

Nothing here reads a clock: the time is an argument.
"""

from collections import deque
from heapq import heapify, heappop, heappush

from minirt.values import Callback

SLOTS = 4000  # in a second: shared deadlines are kept in quarter milliseconds
FORGIVEN = 1e-6  # of a slot, a quarter of a nanosecond: a sum of floats may be off by that much
ROUND_UP = 1 - FORGIVEN  # int(x + ROUND_UP) rounds x up
FEW = 1000  # keys of cleared timers that are not worth a sweep


class Timers:
    """Deadlines (seconds on the loop's clock) and the callbacks that wait for them.

    waiting: {key: callback}. Taking a callback out of it ends the timer, by its call or without.
    names: {key: identity} for keys that are not the timer's identity themselves.
    """

    __slots__ = (
        *("_batch", "_due", "_heap", "_keys", "_last_key", "_slots", "_stale", "_unref"),
        *("current", "names", "waiting"),
    )

    def __init__(self) -> None:
        self.waiting: dict[int, Callback] = {}
        self._slots: dict[float, list[int]] = {}  # deadline in slots -> keys, as they were set
        self._heap: list[float] = []  # the deadlines of the slots, the nearest first
        self._due: deque[list[int]] = deque()  # slots whose time has come, the earliest first
        self.current: list[int] = []  # the keys to call now, the next one last
        self._batch: frozenset[int] | None = None  # the same, those called too, once somebody asks
        self._stale = 0  # keys of cleared timers in the slots, at most
        self._unref: set[int] = set()  # keys of timers that do not keep the loop alive
        self._last_key = 0  # fresh keys count down from here
        self.names: dict[int, int] = {}
        self._keys: dict[int, int] = {}  # the other way round

    def add(self, deadline: float, key: int, callback: Callback) -> None:
        """`callback` is due at `deadline`, rounded up to a quarter of a millisecond."""
        at = int(deadline * SLOTS + ROUND_UP)
        keys = self._slots.get(at)
        if keys is None:
            self._slots[at] = [key]
            heappush(self._heap, at)
        else:
            keys.append(key)
        self.waiting[key] = callback

    def add_exactly(self, deadline: float, key: int, callback: Callback) -> None:
        """`callback` is due at `deadline`, and not before one with an earlier deadline."""
        at = deadline * SLOTS
        if at not in self._slots:
            self._slots[at] = []
            heappush(self._heap, at)
        self._slots[at].append(key)
        self.waiting[key] = callback

    def fresh_key(self, identity: int) -> int:
        """A key that was never used, for a timer with this identity."""
        self._last_key -= 1
        self.names[self._last_key] = identity
        self._keys[identity] = self._last_key
        return self._last_key

    def key_of(self, identity: int) -> int:
        """The key of the timer with this identity, if there is one."""
        return self._keys.get(identity, identity)

    def forget(self, key: int) -> None:
        """A key is over. Only fresh ones are remembered."""
        identity = self.names.pop(key, None)
        if identity is not None and self._keys.get(identity) == key:
            del self._keys[identity]

    def remove(self, key: int) -> bool:
        """The timer with this key does not run. False when none waits."""
        if self.waiting.pop(key, None) is None:
            return False
        if self.names:
            self.forget(key)
        self._unref.discard(key)
        self._stale += 1
        if self._stale > len(self.waiting) + FEW:
            self._sweep()
        return True

    def set_ref(self, key: int, keeps_alive: bool) -> None:
        """Does this timer keep the loop alive? Nothing changes for one that does not wait."""
        if keeps_alive:
            self._unref.discard(key)
        elif key in self.waiting and not self._is_current(key):
            self._unref.add(key)

    def begin(self, now: float) -> None:
        """Everything due at `now` leaves the slots. What is added from here on waits longer."""
        limit = now * SLOTS + FORGIVEN
        heap, slots = self._heap, self._slots
        while heap and heap[0] <= limit:
            self._due.append(slots.pop(heappop(heap)))

    def next_batch(self) -> list[int]:
        """The keys to call next, the first of them last; an empty list when no more are due."""
        while not self.current and self._due:
            self.current, self._batch = self._due.popleft(), None
            self.current.reverse()  # taking from the end is cheap
            if self._unref:
                self._unref.difference_update(self.current)  # whoever is due runs
        return self.current

    def next_deadline(self) -> float | None:
        """The nearest deadline that somebody waits for (seconds), None when nobody waits."""
        if self.current or self._due:
            return 0.0  # an exception left them behind
        while self._heap:
            keys = self._slots[self._heap[0]]
            for cleared, key in enumerate(keys):
                if key in self.waiting:
                    del keys[:cleared]
                    return self._heap[0] / SLOTS
            del self._slots[heappop(self._heap)]
        return None

    def alive(self) -> int:
        """How many timers keep the loop alive."""
        return len(self.waiting) - len(self._unref)

    def has(self, identity: int) -> bool:
        """Does a timer with this identity wait?"""
        return self.key_of(identity) in self.waiting

    def identities(self) -> set[int]:
        """Of all timers that wait."""
        return {self.names.get(key, key) for key in self.waiting}

    def nearest(self, count: int) -> list[tuple[float, int]]:
        """The first `count` timers as (deadline in s, identity), for a look from another thread.

        In a heap what comes after a number is among its two children, so that nobody else is
        looked at.
        """
        heap, found = self._heap, list[tuple[float, int]]()
        ahead = [(at, 0) for at in heap[:1]]  # and its place in the heap
        while ahead and len(found) < count:
            at, place = heappop(ahead)
            for child in (2 * place + 1, 2 * place + 2):
                for after in heap[child : child + 1]:  # the loop may have shortened it meanwhile
                    heappush(ahead, (after, child))
            for key in self._slots.get(at, ())[: count + self._stale]:
                if key in self.waiting:
                    found.append((at / SLOTS, self.names.get(key, key)))
        return found[:count]

    def drop_all(self) -> None:
        """Forget everything."""
        for gone in (self.waiting, self._slots, self._heap, self._due, self.current):
            gone.clear()
        for also_gone in (self._unref, self.names, self._keys):
            also_gone.clear()

    def _is_current(self, key: int) -> bool:
        """Is it called now, whatever else there is to wait for?"""
        if self._batch is None:
            self._batch = frozenset(self.current)
        return key in self._batch

    def _sweep(self) -> None:
        """Most keys are those of cleared timers: keep the others."""
        waiting = self.waiting
        all_gone = waiting.keys().isdisjoint
        for at, keys in list(self._slots.items()):
            if all_gone(keys):
                del self._slots[at]
            else:
                keys[:] = [key for key in keys if key in waiting]
        self._heap[:] = self._slots
        heapify(self._heap)
        self._stale = 0
