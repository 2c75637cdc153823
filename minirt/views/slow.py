"""What was slow? A table for the end of a run in a terminal.

It is a sink: it adds up, callback by callback, and keeps no event. So a program may run for days.
"""

from typing import NamedTuple

from minirt.views.tape import short_file
from minirt.views.words import label, said
from minirt.watching.trace import Event

KEPT = 2_000  # callbacks that are told apart
SHOWN = 10
COLUMNS = ("callback", "line", "calls", "total", "longest")


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
        elif event.kind == "found" and len(self._found) < KEPT:
            self._found.append(said(event.detail, "text"))

    def _add(self, who: tuple[str, str], took: float) -> None:
        if who not in self._sums and len(self._sums) >= KEPT:
            who = ("others", "")
        calls, total, longest = self._sums.get(who, Sum(0, 0.0, 0.0))
        self._sums[who] = Sum(calls + 1, total + took, max(longest, took))

    def table(self) -> str:
        """Who held the loop longest in all, the first ten, and what was found."""
        worst = sorted(self._sums.items(), key=lambda one: -one[1].total)[:SHOWN]
        rows = [COLUMNS] + [
            (name, line, str(sums.calls), _ms(sums.total), _ms(sums.longest))
            for (name, line), sums in worst
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["What held the loop:"]
        for row in rows:
            left = "  ".join(map(str.ljust, row[:2], widths[:2]))
            right = "  ".join(map(str.rjust, row[2:], widths[2:]))
            lines.append(f"  {left}  {right}")
        found = [f"  - {text}" for text in self._found] or ["  - nothing"]
        return "\n".join([*lines, "What was found:", *found])


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
