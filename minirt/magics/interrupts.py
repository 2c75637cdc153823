"""For whom is an interrupt, and when has it done its work?

It is for the callback, the program or the cell that runs, and never for the kernel. One is enough,
also where what runs swallows it: Python raises KeyboardInterrupt once, so it is raised again, as
long as the same thing is at work.
"""

import _thread
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from minirt import Runtime
from minirt.aio.program import AsyncioProgram
from minirt.watching.player import AGAIN, GRACE, INTERRUPTS
from minirt.watching.stopping import end_tasks

LONG = 0.5  # s: a callback that takes longer is the one that an interrupt is meant for
# what swallows all that come in its `try` is ended by one that comes just outside of it
OFTEN, MANY = 0.01, 300  # s after each
FORGOTTEN = 1.0  # s: after that long a signal that was sent does not come any more

# where a runtime, or a program of asyncio's, is at work
CLOSES = Runtime.close.__code__
RUNS = (Runtime.run.__code__, Runtime.tick.__code__, AsyncioProgram.run.__code__, CLOSES)


class Again:
    """More interrupts of the main thread. They end a sleep and a wait, too."""

    def __init__(self) -> None:
        self._is_at_work = False
        self._sent = 0.0  # s: when one was sent that nobody has heard yet

    def begin(self, is_wanted: Callable[[], bool]) -> None:
        """Send some, as long as they are wanted. For the handler of the first one."""
        if not self._is_at_work:
            self._is_at_work = True
            # a Thread takes locks, and the code that was interrupted may hold them
            _thread.start_new_thread(self._send, (is_wanted,))

    def comes(self) -> bool:
        """Is what the handler hears now one of these?"""
        sent, self._sent = self._sent, 0.0
        return time.monotonic() < sent + FORGOTTEN

    def _send(self, is_wanted: Callable[[], bool]) -> None:
        for wait in (GRACE, *[AGAIN] * (INTERRUPTS - 1), *[OFTEN] * MANY):
            time.sleep(wait)
            if not is_wanted():
                break
            if not self._sent:  # or two could be heard where one is known
                self._sent = time.monotonic()
                interrupt_the_main_thread()
        self._is_at_work = False


def interrupt_the_main_thread() -> None:
    """As Ctrl-C does. Any thread may call this."""
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, signal.SIGINT)
    else:
        _thread.interrupt_main()


class Interrupts:
    """While this lasts, an interrupt ends the callback that runs, and never the kernel.

    An idle kernel ignores interrupts. Where a cell awaits they are for the cell, unless a callback
    takes long.
    """

    def __init__(self) -> None:
        self.turn_began: float | None = None  # s: when the turn that is at work began
        self._interrupted: float | None = None  # the last that was interrupted, by its beginning
        self._again = Again()
        self._before: Any = None
        self._is_main = False

    def __enter__(self) -> None:
        self._is_main = threading.current_thread() is threading.main_thread()
        if self._is_main:
            self._before = signal.signal(signal.SIGINT, self._hear)

    def __exit__(self, *error: object) -> None:
        if self._is_main:
            signal.signal(signal.SIGINT, self._before)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        began, is_for_others = self.turn_began, callable(self._before)
        if self._again.comes():
            if began is not None and began == self._interrupted:
                raise KeyboardInterrupt
        elif began is not None and not (is_for_others and time.monotonic() < began + LONG):
            self._interrupted = began
            self._again.begin(lambda: self.turn_began == began)
            raise KeyboardInterrupt
        elif is_for_others:
            self._before(number, None)  # None: it is not for the runtime that runs here


class Insistent:
    """While this lasts, one interrupt ends the runtime that a cell runs on the main thread.

    It may swallow the first. When it closes it waits for the tasks of its pool. And a cell that
    awaits somewhere is only cancelled, which nobody hears as long as a call is at work. A runtime
    that the cell makes afterwards, because it has caught the interrupt, is not meant.
    """

    def __init__(self) -> None:
        self._again = Again()
        self._before: Any = None
        # when the cell was interrupted: what was at work in it, and which threads there were
        self._meant: list[Runtime | AsyncioProgram] = []
        self._threads: frozenset[threading.Thread] = frozenset()
        self._is_over = False

    def __enter__(self) -> "Insistent":
        before = signal.getsignal(signal.SIGINT)
        is_there = isinstance(getattr(before, "__self__", None), Insistent)
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and callable(before) and not is_there:
            self._before = before
            signal.signal(signal.SIGINT, self._hear)
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over = True
        if self._before is not None and signal.getsignal(signal.SIGINT) == self._hear:
            signal.signal(signal.SIGINT, self._before)

    def _is_wanted(self) -> bool:
        """The cell goes on, and hears no interrupts in a way of its own."""
        return not self._is_over and signal.getsignal(signal.SIGINT) == self._hear

    def _hear(self, number: int, frame: FrameType | None) -> None:
        at_work = list(who_is_at_work(frame))
        if self._again.comes():
            meant = [one for one, closes in at_work if self._is_meant(one, closes)]
            for one in meant:
                end_tasks(one.loop.pool)
            if meant:
                raise KeyboardInterrupt
            return
        self._meant = [one for one, _ in at_work]
        self._threads = frozenset(threading.enumerate())  # a number may be a new thread's later
        self._again.begin(self._is_wanted)
        if at_work:
            raise KeyboardInterrupt
        self._before(number, frame)

    def _is_meant(self, one: Runtime | AsyncioProgram, closes: bool) -> bool:
        """It was interrupted; or it waits, in its end, for what was at work at that time."""
        if any(one is other for other in self._meant):
            return True
        return closes and not self._threads.isdisjoint(one.loop.pool.busy())


def who_is_at_work(frame: FrameType | None) -> Iterator[tuple[Runtime | AsyncioProgram, bool]]:
    """(it, does it close?) of each that runs where a thread is; the innermost comes first."""
    while frame is not None:
        if frame.f_code in RUNS:
            yield frame.f_locals["self"], frame.f_code is CLOSES
        frame = frame.f_back
