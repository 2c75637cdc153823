"""How does the loop sleep where there is no epoll?

With the standard library's `selectors`: kqueue on macOS, poll or select elsewhere. They keep
numbers and no files, so which file a number means is remembered here: its device and its inode. The
wake-up is a socket pair: Windows can wait for nothing else. In a web page, which has no sockets,
it is a pair of pipes.
"""

import os
import selectors
import socket
import stat
from collections.abc import Callable
from threading import RLock
from typing import Any

from minirt.core.callbacks import Listener
from minirt.core.machine import HAS_THREADS
from minirt.core.pipes import pair
from minirt.core.polls import Poll, Watch
from minirt.errors import NotPollable
from minirt.values import Js

LONGEST = 86_400.0  # s: a day. The system counts ms in an int; the loop asks again after that


class SelectorPoll(Poll):
    """Readiness from the standard library's `selectors`, for systems without epoll."""

    def __init__(
        self, make: Callable[[], selectors.BaseSelector] = selectors.DefaultSelector
    ) -> None:
        super().__init__()
        self._make = make
        self._closing = RLock()
        self._open()

    def poll(self, timeout: float | None) -> list[tuple[Listener, Js]]:
        events: list[tuple[Listener, Js]] = []
        if timeout is not None:
            timeout = min(timeout, LONGEST)
        for key, mask in self._selector.select(timeout):
            watch = self.watched.get(key.fd)
            if watch is None:
                self._wake_up.recv(4096)
            elif not self.is_open(watch):  # poll() calls a closed descriptor ready
                self._report_loss(watch)
            else:
                # EVENT_READ and EVENT_WRITE are 1 and 2, as in Ready
                self._answers(watch, mask, events)
        return events

    def wake(self) -> None:
        with self._closing:
            if self._waker.fileno() >= 0:
                try:
                    self._waker.send(b"\0")
                except BlockingIOError:
                    pass  # the pair is full of wake-ups: one more says nothing new

    def fileno(self) -> int | None:
        own: Callable[[], int] | None = getattr(self._selector, "fileno", None)
        return own() if own is not None else None

    def is_open(self, watch: Watch) -> bool:
        return file_of(watch.number) == watch.file

    def after_fork(self) -> None:
        self._closing = RLock()
        if self._waker.fileno() < 0:  # closed before
            return
        self._close_all()
        self._open()
        for watch in self.watched.values():
            if self.is_open(watch):
                self._selector.register(watch.number, watch.mask)

    def close(self) -> None:
        super().close()
        self._close_all()

    def __del__(self) -> None:
        if hasattr(self, "_waker"):  # a runtime that was never run
            self.close()

    def _open(self) -> None:
        self._selector = self._make()
        ends: tuple[Any, Any] = socket.socketpair() if HAS_THREADS else pair()
        self._wake_up, self._waker = ends
        self._wake_up.setblocking(False)
        self._waker.setblocking(False)
        self._selector.register(self._wake_up, selectors.EVENT_READ)

    def _close_all(self) -> None:
        with self._closing:
            self._waker.close()  # first: a thread must not wake what nobody reads any more
        self._wake_up.close()
        self._selector.close()

    def _tell_kernel(self, watch: Watch, before: int, after: int) -> None:
        if not after:
            try:
                self._selector.unregister(watch.number)
            except (KeyError, OSError):
                pass  # closed already: the kernel forgot it on its own
        elif before:
            self._selector.modify(watch.number, after)
        else:
            check_pollable(watch)  # as epoll does
            self._selector.register(watch.number, after)
            watch.file = file_of(watch.number)


def check_pollable(watch: Watch) -> None:
    """NotPollable for a file or a folder on a disk, which is always ready."""
    mode = os.fstat(watch.number).st_mode
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        raise NotPollable(watch.fileobj)


def file_of(number: int) -> tuple[int, int] | None:
    """Which file a descriptor means: device and inode. None when it is closed."""
    try:
        status = os.fstat(number)
    except OSError:
        return None
    return status.st_dev, status.st_ino
