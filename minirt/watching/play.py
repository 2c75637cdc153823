"""How does a program run while its notebook's cell looks on?

The loop has a thread of its own. The cell awaits, in short ticks: so the page's buttons are heard,
an interrupt is heard, and about thirty times a second the view gets a frame.
"""

import asyncio
import sys
from collections.abc import Callable
from contextvars import copy_context
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Protocol

from minirt.watching.calls import WatchedCalls
from minirt.watching.gate import Gate, PacedClock
from minirt.watching.trace import Event, Sink, Tee
from minirt.watching.tracebacks import show_only_the_program

if TYPE_CHECKING:
    from minirt.core.loop import Loop
    from minirt.views.watch import Watch

FRAME = 1 / 30  # s between two frames
GRACE = 0.05  # s: how long an interrupted cell waits for its program to end


class Playable(Protocol):
    """What is asked of a runtime here."""

    @property
    def loop(self) -> "Loop": ...
    def run(self, main: Callable[[], object]) -> None: ...
    def stop(self) -> None: ...
    def attach(self, trace: Sink | None = None, gate: Gate | None = None) -> None: ...
    def detach(self) -> None: ...
    def call_from_thread(self, cb: Callable[[Any], object]) -> None: ...
    def snapshot(self) -> Any: ...


class View(Protocol):
    """What is asked of a view here."""

    def begin(self, controls: Gate) -> None: ...
    def show(self, frame: dict[str, Any]) -> None: ...
    async def listen(self) -> None: ...
    def end(self, watch: "Watch", frame: dict[str, Any]) -> None: ...


class Onlooker:
    """The trace of a program that is played: the watch, which rests while it cannot keep up."""

    def __init__(self, watch: "Watch", may_rest: Callable[[], bool]) -> None:
        self._watch = watch
        self._may_rest = may_rest

    def record(self, event: Event) -> None:
        if event.kind != "turn" or not self._may_rest():
            self._watch.record(event)


class Player:
    """One run of one program, with or without a view."""

    def __init__(self, runtime: Any, view: View | None, gate: Gate) -> None:
        self._runtime: Playable = runtime
        self._view = view
        self._gate = gate
        self._watch = _new_watch() if view is not None else None
        self._trace: Sink | None = None
        self._others: Sink | None = None  # a trace of the program's own
        self._prepare()
        self._errors: list[BaseException] = []
        self._shown: dict[str, Any] = {}  # the last frame
        self._number = 0  # of frames: the page sees whether one was lost
        self._is_alone = False  # the cell has gone: the program's thread finishes everything
        self._finishing = Lock()  # taken by whoever does it, and never given back

    def _prepare(self) -> None:
        """Put the gate between the program and its clock, and before its callbacks."""
        loop = self._runtime.loop
        paced = loop.system.paced(PacedClock)
        if paced is not None:
            loop.clock = paced
        self._gate.attach(paced, self._react)
        if isinstance(loop.calls, WatchedCalls):
            self._others = loop.calls.sink
        if self._watch is not None:
            onlooker = Onlooker(self._watch, self._rest)
            self._trace = onlooker if self._others is None else Tee(onlooker, self._others)
        if self._trace is not None or not self._gate.is_open:
            self._runtime.attach(self._trace or self._others, self._gate)

    def _rest(self) -> bool:
        """Go on untraced for a while, if more happens than anybody can look at."""
        watch, gate = self._watch, self._gate
        if watch is None or self._others is not None or not watch.is_overloaded:
            return False
        if not gate.is_open or (gate.clock is not None and gate.clock.rate != 1):
            return False  # only a watched program is held and slowed
        watch.rest()
        self._runtime.detach()
        return True

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
                self._leave(thread)
            else:
                thread.join()
                self._finish(interrupted=False)
        if self._errors:
            raise self._errors[0]

    def _leave(self, thread: Thread) -> None:
        """The cell is interrupted. Its loop is needed elsewhere, so it does not wait for long: a
        program that is still busy is closed by its own thread, which then tells the view.
        """
        self._is_alone = True
        self._gate.stop()
        thread.join(GRACE)
        if thread.is_alive():
            self._show("stopping")
        else:
            self._finish(interrupted=True)

    def _react(self) -> None:
        """The gate changed. On any thread."""
        if self._gate.stopped:
            self._runtime.stop()
        else:
            self._runtime.loop.wake()

    def _start(self, main: Callable[[], object], ended: asyncio.Future[None]) -> Thread:
        cell = asyncio.get_running_loop()

        def run() -> None:
            try:
                self._runtime.run(main)
            except BaseException as error:
                self._errors.append(error)
            finally:
                if self._is_alone:
                    self._finish(interrupted=True)
                else:
                    self._tell(cell, ended)

        thread = Thread(target=copy_context().run, args=(run,), name="main", daemon=True)
        thread.start()
        return thread

    def _tell(self, cell: asyncio.AbstractEventLoop, ended: asyncio.Future[None]) -> None:
        try:
            cell.call_soon_threadsafe(_set, ended)
        except RuntimeError:  # the cell's loop was closed without waiting for us
            self._finish(interrupted=True)

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
            self._runtime.attach(self._trace, self._gate)

    def _frame(self, watch: "Watch", state: str) -> dict[str, Any]:
        watch.take()
        gate = self._gate
        watch.next = gate.next
        frame = watch.frame(self._runtime.snapshot())
        return {**frame, "state": state, "speed": gate.speed, "held": gate.holding}

    def _finish(self, interrupted: bool) -> None:
        """Tell the view how it ended, once."""
        if not self._finishing.acquire(blocking=False):
            return
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
