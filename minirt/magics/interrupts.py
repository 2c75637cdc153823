"""For whom is an interrupt that comes while runtimes are turned in a kernel?"""

import signal
import threading
import time
from typing import Any

LONG = 0.5  # s: a callback that takes longer is the one that an interrupt is meant for


class Interrupts:
    """While this lasts, an interrupt ends the callback that runs, and never the kernel.

    An idle kernel ignores interrupts. Where a cell awaits they are for the cell, unless a callback
    takes long.
    """

    def __init__(self) -> None:
        self.turn_began: float | None = None  # s: when the turn that is at work began
        self._before: Any = None
        self._is_main = False

    def __enter__(self) -> None:
        self._is_main = threading.current_thread() is threading.main_thread()
        if self._is_main:
            self._before = signal.signal(signal.SIGINT, self._hear)

    def __exit__(self, *error: object) -> None:
        if self._is_main:
            signal.signal(signal.SIGINT, self._before)

    def _hear(self, number: int, frame: object) -> None:
        is_for_others = callable(self._before)
        began = self.turn_began
        if began is not None and not (is_for_others and time.monotonic() < began + LONG):
            raise KeyboardInterrupt
        if is_for_others:
            self._before(number, frame)
