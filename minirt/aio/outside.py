"""Which callback holds a loop that tells nothing?

A thread looks at it, and asks two things that cost the loop nothing: which turn is this, and which
handle is at work? Where both are the same as before, this callback has run since then. A handle is
called once, and so the same one is the same call.
"""

import asyncio
import sys
import weakref
from collections.abc import Callable, Sequence
from time import monotonic
from types import FrameType
from typing import Any

from minirt.aio.chain import frames_up
from minirt.aio.held import STILL, Held, Seen, processor_time
from minirt.aio.rounds import Rounds


class Outside:
    """Looks at one loop. tell: of whom, by its handle's callback, and what there is to say."""

    def __init__(self, rounds: Rounds, tell: Callable[[Any, Held], object]) -> None:
        self._rounds = rounds
        self._tell = tell
        self._turn = 0
        self._call: _Call | None = None  # the one that was seen at work

    def look(self, thread: int, collected: float) -> bool:
        """Is a callback at work that was at work before? On the watchdog's thread.

        thread: of the loop. collected: s that the garbage collector took in it so far.
        """
        rounds = self._rounds
        turn = rounds.turns if rounds.phase == "round" else 0
        before, self._turn = self._turn, turn
        if not turn or turn != before:
            self.end()
            return False
        frame = sys._current_frames().get(thread)
        handle, inside = at_work(frames_up(frame), rounds)
        del frame
        if self._call is not None and self._call.handle() is not handle:
            self.end()
        if handle is None:
            return False
        if self._call is None:
            self._call = _Call(handle, thread, collected)
        self._call.look(inside, collected)
        held = self._call.still()
        if held is not None:
            self._tell(self._call.callback, held)
        return True

    def end(self) -> None:
        """No callback is seen at work any more."""
        call, self._call = self._call, None
        held = None if call is None else call.verdict()
        if call is not None and held is not None:
            self._tell(call.callback, held)


class _Call:
    """One call of a callback, as far as it was seen."""

    def __init__(self, handle: asyncio.Handle, thread: int, collected: float) -> None:
        self.handle = weakref.ref(handle)
        self.callback: Any = handle._callback  # type: ignore[attr-defined]
        self._thread = thread
        self._first, self._last = monotonic(), 0.0
        self._used_before = self._used = processor_time(thread)
        self._is_told = False
        self._collected_before, self._collected = collected, collected
        self._seen = Seen()

    def look(self, inside: Sequence[FrameType], collected: float) -> None:
        self._last, self._used = monotonic(), processor_time(self._thread)
        self._collected = collected
        self._seen.look(inside)

    def verdict(self) -> Held | None:
        """What there is to say of it, if it held the loop. It took this long at least."""
        excused = self._collected - self._collected_before
        known = self._used is not None and self._used_before is not None
        used = (self._used or 0) - (self._used_before or 0) if known else None
        return self._seen.verdict(self._last - self._first - excused, used, excused, is_least=True)

    def still(self) -> Held | None:
        """What there is to say of it already, once."""
        if self._is_told or self._last - self._first < STILL:
            return None
        self._is_told = True
        held = self.verdict()
        return None if held is None else held._replace(is_over=False)


def at_work(
    frames: Sequence[FrameType], rounds: Rounds
) -> tuple[asyncio.Handle | None, Sequence[FrameType]]:
    """The handle that is called now, and the frames below its call. frames: outermost first."""
    code = getattr(rounds.call_unwatched, "__code__", None)
    for at in range(len(frames) - 1, -1, -1):
        if frames[at].f_code is code:
            kept = frames[at].f_locals
            found = next((one for one in kept.values() if isinstance(one, asyncio.Handle)), None)
            if type(kept) is dict:  # before 3.13 the frame would keep it, and all that it has
                kept.clear()
            return found, frames[at + 1 :]
    return None, ()
