"""How does a view keep up with a program that is faster than any screen?

A `Watch` takes the events in on whatever thread they happen, which costs an append, and folds them
into one state thirty times a second. When they slow the program down (`load.py`), the watch says
so, and the program is no longer traced for a while: until then a snapshot has to do.

The recording is a ring. What is pushed out of it is folded into a second state, so that it begins
with a moment of which everything is known.
"""

from collections import deque
from threading import RLock
from time import monotonic
from typing import Any

from minirt.views.frame import Frame
from minirt.views.load import BUDGET, Load
from minirt.views.snapshot import Gap, Snapshot
from minirt.views.state import Entry, State
from minirt.views.words import Place
from minirt.watching.trace import Event

MOST = 60_000  # events that wait to be folded: more, and the program's thread does it
CAPACITY = 12_000  # entries of the recording: the last ones


class Watch:
    """The events of a run that is watched, and the frames that they make."""

    def __init__(self, capacity: int = CAPACITY, budget: int = BUDGET) -> None:
        # the callback that waits at the gate: its identity, and where it was written
        self.next: tuple[int | None, Place] | None = None
        self.words = ""  # tasks are wanted in which these are
        self.before = State()  # the run before the first entry of the recording
        self.dropped = 0  # entries that the recording had no room for
        self._state = State()
        self._entries: deque[Entry] = deque()
        self._capacity = capacity
        self._load = Load(budget, _now)
        self._count = self._load.count
        self._fresh: deque[Event] = deque()
        self._folding = RLock()
        self._resting_until: float | None = None
        self._turn = 0  # the last one of which something is known

    # On the program's threads

    def record(self, event: Event) -> None:
        """Take an event in. On any thread."""
        self._count()
        self._fresh.append(event)
        if event.kind == "slept":
            self._load.sleep()
        elif event.kind == "woke":
            self._load.wake()
        if len(self._fresh) > MOST:
            self.take()

    @property
    def is_overloaded(self) -> bool:
        """Is the loop always busy, and do its events slow it down? On the loop's thread."""
        return self._load.is_too_much

    def rest(self) -> None:
        """The program goes on untraced. On the loop's thread."""
        self._resting_until = monotonic() + self._load.rest()

    def begin(self, snapshot: Snapshot) -> None:
        """From here on every event comes: after a rest, or in the middle of a run.

        On the loop's thread, so that no event is on its way.
        """
        with self._folding:
            self.take()
            self._keep_snapshot(snapshot)
            self._resting_until = None
            self._load.begin()

    # On the view's thread

    @property
    def is_resting(self) -> bool:
        """Is the program untraced at the moment?"""
        return self._resting_until is not None

    def has_rested(self) -> bool:
        """Is it time to look at every event again?"""
        return self._resting_until is not None and monotonic() >= self._resting_until

    def take(self) -> None:
        """Fold what happened since the last time."""
        fresh = self._fresh
        with self._folding:
            began = monotonic()
            for _ in range(len(fresh)):
                self._keep(fresh.popleft())
            self._load.folded(monotonic() - began)

    def frame(self, snapshot: Snapshot) -> Frame:
        """The run as it looks now.

        A traced run is shown as its events tell it. The snapshot says what no event tells: the
        time, the number of threads, and the descriptors. While the run is not traced, the snapshot
        says everything.
        """
        with self._folding:
            for state in (self._state, self.before):
                state.know(snapshot)
            self.take()
            if self.is_resting and snapshot.ticks >= self._turn:
                self._keep_snapshot(snapshot)
            self._keep_descriptors(snapshot)
            self._keep_things(snapshot)
            self._state.tasks.words = self.words
            frame = self._state.frame(snapshot.time)
            if self.next is not None:
                frame["current"] = self._state.about(*self.next)
            return frame

    def entries(self) -> list[Entry]:
        """The recording: what came after `before`. When the run has ended."""
        with self._folding:
            self.take()
            return list(self._entries)

    def _keep_snapshot(self, snapshot: Snapshot) -> None:
        self._keep(Gap(snapshot, max(0, snapshot.ticks - self._turn)))

    def _keep_descriptors(self, snapshot: Snapshot) -> None:
        """Those that are new become events, so that the recording shows them as the frame did."""
        state = self._state
        for descriptor, token, interest in snapshot.watched:
            if state.queues.descriptors.get(token) != (descriptor, interest):
                detail = {"descriptor": descriptor, "interest": interest}
                where = (state.turn, state.phase, "epoll", "watched")
                self._keep(Event(snapshot.time, *where, token, detail))

    def _keep_things(self, snapshot: Any) -> None:
        """The queues and locks of an asyncio program, when they have changed."""
        things = [list(map(str, row)) for row in getattr(snapshot, "things", ())]
        state = self._state
        if things != state.fields(["things"])["things"]:
            where = (state.turn, state.phase, "main", "things")
            self._keep(Event(snapshot.time, *where, None, {"things": things}))

    def _keep(self, entry: Entry) -> None:
        self._state.apply(entry)
        self._turn = self._state.turn
        if len(self._entries) == self._capacity:
            self.before.apply(self._entries.popleft())
            self.dropped += 1
        self._entries.append(entry)


def _now() -> float:
    return monotonic()
