"""How does code that never comes back come back?

An alarm raises TookTooLong in it: a signal in the main thread, which also ends a sleep or a wait;
elsewhere an exception from another thread, which a loop of Python code notices. A web page has
neither signals nor threads. There Python itself looks at the clock, each time that a loop goes
round: calls alone come to an end, at Python's limit of recursion.
"""

import contextlib
import ctypes
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from types import CodeType, FrameType
from typing import Any, TypeAlias

from minirt.core.machine import HAS_THREADS

AGAIN = 0.2  # s: an `except:` may have swallowed the first alarm

Ring: TypeAlias = Callable[[int, FrameType | None], object]  # as a handler of signals


class TookTooLong(BaseException):
    """The time is over. No Exception, so that `except Exception` in an answer does not catch it."""


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """What runs inside gets TookTooLong when it is not over after `seconds`."""
    if not HAS_THREADS:
        with _by_looking(seconds):
            yield
    elif threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
        with _by_signal(seconds):
            yield
    else:
        with _by_thread(seconds):
            yield


@contextmanager
def _by_signal(seconds: float) -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, end_here)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def end_here(number: int, frame: FrameType | None) -> None:
    """What rings, for who wants nothing else."""
    raise TookTooLong


@contextmanager
def _by_looking(seconds: float) -> Iterator[None]:
    look = Look(seconds, end_here)
    look.begin()
    try:
        yield
    finally:
        look.end()


class Look:
    """Calls `ring` after so many seconds, and again while that has not ended what runs.

    In the code that runs, between two steps of it: `ring` may raise. A call into C is no such step.
    """

    # of which nothing may be left out
    _SPARED = (__file__, contextlib.__file__)

    def __init__(self, seconds: float, ring: Ring) -> None:
        self._over = monotonic() + seconds
        self._ring = ring
        self._python: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore] # from 3.12
        self._tool = next(tool for tool in range(6) if self._python.get_tool(tool) is None)

    def begin(self) -> None:
        """Look from now on."""
        python, jump = self._python, self._python.events.JUMP  # to look at each call costs more
        python.use_tool_id(self._tool, "minirt time limit")
        python.register_callback(self._tool, jump, self._look)
        python.set_events(self._tool, jump)

    def end(self) -> None:
        """Look no more."""
        self._python.set_events(self._tool, 0)
        self._python.free_tool_id(self._tool)

    def _look(self, code: CodeType, *where: object) -> None:
        if monotonic() >= self._over and code.co_filename not in self._SPARED:
            self._over = monotonic() + AGAIN
            self._ring(0, sys._getframe(1))


@contextmanager
def _by_thread(seconds: float) -> Iterator[None]:
    target, over = threading.get_ident(), threading.Event()
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc

    def watch() -> None:
        wait = seconds
        while not over.wait(wait):
            raise_in(ctypes.c_ulong(target), ctypes.py_object(TookTooLong))
            wait = AGAIN

    watcher = threading.Thread(target=watch, name="time limit", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
