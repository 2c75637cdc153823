"""What is there to see at one moment of a run?

Pure functions from what a runtime tells (events, snapshots) to the rows that a view draws: a
`Frame`. The live view draws one frame after another, the scrubber any of them again, and the static
picture the spans. Nothing here draws, reads a file or knows a clock.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

from minirt.watching.trace import Event

Frame: TypeAlias = dict[str, Any]  # JSON values only; see `frame_of` for its fields
Place: TypeAlias = Mapping[str, Any]  # callback, file, line: where a callback was written

PHASES = ("pending", "idle", "prepare", "poll", "check", "close", "timers")  # in their order
COUNTERS = (
    "pending_events",
    "epoll_pending_events",
    "callbacks",
    "available_threads",
    "waiting_tasks",
    "identity_token",
)
ROWS = 6  # of a list that may be long: the view says how many there are
LINES = 100  # of the console
LINE_LENGTH = 500  # characters of one of them
RECENT = 4.0  # s of the timeline that a live frame carries
SPANS = 140  # of the loop's lane, at most, in a live frame; half as many of the threads
KNOWN = 20_000  # places that are remembered
NAME_LENGTH = 60  # characters of a name that a program chose


class Snapshot(Protocol):
    """What `Runtime.snapshot` gives, as far as a view looks at it."""

    @property
    def time(self) -> float: ...
    @property
    def phase(self) -> str: ...
    @property
    def ticks(self) -> int: ...
    @property
    def callbacks(self) -> int: ...
    @property
    def immediates(self) -> int: ...
    @property
    def next_ticks(self) -> int: ...
    @property
    def microtasks(self) -> int: ...
    @property
    def threads(self) -> int: ...
    @property
    def waiting_tasks(self) -> int: ...
    @property
    def epoll_pending_events(self) -> int: ...
    @property
    def timers(self) -> Sequence[tuple[float, int]]: ...
    @property
    def running(self) -> Sequence[tuple[int, int, str]]: ...
    @property
    def waiting(self) -> Sequence[tuple[int, str]]: ...
    @property
    def watched(self) -> Sequence[tuple[int, int, str]]: ...
    @property
    def callback_identities(self) -> Sequence[int]: ...


class Span(NamedTuple):
    """Something that took time, on one lane of the timeline."""

    lane: str  # loop, pool0 ...
    start: float  # s
    end: float | None  # s; None while it goes on
    kind: str  # callback, sleep, task, wait
    identity: int | None
    label: str


class Story:
    """What the events told so far: who is who, what each waits for, who is at work."""

    def __init__(self) -> None:
        self.origin: float | None = None  # the time of the first event (s)
        self.places: dict[int, Place] = {}  # identity -> where its callback was written
        self.waits: dict[int, tuple[str, str]] = {}  # identity -> (where, what for)
        self.readiness: dict[int, str] = {}  # token -> what epoll answered last
        self.descriptors: dict[int, tuple[int, str]] = {}  # token -> (descriptor, interest)
        self.queued_at: dict[int, float] = {}  # task -> s
        self.spans: deque[Span] = deque(maxlen=5000)
        self.open: dict[str, Span] = {}  # lane -> what goes on there
        self._freed_at: dict[str, float] = {}  # thread -> when its last task finished (s)
        self.console: deque[tuple[float, str]] = deque(maxlen=LINES)
        self.lines = 0
        self.run = 0  # callbacks so far
        self._tell: dict[str, Callable[[Event], None]] = {
            "boxed": self._boxed,
            "queued": self._queued,
            "run": self._run,
            "returned": self._close,
            "started": self._started,
            "finished": self._finished,
            "slept": self._slept,
            "woke": self._close,
            "ready": self._ready,
            "printed": self._printed,
        }

    def tell(self, event: Event) -> None:
        """Take one event in."""
        if self.origin is None:
            self.origin = event.time
        told = self._tell.get(event.kind)
        if told is not None:
            told(event)

    def since(self, time: float) -> float:
        """Seconds from the first event to `time`."""
        return round(time - (self.origin or 0.0), 6)

    def name(self, identity: int | None) -> str:
        """What the callback of `identity` is called in the program."""
        return label(self.places.get(identity)) if identity is not None else ""

    def _boxed(self, event: Event) -> None:
        if event.identity is not None and event.detail:
            self.places[event.identity] = event.detail
            if len(self.places) > KNOWN:
                oldest = next(iter(self.places))
                del self.places[oldest]
                self.waits.pop(oldest, None)

    def _queued(self, event: Event) -> None:
        if event.identity is not None:
            self.waits[event.identity] = waits_for(event.detail or {})
            if self.waits[event.identity][0] == "pool":
                self.queued_at[event.identity] = event.time

    def _run(self, event: Event) -> None:
        self.run += 1
        name = label(event.detail) if event.detail else self.name(event.identity)
        if event.identity is None and not name:
            name = "main" if event.phase == "main" else "message"
        self._begin(event, "callback", name)

    def _started(self, event: Event) -> None:
        kind = str((event.detail or {}).get("kind", "task"))
        queued = self.queued_at.pop(event.identity or -1, None)
        if queued is not None and queued < self._freed_at.get(event.thread, queued):
            start, end = self.since(queued), self.since(event.time)  # no thread was free before
            lane = lane_of(event.thread)
            self.spans.append(Span(lane, start, end, "wait", event.identity, f"{kind} waits"))
        self._begin(event, "task", kind)

    def _finished(self, event: Event) -> None:
        self._freed_at[event.thread] = event.time
        self._close(event)

    def _slept(self, event: Event) -> None:
        self._begin(event, "sleep", "poll")

    def _begin(self, event: Event, kind: str, text: str) -> None:
        lane = lane_of(event.thread)
        self.open[lane] = Span(lane, self.since(event.time), None, kind, event.identity, text)

    def _close(self, event: Event) -> None:
        span = self.open.pop(lane_of(event.thread), None)
        if span is not None:
            self.spans.append(span._replace(end=self.since(event.time)))

    def _ready(self, event: Event) -> None:
        if event.identity is not None:
            self.readiness[event.identity] = str((event.detail or {}).get("readiness", ""))

    def _printed(self, event: Event) -> None:
        self.lines += 1
        text = str((event.detail or {}).get("text", ""))
        self.console.append((self.since(event.time), shortened(text, LINE_LENGTH)))


def label(place: Place | None) -> str:
    """What to call a callback: its name, or for a lambda the line on which it stands."""
    if not place:
        return ""
    name = str(place.get("callback", ""))
    if name.endswith("<lambda>") and "line" in place:
        return f"lambda, line {place['line']}"
    return shortened(name, NAME_LENGTH)


def shortened(text: str, length: int) -> str:
    """At most `length` characters of it, and the last of them says if there were more."""
    return text if len(text) <= length else text[: length - 1] + "…"


def waits_for(detail: Mapping[str, Any]) -> tuple[str, str]:
    """(where, what for) of a queued callback: ("timer", "100 ms"), ("pool", "File read")."""
    where = str(detail.get("where", ""))
    if where == "timer":
        again = "every " if detail.get("repeats") or detail.get("again") else ""
        return where, f"{again}{detail.get('delay', '?')} ms"
    if where == "pool":
        return where, str(detail.get("kind", "task"))
    return where, "each time" if detail.get("persistent") else ""


def lane_of(thread: str) -> str:
    """The lane of the timeline on which a thread's work is drawn."""
    return "loop" if thread in ("main", "epoll") else thread


def frame_of(snapshot: Snapshot, story: Story) -> Frame:
    """The frame of a program that runs: the snapshot says what there is, the story its names.

    Times are seconds since the first event; a list that may be long is [how many, first rows].
    """
    now = story.since(snapshot.time)
    return {
        "time": now,
        "turn": snapshot.ticks,
        "phase": snapshot.phase,
        "counters": [getattr(snapshot, name) for name in COUNTERS],
        "timers": _timers(snapshot, story),
        "queue": _queue(snapshot, story),
        "pool": _pool(snapshot, story),
        "waiting": _waiting(snapshot, story),
        "watched": _watched(snapshot, story),
        "soon": [snapshot.immediates, snapshot.next_ticks, snapshot.microtasks],
        "run": story.run,
        "console": console_rows(story),
        "spans": recent_spans(story, now),
    }


def _timers(snapshot: Snapshot, story: Story) -> list[Any]:
    pool = {identity for _, identity, _ in snapshot.running} | {i for i, _ in snapshot.waiting}
    others = snapshot.immediates + snapshot.epoll_pending_events + len(pool)
    total = max(len(snapshot.timers), min(snapshot.callbacks - others, snapshot.callbacks))
    if len(snapshot.timers) < ROWS:  # then these are all
        total = len(snapshot.timers)
    return [total, [timer_row(story, i, deadline) for deadline, i in snapshot.timers[:ROWS]]]


def timer_row(story: Story, identity: int, deadline: float) -> list[Any]:
    """[identity, deadline (s), name, delay]"""
    delay = story.waits.get(identity, ("", ""))[1]
    return [identity, story.since(deadline), story.name(identity), delay]


def queue_row(story: Story, identity: int) -> list[Any]:
    """[identity, name, where, what for]"""
    where, what = story.waits.get(identity, ("", ""))
    return [identity, story.name(identity), where, what]


def _queue(snapshot: Snapshot, story: Story) -> list[Any]:
    rows = [queue_row(story, identity) for identity in snapshot.callback_identities[:ROWS]]
    tasks = len(snapshot.running) + snapshot.waiting_tasks
    known = {
        "pool": tasks,
        "epoll": snapshot.epoll_pending_events,
        "immediate": snapshot.immediates,
    }
    known["timer"] = max(0, snapshot.callbacks - sum(known.values()))
    return [snapshot.callbacks, rows, groups(known)]


def groups(counts: Mapping[str, int]) -> list[list[Any]]:
    """[[what is waited for, how many]], the most frequent first."""
    ordered = Counter({name: count for name, count in counts.items() if count}).most_common()
    return [[name, count] for name, count in ordered]


def _pool(snapshot: Snapshot, story: Story) -> list[Any]:
    busy = {thread: (identity, kind) for thread, identity, kind in snapshot.running}
    rows: list[list[Any]] = []
    for thread in range(snapshot.threads):
        identity, kind = busy.get(thread, (None, ""))
        span = story.open.get(f"pool{thread}")
        since = span.start if span is not None and span.identity == identity else None
        rows.append([thread, identity, kind, since])
    return rows


def _waiting(snapshot: Snapshot, story: Story) -> list[Any]:
    rows = []
    for identity, kind in snapshot.waiting[:ROWS]:
        queued = story.queued_at.get(identity)
        rows.append([identity, kind, None if queued is None else story.since(queued)])
    return [snapshot.waiting_tasks, rows]


def _watched(snapshot: Snapshot, story: Story) -> list[Any]:
    rows = [
        [number, token, interest, story.readiness.get(token, "")]
        for number, token, interest in snapshot.watched[:ROWS]
    ]
    return [len(snapshot.watched), rows]


def console_rows(story: Story, most: int = 40, room: int = 4000) -> list[Any]:
    """[lines in all, [[time (s), text]]]: the last ones that fit into `room` characters."""
    rows: list[list[Any]] = []
    for time, text in reversed(story.console):
        room -= len(text)
        if len(rows) == most or room < 0:
            break
        rows.append([time, text])
    return [story.lines, rows[::-1]]


def recent_spans(story: Story, now: float) -> list[list[Any]]:
    """What the timeline shows of the last seconds; what goes on has no end."""
    rows: list[Span] = []
    room = {"loop": SPANS}  # a busy loop leaves room for the threads
    for span in reversed(story.spans):
        if (span.end or now) < now - RECENT:
            break
        group = span.lane if span.lane == "loop" else "pool"
        room[group] = room.get(group, SPANS // 2) - 1
        if room[group] >= 0:
            rows.append(span)
    return [[*span[:1], *map(_short, span[1:3]), *span[3:]] for span in _with_open(rows, story)]


def _with_open(rows: list[Span], story: Story) -> list[Span]:
    return [*reversed(rows), *list(story.open.values())]


def _short(time: float | None) -> float | None:
    return None if time is None else round(time, 4)
