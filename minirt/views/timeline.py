"""What took time, and on which thread?"""

from collections import deque
from typing import Any, NamedTuple

from minirt.views.words import as_text, lane_of, number_of
from minirt.watching.trace import Event

RECENT = 4.0  # s of the timeline that a live frame carries
KEPT = 5_000  # spans
LOOP_SPANS, POOL_SPANS = 140, 70  # at most, in a live frame


class Span(NamedTuple):
    """Something that took time, on one lane of the timeline."""

    lane: str  # loop, pool0 ...
    start: float  # s
    end: float | None  # s; None while it goes on
    kind: str  # callback, sleep, task, wait
    identity: int | None
    label: str


class Timeline:
    """The last spans, and on each lane the one that goes on."""

    def __init__(self) -> None:
        self.spans: deque[Span] = deque(maxlen=KEPT)
        self._open: dict[str, Span] = {}  # by lane
        self._freed_at: dict[str, float] = {}  # lane -> when its last task finished

    def begin(self, event: Event, kind: str, text: str) -> None:
        """A span begins on the event's thread."""
        lane = lane_of(event.thread)
        if lane == "loop" or number_of(event.thread) is not None:  # only those are drawn
            self._open[lane] = Span(lane, event.time, None, kind, event.identity, text)

    def end(self, event: Event) -> None:
        """The span on the event's thread is over."""
        span = self._open.pop(lane_of(event.thread), None)
        if span is not None:
            self.spans.append(span._replace(end=event.time))

    def start_task(self, event: Event, kind: str, queued: float | None) -> None:
        """A thread begins a task. If it finished another one meanwhile, the task had to wait."""
        lane = lane_of(event.thread)
        if queued is not None and queued < self._freed_at.get(lane, queued):
            wait = Span(lane, queued, event.time, "wait", event.identity, f"{kind} waits")
            self.spans.append(wait)
        self.begin(event, "task", kind)

    def finish_task(self, event: Event) -> None:
        """A thread has finished its task."""
        self._freed_at[lane_of(event.thread)] = event.time
        self.end(event)

    def interrupt(self) -> None:
        """What goes on now is not known."""
        self._open.clear()

    def recent(self, origin: float, now: float) -> list[list[Any]]:
        """The last seconds before `now`, each span as a row with seconds since `origin`."""
        shown: list[Span] = []
        room = {"loop": LOOP_SPANS, "pool": POOL_SPANS}  # a busy loop leaves room for the threads
        for span in reversed(self.spans):
            if (span.end or now) < now - RECENT:
                break
            group = "loop" if span.lane == "loop" else "pool"
            room[group] -= 1
            if room[group] >= 0:
                shown.append(span)
        return [_row(span, origin) for span in (*reversed(shown), *self._open.values())]


def _row(span: Span, origin: float) -> list[Any]:
    end = None if span.end is None else round(span.end - origin, 4)
    start = round(span.start - origin, 4)
    return [span.lane, start, end, span.kind, as_text(span.identity), span.label]
