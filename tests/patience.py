"""What hangs fails, and says where: a signal ends it after a while."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

PATIENCE = 15  # s


class Hung(BaseException):
    """It did not end by itself."""


@contextmanager
def patience(seconds: float = PATIENCE) -> Iterator[None]:
    """What takes longer is ended by `Hung`. In the main thread; SIGALRM is pytest-timeout's."""

    def give_up(number: int, frame: FrameType | None) -> None:
        raise Hung(f"still at work after {seconds} s")

    before = signal.signal(signal.SIGUSR2, give_up)
    watchdog = threading.Timer(seconds, lambda: os.kill(os.getpid(), signal.SIGUSR2))
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()
        watchdog.join()
        signal.signal(signal.SIGUSR2, before)
