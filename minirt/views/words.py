"""How is each thing called on a page?

A text that comes out of an event passes through `said`, the one door: the runtime makes its texts
printable, but an event may also come out of a file, or from somebody else's program.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Any, TypeAlias

from minirt.watching.trace import LENGTH, printable, shortened

Detail: TypeAlias = Mapping[str, Any]
Place: TypeAlias = Mapping[str, Any]  # callback, file, line: where a callback was written

NAME_LENGTH = 60  # characters of a name that a program chose
KIND_LENGTH = 30  # of a kind of task: each thread shows one
MOST_DIGITS = 4  # of the number of a thread
WORD = r"(?:[a-z]+(?:-[a-z]+)*|#[0-9a-f]{6}-[fb]g)"
LOOK = re.compile(f"{WORD}(?: {WORD})*")


def said(detail: Detail | None, name: str, otherwise: str = "", length: int = LENGTH) -> str:
    """The text `name` of an event's detail."""
    return otherwise if detail is None else printable(str(detail.get(name, otherwise)), length)


def size_of(text: str) -> int:
    """How long it is in a frame, which is JSON: at most so many characters."""
    return len(text) if text.isascii() else 6 * len(text)


def how_many_fit(sizes: Iterable[int], room: int) -> int:
    """How many of the first of these go into the room together."""
    return bisect_right(list(accumulate(sizes)), room)


def kind_of(detail: Detail | None) -> str:
    """The kind of a task for the pool."""
    return said(detail, "kind", "task", KIND_LENGTH)


def styles_of(detail: Detail | None, length: int) -> list[list[Any]]:
    """[[from, to, style], ...] of a printed line so long: see minirt/watching/terminal.py."""
    styles = (detail or {}).get("styles")
    found: list[list[Any]] = []
    at = 0
    for style in styles if isinstance(styles, list) else ():
        match style:
            case [int(start), int(to), str(look)] if at <= start < to <= length and _is_look(look):
                found.append([start, to, look])
                at = to
    return found


def _is_look(text: str) -> bool:
    return len(text) <= LENGTH and LOOK.fullmatch(text) is not None


def label(place: Place | None) -> str:
    """What to call a callback: its name, or for a lambda the line on which it stands."""
    if not place:
        return ""
    name = said(place, "callback")
    if name.endswith("<lambda>") and "line" in place:
        return f"lambda, line {said(place, 'line')}"
    return shortened(name, NAME_LENGTH)


def name_of_call(detail: Detail | None, phase: str) -> str:
    """What to call a callback that has no identity."""
    return label(detail) or ("main" if phase == "main" else "message")


def waits_for(detail: Detail, repeats: bool = False) -> tuple[str, str]:
    """(where, what for) of a queued callback: ("timer", "100 ms"), ("pool", "File read").

    repeats: the timer is known to be one that is set again and again.
    """
    where = said(detail, "where")
    if where == "timer":
        every = "every " if repeats or detail.get("repeats") else ""
        return where, f"{every}{said(detail, 'delay', '?')} ms"
    if where == "pool":
        return where, kind_of(detail)
    return where, "each time" if detail.get("persistent") else ""


def lane_of(thread: str) -> str:
    """The lane of the timeline on which a thread's work is drawn."""
    return "loop" if thread in ("main", "epoll") else printable(thread)


def number_of(thread: str) -> int | None:
    """3 for "pool3"; None for a thread that is none of the pool's."""
    digits = thread.removeprefix("pool")
    if digits == thread or not digits.isdecimal() or len(digits) > MOST_DIGITS:
        return None
    return int(digits)


def as_text(identity: int | None) -> str | None:
    """An identity as it goes to a page: a number in JavaScript has 53 bits, an identity 64."""
    return None if identity is None else str(identity)
