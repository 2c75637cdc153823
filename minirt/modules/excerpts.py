"""How does an error show a text that came from outside?

On one line, cut to a length, and with every character visible: a server may send an error page, a
charset or a reason of any size, with escape sequences that would repaint the reader's terminal.
"""

import re

LONGEST = 200  # characters

WHITE_SPACE = re.compile(r"[ \t\r\n]+")


def excerpt(text: str, longest: int = LONGEST) -> str:
    """The beginning of `text` on one line; control characters appear as escapes such as \\x1b."""
    line = WHITE_SPACE.sub(" ", text[: 2 * longest]).strip(" ")
    shown = "".join(char if char.isprintable() else escaped(char) for char in line)
    is_cut = len(shown) > longest or len(text) > 2 * longest
    return shown[:longest] + "…" if is_cut else shown


def escaped(char: str) -> str:
    """`char` as Python would write it: \\x1b, \\u202e, \\ud800."""
    return char.encode("unicode_escape").decode("ascii")
