"""What would somebody who knows the loop point out in this run?

The lives of the callbacks, how long tasks waited and ran, and the warnings, of which there are none
for a healthy run.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from minirt.watching.trace import Event
from minirt.views.model import Place, Span, label, lane_of, waits_for

HELD = 0.050  # s: a callback that takes longer holds up all others
LATE = 0.010  # s: a timer that runs later than this after its deadline
WAITED = 0.001  # s: a task that waits no longer than this waited for nobody
MOST = 8  # warnings of one sort


class Warn(NamedTuple):
    """Something that is worth a look: a sentence, and the event to look at."""

    text: str
    at: int


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
    detail = event.detail or {}
    who = "" if event.identity is None else f"{event.identity} "
    name = names.get(event.identity, "") if event.identity is not None else label(detail)
    if event.kind == "queued":
        where, what = waits_for(detail)
        return f"{who}{name} waits for {where}{', ' + what if what else ''}".strip()
    if event.kind in ("started", "finished"):
        error = f", raised {detail['error']}" if "error" in detail else ""
        return f"{who}{detail.get('kind', '')} on {event.thread}{error}"
    extra = {
        "turn": lambda: f"turn {event.turn}",
        "enter": lambda: event.phase,
        "leave": lambda: event.phase,
        "slept": lambda: f"at most {_timeout(detail.get('timeout'))}",
        "woke": lambda: f"because of {detail.get('why', '')}",
        "printed": lambda: str(detail.get("text", ""))[:120],
        "ready": lambda: f"{who}{name} {detail.get('readiness', '')}",
        "uncaught": lambda: str(detail.get("error", "")),
        "closed": lambda: event.thread,
    }.get(event.kind)
    if extra is not None:
        return extra()
    if event.kind == "run" and not who and not name:
        name = "main" if event.phase == "main" else "message"
    error = f"raised {detail['error']}" if "error" in detail else ""
    return f"{who}{name} {error}".strip()


def _timeout(timeout: float | None) -> str:
    return "for ever" if timeout is None else f"{timeout * 1000:.1f} ms"


def names_of(events: Iterable[Event]) -> dict[int, str]:
    """What each identity is called; of one that was given twice, the last."""
    return {
        event.identity: label(event.detail)
        for event in events
        if event.kind == "boxed" and event.identity is not None
    }


def places_of(events: Iterable[Event]) -> dict[int, Place]:
    """Where the callback of each identity was written."""
    return {
        event.identity: event.detail
        for event in events
        if event.kind == "boxed" and event.identity is not None and event.detail
    }


def biography(events: Sequence[Event], identity: int) -> list[tuple[float, str, str]]:
    """The life of one identity: (time in s, kind, what happened), from the first event on."""
    names = names_of(events)
    return [
        (event.time, event.kind, describe(event, names))
        for event in events
        if event.identity == identity
    ]


def calls_of(events: Sequence[Event]) -> list[Call]:
    """Every call on the loop that came back."""
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
            kind = str(detail.get("kind", "task"))
            lives[identity] = Life(
                identity, kind, event.time, None, None, "", bool(threads) and busy >= threads, at
            )
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


def warnings(events: Sequence[Event], threads: int) -> list[Warn]:
    """What is worth a look. Empty for a healthy run."""
    calls = calls_of(events)
    return [
        *_held(calls),
        *_full(lives_of(events, threads), threads),
        *_late(events, calls),
    ]


def _held(calls: Iterable[Call]) -> list[Warn]:
    long = sorted(
        (call for call in calls if call.end - call.start > HELD),
        key=lambda call: call.start - call.end,
    )
    found = [
        Warn(f"{_who(call)} held the loop for {_ms(call.end - call.start)}.", call.at)
        for call in long[:MOST]
    ]
    if len(long) > MOST:
        found.append(Warn(f"{len(long) - MOST} more calls held the loop too long.", long[MOST].at))
    return found


def _full(lives: Iterable[Life], threads: int) -> list[Warn]:
    waited = [
        (life.started - life.queued, life)
        for life in lives
        if life.full and life.started is not None and life.started - life.queued > WAITED
    ]
    if not waited:
        return []
    longest, life = max(waited, key=lambda pair: pair[0])
    tasks = "1 task" if len(waited) == 1 else f"{len(waited)} tasks"
    all_of_them = "the only thread was" if threads == 1 else f"all {threads} threads were"
    worst = f"the longest {_ms(longest)} ({life.identity} {life.kind})"
    return [Warn(f"{tasks} waited because {all_of_them} busy, {worst}.", life.at)]


def _late(events: Sequence[Event], calls: Sequence[Call]) -> list[Warn]:
    """Timers that ran late, by whom they had to wait for."""
    worst: dict[int, tuple[float, int, Call]] = {}  # event of the culprit -> worst delay, its timer
    count: dict[int, int] = defaultdict(int)
    for lateness, event in _late_timers(events):
        culprit = _culprit(calls, event.time - lateness, event.time)
        if culprit is None:
            continue  # nobody on the loop: the machine was busy with something else
        count[culprit.at] += 1
        if lateness > worst.get(culprit.at, (0.0,))[0]:
            worst[culprit.at] = (lateness, event.identity or 0, culprit)
    found = []
    for at, (lateness, identity, culprit) in list(worst.items())[:MOST]:
        timers = f"Timer {identity} was" if count[at] == 1 else f"{count[at]} timers were"
        by = "" if count[at] == 1 else "up to "
        found.append(Warn(f"{timers} late by {by}{_ms(lateness)} because of {_who(culprit)}.", at))
    return found


def _late_timers(events: Sequence[Event]) -> Iterator[tuple[float, Event]]:
    deadlines: dict[int, float] = {}
    for event in events:
        if event.identity is None:
            continue
        if event.kind == "queued" and event.detail and "deadline" in event.detail:
            deadlines[event.identity] = float(event.detail["deadline"])
        elif event.kind == "run" and event.identity in deadlines:
            lateness = event.time - deadlines.pop(event.identity)
            if lateness > LATE:
                yield lateness, event


def _culprit(calls: Sequence[Call], since: float, until: float) -> Call | None:
    """The call that took most of the time between a deadline and its timer, if calls did."""
    during = [(min(c.end, until) - max(c.start, since), c) for c in calls if c.start < until]
    during = [(share, call) for share, call in during if share > 0]
    if sum(share for share, _ in during) < (until - since) / 2:
        return None
    return max(during, key=lambda pair: pair[0])[1]


def _who(call: Call) -> str:
    return call.name if call.identity is None else f"callback {call.identity} ({call.name})"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
