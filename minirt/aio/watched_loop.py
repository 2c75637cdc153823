"""What can be asked of an asyncio loop while it is watched?

Its core, its tasks, and how it looks at this moment. It tells its events to a sink while one is
attached, and costs nothing more when that is taken off. What is found wrong with it is told
nevertheless: then it is looked at from outside, by threads that are there anyhow.
"""

import asyncio
from dataclasses import dataclass
from time import monotonic
from typing import Any

from minirt.aio.book import Book
from minirt.aio.chain import name_of, task_of
from minirt.aio.findings import Findings
from minirt.aio.held import Held
from minirt.aio.lives import MOST_THINGS
from minirt.aio.outside import Outside
from minirt.aio.rounds import Rounds
from minirt.aio.watchdog import Watchdog
from minirt.aio.watched import WatchedRounds, watched_call
from minirt.node.snapshot import Snapshot, snapshot
from minirt.watching.calls import unwatch, watch_by
from minirt.watching.gate import Gate, PacedClock
from minirt.watching.notes import Notes
from minirt.watching.trace import Sink

MOST_TASKS = 1_000  # of a snapshot
FRESH = 0.4  # s: tasks are looked at no more often than that while nobody watches,
DEAR = 50  # and for no more than this part of the time


@dataclass(frozen=True)
class AsyncioSnapshot(Snapshot):
    """A moment of a program of asyncio's."""

    tasks: tuple[tuple[int, float, dict[str, Any]], ...]  # identity, since (s), detail
    all_tasks: int
    things: tuple[list[Any], ...]
    ready: int  # callbacks


class WatchedLoop:
    """An event loop of minirt's, and what is known of its tasks."""

    def __init__(self, event_loop: Any) -> None:
        self.event_loop = event_loop
        self.paced: PacedClock | None = None
        self.book = Book(self.loop.next_identity, event_loop.time)
        self.findings = Findings(self.book, Watchdog(watched_call.__code__))
        self._watching: tuple[Sink | None, Gate | None] | None = None
        self._tasks: tuple[tuple[Any, ...], int] = ((), 0)  # as they were looked at
        self._look_again = 0.0  # s: when

    @property
    def loop(self) -> Rounds:
        """The core of the loop that runs."""
        rounds: Rounds = self.event_loop._core
        return rounds

    @property
    def phase(self) -> str:
        return self.loop.phase

    @property
    def ticks(self) -> int:
        """Turns of the loop so far."""
        return self.loop.turns

    def attach(self, trace: Sink | None = None, gate: Gate | None = None) -> None:
        """From now on every event goes to `trace`, and every callback passes the `gate`."""
        self._watching = (trace, gate)
        self.findings.watchdog.look_from_outside(None)
        watched = watch_by(WatchedRounds(self, self.loop, trace, gate))
        assert isinstance(watched, WatchedRounds)
        watched.begin()
        self._tell_findings(watched)

    def detach(self) -> None:
        """No event is recorded any more, but what is found. On the loop's thread."""
        self._watching = None
        watched = self.loop.calls
        if isinstance(watched, WatchedRounds):
            watched.end()
            unwatch(self.loop)
            self._tell_findings(Notes(self.loop, watched.sink))
            self.findings.watchdog.look_from_outside(Outside(self.loop, self._held))

    def _tell_findings(self, notes: Notes) -> None:
        """From now on these note what is found."""
        self.findings.tell = lambda whom, detail: notes.note("found", whom, detail)
        self.findings.hand_over()

    def _held(self, callback: Any, held: Held) -> None:
        """A callback took long while nobody watched. On the watchdog's thread."""
        task = task_of(callback)
        if task is None:
            where = self.book.place(callback)
            self.findings.held(where["callback"], held, where)
            return
        page = self.book.page(task)
        where = {} if page is None else page.place()
        self.findings.held(name_of(task), held, where)

    def snapshot(self, most: int = 50) -> AsyncioSnapshot:
        """The program now. Any thread may ask."""
        loop = self.loop
        now = snapshot(loop, most)
        watched = loop.watched_handles()
        counts = {**dict(now.queues), "epoll": watched}
        tasks, all_tasks = self._tasks_now()
        fields = vars(now) | {
            "time": loop.clock.now() if self.paced is None else self.paced.now(),
            "queues": tuple(counts.items()),
            "epoll_pending_events": watched,
            "pending_events": now.pending_events + watched,
        }
        return AsyncioSnapshot(
            **fields,
            tasks=tasks,
            all_tasks=all_tasks,
            things=tuple(self.book.things(MOST_THINGS)),
            ready=len(loop.ready),
        )

    def _tasks_now(self) -> tuple[tuple[Any, ...], int]:
        """The tasks, where no events tell of them."""
        if self.loop.is_watched or self.loop.phase in ("new", "closed"):
            return (), 0
        began = monotonic()
        # who traces again asks on the loop itself, and goes on from what it is told
        if asyncio._get_running_loop() is self.event_loop or began > self._look_again:
            book = self.book
            looked, changed = book.read_through(self.event_loop, MOST_TASKS)
            for page in changed:
                self.findings.awaits(page)
            rows = tuple(
                (one.identity, one.since, {**book.detail(one), "state": one.state})
                for one in looked
            )
            self._tasks = (rows, len(book.pages))
            ended = monotonic()
            self._look_again = ended + max(FRESH, DEAR * (ended - began))
        return self._tasks
