"""In what order does an asyncio loop call what is ready?

In rounds. A turn of minirt's loop collects: who was called soon is there already, then come the
descriptors that are ready, the results of the pool, the timers that are due. The last phase of the
turn, the round, calls them all in this order. Whatever gets ready meanwhile waits for the next
round; so a callback that starts itself again for ever does not stop the descriptors from being
read.

That is asyncio's order, and Node's phases need no change for it: a round is one phase more, at the
end. Two rounds in one turn would look faster, and be wrong: between them nobody would have asked
which timers are due.

A `stop` ends asyncio's loop after the round, where minirt's own ends it after the current callback.
So it is another flag here. All that it does to a turn is that the turn does not sleep.
"""

import asyncio
import os
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from operator import attrgetter
from typing import Any, TypeAlias

from minirt.aio.handles import call_each, call_each_timed
from minirt.aio.within import take_entered, task_aside
from minirt.clock import Clock
from minirt.core.calls import Event
from minirt.core.loop import Loop
from minirt.core.system import System
from minirt.core.timers import SLOTS
from minirt.values import Js

SLOT = 1 / SLOTS  # s: whose deadlines are so near to each other have one place in `Timers`
RESOLUTION = 1e-9  # s: a timer is due that much early, as in asyncio, for the error of a float

CallReady: TypeAlias = Callable[[deque[Any], int], None]  # the queue, how many of them

by_deadline = attrgetter("_when")


class Rounds(Loop):
    """A core loop whose turns end with a round of asyncio's handles."""

    __slots__ = (
        *("call_ready", "call_unwatched", "is_calling", "is_stopping", "next_identity"),
        *("opened", "ready"),
    )

    def __init__(self, system: System, clock: Clock, threads: int) -> None:
        super().__init__(system, threads=0)
        self.clock = clock
        self.pool = system.open_pool(threads, self.wake, "fifo", None, "asyncio_")
        self.pool.free.reverse()  # asyncio_0 works first
        self.pool.apart = self._apart
        self.ready: deque[Any] = deque()  # handles
        self.opened: deque[Any] = deque()  # timers of the slot whose time it is, by deadline
        self.next_identity = count(1).__next__  # cheaper than the core's, which may come round
        self.is_over = never  # it waits for `stop`, whatever there is to wait for
        self.is_stopping = False
        self.is_calling = False  # it is in a round
        self.call_unwatched: CallReady = call_each  # debug mode has another
        self.call_ready: CallReady = call_each  # and so has who watches
        self.turns = 1  # Node looks at the timers once on entry, asyncio does not
        alive.add(self)

    def turn(self, block: bool = True) -> None:
        """Collect what is ready, then call it."""
        if self.is_calling:
            self._turn_within(block)
            return
        Loop.turn(self, block and not (self.ready or self.is_stopping))
        self.is_calling = True
        try:
            self.round()
        finally:
            self.is_calling = False
        self.is_stopping = False

    def _turn_within(self, block: bool) -> None:
        """The same from inside of a callback."""
        ready, entered = self.ready, take_entered(self.ready)
        try:
            with task_aside():
                Loop.turn(self, block and not (ready or self.is_stopping))
                entered += take_entered(ready)
                self.round()
        finally:
            self.phase = "round"
            ready.extendleft(reversed(entered))
        self.is_stopping = False

    def round(self) -> None:
        """Call everything that is ready now. What gets ready meanwhile is for the next round."""
        self.phase = "round"
        self.call_ready(self.ready, len(self.ready))

    def set_debug(self, enabled: bool) -> None:
        """From now on callbacks are timed, or no longer."""
        self.call_unwatched = call_each_timed if enabled else call_each
        if not self.is_watched:
            self.call_ready = self.call_unwatched

    def timers_phase(self) -> None:
        """Handles whose time has come are ready, in the order of their deadlines.

        `Timers` keeps those together that are due within a quarter of a millisecond, which is why a
        hundred thousand are cheap. asyncio wants them apart: so the slot of this moment is opened,
        and sorted.
        """
        self.phase = "timers"
        timers, waiting, opened = self.timers, self.timers.waiting, self.opened
        now = self.clock.now()
        timers.begin(now + SLOT)
        slots = []
        while keys := timers.next_batch():
            slots += [waiting[key] for key in reversed(keys) if key in waiting]
            keys.clear()
        if slots:
            self.opened = opened = deque(sorted([*opened, *slots], key=by_deadline))
        due = now + RESOLUTION
        while opened and opened[0]._when < due:
            timer = opened.popleft()
            if waiting.pop(timer._scheduled, None) is not None:  # or it was cancelled
                self.ready.append(timer)

    def timeout(self) -> float | None:
        timeout, opened = super().timeout(), self.opened
        while opened and opened[0]._cancelled:
            opened.popleft()
        if opened and timeout != 0:
            deadline: float = opened[0]._when
            return max(0, deadline - self.clock.now())
        return timeout

    def watched_handles(self) -> int:
        """How many handles wait for a descriptor. Any thread may ask."""
        return sum(len(one.listeners()) for one in tuple(self.poll.watched.values()))

    def descriptor_ready(self, handle: Any, readiness: Js) -> None:
        """A descriptor has something to say: its handle is ready, too."""
        if not handle._cancelled:
            self.ready.append(handle)

    def bring(self, handle: Any) -> None:
        """A handle from another thread."""
        self.ready.append(handle)
        self.wake()

    def stop_after_round(self) -> None:
        """The next turn that ends is the last one: it does not sleep."""
        self.is_stopping = True
        self.wake()

    def has_work(self) -> bool:
        return bool(self.ready or self.is_stopping) or super().has_work()

    def _wait(self) -> Sequence[Event]:
        """As the core's, but it does not look for descriptors that were closed: asyncio's rule is
        that they are silent."""
        return self.poll.look() if self.has_work() else self.calls.wait(self.timeout())

    @contextmanager
    def _apart(self) -> Iterator[None]:
        """A function of the pool without a thread of its own: it does not run inside this loop."""
        running = asyncio._get_running_loop()
        asyncio._set_running_loop(None)
        try:
            with super()._apart():
                yield
        finally:
            asyncio._set_running_loop(running)

    def close(self) -> None:
        """Nothing is called any more. What the pool has got it does to its end; nobody waits."""
        self.phase = "closed"
        self.alert = True  # whoever still calls is told that it is over
        self.clock = self.system.clock  # the other one has the asyncio loop, which has this one
        self.pool.end()
        self.poll.close()
        self.callbacks.drop_all()
        self.ready.clear()
        self.opened.clear()

    def after_fork(self) -> None:
        """This is a child: the threads are the parent's, and so is what epoll watches."""
        self.pool.abandon()
        self.poll.after_fork()
        self.callbacks.tasks.clear()


def never() -> bool:
    return False


alive: "weakref.WeakSet[Rounds]" = weakref.WeakSet()  # the loops that a child must leave alone


def after_fork_in_child() -> None:
    """Called in every child, on the one thread that it has."""
    for loop in tuple(alive):
        loop.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=after_fork_in_child)
