"""Who calls a callback, and what happens then?

Every callback of a program is called from here: it leaves its queue, it is called with one value,
then all ticks run, then all microtasks, until both are empty. If it raises, `on_uncaught` hears of
it and the loop goes on; without such a handler the error leaves the loop.

The loops below look alike on purpose. What they have in common is a line or two, and a function for
those lines would be called once for each callback: a third of its cost. They differ in where the
next callback comes from.

Each of them can be left in the middle. A callback is taken out before it is called, and what was
not reached stays in its queue. So after a KeyboardInterrupt, or a stop, the next turn goes on with
the very next callback. That is also why a stop is a flag, read after each callback, and not a
callback of its own: whatever breeds forever (microtasks that queue microtasks) reads it as well.

A loop that is watched has another object of this shape in its one attribute `calls` (see
`minirt/watching/calls.py`). Nothing else changes, so a watched program does what it always does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from minirt.core.callbacks import Listener, PhaseQueue, ignore
from minirt.core.signatures import mended
from minirt.values import UNDEFINED, Callback, Js

if TYPE_CHECKING:
    from minirt.core.loop import Adopt, Loop

Event = tuple[Listener, Js]  # who listens, and the readiness


class Calls:
    """Takes callbacks out of their queues and calls them."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop

    def all(self, queue: PhaseQueue) -> None:
        """Each callback of a phase."""
        loop = self.loop
        next_ticks, microtasks = loop.next_ticks, loop.microtasks
        batch = queue.begin()
        try:
            while batch and not loop.stopped:
                try:
                    while batch and not loop.stopped:
                        # no name holds the callback: it dies with its call
                        if (value := batch.pop()(UNDEFINED)) is not None:
                            value = loop.adopt(value)
                        if next_ticks or microtasks:
                            loop.drain()
                except Exception as error:
                    self.uncaught(error)
        finally:
            if batch:
                queue.put_back()

    def timers(self, batch: list[int]) -> None:
        """The timers of one deadline, by key. One that is cleared meanwhile is passed over."""
        loop, timers = self.loop, self.loop.timers
        take, names = timers.waiting.pop, timers.names
        next_ticks, microtasks = loop.next_ticks, loop.microtasks
        while batch and not loop.stopped:
            try:
                while batch and not loop.stopped:
                    if names:
                        timers.forget(batch[-1])
                    if (value := take(batch.pop(), ignore)(UNDEFINED)) is not None:
                        value = loop.adopt(value)
                    if next_ticks or microtasks:
                        loop.drain()
            except Exception as error:
                self.uncaught(error)

    def events(self, events: Iterable[Event]) -> None:
        """Who listens to what is ready. One that stopped listening meanwhile is passed over."""
        loop = self.loop
        next_ticks, microtasks = loop.next_ticks, loop.microtasks
        remaining = iter(events)
        while True:
            try:
                for listener, readiness in remaining:
                    if loop.stopped:
                        return
                    if listener.callback is not None:
                        if (value := listener.callback(readiness)) is not None:
                            value = loop.adopt(value)
                        if next_ticks or microtasks:
                            loop.drain()
                return
            except Exception as error:
                self.uncaught(error)

    def results(self, remaining: int) -> None:
        """The callbacks of finished tasks; what finishes meanwhile waits for the next turn."""
        loop, pool = self.loop, self.loop.pool
        finished, free, take = pool.finished, pool.free, loop.callbacks.tasks.pop
        next_ticks, microtasks = loop.next_ticks, loop.microtasks
        while remaining and not loop.stopped:
            try:
                while remaining and not loop.stopped:
                    remaining -= 1
                    identity, thread, result = finished.popleft()
                    if free and free[-1] != thread:
                        pool.seen(thread)
                    if (value := take(identity, ignore)(result)) is not None:
                        value = loop.adopt(value)
                    result = UNDEFINED  # nor is the value kept
                    if next_ticks or microtasks:
                        loop.drain()
            except Exception as error:
                self.uncaught(error)

    def messages(self) -> None:
        """What other threads handed over; what they hand over meanwhile waits for the next turn."""
        loop, inbox = self.loop, self.loop.inbox
        remaining = len(inbox)
        while remaining and not loop.stopped:
            try:
                while remaining and not loop.stopped:
                    remaining -= 1
                    if (value := inbox.popleft()(UNDEFINED)) is not None:
                        value = loop.adopt(value)
                    if loop.next_ticks or loop.microtasks:
                        loop.drain()
            except Exception as error:
                self.uncaught(error)

    def one(self, call: Callable[[], object], adopt: Adopt | None = None) -> None:
        """Something without a name: a hook, a new connection, or `main`, whose value has a use."""
        loop = self.loop
        try:
            if (value := call()) is not None:
                value = (adopt or loop.adopt)(value)
            if loop.next_ticks or loop.microtasks:
                loop.drain()
        except Exception as error:
            self.uncaught(error)

    def drain(self) -> None:
        """All ticks, then all microtasks, until both are empty."""
        loop = self.loop
        next_ticks, microtasks = loop.next_ticks, loop.microtasks
        while (next_ticks or microtasks) and not loop.stopped:
            for queue in (next_ticks, microtasks):
                while queue and not loop.stopped:
                    try:
                        while queue and not loop.stopped:
                            if (value := queue.popleft()(UNDEFINED)) is not None:
                                value = loop.adopt(value)
                    except Exception as error:
                        self.report(error)

    def uncaught(self, error: Exception) -> None:
        """A callback raised `error`. If the program goes on, then with its ticks and microtasks."""
        try:
            self.report(error)
        finally:
            del error  # or its traceback, which has this frame, would keep it
        self.loop.drain()

    def report(self, error: Exception) -> None:
        """Hand the error to `on_uncaught` and go on, or let it leave the loop."""
        handler, error = self.loop.on_uncaught, mended(error)
        try:
            if handler is None:
                raise error
            if (value := handler(error)) is not None:
                value = self.loop.adopt(value, True)
        except BaseException:
            self.loop.on_uncaught = None  # what the handler raises itself leaves the loop
            raise
        finally:
            del error, handler

    # What else there is to tell: a watched loop notes it

    def wait(self, timeout: float | None) -> Sequence[Event]:
        """The loop's sleep. Seconds; None: for ever."""
        return self.loop.poll.poll(timeout)

    def added(
        self, identity: int | None, callback: Callback | None, where: str, detail: Any = None
    ) -> None:
        """A callback is added (None: set again) to a loop that is watched, or sleeps.

        While it sleeps, a signal's handler may do that.
        """
        self.loop.wake()

    def dropped(self, identity: int | None, why: str = "cleared") -> None:
        """A callback was cleared. If it was the last one, there is nothing left to sleep for."""
        self.loop.wake()

    def printed(
        self, text: str, thread: str = "main", is_over: bool = True, stream: str = "stdout"
    ) -> None:
        """The program printed a line, or so much of it. Any thread calls, under its own name.

        A colour that is left open goes on in the next line of the same stream.
        """

    def closed(self, thread: str) -> None:
        """A thread of the pool, or epoll, has ended."""

    def ending(self) -> None:
        """The loop closes. What still waits is dropped now."""

    def named(self, identity: int) -> None:
        """An identity was given, and no callback has it yet."""

    def counts_from(self, token: int) -> None:
        """The program says which identity counts as the one that was given last."""

    def task(self, step: str, identity: int, detail: Any) -> None:
        """What a task does in a watched loop. step: "created", "awaits", ... (see KINDS)"""

    def turning(self) -> None:
        """A turn of a watched loop begins."""

    def entering(self) -> None:
        """A phase of a watched loop begins; for a phase that is one call of `all`, `all` tells."""

    def leaving(self) -> None:
        """That phase is over."""


class Over(Calls):
    """For a loop that has ended: nothing is called, and nothing here keeps the loop alive."""

    def __init__(self) -> None:
        """Without a loop."""
