"""For whom is an interrupt, and when has it done its work?

It is for the callback, the program or the cell that runs, and never for the kernel. One is enough,
also where what runs swallows it.
"""

import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from minirt.watching.player import AGAIN, GRACE, INTERRUPTS
from minirt.watching.stopping import Interruptible

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


def run_until_interrupted(call: Callable[[], object], wake: Callable[[], object]) -> None:
    """Call it, here. What is still at work a moment after an interrupt is interrupted again.

    wake: ends its sleep. Any thread may call this.

    An asyncio program that awaits nothing needs two interrupts under `asyncio.run`, and one that
    swallows exceptions needs more.
    """
    before: Any = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        call()
        return
    program, is_over = Interruptible(), threading.Event()

    def insist() -> None:
        wait = GRACE
        for _ in range(INTERRUPTS):
            if is_over.wait(wait):
                return
            program.interrupt()
            wake()
            wait = AGAIN

    def hear(number: int, frame: object) -> None:
        threading.Thread(target=insist, name="interrupt", daemon=True).start()
        before(number, frame)

    signal.signal(signal.SIGINT, hear)
    try:
        error = program.run(call)
    finally:
        is_over.set()
        if signal.getsignal(signal.SIGINT) is hear:
            signal.signal(signal.SIGINT, before)
    if error is not None:
        raise error
