"""Does a callback hold the loop, and in which line?

A busy machine may stop the whole process for a moment, and then each callback looks slow. So the
time alone is no proof. A callback that holds the loop used the processor itself for that long, or
it was seen twice at a call that waits. What the watching itself costs is nobody's fault, and does
not count. Nor does what Python's garbage collector takes: it comes to any line, and the events that
are kept make it slower.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from types import FrameType
from typing import NamedTuple

from minirt.aio.blocking import blocking_call, outside_of_import
from minirt.aio.chain import own_frame, source_of

HELD = 0.050  # s
STILL = 1.0  # s: a callback that does not come back is told of before its end
IDLE = 5  # a callback that waits uses the processor for less than this part of its time


class Held(NamedTuple):
    """A callback that took long."""

    took: float  # s
    file: str  # the reader's line that was at work, as far as it was seen
    line: int
    source: str
    blocks: str  # the call in it that waits: "time.sleep"; "" for one that computes
    is_least: bool = False  # it may have taken longer
    is_over: bool = True  # it came back


class Seen:
    """Where one callback was seen at work, and how often."""

    def __init__(self) -> None:
        self._places: Counter[tuple[str, int, str]] = Counter()  # file, line, what blocks

    def look(self, inside: Sequence[FrameType]) -> None:
        """It is here now. inside: its frames, the outermost first."""
        outside = outside_of_import(inside)
        own = own_frame(outside)
        if own is None:
            self._places["", 0, ""] += 1
        else:
            file, line = own.f_code.co_filename, own.f_lineno
            is_import = len(outside) < len(inside)
            blocks = "an import" if is_import else blocking_call(inside, file, line)
            self._places[file, line, blocks] += 1

    def verdict(
        self, took: float, used: float | None, excused: float, is_least: bool = False
    ) -> Held | None:
        """What there is to say of it, if it held the loop.

        took: s, in all, less what is excused; used: of the processor (None: nobody knows).
        """
        if took <= max(HELD, excused):  # the rest of the time is no proof
            return None
        times, (file, line, blocks) = self._places.total(), ("", 0, "")
        if times:
            (file, line, blocks), _ = self._places.most_common(1)[0]
        is_idle = used is not None and used < took / IDLE
        is_waiting = times > 1 and (blocks or is_idle)
        if (used is None or used - excused <= HELD) and not is_waiting:
            return None
        source = source_of(file, line) if file else ""
        return Held(took, file, line, source, blocks, is_least)


# the clock of another thread's processor time; not every system has one
clock_of_thread: Callable[[int], int] | None = getattr(time, "pthread_getcpuclockid", None)


def processor_time(thread: int) -> float | None:
    """How long this thread, which must not be over, used the processor (s); None: nobody knows."""
    return None if clock_of_thread is None else time.clock_gettime(clock_of_thread(thread))
