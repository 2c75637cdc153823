"""What did the program print last?"""

from collections import deque
from typing import Any

KEPT = 100  # lines
LINE_LENGTH = 500  # characters of one
SHOWN, ROOM = 40, 4_000  # lines of a frame, and characters of all of them together


class Printed:
    """The last lines of the console."""

    def __init__(self) -> None:
        self._count = 0
        self._lines: deque[tuple[float, str, list[list[Any]]]] = deque(maxlen=KEPT)

    def add(self, time: float, text: str, styles: list[list[Any]] | None = None) -> None:
        """One line more."""
        self._count += 1
        self._lines.append((time, text, styles or []))

    def rows(self, origin: float) -> list[Any]:
        """[lines in all, [time (s), text] of the last ones for which there is room]

        A line that has colours or wide letters has a third part: [from, to, style] of each.
        """
        rows: list[list[Any]] = []
        room = ROOM
        for time, text, styles in reversed(self._lines):
            room -= len(text)
            if len(rows) == SHOWN or room < 0:
                break
            rows.append([round(time - origin, 6), text, *([styles] if styles else [])])
        return [self._count, rows[::-1]]
