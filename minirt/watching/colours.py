"""How do letters look after a sequence of colours?

A terminal is told by numbers: 1 is bold, 31 is red, 38;5;208 an orange, 0 none of all that. The
looks are those of JupyterLab's outputs, which leave out what they do not know, such as italic.

The view has a colour of its own for each that has a name, so that they can be read by day and by
night. Each other colour is shown exactly, as "#ff8700"; and so is one with a name that is on such a
ground, or is its ground, where day and night make no difference.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType

# The first of 256, as JupyterLab shows them
NAMES = MappingProxyType(
    {
        "black": "#3e424d",
        "red": "#e75c58",
        "green": "#00a250",
        "yellow": "#ddb62b",
        "blue": "#208ffb",
        "magenta": "#d160c4",
        "cyan": "#60c6c8",
        "white": "#c5c1b4",
        "black-intense": "#282c36",
        "red-intense": "#b22b31",
        "green-intense": "#007427",
        "yellow-intense": "#b27d12",
        "blue-intense": "#0065ca",
        "magenta-intense": "#a03196",
        "cyan-intense": "#258f8f",
        "white-intense": "#a1a6b2",
    }
)
NUMBERED = tuple(NAMES)
# What blinks is bold, too
LOOKS = MappingProxyType({1: "bold", 4: "underline", 5: "bold", 7: "inverse"})
ENDS = MappingProxyType(
    {21: "bold", 22: "bold", 24: "underline", 27: "inverse", 39: "fg", 49: "bg"}
)
TENS = MappingProxyType({3: ("fg", 0), 4: ("bg", 0), 9: ("fg", 8), 10: ("bg", 8)})  # of NUMBERED
DIGITS = 4  # of a number: longer ones say nothing
LEVELS = 256  # of red, of green and of blue; and so many colours have a number


class Style:
    """The looks in force."""

    def __init__(self, looks: Mapping[str, str]) -> None:
        self._looks = dict(looks)  # "fg" or "bg" -> its colour, and each other look -> itself
        self.words = " ".join(self._words())
        self.of_wide = f"{self.words} wide".strip()  # the same for letters of two columns

    @lru_cache(maxsize=256)  # noqa: B019 (programs have few styles, and the first one lives for ever)
    def after(self, numbers: str) -> "Style":
        """What "1;31" makes of it."""
        looks = dict(self._looks)
        codes = map(_number, numbers.split(";"))
        for code in codes:
            tens, ones = divmod(code, 10)
            if code == 0:
                looks.clear()
            elif code in (38, 48):
                colour = colour_of(codes)
                if not colour:
                    break  # nobody knows where the next look begins
                looks[TENS[tens][0]] = colour
            elif code in ENDS:
                looks.pop(ENDS[code], None)
            elif code in LOOKS:
                looks[LOOKS[code]] = LOOKS[code]
            elif tens in TENS and ones < 8:
                where, first = TENS[tens]
                looks[where] = NUMBERED[first + ones]
        return Style(looks)

    def _words(self) -> list[str]:
        looks = self._looks
        words = [look for look in looks if look in ("bold", "underline")]
        fg, bg = looks.get("fg"), looks.get("bg")
        if fg in NUMBERED[:8] and "bold" in looks:
            fg = f"{fg}-intense"
        if "inverse" in looks:
            fg, bg = bg, fg
            if not (fg and bg):
                words.append("inverse")
        if fg and bg and "#" in fg + bg:
            fg, bg = NAMES.get(fg, fg), NAMES.get(bg, bg)
        return [*words, *(f"{colour}-{at}" for colour, at in ((fg, "fg"), (bg, "bg")) if colour)]


PLAIN = Style({})


def _number(code: str) -> int:
    return int(code.lstrip("0")[:DIGITS] or 0)


def colour_of(codes: Iterator[int]) -> str:
    """Of the 256 colours, after 5, or of all, after 2: its name, or as "#ff8700".

    It takes its numbers from the codes. "" if there is no such colour.
    """
    kind = next(codes, 0)
    numbers = [next(codes, LEVELS) for _ in range({5: 1, 2: 3}.get(kind, 0))]
    if not numbers or max(numbers) >= LEVELS:
        return ""
    if kind == 5:
        if numbers[0] < len(NUMBERED):
            return NUMBERED[numbers[0]]
        numbers = _of_256(numbers[0])
    return f"#{bytes(numbers).hex()}"


def _of_256(number: int) -> list[int]:
    """[red, green, blue] of a cube of six steps, and of greys after it."""
    if number > 231:
        return 3 * [8 + 10 * (number - 232)]
    steps = ((number - 16) // step % 6 for step in (36, 6, 1))
    return [55 + 40 * step if step else 0 for step in steps]
