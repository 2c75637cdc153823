"""What do the threads of the pool do, and which tasks wait for one?

A task that finds a free thread is *handed over*, and begins when that thread wakes. A thread that
finishes while tasks wait goes on with one of them, and only its beginning says with which.
"""

from collections import OrderedDict
from itertools import islice
from typing import Any, NamedTuple

from minirt.views.queues import KNOWN, ROWS
from minirt.views.snapshot import Snapshot
from minirt.views.words import as_text


class Work(NamedTuple):
    """A task that runs or waits."""

    identity: int | None
    kind: str
    since: float  # s


class Workers:
    """The threads, by number, and the tasks."""

    def __init__(self) -> None:
        self.size = 0  # threads, as far as anybody knows
        self._busy: dict[int, Work] = {}
        self._handed_over: dict[int, Work] = {}
        self._waiting: OrderedDict[int, Work] = OrderedDict()
        self._unlisted = 0  # tasks that wait, of which only the number is known
        self._going_on = 0  # threads that finished a task and take one that waits
        self._taken = 0  # threads that the program took for itself

    def at_least(self, size: int) -> None:
        """The pool has this many threads, or more."""
        self.size = max(self.size, size)

    def submit(self, identity: int, kind: str, time: float) -> None:
        """A task comes in."""
        if self._unused() > 0:
            self._handed_over[identity] = Work(identity, kind, time)
        elif len(self._waiting) < KNOWN:
            self._waiting[identity] = Work(identity, kind, time)
        else:
            self._unlisted += 1

    def start(self, thread: int, identity: int | None, kind: str, time: float) -> float | None:
        """A thread begins a task. Returns when that came in, if that is known (s)."""
        self.at_least(thread + 1)
        self._busy[thread] = Work(identity, kind, time)
        key = -1 if identity is None else identity
        handed_over = self._handed_over.pop(key, None)
        waited = self._waiting.pop(key, None)
        if handed_over is None and waited is None and self._unlisted:
            self._unlisted -= 1
        if handed_over is None and self._going_on:
            self._going_on -= 1
        known = handed_over or waited
        return known.since if known else None

    def finish(self, thread: int) -> None:
        """A thread has finished its task."""
        self._busy.pop(thread, None)
        if self._all_waiting() > self._going_on:
            self._going_on += 1

    def forget(self, identity: int) -> None:
        """A task that waited was taken back."""
        if self._waiting.pop(identity, None) or self._handed_over.pop(identity, None):
            return
        self._unlisted = max(0, self._unlisted - 1)

    def forget_all(self) -> None:
        """No task waits any more."""
        self._waiting.clear()
        self._handed_over.clear()
        self._unlisted = self._going_on = 0

    def count_available(self, available: int) -> None:
        """What the loop says while no task is out: a thread that is not free was taken by hand."""
        self.at_least(available)
        self._taken = self.size - available

    def begin(self, snapshot: Snapshot) -> None:
        """Begin again from a snapshot. A task that is known already keeps its times."""
        before = {work.identity: work for work in (*self._busy.values(), *self._waiting.values())}
        self.forget_all()
        self.at_least(snapshot.threads)

        def work(identity: int, kind: str) -> Work:
            return before.get(identity) or Work(identity, kind, snapshot.time)

        self._busy = {thread: work(identity, kind) for thread, identity, kind in snapshot.running}
        for identity, kind in snapshot.waiting:
            self._waiting[identity] = work(identity, kind)
        self._unlisted = max(0, snapshot.waiting_tasks - len(self._waiting))
        self._taken = self.size - len(self._busy) - snapshot.available_threads

    @property
    def available(self) -> int:
        """How many threads are free."""
        return max(0, self._unused())

    @property
    def waiting(self) -> int:
        """How many tasks wait for a thread."""
        return max(0, self._all_waiting() - self._going_on)

    def _unused(self) -> int:
        busy = len(self._busy) + len(self._handed_over) + self._going_on
        return self.size - busy - self._taken

    def _all_waiting(self) -> int:
        return len(self._waiting) + self._unlisted

    def thread_rows(self, origin: float) -> list[Any]:
        """[thread, identity, kind, since (s)] of each thread; None and "" for one without a task"""
        rows: list[Any] = []
        for thread in range(self.size):
            work = self._busy.get(thread)
            if work is None:
                rows.append([thread, None, "", None])
            else:
                since = round(work.since - origin, 6)
                rows.append([thread, as_text(work.identity), work.kind, since])
        return rows

    def waiting_rows(self, origin: float) -> list[Any]:
        """[how many, [identity, kind, since (s)] of the first]"""
        rows = [
            [as_text(work.identity), work.kind, round(work.since - origin, 6)]
            for work in islice(self._waiting.values(), ROWS)
        ]
        return [self.waiting, rows]
