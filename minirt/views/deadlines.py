"""Which timers are the next ones?

A heap of (deadline, identity). A timer that runs, or is cleared, stays in the heap until it comes
to the top: the dict beside it says which entries still hold.
"""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush

SLACK = 64  # entries that no longer hold are tolerated in any number up to this


class Deadlines:
    """The deadlines of timers (s). Each step costs O(log n)."""

    def __init__(self, timers: Iterable[tuple[float, int]] = ()) -> None:
        self._deadlines = {identity: deadline for deadline, identity in timers}
        self._heap: list[tuple[float, int]] = []
        self._rebuild()

    def set(self, identity: int, deadline: float) -> None:
        """The timer is due at `deadline`, wherever it stood before."""
        if self._deadlines.get(identity) == deadline:
            return
        self._deadlines[identity] = deadline
        heappush(self._heap, (deadline, identity))
        self._tidy()

    def remove(self, identity: int) -> None:
        """The timer is over."""
        if self._deadlines.pop(identity, None) is not None:
            self._tidy()

    def nearest(self, count: int) -> list[tuple[float, int]]:
        """The first `count` of them, in order."""
        found: list[tuple[float, int]] = []
        while self._heap and len(found) < count:
            entry = heappop(self._heap)
            holds = self._deadlines.get(entry[1]) == entry[0]
            if holds and (not found or found[-1] != entry):  # moved away and back, it is twice
                found.append(entry)
        for entry in found:
            heappush(self._heap, entry)
        return found

    def __len__(self) -> int:
        return len(self._deadlines)

    def _tidy(self) -> None:
        if len(self._heap) > 2 * len(self._deadlines) + SLACK:
            self._rebuild()

    def _rebuild(self) -> None:
        self._heap = [(deadline, identity) for identity, deadline in self._deadlines.items()]
        heapify(self._heap)
