"""Which line does each event become?

The lines have the shape of the source chapter's console. Most events have none:

    Thread: main  Registered timer event id: 2
"""

import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TextIO

from minirt.views.words import said
from minirt.watching.trace import Event, console_line, printable, write_line


def _queued(event: Event) -> str | None:
    detail = event.detail or {}
    match detail.get("where"):
        case "timer" if not detail.get("again"):
            return f"Registered timer event id: {event.identity}"
        case "epoll":
            return f"Event with id: {event.identity} registered."
        case "pool":
            return f"Submitted a task of type: {said(detail, 'kind')} with id: {event.identity}"
    return None


def _task(event: Event) -> str | None:
    """A step in the life of one of asyncio's tasks; those of minirt have no `coroutine`."""
    detail = event.detail or {}
    if "coroutine" not in detail:
        return None
    name = f"Task {said(detail, 'name')}"
    if event.kind == "created":
        return f"{name} created: {said(detail, 'coroutine')}"
    if event.kind == "awaits":
        line = f", line {said(detail, 'at')}" if detail.get("at") else ""
        return f"{name} awaits {said(detail, 'awaits')}{line}"
    if event.kind == "cancelled":
        return f"{name} cancelled"
    error = f": {said(detail, 'error')}" if "error" in detail else ""
    return f"{name} {'failed' if error else 'done'}{error}"


def _turn(event: Event) -> str | None:
    """A tick of Node's; a turn of asyncio's loop has no name there."""
    is_of_asyncio = "ready_callbacks" in (event.detail or {})
    return None if is_of_asyncio else f"===== TICK {event.turn} ====="


def _closed(event: Event) -> str:
    return f"received {'an event' if event.thread == 'epoll' else 'a task'} of type: Close"


SAYINGS: Mapping[str, Callable[[Event], str | None]] = MappingProxyType(
    {
        "turn": _turn,
        "queued": _queued,
        "started": lambda event: f"received a task of type: {said(event.detail, 'kind')}",
        "finished": lambda event: f"finished running a task of type: {said(event.detail, 'kind')}.",
        "ready": lambda event: f"Event with id: {event.identity} is ready.",
        **dict.fromkeys(("created", "awaits", "cancelled", "done"), _task),
        "found": lambda event: f"Found: {said(event.detail, 'text')}",
        "uncaught": lambda event: f"Uncaught: {said(event.detail, 'error')}",
        "closed": _closed,
        "end": lambda _: "FINISHED",
    }
)


def line(event: Event) -> str | None:
    """The console line of an event; None for one that would only be noise."""
    say = SAYINGS.get(event.kind)
    text = say(event) if say is not None else None
    return None if text is None else console_line(printable(event.thread), text)


class Console:
    """A sink that prints each line at once, to standard output as it is then, or to `file`."""

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file

    def record(self, event: Event) -> None:
        text = line(event)
        if text is not None:
            write_line(self._file or sys.stdout, text)
