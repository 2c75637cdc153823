"""How does a person watch a program that is faster than the eye?

A `Gate` stands before every callback: it can be shut, opened for one callback, and narrowed. The
program's clock passes through it as well: while the program is paused its time stands still, while
it is slowed its time is slow, so that its timers keep the order that they would have had.
"""

import threading
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, TypeAlias

from minirt.clock import Clock

SPACING = 0.1  # s between two callbacks at half the speed; at a tenth of it nine times as much
SLOWEST, FASTEST = 0.01, 100.0

Waiting: TypeAlias = tuple[int | None, Mapping[str, Any]]  # identity, and where it was written
Line: TypeAlias = tuple[float, float, float]  # real time and program time of one moment, and rate


class PacedClock:
    """The program's time: it starts as `base`, and from then on flows `rate` times as fast."""

    def __init__(self, base: Clock) -> None:
        self._base = base
        self._real = base.now
        self._lock = threading.Lock()
        self._line: Line = (0.0, 0.0, 1.0)
        self._was_paced = False  # until then it shows the time of `base`

    @property
    def rate(self) -> float:
        """Seconds of the program in one real second; 0 while it is paused."""
        return self._line[2]

    def set_rate(self, rate: float) -> None:
        """From now on time flows `rate` times as fast. Any thread may call this."""
        with self._lock:
            if rate != self._line[2]:
                self._was_paced = True  # first: who looks from now on waits for the lock
                real = self._real()
                self._line = (real, self._at(real), rate)

    def now(self) -> float:
        """The program's time in seconds."""
        if not self._was_paced:
            return self._real()
        with self._lock:
            return self._at(self._real())

    def sleep(self, seconds: float) -> None:
        """In real seconds: a task sleeps here, and only the loop's own time is slowed."""
        self._base.sleep(seconds)

    def spend(self, seconds: float) -> None:
        self._base.spend(seconds)

    def real_seconds(self, seconds: float | None) -> float | None:
        """How long to sleep until `seconds` of the program have passed. None: for ever."""
        rate = self._line[2]
        if not seconds:
            return seconds
        return seconds / rate if rate else None

    def _at(self, real: float) -> float:
        since, program, rate = self._line
        return program + (real - since) * rate


class Gate:
    """Lets callbacks through: all, one at a time, or slowly. Any thread may call its methods.

    `clock` is the program's; `on_change` is called after each change: it wakes a loop that sleeps.
    """

    def __init__(self, speed: float = 1.0, paused: bool = False) -> None:
        self._condition = threading.Condition()
        self._paused = paused
        self._speed = checked_speed(speed)
        self._steps = 0  # callbacks that may pass although it is shut
        self._inside = False  # a callback passed and is not back yet
        self._asked: float | None = None  # s: when a pause was asked for that nobody heard yet
        self.holding = False  # a callback waits here
        self.next: Waiting | None = None  # which one
        self.stopped = False
        self.clock: PacedClock | None = None
        self.on_change: Callable[[], object] = _nothing
        self.is_open = False  # wide open: no callback needs to stop here
        self._change()

    @property
    def is_neutral(self) -> bool:
        """Wide open and at full speed: the program would run the same without a gate."""
        return self.is_open and self._speed == 1

    @property
    def paused(self) -> bool:
        """Is it shut?"""
        return self._paused

    @property
    def speed(self) -> float:
        """How fast the program's time flows while it is not paused."""
        return self._speed

    def pause(self) -> None:
        """No callback passes from now on. The one that runs comes to its end (see `unheard`)."""
        self._set(paused=True, steps=0)

    def resume(self) -> None:
        """All pass again."""
        self._set(paused=False, steps=0)

    def step(self) -> None:
        """One callback passes; if the gate was open it is shut, and none does."""
        self._set(paused=True, steps=self._steps + 1 if self._paused else 0)

    def set_speed(self, speed: float) -> None:
        """Below 1 there also is a moment between two callbacks, so that the eye can follow."""
        self._set(speed=checked_speed(speed))

    def stop(self) -> None:
        """Whoever waits here is let go, and `enter` says False."""
        self._set(stopped=True)

    def unheard(self) -> float:
        """For how long does a callback not come to its end although there is a pause (s)?"""
        asked = self._asked
        return 0.0 if asked is None else monotonic() - asked

    def hear(self) -> None:
        """The pause has begun: no callback runs."""
        self._asked = None

    def enter(self, identity: int | None = None, place: Mapping[str, Any] | None = None) -> bool:
        """Called on the loop's thread before a callback: wait for its turn.

        identity, place: of the callback, for who looks on. False when it may not run at all.
        """
        if self.is_open:
            return True
        with self._condition:
            self.holding, self.next = True, (identity, place or {})
            self.hear()
            self._flow()
            try:
                self._wait()
            finally:  # an interrupt may come
                self.holding, self.next = False, None
            self._inside = True
            self._flow()
            return not self.stopped

    def leave(self) -> None:
        """Called on the loop's thread after a callback."""
        if self._inside:
            with self._condition:
                self._inside = False
                self._flow()

    def _wait(self) -> None:
        since = monotonic()
        while not self.stopped:
            if not self._paused:
                left = since + spacing(self._speed) - monotonic()
                if left <= 0:
                    return
                self._condition.wait(left)
            elif self._steps:
                self._steps -= 1
                return
            else:
                self._condition.wait()

    def attach(self, clock: PacedClock | None, on_change: Callable[[], object]) -> None:
        """From now on `clock` follows this gate, and `on_change` hears of it."""
        self.clock = clock
        self.on_change = on_change
        self._set()

    def _set(
        self,
        paused: bool | None = None,
        steps: int | None = None,
        speed: float | None = None,
        stopped: bool = False,
    ) -> None:
        with self._condition:
            if paused is not None and paused != self._paused:
                self._asked = monotonic() if paused else None
            self._paused = self._paused if paused is None else paused
            self._steps = self._steps if steps is None else steps
            self._speed = self._speed if speed is None else speed
            self.stopped = self.stopped or stopped
            self._change()
            self._condition.notify_all()
        self.on_change()

    def _change(self) -> None:
        self.is_open = not self._paused and self._speed >= 1 and not self.stopped
        self._flow()

    def _flow(self) -> None:
        if self.clock is not None:
            still = self.holding or (self._paused and not self._steps and not self._inside)
            self.clock.set_rate(0 if still and not self.stopped else self._speed)


def checked_speed(speed: float) -> float:
    """`speed`, if a program can run at it; ValueError otherwise."""
    if isinstance(speed, bool) or not isinstance(speed, int | float):
        raise TypeError(
            f"got speed={speed!r}, expected a number: 1 is the usual speed, 0.1 a tenth of it"
        )
    if not SLOWEST <= speed <= FASTEST:
        raise ValueError(
            f"speed={speed!r}: a program runs at {SLOWEST} to {FASTEST:.0f} times its speed"
        )
    return float(speed)


def spacing(speed: float) -> float:
    """Seconds between two callbacks, so that a person can follow."""
    return SPACING * (1 / speed - 1) if speed < 1 else 0.0


def _nothing() -> None:
    """There is no loop to wake."""
