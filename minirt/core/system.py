"""What does a loop stand on? A clock, a pool, a poll, and a network, as one bundle.

There are two: the real one, and the simulation. Nothing above asks which one it has: where they
differ, they differ in a method of the bundle.
"""

import errno
import os
import select
import selectors
import socket
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, TypeVar

from minirt.clock import Clock, MonotonicClock
from minirt.core.epoll import EpollPoll
from minirt.core.policies import Schedule
from minirt.core.polls import Poll
from minirt.core.selector import SelectorPoll
from minirt.core.threadpool import ThreadPool
from minirt.values import Callback

# What a peer answers to all that it has received: None while the request is incomplete,
# else its chunks as (seconds from now, bytes). After the last one it closes.
Answer: TypeAlias = Callable[[bytes], list[tuple[float, bytes]] | None]
Place: TypeAlias = tuple[str, int]  # host, port
AnyClock = TypeVar("AnyClock")


class Connection(Protocol):
    """What a module needs of a non-blocking socket; `socket.socket` has it all."""

    def fileno(self) -> int: ...
    def send(self, data: Any) -> int: ...  # anything bytes-like
    def recv(self, size: int) -> bytes: ...
    def getsockopt(self, level: int, option: int) -> int: ...
    def getsockname(self) -> Any: ...
    def getpeername(self) -> Any: ...
    def shutdown(self, how: int) -> None: ...
    def close(self) -> None: ...


class System(Protocol):
    """The bundle: `RealSystem` in real time, `Simulation` in simulated time."""

    @property
    def clock(self) -> Clock: ...
    def open_poll(self) -> Poll: ...
    def open_pool(
        self,
        threads: int,
        wake: Callable[[], None],
        schedule: Schedule,
        max_waiting: int | None,
        name: str = "pool",
    ) -> ThreadPool: ...
    def addresses(self, host: str) -> list[str] | None: ...
    def look_up(self, host: str) -> list[str]: ...
    def listen(self, place: Place, start: Callable[[], Any]) -> Any: ...
    def connect(self, address: str, port: int) -> Connection: ...
    def serve(self, answer: Answer, start: Callable[[], Place]) -> Place: ...
    def deliver(self, receive: Callable[[Callback], object], message: Callback) -> None: ...
    def enter_loop(self) -> None: ...
    def paced(self, pace: Callable[[Clock], AnyClock]) -> AnyClock | None: ...


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
        self,
        threads: int,
        wake: Callable[[], None],
        schedule: Schedule,
        max_waiting: int | None,
        name: str = "pool",
    ) -> ThreadPool:
        return ThreadPool(threads, wake, self.clock, schedule, max_waiting, name=name)

    def addresses(self, host: str) -> list[str] | None:
        """The addresses of `host`, if nobody has to be asked: it is one. None: see `look_up`."""
        return [host] if is_address(host) else None

    def look_up(self, host: str) -> list[str]:
        """Every address of a name, in the system's order (RFC 6724). Blocks: for the pool."""
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(address_of(place) for *_, place in found))

    def listen(self, place: Place, start: Callable[[], Any]) -> Any:
        """A socket that listens at this place: the one that `start` makes."""
        return start()

    def connect(self, address: str, port: int) -> Connection:
        """A socket on its way to an address in digits. Does not block."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            error = connection.connect_ex((address, port))
            if error not in (0, errno.EINPROGRESS):  # otherwise SO_ERROR tells, once it is writable
                raise OSError(error, os.strerror(error))
        except BaseException:
            connection.close()
            raise
        return connection

    def serve(self, answer: Answer, start: Callable[[], Place]) -> Place:
        """Where somebody answers as `answer` says: `start` starts a server that does."""
        return start()

    def deliver(self, receive: Callable[[Callback], object], message: Callback) -> None:
        """A thread hands the loop a message: it is there at once."""
        receive(message)

    def enter_loop(self) -> None:
        """main is over and the first turn begins. In real time there is nothing to do."""

    def paced(self, pace: Callable[[Clock], AnyClock]) -> AnyClock | None:
        """A clock on top of the bundle's own, which a person can slow down or halt."""
        return pace(self.clock)


def is_address(host: str) -> bool:
    """Is `host` an address in digits, which nobody has to look up?"""
    import ipaddress  # most programs connect to nobody

    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return host.isascii() and host.isprintable()  # a zone, after %, may be anything


def address_of(place: tuple[Any, ...]) -> str:
    """The host in a socket's address. An IPv6 address of one link is complete with its zone."""
    zone = place[3] if len(place) == 4 else 0
    return f"{place[0]}%{zone}" if zone and "%" not in place[0] else str(place[0])


def default_poll() -> Callable[[], Poll]:
    """Which poll this system has."""
    if hasattr(select, "epoll") and os.environ.get("MINIRT_POLL") != "selectors":
        return EpollPoll
    if os.environ.get("MINIRT_POLL") == "selectors" and hasattr(selectors, "PollSelector"):
        return lambda: SelectorPoll(selectors.PollSelector)
    return SelectorPoll
