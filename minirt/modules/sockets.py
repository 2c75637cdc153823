"""What is one end of a TCP connection?

A descriptor that the loop watches, a reading side (`Inbound`) and a writing side (`Outbound`). The
events come in Node's order: connect, data, end, close.

A handler is called last, when a method has done all that it has to do, and never inside a `try`:
what it raises belongs to the program. An error of the connection is told in a tick, as in Node, so
that whoever called `write` comes to its end first.
"""

from collections.abc import Callable
from functools import partial

from minirt.core.callbacks import check_callable, ignore
from minirt.core.system import Connection
from minirt.modules.connecting import Connecting
from minirt.modules.handlers import Handler, check_thread, raise_error
from minirt.modules.handles import handles_of
from minirt.modules.inbound import Inbound
from minirt.modules.names import Place
from minirt.modules.outbound import Outbound
from minirt.modules.streams import Stream
from minirt.node.runtime import Runtime
from minirt.values import UNDEFINED, Callback, Error, Js


class Socket:
    """One end of a TCP connection. Assign on_data, on_end, on_drain, on_error, on_close.

    on_data receives `Bytes`, on_error an `Error`, the others `Undefined`. What comes before on_data
    is assigned is kept for it, and on_end waits for that, too; above 64 KiB the peer has to wait.
    Without on_error an error is an uncaught one. on_close is the last. When the peer has ended,
    this side ends as well, after what is still to be sent.

    remote_address: (host, port) of the other end. destroyed: is it closed?
    """

    __slots__ = (
        *("_connecting", "_connection", "_handles", "_identity", "_inbound", "_left", "_loop"),
        *("_on_close", "_on_connect", "_on_drain", "_on_end", "_on_error", "_outbound"),
        *("_runtime", "_stream", "destroyed", "remote_address"),
    )

    _on_connect: Callback
    _on_end: Callback
    _on_drain: Callback
    _on_error: Callback
    _on_close: Callback

    on_connect = Handler()
    on_end = Handler()
    on_drain = Handler()
    on_error = Handler(raise_error)
    on_close = Handler()

    def __init__(self, runtime: Runtime, remote_address: Place) -> None:
        self._runtime = runtime
        self._loop = runtime.loop
        self._handles = handles_of(runtime)
        self._identity = runtime.generate_cb_identity()  # of all its events
        self.remote_address = remote_address
        self._connecting: Connecting | None = None
        self._connection: Connection | None = None
        self._inbound = Inbound(runtime, self._identity, self._peer_has_ended, self._fail)
        self._outbound = Outbound(
            runtime, self._identity, self._drained, self._this_side_has_ended, self._fail
        )
        self._stream: Stream | None = None  # for a task that awaits
        self.destroyed = False
        self._left: Callable[[], object] | None = None  # the server's, to be told of the close
        self._forget_handlers()

    # What a program calls

    @property
    def on_data(self) -> Callback:
        """Receives what comes, from the first byte on. None: what comes from now on is dropped."""
        consumer = self._inbound.consumer
        return ignore if consumer is None else consumer

    @on_data.setter
    def on_data(self, callback: Callback | None) -> None:
        check_thread(self)
        if callback is not None:
            check_callable(callback)
        self._inbound.give_to(callback)

    def write(self, chunk: bytes | bytearray | memoryview) -> bool:
        """Send `chunk`, which may be anything bytes-like. False when a part of it has to wait.

        The high-water mark is the kernel's own buffer: what it has no room for waits here, and
        on_drain tells when nothing waits any more. When more than `write_limit` bytes would wait in
        this socket, or 256 MiB in all, the socket fails with TooMuchUnsent.

        StateError after end(). To a connection that is gone nothing is sent: False.
        """
        return self._outbound.write(chunk)

    def end(self, chunk: bytes | bytearray | memoryview | None = None) -> None:
        """Send `chunk` and what waits, then tell the peer that this was all. Reading goes on."""
        check_thread(self)
        if chunk is not None:
            self._outbound.write(chunk)
        self._outbound.end()

    def destroy(self) -> None:
        """Close now; what was not sent is lost. on_close follows in the close phase."""
        check_thread(self)
        if not self.destroyed:
            self._runtime.call_in_close_phase(self._close)
            self._give_back()

    def pause(self) -> None:
        """Read no more: the kernel's buffers fill, then the peer waits. The loop stays alive."""
        check_thread(self)
        self._inbound.pause()

    def resume(self) -> None:
        """Read on. Without an on_data what comes from now on is dropped, as in Node."""
        check_thread(self)
        self._inbound.resume()

    # What a task awaits

    def __aiter__(self) -> "Socket":
        return self

    async def __anext__(self) -> bytes:
        """What comes: `async for chunk in socket`. A task cancelled here leaves the socket open."""
        return await self._awaited().next()

    async def drain(self) -> None:
        """Wait until nothing waits to be sent. An error of the connection is raised."""
        await self._awaited().until(lambda: not self._outbound.has_unsent)

    async def __aenter__(self) -> "Socket":
        """Wait until it is connected."""
        await self._awaited().until(lambda: self._connection is not None)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *error: object) -> None:
        """End it. After an error or a cancellation it is closed at once."""
        if kind is not None:
            self.destroy()
        elif not self.destroyed:
            self.end()
            self.on_data = None
            self.resume()

    def _awaited(self) -> Stream:
        check_thread(self)
        if self._stream is None:
            self._stream = Stream(self)
        return self._stream

    @property
    def address(self) -> Place | None:
        """Host and port of this end; None while there is no connection."""
        if self._connection is None:
            return None
        host, port, *_ = self._connection.getsockname()
        return host, port

    @property
    def write_limit(self) -> int:
        """How many bytes may wait to be sent: 64 MiB, unless it is set."""
        return self._outbound.limit

    @write_limit.setter
    def write_limit(self, limit: int) -> None:
        check_thread(self)
        self._outbound.limit = limit

    # How a connection begins and ends: for net

    def connect(self) -> None:
        """Set out for the remote address. Nothing stays when this raises."""
        self._connecting = Connecting(
            self._runtime, self.remote_address, self._identity, self._arrived, self._fail
        )
        try:
            self._hold()
            self._connecting.start()
        except BaseException:
            self._give_back()
            raise

    def accept(self, connection: Connection, left: Callable[[], object]) -> None:
        """It is there. `left` is called when it is closed. Nothing stays when this raises."""
        self._left = left
        try:
            self._hold()
            self._open(connection)
        except BaseException:
            self._give_back()
            raise

    def drop(self) -> None:
        """The runtime closes."""
        self._forget_handlers()
        if self._connecting is not None:
            self._connecting.drop()
        self._close_connection()

    # What the loop calls

    def _arrived(self, connection: Connection) -> None:
        """The connection is made, and perhaps something waits for it already."""
        self._connecting = None
        self.remote_address = peer_of(connection, self.remote_address)
        try:
            self._open(connection)
        except OSError as error:  # the kernel cannot watch more
            self._fail(error)
        else:
            self._loop.adopt(self._on_connect(UNDEFINED))

    def _drained(self) -> None:
        self._loop.adopt(self._on_drain(UNDEFINED))

    def _peer_has_ended(self) -> None:
        """This side ends as well, but behind the ticks of on_end: both may still write."""
        tick = self._runtime.next_tick
        tick(lambda _: tick(self._end_as_well))
        self._loop.adopt(self._on_end(UNDEFINED))

    def _end_as_well(self, value: Js) -> None:
        self._outbound.peer_has_ended = True
        self._outbound.end()
        if self._outbound.is_finished:
            self.destroy()

    def _this_side_has_ended(self) -> None:
        if self._inbound.has_ended:
            self.destroy()

    def _tell(self, error: Error, value: Js) -> None:
        self._loop.adopt(self._on_error(error))

    def _close(self, value: Js) -> None:
        """The last event. Afterwards nothing here keeps the program's closures alive."""
        on_close = self._on_close
        self._forget_handlers()
        if self._left is not None:
            self._left()
        self._loop.adopt(on_close(UNDEFINED))

    # Steps

    def _hold(self) -> None:
        """The loop is alive until the socket is destroyed."""
        self._loop.hold(self._identity, self._inbound.readable, self.destroy)
        self._handles.add(self)

    def _open(self, connection: Connection) -> None:
        self._connection = connection
        self._inbound.open(connection)
        self._outbound.open(connection)

    def _fail(self, error: BaseException) -> None:
        """Close now, and tell on_error in a tick."""
        if not self.destroyed:
            self.destroy()
            self._runtime.next_tick(partial(self._tell, Error(error)))

    def _give_back(self) -> None:
        """Everything but the handlers: on_error and on_close are still to be called."""
        self._handles.discard(self)
        self._loop.release(self._identity)
        if self._connecting is not None:
            self._connecting.cancel()
        if self._connection is not None:
            self._loop.unwatch(self._connection)
        self._close_connection()

    def _close_connection(self) -> None:
        self.destroyed = True
        self._inbound.close()
        self._outbound.close()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _forget_handlers(self) -> None:
        self._on_connect = self._on_end = self._on_drain = self._on_close = ignore
        self._on_error = raise_error


def peer_of(connection: Connection, otherwise: Place) -> Place:
    """Where the other end is; `otherwise` when it has gone already."""
    try:
        host, port, *_ = connection.getpeername()
    except OSError:
        return otherwise
    return host, port
