"""How does a notebook look at its own kernel?

The kernel "Python 3 on minirt" is an asyncio program on minirt's loop. So its loop can be watched
like any other: messages from the page, cells, comms of widgets, timers. One thing is different: who
looks on is part of what is seen. The view is drawn by a timer of this very loop, and its buttons
are heard by it. So there is no pause: a kernel that stands still hears no button.

Where the kernel is busy with more than anybody could look at, it is left alone for a while, as
every program is.
"""

import asyncio
from types import MappingProxyType
from typing import Any

from IPython.core.error import UsageError

from minirt.aio import MinirtEventLoop
from minirt.aio.watched_loop import WatchedLoop
from minirt.views.live import LiveView
from minirt.views.watch import Watch
from minirt.watching.trace import Event

FRAME = 0.1  # s between two frames: each is a message of the kernel's, too
NOT_MINIRTS = (
    "%minirt kernel: this kernel's loop is not minirt's. Run `python -m minirt.kernel install` in "
    'a terminal, then choose Kernel, Change Kernel, "Python 3 on minirt"'
)
WORDS = MappingProxyType(
    {
        "Kernel.shell_main": "a message on the shell channel",
        "Kernel.control_main": "a message on the control channel",
        "Kernel.process_control": "a message on the control channel",
        "Kernel.dispatch_shell": "a message on the shell channel",
        "Kernel.dispatch_queue": "the queue of messages",
        "hear": "a message on the shell channel",
        "run_in_context": "hears the shell channel",
        "InteractiveShell.run_cell_async": "a cell",
        "BaseAsyncIOLoop._handle_events": "a socket of ZeroMQ",
        "ZMQStream._handle_events": "a socket of ZeroMQ",
        "IOLoop._run_callback": "a callback of tornado",
        "PeriodicCallback._run": "a periodic callback of tornado",
        "_log_error": "after a message: was there an error?",
        "cancel_unless_done": "ends a wait",
        "KernelView._draw": "draws this view",
    }
)


def running_loop() -> asyncio.AbstractEventLoop | None:
    """None in IPython's terminal, where cells that await nothing run outside of any loop."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class KernelView:
    """The live view of the loop that runs here."""

    def __init__(self) -> None:
        event_loop = running_loop()
        if not isinstance(event_loop, MinirtEventLoop):
            raise UsageError(NOT_MINIRTS)
        self._watched = WatchedLoop(event_loop)
        self._watched.book.words = WORDS
        self._watch = Watch()
        self._view = LiveView(displays_itself=True)
        self._number = 0  # of frames
        self._is_over = False

    def begin(self) -> None:
        """Show the view under the cell, and draw it until it is stopped, or its cell runs again."""
        self._watched.findings.watchdog.start()
        self._view.begin(self)
        self._watched.book.read_through(self._watched.event_loop, 200)
        self._watch.begin(self._watched.snapshot())
        self._watched.attach(self)
        self._draw()

    def record(self, event: Event) -> None:
        """Hand an event to the watch, unless too much happens."""
        if event.kind == "turn" and self._watch.is_overloaded:
            self._watch.rest()
            self._watched.detach()
        else:
            self._watch.record(event)

    def stop(self) -> None:
        """Watch no longer: the recording takes the place of the view."""
        if not self._is_over:
            self._is_over = True
            self._watched.detach()
            self._watched.findings.watchdog.stop()
            if self._view.comm is not None:
                self._view.end(self._watch, self._frame("ended"))

    def pause(self) -> None:
        """It could not be ended."""

    resume = step = pause

    def set_speed(self, speed: float) -> None:
        """Its time is that of the machine."""

    def _draw(self) -> None:
        if self._is_over:
            return
        if self._view.comm is None:  # its cell runs again
            self.stop()
            return
        if self._watch.has_rested():
            self._watch.begin(self._watched.snapshot())
            self._watched.attach(self)
        self._watch.words = self._view.words
        self._view.show(self._frame("running"))
        self._watched.event_loop.call_later(FRAME, self._draw)

    def _frame(self, state: str) -> dict[str, Any]:
        self._watch.take()
        self._number += 1
        frame = self._watch.frame(self._watched.snapshot())
        more = {"state": state, "speed": 1.0, "held": False, "number": self._number}
        return {**frame, **more, "kernel": True}
