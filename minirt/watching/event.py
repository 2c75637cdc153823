"""What is one event, and what may stand in it?

An event is small, and any page or file can hold it: its texts are cut at `LENGTH` characters and
have no control characters (`printable`). What a program chose itself, such as a name or an error,
is made into such a text by `minirt.watching.labels`.
"""

import re
from typing import Any, NamedTuple, TypeAlias

KINDS = (
    "identity",  # one was given; or, with None and detail counts_from, the program set the count
    "boxed",  # a callback was stored under it; detail: callback, file, line
    # it waits; detail: what for, and where (timer, pool, epoll, immediate, tick, microtask,
    # pending, close, message; soon, of asyncio's call_soon)
    "queued",
    "started",  # a thread began its task; detail: kind
    "finished",  # a thread ended its task; detail: kind, error
    "ready",  # its descriptor is ready; detail: readiness
    "run",  # its callback is called
    "returned",  # its callback came back; detail: error, if it raised
    # it never runs; detail: why (cleared, closed, ...), and where, if it has no identity
    "dropped",
    "enter",  # a phase begins
    "leave",  # a phase ends
    "turn",  # a turn of the loop begins; detail: the counters
    "slept",  # the poll begins to sleep; detail: timeout in s
    "woke",  # the poll woke; detail: why (ready, result, message, stop, timeout)
    "printed",  # the program's own line; detail: text, and stream, if it is not stdout
    "uncaught",  # an error reached on_uncaught, or left run; detail: error
    # a task (of an async function; its detail has name, file and line; asyncio's has coroutine)
    "created",  # it was made; detail: parent, the task that made it
    "step",  # its first step begins
    # it waits; detail: awaits, what, and at, in which line. asyncio's has what (a kind), path and
    # source of that line, and until (s), thing or tasks, if there are
    "awaits",
    "resumed",  # it goes on; detail: by, who woke it
    "done",  # it is over; detail: error, if it failed
    "cancelled",  # it was cancelled
    "closed",  # a thread, or epoll, got Close
    "things",  # queues, locks and so on; detail: things, a row for each
    "found",  # something is wrong; detail: finding, text, and file and line of the reader's
    "end",  # nothing is left
)
PHASES = ("pending", "idle", "prepare", "poll", "check", "close", "timers")  # in their order
ASYNCIO_PHASES = ("poll", "timers", "round")  # the others are Node's

LENGTH = 200  # characters of a text in an event


class Event(NamedTuple):
    """One thing that happened."""

    time: float  # s, on the loop's clock
    turn: int
    phase: str
    thread: str  # main, pool0 ..., epoll
    kind: str  # one of KINDS
    identity: int | None
    detail: dict[str, Any] | None  # JSON values only, and no identities


# The same as a plain tuple, which is made in a third of the time
Fields: TypeAlias = tuple[float, int, str, str, str, int | None, dict[str, Any] | None]


# What a line, a table cell, XML or UTF-8 cannot hold: control characters, halves of a surrogate
# pair, the two separators that end a line, and two that are no characters
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


def printable(text: str, length: int = LENGTH) -> str:
    """`text` on one line of at most `length` characters, with `\\x1b` for what has no picture."""
    if type(text) is str and len(text) <= length and text.isprintable():
        return text  # nearly always
    text = shortened(str.__str__(text), length)  # a subclass of str may have its own ideas
    return shortened(escaped(text), length)


def escaped(text: str) -> str:
    """`text` on one line, with `\\x1b` for what has no picture."""
    return UNPRINTABLE.sub(_escape, text)


def shortened(text: str, length: int) -> str:
    """At most `length` characters of it, and the last of them says if there were more."""
    return text if len(text) <= length else text[: length - 1] + "…"


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
