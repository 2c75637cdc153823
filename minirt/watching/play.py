"""How does a program run while its notebook's cell looks on?

The loop has a thread of its own. The cell awaits, in short ticks: so the page's buttons are heard,
an interrupt is heard, and about thirty times a second the view gets a frame.
"""

import asyncio
import sys
from collections.abc import Callable
from contextvars import copy_context
from threading import Thread
from typing import TYPE_CHECKING, Any, Protocol

from minirt.clock import ManualClock
from minirt.core.loop import Loop, StopLoop
from minirt.watching.gate import Gate, PacedClock
from minirt.watching.trace import Event, Silence, Sink, Tee
from minirt.watching.tracebacks import show_only_the_program

if TYPE_CHECKING:
    from minirt.views.model import Snapshot
    from minirt.views.watch import Watch

FRAME = 1 / 30  # s between two frames


class Playable(Protocol):
    """What is asked of a runtime here."""

    def run(self, main: Callable[[], object]) -> None: ...
    def stop(self) -> None: ...
    def attach(self, trace: Sink) -> None: ...
    def detach(self) -> None: ...
    def call_from_thread(self, cb: Callable[[Any], object]) -> None: ...
    def wake(self) -> None: ...
    def snapshot(self) -> "Snapshot": ...


class View(Protocol):
    """What is asked of a view here."""

    def begin(self, controls: Gate) -> None: ...
    def show(self, frame: dict[str, Any]) -> None: ...
    async def listen(self) -> None: ...
    def end(self, watch: "Watch", frame: dict[str, Any]) -> None: ...


class Turnstile:
    """The trace of a program that is played. The gate stands where a callback is about to run."""

    def __init__(
        self, gate: Gate, watch: "Watch | None", rest: Callable[[], object] | None
    ) -> None:
        self._gate = gate
        self._watch = watch
        self._rest = rest  # ends the tracing for a while; None where somebody else needs the trace

    def record(self, event: Event) -> None:
        if event.thread == "main":
            if event.kind == "run" and not self._gate.is_open:
                self._pass(event)
            elif event.kind == "returned":
                self._gate.leave()
            elif event.kind == "turn" and self._may_rest():
                return
        if self._watch is not None:
            self._watch.record(event)

    def _pass(self, event: Event) -> None:
        if self._watch is not None:
            self._watch.next = event
        allowed = self._gate.enter()
        if self._watch is not None:
            self._watch.next = None
        if not allowed:
            raise StopLoop

    def _may_rest(self) -> bool:
        watch, gate = self._watch, self._gate
        if watch is None or self._rest is None or not watch.is_overloaded:
            return False
        if not gate.is_open or (gate.clock is not None and gate.clock.rate != 1):
            return False  # only a traced program is held and slowed
        watch.rest()
        self._rest()
        return True


class Player:
    """One run of one program, with or without a view."""

    def __init__(self, runtime: Any, view: View | None, gate: Gate) -> None:
        self._runtime: Playable = runtime
        self._view = view
        self._gate = gate
        self._watch = _new_watch() if view is not None else None
        self._turnstile = self._prepare(runtime)
        self._errors: list[BaseException] = []
        self._shown: dict[str, Any] = {}  # the last frame
        self._number = 0  # of frames: the page sees whether one was lost

    def _prepare(self, loop: Loop) -> Sink:
        """Put the gate between the program and its clock, and before its callbacks."""
        if not isinstance(loop.clock, ManualClock):  # simulated time stands still on its own
            loop.clock = PacedClock(loop.clock)
        paced = loop.clock if isinstance(loop.clock, PacedClock) else None
        self._gate.attach(paced, self._react)
        others = loop.trace if type(loop.trace) is not Silence else None
        rest = self._runtime.detach if others is None else None
        turnstile: Sink = Turnstile(self._gate, self._watch, rest)
        if self._watch is not None or not self._gate.is_open:
            self._runtime.attach(turnstile if others is None else Tee(turnstile, others))
        return turnstile

    async def play(self, main: Callable[[], object]) -> None:
        """Run to the end; what went wrong is raised here, after everything is closed."""
        ended = asyncio.get_running_loop().create_future()
        if self._view is not None:
            self._view.begin(self._gate)  # first, so that it stands above what the program prints
        thread = self._start(main, ended)
        interrupted = True
        try:
            while not ended.done():
                self._show("paused" if self._gate.paused else "running")
                await asyncio.wait((ended,), timeout=FRAME)
                if self._view is not None:
                    await self._view.listen()
            interrupted = False
        finally:
            if interrupted:
                self._gate.stop()
            thread.join()
            self._finish(interrupted)
        if self._errors:
            raise self._errors[0]

    def _react(self) -> None:
        """The gate changed. On any thread."""
        if self._gate.stopped:
            self._runtime.stop()
        else:
            self._runtime.wake()

    def _start(self, main: Callable[[], object], ended: asyncio.Future[None]) -> Thread:
        cell = asyncio.get_running_loop()

        def run() -> None:
            try:
                self._runtime.run(main)
            except BaseException as error:
                self._errors.append(error)
            finally:
                cell.call_soon_threadsafe(_set, ended)

        thread = Thread(target=copy_context().run, args=(run,), name="main", daemon=True)
        thread.start()
        return thread

    def _show(self, state: str) -> None:
        if self._view is None or self._watch is None:
            return
        frame = self._frame(self._watch, state)
        if frame != self._shown:  # a program that is paused costs nothing
            self._shown = frame
            self._number += 1
            self._view.show({**frame, "number": self._number})
        watch = self._watch
        if watch.has_rested() or (watch.is_resting and not self._gate.is_open):
            try:
                self._runtime.call_from_thread(self._trace_again)
            except RuntimeError:
                pass  # it ended meanwhile

    def _trace_again(self, _: object) -> None:
        if self._watch is not None and self._watch.is_resting:
            self._watch.wake()
            self._runtime.attach(self._turnstile)

    def _frame(self, watch: "Watch", state: str) -> dict[str, Any]:
        watch.take()
        gate = self._gate
        frame = watch.frame(self._runtime.snapshot())
        return {**frame, "state": state, "speed": gate.speed, "held": gate.holding}

    def _finish(self, interrupted: bool) -> None:
        if self._view is not None and self._watch is not None:
            state = "interrupted" if interrupted else "failed" if self._errors else "ended"
            frame = self._frame(self._watch, state)
            frame["number"] = self._number + 1
            frame["error"] = repr(self._errors[0])[:300] if self._errors else ""
            self._view.end(self._watch, frame)


async def play(runtime: Any, main: Callable[[], object], view: Any, gate: Gate) -> None:
    """Run `main` on `runtime`; see Runtime.play."""
    shell = notebook()
    if view is None and shell is not None:
        view = _new_view()
    try:
        await _play(Player(runtime, view or None, gate), main, shell)
    except BaseException as error:
        if shell is not None:
            show_only_the_program(error, shell)
        raise


async def _play(player: Player, main: Callable[[], object], shell: object) -> None:
    try:
        await player.play(main)
    except asyncio.CancelledError:
        if shell is None:
            raise
        raise KeyboardInterrupt from None  # the kernel cancels the cell that a reader interrupts


def notebook() -> Any:
    """IPython's shell, where this is a notebook and something can be displayed; or None."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    return shell if hasattr(shell, "kernel") else None


def _new_view() -> Any:
    from minirt.views.live import LiveView  # a terminal needs no widgets

    return LiveView(displays_itself=True)


def _new_watch() -> "Watch":
    from minirt.views.watch import Watch

    return Watch()


def _set(ended: "asyncio.Future[None]") -> None:
    if not ended.done():
        ended.set_result(None)
