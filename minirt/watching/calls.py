"""How does a runtime tell what it does?

A runtime with a trace attached is of another class, this one: each step notes what happens and then
does what it always does. So the code that nobody watches pays nothing, not even a question.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from minirt.core.callbacks import Callback, ignore
from minirt.core.epoll import Ready
from minirt.core.loop import StopLoop
from minirt.watching.gate import PacedClock
from minirt.node.timeouts import Scheduling, Timeout
from minirt.core.threadpool import Work
from minirt.values import UNDEFINED, Error, Int, Js

READINESS = tuple({"readiness": Ready(bits).name or "nothing"} for bits in range(16))

WHY_READY, WHY_RESULT, WHY_MESSAGE, WHY_TIMEOUT, WHY_STOP = tuple(
    {"why": why} for why in ("ready", "result", "message", "timeout", "stop")
)


def place(callback: object) -> dict[str, Any]:
    """Where a callback was written: its name, file and line. Keeps nothing of the callback."""
    while isinstance(callback, partial):
        callback = callback.func
    code = getattr(callback, "__code__", None) or getattr(
        getattr(callback, "__func__", None), "__code__", None
    )
    name = getattr(callback, "__qualname__", type(callback).__qualname__).rpartition("<locals>.")[2]
    if code is None:
        return {"callback": name}
    return {"callback": name, "file": code.co_filename, "line": code.co_firstlineno}


class Traced(Scheduling):
    """Notes an event for each step of the loop, and for each step in the life of a callback."""

    __slots__ = ()

    def note(
        self,
        kind: str,
        identity: int | None = None,
        detail: dict[str, Any] | None = None,
        thread: str = "main",
    ) -> None:
        """Hand one event to the trace."""
        self.trace.add((self.clock.now(), self.ticks, self.phase, thread, kind, identity, detail))

    def note_boxed(self, identity: int | None, callback: object) -> None:
        """A callback is stored."""
        self.note("boxed", identity, place(callback))

    def note_new(self, identity: int | None, callback: object, where: str, **detail: Any) -> None:
        """An identity was given, its callback stored, and now it waits."""
        if identity is not None:
            self.note("identity", identity)
        self.note_boxed(identity, callback)
        self.note("queued", identity, {"where": where, **detail})

    def note_dropped(self) -> None:
        """The runtime closes, and these callbacks never run."""
        checking = self._check_identities[len(self._check_identities) - len(self._checking) :]
        waiting = zip(checking, reversed(self._checking), strict=True)
        for identity in (
            *self.callback_queue,
            *self._immediate_identities,
            *(identity for identity, callback in waiting if callback is not ignore),
        ):
            self.note("dropped", identity)

    # The phases

    def turn(self) -> None:
        counters = {
            "pending_events": len(self.callback_queue) + len(self.immediates),
            "epoll_pending_events": len(self.tokens),
            "available_threads": self.pool.available,
        }
        # the event belongs to the turn that begins
        self.trace.add(
            (self.clock.now(), self.ticks + 1, self.phase, "main", "turn", None, counters)
        )
        self.trace.settle()
        super().turn()

    def pending_phase(self) -> None:
        self._phase("pending", super().pending_phase)

    def idle_phase(self) -> None:
        self._phase("idle", super().idle_phase)

    def prepare_phase(self) -> None:
        self._phase("prepare", super().prepare_phase)

    def poll_phase(self) -> None:
        self._phase("poll", super().poll_phase)

    def check_phase(self) -> None:
        self._phase("check", self._check_phase)

    def close_phase(self) -> None:
        self._phase("close", super().close_phase)

    def timers_phase(self) -> None:
        self._phase("timers", super().timers_phase)

    def _phase(self, name: str, phase: Callable[[], None]) -> None:
        add, now, ticks = self.trace.add, self.clock.now, self.ticks
        self.phase = name
        add((now(), ticks, name, "main", "enter", None, None))
        phase()
        self.phase = name
        add((now(), ticks, name, "main", "leave", None, None))

    def _check_phase(self) -> None:
        batch, self._checking = self.immediates, self.immediates
        identities, self._check_identities = self._immediate_identities, self._immediate_identities
        self.immediates, self._immediate_identities = [], []
        batch.reverse()
        for identity in identities:
            callback = batch.pop()
            if callback is not ignore:
                self._call(identity, callback, UNDEFINED)

    # Running callbacks

    def _call(self, identity: int | None, callback: Callback, value: Js) -> None:
        """Note, call, note, drain."""
        self.note("run", identity)
        try:
            try:
                callback(value)
            finally:
                del callback, value
        except BaseException as error:
            self._failed(identity, error)
        else:
            self.note("returned", identity)
        if self.next_ticks or self.microtasks:
            self.drain()

    def _failed(self, identity: int | None, error: BaseException) -> None:
        try:
            if isinstance(error, StopLoop):
                raise error
            self.note("returned", identity, {"error": repr(error)})
            if not isinstance(error, Exception):
                raise error
            self.uncaught(error)
        finally:
            del error  # or its traceback, which has this frame, would keep it

    def run_batch(self, identities: Iterable[int]) -> None:
        for identity in identities:
            callback = self.callback_queue.pop(identity, None)
            if callback is not None:
                self._call(identity, callback, UNDEFINED)

    def run_events(self, events: Iterable[tuple[int, Js]]) -> None:
        self.phase = "poll"
        # a busy server is here most of the time: its notes are added without a call for each
        add, now, ticks = self.trace.add, self.clock.now, self.ticks
        next_ticks, microtasks = self.next_ticks, self.microtasks
        persistent, descriptors = self.persistent, self.poll.descriptors
        for token, readiness in events:
            if type(readiness) is Int:
                if token not in descriptors:
                    continue
                detail = READINESS[readiness.value]
            else:
                detail = {"readiness": str(readiness)}
            callback = persistent.get(token) or partial(self.run_one_shot, token)
            time = now()
            add((time, ticks, "poll", "epoll", "ready", token, detail))
            add((time, ticks, "poll", "main", "run", token, None))
            try:
                callback(readiness)
            except BaseException as error:
                self._failed(token, error)
            else:
                add((now(), ticks, "poll", "main", "returned", token, None))
            if next_ticks or microtasks:
                self.drain()

    def run_results(self, remaining: int) -> None:
        self.phase = "poll"
        finished = self.pool.finished
        for _ in range(remaining):
            identity, thread, result = finished.popleft()
            self.pool.freed(thread)
            callback = self.callback_queue.pop(identity, None)
            if callback is not None:
                self._call(identity, callback, result)
            callback, result = None, UNDEFINED

    def run_inbox(self) -> None:
        self.phase = "poll"
        for _ in range(len(self.inbox)):
            self._call(None, self.inbox.popleft(), UNDEFINED)

    def run_one(self, call: Callable[[], object]) -> None:
        self._call(None, lambda _: call(), UNDEFINED)

    def drain(self) -> None:
        next_ticks, microtasks = self.next_ticks, self.microtasks
        while next_ticks or microtasks:
            while next_ticks:
                self._call_queued(next_ticks.popleft(), "tick")
            while microtasks:
                self._call_queued(microtasks.popleft(), "microtask")

    def _call_queued(self, callback: Callback, where: str) -> None:
        self.note("run", None, {"where": where, **place(callback)})
        try:
            callback(UNDEFINED)
        except Exception as error:
            self.note("returned", None, {"where": where, "error": repr(error)})
            self.report(error)
        else:
            self.note("returned", None, {"where": where})

    def report(self, error: Exception) -> None:
        self.note("uncaught", None, {"error": repr(error)})
        try:
            super().report(error)
        finally:
            del error  # or its traceback, which has this frame, would keep it

    # Sleeping

    def timeout(self) -> float | None:
        """In real seconds: a program that is slowed sleeps longer, a paused one for ever."""
        seconds = super().timeout()
        return self.clock.real_seconds(seconds) if type(self.clock) is PacedClock else seconds

    def wait(self, timeout: float | None) -> Sequence[tuple[int, Js]]:
        add, now, ticks = self.trace.add, self.clock.now, self.ticks
        add((now(), ticks, "poll", "main", "slept", None, {"timeout": timeout}))
        why = WHY_STOP
        try:
            events = super().wait(timeout)
            if events:
                why = WHY_READY
            elif self.pool.finished:
                why = WHY_RESULT
            elif self.inbox:
                why = WHY_MESSAGE
            elif not self.next_ticks:
                why = WHY_TIMEOUT
            return events
        finally:
            add((now(), ticks, "poll", "main", "woke", None, why))

    # Scheduling

    def set_timeout(self, ms: float, cb: Callback) -> Timeout:
        timeout = super().set_timeout(ms, cb)
        self.note_new(timeout.identity, cb, "timer", **timeout.span())
        return timeout

    def set_interval(self, ms: float, cb: Callback) -> Timeout:
        interval = super().set_interval(ms, cb)
        self.note_new(interval.identity, cb, "timer", repeats=True, **interval.span())
        return interval

    def set_immediate(self, cb: Callback) -> int:
        identity = super().set_immediate(cb)
        self.note_new(identity, cb, "immediate")
        return identity

    def next_tick(self, cb: Callback) -> None:
        super().next_tick(cb)
        self.note("queued", None, {"where": "tick", **place(cb)})

    def queue_microtask(self, cb: Callback) -> None:
        super().queue_microtask(cb)
        self.note("queued", None, {"where": "microtask", **place(cb)})

    def clear_immediate(self, identity: int | None) -> None:
        waiting = len(self.immediates) + sum(callback is not ignore for callback in self._checking)
        super().clear_immediate(identity)
        still = len(self.immediates) + sum(callback is not ignore for callback in self._checking)
        if still < waiting:
            self.note("dropped", identity)

    def _drop_timer(self, identity: int) -> None:
        if identity in self.callback_queue:
            self.note("dropped", identity)
        super()._drop_timer(identity)

    def _rearm(self, identity: int, delay: float, cb: Callback) -> None:
        super()._rearm(identity, delay, cb)
        deadline = self.clock.now() + delay / 1000
        self.note(
            "queued",
            identity,
            {"where": "timer", "delay": delay, "deadline": deadline, "again": True},
        )

    def _defer(self, queue: list[int], where: str, cb: Callback) -> int:
        identity = super()._defer(queue, where, cb)
        self.note_new(identity, cb, where)
        return identity

    # The pool tells from its own threads

    def _observe(self, step: str, thread: int | None, task: Work, result: Js | None) -> None:
        identity, kind, _ = task
        if step == "queued":
            self.note_new(identity, self.callback_queue.get(identity), "pool", kind=str(kind))
        elif step == "closed":
            self.note("closed", None, {"kind": str(kind)}, thread=f"pool{thread}")
        else:
            detail = {"kind": str(kind)}
            if isinstance(result, Error):
                detail["error"] = repr(result.exception)
            # by the name of the class: on the loop's thread it may be another one by now
            try:
                Traced.note(self, step, identity, detail, thread=f"pool{thread}")
            except Exception as error:  # the trace's own: nobody on this thread could be told
                self.inbox.append(partial(_raise, error))
                self.wake()


def _raise(error: Exception, _: Js) -> None:
    raise error
