"""How does work that may be long leave the loop its turn?

It comes in slices, and only a few of them are worked off in a turn, whoever they belong to. An
answer with ten thousand chunks takes a hundred milliseconds to read: as one piece it would hold up
every timer, and fifty such servers at once would hold it up fifty times. In slices they only hold
up each other. While slices wait, the loop does not sleep, and between two of its turns everybody
else has theirs.
"""

from collections import deque
from collections.abc import Callable

from minirt.core.loop import Loop
from minirt.node.runtime import Runtime

AT_ONCE = 4  # slices that are worked off where they come up, in a turn
LATER = 2  # slices of those that wait, in a turn


class Slices:
    """Who has work left, in the order in which it came, and how much may be done in this turn."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._waiting: deque[Callable[[], bool]] = deque()
        self._turn = -1  # the turn of which `_done` tells
        self._done = 0

    def may_work_now(self) -> bool:
        """May the caller work off one slice? Not before those who wait, nor for the whole turn."""
        if self._turn != self._loop.turns:
            self._turn, self._done = self._loop.turns, 0
        self._done += 1
        return not self._waiting and self._done <= AT_ONCE

    def add(self, work: Callable[[], bool]) -> None:
        """Call `work` in later turns, a slice each time, as long as it says that there is more."""
        if not self._waiting:
            self._loop.idle_hooks.append(self._go_on)
        self._waiting.append(work)

    def _go_on(self) -> None:
        """In each turn, before the poll."""
        for _ in range(min(LATER, len(self._waiting))):
            work = self._waiting.popleft()
            if work():
                self._waiting.append(work)
        if not self._waiting:
            self._loop.idle_hooks.remove(self._go_on)


def slices_of(runtime: Runtime) -> Slices:
    """The one line of this runtime."""
    slices = runtime.of_modules.get(Slices)
    if not isinstance(slices, Slices):
        slices = runtime.of_modules[Slices] = Slices(runtime.loop)
    return slices
