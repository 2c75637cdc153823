"""What took time, and on which thread?

Where events are missing, since the program was left alone for a while, the loop's lane says so.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import Any, NamedTuple

from minirt.views.snapshot import Gap
from minirt.views.words import as_text, how_many_fit, lane_of, number_of, size_of
from minirt.watching.trace import Event

RECENT = 4.0  # s of the timeline that a live frame carries
KEPT = 5_000  # spans
LOOP_SPANS, POOL_SPANS = 140, 70  # at most, in a live frame
ROOM, ROW = 16_000, 50  # characters of all of them, and of one besides its label
NOT_RECORDED = "not recorded"
# what comes of a program that is left alone, too
BESIDES = frozenset(("found", "printed", "things", "watched"))


class Span(NamedTuple):
    """Something that took time, on one lane of the timeline."""

    lane: str  # loop, pool0 ...
    start: float  # s
    end: float | None  # s; None while it goes on
    kind: str  # callback, sleep, task, wait; unrecorded
    identity: int | None
    label: str


class Timeline:
    """The last spans, and on each lane the one that goes on."""

    def __init__(self) -> None:
        self.spans: deque[Span] = deque(maxlen=KEPT)
        self.origin = 0.0  # the time of the first event (s)
        # the last ones as rows, so that a busy loop leaves room for the threads
        self._loop_rows: deque[list[Any]] = deque(maxlen=LOOP_SPANS)
        self._pool_rows: deque[list[Any]] = deque(maxlen=POOL_SPANS)
        self._open: dict[str, Span] = {}  # by lane
        self._freed_at: dict[str, float] = {}  # lane -> when its last task finished
        self.is_interrupted = False

    def begin(self, event: Event, kind: str, text: str) -> None:
        """A span begins on the event's thread."""
        lane = lane_of(event.thread)
        if lane == "loop" or number_of(event.thread) is not None:  # only those are drawn
            self._open[lane] = Span(lane, event.time, None, kind, event.identity, text)

    def end(self, event: Event) -> None:
        """The span on the event's thread is over."""
        span = self._open.pop(lane_of(event.thread), None)
        if span is not None:
            self._close(span, event.time)

    def start_task(self, event: Event, kind: str, queued: float | None) -> None:
        """A thread begins a task. If it finished another one meanwhile, the task had to wait."""
        lane = lane_of(event.thread)
        if queued is not None and queued < self._freed_at.get(lane, queued):
            wait = Span(lane, queued, None, "wait", event.identity, f"{kind} waits")
            self._close(wait, event.time)
        self.begin(event, "task", kind)

    def finish_task(self, event: Event) -> None:
        """A thread has finished its task."""
        self._freed_at[lane_of(event.thread)] = event.time
        self.end(event)

    def interrupt(self, since: float) -> None:
        """Since then (s) nothing is recorded. What goes on now is not known."""
        if not self.is_interrupted:
            self._open.clear()
            self._open["loop"] = Span("loop", since, None, "unrecorded", None, NOT_RECORDED)
            self.is_interrupted = True

    def resume(self, event: Event) -> None:
        """An event came: if there were none before, they are recorded again."""
        if event.kind not in BESIDES:
            self.is_interrupted = False
            span = self._open.pop("loop")
            if event.time > span.start:
                self._close(span, event.time)

    def _close(self, span: Span, end: float) -> None:
        span = span._replace(end=end)
        self.spans.append(span)
        rows = self._loop_rows if span.lane == "loop" else self._pool_rows
        rows.append(_row(span, self.origin))

    def recent(self, now: float) -> list[list[Any]]:
        """The last seconds before `now`, each span as a row with seconds since `origin`."""
        since = now - RECENT - self.origin
        over = [row for row in (*self._loop_rows, *self._pool_rows) if row[2] >= since]
        over.sort(key=itemgetter(2))
        rows = [*over, *(_row(span, self.origin) for span in self._open.values())]
        sizes = (ROW + size_of(row[5]) for row in reversed(rows))
        shown = max(len(self._open), how_many_fit(sizes, ROOM))
        return rows[len(rows) - shown :]


def unrecorded(entries: Iterable[Event | Gap], origin: float) -> Iterator[Span]:
    """A span for each stretch that a recording leaves out.

    There the program was left alone; or it was before the first entry, since only the last are
    kept.
    """
    before, since = origin, None
    for at, entry in enumerate(entries):
        if at == 0 and entry.time > origin:
            yield _unrecorded(0.0, entry.time - origin)
            before = entry.time
        if isinstance(entry, Gap):
            since = before if since is None else since
        elif since is not None and entry.kind not in BESIDES:
            if entry.time > since:
                yield _unrecorded(since - origin, entry.time - origin)
            since = None
        before = entry.time
    if since is not None and before > since:
        yield _unrecorded(since - origin, before - origin)


def _unrecorded(start: float, end: float) -> Span:
    return Span("loop", start, end, "unrecorded", None, NOT_RECORDED)


def _row(span: Span, origin: float) -> list[Any]:
    end = None if span.end is None else round(span.end - origin, 4)
    start = round(span.start - origin, 4)
    return [span.lane, start, end, span.kind, as_text(span.identity), span.label]
