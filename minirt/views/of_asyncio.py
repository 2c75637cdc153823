"""What is there to see of a program of asyncio's, and of no other?

Its callbacks that are ready, its queues and locks, and what is wrong with it. What Node alone has
(ticks, microtasks, identities that are given one after the other) is not there, so its counters are
others, too.
"""

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Any

from minirt.views.printed import LINE_LENGTH
from minirt.views.queues import Queues
from minirt.views.snapshot import Snapshot
from minirt.views.tasks import Tasks
from minirt.views.words import Detail, how_many_fit, said, size_of
from minirt.views.workers import Workers
from minirt.watching.trace import Event

FOUND, ROOM = 50, 8_000  # findings, and characters of all of them together
THINGS = 20  # queues, locks and so on


class OfAsyncio:
    """What only a program of asyncio's has, at one moment."""

    def __init__(self) -> None:
        self.ready = 0  # callbacks, when this turn began
        self.things: list[list[str]] = []  # identity, kind, name, how it is, who waits
        self._found: deque[tuple[float, list[Any]]] = deque(maxlen=FOUND)
        self._tasks_seen: Any = None  # those of a snapshot, until an event tells of one

    def begin(self, snapshot: Snapshot, tasks: Tasks) -> None:
        """Begin again from a snapshot of such a program; its tasks go to `tasks`."""
        seen: Any = snapshot
        if seen.tasks is not self._tasks_seen:  # they are looked at less often than it
            tasks.begin(seen.tasks, seen.all_tasks)
            self._tasks_seen = seen.tasks
        self.ready = seen.ready

    def hear(self) -> None:
        """An event tells of a task."""
        self._tasks_seen = None

    def see(self, detail: Detail | None) -> None:
        """Queues and locks are like this now."""
        rows = (detail or {}).get("things")
        if isinstance(rows, list):
            self.things = [list(map(str, row)) for row in rows if isinstance(row, list)][:THINGS]

    def find(self, event: Event) -> None:
        """Something is wrong."""
        detail = event.detail or {}
        line = detail.get("line")
        place = [said(detail, "file"), line if isinstance(line, int) else 0]
        self._found.append((event.time, [said(detail, "text", length=LINE_LENGTH), *place]))

    def found(self, origin: float) -> list[list[Any]]:
        """[time (s), text, file, line] of each finding; of many or long ones, the last"""
        sizes = (size_of(text) + size_of(file) for _, (text, file, _) in reversed(self._found))
        first = len(self._found) - how_many_fit(sizes, ROOM)
        rows = islice(self._found, first, None)
        return [[round(time - origin, 6), *what] for time, what in rows]


def is_of_asyncio(snapshot: object) -> bool:
    """Is it a snapshot of a program of asyncio's?"""
    return hasattr(snapshot, "all_tasks")


def counters(tasks: Tasks, ready: int, queues: Queues, workers: Workers) -> Sequence[int]:
    """Tasks, ready callbacks, timers, descriptors, executor jobs, free threads."""
    jobs = queues.tasks
    return len(tasks), ready, queues.timers, queues.for_readiness, jobs, workers.available
