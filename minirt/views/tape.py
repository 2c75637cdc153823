"""What does the page need to play a run back without a kernel?

Each event with the fields of the frame that it changed, each value once; the whole timeline; and
what was found out about the run. As JSON, deflated.
"""

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minirt.watching.trace import Event
from minirt.views.findings import (
    describe,
    lives_of,
    places_of,
    spans_of,
    summary,
    warnings,
)
from minirt.views.model import Place, Story, label
from minirt.views.recording import ALWAYS, Entry, Sample, State

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


def threads_of(entries: Sequence[Entry]) -> int:
    """How many threads the pool has, as far as the recording shows."""
    most = 0
    for entry in entries:
        if isinstance(entry, Sample):
            most = max(most, entry.snapshot.threads)
        elif entry.kind == "turn" and entry.detail:
            most = max(most, int(entry.detail.get("available_threads", 0)))
        elif entry.thread.startswith("pool"):
            most = max(most, int(entry.thread[4:]) + 1)
    return most


def tape(
    entries: Sequence[Entry],
    threads: int | None = None,
    dropped: int = 0,
    told: Story | None = None,
    source: Source = lambda file, line: "",
) -> dict[str, Any]:
    """Everything that the page plays back. JSON values only.

    told: what was known of identities whose own events are no longer in the recording.
    """
    events = [entry for entry in entries if isinstance(entry, Event)]
    threads = threads_of(entries) if threads is None else threads
    state = State()
    state.threads(threads)
    if told is not None:
        state.places.update(told.places)
        state.descriptors.update(told.descriptors)
    values, texts = Table(), Table()
    places = {**state.places, **places_of(events)}
    names = {identity: label(place) for identity, place in places.items()}
    rows = [_row(state, entry, values, texts, names) for entry in entries]
    lives = lives_of(events, threads)
    spans = spans_of(events, lives, state.origin or 0.0)[-MOST_SPANS:]
    positions = [at for at, entry in enumerate(entries) if isinstance(entry, Event)]
    return {
        "events": rows,
        "values": values.values,
        "texts": texts.values,
        "threads": threads,
        "spans": [_rounded(list(span)) for span in spans],
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


def _row(
    state: State, entry: Entry, values: Table, texts: Table, names: Mapping[int, str]
) -> list[Any]:
    """[time, turn, phase, kind, thread, identity, number of its text, {field: its value's}]"""
    before = dict(state.frame)
    changed = state.apply(entry)
    numbers = {
        name: values.number(value)
        for name, value in changed.items()
        if name not in ALWAYS and (name not in before or before[name] != value)
    }
    head = [state.frame["time"], state.frame["turn"], state.frame["phase"]]
    if isinstance(entry, Sample):
        text = f"{entry.missed} turns without a trace"
        return [*head, "sampled", "main", None, texts.number(text), numbers]
    text = describe(entry, names)
    return [*head, entry.kind, entry.thread, entry.identity, texts.number(text), numbers]


def _rounded(values: list[Any]) -> list[Any]:
    return [round(value, 6) if isinstance(value, float) else value for value in values]


def _places(places: Mapping[int, Place], source: Source) -> dict[int, list[Any]]:
    """identity -> [name, file, line, text of the line]"""
    found = {}
    for identity, place in places.items():
        file, line = str(place.get("file", "")), int(place.get("line", 0))
        text = source(file, line).strip() if file else ""
        found[identity] = [label(place), short_file(file), line, text[:300]]
    return found


def short_file(file: str) -> str:
    """A file's name without its folder; a cell of a notebook has a name that says nothing."""
    name = file.replace("\\", "/").rpartition("/")[2]
    return "cell" if "ipykernel" in file or file.startswith("<ipython") else name
