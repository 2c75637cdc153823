"""Where do events go?

One stream of events is the truth; the console, the live view, the picture and the exported files
are views of it. A `Recorder` keeps the last ones and says how many it had to drop.
"""

import json
import sys
from collections import deque
from collections.abc import Callable, Iterator
from itertools import repeat
from operator import length_hint
from pathlib import Path
from typing import Protocol, TextIO, TypeGuard

from minirt.watching.chrome import chrome_trace
from minirt.watching.event import (
    ASYNCIO_PHASES,
    KINDS,
    LENGTH,
    PHASES,
    Event,
    Fields,
    escaped,
    printable,
    shortened,
)

__all__ = (
    "ASYNCIO_PHASES",
    "KINDS",
    "LENGTH",
    "PHASES",
    "Event",
    "Fields",
    "Recorder",
    "Sink",
    "Tee",
    "adder",
    "chrome_trace",
    "console_line",
    "escaped",
    "printable",
    "read_jsonl",
    "shortened",
    "write_line",
)


class Sink(Protocol):
    """Where events go. `record` may be called from any thread."""

    def record(self, event: Event, /) -> object: ...


class Recorder:
    """A ring of events: the last `capacity` of them. `dropped` says how many were pushed out.

    It holds plain tuples and names their fields when somebody reads them: a busy server adds three
    events for each request. Two of Python's own objects do the work, a deque that drops its oldest
    entry and an iterator that counts down, because no thread and no interrupt can split their
    steps. So the ring is never longer than `capacity`, and no event goes uncounted.

    `add` may be called from any thread. A subclass may override `record`, but not `add`.
    """

    def __init__(self, capacity: int = 100_000) -> None:
        if capacity < 1:
            raise ValueError(f"capacity={capacity}: a recorder keeps 1 event or more")
        self.capacity = capacity
        self._ring: deque[Fields] = deque(maxlen=capacity)
        self._countdown = repeat(None, sys.maxsize)
        self._cleared = 0  # events before the last `clear`
        # the two halves of `add`, for who adds so much that a call for both is too dear
        self.keep: Callable[[Fields], None] = self._ring.append
        self.count: Callable[[], object] = self._countdown.__next__
        self.add: Callable[[Fields], None] = _counted(self.keep, self.count)

    def record(self, event: Event) -> None:
        """Keep one event."""
        self.add(event)

    @property
    def events(self) -> list[Event]:
        """What it keeps, the oldest first. A copy: any thread may ask while the program runs."""
        return list(map(Event._make, self._ring.copy()))

    @property
    def recorded(self) -> int:
        """How many events came in, dropped ones included."""
        return sys.maxsize - length_hint(self._countdown) - self._cleared

    @property
    def dropped(self) -> int:
        """How many events were pushed out of the ring."""
        return self.recorded - len(self._ring)

    def __len__(self) -> int:
        return len(self._ring)

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    def clear(self) -> None:
        """Forget everything, the count of dropped events included."""
        self._cleared += self.recorded
        self._ring.clear()

    def write_jsonl(self, path: str | Path) -> Path:
        """One JSON object a line, the oldest event first. Identities are texts, as on a page."""
        path = Path(path)
        path.write_text("".join(map(_json_line, self.events)), encoding="utf-8")
        return path

    def write_chrome(self, path: str | Path) -> Path:
        """Chrome's trace-event JSON, which ui.perfetto.dev opens."""
        path = Path(path)
        path.write_text(json.dumps(chrome_trace(self.events, self.dropped)), encoding="utf-8")
        return path


def _counted(
    keep: Callable[[Fields], None], count: Callable[[], object]
) -> Callable[[Fields], None]:
    # a function, whose variables are at hand: a method would look them up each time
    def add(fields: Fields) -> None:
        count()  # first: what an interrupt keeps out of the ring counts as dropped
        keep(fields)

    return add


class Tee:
    """Hands every event to each of several sinks."""

    def __init__(self, *sinks: Sink) -> None:
        self._records = tuple(map(_record_of, sinks))

    def record(self, event: Event) -> None:
        for record in self._records:
            record(event)


def adder(sink: Sink) -> Callable[[Fields], object]:
    """The fastest way to give `sink` an event as a plain tuple.

    TypeError for what has no `record`. A recorder's own class decides: if it overrides `record`,
    then that is called, with an `Event`.
    """
    record = _record_of(sink)
    if is_plain(sink):
        return sink.add
    return lambda fields: record(Event._make(fields))


def is_plain(sink: object) -> TypeGuard[Recorder]:
    """Is it a recorder that does what `Recorder` does?"""
    return isinstance(sink, Recorder) and type(sink).record is Recorder.record


def _record_of(sink: Sink) -> Callable[[Event], object]:
    record: Callable[[Event], object] | None = getattr(sink, "record", None)
    if not callable(record):
        raise TypeError(
            f"a trace needs a method record(event), and {type(sink).__name__} has none. "
            "Use Recorder()"
        )
    return record


# The console


def console_line(thread: str, text: object) -> str:
    """A line of the console, in the shape of the source chapter."""
    return f"Thread: {thread:<5} {text}"


def write_line(file: TextIO, text: str) -> None:
    """Write one line, at once: two threads may print at the same moment.

    What the file's encoding cannot express is written as an escape, and is no error.
    """
    encoding = getattr(file, "encoding", None) or "utf-8"
    file.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


# JSON: a reader in JavaScript has 53 bits for a number, and an identity may have 64


def _json_line(event: Event) -> str:
    identity = None if event.identity is None else str(event.identity)
    return json.dumps({**event._asdict(), "identity": identity}) + "\n"


def read_jsonl(path: str | Path) -> list[Event]:
    """The events of a file that `write_jsonl` wrote."""
    lines = Path(path).read_text(encoding="utf-8").split("\n")
    return [_from_json(line) for line in lines if line]


def _from_json(line: str) -> Event:
    event = Event(**json.loads(line))
    return event if event.identity is None else event._replace(identity=int(event.identity))
