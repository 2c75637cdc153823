"""What does a runtime stand on? A clock, a pool and a poll, as one bundle."""

import errno
import os
import select
import selectors
import socket
from collections.abc import Callable
from typing import Protocol

from minirt.clock import Clock, MonotonicClock
from minirt.core.epoll import EpollPoll, Poll, SelectorPoll
from minirt.core.threadpool import Schedule, ThreadPool


class Connection(Protocol):
    """What a module needs of a non-blocking socket; `socket.socket` has it all."""

    def fileno(self) -> int: ...
    def send(self, data: bytes) -> int: ...
    def recv(self, size: int) -> bytes: ...
    def getsockopt(self, level: int, option: int) -> int: ...
    def close(self) -> None: ...


class System(Protocol):
    """The bundle: `RealSystem` in real time, `Simulation` in simulated time."""

    @property
    def clock(self) -> Clock: ...
    def open_poll(self) -> Poll: ...
    def open_pool(
        self, threads: int, wake: Callable[[], None], schedule: Schedule, max_waiting: int | None
    ) -> ThreadPool: ...
    def connect(self, host: str, port: int) -> Connection: ...
    def enter_loop(self) -> None: ...


class RealSystem:
    """The machine's own clock, real threads, and the kernel's readiness.

    `poll` makes the poll: EpollPoll where there is epoll, SelectorPoll elsewhere or with
    MINIRT_POLL=selectors set.
    """

    def __init__(self, clock: Clock | None = None, poll: Callable[[], Poll] | None = None) -> None:
        self.clock: Clock = clock or MonotonicClock()
        self._poll = poll or default_poll()

    def open_poll(self) -> Poll:
        return self._poll()

    def open_pool(
        self, threads: int, wake: Callable[[], None], schedule: Schedule, max_waiting: int | None
    ) -> ThreadPool:
        return ThreadPool(threads, wake, self.clock, schedule, max_waiting)

    def connect(self, host: str, port: int) -> Connection:
        """A socket on its way to (host, port): `host` is an address in digits. Does not block."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            error = connection.connect_ex((host, port))
            if error not in (0, errno.EINPROGRESS):  # otherwise SO_ERROR tells, once it is writable
                raise OSError(error, os.strerror(error))
        except BaseException:
            connection.close()
            raise
        return connection

    def enter_loop(self) -> None:
        """main is over and the first turn begins. In real time there is nothing to do."""


def default_poll() -> Callable[[], Poll]:
    """Which poll this system has."""
    if hasattr(select, "epoll") and os.environ.get("MINIRT_POLL") != "selectors":
        return EpollPoll
    if os.environ.get("MINIRT_POLL") == "selectors" and hasattr(selectors, "PollSelector"):
        return lambda: SelectorPoll(selectors.PollSelector)
    return SelectorPoll
