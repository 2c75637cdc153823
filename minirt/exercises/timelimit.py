"""How does code that never comes back come back?

An alarm raises TookTooLong in it: a signal in the main thread, which also ends a sleep or a wait;
elsewhere an exception from another thread, which a loop of Python code notices.
"""

import ctypes
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

AGAIN = 0.2  # s: an `except:` may have swallowed the first alarm


class TookTooLong(BaseException):
    """The time is over. No Exception, so that `except Exception` in an answer does not catch it."""


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """What runs inside gets TookTooLong when it is not over after `seconds`."""
    if threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
        with _by_signal(seconds):
            yield
    else:
        with _by_thread(seconds):
            yield


@contextmanager
def _by_signal(seconds: float) -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise TookTooLong

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


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
