"""What became of each callback and of each task?

Pure functions of the events of a run that is over.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from minirt.views.tasks import called
from minirt.views.timeline import Span
from minirt.views.words import (
    Detail,
    Place,
    label,
    lane_of,
    name_of_call,
    number_of,
    said,
    waits_for,
)
from minirt.watching.trace import Event, printable


class Life(NamedTuple):
    """A task from the queue to its end (s); None while that is not known."""

    identity: int
    kind: str
    queued: float
    started: float | None
    finished: float | None
    thread: str
    full: bool  # it waited because every thread was busy
    at: int  # the event that queued it


class Call(NamedTuple):
    """One call of a callback on the loop (s)."""

    identity: int | None
    name: str
    start: float
    end: float
    at: int  # the event "run"


def describe(event: Event, names: Mapping[int, str]) -> str:
    """One event in a few words."""
    words = WORDS.get(event.kind)
    if words is not None:
        return words(event)
    detail, who = event.detail or {}, who_is(event, names)
    if event.kind in LIFE_OF_A_TASK:
        return f"{who}{LIFE_OF_A_TASK[event.kind](detail)}"
    if event.kind == "queued":
        where, what = waits_for(detail)
        return f"{who} waits for {where}{', ' + what if what else ''}".strip()
    if event.kind == "watched":
        return f"{who}: descriptor {said(detail, 'descriptor')}, {said(detail, 'interest')}"
    if event.kind == "ready":
        return f"{who} {said(detail, 'readiness')}"
    if event.kind == "run":
        return who or name_of_call(event.detail, event.phase)
    error = f"raised {said(detail, 'error')}" if "error" in detail else ""
    return f"{who} {error}".strip()


def who_is(event: Event, names: Mapping[int, str]) -> str:
    """The identity of an event, and what that is called."""
    if event.identity is None:
        return label(event.detail)
    return f"{event.identity} {names.get(event.identity, '')}".strip()


def _task(event: Event) -> str:
    error = f", raised {said(event.detail, 'error')}" if "error" in (event.detail or {}) else ""
    who = "" if event.identity is None else f"{event.identity} "
    return f"{who}{said(event.detail, 'kind')} on {printable(event.thread)}{error}"


def _timeout(event: Event) -> str:
    timeout = (event.detail or {}).get("timeout")
    return "for ever" if timeout is None else f"at most {timeout * 1000:.1f} ms"


def _awaits(detail: Detail) -> str:
    at = f", line {said(detail, 'at')}" if detail.get("at") else ""
    return f" awaits {said(detail, 'awaits')}{at}"


def _by(detail: Detail) -> str:
    return f", woken by {said(detail, 'by')}" if detail.get("by") else ""


def _end(detail: Detail) -> str:
    return f" failed: {said(detail, 'error')}" if "error" in detail else ""


LIFE_OF_A_TASK: Mapping[str, Callable[[Detail], str]] = MappingProxyType(
    {
        "created": lambda detail: (
            f", made by {said(detail, 'parent')}" if "parent" in detail else ""
        ),
        "step": _by,
        "awaits": _awaits,
        "resumed": _by,
        "done": _end,
        "cancelled": _end,
    }
)
WORDS: Mapping[str, Callable[[Event], str]] = MappingProxyType(
    {
        "turn": lambda event: f"turn {event.turn}",
        "enter": lambda event: printable(event.phase),
        "leave": lambda event: printable(event.phase),
        "started": _task,
        "finished": _task,
        "slept": _timeout,
        "woke": lambda event: f"because of {said(event.detail, 'why')}",
        "printed": lambda event: said(event.detail, "text", length=120),
        "uncaught": lambda event: said(event.detail, "error"),
        "closed": lambda event: printable(event.thread),
        "found": lambda event: said(event.detail, "text"),
        "things": lambda event: f"{len((event.detail or {}).get('things', ()))} queues and locks",
    }
)


def names_of(events: Iterable[Event]) -> dict[int, str]:
    """What each identity is called; of one that was given twice, the last."""
    return {identity: label(place) for identity, place in places_of(events).items()}


def places_of(events: Iterable[Event]) -> dict[int, Place]:
    """Where the callback of each identity was written, or the coroutine of a task."""
    places: dict[int, Place] = {}
    for event in events:
        if event.identity is None or not event.detail:
            continue
        if event.kind == "boxed":
            places[event.identity] = event.detail
        elif event.kind in ("created", "step"):  # it may get its name in between
            name = called(said(event.detail, "name"), said(event.detail, "coroutine"))
            places[event.identity] = {**event.detail, "callback": name}
    return places


def biography(events: Sequence[Event], identity: int) -> list[tuple[float, str, str]]:
    """The life of one identity: (time in s, kind, what happened), from the first event on."""
    names = names_of(events)
    return [
        (event.time, event.kind, describe(event, names))
        for event in events
        if event.identity == identity
    ]


def calls_of(events: Sequence[Event]) -> list[Call]:
    """Every call on the loop that came back, in their order."""
    names = names_of(events)
    calls: list[Call] = []
    begun: tuple[int, Event] | None = None
    for at, event in enumerate(events):
        if event.kind == "run":
            begun = (at, event)
        elif event.kind == "returned" and begun is not None:
            started, run = begun
            text = describe(run, names).removeprefix(f"{run.identity} ")
            calls.append(Call(run.identity, text, run.time, event.time, started))
            begun = None
    return calls


def threads_of(events: Iterable[Event]) -> int:
    """How many threads the pool has, as far as the events show."""
    most = 0
    for event in events:
        if event.kind == "turn" and event.detail:
            most = max(most, int(event.detail.get("available_threads", 0)))
        else:
            number = number_of(event.thread)
            most = most if number is None else max(most, number + 1)
    return most


def lives_of(events: Sequence[Event], threads: int) -> list[Life]:
    """Every task that was queued, in the order of their queueing."""
    lives: dict[int, Life] = {}
    ended: list[Life] = []
    busy = 0
    for at, event in enumerate(events):
        identity, detail = event.identity, event.detail or {}
        if identity is None:
            continue
        if event.kind == "queued" and detail.get("where") == "pool":
            full = bool(threads) and busy >= threads
            kind = said(detail, "kind", "task")
            lives[identity] = Life(identity, kind, event.time, None, None, "", full, at)
            busy += 1
        elif identity in lives and event.kind == "started":
            lives[identity] = lives[identity]._replace(started=event.time, thread=event.thread)
        elif identity in lives and event.kind in ("finished", "dropped"):
            busy -= 1
            life = lives.pop(identity)
            ended.append(life._replace(finished=event.time) if event.kind == "finished" else life)
    return sorted((*ended, *lives.values()), key=lambda life: life.at)


def summary(lives: Iterable[Life]) -> list[list[Any]]:
    """A row a kind: [kind, tasks, waited mean, waited longest, ran mean, ran longest] (s)."""
    by_kind: dict[str, list[Life]] = defaultdict(list)
    for life in lives:
        by_kind[life.kind].append(life)
    rows: list[list[Any]] = []
    for kind, group in by_kind.items():
        waited = [life.started - life.queued for life in group if life.started is not None]
        ran = [
            life.finished - life.started
            for life in group
            if life.started is not None and life.finished is not None
        ]
        rows.append([kind, len(group), *_mean_and_most(waited), *_mean_and_most(ran)])
    return rows


def _mean_and_most(times: Sequence[float]) -> tuple[float, float]:
    if not times:
        return 0.0, 0.0
    return round(sum(times) / len(times), 6), round(max(times), 6)


def spans_of(events: Sequence[Event], lives: Iterable[Life], origin: float) -> list[Span]:
    """The whole timeline: calls and sleep on the loop's lane, tasks and waits on the threads'."""
    spans = [
        Span("loop", call.start - origin, call.end - origin, "callback", call.identity, call.name)
        for call in calls_of(events)
    ]
    slept: float | None = None
    for event in events:
        if event.kind == "slept":
            slept = event.time
        elif event.kind == "woke" and slept is not None:
            spans.append(Span("loop", slept - origin, event.time - origin, "sleep", None, "poll"))
            slept = None
    for life in lives:
        spans.extend(_spans_of_task(life, origin))
    spans.sort(key=lambda span: (span.kind == "wait", span.start, span.lane))  # waits on top
    return spans


def _spans_of_task(life: Life, origin: float) -> Iterator[Span]:
    if life.started is None:
        return
    lane, began = lane_of(life.thread), life.started - origin
    if life.full:
        yield Span(lane, life.queued - origin, began, "wait", life.identity, f"{life.kind} waits")
    ended = None if life.finished is None else life.finished - origin
    yield Span(lane, began, ended, "task", life.identity, life.kind)
