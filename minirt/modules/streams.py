"""How does a task read from a socket, chunk by chunk?

`async for chunk in socket` assigns the socket's handlers and keeps what comes until somebody asks.
Above `HIGH_WATER` bytes the socket is paused, and so the peer waits. A handler that was assigned
before is called as well; one that is assigned later replaces the stream's.

A task that is cancelled while it waits here leaves the socket open; `async with` closes it.
"""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minirt.awaiting.futures import Future
from minirt.values import Callback, Error, Js

if TYPE_CHECKING:
    from minirt.modules.sockets import Socket

HIGH_WATER = 65536  # bytes kept, above which reading pauses


class Stream:
    """What awaiting needs of one socket."""

    def __init__(self, socket: "Socket") -> None:
        self._socket = socket
        self._waiting: list[Future[Any]] = []
        self._chunks: deque[bytes] = deque()
        self._kept = 0  # bytes
        self._has_ended = self._is_reading = False
        self._error: BaseException | None = None
        for name, hear in (
            ("on_connect", self._woken),
            ("on_drain", self._woken),
            ("on_end", self._ended),
            ("on_close", self._ended),
        ):
            setattr(socket, name, both(hear, getattr(socket, name)))
        socket.on_error = self._failed

    async def next(self) -> bytes:
        """The next chunk. StopAsyncIteration at the end; an error of the connection is raised."""
        if not self._is_reading:
            self._is_reading = True
            self._socket.on_data = self._hear
        while not self._chunks:
            self._raise_error()
            if self._has_ended or self._socket.destroyed:
                raise StopAsyncIteration
            await self._change()
        chunk = self._chunks.popleft()
        self._kept -= len(chunk)
        if self._kept < HIGH_WATER and not self._socket.destroyed:
            self._socket.resume()
        return chunk

    async def until(self, reached: Callable[[], bool]) -> None:
        """Wait until that is so. An error of the connection is raised."""
        while not reached():
            self._raise_error()
            if self._socket.destroyed:
                raise ConnectionResetError("the connection is closed: make a new one")
            await self._change()
        self._raise_error()

    async def _change(self) -> None:
        future: Future[None] = Future()
        self._waiting.append(future)
        try:
            await future
        finally:
            if future in self._waiting:
                self._waiting.remove(future)

    def _raise_error(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    # What the socket calls

    def _woken(self, value: Js) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def _hear(self, value: Js) -> None:
        chunk = value.into_bytes() or b""
        self._chunks.append(chunk)
        self._kept += len(chunk)
        if self._kept >= HIGH_WATER:
            self._socket.pause()
        self._woken(value)

    def _ended(self, value: Js) -> None:
        self._has_ended = True
        self._woken(value)

    def _failed(self, value: Js) -> None:
        assert type(value) is Error
        self._error = value.exception
        self._woken(value)


def both(first: Callback, second: Callback) -> Callback:
    """A callback that calls the two."""

    def call(value: Js) -> None:
        first(value)
        second(value)

    return call
