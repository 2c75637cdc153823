"""What did the program print last?"""

from collections import deque
from collections.abc import Hashable
from itertools import islice
from typing import Any

from minirt.views.words import how_many_fit

KEPT = 100  # lines
LINE_LENGTH = 500  # characters of one
SHOWN, ROOM = 40, 4_000  # lines of a frame, and characters of all of them together
STYLE = 5  # characters that a change of style counts for, or a third of its words


class Line:
    """A printed line, and what a frame shows of it, once somebody has asked."""

    __slots__ = ("row", "size", "styles", "text", "time")

    def __init__(self, time: float, text: str, styles: list[list[Any]]) -> None:
        self.time, self.text, self.styles = time, text, styles
        self.row: list[Any] | None = None
        self.size = 0  # of the row

    def make_row(self, origin: float) -> None:
        """[time (s since `origin`), text], and its styles if it has any."""
        styles = [self.styles] if self.styles else []
        self.row = [round(self.time - origin, 6), self.text, *styles]
        self.size = size_of_line(self.text, self.styles)


class Printed:
    """The last lines of the console."""

    def __init__(self) -> None:
        self._count = 0
        self._lines: deque[Line] = deque(maxlen=KEPT)
        self._begun: dict[Hashable, Line] = {}  # the line that is not over, by who prints it
        self._origin = 0.0  # of the rows' times
        self._shown: list[Any] | None = None  # what `rows` has returned, until a line comes

    def add(
        self,
        time: float,
        text: str,
        styles: list[list[Any]] | None = None,
        goes_on: bool = False,
        by: Hashable = None,
    ) -> None:
        """One line more, in place of the one before of who prints it, if that one went on.

        While others print, a bar of progress stays; when it has moved, it is the last line.
        """
        if self._begun:
            self._take_back(self._begun.pop(by, None))
        line = Line(time, text, styles or [])
        if goes_on and len(self._begun) < KEPT:
            self._begun[by] = line
        self._shown = None
        self._count += 1
        self._lines.append(line)

    def _take_back(self, line: Line | None) -> None:
        if line is not None:
            self._count -= 1
            if line in self._lines:
                self._lines.remove(line)

    def rows(self, origin: float) -> list[Any]:
        """[lines in all, [time (s), text] of the last ones for which there is room]

        A line that has colours or wide letters has a third part: [from, to, style] of each. A line
        has one row, however often it is asked for, and the whole is the same object until a line
        comes: a recording asks after each event.
        """
        if self._shown is not None and origin == self._origin:
            return self._shown
        if origin != self._origin:
            self._origin = origin
            for line in self._lines:
                line.row = None
        last = list(islice(reversed(self._lines), SHOWN))
        for line in last:
            if line.row is None:
                line.make_row(origin)
        fitting = how_many_fit((line.size for line in last), ROOM)
        self._shown = [self._count, [line.row for line in reversed(last[:fitting])]]
        return self._shown


def size_of_line(text: str, styles: list[list[Any]]) -> int:
    """How much room a line takes, in characters."""
    # others take more room, but for the "…" at the end of a line that was cut
    letters = len(text) if text[:-1].isascii() else 2 * len(text)
    return letters + sum(max(STYLE, len(style) // 3) for _, _, style in styles)
