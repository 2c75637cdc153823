"""How does a program tell what it does, and how is it held?

A loop that is watched has this object in its attribute `calls`, in place of the plain one. It does
what `Calls` does, and notes each step: an event when a callback is stored, when it is called, when
it came back or was dropped. With a gate, each callback also waits there for its turn. An unwatched
loop runs none of this code.

Watching must not change the program. So nothing here runs code of the program's but the callbacks
themselves: names and errors are described by `labels`, which lets nothing out.

A batch is noted callback by callback, so here the loops can be one method, `_call`, where the plain
ones are written out for speed. What readiness brings is the exception: a busy server spends its
time there, and its three notes are added without a call for each.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from minirt.core.callbacks import PhaseQueue, ignore
from minirt.core.calls import Calls, Event
from minirt.core.loop import Adopt, Loop
from minirt.core.policies import TaskKind, Work
from minirt.core.polls import Ready
from minirt.core.signatures import check_arguments, mended
from minirt.values import UNDEFINED, Callback, Error, Int, Js
from minirt.watching import terminal
from minirt.watching.colours import PLAIN, Style
from minirt.watching.event import printable
from minirt.watching.gate import Gate, PacedClock
from minirt.watching.labels import place, text_of
from minirt.watching.notes import Notes
from minirt.watching.trace import Sink

HANDED_OVER = ("timer", "immediate", "tick", "microtask", "pool")  # not looked at otherwise
LINE = 500  # characters of a printed line that an event keeps

READINESS = tuple({"readiness": Ready(bits).name or "nothing"} for bits in range(16))

WHY_READY, WHY_RESULT, WHY_MESSAGE, WHY_TIMEOUT, WHY_STOP = tuple(
    {"why": why} for why in ("ready", "result", "message", "timeout", "stop")
)


def watch(loop: Loop, sink: Sink | None = None, gate: Gate | None = None) -> "WatchedCalls":
    """From now on `sink` is told what `loop` does, and `gate` holds its callbacks."""
    return watch_by(WatchedCalls(loop, sink, gate))


def watch_by(watched: "WatchedCalls") -> "WatchedCalls":
    """From now on these note what their loop does."""
    loop = watched.loop
    loop.calls = watched
    loop.is_watched = loop.alert = True
    loop.pool.observer = watched.observe
    return watched


def unwatch(loop: Loop) -> None:
    """Nobody is told any more."""
    if isinstance(loop.calls, WatchedCalls):
        loop.calls.rest()  # it may be at work
        loop.pool.observer = None
        loop.calls = Calls(loop)
        loop.is_watched = False
        loop.alert = loop.asleep


class WatchedCalls(Calls, Notes):
    """Calls callbacks, notes an event for each step, and lets a gate decide when."""

    def __init__(self, loop: Loop, sink: Sink | None, gate: Gate | None) -> None:
        super().__init__(loop)
        Notes.__init__(self, loop, sink)
        self.gate = gate
        self._leaving: BaseException | None = None  # noted, and on its way out of the loop
        self._styles: dict[str, Style] = {}  # in which the next line of a stream begins

    # Calling

    def all(self, queue: PhaseQueue) -> None:
        self.note("enter")
        batch, identities = queue.begin(), iter(queue.running_identities)
        try:
            while batch and self._may_pass(*self._next(queue)):
                callback, identity = batch.pop(), next(identities)
                if callback is not ignore:
                    self._call(identity, callback, UNDEFINED)
        finally:
            callback = ignore
            if batch:
                queue.put_back()
        self.note("leave")

    def _next(self, queue: PhaseQueue) -> tuple[int, Callback]:
        at = len(queue.running_identities) - len(queue.running)
        return queue.running_identities[at], queue.running[-1]

    def timers(self, batch: list[int]) -> None:
        timers = self.loop.timers
        while batch:
            key = batch[-1]
            identity = timers.names.get(key, key)
            if key in timers.waiting and not self._may_pass(identity, timers.waiting[key]):
                return
            batch.pop()
            timers.forget(key)
            if key in timers.waiting:  # the gate may have been shut for a while
                self._call(identity, timers.waiting.pop(key), UNDEFINED)

    def events(self, events: Iterable[Event]) -> None:
        loop, gate, now, turns = self.loop, self.gate, self.loop.clock.now, self.loop.turns
        next_ticks, microtasks = loop.next_ticks, loop.microtasks
        keep, count = self._halves
        for listener, readiness in events:
            if listener.callback is None:
                continue
            identity = listener.identity
            if loop.stopped or (gate is not None and not self._may_pass(identity)):
                return
            detail = readiness_in_words(readiness)
            time = now()
            count()
            keep((time, turns, "poll", "epoll", "ready", identity, detail))
            count()
            keep((time, turns, "poll", "main", "run", identity, None))
            try:
                if (value := listener.callback(readiness)) is not None:
                    value = loop.adopt(value)
            except BaseException as error:
                self._raised(identity, error)
            else:
                count()
                keep((now(), turns, "poll", "main", "returned", identity, None))
            if gate is not None:
                gate.leave()
            if next_ticks or microtasks:
                loop.drain()

    def results(self, remaining: int) -> None:
        pool, tasks = self.loop.pool, self.loop.callbacks.tasks
        for _ in range(remaining):
            identity = pool.finished[0][0]
            if not self._may_pass(identity, tasks.get(identity)):
                return
            _, thread, result = pool.finished.popleft()
            pool.seen(thread)
            if identity in tasks:
                self._call(identity, tasks.pop(identity), result)
            result = UNDEFINED

    def messages(self) -> None:
        inbox = self.loop.inbox
        for _ in range(len(inbox)):
            if not self._may_pass(None, inbox[0]):
                return
            self._call(None, inbox.popleft(), UNDEFINED)

    def one(self, call: Callable[[], object], adopt: Adopt | None = None) -> None:
        if self._may_pass(None, call, even_if_stopped=True):
            self._call(None, lambda _: call(), UNDEFINED, adopt)

    def drain(self) -> None:
        loop = self.loop
        next_ticks, microtasks = loop.next_ticks, loop.microtasks
        while (next_ticks or microtasks) and not loop.stopped:
            for queue, where in ((next_ticks, "tick"), (microtasks, "microtask")):
                while queue and self._may_pass(None, queue[0]):
                    self._call_queued(queue.popleft(), where)

    def _may_pass(
        self, identity: int | None, callback: object = None, even_if_stopped: bool = False
    ) -> bool:
        """Wait at the gate. False when nothing more may be called."""
        gate = self.gate
        if gate is None or gate.is_open or self.loop.stopped:
            return even_if_stopped or not self.loop.stopped
        if not gate.enter(identity, {} if callback is None else place(callback)):
            self.loop.stop()
            return False
        return even_if_stopped or not self.loop.stopped

    def _call(
        self,
        identity: int | None,
        callback: Callback,
        value: Js,
        adopt: Adopt | None = None,
    ) -> None:
        """Note, call, note, drain."""
        self.note("run", identity)
        try:
            try:
                if (returned := callback(value)) is not None:
                    returned = (adopt or self.loop.adopt)(returned)
            finally:
                del callback, value
        except BaseException as error:
            self._raised(identity, error)
        else:
            self.note("returned", identity)
        if self.gate is not None:
            self.gate.leave()
        if self.loop.next_ticks or self.loop.microtasks:
            self.loop.drain()

    def _call_queued(self, callback: Callback, where: str) -> None:
        self.note("run", None, {"where": where, **place(callback)})
        try:
            if (returned := callback(UNDEFINED)) is not None:
                self.loop.adopt(returned)
        except Exception as error:
            self._note_raised(None, error, {"where": where})
            self.report(error)
        except BaseException as error:
            self._note_raised(None, error, {"where": where})
            raise
        else:
            self.note("returned", None, {"where": where})
        if self.gate is not None:
            self.gate.leave()

    def _raised(self, identity: int | None, error: BaseException) -> None:
        try:
            self._note_raised(identity, error, {})
            if not isinstance(error, Exception):
                raise error
            self.uncaught(error)
        finally:
            del error  # or its traceback, which has this frame, would keep it

    def _note_raised(self, identity: int | None, error: BaseException, detail: Any) -> None:
        self.note("returned", identity, {**detail, "error": text_of(error)})

    def report(self, error: Exception) -> None:
        error = mended(error)
        if error is not self._leaving:  # or a callback in a callback has noted it
            self.note("uncaught", None, {"error": text_of(error)})
        self._leaving = error
        try:
            super().report(error)
            self._leaving = None
        finally:
            del error

    # Telling

    def wait(self, timeout: float | None) -> Sequence[Event]:
        loop = self.loop
        if isinstance(loop.clock, PacedClock):
            timeout = loop.clock.real_seconds(timeout)
        self.note("slept", None, {"timeout": timeout})
        why = WHY_STOP
        try:
            events = loop.poll.poll(timeout)
            if events:
                why = WHY_READY
            elif loop.pool.finished:
                why = WHY_RESULT
            elif loop.inbox:
                why = WHY_MESSAGE
            elif not loop.stopped:
                why = WHY_TIMEOUT
            return events
        finally:
            self.note("woke", None, why)

    def added(
        self, identity: int | None, callback: Callback | None, where: str, detail: Any = None
    ) -> None:
        if callback is not None and where in HANDED_OVER:
            check_arguments(callback)
        described = {} if callback is None else place(callback)
        told = {"where": where, **(detail or {})}
        if "kind" in told:
            told["kind"] = name_of(told["kind"])
        if identity is None:
            self.note("queued", None, {**told, **described})
        else:
            if callback is not None and where not in ("", "epoll"):
                self.note("identity", identity)
            if callback is not None:
                self.note("boxed", identity, described)
            if where:
                self.note("queued", identity, told)
        super().added(identity, callback, where, detail)

    def dropped(self, identity: int | None, why: str = "cleared") -> None:
        self.note("dropped", identity, {"why": why})
        super().dropped(identity, why)

    def named(self, identity: int) -> None:
        self.note("identity", identity)

    def counts_from(self, token: int) -> None:
        self.note("identity", None, {"counts_from": str(token)})

    def printed(
        self, text: str, thread: str = "main", is_over: bool = True, stream: str = "stdout"
    ) -> None:
        (*before, last), style = terminal.lines(text, LINE, self._styles.get(stream, PLAIN))
        if is_over:
            self._styles[stream] = style
        else:
            last["goes_on"] = True
        where = {} if stream == "stdout" else {"stream": stream}
        for said in (*before, last):
            self.note("printed", None, {**said, **where}, printable(thread))

    def closed(self, thread: str) -> None:
        self.note("closed", None, {"kind": "Close"}, thread)

    def ending(self) -> None:
        loop = self.loop
        for identity in sorted(loop.callbacks.taken()):
            self.note("dropped", identity, {"why": "closed"})
        for queue, where in (
            (loop.next_ticks, "tick"),
            (loop.microtasks, "microtask"),
            (loop.inbox, "message"),
        ):
            for callback in tuple(queue):
                self.note("dropped", None, {"where": where, "why": "closed", **place(callback)})
        self.note("end")
        self._leaving = None  # its traceback has frames of this very object

    def task(self, step: str, identity: int, detail: Any) -> None:
        self.note(step, identity, {**detail, "name": printable(detail["name"])})

    def turning(self) -> None:
        loop = self.loop
        counters = {
            "pending_events": loop.callbacks.count(),
            "epoll_pending_events": loop.callbacks.waits_for_readiness(),
            "available_threads": loop.pool.available,
        }
        self.note("turn", None, counters)

    def entering(self) -> None:
        self.note("enter")

    def leaving(self) -> None:
        self.note("leave")

    def observe(self, step: str, thread: int, task: Work, result: Any) -> None:
        """What a thread of the pool does. Called on that thread."""
        detail = {"kind": name_of(task[1])}
        if isinstance(result, Error):
            detail["error"] = text_of(result.exception)
        self.note(step, task[0], detail, thread=f"pool{thread}")


def readiness_in_words(readiness: Js) -> dict[str, str]:
    """As the detail of an event."""
    if type(readiness) is Int:
        return READINESS[readiness.value]
    return {"readiness": text_of(readiness)}


def name_of(kind: TaskKind) -> str:
    """The name of a kind of task, as far as it can be printed."""
    try:
        name: object = kind.name  # of a subclass it may be code of the program's
    except Exception:
        return "task"
    return printable(name) if isinstance(name, str) else text_of(name)
