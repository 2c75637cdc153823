"""How does a program run while its notebook's cell looks on?

The loop has a thread of its own. The cell awaits, in short ticks: so the page's buttons are heard,
an interrupt is heard, and about thirty times a second the view gets a frame.

The trap is the end. A program that is told to stop still ends the callback that it is in, and waits
for the tasks of its pool, and that may take for ever. The kernel needs its loop back for the next
cell. So after a moment of grace the callback, or the task, is interrupted; and when even that is
not heard, as in a call into C, the cell is over nevertheless and says which thread is still at
work. That thread is alone then: it closes everything, tells the view, and shows what it raised.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, Protocol

from minirt.errors import StateError
from minirt.watching.attention import Attention, Playable, Watch
from minirt.watching.gate import Gate
from minirt.watching.labels import text_of
from minirt.watching.stopping import Interruptible, end_tasks, where_is
from minirt.watching.tracebacks import trace_of

FRAME = 1 / 30  # s between two frames
# a program that is only sampled since it is busy pays a sixtieth of its time for them, as long as
# there are some in a second
DEAR, SLOWEST = 60, 0.2  # s
GRACE = 0.2  # s: for a program that was told to stop
AGAIN, INTERRUPTS = 0.15, 3  # s after each; the program may have swallowed the first
LONGEST_CALLBACK = 1.0  # s: a pause waits for the callback that runs, and no longer

# a web page, which has no other threads, has no such clock either
thread_time: Callable[[], float] = getattr(time, "thread_time", time.process_time)

IS_CLOSED = "the program was stopped, and everything that it had is closed"
IS_STOPPING = "the program was told to stop, and ends when its callback and its pool tasks are over"
NO_WAY_OUT = (
    "the program raised StopIteration, which Python lets out of no await. Catch it in the callback"
)
IS_DEAF = f"a pause waits {LONGEST_CALLBACK:g} s for the callback that runs; "


class View(Protocol):
    """What is asked of a view here."""

    def begin(self, controls: Gate) -> None: ...
    def show(self, frame: dict[str, Any]) -> None: ...
    async def listen(self) -> None: ...
    def end(self, watch: Watch, frame: dict[str, Any]) -> None: ...


class Player:
    """One run of one program.

    view, watch: what shows it, and what makes its frames; or neither. report: shows an error that
    nobody awaits.
    """

    def __init__(
        self,
        runtime: Any,
        view: View | None,
        gate: Gate,
        report: Callable[[BaseException], object],
        watch: Watch | None,
    ) -> None:
        self._runtime: Playable = runtime
        self._view = view
        self._gate = gate
        self._report = report
        self._watch = watch
        self._attention = Attention(runtime, self._watch, gate)
        self._call = Interruptible()  # of the program
        self._thread = threading.Thread()  # the program's
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
        self._start(main, ended)
        try:
            await self._look_on(ended)
            await self._stop(ended)
        except BaseException:  # the cell is cancelled
            try:
                await self._stop(ended)
            finally:
                self._part("interrupted")
                self._report_rest()
            raise
        has_failed = self.error is not None  # not its truth: its class may answer with an error
        self._part("interrupted" if self.was_stopped else "failed" if has_failed else "ended")
        if self.was_stopped:
            raise self.farewell()
        if isinstance(self.error, StopIteration):  # Python lets none out of an await
            raise StateError(NO_WAY_OUT) from self.error
        if self.error is not None:
            raise self.error

    @property
    def was_stopped(self) -> bool:
        """Did it not end by itself, nor when it was told to?"""
        was_heard = self._call.was_interrupted and isinstance(self.error, KeyboardInterrupt)
        return self._is_alone or was_heard

    def farewell(self) -> KeyboardInterrupt:
        """What to raise for a program that was stopped: with the line at which it was."""
        if self._is_alone:
            busy = self._runtime.loop.pool.busy() if self._is_closing else [self._thread]
            return KeyboardInterrupt(": ".join((IS_STOPPING, *map(where_is, busy[:1]))))
        was_deaf = self._gate.unheard() > 0
        error = KeyboardInterrupt(f"{IS_DEAF if was_deaf else ''}{IS_CLOSED}")
        return error.with_traceback(None if self.error is None else trace_of(self.error))

    @property
    def _is_closing(self) -> bool:
        return self._runtime.loop.phase == "closed" and bool(self._runtime.loop.pool.busy())

    async def _look_on(self, ended: asyncio.Future[None]) -> None:
        """Until the program has ended, or somebody at the view wants it to."""
        while not (ended.done() or self._gate.stopped):
            if self._runtime.loop.asleep:
                self._gate.hear()
            elif self._gate.unheard() > LONGEST_CALLBACK:
                return
            self._attention.keep()
            began = thread_time()
            self._show("paused" if self._gate.paused else "running")
            is_sampled = self._watch is not None and self._watch.is_resting
            dear = min(SLOWEST, DEAR * (thread_time() - began))
            pause = max(FRAME, dear) if is_sampled else FRAME
            await asyncio.wait((ended,), timeout=pause)
            if self._view is not None:
                with self._may_fail():
                    await self._view.listen()

    async def _stop(self, ended: asyncio.Future[None]) -> None:
        """Tell the program to stop, then interrupt it, and do not wait for it for long."""
        if not ended.done():
            self._gate.stop()
        await asyncio.wait((ended,), timeout=GRACE)
        for _ in range(INTERRUPTS):
            if ended.done():
                return
            if self._is_closing:
                end_tasks(self._runtime.loop.pool)
            else:
                self._call.interrupt()
                self._runtime.loop.wake()  # it may sleep, and an interrupt ends no sleep
            await asyncio.wait((ended,), timeout=AGAIN)

    def _part(self, state: str) -> None:
        """The cell goes. A program that has not ended yet is alone from now on."""
        with self._parting:
            self._is_alone = not self._has_ended
            if self._is_alone:
                self._show("stopping")
        if not self._is_alone:
            self._thread.join()
            self._finish(state)

    # On the program's thread

    def _start(self, main: Callable[[], object], ended: asyncio.Future[None]) -> None:
        cell = asyncio.get_running_loop()

        def run() -> None:
            self.error = self._call.run(lambda: self._runtime.run(main))
            self._end(cell, ended)

        run_here = copy_context().run
        self._thread = threading.Thread(target=run_here, args=(run,), name="main", daemon=True)
        self._thread.start()

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
        self._report_rest()

    def _report_rest(self) -> None:
        """Show what it raised when nobody awaits it any more, but not what was raised to end it."""
        if self.error is not None and not isinstance(self.error, KeyboardInterrupt):
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
        watch.words = getattr(self._view, "words", "")
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


def _set(ended: "asyncio.Future[None]") -> None:
    if not ended.done():
        ended.set_result(None)
