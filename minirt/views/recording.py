"""What did the run look like at each of its moments?

The events are folded once, here, into the frame after each of them. A frame mostly equals the one
before, so only the fields that changed are kept, each value once: the page looks them up and has
nothing to compute.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

from minirt.watching.trace import Event
from minirt.views.model import (
    ROWS,
    Frame,
    Snapshot,
    Story,
    console_rows,
    frame_of,
    groups,
    label,
    queue_row,
    timer_row,
)


class Sample(NamedTuple):
    """How a run looked when nobody told: `missed` turns were not traced before it."""

    snapshot: Snapshot
    missed: int

    @property
    def time(self) -> float:
        return self.snapshot.time


Entry: TypeAlias = Event | Sample

ALWAYS = ("time", "turn", "phase")  # kept in the event's own row
NOT_RECORDED = ("spans",)  # the whole timeline is kept once


class State(Story):
    """The queues as the events tell them: the frame after each event."""

    def __init__(self) -> None:
        super().__init__()
        self.frame: Frame = {}
        self._size = 0  # threads of the pool
        self._token = 0  # the identity given last
        self._deadlines: dict[int, float] = {}  # timer -> s
        self._timers: list[tuple[float, int]] = []  # in order
        self._queue: dict[int, None] = {}  # identities that wait, in order
        self._tokens: dict[int, list[Any]] = {}  # token -> watched row
        self._persistent: set[int] = set()
        self._immediates: dict[int, None] = {}
        self._soon: dict[str, deque[str]] = {"tick": deque(), "microtask": deque()}
        self._busy: dict[int, tuple[int | None, str, float]] = {}  # thread -> at work on
        self._handed: set[int] = set()  # tasks on their way to a free thread
        self._waiting: dict[int, tuple[str, float]] = {}  # task -> kind, since
        self._going_on = 0  # threads that finished a task and take one that waits
        self._folds: dict[str, Callable[[Event], Iterable[str]]] = {
            "identity": self._identity,
            "queued": self._join,
            "run": self._call,
            "returned": self._back,
            "dropped": self._drop,
            "started": self._start,
            "finished": self._finish,
            "ready": lambda event: ("watched",),
            "printed": lambda event: ("console",),
            "end": self._end,
        }

    def apply(self, entry: Entry) -> Frame:
        """Take one entry in. Returns the fields of the frame that it changed."""
        if isinstance(entry, Sample):
            return self._resume(entry)
        self.tell(entry)
        if entry.kind == "closed" and entry.thread.startswith("pool"):
            self.threads(int(entry.thread[4:]) + 1)
        fold = self._folds.get(entry.kind)
        changed = {name: self._field(name) for name in (fold(entry) if fold else ())}
        if not self.frame:
            changed = {name: self._field(name) for name in self._fields()}
        changed.update(time=self.since(entry.time), turn=entry.turn, phase=entry.phase)
        self.frame.update(changed)
        return changed

    def _resume(self, sample: Sample) -> Frame:
        """Events are missing before this: begin anew from what the snapshot shows."""
        snapshot = sample.snapshot
        if self.origin is None:
            self.origin = snapshot.time
        self._size = snapshot.threads
        self._queue = dict.fromkeys(snapshot.callback_identities)
        self._timers = sorted(snapshot.timers)
        self._deadlines = {identity: deadline for deadline, identity in self._timers}
        self._tokens = {
            token: [number, token, interest, ""] for number, token, interest in snapshot.watched
        }
        self._busy = {thread: (i, kind, snapshot.time) for thread, i, kind in snapshot.running}
        self._waiting = {i: (kind, snapshot.time) for i, kind in snapshot.waiting}
        self._handed.clear()
        self._going_on = 0
        frame = frame_of(snapshot, self)
        frame["missed"] = sample.missed
        frame["current"] = None
        self._token = frame["counters"][-1]
        for name in NOT_RECORDED:
            del frame[name]
        self.frame.update(frame)
        return frame

    # What each kind of event changes: the names of the fields

    def _identity(self, event: Event) -> Iterable[str]:
        self._token = event.identity or 0
        return ("counters",)

    def _join(self, event: Event) -> Iterable[str]:
        detail, identity = event.detail or {}, event.identity
        where = str(detail.get("where", ""))
        if identity is None:
            self._soon.setdefault(where, deque()).append(label(detail))
            return ("soon",)
        self._queue[identity] = None
        if where == "timer":
            self._forget_timer(identity)
            self._deadlines[identity] = float(detail.get("deadline", event.time))
            insort(self._timers, (self._deadlines[identity], identity))
            return ("queue", "counters", "timers")
        if where == "pool":
            return self._join_pool(identity, str(detail.get("kind", "task")), event.time)
        if where == "epoll":
            number, interest = self.descriptors.get(identity, (None, ""))
            self._tokens[identity] = [number, identity, interest, ""]
            if detail.get("persistent"):
                self._persistent.add(identity)
            return ("queue", "counters", "watched")
        if where == "immediate":
            self._immediates[identity] = None
            return ("queue", "counters", "soon")
        return ("queue", "counters")

    def _join_pool(self, identity: int, kind: str, time: float) -> Iterable[str]:
        if self._free() > 0:
            self._handed.add(identity)
        else:
            self._waiting[identity] = (kind, time)
        return ("queue", "counters", "waiting")

    def _call(self, event: Event) -> Iterable[str]:
        detail = event.detail or {}
        soon = self._soon.get(str(detail.get("where", "")))
        if event.identity is None:
            if soon:
                soon.popleft()
            return ("current", "soon", "run")
        if event.identity not in self._persistent:
            self._take_out(event.identity)
        return ("current", "run", "queue", "counters", "timers", "soon", "watched")

    def _back(self, event: Event) -> Iterable[str]:
        return ("current",)

    def _drop(self, event: Event) -> Iterable[str]:
        if event.identity is not None:
            self._take_out(event.identity)
            self._persistent.discard(event.identity)
            self._waiting.pop(event.identity, None)
        return ("queue", "counters", "timers", "soon", "watched", "waiting")

    def _start(self, event: Event) -> Iterable[str]:
        number = int(event.thread.removeprefix("pool") or 0)
        self._size = max(self._size, number + 1)
        kind = str((event.detail or {}).get("kind", "task"))
        self._busy[number] = (event.identity, kind, event.time)
        self._handed.discard(event.identity or 0)
        if self._waiting.pop(event.identity or 0, None) and self._going_on:
            self._going_on -= 1
        return ("pool", "waiting", "counters")

    def _finish(self, event: Event) -> Iterable[str]:
        self._busy.pop(int(event.thread.removeprefix("pool") or 0), None)
        self._going_on += len(self._waiting) > self._going_on
        return ("pool", "counters")

    def _end(self, event: Event) -> Iterable[str]:
        for waiting in (self._queue, self._timers, self._tokens, self._immediates, self._waiting):
            waiting.clear()
        return self._fields()

    def _take_out(self, identity: int) -> None:
        self._queue.pop(identity, None)
        self._immediates.pop(identity, None)
        self._tokens.pop(identity, None)
        self._forget_timer(identity)

    def _forget_timer(self, identity: int) -> None:
        deadline = self._deadlines.pop(identity, None)
        if deadline is not None:
            at = bisect_left(self._timers, (deadline, identity))
            if at < len(self._timers) and self._timers[at] == (deadline, identity):
                del self._timers[at]

    def _free(self) -> int:
        return self._size - len(self._busy) - len(self._handed) - self._going_on

    def threads(self, size: int) -> None:
        """The pool has this many threads, as far as anybody knows."""
        self._size = max(self._size, size)

    # The fields

    def _fields(self) -> tuple[str, ...]:
        return (
            *("counters", "timers", "queue", "pool", "waiting", "watched", "soon"),
            *("run", "console", "current", "missed"),
        )

    def _field(self, name: str) -> Any:
        return getattr(self, f"_show_{name}")()

    def _show_counters(self) -> list[int]:
        free = max(0, self._free())
        waiting, pending = len(self._waiting) - self._going_on, len(self._queue)
        return [pending, len(self._tokens), pending, free, waiting, self._token]

    def _show_timers(self) -> list[Any]:
        rows = [timer_row(self, identity, deadline) for deadline, identity in self._timers[:ROWS]]
        return [len(self._timers), rows]

    def _show_queue(self) -> list[Any]:
        rows = [queue_row(self, i) for i, _ in zip(self._queue, range(ROWS), strict=False)]
        counts = {
            "timer": len(self._timers),
            "epoll": len(self._tokens),
            "immediate": len(self._immediates),
        }
        counts["pool"] = len(self._queue) - sum(counts.values())
        return [len(self._queue), rows, groups(counts)]

    def _show_pool(self) -> list[Any]:
        rows: list[Any] = []
        for thread in range(self._size):
            identity, kind, since = self._busy.get(thread, (None, "", 0.0))
            rows.append([thread, identity, kind, self.since(since) if kind else None])
        return rows

    def _show_waiting(self) -> list[Any]:
        rows = [[i, kind, self.since(at)] for i, (kind, at) in list(self._waiting.items())[:ROWS]]
        return [len(self._waiting), rows]

    def _show_watched(self) -> list[Any]:
        rows = [
            [number, token, interest, self.readiness.get(token, "")]
            for number, token, interest, _ in list(self._tokens.values())[:ROWS]
        ]
        return [len(self._tokens), rows]

    def _show_soon(self) -> list[int]:
        return [len(self._immediates), len(self._soon["tick"]), len(self._soon["microtask"])]

    def _show_run(self) -> int:
        return self.run

    def _show_console(self) -> list[Any]:
        return console_rows(self)

    def _show_current(self) -> list[Any] | None:
        span = self.open.get("loop")
        if span is None or span.kind != "callback":
            return None
        return [span.identity, span.label, *self.waits.get(span.identity or -1, ("", ""))]

    def _show_missed(self) -> int:
        return 0
