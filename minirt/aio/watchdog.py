"""Which callback holds the loop, and in which line?

While a callback runs, no other does, and no timer and no answer is heard. Afterwards it is too late
to ask where it was. So a thread looks, again and again, whether one callback has run for long, and
takes its stack meanwhile.

A loop whose trace rests does not say when a callback begins. Then the thread compares two looks:
the same turn, at work on the same handle. So the loop pays nothing for being looked at; but when
that callback began, and when it ended, is known only as well as the looks are near to each other.
"""

import gc
import sys
import threading
import time
from collections.abc import Callable, Sequence
from time import monotonic
from types import CodeType, FrameType

from minirt.aio.chain import frames_up
from minirt.aio.held import STILL, Held, Seen, processor_time
from minirt.aio.outside import Outside
from minirt.core.machine import HAS_THREADS

# in a web page, which has one thread, it is that of the process
thread_time: Callable[[], float] = getattr(time, "thread_time", time.process_time)

LOOK = 0.015  # s between two looks
CLOSER = 0.005  # s, while one callback is at work
EARLY = 0.020  # s: from then on a callback is looked at


class Watchdog:
    """Looks at one thread. around: the code that calls the callbacks."""

    def __init__(self, around: CodeType) -> None:
        self._around = around
        self._thread = 0  # the loop's
        self._began = 0.0  # s, on a clock of its own; 0 between two callbacks
        self._used = 0.0  # s of the processor, until then
        self._noting = 0.0  # s that were spent on watching and on collecting since then
        self._collects = 0.0  # s, since when the garbage collector is at work
        self.collected = 0.0  # s that it was, in all
        self._number = 0  # of callbacks
        self._seen: tuple[int, Seen] = (0, Seen())  # of the callback with this number
        self._told = 0  # the number of the last callback that was told of before its end
        self.tell: Callable[[Held], object] | None = None  # of one that does not come back
        self._outside: Outside | None = None  # while nobody says when a callback begins
        self._over = threading.Event()
        self._watcher = threading.Thread()

    def start(self) -> None:
        """Look at the thread that calls this."""
        if not HAS_THREADS:
            return
        self._over.clear()
        self._thread = threading.get_ident()
        gc.callbacks.append(self._collector)
        self._watcher = threading.Thread(target=self._watch, name="minirt watchdog", daemon=True)
        self._watcher.start()

    def stop(self) -> None:
        self._over.set()
        if self._collector in gc.callbacks:
            gc.callbacks.remove(self._collector)
        if self._watcher.is_alive():
            self._watcher.join()
        self.look_from_outside(None)

    def look_from_outside(self, outside: Outside | None) -> None:
        """From now on nobody says when a callback begins; None: from now on somebody does."""
        self._began = 0.0
        before, self._outside = self._outside, outside
        if before is not None:
            before.end()

    def begin(self) -> None:
        """A callback is called."""
        self._number += 1
        self._noting = 0.0
        self._used = thread_time()
        self._began = monotonic()

    def excuse(self, since: float) -> None:
        """From that moment (s, monotonic) until now something was noted."""
        self._noting += monotonic() - since

    def end(self) -> Held | None:
        """It came back. What there is to say of it, if it held the loop."""
        if not self._began:
            return None  # in the middle of it the trace was taken off
        took, self._began = monotonic() - self._began - self._noting, 0.0
        number, seen = self._seen
        if number != self._number:
            seen = Seen()
        return seen.verdict(took, thread_time() - self._used, self._noting)

    def _collector(self, phase: str, about: object) -> None:
        if phase == "start":
            self._collects = monotonic()
        elif threading.get_ident() == self._thread:
            self.collected += monotonic() - self._collects
            self.excuse(self._collects)

    def _watch(self) -> None:
        pause = LOOK
        while not self._over.wait(pause):
            outside, pause = self._outside, LOOK
            if outside is not None:
                pause = CLOSER if outside.look(self._thread, self.collected) else LOOK
                continue
            began, number = self._began, self._number
            if began and monotonic() - began > EARLY:
                frame = sys._current_frames().get(self._thread)
                self._look(number, frames_up(frame))
                del frame
                self._look_for_the_end(number, began)

    def _look(self, number: int, frames: Sequence[FrameType]) -> None:
        codes = [frame.f_code for frame in frames]
        if self._around not in codes:
            return
        if self._seen[0] != number:
            self._seen = (number, Seen())
        self._seen[1].look(frames[len(codes) - codes[::-1].index(self._around) :])

    def _look_for_the_end(self, number: int, began: float) -> None:
        took, tell = monotonic() - began - self._noting, self.tell
        if took < STILL or tell is None or self._told == number or self._seen[0] != number:
            return
        self._told = number
        now = processor_time(self._thread)
        used = None if now is None else now - self._used
        held = self._seen[1].verdict(took, used, self._noting)
        if held is not None and self._began == began:
            tell(held._replace(is_over=False))
