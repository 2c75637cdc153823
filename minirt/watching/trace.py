"""What happened, when, in which phase, on which thread?

One stream of events is the truth; the console, the live view, the picture and the exported files
are views of it. A `Recorder` keeps the last ones and says how many it had to drop.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeAlias

KINDS = (
    "identity",  # an identity was given
    "boxed",  # a callback was stored under it; detail: callback, file, line
    # it waits; detail: what for, and
    # where (timer, pool, epoll, immediate, tick, microtask, pending, close)
    "queued",
    "started",  # a thread began its task; detail: kind
    "finished",  # a thread ended its task; detail: kind, error
    "ready",  # its descriptor is ready; detail: readiness
    "run",  # its callback is called
    "returned",  # its callback came back; detail: error, if it raised
    "dropped",  # it was cleared, or the runtime closed before its time
    "enter",  # a phase begins
    "leave",  # a phase ends
    "turn",  # a turn of the loop begins; detail: the counters
    "slept",  # the poll begins to sleep; detail: timeout in s
    "woke",  # the poll woke; detail: why (ready, result, message, stop, timeout)
    "printed",  # the program's own line; detail: text
    "uncaught",  # an error reached on_uncaught, or left run; detail: error
    "closed",  # a thread, or epoll, got Close
    "end",  # nothing is left
)


class Event(NamedTuple):
    """One thing that happened."""

    time: float  # s, on the loop's clock
    turn: int
    phase: str
    thread: str  # main, pool0 ..., epoll
    kind: str  # one of KINDS
    identity: int | None
    detail: dict[str, Any] | None  # JSON values only


class Sink(Protocol):
    """Where events go. `record` may be called from any thread."""

    def record(self, event: Event, /) -> object: ...


# An Event without its names
Fields: TypeAlias = tuple[float, int, str, str, str, int | None, dict[str, Any] | None]
WIDTH = len(Event._fields)


def _nothing() -> None:
    """There is nothing to tidy."""


class Silence:
    """Records nothing."""

    def record(self, event: Event) -> None:
        """Let it pass."""

    def add(self, fields: Fields) -> None:
        """Let it pass."""

    def settle(self) -> None:
        """There is nothing to tidy."""


class Named:
    """Gives the fields that a traced runtime hands on their names, for any other sink."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.record = sink.record
        self.settle: Callable[[], object] = getattr(sink, "settle", _nothing)

    def add(self, fields: Fields) -> None:
        self.record(Event._make(fields))


class Tee:
    """Hands every event to each of several sinks."""

    def __init__(self, *sinks: Sink) -> None:
        self._sinks = sinks

    def record(self, event: Event) -> None:
        for sink in self._sinks:
            sink.record(event)

    def settle(self) -> None:
        """Tidy those that want it."""
        for sink in self._sinks:
            getattr(sink, "settle", _nothing)()


class Recorder:
    """A ring of events: the last `capacity` of them. `dropped` says how many were pushed out.

    The fields of all events stand in one flat list, and get their names when somebody reads
    them: a million small objects would keep the garbage collector busy. `add` and `record` are
    the list's own `extend`. It is cut back to size once a turn, when that is worth the move.
    """

    def __init__(self, capacity: int = 100_000) -> None:
        if capacity < 1:
            raise ValueError(f"capacity={capacity}: a recorder keeps 1 event or more")
        self.capacity = capacity
        self._fields: list[Any] = []  # WIDTH for each event
        self._dropped = 0
        self.add: Callable[[Fields], None] = self._fields.extend
        self.record: Callable[[Event], None] = self._fields.extend

    def settle(self) -> None:
        """Drop what is too much, once that is worth the move."""
        if len(self._fields) >= 2 * WIDTH * self.capacity:
            excess = self.recorded - self._dropped - self.capacity
            del self._fields[: excess * WIDTH]
            self._dropped += excess

    @property
    def events(self) -> list[Event]:
        """What it keeps, the oldest first. A copy: any thread may ask while the program runs."""
        fields = self._fields[-self.capacity * WIDTH :]
        return [Event._make(one) for one in zip(*[iter(fields)] * WIDTH, strict=True)]

    @property
    def dropped(self) -> int:
        """How many events were pushed out of the ring."""
        return max(0, self.recorded - self.capacity)

    @property
    def recorded(self) -> int:
        """How many events came in, dropped ones included."""
        return self._dropped + len(self._fields) // WIDTH

    def __len__(self) -> int:
        return min(len(self._fields) // WIDTH, self.capacity)

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    def clear(self) -> None:
        """Forget everything, the count of dropped events included."""
        self._fields.clear()
        self._dropped = 0

    def write_jsonl(self, path: str | Path) -> Path:
        """One JSON object a line, the oldest event first."""
        lines = "".join(json.dumps(event._asdict()) + "\n" for event in self.events)
        Path(path).write_text(lines, encoding="utf-8")
        return Path(path)

    def write_chrome(self, path: str | Path) -> Path:
        """Chrome's trace-event JSON, which ui.perfetto.dev opens."""
        Path(path).write_text(json.dumps(chrome_trace(self.events, self.dropped)), encoding="utf-8")
        return Path(path)


def read_jsonl(path: str | Path) -> list[Event]:
    """The events of a file that `write_jsonl` wrote."""
    return [
        Event(**json.loads(line)) for line in Path(path).read_text(encoding="utf-8").splitlines()
    ]


def console_line(thread: str, text: object) -> str:
    """A line of the console, in the shape of the source chapter."""
    return f"Thread: {thread:<5} {text}"


# The trace-event format: begin and end of a slice are "B" and "E", a moment "i", a counter "C".
# Source: "Trace Event Format", the document that chrome://tracing and ui.perfetto.dev refer to.

SLICES = MappingProxyType(
    {
        "run": "B",
        "returned": "E",
        "started": "B",
        "finished": "E",
        "enter": "B",
        "leave": "E",
        "slept": "B",
        "woke": "E",
    }
)


def chrome_trace(events: Iterable[Event], dropped: int = 0) -> dict[str, Any]:
    """The events as one JSON object: a row a thread, times in microseconds."""
    events = list(events)
    rows = sorted({event.thread for event in events}, key=lambda thread: (thread != "main", thread))
    numbers = {thread: number for number, thread in enumerate(rows, start=1)}
    entries: list[dict[str, Any]] = [
        {"ph": "M", "name": "thread_name", "pid": 1, "tid": number, "args": {"name": thread}}
        for thread, number in numbers.items()
    ]
    begun: dict[str, list[Event]] = {thread: [] for thread in rows}  # slices without an end so far
    for event in events:
        step = SLICES.get(event.kind, "i")
        if step == "B":
            begun[event.thread].append(event)
        elif step == "E":
            if not begun[event.thread]:
                continue  # the ring dropped its beginning
            begun[event.thread].pop()
        entries.append(_chrome_entry(event, step, numbers[event.thread]))
        entries.extend(_counters(event))
    for thread, slices in begun.items():  # an error or a stop left them without an end
        for event in reversed(slices):
            at_the_end = event._replace(time=events[-1].time)
            entries.append(_chrome_entry(at_the_end, "E", numbers[thread]))
    return {"traceEvents": entries, "displayTimeUnit": "ms", "otherData": {"dropped": dropped}}


def _chrome_entry(event: Event, step: str, number: int) -> dict[str, Any]:
    detail = event.detail or {}
    if event.kind in ("enter", "leave"):
        name = event.phase
    elif event.kind in ("slept", "woke"):
        name = "sleep"
    elif event.kind in ("started", "finished"):
        name = f"{detail.get('kind', 'task')} {event.identity}"
    elif event.kind in ("run", "returned"):
        name = f"callback {event.identity}" if event.identity is not None else "callback"
    else:
        name = event.kind
    entry = {
        "ph": step,
        "name": name,
        "cat": event.kind,
        "ts": event.time * 1e6,
        "pid": 1,
        "tid": number,
    }
    entry["args"] = {"turn": event.turn, "phase": event.phase, "identity": event.identity, **detail}
    if step == "i":
        entry["s"] = "t"  # a moment of its thread
    return entry


def _counters(event: Event) -> Iterator[dict[str, Any]]:
    if event.kind == "turn" and event.detail:
        for name, value in event.detail.items():
            yield {"ph": "C", "name": name, "ts": event.time * 1e6, "pid": 1, "args": {name: value}}
