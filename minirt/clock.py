"""What time is it? The loop asks a clock, so that a test or a lesson may bring its own."""

import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Seconds that never run backwards. Only differences mean something."""

    @property
    def now(self) -> Callable[[], float]:
        """Called, it gives the time in seconds."""

    def sleep(self, seconds: float) -> None:
        """Let this much time pass for whoever calls."""

    def spend(self, seconds: float) -> None:
        """The work done now takes about this long: simulated time must be told."""


class MonotonicClock:
    """The machine's clock that no one can set: `time.monotonic`."""

    def __init__(self) -> None:
        self.now = time.monotonic  # the bare function: a method would double its cost

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def spend(self, seconds: float) -> None:
        """The work itself takes the time."""


class ManualClock:
    """A clock that moves only when it is told to."""

    def __init__(self, start: float = 0.0) -> None:
        self._now = start  # seconds

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> float:
        """Move forward by `seconds` (ValueError below zero) and return the new time."""
        if seconds < 0:
            raise ValueError(f"time cannot run backwards by {-seconds} s. Advance by zero or more")
        self._now += seconds
        return self._now

    def sleep(self, seconds: float) -> None:
        """Sleeping is moving the clock: no real time passes."""
        self.advance(seconds)

    def spend(self, seconds: float) -> None:
        """Work takes time, here too."""
        self.advance(seconds)
