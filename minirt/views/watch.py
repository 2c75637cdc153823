"""How does a view keep up with a program that is faster than any screen?

A `Watch` takes the events in on whatever thread they happen, which costs an append, and folds them
into one state thirty times a second.

A program whose loop sleeps most of the time loses nothing by being traced, however many events it
has. One whose loop is always busy gets slower with each of them. So when many come and the loop
does not sleep, the watch says so, and the program is no longer traced for a while, each time twice
as long: until then a snapshot has to do.

The recording is a ring. What is pushed out of it is folded into a second state, so that it begins
with a moment of which everything is known.
"""

from collections import deque
from threading import RLock
from time import monotonic
from typing import Any

from minirt.views.frame import Frame
from minirt.views.snapshot import Gap, Snapshot
from minirt.views.state import Entry, State
from minirt.views.words import Place
from minirt.watching.trace import Event

BUDGET = 5_000  # events of a loop that does not sleep: more, and the program goes on untraced
LATER = 1_000  # the same after a rest. At first there are more, so that a short program has all
FORGOTTEN = 1_000  # of them in a second: so few cost little, however busy the loop is
CALM, LONG = 0.5, 0.05  # a loop is that sleeps for this part of the time, of so long (s)
MOST = 60_000  # events that wait to be folded: more, and the program's thread does it
CAPACITY = 12_000  # entries of the recording: the last ones
FIRST_REST, LONGEST_REST = 1.0, 8.0  # s


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
        self._budget = self._whole_budget = budget
        self._fresh: deque[Event] = deque()
        self._count = 0  # events since the loop was calm
        self._traced_since = self._looked = self._since = monotonic()
        self._slept = 0.0  # s, in real time, since `_looked`; less what was folded meanwhile
        self._folding = RLock()
        self._rest = FIRST_REST
        self._resting_until: float | None = None
        self._turn = 0  # the last one of which something is known

    # On the program's threads

    def record(self, event: Event) -> None:
        """Take an event in. On any thread."""
        self._count += 1
        self._fresh.append(event)
        if event.kind == "slept":
            self._since = monotonic()
        elif event.kind == "woke":
            self._slept += monotonic() - self._since
        if len(self._fresh) > MOST:
            self.take()

    @property
    def is_overloaded(self) -> bool:
        """Is the loop always busy, and do its events slow it down? On the loop's thread."""
        passed = monotonic() - self._looked
        if passed > LONG:
            is_calm = self._slept > CALM * passed
            self._count = 0 if is_calm else max(0, self._count - int(FORGOTTEN * passed))
            if is_calm and self._looked - self._traced_since > self._rest:
                self._rest, self._budget = FIRST_REST, self._whole_budget
            self._looked, self._slept = self._looked + passed, 0.0
        return self._count > self._budget

    def rest(self) -> None:
        """The program goes on untraced, each time twice as long. On the loop's thread."""
        self._resting_until = monotonic() + self._rest
        self._rest = min(2 * self._rest, LONGEST_REST)
        self._budget = min(self._budget, LATER)

    def begin(self, snapshot: Snapshot) -> None:
        """From here on every event comes: after a rest, or in the middle of a run.

        On the loop's thread, so that no event is on its way.
        """
        with self._folding:
            self.take()
            self._keep_snapshot(snapshot)
            self._resting_until = None
            self._count = 0
            self._traced_since = self._looked = self._since = monotonic()
            self._slept = 0.0

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
        fresh, began = self._fresh, monotonic()
        with self._folding:
            for _ in range(len(fresh)):
                self._keep(fresh.popleft())
        self._slept -= monotonic() - began

    def frame(self, snapshot: Snapshot) -> Frame:
        """The run as it looks now.

        A traced run is shown as its events tell it. The snapshot says what no event tells: the
        time, the number of threads, and the descriptors. While the run is not traced, the snapshot
        says everything.
        """
        with self._folding:
            for state in (self._state, self.before):
                state.workers.at_least(snapshot.threads)
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
