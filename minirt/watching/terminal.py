"""What does a terminal show of a line that a program printed?

A program that knows terminals writes more than text: colours, and movements back over what it has
written, as a bar of progress does. The view's console shows what a terminal would show in the end,
and as JupyterLab does, it leaves out all other sequences.

A program may print a hundred thousand lines, or one of a million letters. So letters without a
colour or a width of their own are taken many at a time, and no more than a line can show.
"""

import re
import unicodedata
from functools import lru_cache
from itertools import groupby
from typing import Any

from minirt.watching.colours import PLAIN, Style
from minirt.watching.event import UNPRINTABLE, escaped, printable

MOST = 20_000  # characters of a line that are looked at
MOST_STYLES = 100  # of a line: each letter of a rainbow has one of its own
TAB = 8  # columns
COLOURS = re.compile(r"\x1b\[(?P<colours>[0-9;]*)m")
# Letters; what moves the cursor; a bell; and a sequence that begins with ESC: of colours (its
# numbers), one that erases the line (how much of it), others of the cursor and the screen, of
# titles and links, and the short ones
PART = re.compile(
    r"(?P<letters>[^\x00-\x1f\x7f]+)"
    r"|(?P<move>[\r\b\t])"
    r"|\x07"
    rf"|{COLOURS.pattern}"
    r"|\x1b\[(?P<erase>[02]?)K"
    r"|\x1b\[[0-?]*[ -/]*[@-~]?"
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|\x1b[ -/]*[0-~]?"
    r"|(?P<other>.)",
    re.DOTALL,
)
JOINER = "\u200d"


def lines(text: str, length: int, style: Style = PLAIN) -> tuple[list[dict[str, Any]], Style]:
    """(each of its lines, the style at the end): what one does not end goes on in the next."""
    seen = []
    for one in str.split(text, "\n"):
        seen.append(line(one, length, style))
        style = left_by(one, style)
    return seen, style


def left_by(text: str, style: Style) -> Style:
    """The style after all the sequences of a text."""
    if "\x1b" in text:
        for sequence in COLOURS.finditer(text):
            style = style.after(sequence["colours"])
    return style


def line(text: str, length: int, style: Style = PLAIN) -> dict[str, Any]:
    """What is seen of a printed line: "text", at most so long, and its "styles" if it has any.

    It begins in the style that the line before it has left.
    """
    text = str.__str__(text)  # a subclass of str may have its own ideas
    if not style.words and text.isascii() and text.isprintable():
        return {"text": printable(text, length)}
    whole, styles = shown(text, length, style)
    seen = printable(whole, length)
    end = len(seen) if len(whole) == len(seen) else length - 1
    kept = [[start, min(to, end), style] for start, to, style in styles if start < end]
    return {"text": seen, "styles": kept[:MOST_STYLES]} if kept else {"text": seen}


def shown(text: str, length: int = MOST, style: Style = PLAIN) -> tuple[str, list[list[Any]]]:
    """(what is seen, [[from, to, style], ...]): places in the text, for what has a style.

    A style is words: "red-fg", "blue-intense-bg", "#ff8700-fg", "bold", and "wide" for letters of
    two columns. More than `length` characters of it need not be right.
    """
    start = _start(text)
    row = _Row(left_by(text[:start], style))
    text = text[start : start + MOST]
    enough = MOST * TAB if "\r" in text or "\b" in text else 2 * length  # columns
    for found in PART.finditer(text):
        part, kind = found[0], found.lastgroup
        if kind == "letters":
            row.write(part[:enough])
        elif kind == "move":
            row.move(part)
        elif kind == "colours":
            row.style = row.style.after(found["colours"])
        elif kind == "erase":
            row.erase()
        elif kind == "other":
            row.write(escaped(part))
        if row.width > enough:
            break
    return row.result()


def _start(text: str) -> int:
    """From where on a line counts. One that is very long: where it began anew for the last time."""
    if len(text) <= MOST:
        return 0
    start = text.find("\r", len(text) - MOST)
    return start if start >= 0 else max(0, text.rfind("\r"))


class _Row:
    """The line, as far as it is written, and where the cursor is."""

    def __init__(self, style: Style) -> None:
        # of each column; the right half of a wide letter is a column without text
        self._texts: list[str] = []
        self._styles: list[str] = []
        self._cursor = 0  # column
        self.style = style

    @property
    def width(self) -> int:
        """How many columns are written."""
        return len(self._texts)

    def write(self, letters: str) -> None:
        """Letters, from the cursor on."""
        if letters.isascii():
            self._put(list(letters), self.style.words)
            return
        for width, letters_of_it in groupby(letters, key=columns):
            run = self._join(list(letters_of_it), width)
            if width == 2:
                self._put([half for letter in run for half in (letter, "")], self.style.of_wide)
            else:
                self._put(run if width > 0 else list(escaped("".join(run))), self.style.words)

    def _join(self, run: list[str], width: int) -> list[str]:
        """Add to the letter before the cursor what belongs to it. Returns the others."""
        if not (self._cursor or width):
            self._put([run.pop(0)], self.style.words)
        if not self._cursor:
            return run
        before = self._letter()
        belong = len(run) if not width else int(self._texts[before][-1:] == JOINER)
        self._texts[before] += "".join(run[:belong])
        return run[belong:]

    def move(self, how: str) -> None:
        """Go back, or to the next stop."""
        if how == "\r":
            self._cursor = 0
        elif how == "\b":
            self._go_back()
        else:
            self._cursor = (self._cursor // TAB + 1) * TAB
            missing = self._cursor - len(self._texts)
            self._texts += [" "] * missing
            self._styles += [""] * missing

    def _go_back(self) -> None:
        """By one column. At the end of the line the last letter goes, as in JupyterLab."""
        if 0 < self._cursor == len(self._texts):
            self._cursor = self._letter()
            self.erase()
        else:
            self._cursor = max(0, self._cursor - 1)

    def erase(self) -> None:
        """What is right of the cursor, if it has gone back."""
        self._erase_halves(self._cursor, self._cursor)
        del self._texts[self._cursor :], self._styles[self._cursor :]

    def _letter(self) -> int:
        """The column of the letter before the cursor."""
        at = self._cursor - 1
        return at - 1 if at and not self._texts[at] else at

    def _put(self, columns: list[str], style: str) -> None:
        if not columns:
            return
        start, end = self._cursor, self._cursor + len(columns)
        if start < len(self._texts):
            self._erase_halves(start, end)
        self._texts[start:end] = columns
        self._styles[start:end] = [style] * len(columns)
        self._cursor = end

    def _erase_halves(self, start: int, end: int) -> None:
        """Half of a wide letter that is about to be written over is not left alone."""
        texts, styles = self._texts, self._styles
        if 0 < start < len(texts) and not texts[start]:
            texts[start - 1], styles[start - 1] = " ", ""
        if end < len(texts) and not texts[end]:
            texts[end], styles[end] = " ", ""

    def result(self) -> tuple[str, list[list[Any]]]:
        """The text, and its styles."""
        if not any(self._styles):
            return "".join(self._texts), []
        styles: list[list[Any]] = []
        text, start = "", 0
        for style, group in groupby(self._styles):
            end = start + len(list(group))
            part = "".join(self._texts[start:end])
            if style:
                styles.append([len(text), len(text) + len(part), style])
            text, start = text + part, end
        return text, styles


@lru_cache(maxsize=2_000)
def columns(letter: str) -> int:
    """How many columns it takes: 0 for a part of the letter before it, -1 if it has no picture.

    So it is with accents, and with parts of an emoji.
    """
    if UNPRINTABLE.match(letter):
        return -1
    is_part = unicodedata.category(letter) in ("Mn", "Me") or "\U0001f3fb" <= letter <= "\U0001f3ff"
    if is_part or letter == JOINER:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in ("W", "F") else 1
