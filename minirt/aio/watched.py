"""How does an asyncio loop tell what it does, and how is it held?

As any core loop does, by other `calls` in its one attribute. A round is noted handle by handle. A
handle that is a step of a task is noted as that: the task's identity, who woke it, and afterwards
what it awaits now. A handle of a timer or a descriptor has that one's identity, and any other has
none.

What a round cannot see comes through three attributes of the event loop, which are replaced while
somebody watches: the queue for `call_soon`, the timers, and the handler of errors. So an event loop
that nobody watches runs none of this.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from time import monotonic
from typing import Any, Protocol

from minirt.aio.book import Book, Page
from minirt.aio.chain import name_of, task_of
from minirt.aio.executor import Call
from minirt.aio.findings import Findings
from minirt.aio.held import Held
from minirt.aio.lives import Lives
from minirt.aio.noted import NotedTimers, function_of, who_wakes
from minirt.aio.rounds import Rounds
from minirt.core.calls import Event
from minirt.core.policies import Work
from minirt.core.polls import Interest
from minirt.watching.calls import WatchedCalls, readiness_in_words
from minirt.watching.gate import Gate, PacedClock
from minirt.watching.labels import place
from minirt.watching.trace import Sink

LOOKS = 250  # callbacks and handles that are noted between two looks
ELSEWHERE = "another thread"


class Watched(Protocol):
    """What is asked of the program here."""

    event_loop: Any
    book: Book
    findings: Findings
    paced: PacedClock | None


class WatchedRounds(WatchedCalls):
    """Calls handles, notes an event for each step, and lets a gate decide when."""

    def __init__(self, program: Watched, loop: Rounds, sink: Sink | None, gate: Gate | None):
        super().__init__(loop, sink, gate)
        self.rounds = loop
        self._program = program
        self._book, self._findings = program.book, program.findings
        self._lives = Lives(program.book, program.findings, self.note)
        self._look: Callable[[], bool] = getattr(sink, "look", never)  # is it time for a rest?
        self._until_look = LOOKS
        self._descriptors: dict[int, int] = {}  # id(handle) -> identity of a descriptor's event
        self._kinds: dict[int | None, str] = {}  # what threads do, by identity
        self._running: Page | None = None
        self._by = ""  # who runs: for those that are woken meanwhile
        # a task that was in the middle of a step when this began, and nobody saw that it ended
        self._halfway: asyncio.Task[Any] | None = None
        self._is_new = True  # no turn has begun yet

    # Its life

    def begin(self) -> None:
        """From now on the event loop tells what it does."""
        event_loop, rounds = self._program.event_loop, self.rounds
        event_loop._soon = self._soon
        event_loop._timers = NotedTimers(
            *(rounds.timers, self.note, self._book, self._clock.now),
            running=lambda: self._running,
            excuse=self._findings.watchdog.excuse,
        )
        rounds.call_ready = self.round
        self._findings.watchdog.tell = self._held
        self._halfway = asyncio.current_task(event_loop)
        self._book.lost.clear()  # who looks on has the tasks of now

    def end(self) -> None:
        """As it was before."""
        event_loop, rounds = self._program.event_loop, self.rounds
        event_loop._soon = rounds.ready.append
        event_loop._timers = rounds.timers
        rounds.call_ready = rounds.call_unwatched
        self._findings.watchdog.tell = None

    def _held(self, held: Held) -> None:
        """The callback that runs does not come back. On the watchdog's thread."""
        page = self._running
        where = {} if page is None else page.place()
        self._findings.held(page.name if page else self._by, held, where)

    # What gets ready

    def _soon(self, handle: Any) -> None:
        """In place of `ready.append`, for `call_soon`."""
        self.rounds.ready.append(handle)
        began = monotonic()
        task = task_of(handle._callback)
        page = None if task is None else self._book.page(task)
        if task is None:
            self.note("queued", None, {"where": "soon", **self._book.place(handle._callback)})
        elif page is None:
            self._lives.open(task, self._running)
        else:
            page.by = self._by
        self._findings.watchdog.excuse(began)
        self._rested()

    def _rested(self) -> bool:
        """Was the program just left alone, since too much happens? A round may be very long."""
        self._until_look -= 1
        if self._until_look:
            return False
        self._until_look = LOOKS
        return self._look()

    def added(self, identity: int | None, callback: Any, where: str, detail: Any = None) -> None:
        told = {"where": where, **(detail or {})}
        if where == "pool" and type(owner := getattr(callback, "__self__", None)) is Call:
            callback = function_of(owner)
            told["kind"] = place(callback)["callback"]
            self._book.jobs[owner._future] = f"{told['kind']} on a thread"
            self._kinds[identity] = told["kind"]
        elif isinstance(told.get("interest"), Interest):
            told["interest"] = "read" if told["interest"] & Interest.READABLE else "write"
        self.note("boxed", identity, self._book.place(callback))
        self.note("queued", identity, told)
        self.loop.wake()

    # Calling

    def round(self, ready: deque[Any], count: int) -> None:
        """Call the first `count` handles."""
        self.note("enter")
        self._findings.see_queue(ready)
        call, one = self.rounds.call_unwatched, deque[Any]()
        try:
            for _ in range(count):
                while ready and ready[0]._cancelled:
                    self._pass_over(ready.popleft())
                    count -= 1
                if not ready or count <= 0:
                    break
                count -= 1
                self._handle(ready, one, call)
                if self._rested() or self.loop.calls is not self:
                    call(ready, count)
                    break
        finally:
            self.note("leave")

    def _handle(self, ready: deque[Any], one: deque[Any], call: Callable[..., None]) -> None:
        handle = ready[0]
        task = task_of(handle._callback)
        if task is None:
            page, identity = None, self._identity_of(handle)
            detail = self._book.place(handle._callback)
        else:
            page = self._book.page(task) or self._lives.open(task, self._running)
            page.name = name_of(task)  # `create_task` may name it after it is made
            identity, detail = page.identity, page.place()
        self._may_pass(identity, handle._callback)
        if not ready or ready[0] is not handle or handle._cancelled:
            return  # somebody else called or cancelled it while it waited at the gate
        one.append(ready.popleft())
        self._running, self._by = page, page.name if page else who_wakes(detail["callback"])
        if page is not None:  # first: it may have its name only now
            self._lives.begin_step(page)
        self.note("run", identity, {"where": "soon", **detail})
        findings = self._findings
        findings.watchdog.begin()
        try:
            watched_call(call, one)
        finally:
            self._running, self._by = None, ""
            held = findings.watchdog.end()
            if task is not None and page is not None:
                self._lives.end_step(page, task)
            error = findings.take_error()
            self.note("returned", identity, {"error": error} if error else None)
            if self.gate is not None:
                self.gate.leave()
            if held is not None:
                findings.held(page.name if page else detail["callback"], held, detail)
            # or a task that failed would keep itself: since 3.12 its traceback has this frame, too
            del handle, task

    def _pass_over(self, handle: Any) -> None:
        """It was cancelled, and was ready already. Of a timer that is due, nobody has told it."""
        identity = self._identity_of(handle)
        if identity is not None and isinstance(handle, asyncio.TimerHandle):
            self.note("dropped", identity, {"why": "cancelled"})

    def _identity_of(self, handle: Any) -> int | None:
        identity = self._descriptors.pop(id(handle), None)
        if identity is None and isinstance(handle, asyncio.TimerHandle):
            key: Any = handle._scheduled  # type: ignore[attr-defined]
            return key if type(key) is int else None
        return identity

    def _may_pass(
        self, identity: int | None, callback: object = None, even_if_stopped: bool = False
    ) -> bool:
        """Wait at the gate. A program that is told to stop still ends its tasks in order."""
        if self.gate is not None and not self.gate.is_open:
            self.gate.enter(identity, {} if callback is None else place(callback))
        return True

    def events(self, events: Iterable[Event]) -> None:
        for listener, readiness in events:
            if listener.callback is not None:
                self.note("ready", listener.identity, readiness_in_words(readiness), "epoll")
                self._descriptors[id(listener.handle)] = listener.identity  # type: ignore[attr-defined]
                listener.callback(readiness)

    def results(self, remaining: int) -> None:
        self._by = "a thread of the pool"
        super().results(remaining)
        self._by = ""

    def messages(self) -> None:
        self._by = ELSEWHERE
        super().messages()
        self._by = ""

    # Telling

    def wait(self, timeout: float | None) -> Sequence[Event]:
        self._lives.look_before_a_sleep(timeout, self._program.event_loop)
        paced = self._program.paced
        return super().wait(timeout if paced is None else paced.real_seconds(timeout))

    def observe(self, step: str, thread: int, task: Work, result: Any) -> None:
        take = self._kinds.get if step == "started" else self._kinds.pop
        self.note(step, task[0], {"kind": take(task[0], "a function")}, thread=f"pool{thread}")

    def turning(self) -> None:
        loop = self.rounds
        watched = loop.watched_handles()
        counters = {
            "pending_events": loop.callbacks.count() + watched,
            "epoll_pending_events": watched,
            "available_threads": loop.pool.available,
            "ready_callbacks": len(loop.ready),
        }
        self.note("turn", None, counters)
        if self._is_new:
            self._is_new = False
            self._lives.catch_up(self._halfway)
            self._halfway = None
        self._lives.tell_the_lost()
        self._lives.look_often(self._program.event_loop)


def never() -> bool:
    """It is not."""
    return False


def watched_call(call: Callable[..., None], one: deque[Any]) -> None:
    """Call one handle. The watchdog knows by this frame where a callback begins."""
    try:
        call(one, 1)
    finally:
        one.clear()
