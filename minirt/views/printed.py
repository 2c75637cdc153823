"""What did the program print last?"""

from collections import deque
from itertools import islice
from typing import Any

from minirt.views.words import how_many_fit

KEPT = 100  # lines
LINE_LENGTH = 500  # characters of one
SHOWN, ROOM = 40, 4_000  # lines of a frame, and characters of all of them together
STYLE = 5  # characters that a change of style counts for, or a third of its words


class Printed:
    """The last lines of the console."""

    def __init__(self) -> None:
        self._count = 0
        self._lines: deque[tuple[float, str, list[list[Any]]]] = deque(maxlen=KEPT)
        self._made: deque[list[Any]] = deque(maxlen=KEPT)  # a row for each of the first of these
        self._sizes: deque[int] = deque(maxlen=KEPT)  # of these rows
        self._origin = 0.0  # of their times
        self._goes_on = False  # the last line is not over
        self._shown: list[Any] | None = None  # what `rows` has returned, until a line comes

    def add(
        self,
        time: float,
        text: str,
        styles: list[list[Any]] | None = None,
        goes_on: bool = False,
    ) -> None:
        """One line more, in place of the last one if that went on."""
        if self._goes_on and self._lines:
            self._take_back()
        self._goes_on = goes_on
        self._shown = None
        self._count += 1
        self._lines.append((time, text, styles or []))
        if self._made and len(self._made) == KEPT:
            self._made.popleft()  # that of the line which has just gone
            self._sizes.popleft()

    def _take_back(self) -> None:
        self._lines.pop()
        self._count -= 1
        if len(self._made) > len(self._lines):
            self._made.pop()
            self._sizes.pop()

    def rows(self, origin: float) -> list[Any]:
        """[lines in all, [time (s), text] of the last ones for which there is room]

        A line that has colours or wide letters has a third part: [from, to, style] of each. A line
        has one row, however often it is asked for, and the whole is the same object until a line
        comes: a recording asks after each event.
        """
        if self._shown is not None and origin == self._origin:
            return self._shown
        self._make_rows(origin)
        last = list(islice(reversed(self._made), SHOWN))
        shown = last[: how_many_fit(islice(reversed(self._sizes), SHOWN), ROOM)]
        self._shown = [self._count, shown[::-1]]
        return self._shown

    def _make_rows(self, origin: float) -> None:
        if origin != self._origin:
            self._origin = origin
            self._made.clear()
            self._sizes.clear()
        fresh = len(self._lines) - len(self._made)
        for time, text, styles in islice(self._lines, len(self._lines) - fresh, None):
            self._made.append([round(time - origin, 6), text, *([styles] if styles else [])])
            self._sizes.append(size_of_line(text, styles))


def size_of_line(text: str, styles: list[list[Any]]) -> int:
    """How much room a line takes, in characters."""
    # others take more room, but for the "…" at the end of a line that was cut
    letters = len(text) if text[:-1].isascii() else 2 * len(text)
    return letters + sum(max(STYLE, len(style) // 3) for _, _, style in styles)
