"""What becomes of a chunk that is written?

The kernel takes at once what its own buffer has room for. `write` does not block, so the rest waits
here until the descriptor is writable, and `write` says False: go on at on_drain. A program that
goes on at once, to a peer that does not read, would fill the memory; fifty such connections took
1.7 GB in two seconds. Node has no limit there. Here a socket fails when too much waits in it, or in
all sockets of the runtime together, and the others go on.
"""

import socket
from collections.abc import Callable
from threading import get_ident
from typing import Any

from minirt.core.callbacks import Listener
from minirt.core.polls import Interest
from minirt.core.system import Connection
from minirt.errors import StateError, TooMuchUnsent, short_repr
from minirt.modules.handlers import nobody
from minirt.node.runtime import Runtime
from minirt.values import Js

LIMIT = 64 * 2**20  # bytes that may wait in one socket
LIMIT_OF_ALL = 256 * 2**20  # bytes that may wait in all sockets of a runtime


def octets(chunk: object) -> bytes | memoryview:
    """The bytes of anything bytes-like, in a row. TypeError for what is not.

    `len` counts the items of an array, and a slice takes items; only of bytes they are bytes.
    """
    try:
        view = memoryview(chunk)  # type: ignore[arg-type]
    except TypeError:
        hint = ". Encode it: write(text.encode())" if isinstance(chunk, str) else ""
        raise TypeError(f"got {short_repr(chunk)}, expected bytes{hint}") from None
    try:
        return view.cast("B")
    except (TypeError, ValueError):  # with gaps, or of items that Python cannot read
        return view.tobytes()


class Total:
    """What waits in all sockets of a runtime together."""

    __slots__ = ("size",)

    def __init__(self) -> None:
        self.size = 0  # bytes


def total_of(runtime: Runtime) -> Total:
    """The one total of this runtime."""
    total: Total = runtime.of_modules.setdefault(Total, Total())
    return total


class Outbound:
    """The writing side of a socket.

    Calls `drained` when nothing waits any more, `finished` when the peer was told of the end, and
    `failed` with an error; each as the last thing that it does.
    """

    __slots__ = (
        *("_connection", "_drained", "_failed", "_finished", "_is_ready", "_listener", "_loop"),
        *("_send", "_thread", "_total", "_waiting", "is_ending", "is_finished", "limit"),
        "peer_has_ended",
    )

    def __init__(
        self,
        runtime: Runtime,
        identity: int,
        drained: Callable[[], object],
        finished: Callable[[], object],
        failed: Callable[[Exception], object],
    ) -> None:
        self._loop = runtime.loop
        self._thread = runtime.loop.thread
        self._total = total_of(runtime)
        self._drained = drained
        self._finished = finished
        self._failed = failed
        self._listener = Listener(identity, None)
        self._connection: Connection | None = None  # None: not yet, or not any more
        self._waiting = bytearray()  # what the kernel has not taken
        self._is_ready = False  # connected, not ended, and nothing waits
        self.is_ending = False  # end() was called
        self.is_finished = False  # the peer was told
        self.peer_has_ended = False  # to write more is no mistake of the program's then
        self.limit = LIMIT

    @property
    def has_unsent(self) -> bool:
        """Does something wait to be sent?"""
        return bool(self._waiting)

    def open(self, connection: Connection) -> None:
        """From now on it can be sent."""
        self._connection = connection
        self._send: Callable[[Any], int] = connection.send  # takes anything bytes-like
        self._is_ready = not self._waiting and not self.is_ending
        if self._waiting:
            self._watch()
        elif self.is_ending:
            self._finish()

    def write(self, chunk: object) -> bool:
        """As `Socket.write`."""
        if get_ident() != self._thread or type(chunk) is not bytes or not self._is_ready:
            if self._loop.thread:
                self._loop.check_thread()
            chunk = octets(chunk)
            if not self._is_ready:
                return self._send_later(chunk)
        try:
            sent = self._send(chunk)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._failed(error)
            return False
        if sent == len(chunk):
            return True
        return self._send_later(memoryview(chunk)[sent:])

    def end(self) -> None:
        """Tell the peer that this was all, after what waits."""
        if self.is_ending:
            return
        self.is_ending = True
        self._is_ready = False
        if self._connection is not None and not self._waiting:
            self._finish()

    def close(self) -> None:
        """Nothing is sent any more; what waits is lost."""
        self.is_ending = self.peer_has_ended = True
        self._is_ready = False
        self._connection = None
        self._remove(len(self._waiting))
        self._drained = self._finished = self._failed = nobody  # no circle of objects is left

    def writable(self, readiness: Js) -> None:
        """Send on."""
        try:
            sent = self._send(self._waiting)
        except BlockingIOError:
            return
        except OSError as error:
            self._failed(error)
            return
        self._remove(sent)
        if self._waiting or self._connection is None:
            return
        self._loop.unwatch(self._connection, Interest.WRITABLE)
        if self.is_ending:
            self._finish()
        else:
            self._is_ready = True
            self._drained()

    def _send_later(self, chunk: bytes | memoryview) -> bool:
        if self.is_ending and self.peer_has_ended:
            return False
        if self.is_ending:
            raise StateError("this socket has ended, and nothing can follow. write() before end()")
        if not chunk:
            return not self._waiting
        error = self._refusal(len(chunk))
        if error is not None:
            self._failed(error)
            return False
        self._waiting += chunk
        self._total.size += len(chunk)
        self._is_ready = False
        if self._connection is not None:
            self._watch()
        return False

    def _refusal(self, more: int) -> TooMuchUnsent | None:
        """Why no more may wait; None when it may."""
        if len(self._waiting) + more > self.limit:
            return TooMuchUnsent("this socket", self.limit)
        if self._total.size + more > LIMIT_OF_ALL:
            return TooMuchUnsent("all sockets together", LIMIT_OF_ALL)
        return None

    def _remove(self, count: int) -> None:
        """The first `count` bytes wait no longer."""
        del self._waiting[:count]
        self._total.size -= count

    def _watch(self) -> None:
        if self._connection is not None and not self._listener.watches:
            self._listener.callback = self.writable
            self._loop.listen(self._connection, Interest.WRITABLE, self._listener)

    def _finish(self) -> None:
        """All is sent: say so."""
        assert self._connection is not None
        self.is_finished = True
        try:
            self._connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the connection is gone, and reading will tell
        self._finished()
