"""What does a reader see on a page that runs no code?

A picture of the run: the lanes of the live view's timeline as SVG, and beside it the same as text.
"""

from collections.abc import Iterable, Sequence
from html import escape
from types import MappingProxyType

from minirt.views.findings import Warn, warnings
from minirt.views.image import GROUND, QUIET, RULE, TEXT, drawing, image
from minirt.views.lives import (
    calls_of,
    describe,
    lives_of,
    names_of,
    spans_of,
    summary,
    threads_of,
)
from minirt.views.state import Entry
from minirt.views.timeline import Span, unrecorded
from minirt.views.words import waits_for
from minirt.watching.trace import Event

WIDTH, LEFT, RIGHT, LANE, TOP = 760, 64, 16, 26, 44
COLOURS = MappingProxyType(
    {
        "callback": "#1766c2",
        "sleep": "#e3e7eb",
        "task": "#0f7b55",
        "wait": "#b45309",
        "unrecorded": "#6b7480",
    }
)
LEGEND = MappingProxyType(
    {"callback": "callback", "sleep": "asleep in poll", "task": "task", "wait": "task waits"}
)
THICK = MappingProxyType(
    {"unrecorded": 18, "sleep": 18, "callback": 18, "task": 18, "wait": 3}
)  # px; the last on top
LETTERS = 12  # px
LETTER = 6.2  # px, of the small type: does a label fit its bar?
GAP = 5  # tenths of a px: less between two bars of one colour is not seen
MOST_ROWS = 40  # of the text table


class Picture:
    """A run as SVG, as text and as HTML. The same events always give the same picture.

    dropped: how many came before these and were not kept.
    """

    def __init__(self, entries: Iterable[Entry], dropped: int = 0) -> None:
        entries = list(entries)
        self._events = [entry for entry in entries if isinstance(entry, Event)]
        self._dropped = dropped
        self._threads = threads_of(self._events)
        self._origin = self._events[0].time if self._events else 0.0
        self._lives = lives_of(self._events, self._threads)
        gaps = unrecorded(entries, self._origin)
        self._spans = [*gaps, *spans_of(self._events, self._lives, self._origin)]
        self._left_alone = sum(
            span.end - span.start for span in self._spans if span.kind == "unrecorded" and span.end
        )

    def __repr__(self) -> str:
        return f"<Picture: {len(self._events)} events in {_seconds(self._end)}>"

    def _repr_html_(self) -> str:
        """An image, and its text. The class lets a live view in the same output hide it."""
        inside = image("run", self.svg, WIDTH, self.alt, self.text)
        return f'<div class="minirt-picture">{inside}</div>'

    @property
    def alt(self) -> str:
        """The picture in one or two sentences."""
        calls = len(calls_of(self._events))
        tasks = len(self._lives)
        turns = max((event.turn for event in self._events), default=0)
        threads = _many(self._threads, "thread")
        run = f"A run of {_seconds(self._end)}"
        if self._dropped:
            events = _many(self._dropped, "event")
            run = f"The last {_seconds(self._end)} of a run, without {events} before them"
        said = (
            f"{run}: {_many(turns, 'turn')} of the loop, "
            f"{_many(calls, 'callback')}, {_many(tasks, 'task')} on {threads}."
        )
        if self._left_alone:
            said += f" Of {_seconds(self._left_alone)} only samples were recorded."
        return " ".join([said, *(warning.text for warning in self._warnings)])

    @property
    def text(self) -> str:
        """The run as a table: a row for each identity."""
        head = ("identity", "callback", "waited for", "queued", "ran", "took")
        rows = self._rows()
        shown = [head, *rows[:MOST_ROWS]]
        widths = [max(len(row[column]) for row in shown) for column in range(len(head))]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in shown]
        if len(rows) > MOST_ROWS:
            lines.append(f"and {len(rows) - MOST_ROWS} more")
        for kind, tasks, waited, longest, ran, longest_run in summary(self._lives):
            lines.append(
                f"{kind}: {_many(tasks, 'task')}, waited {_ms(waited)} (longest {_ms(longest)}), "
                f"ran {_ms(ran)} (longest {_ms(longest_run)})"
            )
        return "\n".join([self.alt, "", *lines])

    @property
    def svg(self) -> str:
        """The timeline."""
        lanes = ["loop", *(f"pool{number}" for number in range(self._threads))]
        height = TOP + len(lanes) * LANE + 30
        bottom = TOP + len(lanes) * LANE
        parts = [*_legend(), *self._axis(bottom), *_lane_names(lanes), *self._bars(lanes)]
        return drawing(WIDTH, height, LETTERS, self.alt, parts)

    @property
    def _end(self) -> float:
        return round(self._events[-1].time - self._origin, 6) if self._events else 0.0

    @property
    def _warnings(self) -> Sequence[Warn]:
        return warnings(self._events, self._threads)

    def _x(self, time: float) -> float:
        return LEFT + time / (self._end or 1.0) * (WIDTH - LEFT - RIGHT)

    def _axis(self, bottom: int) -> list[str]:
        parts = []
        for time in _ticks(self._end):
            x = self._x(time)
            parts.append(_line(x, TOP - 4, x, bottom + 4, dashed=True))
            anchor = "end" if x > WIDTH - 60 else "start"
            shift = -3 if anchor == "end" else 3
            parts.append(_text(x + shift, bottom + 18, _seconds(time), QUIET, anchor))
        return parts

    def _bars(self, lanes: list[str]) -> list[str]:
        """A dashed line for each colour of a lane, since a notebook keeps it; and the labels."""
        lines: dict[tuple[str, int], list[tuple[float, float]]] = {}
        labels: list[str] = []
        last: dict[tuple[str, str], float] = {}
        for span in self._spans:
            if span.lane not in lanes:
                continue
            left, right = self._x(span.start), self._x(self._end if span.end is None else span.end)
            if right - left < 1 and last.get((span.lane, span.kind), -1.0) > left - 1:
                continue  # it would cover the one before it
            last[span.lane, span.kind] = max(left + 1, right)
            number, width = lanes.index(span.lane), max(1.5, right - left)
            lines.setdefault((span.kind, number), []).append((left, left + width))
            labels += _label(span, left, width, TOP + number * LANE + 17)
        order = sorted(lines.items(), key=lambda line: [*THICK].index(line[0][0]))
        return [*(_dashes(kind, number, bars) for (kind, number), bars in order), *labels]

    def _rows(self) -> list[tuple[str, ...]]:
        names = names_of(self._events)
        queued: dict[int, tuple[float, str]] = {}
        rows: list[tuple[str, ...]] = []
        begun: Event | None = None
        for event in self._events:
            if event.kind == "queued" and event.identity is not None:
                where, what = waits_for(event.detail or {})
                queued[event.identity] = (event.time, f"{where} {what}".strip())
            elif event.kind == "run":
                begun = event
            elif event.kind == "returned" and begun is not None:
                rows.append(self._row(begun, event.time, names, queued))
                begun = None
        return rows

    def _row(
        self,
        run: Event,
        end: float,
        names: dict[int, str],
        queued: dict[int, tuple[float, str]],
    ) -> tuple[str, ...]:
        identity = "" if run.identity is None else str(run.identity)
        name = describe(run, names).removeprefix(f"{identity} ")
        where = str((run.detail or {}).get("where", ""))
        at, what = queued.get(-1 if run.identity is None else run.identity, (None, where))
        since = "" if at is None else _seconds(at - self._origin)
        return (identity, name, what, since, _seconds(run.time - self._origin), _ms(end - run.time))


def picture(events: Iterable[Entry]) -> Picture:
    """The picture of a run: `picture(recorder)`."""
    return Picture(events, getattr(events, "dropped", 0))


def _dashes(kind: str, lane: int, bars: Iterable[tuple[float, float]]) -> str:
    """The bars of one colour on one lane, from left to right, as (left, right)."""
    middle = TOP + lane * LANE + (20.5 if kind == "wait" else 13)
    dashes, at = [0], 10 * LEFT  # in tenths, so that no rest adds up
    for left, right in bars:
        begin, end = max(at, round(10 * left)), round(10 * right)
        if end <= begin:
            continue
        if begin - at < GAP and len(dashes) > 1:
            dashes[-1] += end - at
        else:
            dashes += [begin - at, end - begin]
        at = end
    drawn = " ".join(f"{dash / 10:g}" for dash in dashes)
    line = f'd="M{LEFT} {middle}h{WIDTH}" stroke-dasharray="{drawn} {WIDTH}"'
    return f'<path {line} stroke="{COLOURS[kind]}" stroke-width="{THICK[kind]}"/>'


def _label(span: Span, left: float, width: float, bottom: int) -> list[str]:
    """What stands in a bar that has room for it."""
    if span.kind not in ("task", "callback", "unrecorded"):
        return []
    short = str(span.identity) if span.identity is not None else ""
    whole = f"{short} {span.label}".strip()
    if span.kind == "unrecorded" and span.end is not None:
        whole = f"{whole}: {span.end - span.start:.1f} s"
    fitting = next((text for text in (whole, short) if len(text) * LETTER + 6 < width), "")
    return [_text(left + 4, bottom, fitting, GROUND)] if fitting else []


def _legend() -> list[str]:
    parts, x = [], LEFT
    for kind, text in LEGEND.items():
        parts.append(f'<rect x="{x}" y="14" width="12" height="12" rx="2" fill="{COLOURS[kind]}"/>')
        parts.append(_text(x + 18, 24, text, QUIET))
        x += 44 + int(len(text) * 6.6)
    return parts


def _lane_names(lanes: Iterable[str]) -> list[str]:
    parts = []
    for number, lane in enumerate(lanes):
        y = TOP + number * LANE
        parts.append(_text(14, y + 17, lane, TEXT))
        parts.append(_line(LEFT, y + LANE - 1, WIDTH - RIGHT, y + LANE - 1))
    return parts


def _text(x: float, y: float, text: str, colour: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y}" fill="{colour}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, dashed: bool = False) -> str:
    dashes = ' stroke-dasharray="2 3"' if dashed else ""
    return f'<line x1="{x1:.1f}" y1="{y1}" x2="{x2:.1f}" y2="{y2}" stroke="{RULE}"{dashes}/>'


def _ticks(end: float) -> list[float]:
    if end <= 0:
        return [0.0]
    power = 1e-6
    while power * 10 < end:
        power *= 10
    step = next(size for size in (power, 2 * power, 5 * power, 10 * power) if end / size <= 6)
    return [round(number * step, 9) for number in range(int(end / step + 1e-9) + 1)]


def _seconds(time: float) -> str:
    return f"{time:.3f} s"


def _ms(time: float) -> str:
    return f"{time * 1000:.1f} ms"


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
