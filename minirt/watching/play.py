"""How does a program run while its notebook's cell looks on?

The loop has a thread of its own. The cell awaits, in short ticks: so the page's buttons are heard,
an interrupt is heard, and about thirty times a second the view gets a frame.

The trap is the end. A program that is told to stop still ends the callback that it is in, and waits
for the tasks of its pool, and that may take long. The kernel needs its loop back meanwhile, for the
next cell. So a cell that is interrupted waits for a moment only. After that the program's thread is
alone: it closes everything, tells the view, and shows what was still raised.
"""

import asyncio
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, Protocol

from minirt.watching.attention import Attention, Playable, Watch
from minirt.watching.gate import Gate
from minirt.watching.labels import text_of
from minirt.watching.tracebacks import show_only_the_program

FRAME = 1 / 30  # s between two frames
GRACE = 0.05  # s: how long an interrupted cell waits for its program to end

IS_CLOSED = "the program was stopped, and everything that it had is closed"
IS_STOPPING = "the program was told to stop, and ends when its callback and its pool tasks are over"


class View(Protocol):
    """What is asked of a view here."""

    def begin(self, controls: Gate) -> None: ...
    def show(self, frame: dict[str, Any]) -> None: ...
    async def listen(self) -> None: ...
    def end(self, watch: Watch, frame: dict[str, Any]) -> None: ...


class Player:
    """One run of one program, with or without a view. report: shows an error nobody awaits."""

    def __init__(
        self,
        runtime: Any,
        view: View | None,
        gate: Gate,
        report: Callable[[BaseException], object],
    ) -> None:
        self._runtime: Playable = runtime
        self._view = view
        self._gate = gate
        self._report = report
        self._watch = _new_watch() if view is not None else None
        self._attention = Attention(runtime, self._watch, gate)
        self.error: BaseException | None = None  # what left the program
        self._shown: dict[str, Any] = {}  # the last frame
        self._number = 0  # of frames: the page sees whether one was lost
        self._parting = threading.Lock()  # cell and program part in one step
        self._has_ended = False  # the program
        self._is_alone = False  # the cell has gone, and the program's thread does the rest

    # On the cell's thread

    async def play(self, main: Callable[[], object]) -> None:
        """Run to the end; what went wrong is raised here, after everything is closed."""
        ended = asyncio.get_running_loop().create_future()
        if self._view is not None:
            with self._may_fail():
                self._view.begin(self._gate)  # so that it stands above what the program prints
        thread = self._start(main, ended)
        try:
            await self._look_on(ended)
        except BaseException:  # the cell is cancelled
            self._leave(thread)
            raise
        thread.join()
        self._finish("failed" if self.error else "ended")
        if self.error is not None:
            raise self.error

    @property
    def farewell(self) -> str:
        """What to say of a program whose cell was interrupted."""
        return IS_STOPPING if self._is_alone else IS_CLOSED

    async def _look_on(self, ended: asyncio.Future[None]) -> None:
        while not ended.done():
            self._attention.keep()
            self._show("paused" if self._gate.paused else "running")
            await asyncio.wait((ended,), timeout=FRAME)
            if self._view is not None:
                with self._may_fail():
                    await self._view.listen()

    def _leave(self, thread: threading.Thread) -> None:
        """Tell the program to stop, and do not wait for it for long."""
        self._gate.stop()
        thread.join(GRACE)
        with self._parting:
            self._is_alone = not self._has_ended
            if self._is_alone:
                self._show("stopping")
        if not self._is_alone:
            self._finish("interrupted")

    # On the program's thread

    def _start(self, main: Callable[[], object], ended: asyncio.Future[None]) -> threading.Thread:
        cell = asyncio.get_running_loop()

        def run() -> None:
            try:
                self._runtime.run(main)
            except BaseException as error:
                self.error = error
            self._end(cell, ended)

        context = copy_context()
        thread = threading.Thread(target=context.run, args=(run,), name="main", daemon=True)
        thread.start()
        return thread

    def _end(self, cell: asyncio.AbstractEventLoop, ended: asyncio.Future[None]) -> None:
        """Tell the cell, or do what it is no longer there for."""
        with self._parting:
            self._has_ended = True
            is_alone = self._is_alone
        if not is_alone:
            try:
                cell.call_soon_threadsafe(_set, ended)
                return
            except RuntimeError:
                pass  # its loop was closed without waiting for us
        self._finish("interrupted")
        if self.error is not None:
            self._report(self.error)

    # The view

    def _show(self, state: str) -> None:
        """One frame, unless it is the one before: a program that is paused costs nothing."""
        if self._view is None or self._watch is None:
            return
        with self._may_fail():
            frame = self._frame(self._watch, state)
            if frame != self._shown:
                self._shown = frame
                self._number += 1
                self._view.show({**frame, "number": self._number})

    def _finish(self, state: str) -> None:
        """The last frame, and the recording."""
        if self._view is None or self._watch is None:
            return
        with self._may_fail():
            frame = self._frame(self._watch, state)
            frame["number"] = self._number + 1
            frame["error"] = "" if self.error is None else text_of(self.error)
            self._view.end(self._watch, frame)

    def _frame(self, watch: Watch, state: str) -> dict[str, Any]:
        gate = self._gate
        watch.take()
        watch.next = gate.next
        frame = watch.frame(self._runtime.snapshot())
        return {**frame, "state": state, "speed": gate.speed, "held": gate.holding}

    @contextmanager
    def _may_fail(self) -> Iterator[None]:
        """What goes wrong in a view is no error of the program, which goes on without it."""
        try:
            yield
        except Exception:
            logging.getLogger(__name__).exception("the view failed; its program goes on without it")
            self._view = None
            if self._gate.paused:
                self._gate.resume()  # there is no button any more


async def play(runtime: Any, main: Callable[[], object], view: Any, gate: Gate) -> None:
    """Run `main` on `runtime`; see Runtime.play."""
    shell = notebook()
    if view is None and shell is not None:
        view = _new_view()
    player = Player(runtime, view or None, gate, _as_a_thread if shell is None else _under(shell))
    try:
        await _play(player, main, shell)
    except BaseException as error:
        if shell is not None:
            show_only_the_program(error, shell)
        raise


async def _play(player: Player, main: Callable[[], object], shell: Any) -> None:
    try:
        await player.play(main)
    except asyncio.CancelledError as error:
        if shell is None or error is player.error:
            raise
        # the kernel cancels the cell that a reader interrupts
        raise KeyboardInterrupt(player.farewell) from None


def notebook() -> Any:
    """IPython's shell, where this is a notebook and something can be displayed; or None."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    return shell if hasattr(shell, "kernel") else None


def _under(shell: Any) -> Callable[[BaseException], object]:
    """Show an error under the cell that started its program."""

    def report(error: BaseException) -> None:
        show_only_the_program(error, shell)
        shell.showtraceback((type(error), error, error.__traceback__))

    return report


def _as_a_thread(error: BaseException) -> None:
    """Show it as Python shows what leaves a thread."""
    thread = threading.current_thread()
    what = (type(error), error, error.__traceback__, thread)
    threading.excepthook(threading.ExceptHookArgs(what))


def _new_view() -> Any:
    from minirt.views.live import LiveView  # a terminal needs no widgets

    return LiveView(displays_itself=True)


def _new_watch() -> Watch:
    from minirt.views import watch  # nor what makes its frames

    return watch.Watch()


def _set(ended: "asyncio.Future[None]") -> None:
    if not ended.done():
        ended.set_result(None)
