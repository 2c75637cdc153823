"""Where do two orders of the same lines differ?

One column for each order, equal lines joined from column to column, the first line that differs
marked. As a picture and as a text table, both made of the same lines.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise, zip_longest

from minirt.views.image import QUIET, TEXT, drawing, image
from minirt.watching.trace import escaped, shortened

WIDTH, GAP, LINE_HEIGHT, TOP, MARGIN = 200, 60, 24, 44, 16  # px; a column, and between two
SAME, CROSSING, MARKED = "#1766c2", "#b45309", "#fff3d6"
LETTERS = 13  # px
FITS = 26  # letters in a column
NOTHING = "(nothing)"


class Orders:
    """Two or three orders as SVG, as text and as HTML: {name of the column: its lines}."""

    def __init__(self, columns: Mapping[str, Sequence[str]]) -> None:
        if not 2 <= len(columns) <= 3:
            raise ValueError(f"two or three orders can be compared, and these are {len(columns)}")
        self._names = tuple(map(escaped, columns))
        self._columns = tuple(
            tuple(escaped(str(line)) for line in lines) for lines in columns.values()
        )
        self._rows = tuple(zip_longest(*self._columns, fillvalue=None))

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        """An image, and its text."""
        inside = image("orders", self.svg, self._width, self.alt, self.text)
        return f'<div class="minirt-orders">{inside}</div>'

    @property
    def first_difference(self) -> int | None:
        """The number of the first line that differs, counted from 0; None when none does."""
        return next((number for number, row in enumerate(self._rows) if len(set(row)) > 1), None)

    @property
    def alt(self) -> str:
        """The picture in one sentence."""
        *others, last = self._names
        names = f"{', '.join(others)} and {last}"
        at = self.first_difference
        if at is None:
            return f"{names}: the same {len(self._rows)} lines in the same order."
        lines = zip(self._names, self._rows[at], strict=True)
        said = ", ".join(f"{name} has {NOTHING if one is None else one}" for name, one in lines)
        return f"{names} differ, first in line {at + 1}: {said}."

    @property
    def text(self) -> str:
        """The orders as a table, a row for each line, with ≠ at the first that differs."""
        rows = [["" if one is None else one for one in row] for row in (self._names, *self._rows)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        at = self.first_difference
        table = []
        for number, row in enumerate(rows):
            mark = "≠" if at is not None and number == at + 1 else " "
            head = f"{mark}{number or '':>3}  "
            table.append((head + "  ".join(map(str.ljust, row, widths))).rstrip())
        return "\n".join([*table, "", self.alt])

    @property
    def svg(self) -> str:
        """The columns, and a line between equal lines of neighbours."""
        height = TOP + max(1, len(self._rows)) * LINE_HEIGHT + MARGIN
        parts = [*self._mark(), *self._joints(), *self._texts()]
        return drawing(self._width, height, LETTERS, self.alt, parts)

    @property
    def _width(self) -> int:
        count = len(self._names)
        return 2 * MARGIN + count * WIDTH + (count - 1) * GAP

    def _mark(self) -> list[str]:
        at = self.first_difference
        if at is None:
            return []
        box = f'x="4" y="{TOP + at * LINE_HEIGHT}" width="{self._width - 8}"'
        sign = _text(5, at, "≠", CROSSING)
        return [f'<rect {box} height="{LINE_HEIGHT}" rx="4" fill="{MARKED}"/>', sign]

    def _joints(self) -> list[str]:
        parts = []
        for column, (left, right) in enumerate(pairwise(self._columns)):
            x = MARGIN + column * (WIDTH + GAP) + WIDTH
            for here, there in joints(left, right):
                colour = SAME if here == there else CROSSING
                parts.append(
                    f'<line x1="{x}" y1="{_middle(here)}" x2="{x + GAP - 8}" y2="{_middle(there)}" '
                    f'stroke="{colour}" stroke-width="2"/>'
                )
        return parts

    def _texts(self) -> list[str]:
        parts = []
        for column, (name, lines) in enumerate(zip(self._names, self._columns, strict=True)):
            x = MARGIN + column * (WIDTH + GAP) + 4
            parts.append(f'<text x="{x}" y="28" fill="{QUIET}">{escape(name)}</text>')
            for number, line in enumerate(lines):
                short = shortened(line, FITS)
                parts.append(_text(x, number, short, TEXT))
        return parts


def orders(**columns: Sequence[str]) -> Orders:
    """The orders beside each other: `orders(Node=[...], minirt=[...])`."""
    return Orders(columns)


def joints(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int]]:
    """The numbers of equal lines: the first `a` belongs to the first `a`, and so on."""
    places = {line: place for place, line in enumerate(_counted(right))}
    numbered = enumerate(_counted(left))
    return [(number, places[line]) for number, line in numbered if line in places]


def _counted(lines: Sequence[str]) -> list[tuple[str, int]]:
    """Each line, and how many like it came before."""
    seen: Counter[str] = Counter()
    counted = []
    for line in lines:
        counted.append((line, seen[line]))
        seen[line] += 1
    return counted


def _middle(number: int) -> int:
    return TOP + number * LINE_HEIGHT + LINE_HEIGHT // 2


def _text(x: int, number: int, text: str, colour: str) -> str:
    return f'<text x="{x}" y="{_middle(number) + 4}" fill="{colour}">{escape(text)}</text>'
