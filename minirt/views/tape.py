"""What does the page need to play a run back without a kernel?

Each event with the fields of the frame that it changed, each value once; the whole timeline; and
what was found out about the run. As JSON by columns, deflated.
"""

import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any

from minirt.views.findings import warnings
from minirt.views.frame import FIELDS
from minirt.views.lives import describe, lives_of, places_of, spans_of, summary, threads_of
from minirt.views.packing import packed, unpacked
from minirt.views.snapshot import Gap
from minirt.views.state import Entry, State
from minirt.views.tasks import Row, as_row
from minirt.views.timeline import Span, unrecorded
from minirt.views.words import Place, as_text, label, said
from minirt.watching.trace import Event, printable

Source = Callable[[str, int], str]  # (file, line) -> its text
MOST_SPANS = 20_000
COLUMNS = ("events", "spans", "places", "tasks")  # the long lists
GOES_ON = -1  # for the length of a span
# In a packed text; no text that is told has such characters
ITS_IDENTITY, ITS_TURN, ITS_LINE = "\0", "\1", "\2"
LINES = "lines"  # a packed console: each line with the number of its event in place of its time


class Table:
    """Values by number, each kept once."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[str | int, int] = {}

    def number(self, value: Any, name: str = "") -> int:
        """name: of the field. The lines of the console are long, and one object while they last."""
        key = id(value) if name == "console" else json.dumps(value)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.values)
            self.values.append(value)
        return number


def tape(
    entries: Sequence[Entry],
    threads: int | None = None,
    dropped: int = 0,
    before: State | None = None,
    source: Source = lambda file, line: "",
) -> dict[str, Any]:
    """Everything that the page plays back. JSON values only, and identities are texts.

    before: the state of the run before these entries, of which `dropped` more were not kept. The
    fold goes on with it.
    """
    events = [entry for entry in entries if isinstance(entry, Event)]
    state = State() if before is None else before
    state.workers.at_least(threads_of(events) if threads is None else threads)
    places = {**state.queues.places, **places_of(events)}
    names = {identity: label(place) for identity, place in places.items()}
    values, texts = Table(), Table()
    tasks: list[dict[str, Any]] = []
    rows = list(_rows(state, entries, values, texts, names, tasks))
    threads = state.workers.size
    lives = lives_of(events, threads)
    origin = state.origin
    spans = [*unrecorded(entries, origin), *spans_of(events, lives, origin)][-MOST_SPANS:]
    positions = [at for at, entry in enumerate(entries) if isinstance(entry, Event)]
    return {
        "events": rows,
        "values": values.values,
        "texts": texts.values,
        "phases": list(state.phases),
        "tasks": tasks,  # each change of a task, with the number of its event
        "threads": threads,
        "spans": list(map(_span, spans)),
        "places": _places(places, source),
        "warnings": [[warn.text, positions[warn.at]] for warn in warnings(events, threads)],
        "summary": summary(lives),
        "dropped": dropped,
    }


def pack(recorded: dict[str, Any]) -> bytes:
    """The tape as it is sent: small, since a notebook keeps it."""
    moments = {event[0]: at for at, event in reversed([*enumerate(recorded["events"])])}
    by_events = _Lines(moments.__getitem__)
    events = [_whole(event, recorded, moments, by_events) for event in recorded["events"]]
    spans = list(map(_by_events, recorded["spans"], repeat(moments)))
    places = list(recorded["places"].items())
    whole = {**recorded, "events": events, "spans": spans, "places": places}
    for name in ("values", "texts"):  # each is in its event
        del whole[name]
    whole |= {name: packed(whole[name]) for name in COLUMNS}
    return zlib.compress(json.dumps(whole, separators=(",", ":")).encode(), 9)


def unpack(sent: bytes) -> dict[str, Any]:
    """The tape that was packed."""
    recorded: dict[str, Any] = json.loads(zlib.decompress(sent))
    recorded |= {name: unpacked(recorded[name]) for name in COLUMNS}
    values, texts = Table(), Table()
    times = [event[0] for event in recorded["events"]]
    by_times = _Lines(times.__getitem__)
    for event in recorded["events"]:
        event[7] = _renamed(event[7], LINES, "console", by_times)
        event[6] = texts.number(_told(event[6], event))
        event[7] = {name: values.number(value, name) for name, value in event[7].items()}
    recorded["spans"] = list(map(_by_times, recorded["spans"], repeat(times)))
    recorded["places"] = dict(recorded["places"])
    return {**recorded, "values": values.values, "texts": texts.values}


class _Lines:
    """Lines of the console with something else in place of their times.

    A line is one object in all consoles that have it; so is the one that stands for it.
    """

    def __init__(self, instead: Callable[[Any], Any]) -> None:
        self._instead = instead
        self._made: dict[int, tuple[list[Any], list[Any]]] = {}  # identity -> a line, and its own

    def __call__(self, console: list[Any]) -> list[Any]:
        count, lines = console
        return [count, list(map(self._line, lines))]

    def _line(self, line: list[Any]) -> list[Any]:
        if id(line) not in self._made:
            time, *rest = line
            self._made[id(line)] = line, [self._instead(time), *rest]
        return self._made[id(line)][1]


def _whole(
    event: list[Any], recorded: dict[str, Any], moments: Mapping[float, int], by_events: _Lines
) -> list[Any]:
    """The event with its text and values themselves. A text that is as most are is shortened."""
    *what, text, changed = event
    text, values = recorded["texts"][text], recorded["values"]
    fields = {name: values[number] for name, number in changed.items()}
    lines, identity, turn = _lines_of(fields), event[5], f"turn {event[1]}"
    if lines and text == lines[-1][1]:
        text = ITS_LINE
    elif identity is not None and text.startswith(identity):
        text = ITS_IDENTITY + text.removeprefix(identity)
    elif text == turn:
        text = ITS_TURN
    if lines and all(line[0] in moments for line in lines):  # or one was there before all events
        fields = _renamed(fields, "console", LINES, by_events)
    return [*what, text, fields]


def _lines_of(fields: Mapping[str, Any]) -> list[list[Any]]:
    """The lines of the console, if it is among these fields."""
    lines: list[list[Any]] = fields.get("console", (0, []))[1]
    return lines


def _renamed(
    fields: Mapping[str, Any], name: str, other: str, change: Callable[[Any], Any]
) -> dict[str, Any]:
    """The fields in their order, one of them with the other name, and changed."""
    return {
        (other if key == name else key): (change(value) if key == name else value)
        for key, value in fields.items()
    }


def _told(text: str, event: list[Any]) -> str:
    """The whole text of an event, whose fields are as they were."""
    if text == ITS_LINE:
        return str(_lines_of(event[7])[-1][1])
    if text.startswith(ITS_IDENTITY):
        return f"{event[5]}{text.removeprefix(ITS_IDENTITY)}"
    return f"turn {event[1]}" if text == ITS_TURN else text


def _by_events(span: list[Any], moments: Mapping[float, int]) -> list[Any]:
    """In place of its times: the number of its first event, and of those up to its last."""
    lane, start, end, *what = span
    first, last = moments.get(start), moments.get(start if end is None else end)
    if first is None or last is None:
        return [lane, 0, 0, *what, [start, end]]  # it began before the recording
    return [lane, first, GOES_ON if end is None else last - first, *what, None]


def _by_times(span: list[Any], times: Sequence[float]) -> list[Any]:
    """The span with its times."""
    lane, first, length, *what, exact = span
    end = None if length == GOES_ON else times[first + length] if times else 0.0
    start, end = exact or (times[first], end)
    return [lane, start, end, *what]


def _rows(
    state: State,
    entries: Iterable[Entry],
    values: Table,
    texts: Table,
    names: Mapping[int, str],
    tasks: list[dict[str, Any]],
) -> Iterator[list[Any]]:
    """[time, turn, phase, kind, thread, identity, number of its text, {field: its value's}]

    A field that is as in the row before is left out. Changes of tasks go to `tasks`.
    """
    shown: dict[str, int] = {}
    state.tasks.take_changes()
    tasks += [{"at": 0, **as_row(row, state.origin)} for row in state.tasks.rows()]
    for at, entry in enumerate(entries):
        changed = state.apply(entry)
        for identity, row in state.tasks.take_changes().items():
            shown_row = as_row(row or Row(identity, "", state="gone"), state.origin)
            tasks.append({"at": at, **shown_row})
        if not shown:
            changed = FIELDS  # the first row has all of them
        fields = {name: values.number(value, name) for name, value in state.fields(changed).items()}
        fields = {name: number for name, number in fields.items() if shown.get(name) != number}
        shown.update(fields)
        what = [*_what(entry), texts.number(_text(entry, names))]
        yield [state.since(entry.time), state.turn, state.phase, *what, fields]


def _what(entry: Entry) -> tuple[str, str, str | None]:
    """(kind, thread, identity)"""
    if isinstance(entry, Gap):
        return "sampled", "main", None
    return entry.kind, printable(entry.thread), as_text(entry.identity)


def _text(entry: Entry, names: Mapping[int, str]) -> str:
    if isinstance(entry, Gap):
        return f"{entry.missed} turns without a trace"
    return describe(entry, names)


def _span(span: Span) -> list[Any]:
    end = None if span.end is None else round(span.end, 6)
    return [span.lane, round(span.start, 6), end, span.kind, as_text(span.identity), span.label]


def _places(places: Mapping[int, Place], source: Source) -> dict[str, list[Any]]:
    """identity -> [name, file, line, text of the line]"""
    found = {}
    for identity, place in places.items():
        file, line = said(place, "file"), int(place.get("line", 0))
        text = source(file, line).strip() if file else ""
        found[str(identity)] = [label(place), short_file(file), line, printable(text, 300)]
    return found


def short_file(file: str) -> str:
    """A file's name without its folder; "cell" for a cell, whose file has a made-up name."""
    name = file.replace("\\", "/").rpartition("/")[2]
    return "cell" if "ipykernel" in file or file.startswith("<ipython") else name
