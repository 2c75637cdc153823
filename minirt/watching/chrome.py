"""How does a trace get into Chrome's viewer, or into ui.perfetto.dev?

The trace-event format: begin and end of a slice are "B" and "E", a moment "i", a counter "C". A
task of asyncio's lasts while others run: so each has a row of its own, with its waits in it.
Source: "Trace Event Format", the document that chrome://tracing and ui.perfetto.dev refer to.
"""

from collections.abc import Iterable, Iterator
from types import MappingProxyType
from typing import Any

from minirt.watching.event import Event

SLICES = MappingProxyType(
    {
        "run": "B",
        "returned": "E",
        "started": "B",
        "finished": "E",
        "enter": "B",
        "leave": "E",
        "slept": "B",
        "woke": "E",
    }
)


MOST_TASKS = 500  # that have a row
STEPS = frozenset(("created", "step", "awaits", "resumed", "done", "cancelled"))  # of a task


def chrome_trace(events: Iterable[Event], dropped: int = 0) -> dict[str, Any]:
    """The events as one JSON object: a row a thread, times in microseconds."""
    events = list(events)
    rows = sorted({event.thread for event in events}, key=lambda thread: (thread != "main", thread))
    numbers = {thread: number for number, thread in enumerate(rows, start=1)}
    entries: list[dict[str, Any]] = [
        {"ph": "M", "name": "thread_name", "pid": 1, "tid": number, "args": {"name": thread}}
        for thread, number in numbers.items()
    ]
    begun: dict[str, list[Event]] = {thread: [] for thread in rows}  # slices without an end so far
    for event in events:
        step = SLICES.get(event.kind, "i")
        if step == "B":
            begun[event.thread].append(event)
        elif step == "E":
            if not begun[event.thread]:
                continue  # the ring dropped its beginning
            begun[event.thread].pop()
        entries.append(_entry(event, step, numbers[event.thread]))
        entries.extend(_counters(event))
    for thread, slices in begun.items():  # an error or a stop left them without an end
        for event in reversed(slices):
            at_the_end = event._replace(time=events[-1].time)
            entries.append(_entry(at_the_end, "E", numbers[thread]))
    entries.extend(_rows_of_tasks(events, len(rows) + 1))
    return {"traceEvents": entries, "displayTimeUnit": "ms", "otherData": {"dropped": dropped}}


def _rows_of_tasks(events: list[Event], first: int) -> Iterator[dict[str, Any]]:
    """A row for each of asyncio's tasks: a slice for its life, and inside it one for each wait."""
    opened: dict[int, list[Event]] = {}  # slices without an end so far, of each identity
    numbers: dict[int, int] = {}
    for event in events:
        detail, identity = event.detail or {}, event.identity
        if event.kind not in STEPS or identity is None or "coroutine" not in detail:
            continue
        if identity not in numbers:
            if len(numbers) == MOST_TASKS:
                continue
            number = numbers[identity] = first + len(numbers)
            name = {"name": f"{detail.get('name')}: {detail['coroutine']}"}
            yield {"ph": "M", "name": "thread_name", "pid": 1, "tid": number, "args": name}
            opened[identity] = [event]
            yield _slice(event, "B", number, str(detail["coroutine"]))
        yield from _ends(opened[identity], 1, event, numbers[identity])
        if event.kind == "awaits":
            opened[identity].append(event)
            yield _slice(event, "B", numbers[identity], str(detail.get("awaits")))
        elif event.kind in ("done", "cancelled"):
            yield from _ends(opened[identity], 0, event, numbers[identity])
    for identity, slices in opened.items():
        yield from _ends(slices, 0, events[-1], numbers[identity])


def _ends(slices: list[Event], keep: int, event: Event, number: int) -> Iterator[dict[str, Any]]:
    while len(slices) > keep:
        slices.pop()
        yield _slice(event, "E", number, "")


def _slice(event: Event, step: str, number: int, name: str) -> dict[str, Any]:
    return {**_entry(event, step, number), "name": name or event.kind, "cat": "task"}


def _entry(event: Event, step: str, number: int) -> dict[str, Any]:
    identity = None if event.identity is None else str(event.identity)
    entry = {
        "ph": step,
        "name": _name(event),
        "cat": event.kind,
        "ts": event.time * 1e6,
        "pid": 1,
        "tid": number,
        "args": {
            **(event.detail or {}),
            "turn": event.turn,
            "phase": event.phase,
            "identity": identity,
        },
    }
    if step == "i":
        entry["s"] = "t"  # a moment of its thread
    return entry


def _name(event: Event) -> str:
    if event.kind in ("enter", "leave"):
        return event.phase
    if event.kind in ("slept", "woke"):
        return "sleep"
    if event.kind in ("started", "finished"):
        return f"{(event.detail or {}).get('kind', 'task')} {event.identity}"
    if event.kind == "run" and event.detail and "callback" in event.detail:
        return str(event.detail["callback"])
    if event.kind in ("run", "returned"):
        return f"callback {event.identity}" if event.identity is not None else "callback"
    return event.kind


def _counters(event: Event) -> Iterator[dict[str, Any]]:
    if event.kind == "turn" and event.detail:
        for name, value in event.detail.items():
            yield {"ph": "C", "name": name, "ts": event.time * 1e6, "pid": 1, "args": {name: value}}
