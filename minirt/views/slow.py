"""What was slow? Two tables for the end of a run in a terminal: of callbacks, and of tasks.

It is a sink: it adds up, and keeps no event. So a program may run for days.
"""

from collections.abc import Sequence
from typing import NamedTuple

from minirt.views.tape import short_file
from minirt.views.tasks import Tasks
from minirt.views.words import label, said
from minirt.watching.trace import Event

KEPT = 2_000  # callbacks that are told apart
SHOWN = 10
CALLBACKS = ("callback", "line", "calls", "total", "longest")
TASKS = ("task", "coroutine", "steps", "total", "longest")
STEPS = frozenset(("created", "step", "awaits", "resumed", "done", "cancelled"))  # of a task


class Sum(NamedTuple):
    """All calls of one callback (s)."""

    calls: int
    total: float
    longest: float


class Slow:
    """Adds up how long each callback held the loop, and keeps what was found."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], Sum] = {}  # by name and line
        self._running: tuple[float, tuple[str, str]] | None = None
        self._found: list[str] = []
        self._tasks = Tasks()

    def record(self, event: Event) -> None:
        """Take an event in."""
        if event.kind == "run":
            detail = event.detail or {}
            line = (
                f"{short_file(said(detail, 'file'))}:{detail['line']}" if "line" in detail else ""
            )
            name = label(detail) or ("a result" if event.phase == "poll" else "a callback")
            self._running = (event.time, (name, line))
        elif event.kind == "returned" and self._running is not None:
            began, who = self._running
            self._running = None
            self._add(who, event.time - began)
        elif event.kind in STEPS:
            self._tasks.apply(event)
        elif event.kind == "dropped" and said(event.detail, "why") == "destroyed":
            self._tasks.lose(event.identity or 0)
        elif event.kind == "found" and len(self._found) < KEPT:
            self._found.append(said(event.detail, "text"))

    def _add(self, who: tuple[str, str], took: float) -> None:
        if who not in self._sums and len(self._sums) >= KEPT:
            who = ("others", "")
        calls, total, longest = self._sums.get(who, Sum(0, 0.0, 0.0))
        self._sums[who] = Sum(calls + 1, total + took, max(longest, took))

    @property
    def has_seen(self) -> bool:
        """Did anything run?"""
        return bool(self._sums or self._found)

    def table(self) -> str:
        """Who held the loop longest in all, which tasks were at work, and what was found."""
        worst = sorted(self._sums.items(), key=lambda one: -one[1].total)[:SHOWN]
        rows = [
            (name, line, str(sums.calls), _ms(sums.total), _ms(sums.longest))
            for (name, line), sums in worst
        ]
        lines = ["What held the loop:", *_lines(CALLBACKS, rows)]
        tasks = [
            (row.name, row.coroutine, str(row.steps), _ms(row.busy), _ms(row.longest))
            for row in self._tasks.busiest()[:SHOWN]
        ]
        if tasks:
            lines += ["Which tasks were at work longest:", *_lines(TASKS, tasks)]
        found = [f"  - {text}" for text in self._found] or ["  - nothing"]
        return "\n".join([*lines, "What was found:", *found])


def _lines(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """A table with two columns of words, then three of numbers."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = []
    for row in (head, *rows):
        left = "  ".join(map(str.ljust, row[:2], widths[:2]))
        right = "  ".join(map(str.rjust, row[2:], widths[2:]))
        lines.append(f"  {left}  {right}")
    return lines


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
