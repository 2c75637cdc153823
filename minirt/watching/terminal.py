"""What does a terminal show of a line that a program printed?

A program that knows terminals writes more than text: colours, and movements back over what it has
written, as a bar of progress does. The view's console shows what a terminal would show in the end,
and as JupyterLab does, it leaves out all other sequences.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import groupby
from types import MappingProxyType
from typing import Any, NamedTuple

from minirt.watching.event import escaped, printable

MOST = 20_000  # characters of a line that are looked at: the last ones
MOST_STYLES = 40  # of a line
TAB = 8  # columns
COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
LOOKS = MappingProxyType({1: "bold", 2: "faint", 3: "italic", 4: "underline", 7: "inverse"})
ENDS = MappingProxyType(
    {22: ("bold", "faint"), 23: ("italic",), 24: ("underline",), 27: ("inverse",)}
)
# A sequence that begins with ESC: of colours (its numbers are a group), of the cursor and the
# screen, of titles and links, and the short ones
SEQUENCE = re.compile(
    r"\x1b\[([0-9;:]*)m"
    r"|\x1b\[[0-?]*[ -/]*[@-~]?"
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|\x1b[ -/]*[0-~]?"
)


class Cell(NamedTuple):
    """One column of the line. The right half of a wide letter is a cell without text."""

    text: str
    style: str


def line(text: str, length: int) -> dict[str, Any]:
    """What is seen of a printed line: "text", at most so long, and its "styles" if it has any."""
    text = str.__str__(text)  # a subclass of str may have its own ideas
    if text.isascii() and text.isprintable():
        return {"text": printable(text, length)}
    whole, styles = shown(text)
    seen = printable(whole, length)
    end = len(seen) if len(whole) == len(seen) else length - 1
    kept = [[start, min(to, end), style] for start, to, style in styles if start < end]
    return {"text": seen, "styles": kept[:MOST_STYLES]} if kept else {"text": seen}


def shown(text: str) -> tuple[str, list[list[Any]]]:
    """(what is seen, [[from, to, style], ...]): places in the text, for what has a style.

    A style is words: "red-fg", "blue-intense-bg", "bold", and "wide" for letters of two columns.
    """
    row = _Row()
    at = 0
    text = text[-MOST:]
    for found in SEQUENCE.finditer(text):
        row.write(text[at : found.start()])
        at = found.end()
        if found[1] is not None:
            row.set_style(found[1])
    row.write(text[at:])
    return row.result()


class _Row:
    """The line, as far as it is written, and where the cursor is."""

    def __init__(self) -> None:
        self._cells: list[Cell] = []
        self._cursor = 0  # column
        self._style: dict[str, str] = {}  # "fg", "bg" or a look -> word

    def write(self, text: str) -> None:
        for letter in text:
            if letter == "\r":
                self._cursor = 0
            elif letter == "\b":
                self._cursor = max(0, self._cursor - 1)
            elif letter == "\t":
                self._move_to((self._cursor // TAB + 1) * TAB)
            elif self._cursor and is_joined(letter, self._cells[self._cursor - 1].text):
                self._join(letter)
            else:
                for one in escaped(letter):
                    self._put(one)

    def _move_to(self, column: int) -> None:
        self._cells += [Cell(" ", "")] * (column - len(self._cells))
        self._cursor = column

    def _join(self, letter: str) -> None:
        """It belongs to the letter before it."""
        at = self._cursor - 1
        while at and not self._cells[at].text:
            at -= 1
        self._cells[at] = self._cells[at]._replace(text=self._cells[at].text + letter)

    def _put(self, letter: str) -> None:
        is_wide = unicodedata.east_asian_width(letter) in ("W", "F")
        style = " ".join([*self._style.values(), *(["wide"] if is_wide else [])])
        self._erase_halves(self._cursor, 1 + is_wide)
        self._cells[self._cursor : self._cursor + 1 + is_wide] = [
            Cell(letter, style),
            *([Cell("", style)] if is_wide else []),
        ]
        self._cursor += 1 + is_wide

    def _erase_halves(self, at: int, width: int) -> None:
        """Half of a wide letter that is about to be written over is not left alone."""
        cells, end = self._cells, at + width
        if 0 < at < len(cells) and not cells[at].text:
            cells[at - 1] = Cell(" ", "")
        if end < len(cells) and not cells[end].text:
            cells[end] = Cell(" ", "")

    def set_style(self, numbers: str) -> None:
        codes = iter([int(n[-4:] or 0) for n in re.split("[;:]", numbers)])
        for code in codes:
            if code == 0:
                self._style.clear()
            elif code in LOOKS:
                self._style[LOOKS[code]] = LOOKS[code]
            elif code in ENDS:
                for look in ENDS[code]:
                    self._style.pop(look, None)
            else:
                self._set_colour(code, codes)

    def _set_colour(self, code: int, codes: Iterator[int]) -> None:
        tens, number = divmod(code, 10)
        where = "fg" if tens in (3, 9) else "bg"
        if tens not in (3, 4, 9, 10) or (number == 8 and tens > 4):
            return
        if number == 9:
            self._style.pop(where, None)
        elif number == 8:
            self._style[where] = f"{colour_of(codes)}-{where}"
        else:
            intense = "-intense" if tens > 4 else ""
            self._style[where] = f"{COLOURS[number]}{intense}-{where}"

    def result(self) -> tuple[str, list[list[Any]]]:
        styles: list[list[Any]] = []
        text = ""
        for style, cells in groupby(self._cells, key=lambda cell: cell.style):
            part = "".join(cell.text for cell in cells)
            if style:
                styles.append([len(text), len(text) + len(part), style])
            text += part
        return text, styles


def is_joined(letter: str, before: str) -> bool:
    """Has it no column of its own? So it is with accents, and with parts of an emoji."""
    return (
        unicodedata.category(letter) in ("Mn", "Me")
        or letter == "\u200d"
        or before[-1:] == "\u200d"
    )


def colour_of(codes: Iterator[int]) -> str:
    """Of the 256 colours, or of all of them, the nearest that has a name."""
    kind = next(codes, 0)
    if kind == 5:
        number = next(codes, 0)
        if number < 16:
            return COLOURS[number % 8] + ("-intense" if number > 7 else "")
        red, green, blue = _of_256(number)
    else:
        red, green, blue = next(codes, 0), next(codes, 0), next(codes, 0)
    bits = sum(1 << at for at, part in enumerate((red, green, blue)) if part > 127)
    return COLOURS[bits]


def _of_256(number: int) -> tuple[int, int, int]:
    """(red, green, blue) of a cube of six steps, and of greys after it."""
    if number > 231:
        grey = 8 + 10 * (number - 232)
        return grey, grey, grey
    cube = number - 16
    red, green, blue = (51 * (cube // step % 6) for step in (36, 6, 1))
    return red, green, blue
