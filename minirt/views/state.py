"""What did the run look like after each of its events?

One fold, for the live view and for the recording: events come in, and at each moment the state can
be shown as a `Frame`. So both always say the same. An event changes a few fields of the frame
(`folds.py`), and `apply` names them, so that a recording keeps only what changed. Each event costs
the same, however much waits, and what the state keeps is what waits now, or has a bound.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from minirt.views.folds import FOLDS
from minirt.views.frame import FIELDS, Frame, Names
from minirt.views.of_asyncio import OfAsyncio, counters, is_of_asyncio
from minirt.views.printed import Printed
from minirt.views.queues import Queues
from minirt.views.snapshot import Gap, Snapshot
from minirt.views.tasks import Tasks
from minirt.views.timeline import Timeline
from minirt.views.words import (
    Detail,
    as_text,
    label,
    name_of_call,
    said,
)
from minirt.views.workers import Workers
from minirt.watching.trace import ASYNCIO_PHASES, PHASES, Event

Entry: TypeAlias = Event | Gap


class State:
    """A run at one moment. threads: of the pool, if that is known."""

    def __init__(self, threads: int = 0) -> None:
        self.queues = Queues()
        self.workers = Workers()
        self.workers.at_least(threads)
        self.tasks = Tasks()
        self.of_asyncio = OfAsyncio()
        self.phases: tuple[str, ...] = PHASES
        self.timeline = Timeline()
        self.printed = Printed()
        self._origin: float | None = None  # the time of the first event (s)
        self._last = 0.0  # that of the last one
        self.turn = 0
        self.phase = "new"
        self.token = "0"  # the identity that was given last
        self.soon = {"tick": 0, "microtask": 0}
        self.run = 0  # callbacks so far
        self.current: list[Any] | None = None  # the callback that runs; see `about`
        self.ready: int | None = None  # the token whose descriptor was ready last
        self.missed = 0  # turns without a trace before this moment

    def apply(self, entry: Entry) -> Names:
        """Take one entry in. Returns the names of the fields that it may have changed."""
        if isinstance(entry, Gap):
            self.begin(entry.snapshot, entry.missed)
            return FIELDS
        self._begin_with(entry.time)
        if self.timeline.is_interrupted:
            self.timeline.resume(entry)
        self.turn, self.phase, self._last = entry.turn, entry.phase, entry.time
        if entry.phase == "round":
            self.phases = ASYNCIO_PHASES
        fold = FOLDS.get(entry.kind)
        changed = () if fold is None else fold(self, entry)
        if self.missed:
            self.missed = 0
            return (*changed, "missed")
        return changed

    def begin(self, snapshot: Snapshot, missed: int = 0) -> None:
        """Begin again from a snapshot, since events are missing."""
        self._begin_with(snapshot.time)
        self.timeline.interrupt(self._last)
        self.turn, self.phase, self._last = snapshot.ticks, snapshot.phase, snapshot.time
        self.token = str(snapshot.identity_token)
        self.soon = {"tick": snapshot.next_ticks, "microtask": snapshot.microtasks}
        self.current = self.ready = None
        self.missed = missed
        self.queues.begin(snapshot)
        self.workers.begin(snapshot)
        self.know(snapshot)
        if is_of_asyncio(snapshot):
            self.of_asyncio.begin(snapshot, self.tasks)

    def know(self, snapshot: Snapshot) -> None:
        """Know of a run what no event tells: its threads, and whether it is one of asyncio's."""
        self.workers.at_least(snapshot.threads)
        if is_of_asyncio(snapshot):
            self.phases = ASYNCIO_PHASES

    def _begin_with(self, time: float) -> None:
        if self._origin is None:
            self._origin = self._last = self.timeline.origin = time

    @property
    def is_of_asyncio(self) -> bool:
        """Is it a program of asyncio's, as far as anybody knows?"""
        return self.phases is ASYNCIO_PHASES

    def since(self, time: float) -> float:
        """Seconds from the first event to `time`."""
        return round(time - self.origin, 6)

    @property
    def origin(self) -> float:
        """The time of the first event (s)."""
        return self._origin or 0.0

    def about(self, identity: int | None, detail: Detail | None) -> list[Any]:
        """The callback that is called, or waits at the gate: as the field "current"."""
        if identity is None:
            return [None, name_of_call(detail, self.phase), said(detail, "where"), ""]
        if identity in self.tasks:
            return [as_text(identity), self.tasks.name(identity), "task", ""]
        wait = self.queues.about(identity)
        name = label(detail) or self.queues.name(identity)
        return [as_text(identity), name, wait.where, wait.what]

    # What is shown

    def fields(self, names: Iterable[str]) -> Frame:
        """These fields of the frame."""
        return {name: SHOWN[name](self) for name in names}

    def frame(self, time: float) -> Frame:
        """The whole frame at `time` (s, on the loop's clock), with the last seconds' spans."""
        now = self.since(time)
        return {
            "time": now,
            "turn": self.turn,
            "phase": self.phase,
            "phases": list(self.phases),
            **self.fields(FIELDS),
            "tasks": self.tasks.field(self.origin),
            "spans": self.timeline.recent(time),
        }

    def _counters(self) -> list[Any]:
        queues, workers = self.queues, self.workers
        if self.is_of_asyncio:
            return [*counters(self.tasks, self.of_asyncio.ready, queues, workers)]
        return [
            *(queues.pending, queues.for_readiness, queues.total),
            *(workers.available, workers.waiting, self.token),
        ]


SHOWN: Mapping[str, Callable[[State], Any]] = MappingProxyType(
    {
        "counters": State._counters,
        "timers": lambda state: state.queues.timer_rows(state.origin),
        "queue": lambda state: state.queues.queue_rows(),
        "pool": lambda state: state.workers.thread_rows(state.origin),
        "waiting": lambda state: state.workers.waiting_rows(state.origin),
        "watched": lambda state: state.queues.watched_rows(),
        "soon": lambda state: [state.queues.immediates, *state.soon.values()],
        "ready": lambda state: state.of_asyncio.ready,
        "things": lambda state: state.of_asyncio.things,
        "found": lambda state: state.of_asyncio.found(state.origin),
        "run": lambda state: state.run,
        "console": lambda state: state.printed.rows(state.origin),
        "current": lambda state: state.current,
        "missed": lambda state: state.missed,
    }
)
