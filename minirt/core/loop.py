"""What does one turn of the loop do?

Read `Loop.turn`: it is the table of contents, one line a phase, in the order of Node and libuv.
A phase with nothing to do is not entered. After every callback all ticks run, then all microtasks,
until both are empty.

Where minirt differs from Node on purpose (chapter 08 has the whole table):

    delays         a string, None or a bool is a TypeError, and a delay cannot be left out
    the clock      read at each call, in quarters of a ms; Node reads it once a turn, in whole ms
    timers         all in one order of deadlines; Node keeps a list for each delay
    unref          of a timer that has run is forgotten; Node remembers it for `refresh`
    set_immediate  returns an identity, not an object
    promises       none: `queue_microtask`
    callbacks      of one event are called once: they leave their box
    errors         of `fs` are values, `Error`; what nobody catches leaves `run`
    close          from a callback ends the loop after it; `process.exit` ends at once
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from minirt.core.callbacks import Callback, CallbackQueue, ignore
from minirt.errors import DescriptorClosed, ForeignThread, RuntimeClosed
from minirt.identity import Identities
from minirt.core.system import System
from minirt.core.threadpool import Schedule
from minirt.core.timers import Timers
from minirt.watching.trace import Named, Recorder, Silence
from minirt.values import UNDEFINED, Error, Int, Js

# s: a loop that slept this long without an event looks whether a descriptor was closed under it
QUIET = 1.0


class StopLoop(BaseException):
    """Ends the loop after the current callback. Never seen outside of `run`."""


class Refuses:
    """Stands in for the list of immediates while none may be added: whoever tries is told why."""

    __slots__ = ("_error",)

    def __init__(self, error: type[Exception]) -> None:
        self._error = error

    def append(self, callback: Callback) -> None:
        raise self._error()

    def __len__(self) -> int:
        return 0


ASLEEP = Refuses(ForeignThread)  # the loop's own thread cannot call while it sleeps
CLOSED = Refuses(RuntimeClosed)


class Loop:
    """The queues, the phases, and the turn. `Runtime` adds how a program fills the queues."""

    __slots__ = (
        "__weakref__",
        "_asleep",
        "_check_identities",
        "_checking",
        "_immediate_identities",
        "_look_at",
        "_orphans",
        "_was_quiet",
        "callback_queue",
        "clock",
        "closing",
        "identities",
        "idle_hooks",
        "immediates",
        "inbox",
        "microtasks",
        "next_ticks",
        "on_uncaught",
        "pending",
        "persistent",
        "phase",
        "poll",
        "pool",
        "prepare_hooks",
        "system",
        "ticks",
        "timers",
        "tokens",
        "trace",
        "unref_identities",
    )

    def __init__(
        self, system: System, threads: int, schedule: Schedule, max_waiting: int | None
    ) -> None:
        self.system = system
        self.clock = system.clock
        self.callback_queue = CallbackQueue()
        self.identities = Identities(self._taken)
        self.timers = Timers(self.callback_queue)
        self.immediates: list[Callback] = []
        self._immediate_identities: list[int] = []  # beside `immediates`, in the same order
        # the immediates of the running check phase, the next one last; and theirs, the first first
        self._checking: list[Callback] = []
        self._check_identities: list[int] = []
        self.next_ticks: deque[Callback] = deque()
        self.microtasks: deque[Callback] = deque()
        self.pending: list[int] = []  # identities of deferred I/O callbacks
        self.closing: list[int] = []  # identities of close callbacks
        self.idle_hooks: list[Callable[[], object]] = []  # called each turn, for layers above
        self.prepare_hooks: list[Callable[[], object]] = []  # called each turn before the poll
        self.inbox: deque[Callback] = deque()  # from other threads
        self.tokens: set[int] = set()  # identities that wait for a descriptor
        self.persistent: dict[int, Callback] = {}  # of these, the ones that stay: token -> callback
        self.unref_identities: set[int] = set()  # callbacks that do not keep the loop alive
        self.on_uncaught: Callable[[Exception], object] | None = None
        self.ticks = 0  # turns so far
        self.phase = "new"
        self.trace: Silence | Named | Recorder = Silence()
        self._asleep = False
        self._look_at = 0.0  # s: when to look again whether a descriptor was closed under us
        self._was_quiet = False  # nothing happened since that look
        self.poll = system.open_poll()
        self._orphans = self.poll.orphans
        self.pool = system.open_pool(threads, self.wake, schedule, max_waiting)

    def turn(self) -> None:
        """One turn: every phase that has something to do, in order."""
        self.ticks += 1
        if self.ticks == 1:
            self.timers_phase()  # once on entry
        if self.pending:
            self.pending_phase()
        if self.idle_hooks:
            self.idle_phase()
        if self.prepare_hooks:
            self.prepare_phase()
        self.poll_phase()
        if self.immediates:
            self.check_phase()
        if self.closing:
            self.close_phase()
        if self.timers.heap:
            self.timers_phase()

    def is_alive(self) -> bool:
        """Is there anything to wait for? A callback (unless unref'd), immediate or message."""
        unref = self.unref_identities
        if unref:
            unref &= self.callback_queue.keys()
        waiting = len(self.callback_queue) - len(unref)
        orphans = self._orphans
        if orphans:  # events that wait for a descriptor which nobody watches any more
            orphans &= self.tokens
            waiting -= len(orphans)
        return bool(waiting or self.immediates or self.inbox)

    # The phases

    def pending_phase(self) -> None:
        """Callbacks of I/O that was over before it began, deferred to here."""
        self.phase = "pending"
        batch, self.pending = self.pending, []
        self.run_batch(batch)

    def idle_phase(self) -> None:
        """What a layer above wants called each turn."""
        self.phase = "idle"
        self.run_each(self.idle_hooks)

    def prepare_phase(self) -> None:
        """The same, just before the poll."""
        self.phase = "prepare"
        self.run_each(self.prepare_hooks)

    def poll_phase(self) -> None:
        """Sleep as long as nothing can happen; then readiness, results, messages from threads."""
        poll = self.poll
        events: Sequence[tuple[int, Js]] = ()
        if not self.immediates:
            events = self.sleep()
        elif poll.watched or poll.always_poll:
            events = poll.look()
        if events:
            self.run_events(events)
        results = len(self.pool.finished)  # counted first: a task's messages precede its result
        if self.inbox:
            self.run_inbox()
        if results:
            self.run_results(results)

    def check_phase(self) -> None:
        """The immediates. One set meanwhile waits for the next turn: the list was swapped."""
        self.phase = "check"
        self._checking = batch = self.immediates
        self._check_identities = self._immediate_identities
        self.immediates = []
        self._immediate_identities = []
        if len(batch) > 1:
            batch.reverse()  # taking from the end is cheap
        next_ticks, microtasks = self.next_ticks, self.microtasks
        while batch:
            try:
                while batch:
                    batch.pop()(UNDEFINED)  # no name holds the callback: it dies with its call
                    if next_ticks or microtasks:
                        self.drain()
            except Exception as error:
                self.uncaught(error)

    def close_phase(self) -> None:
        """Close callbacks: after check, before timers."""
        self.phase = "close"
        batch, self.closing = self.closing, []
        self.run_batch(batch)

    def timers_phase(self) -> None:
        """Every timer that is due now; one that is set meanwhile is not."""
        self.phase = "timers"
        for batch in self.timers.due(self.clock.now()):
            self.run_batch(batch)

    # Running callbacks

    def run_batch(self, identities: Iterable[int]) -> None:
        """Take each callback out and call it; one that was cleared meanwhile is passed over."""
        take, next_ticks, microtasks = self.callback_queue.pop, self.next_ticks, self.microtasks
        remaining = iter(identities)
        while True:
            try:
                for identity in remaining:
                    # no name holds the callback: it dies with its call
                    take(identity, ignore)(UNDEFINED)
                    if next_ticks or microtasks:
                        self.drain()
                return
            except Exception as error:
                self.uncaught(error)

    def run_one(self, call: Callable[[], object]) -> None:
        """Call it, then drain. What it raises goes where every uncaught error goes."""
        try:
            call()
            if self.next_ticks or self.microtasks:
                self.drain()
        except Exception as error:
            self.uncaught(error)

    def run_each(self, hooks: Iterable[Callable[[], object]]) -> None:
        for hook in tuple(hooks):
            self.run_one(hook)

    def run_events(self, events: Iterable[tuple[int, Js]]) -> None:
        """The callbacks of ready descriptors; a token deregistered meanwhile is passed over."""
        self.phase = "poll"
        persistent, next_ticks, microtasks = self.persistent, self.next_ticks, self.microtasks
        descriptors = self.poll.descriptors
        remaining = iter(events)
        while True:
            try:
                for token, readiness in remaining:
                    if token not in descriptors and type(readiness) is Int:
                        continue
                    if token in persistent:
                        persistent[token](readiness)
                    else:
                        self.run_one_shot(token, readiness)
                    if next_ticks or microtasks:
                        self.drain()
                return
            except Exception as error:
                self.uncaught(error)

    def run_one_shot(self, token: int, readiness: Js) -> None:
        """Token and interest go, then the callback is called: it may register both again."""
        # also when nobody waits for it, or it would be ready for ever
        self.poll.deregister_token(token)
        if token in self.tokens:
            self.tokens.discard(token)
            self.callback_queue.call(token, readiness)

    def run_results(self, remaining: int) -> None:
        """The callbacks of finished tasks; what finishes meanwhile waits for the next turn."""
        self.phase = "poll"
        finished, next_ticks, microtasks = self.pool.finished, self.next_ticks, self.microtasks
        take = self.callback_queue.pop
        free, freed = self.pool.free, self.pool.freed
        while remaining:
            try:
                while remaining:
                    remaining -= 1
                    identity, thread, result = finished.popleft()
                    if free and free[-1] != thread:
                        freed(thread)
                    take(identity, ignore)(result)
                    result = UNDEFINED  # nor is the value kept
                    if next_ticks or microtasks:
                        self.drain()
            except Exception as error:
                self.uncaught(error)

    def run_inbox(self) -> None:
        """What other threads handed over with `call_from_thread`."""
        self.phase = "poll"
        inbox, remaining = self.inbox, len(self.inbox)
        while remaining:
            try:
                while remaining:
                    remaining -= 1
                    inbox.popleft()(UNDEFINED)
                    if self.next_ticks or self.microtasks:
                        self.drain()
            except Exception as error:
                self.uncaught(error)

    def drain(self) -> None:
        """All ticks, then all microtasks, until both are empty."""
        next_ticks, microtasks = self.next_ticks, self.microtasks
        while next_ticks or microtasks:
            while next_ticks:
                try:
                    while next_ticks:
                        next_ticks.popleft()(UNDEFINED)
                except Exception as error:
                    self.report(error)
            while microtasks:
                try:
                    while microtasks:
                        microtasks.popleft()(UNDEFINED)
                except Exception as error:
                    self.report(error)

    def uncaught(self, error: Exception) -> None:
        """A callback raised `error`. If the program goes on, then with its ticks and microtasks."""
        try:
            self.report(error)
        finally:
            del error  # or its traceback, which has this frame, would keep it
        self.drain()

    def report(self, error: Exception) -> None:
        """Hand the error to `on_uncaught` and go on, or let it leave `run`."""
        handler = self.on_uncaught
        try:
            if handler is None:
                raise error
            handler(error)
        except BaseException:
            self.on_uncaught = None  # what it raises itself leaves `run`
            raise
        finally:
            del error, handler

    # Sleeping and waking

    def timeout(self) -> float | None:
        """How long may the poll sleep (s)? 0: something waits to be done; None: for ever."""
        if self.pending or self.closing or self.idle_hooks or not self.is_alive():
            return 0
        if not self.timers.heap:
            return None
        deadline = self.timers.next_deadline()
        return None if deadline is None else max(0, deadline - self.clock.now())

    def sleep(self) -> Sequence[tuple[int, Js]]:
        """Wait for readiness, a result or a message. While the flag is up, a thread wakes us."""
        self.phase = "poll"
        awake = self.immediates
        self.immediates = ASLEEP  # type: ignore[assignment]
        # before looking at the queues: what comes after the look ends the sleep
        self._asleep = True
        try:
            if self.pool.finished or self.inbox or self.next_ticks:
                return self.poll.look()
            timeout = self.timeout()
            if not self.poll.descriptors:
                return self.wait(timeout)
            is_first = not self._was_quiet and (timeout is None or timeout > QUIET)
            events = self.wait(QUIET if is_first else timeout)
            self._was_quiet = False
            return events or self._closed_under_us(is_first)
        finally:
            self._asleep = False
            self.immediates = awake
            if self.next_ticks:  # a stop() that came while we slept
                self.drain()

    def wait(self, timeout: float | None) -> Sequence[tuple[int, Js]]:
        """The sleep itself. Seconds; None: for ever."""
        return self.poll.poll(timeout)

    def _closed_under_us(self, slept_long: bool) -> list[tuple[int, Js]]:
        """No descriptor was ready. One that was closed never will be: look, once in a second."""
        now = self.clock.now()
        if now < self._look_at:
            return []
        self._look_at = now + QUIET
        self._was_quiet = slept_long
        return [(token, Error(DescriptorClosed(token))) for token in self.poll.stale_tokens()]

    def wake(self) -> None:
        """End the poll's sleep, if it sleeps. Any thread may call this."""
        if self._asleep:
            self._asleep = False  # once is enough
            self.poll.wake()

    def forget_callbacks(self) -> None:
        """Drop every callback that still waits. Nothing can be added any more."""
        self.immediates = CLOSED  # type: ignore[assignment]
        self.identities.forget()
        for waiting in (
            self.callback_queue,
            self.persistent,
            self.tokens,
            self.unref_identities,
            self.timers,
        ):
            waiting.clear()
        for queue in (
            self._checking,
            self.next_ticks,
            self.microtasks,
            self.inbox,
            self.pool.finished,
        ):
            queue.clear()
        for identities in (
            self._immediate_identities,
            self._check_identities,
            self.pending,
            self.closing,
        ):
            identities.clear()
        for hooks in (self.idle_hooks, self.prepare_hooks):
            hooks.clear()

    def _taken(self) -> set[int]:
        """Every identity that waits for its callback to run."""
        still_to_check = self._check_identities[len(self._check_identities) - len(self._checking) :]
        queued = self.callback_queue.keys() | self.timers.identities()
        return queued | set(self._immediate_identities) | set(still_to_check)
