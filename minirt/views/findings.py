"""Which callbacks, tasks and timers of this run need a closer look?

Each finding is a warning. A healthy run has none.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from minirt.views.lives import Call, Life, calls_of, lives_of
from minirt.views.words import said
from minirt.watching.trace import Event

HELD = 0.050  # s: a callback that takes longer holds up all others
LATE = 0.010  # s: a timer that runs later than this after its deadline
WAITED = 0.001  # s: a task that waits no longer than this needs no warning
MOST = 8  # warnings of one sort
MOST_FOUND = 20  # of those that an asyncio program tells itself


class Warn(NamedTuple):
    """Something that is worth a look: a sentence, and the event to look at."""

    text: str
    at: int


def warnings(events: Sequence[Event], threads: int) -> list[Warn]:
    """What is worth a look. Empty for a healthy run."""
    if any(event.phase == "round" for event in events):  # asyncio's loop tells what it found
        found = [
            Warn(said(event.detail, "text"), at)
            for at, event in enumerate(events)
            if event.kind == "found"
        ]
        return [*found[:MOST_FOUND], *_full(lives_of(events, threads), threads)]
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
    history = History(calls)
    for lateness, event in _late_timers(events):
        culprit = history.culprit(event.time - lateness, event.time)
        if culprit is None:
            continue  # no callback was at work: the machine was busy with something else
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


class History:
    """The calls of a run. Asked about stretches of time, of which each ends later than the last.

    Calls of a loop do not overlap. A stretch may hold thousands of them, and so may the next one:
    their sum is the difference of two sums, and the longest is found on a stack on which each call
    has removed all shorter ones before it.
    """

    def __init__(self, calls: Sequence[Call]) -> None:
        self._calls = calls
        self._took = [call.end - call.start for call in calls]
        self._sums = [0.0, *accumulate(self._took)]
        self._stack: list[int] = []  # numbers of calls, each longer than all after it
        self._seen = 0  # calls that were put on the stack

    def culprit(self, since: float, until: float) -> Call | None:
        """The longest call of a stretch, if calls took at least half of it."""
        first = bisect_right(self._calls, since, key=lambda call: call.start)
        last = bisect_left(self._calls, until, key=lambda call: call.start)
        self._see(last)
        cut = max(0.0, self._calls[first - 1].end - since) if first else 0.0  # began before it
        if first >= last and not cut:
            return None
        if self._sums[max(first, last)] - self._sums[first] + cut < (until - since) / 2:
            return None
        at = bisect_left(self._stack, first)
        longest = self._stack[at] if at < len(self._stack) else -1
        if longest < 0 or self._took[longest] < cut:
            return self._calls[first - 1]
        return self._calls[longest]

    def _see(self, last: int) -> None:
        for number in range(self._seen, last):
            while self._stack and self._took[self._stack[-1]] < self._took[number]:
                self._stack.pop()
            self._stack.append(number)
        self._seen = max(self._seen, last)


def _who(call: Call) -> str:
    return call.name if call.identity is None else f"callback {call.identity} ({call.name})"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
