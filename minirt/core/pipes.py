"""How do two ends talk to each other where there are no sockets?

Through two pipes, one each way. In a web page pipes are real: `select` and `poll` wait for them. A
pair of these stands there in the place of a pair of sockets, as what wakes a loop, and for whoever
wants to see a descriptor become ready.
"""

import os
from typing import Any


class Pipes:
    """One end, with those methods of a socket that a pipe can have."""

    def __init__(self, own: int, others: int) -> None:
        self._own = own  # the descriptor that this end reads
        self._others = others  # and the one that it writes

    def __repr__(self) -> str:
        return f"<one end of two pipes, fd={self._own}>"

    def fileno(self) -> int:
        """The number to wait for; -1 when it is closed."""
        return self._own

    def setblocking(self, flag: bool) -> None:
        """As a socket's."""
        for number in (self._own, self._others):
            os.set_blocking(number, flag)

    def recv(self, size: int, flags: int = 0) -> bytes:
        """What has come; b"" when the other end is closed; BlockingIOError when nothing has."""
        return os.read(self._own, size)

    def send(self, data: Any) -> int:
        """How many bytes were taken."""
        return os.write(self._others, data)

    def sendall(self, data: Any) -> None:
        """A pipe of a page takes all of it."""
        self.send(data)

    def close(self) -> None:
        """Both descriptors are given back; a second call does nothing."""
        numbers, self._own, self._others = {self._own, self._others}, -1, -1
        for number in numbers - {-1}:
            os.close(number)

    def __enter__(self) -> "Pipes":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def pair(*kind: object) -> tuple[Pipes, Pipes]:
    """Both ends: what is sent at one comes out of the other. kind: as for `socket.socketpair`."""
    there, back = os.pipe(), os.pipe()
    return Pipes(there[0], back[1]), Pipes(back[0], there[1])
