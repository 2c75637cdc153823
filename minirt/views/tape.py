"""What does the page need to play a run back without a kernel?

Each event with the fields of the frame that it changed, each value once; the whole timeline; and
what was found out about the run. As JSON, deflated.
"""

import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from minirt.views.findings import warnings
from minirt.views.frame import FIELDS
from minirt.views.lives import describe, lives_of, places_of, spans_of, summary, threads_of
from minirt.views.snapshot import Gap
from minirt.views.state import Entry, State
from minirt.views.timeline import Span
from minirt.views.words import Place, as_text, label, said
from minirt.watching.trace import PHASES, Event, printable

Source = Callable[[str, int], str]  # (file, line) -> its text
MOST_SPANS = 20_000


class Table:
    """Values by number, each kept once."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[str, int] = {}

    def number(self, value: Any) -> int:
        key = json.dumps(value)
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
    rows = list(_rows(state, entries, values, texts, names))
    threads = state.workers.size
    lives = lives_of(events, threads)
    spans = spans_of(events, lives, state.origin)[-MOST_SPANS:]
    positions = [at for at, entry in enumerate(entries) if isinstance(entry, Event)]
    return {
        "events": rows,
        "values": values.values,
        "texts": texts.values,
        "phases": list(PHASES),
        "threads": threads,
        "spans": list(map(_span, spans)),
        "places": _places(places, source),
        "warnings": [[warn.text, positions[warn.at]] for warn in warnings(events, threads)],
        "summary": summary(lives),
        "dropped": dropped,
    }


def pack(recorded: dict[str, Any]) -> bytes:
    """The tape as it is sent."""
    return zlib.compress(json.dumps(recorded, separators=(",", ":")).encode(), 6)


def unpack(packed: bytes) -> dict[str, Any]:
    """The tape that was sent."""
    unpacked: dict[str, Any] = json.loads(zlib.decompress(packed))
    return unpacked


def _rows(
    state: State,
    entries: Iterable[Entry],
    values: Table,
    texts: Table,
    names: Mapping[int, str],
) -> Iterator[list[Any]]:
    """[time, turn, phase, kind, thread, identity, number of its text, {field: its value's}]

    A field that is as in the row before is left out.
    """
    shown: dict[str, int] = {}
    for entry in entries:
        changed = state.apply(entry)
        if not shown:
            changed = FIELDS  # the first row has all of them
        fields = {name: values.number(value) for name, value in state.fields(changed).items()}
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
