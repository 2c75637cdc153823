"""What did the run look like after each of its events?

One fold, for the live view and for the recording: events come in, and at each moment the state can
be shown as a `Frame`. So both always say the same. An event changes a few fields of the frame, and
`apply` names them, so that a recording keeps only what changed. Each event costs the same, however
much waits, and what the state keeps is what waits now, or has a bound.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from minirt.views.frame import FIELDS, FIELDS_OF, QUEUE_OF_PHASE, WAITING, Frame, Names
from minirt.views.printed import LINE_LENGTH, Printed
from minirt.views.queues import Queues
from minirt.views.snapshot import Gap, Snapshot
from minirt.views.tasks import Tasks
from minirt.views.timeline import Timeline
from minirt.views.words import (
    Detail,
    as_text,
    label,
    name_of_call,
    number_of,
    said,
    styles_of,
)
from minirt.views.workers import Workers
from minirt.watching.trace import ASYNCIO_PHASES, PHASES, Event

FOUND = 50  # findings
THINGS = 20  # queues, locks and so on

Entry: TypeAlias = Event | Gap


class State:
    """A run at one moment. threads: of the pool, if that is known."""

    def __init__(self, threads: int = 0) -> None:
        self.queues = Queues()
        self.workers = Workers()
        self.workers.at_least(threads)
        self.tasks = Tasks()
        self._tasks_seen: Any = None  # those of a snapshot, until an event tells of one
        self.phases: tuple[str, ...] = PHASES
        self.timeline = Timeline()
        self._printed = Printed()
        self._origin: float | None = None  # the time of the first event (s)
        self.turn = 0
        self.phase = "new"
        self._token = 0  # the identity that was given last
        self._soon = {"tick": 0, "microtask": 0}
        self._run = 0  # callbacks so far
        self._current: list[Any] | None = None
        self._ready: int | None = None  # the token whose descriptor was ready last
        self._missed = 0
        self._ready_callbacks = 0  # of asyncio, when this turn began
        self._things: list[list[Any]] = []
        self._found: deque[list[Any]] = deque(maxlen=FOUND)

    def apply(self, entry: Entry) -> Names:
        """Take one entry in. Returns the names of the fields that it may have changed."""
        if isinstance(entry, Gap):
            self.begin(entry.snapshot, entry.missed)
            return FIELDS
        if self._origin is None:
            self._origin = entry.time
        self.turn, self.phase = entry.turn, entry.phase
        if entry.phase == "round":
            self.phases = ASYNCIO_PHASES
        fold = FOLDS.get(entry.kind)
        changed = () if fold is None else fold(self, entry)
        if self._missed:
            self._missed = 0
            return (*changed, "missed")
        return changed

    def begin(self, snapshot: Snapshot, missed: int = 0) -> None:
        """Begin again from a snapshot, since events are missing."""
        if self._origin is None:
            self._origin = snapshot.time
        self.turn, self.phase = snapshot.ticks, snapshot.phase
        self._token = snapshot.identity_token
        self._soon = {"tick": snapshot.next_ticks, "microtask": snapshot.microtasks}
        self._current = self._ready = None
        self._begin_asyncio(snapshot)
        self._missed = missed
        self.queues.begin(snapshot)
        self.workers.begin(snapshot)
        self.timeline.interrupt()

    def _begin_asyncio(self, snapshot: Any) -> None:
        """What the snapshot of an asyncio program has besides."""
        if hasattr(snapshot, "all_tasks"):
            self.phases = ASYNCIO_PHASES
            if snapshot.tasks is not self._tasks_seen:  # they are looked at less often than it
                self.tasks.begin(snapshot.tasks, snapshot.all_tasks)
                self._tasks_seen = snapshot.tasks
            self._ready_callbacks = snapshot.ready

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
            "spans": self.timeline.recent(self.origin, time),
        }

    def _counters(self) -> list[Any]:
        queues, workers = self.queues, self.workers
        return [
            *(queues.pending, queues.for_readiness, queues.total),
            *(workers.available, workers.waiting, as_text(self._token)),
        ]

    # What each kind of event changes

    def _identity(self, event: Event) -> Names:
        self._token = event.identity or 0
        return ("counters",)

    def _boxed(self, event: Event) -> Names:
        if event.identity is None or event.detail is None:
            return ()
        self.queues.box(event.identity, event.detail)
        return WAITING

    def _queued(self, event: Event) -> Names:
        detail = event.detail or {}
        if event.identity is None:
            self._count_soon(event, 1)
            return ("soon",)
        where = self.queues.join(event.identity, detail, event.time)
        if where == "pool":
            self.workers.submit(event.identity, said(detail, "kind", "task"), event.time)
        return FIELDS_OF.get(where, WAITING)

    def _called(self, event: Event) -> Names:
        self._run += 1
        self._current = self.about(event.identity, event.detail)
        self.timeline.begin(event, "callback", self._current[1])
        if event.identity is None:
            self._count_soon(event, -1)
            return ("current", "run", "soon")
        if event.identity in self.tasks:
            return ("current", "run")
        is_event = event.identity == self._ready
        likely = "epoll" if is_event else QUEUE_OF_PHASE.get(event.phase, "close")
        wait = self.queues.call(event.identity, likely)
        return ("current", "run", *FIELDS_OF.get(wait.where, WAITING))

    def _returned(self, event: Event) -> Names:
        self.timeline.end(event)
        self._current = None
        return ("current",)

    def _dropped(self, event: Event) -> Names:
        if event.identity is None:
            self._count_soon(event, -1)
            return ("soon",)
        wait = self.queues.leave(event.identity)
        if wait.where == "pool":
            self.workers.forget(event.identity)
        return FIELDS_OF.get(wait.where, WAITING)

    def _count_soon(self, event: Event, more: int) -> None:
        where = (event.detail or {}).get("where")
        if where in self._soon:
            self._soon[where] = max(0, self._soon[where] + more)

    def _started(self, event: Event) -> Names:
        thread = number_of(event.thread)
        if thread is None:
            return ()
        kind = said(event.detail, "kind", "task")
        queued = self.workers.start(thread, event.identity, kind, event.time)
        self.timeline.start_task(event, kind, queued)
        return ("pool", "waiting", "counters")

    def _finished(self, event: Event) -> Names:
        thread = number_of(event.thread)
        if thread is None:
            return ()
        self.workers.finish(thread)
        self.timeline.finish_task(event)
        return ("pool", "waiting", "counters")

    def _watched(self, event: Event) -> Names:
        descriptor = (event.detail or {}).get("descriptor")
        if event.identity is not None and isinstance(descriptor, int):
            self.queues.watch(event.identity, descriptor, said(event.detail, "interest"))
        return ("watched",)

    def _answered(self, event: Event) -> Names:
        self._ready = event.identity
        if event.identity is not None:
            self.queues.answer(event.identity, said(event.detail, "readiness"))
        return ("watched",)

    def _turned(self, event: Event) -> Names:
        detail = event.detail or {}
        self._soon = {"tick": 0, "microtask": 0}  # both are empty before a turn begins
        self._ready_callbacks = detail.get("ready_callbacks", 0)
        if "pending_events" in detail and "epoll_pending_events" in detail:
            self.queues.count(detail["pending_events"], detail["epoll_pending_events"])
        if "available_threads" in detail and not self.queues.tasks:
            self.workers.count_available(detail["available_threads"])
        return ("counters", "queue", "watched", "pool", "soon", "ready")

    def _slept(self, event: Event) -> Names:
        self.timeline.begin(event, "sleep", "poll")
        return ()

    def _woke(self, event: Event) -> Names:
        self.timeline.end(event)
        return ()

    def _said(self, event: Event) -> Names:
        text = said(event.detail, "text", length=LINE_LENGTH)
        self._printed.add(event.time, text, styles_of(event.detail))
        return ("console",)

    def _closed(self, event: Event) -> Names:
        thread = number_of(event.thread)
        if thread is not None:
            self.workers.at_least(thread + 1)
        return ("pool", "counters")

    def _task(self, event: Event) -> Names:
        self.tasks.apply(event)
        self._tasks_seen = None
        return ()

    def _seen(self, event: Event) -> Names:
        rows = (event.detail or {}).get("things")
        if isinstance(rows, list):
            self._things = [list(map(str, row)) for row in rows if isinstance(row, list)][:THINGS]
        return ("things",)

    def _finding(self, event: Event) -> Names:
        detail = event.detail or {}
        if event.identity is not None and detail.get("finding") == "destroyed":
            self.tasks.drop(event.identity)
        line = detail.get("line")
        place = [said(detail, "file"), line if isinstance(line, int) else 0]
        text = said(detail, "text", length=LINE_LENGTH)
        self._found.append([self.since(event.time), text, *place])
        return ("found",)

    def _ended(self, event: Event) -> Names:
        self.queues.leave_all()
        self.tasks.drop_all()
        self._ready_callbacks = 0
        self.workers.forget_all()
        self._soon = {"tick": 0, "microtask": 0}
        return FIELDS


FOLDS: Mapping[str, Callable[[State, Event], Names]] = MappingProxyType(
    {
        "identity": State._identity,
        "boxed": State._boxed,
        "queued": State._queued,
        "run": State._called,
        "returned": State._returned,
        "dropped": State._dropped,
        "started": State._started,
        "finished": State._finished,
        "watched": State._watched,  # a Watch has seen it in a snapshot
        "ready": State._answered,
        "turn": State._turned,
        "slept": State._slept,
        "woke": State._woke,
        "printed": State._said,
        **dict.fromkeys(("created", "step", "awaits", "resumed", "done", "cancelled"), State._task),
        "things": State._seen,  # a Watch has seen it in a snapshot
        "found": State._finding,
        "closed": State._closed,
        "end": State._ended,
    }
)
SHOWN: Mapping[str, Callable[[State], Any]] = MappingProxyType(
    {
        "counters": State._counters,
        "timers": lambda state: state.queues.timer_rows(state.origin),
        "queue": lambda state: state.queues.queue_rows(),
        "pool": lambda state: state.workers.thread_rows(state.origin),
        "waiting": lambda state: state.workers.waiting_rows(state.origin),
        "watched": lambda state: state.queues.watched_rows(),
        "soon": lambda state: [state.queues.immediates, *state._soon.values()],
        "ready": lambda state: state._ready_callbacks,
        "things": lambda state: state._things,
        "found": lambda state: list(state._found),
        "run": lambda state: state._run,
        "console": lambda state: state._printed.rows(state.origin),
        "current": lambda state: state._current,
        "missed": lambda state: state._missed,
    }
)
