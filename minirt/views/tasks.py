"""Which tasks are there, and what does each of them await?

One fold for minirt's own tasks and for asyncio's. A row of a task has the same fields in a live
frame and in a recording. Each step costs the same, however many tasks there are: the groups are
counted while tasks change, and a live frame has the first rows only, or those that were asked for.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from heapq import nlargest
from operator import attrgetter
from types import MappingProxyType
from typing import Any, NamedTuple

from minirt.views import queues
from minirt.views.words import NAME_LENGTH, Detail, said, size_of
from minirt.watching.trace import Event, shortened

ROOM, LETTERS = 60, 10_000  # rows of a live frame, and characters of all their texts together
GROUPS = 12
ENDED = 6  # tasks that are over and can still be seen
BUSIEST = 10
SOURCE = 120  # characters of a line
STATES = MappingProxyType(
    {"created": "ready", "step": "runs", "resumed": "runs", "awaits": "waits"}
)
# What tasks await that differs in a number or a name only
ALIKE = MappingProxyType(
    {
        "timer": "a timer",
        "task": "tasks",
        "descriptor": "a descriptor",
        "pool": "a thread",
        "process": "a subprocess",
    }
)


class Row(NamedTuple):
    """A task. Times in seconds, on the loop's clock."""

    identity: int
    name: str
    coroutine: str = ""
    parent: str = ""  # who made it: an identity
    state: str = "ready"  # ready, runs, waits; done, failed, cancelled
    what: str = ""  # it awaits
    group: str = ""  # the same for all tasks that await the like
    kind: str = ""  # timer, task, queue ...
    file: str = ""
    line: int = 0  # where it awaits
    source: str = ""
    since: float = 0.0
    until: float | None = None
    thing: str = ""  # the identity of the queue or lock
    by: str = ""  # who woke it last
    error: str = ""
    steps: int = 0  # how often it was sent on
    busy: float = 0.0  # s, in all steps that are over; and in the longest
    longest: float = 0.0
    sampled: bool = False  # the program was left alone meanwhile: there were more steps


class Tasks:
    """The tasks that are not over, by identity, and the last ones that are."""

    def __init__(self) -> None:
        self.words = ""  # only those rows are wanted in which all of them are
        self.ended = 0
        self._rows: OrderedDict[int, Row] = OrderedDict()
        self._unlisted = 0
        self._groups: Counter[tuple[str, str]] = Counter()
        self._last: deque[Row] = deque(maxlen=ENDED)
        self._busiest: list[Row] = []  # of those that are over
        self._seen: dict[int, Sight] = {}  # in the last snapshot
        self._shown: dict[int, tuple[Row, dict[str, Any]]] = {}  # in the last frame
        self._changed: dict[int, Row | None] | None = None  # who makes a recording asks for it

    def __contains__(self, identity: object) -> bool:
        return identity in self._rows

    def __len__(self) -> int:
        return len(self._rows) + self._unlisted

    def name(self, identity: int) -> str:
        """ "fetch-3: fetch" """
        row = self._rows.get(identity)
        return "" if row is None else called(row.name, row.coroutine)

    # What happens to a task

    def apply(self, event: Event) -> None:
        """A step in its life."""
        if event.identity is None:
            return
        detail = event.detail or {}
        before = self._rows.get(event.identity)
        if event.kind in ("done", "cancelled"):
            self._end(before, event, detail)
        elif before is not None or len(self._rows) < queues.KNOWN:
            if before is None and event.kind != "created":
                self._unlisted = max(0, self._unlisted - 1)  # there is room for it now
            self._put(row_of(event.identity, event.kind, event.time, detail, before))
        elif event.kind == "created":
            self._unlisted += 1

    def drop(self, identity: int) -> None:
        """It is gone, and was not over."""
        row = self._rows.pop(identity, None)
        if row is not None:
            self._count(row, -1)
            self._note(identity, None)

    def lose(self, identity: int) -> None:
        """It was destroyed."""
        row = self._rows.get(identity)
        if row is None:
            self._unlisted = max(0, self._unlisted - 1)
        else:
            self._keep_if_busy(row)
            self.drop(identity)

    def drop_all(self) -> None:
        """None is left."""
        for identity in list(self._rows):
            self.drop(identity)
        self._unlisted = 0

    def begin(self, tasks: Iterable[tuple[int, float, Detail]], total: int) -> None:
        """Begin again from a snapshot: (identity, since when it is so, detail) of each."""
        seen, self._seen = self._seen, {}
        for identity, since, detail in tasks:
            before = self._rows.get(identity)
            sight = seen.get(identity)
            if sight is None or sight.row is not before or sight[:2] != (since, detail):
                sight = Sight(since, detail, sampled_row(identity, since, detail, before))
                self._put(sight.row)
            self._seen[identity] = sight
        for identity in [one for one in self._rows if one not in self._seen]:
            self.drop(identity)
        self._unlisted = max(0, total - len(self._rows))

    def _put(self, row: Row) -> None:
        before = self._rows.get(row.identity)
        if before is not None:
            self._count(before, -1)
        self._rows[row.identity] = row
        self._count(row, 1)
        self._note(row.identity, row)

    def _end(self, before: Row | None, event: Event, detail: Detail) -> None:
        self.ended += 1
        if before is None:
            self._unlisted = max(0, self._unlisted - 1)
            return
        self.drop(before.identity)
        error = said(detail, "error")
        state = "failed" if error else "cancelled" if event.kind == "cancelled" else "done"
        row = after_a_step(before, event.time)._replace(
            state=state, error=error, what="", group="", source="", since=event.time
        )
        self._last.append(row)
        self._keep_if_busy(row)
        self._note(row.identity, row)

    def _keep_if_busy(self, row: Row) -> None:
        if len(self._busiest) < BUSIEST or row.busy > self._busiest[-1].busy:
            self._busiest = busiest([*self._busiest, row])

    def _note(self, identity: int, row: Row | None) -> None:
        if self._changed is not None:
            self._changed[identity] = row

    def _count(self, row: Row, more: int) -> None:
        group = (row.coroutine or row.name, row.group or row.state)
        self._groups[group] += more
        if not self._groups[group]:
            del self._groups[group]

    # What there is to see

    def field(self, origin: float) -> list[Any]:
        """[how many, rows, [coroutine, awaits, how many] of groups, how many ended, the last]"""
        groups = [[*group, count] for group, count in self._groups.most_common(GROUPS)]
        if self._unlisted:
            groups.append(["others", "not looked at", self._unlisted])
        shown, self._shown = self._shown, {}
        room = LETTERS
        for row in self._wanted():
            room -= size_of_texts(row)
            if room < 0 and self._shown:
                break
            known = shown.get(row.identity)
            is_same = known is not None and known[0] is row
            self._shown[row.identity] = known if known and is_same else (row, as_row(row, origin))
        rows = [as_shown for _, as_shown in self._shown.values()]
        return [len(self), rows, groups, self.ended, [as_row(row, origin) for row in self._last]]

    def _wanted(self) -> Sequence[Row]:
        words = self.words.lower().split()
        found: list[Row] = []
        for row in self._rows.values():
            if len(found) == ROOM:
                break
            if not words or all(word in text_in(row) for word in words):
                found.append(row)
        return found

    def busiest(self) -> list[Row]:
        """Those that were at work for the longest time, also when they are over."""
        return busiest([*self._busiest, *self._rows.values()])

    def rows(self) -> list[Row]:
        """All of them."""
        return list(self._rows.values())

    def take_changes(self) -> dict[int, Row | None]:
        """What changed since the last time: the row of each identity; None for one that is gone.

        The first time nothing: from then on the changes are kept.
        """
        changed, self._changed = self._changed, {}
        return changed or {}


class Sight(NamedTuple):
    """A task in a snapshot, and the row that it became."""

    since: float
    detail: Detail
    row: Row


def sampled_row(identity: int, since: float, detail: Detail, before: Row | None) -> Row:
    """The row of a task of a snapshot."""
    if before is not None:  # nobody saw the end of its step
        before = before._replace(state="ready")
    kind = "awaits" if "awaits" in detail else "created"
    row = row_of(identity, kind, since, detail, before)
    state = "runs" if said(detail, "state") == "runs" else row.state
    return row._replace(state=state, sampled=True)


def row_of(identity: int, kind: str, time: float, detail: Detail, before: Row | None) -> Row:
    """The row after an event of this kind."""
    coroutine = said(detail, "coroutine", length=NAME_LENGTH)
    known = Row(identity, "", sampled=kind != "created") if before is None else before
    if kind == "awaits":
        known = after_a_step(known, time)
    row = known._replace(
        name=said(detail, "name", known.name, NAME_LENGTH),
        coroutine=coroutine or known.coroutine,
        parent=said(detail, "parent", known.parent),
        state=STATES.get(kind, known.state),
        since=time,
        by=said(detail, "by", known.by, NAME_LENGTH),
        steps=known.steps + (kind in ("step", "resumed")),
    )
    if kind != "awaits":
        return row._replace(what="", group="", kind="", source="", until=None, thing="")
    until, at = detail.get("until"), detail.get("at")
    what = said(detail, "awaits", length=SOURCE)
    kind = said(detail, "what", "future")
    return row._replace(
        what=what,
        group=ALIKE.get(kind, what),
        kind=kind,
        file=said(detail, "path"),
        line=at if isinstance(at, int) else 0,
        source=said(detail, "source", length=SOURCE),
        until=float(until) if isinstance(until, int | float) else None,
        thing=said(detail, "thing"),
    )


def after_a_step(row: Row, time: float) -> Row:
    """The same task when its step, if it was in one, is over."""
    if row.state != "runs":
        return row
    took = max(0.0, time - row.since)
    return row._replace(busy=row.busy + took, longest=max(row.longest, took))


def busiest(rows: Iterable[Row]) -> list[Row]:
    """Those that were at work for the longest time, ten at most, the longest first."""
    return nlargest(BUSIEST, (row for row in rows if row.steps), key=attrgetter("busy"))


def called(name: str, coroutine: str) -> str:
    """What to call a task."""
    return shortened(f"{name}: {coroutine}" if coroutine else name, NAME_LENGTH)


def as_row(row: Row, origin: float) -> dict[str, Any]:
    """A row as it goes to a page: JSON, identities as texts, times since `origin` in seconds."""
    said_of_it: Mapping[str, Any] = row._asdict()
    until = None if row.until is None else round(row.until - origin, 6)
    times = {"since": round(row.since - origin, 6), "until": until}
    work = {"busy": round(row.busy, 6), "longest": round(row.longest, 6)}
    return {**said_of_it, "identity": str(row.identity), **times, **work}


def size_of_texts(row: Row) -> int:
    """How long its texts are in a frame."""
    texts = (row.name, row.coroutine, row.what, row.group, row.file, row.source, row.by)
    return sum(map(size_of, texts))


def text_in(row: Row) -> str:
    """Where words are looked for."""
    return f"{row.name} {row.coroutine} {row.state} {row.what} {row.source}".lower()
