"""What becomes of an `at_close` that an interrupt ends?

Each step of a close can be done again, so that no interrupt leaves a descriptor open. But one that
never ends would be called again for ever. So a step that takes long is the one that the interrupt
was meant for, and is over; one that has just begun was split by chance, and is done again.
"""

from collections.abc import Callable
from time import monotonic

SHORT = 0.005  # s


class GivingBack:
    """A call of `at_close`, made again after an interrupt that came by chance."""

    __slots__ = ("_close", "_is_over")

    def __init__(self, close: Callable[[], object]) -> None:
        self._close = close
        self._is_over = False

    def __call__(self) -> None:
        if self._is_over:
            return
        began = monotonic()
        try:
            self._close()
        except KeyboardInterrupt:
            self._is_over = monotonic() - began > SHORT
            raise
