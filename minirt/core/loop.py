"""What does one turn of the loop do?

Read `Loop.turn`: it is the table of contents, one line a phase, in the order of Node and libuv.
A phase with nothing to do is not entered. After every callback all ticks run, then all microtasks,
until both are empty.

A loop is not a program's life. It turns while somebody wants it to (`run_until`), it can be stopped
and go on later, and a turn that an exception left goes on with the next callback. Who starts it, in
which context, what is closed in the end: all that is `minirt/node/runtime.py`, and an asyncio loop
on top decides it in another way.

The traps are in the sleep. The loop must not sleep while there is something to do, and it must
wake when something comes. So a flag is up *before* the queues are looked at one last time: what
comes after that look sees the flag and ends the sleep (`wake`). Other threads bring results and
messages; but the loop's own thread can bring something as well while it sleeps, since a signal's
handler runs there, between two calls to the kernel. Hence `alert`: while it is set, whoever adds or
clears a callback tells `calls`, which wakes the loop. It is one flag for "asleep" and "watched",
since a look at two would cost each callback twice as much.

How long to sleep is asked last, when everything else is known. libuv asks in the same order.

Where minirt differs from Node on purpose (chapter 08 has the whole table):

    delays         a string, None or a bool is a TypeError, and a delay cannot be left out
    the clock      read at each call, in quarters of a ms; Node reads it once a turn, in whole ms
    timers         all in one order of deadlines; Node keeps a list for each delay
    set_immediate  returns an identity, not an object
    promises       `minirt/awaiting`: futures, tasks and await
    callbacks      of one event are called once: they leave their box
    errors         of `fs` are values, `Error`; what nobody catches leaves `run`
    close          from a callback ends the loop after it; `process.exit` ends at once
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import get_ident
from typing import Any, TypeAlias

from minirt.core.callbacks import Callbacks, Listener
from minirt.core.calls import Calls, Event
from minirt.core.policies import Schedule
from minirt.core.polls import FileLike, Interest
from minirt.core.system import System
from minirt.errors import ForeignThread, NobodyReports, RuntimeClosed
from minirt.values import Callback

PHASES = ("pending", "idle", "prepare", "poll", "check", "close", "timers")  # in their order

# s: a loop that slept this long without an event looks whether a descriptor was closed under it
QUIET = 1.0
Adopt: TypeAlias = Callable[..., None]  # `leave`, or what has its parameters
NO_THREAD = -1  # the loop belongs to a thread that is none


def leave(returned: Any, by_handler: bool = False) -> None:
    """What a callback returned is nobody's. by_handler: it was returned by `on_uncaught`."""


class Loop:
    """The queues, the phases, and the turn."""

    __slots__ = (
        *("__weakref__", "_look_at", "_was_quiet", "adopt", "alert", "asleep", "callbacks"),
        *("calls", "clock", "closing", "idle_hooks", "immediates", "inbox", "is_over"),
        *("is_resting", "is_watched", "microtasks", "next_ticks", "on_uncaught", "pending"),
        *("phase", "poll", "pool", "prepare_hooks", "stopped", "system", "thread", "timers"),
        "turns",
    )

    def __init__(
        self,
        system: System,
        threads: int = 4,
        schedule: Schedule = "fifo",
        max_waiting: int | None = None,
    ) -> None:
        self.system = system
        self.clock = system.clock
        self.callbacks = callbacks = Callbacks()
        self.is_over = callbacks.is_over
        self.timers = callbacks.timers
        self.immediates = callbacks.immediates
        self.pending, self.closing = callbacks.pending, callbacks.closing
        self.next_ticks, self.microtasks = callbacks.next_ticks, callbacks.microtasks
        self.inbox = callbacks.inbox
        self.idle_hooks: list[Callable[[], object]] = []  # called each turn, for layers above
        self.prepare_hooks: list[Callable[[], object]] = []  # called each turn before the poll
        self.on_uncaught: Callable[[Exception], object] | None = None
        self.adopt: Adopt = leave  # what a callback returned, unless it is None
        self.turns = 0
        self.phase = "new"
        self.thread = get_ident()  # who may call; 0 when nobody may any more
        self.stopped = False  # read after each callback
        self.asleep = False
        self.is_resting = False  # another loop sleeps for this one: see `rest`
        self.is_watched = False
        self.alert = False  # asleep, or watched, or closed: who adds a callback tells `calls`
        self._look_at = 0.0  # s: when to look again whether a descriptor was closed under us
        self._was_quiet = False  # nothing happened since that look
        self.calls = Calls(self)
        self.poll = system.open_poll()
        self.pool = system.open_pool(threads, self.wake, schedule, max_waiting)
        self.pool.apart = self._apart

    def turn(self, block: bool = True) -> None:
        """One turn: every phase that has something to do, in order. block=False: without sleep."""
        self.turns += 1
        if self.is_watched or self.is_resting:
            self._begin_turn()
        if self.next_ticks or self.microtasks:
            self.drain()  # an interrupt left them, or a signal's handler queued them
        if self.turns == 1:
            self.timers_phase()  # once on entry
        if self.pending.callbacks:
            self.pending_phase()
        if self.idle_hooks:
            self.idle_phase()
        if self.prepare_hooks:
            self.prepare_phase()
        self.poll_phase(block)
        if self.immediates.callbacks:
            self.check_phase()
        if self.closing.callbacks:
            self.close_phase()
        if self.timers.waiting:
            self.timers_phase()

    def _begin_turn(self) -> None:
        """Only where somebody watches, or where this loop rests in the sleep of another."""
        if self.is_watched:
            self.calls.turning()
        if self.is_resting:
            self._end_rest()

    def run_until(self, done: Callable[[], object]) -> None:
        """Turn until `done()` is true, or somebody calls `stop`."""
        while not (self.stopped or done()):
            self.turn()

    def run(self) -> None:
        """Turn until nothing is waited for, or somebody calls `stop`."""
        while not self.stopped and (self.immediates.callbacks or not self.is_over()):
            self.turn()

    def stop(self) -> None:
        """Nothing more is called after the current callback. Any thread may call this."""
        self.stopped = True
        self.wake()

    def is_alive(self) -> bool:
        """Does the loop wait for anything?"""
        return not self.is_over()

    # The phases

    def pending_phase(self) -> None:
        """Callbacks of I/O that was over before it began, deferred to here."""
        self.phase = "pending"
        self.calls.all(self.pending)

    def idle_phase(self) -> None:
        """What a layer above wants called each turn."""
        self.phase = "idle"
        self._call_hooks(self.idle_hooks)

    def prepare_phase(self) -> None:
        """The same, just before the poll."""
        self.phase = "prepare"
        self._call_hooks(self.prepare_hooks)

    def poll_phase(self, block: bool = True) -> None:
        """Sleep as long as nothing can happen; then readiness, results, messages from threads."""
        self.phase = "poll"
        calls, poll = self.calls, self.poll
        if self.is_watched:
            calls.entering()
        events: Sequence[Event] = ()
        if block and not self.immediates.callbacks:
            events = self.sleep()
        elif poll.watched or poll.always_poll:
            events = poll.look()
        if events:
            calls.events(events)
        if poll.losses:
            calls.events(self._losses())
        results = len(self.pool.finished)  # counted first: a task's messages precede its result
        if self.inbox:
            calls.messages()
        if results:
            self.calls.results(results)  # not `calls`: a message may have begun to watch
        if self.is_watched:
            calls.leaving()

    def check_phase(self) -> None:
        """The immediates. One that is set meanwhile waits for the next turn."""
        self.phase = "check"
        self.calls.all(self.immediates)

    def close_phase(self) -> None:
        """Close callbacks: after check, before timers."""
        self.phase = "close"
        self.calls.all(self.closing)

    def timers_phase(self) -> None:
        """Every timer that is due now; one that is set meanwhile is not."""
        self.phase = "timers"
        timers, calls = self.timers, self.calls
        if self.is_watched:
            calls.entering()
        timers.begin(self.clock.now())
        while (batch := timers.next_batch()) and not self.stopped:
            calls.timers(batch)
        if self.is_watched:
            calls.leaving()

    def _call_hooks(self, hooks: Iterable[Callable[[], object]]) -> None:
        if self.is_watched:
            self.calls.entering()
        for hook in tuple(hooks):
            if not self.stopped:
                self.calls.one(hook)
        if self.is_watched:
            self.calls.leaving()

    def drain(self) -> None:
        """After each callback: all ticks, then all microtasks, until both are empty."""
        self.calls.drain()

    # Sleeping and waking

    def sleep(self) -> Sequence[Event]:
        """Wait for readiness, a result or a message. While the flag is up, who has one wakes us."""
        self.asleep = self.alert = True
        try:
            events = self._wait()
        finally:
            self._get_up()
        if self.next_ticks or self.microtasks:
            self.drain()  # a signal's handler queued them
        return events

    def rest(self) -> float | None:
        """How long has it nothing to do (s; None: for ever)? For a loop inside another's sleep.

        From here to the next turn, who brings something wakes the poll, and so makes the descriptor
        `poll.fileno()` readable.
        """
        self.asleep = self.alert = self.is_resting = True
        return 0 if self.has_work() else self.timeout()

    def _end_rest(self) -> None:
        self.is_resting = False
        self._get_up()
        poll = self.poll
        if not (poll.watched or poll.always_poll):  # or else the poll phase looks
            poll.look()  # hear who woke it, or the descriptor stays readable

    def _get_up(self) -> None:
        self.asleep = False
        self.alert = self.is_watched

    def _wait(self) -> Sequence[Event]:
        if self.has_work():
            return self.poll.look()
        timeout = self.timeout()
        if not self.poll.watched:
            return self.calls.wait(timeout)
        is_first = not self._was_quiet and (timeout is None or timeout > QUIET)
        events = self.calls.wait(QUIET if is_first else timeout)
        self._was_quiet = False
        if not events:
            self._look_for_losses(is_first)
        return events

    def has_work(self) -> bool:
        """Is there something to call or a stop to hear of, whatever the time and the kernel say?"""
        return bool(
            self.pool.finished
            or self.inbox
            or self.immediates.callbacks
            or self.next_ticks
            or self.microtasks
            or self.stopped
            or self.poll.losses
        )

    def timeout(self) -> float | None:
        """How long may the poll sleep (s)? 0: something waits to be done; None: for ever."""
        if self.pending.callbacks or self.closing.callbacks or self.idle_hooks or self.is_over():
            return 0
        deadline = self.timers.next_deadline()
        if deadline is not None:
            return max(0, deadline - self.clock.now())
        if stranded := self.callbacks.dangling and self.callbacks.stranded():
            raise NobodyReports(*stranded)
        return None

    def _look_for_losses(self, slept_long: bool) -> None:
        """No descriptor was ready. One that was closed never will be: look, once in a second."""
        now = self.clock.now()
        if now >= self._look_at:
            self._look_at = now + QUIET
            self._was_quiet = slept_long
            self.poll.find_losses()

    def receive(self, message: Callback) -> None:
        """Call `message` in the next poll phase. The one door for other threads."""
        self.inbox.append(message)
        self.wake()

    def wake(self) -> None:
        """End the poll's sleep, if it sleeps. Any thread may call this."""
        if self.asleep:
            self.asleep = False  # once is enough
            self.poll.wake()

    def new_identity(self) -> int:
        """One that nothing uses. `calls` is told, as it is of one that comes with a callback."""
        identity = self.callbacks.identities.generate_free()
        if self.alert:
            self.calls.named(identity)
        return identity

    # Readiness

    def watch(self, fileobj: FileLike, interest: Interest, callback: Callback) -> Listener:
        """Call `callback` with the readiness (`Int` of a `Ready`) each time, until `unwatch`.

        It replaces whoever listened to this descriptor for this interest.
        """
        listener = Listener(self.new_identity(), callback)
        self.listen(fileobj, interest, listener)
        self.callbacks.listeners[listener] = None
        return listener

    def unwatch(self, fileobj: FileLike, interest: Interest | None = None) -> bool:
        """Nobody listens any more, for this interest or for any. False when nobody did."""
        gone = self.poll.unwatch(fileobj, interest)
        self._forget(gone)
        return bool(gone)

    def listen(self, fileobj: FileLike, interest: Interest, listener: Listener) -> None:
        """The same as `watch` for a listener of the caller's. The loop does not wait for it."""
        self._forget(self.poll.watch(fileobj, interest, listener))

    def hold(self, identity: int, callback: Callback, end: Callable[[], object]) -> None:
        """Wait for `callback`, which its owner calls, until `release`. `end` ends the owner."""
        if self.alert:
            self.calls.added(identity, callback, "epoll", {"persistent": True})
        self.callbacks.holds[identity] = end

    def release(self, identity: int) -> None:
        """The loop waits for this one no longer."""
        if self.callbacks.holds.pop(identity, None) is not None and self.alert:
            self.calls.dropped(identity)

    def _losses(self) -> Iterator[Event]:
        """Who lost a descriptor. One at a time: the rest are told in the next turn, if need be."""
        losses = self.poll.losses
        while losses and not self.stopped:
            listener, error = losses.popleft()
            if not listener.watches:  # nothing can come any more: it is not waited for
                self.callbacks.listeners.pop(listener, None)
            yield listener, error

    def _forget(self, listeners: Iterable[Listener]) -> None:
        for listener in listeners:
            listener.callback = None
            self.callbacks.listeners.pop(listener, None)

    # Whose it is

    @contextmanager
    def _apart(self) -> Iterator[None]:
        """A task without a thread of its own runs here, and may do no more than one with it."""
        thread, self.thread = self.thread, self.thread and NO_THREAD  # 0: it is closed
        try:
            yield
        finally:
            self.thread = thread

    def check_thread(self) -> None:
        """Raise unless this is the thread of the loop."""
        if get_ident() != self.thread:
            raise ForeignThread if self.thread else RuntimeClosed
