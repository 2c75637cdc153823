"""How do letters look after a sequence of colours?

A terminal is told by numbers: 1 is bold, 31 is red, 38;5;208 an orange, 0 none of all that. The
view has a colour of its own for each of the eight that have a name, so that they can be read by day
and by night. Each other colour is shown as the nearest of these.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType

COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
# JupyterLab shows what blinks as bold, too, and 21 ends that
LOOKS = MappingProxyType(
    {1: "bold", 2: "faint", 3: "italic", 4: "underline", 5: "bold", 7: "inverse"}
)
ENDS = MappingProxyType(
    {
        21: ("bold",),
        22: ("bold", "faint"),
        23: ("italic",),
        24: ("underline",),
        27: ("inverse",),
    }
)


class Style:
    """The looks in force."""

    def __init__(self, looks: Mapping[str, str]) -> None:
        self._looks = dict(looks)  # "fg", "bg" or a look -> word
        self.words = " ".join(self._words())
        self.of_wide = f"{self.words} wide".strip()  # the same for letters of two columns

    @lru_cache(maxsize=256)  # noqa: B019 (programs have few styles, and the first one lives for ever)
    def after(self, numbers: str) -> "Style":
        """What "1;31" makes of it."""
        style = Style(self._looks)
        style._take(numbers)
        return Style(style._looks)

    def _take(self, numbers: str) -> None:
        codes = iter(numbers.split(";"))
        for code in codes:
            number, *parts = [int(part[-4:] or 0) for part in code.split(":")]
            if number == 0:
                self._looks.clear()
            elif number in (38, 48, 58):  # the last is of lines under letters, which have none here
                if not self._set_any_colour(number, parts, codes):
                    break
            elif number in ENDS or (number == 4 and parts[:1] == [0]):
                for look in ENDS.get(number, ("underline",)):
                    self._looks.pop(look, None)
            elif number in LOOKS:
                self._looks[LOOKS[number]] = LOOKS[number]
            else:
                self._set_colour(number)

    def _set_any_colour(self, number: int, parts: list[int], codes: Iterator[str]) -> bool:
        """One of 256, or of all colours; False if there is none such."""
        if not parts:
            kind = _number(codes)
            parts = [kind, *(_number(codes) for _ in range({5: 1, 2: 3}.get(kind, 0)))]
        elif len(parts) > 4:
            parts = [parts[0], *parts[2:5]]  # with the number of a space of colours
        name = colour_of(parts)
        if name and number != 58:
            where = "fg" if number == 38 else "bg"
            self._looks[where] = f"{name}-{where}"
        return bool(name)

    def _set_colour(self, code: int) -> None:
        tens, number = divmod(code, 10)
        if tens not in (3, 4, 9, 10) or number == 8 or (number == 9 and tens > 4):
            return
        where = "fg" if tens in (3, 9) else "bg"
        if number == 9:
            self._looks.pop(where, None)
        else:
            intense = "-intense" if tens > 4 else ""
            self._looks[where] = f"{COLOURS[number]}{intense}-{where}"

    def _words(self) -> list[str]:
        looks = self._looks
        if not ("inverse" in looks and "fg" in looks):
            return list(looks.values())
        words = [word for look, word in looks.items() if look not in ("inverse", "fg", "bg")]
        return [*words, looks["fg"].removesuffix("fg") + "bg"]  # its colour is that of the ground


PLAIN = Style({})


def _number(codes: Iterator[str]) -> int:
    """The next one; -1 if there is none."""
    code = next(codes, "-")
    return int(code[-4:] or 0) if code.isdecimal() or not code else -1


def colour_of(parts: list[int]) -> str:
    """Of the 256 colours, [5, number], or of all, [2, red, green, blue]: the nearest with a name.

    "" if there is no such colour.
    """
    if not all(0 <= part <= 255 for part in parts):
        return ""
    match parts:
        case [5, number] if number < 16:
            return COLOURS[number % 8] + ("-intense" if number > 7 else "")
        case [5, number]:
            colour = _of_256(number)
        case [2, red, green, blue]:
            colour = red, green, blue
        case _:
            return ""
    most = max(colour)
    if most < 128 and most - min(colour) < 32:
        return "black"  # or a dark grey
    limit = 127 if most > 127 else most // 2
    return COLOURS[sum(1 << at for at, part in enumerate(colour) if part > limit)]


def _of_256(number: int) -> tuple[int, int, int]:
    """(red, green, blue) of a cube of six steps, and of greys after it."""
    if number > 231:
        grey = 8 + 10 * (number - 232)
        return grey, grey, grey
    steps = [(number - 16) // step % 6 for step in (36, 6, 1)]
    red, green, blue = (55 + 40 * step if step else 0 for step in steps)
    return red, green, blue
