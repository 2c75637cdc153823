"""How does a view keep up with a program that is faster than any screen?

A `Watch` takes the events in on whatever thread they happen, which costs an append, and hands them
on thirty times a second. When more come than anybody could look at it says so, and the program is
no longer traced until it is calmer: until then a snapshot has to do.
"""

from collections import deque
from time import monotonic
from typing import Any

from minirt.watching.trace import Event
from minirt.views.model import Frame, Snapshot, Story, frame_of
from minirt.views.recording import Entry, Sample

BUDGET = 2_000  # events between two frames: more, and the program goes on untraced
MOST = 60_000  # events between two frames that are kept at all
CAPACITY = 12_000  # entries of the recording: the last ones
FIRST_REST, LONGEST_REST = 0.5, 8.0  # s


class Watch:
    """The events of a run that is watched, and the frames that they make."""

    def __init__(self, capacity: int = CAPACITY, budget: int = BUDGET) -> None:
        self.story = Story()
        self.next: Event | None = None  # the callback that waits at the gate
        self.threads = 0  # of the pool
        self.dropped = 0  # entries that the recording had no room for
        self._entries: deque[Entry] = deque(maxlen=capacity)
        self._budget = budget
        self._fresh: deque[Event] = deque()
        self._count = 0  # events since the last frame
        self._since_sample = 0  # entries
        self._rest = FIRST_REST
        self._resting_until: float | None = None
        self._turns = 0  # when the rest began

    def record(self, event: Event) -> None:
        """Take an event in. On any thread."""
        self._count += 1
        if self._count <= MOST:
            self._fresh.append(event)

    @property
    def is_overloaded(self) -> bool:
        """Did more happen since the last frame than anybody can look at?"""
        return self._count > self._budget

    @property
    def is_resting(self) -> bool:
        """Is the program untraced at the moment?"""
        return self._resting_until is not None

    def rest(self) -> None:
        """The program goes on untraced, each time twice as long. On the loop's thread."""
        self._resting_until = monotonic() + self._rest
        self._rest = min(2 * self._rest, LONGEST_REST)

    def has_rested(self) -> bool:
        """Is it time to look at every event again?"""
        return self._resting_until is not None and monotonic() >= self._resting_until

    def wake(self) -> None:
        """The program is traced again. On the loop's thread."""
        self._resting_until = None
        self._count = 0

    def frame(self, snapshot: Snapshot) -> Frame:
        """What there is to see now. `take` comes first, or the snapshot would be the older one."""
        self.threads = snapshot.threads
        for number, token, interest in snapshot.watched:
            self.story.descriptors[token] = (number, interest)
        resting = self.is_resting
        missed = max(0, snapshot.ticks - self._turns) if resting else 0  # turns nobody saw
        self._turns = snapshot.ticks
        if resting or self._since_sample > (self._entries.maxlen or 0) // 4:
            self._keep(Sample(snapshot, missed))
            self._since_sample = 0
        frame = frame_of(snapshot, self.story)
        frame["missed"] = missed
        frame["current"] = self._current()
        return frame

    def take(self) -> None:
        """Take in what happened since the last time."""
        if self._count <= self._budget and not self.is_resting:
            self._rest = FIRST_REST
        fresh, story = self._fresh, self.story
        for _ in range(len(fresh)):
            event = fresh.popleft()
            story.tell(event)
            self._keep(event)
        self._count = 0

    def entries(self) -> list[Entry]:
        """The recording. It begins with a moment of which everything is known."""
        entries = list(self._entries)
        if self.dropped:
            start = next((i for i, entry in enumerate(entries) if isinstance(entry, Sample)), 0)
            self.dropped += start
            return entries[start:]
        return entries

    def _keep(self, entry: Entry) -> None:
        if len(self._entries) == self._entries.maxlen:
            self.dropped += 1
        self._entries.append(entry)
        self._since_sample += 1

    def _current(self) -> list[Any] | None:
        """The callback that runs, or waits at the gate: [identity, name, where, what for]."""
        if self.next is not None:
            identity, detail = self.next.identity, self.next.detail or {}
            name = detail.get("callback") or self.story.name(identity)
            return [identity, name, *self.story.waits.get(identity or -1, ("", ""))]
        span = self.story.open.get("loop")
        if span is None or span.kind != "callback":
            return None
        return [span.identity, span.label, *self.story.waits.get(span.identity or -1, ("", ""))]
