"""How do a server and its clients meet in simulated time?

In one program: who connects to a place where it listens itself gets a connection of two ends. What
one end sends arrives at the other a little later, in order, and only so much may be on its way or
unread: then the sender has to wait, as for a real kernel.
"""

import errno
from collections import deque
from collections.abc import Callable
from typing import Protocol, TypeAlias

from minirt.core.polls import READ, WRITE

Place: TypeAlias = tuple[str, int]  # host, port
ROOM = 256 * 1024  # bytes on their way to an end, or unread there
FIRST_PORT = 49_152  # of those that are given where nobody asks for one
EVERY_HOST = ("0.0.0.0", "::")
OF_THIS_MACHINE = {"localhost": "127.0.0.1"}.get


class Surroundings(Protocol):
    """What the simulation gives."""

    def later(self, action: Callable[[], object], after: float = 0.0) -> float: ...
    def changed(self, number: int) -> None: ...
    def new_number(self) -> int: ...


class SimulatedFile:
    """Something with a descriptor that a simulation can wait for."""

    _number = -1

    def fileno(self) -> int:
        return self._number

    @property
    def readiness(self) -> int:
        """What a poll would say of it now, as the bits of `Ready`."""
        raise NotImplementedError

    def setblocking(self, flag: bool) -> None:
        """Nothing here ever blocks."""

    def setsockopt(self, *option: object) -> None:
        """None makes a difference here."""

    def getsockopt(self, level: int, option: int) -> int:
        return 0  # no error

    def close(self) -> None:
        self._number = -1


class End(SimulatedFile):
    """One end of a connection within the program."""

    other: "End"

    def __init__(self, around: Surroundings, own: Place, peer: Place) -> None:
        self._around = around
        self._number = around.new_number()
        self._own, self._peer = own, peer
        self._arrived = bytearray()
        self._under_way = 0  # bytes
        self._last = 0.0  # s: when what was sent last arrives
        self._has_ended = False  # the other end has said so

    def __repr__(self) -> str:
        return f"<simulated connection {self._number}>"

    def send(self, data: bytes) -> int:
        other = self.other
        if other._number < 0:
            raise BrokenPipeError(errno.EPIPE, "the other end is closed")
        room = ROOM - other._under_way - len(other._arrived)
        sent = bytes(memoryview(data)[: max(room, 0)])
        if not sent and len(data):
            raise BlockingIOError
        other._under_way += len(sent)
        self._last = self._around.later(lambda: other._arrive(sent), self._last)
        return len(sent)

    def recv(self, size: int) -> bytes:
        if not self._arrived and not self._has_ended:
            raise BlockingIOError
        data = bytes(self._arrived[:size])
        del self._arrived[:size]
        self._around.changed(self.other._number)  # there is room again
        return data

    def shutdown(self, how: int) -> None:
        """The other end reads to the end of what was sent, and then that this was all."""
        other = self.other
        self._last = self._around.later(other._end, self._last)

    def close(self) -> None:
        if self._number >= 0:
            super().close()
            self.shutdown(0)
            self._arrived.clear()

    def getsockname(self) -> Place:
        return self._own

    def getpeername(self) -> Place:
        return self._peer

    @property
    def readiness(self) -> int:
        other = self.other
        is_full = other._under_way + len(other._arrived) >= ROOM
        bits = 0 if is_full and other._number >= 0 else WRITE
        return bits | READ if self._arrived or self._has_ended else bits

    def _arrive(self, data: bytes) -> None:
        self._under_way -= len(data)
        if self._number >= 0:
            self._arrived += data
            self._around.changed(self._number)

    def _end(self) -> None:
        self._has_ended = True
        self._around.changed(self._number)


class Listening(SimulatedFile):
    """Where clients may come."""

    def __init__(self, around: Surroundings, place: Place, given_up: Callable[[], object]) -> None:
        self._around = around
        self._number = around.new_number()
        self._place = place
        self._given_up = given_up
        self._waiting: deque[End] = deque()

    def __repr__(self) -> str:
        return f"<simulated server {self._place[0]}:{self._place[1]}>"

    def getsockname(self) -> Place:
        return self._place

    @property
    def readiness(self) -> int:
        return READ if self._waiting else 0

    def accept(self) -> tuple[End, Place]:
        if not self._waiting:
            raise BlockingIOError
        end = self._waiting.popleft()
        return end, end.getpeername()

    def close(self) -> None:
        if self._number >= 0:
            super().close()
            self._given_up()
            while self._waiting:
                self._waiting.popleft().close()

    def connect(self) -> End:
        """The client's end; the other one waits to be accepted."""
        own = (self._place[0], self._around.new_number() % 10_000 + FIRST_PORT)
        client, server = End(self._around, own, self._place), End(self._around, self._place, own)
        client.other, server.other = server, client
        self._around.later(lambda: self._come(server))
        return client

    def _come(self, server: End) -> None:
        if self._number < 0:
            server.close()
        else:
            self._waiting.append(server)
            self._around.changed(self._number)


class Ports:
    """Who listens where, in one simulation."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._listening: dict[Place, Listening] = {}

    def listen(self, host: str, port: int) -> Listening:
        """A server there. Port 0 takes a free one; OSError where somebody listens already."""
        host = OF_THIS_MACHINE(host, host)
        if port == 0:
            taken = {port for _, port in self._listening}
            port = next(one for one in range(FIRST_PORT, 65_536) if one not in taken)
        place = (host, port)
        if place in self._listening:
            raise OSError(errno.EADDRINUSE, f"somebody listens on {host}:{port} already")
        listening = Listening(self._around, place, lambda: self._listening.pop(place, None))
        self._listening[place] = listening
        return listening

    def find(self, host: str, port: int) -> Listening | None:
        """Who listens there."""
        hosts = (OF_THIS_MACHINE(host, host), *EVERY_HOST)
        found = (self._listening.get((one, port)) for one in hosts)
        return next((one for one in found if one is not None), None)
