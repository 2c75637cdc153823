"""What is one end of a TCP connection?

A descriptor that the loop watches. What can be read goes to on_data; what the kernel does not take
at once waits here until the descriptor is writable. The events come in Node's order: connect, data,
end, close.
"""

import os
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

from minirt.core.callbacks import check_callable, ignore
from minirt.core.polls import Interest
from minirt.core.system import Connection
from minirt.errors import StateError
from minirt.modules.names import Place
from minirt.modules.opened import Opened
from minirt.node.runtime import Runtime
from minirt.values import UNDEFINED, Bytes, Callback, Error, Js

CHUNK = 65536  # bytes asked of one recv

new_object = object.__new__
set_value: Callable[[Bytes, bytes], None] = vars(Bytes)[
    "value"
].__set__  # what `frozen` leaves open


def raise_error(value: Js) -> None:
    """Stands where no on_error was assigned: the error is raised, and is an uncaught one."""
    value.into_bytes()


class Handler:
    """An attribute for a callback. What is not callable is refused at once; None unsets it."""

    def __init__(self, unset: Callback = ignore) -> None:
        self._unset = unset

    def __set_name__(self, owner: type, name: str) -> None:
        self._slot = "_" + name

    def __get__(self, instance: object, owner: type | None = None) -> Callback:
        callback: Callback = getattr(instance, self._slot)
        return callback

    def __set__(self, instance: object, callback: Callback | None) -> None:
        if callback is not None:
            check_callable(callback)
        setattr(instance, self._slot, callback or self._unset)


class Socket:
    """One end of a TCP connection. Assign on_data, on_end, on_drain, on_error, on_close.

    on_data receives `Bytes`, on_error an `Error`, the others `Undefined`. Without on_data what
    comes is read and dropped; without on_error an error is an uncaught one. on_close is the last.
    When the peer has ended, this side ends too, after what is still to be sent.
    """

    __slots__ = (
        "_can_send",
        "_connection",
        "_is_connected",
        "_is_ending",
        "_is_paused",
        "_is_shut",
        "_left",
        "_on_close",
        "_on_connect",
        "_on_data",
        "_on_drain",
        "_on_end",
        "_on_error",
        "_opened",
        "_peer_ended",
        "_recv",
        "_runtime",
        "_send",
        "_token",
        "_unsent",
        "_waiting",
        "_writer",
        "destroyed",
        "remote_address",
    )

    _on_connect: Callback
    _on_data: Callback
    _on_end: Callback
    _on_drain: Callback
    _on_error: Callback
    _on_close: Callback

    on_connect = Handler()
    on_data = Handler()
    on_end = Handler()
    on_drain = Handler()
    on_error = Handler(raise_error)
    on_close = Handler()

    def __init__(self, runtime: Runtime, handles: Opened, remote_address: Place) -> None:
        self._runtime = runtime
        self._opened = handles
        self.remote_address = remote_address
        self._connection: Connection | None = None
        self._token = self._writer = -1  # identities for reading and for writing; -1: none
        self._waiting = -1  # identity that keeps the loop alive while nothing is read
        self._unsent = bytearray()
        self._can_send = False  # connected, not ended, and nothing waits in `_unsent`
        self._is_connected = self._is_paused = False
        self._is_ending = self._is_shut = False  # end() was called; the peer was told
        self._peer_ended = self.destroyed = False
        self._left: Callable[[], object] | None = None  # the server's, to be told of the close
        self._forget_handlers()

    # What a program calls

    def write(self, chunk: bytes) -> bool:
        """Send `chunk`. False when the kernel did not take all: wait for on_drain with the next.

        StateError after end(). To a connection that is gone nothing is sent: False.
        """
        if not self._can_send:
            return self._write_later(chunk)
        try:
            sent = self._send(chunk)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._can_send = False
            self._runtime.next_tick(partial(self._fail, error))  # the caller comes to its end first
            return False
        if sent == len(chunk):
            return True
        return self._write_later(memoryview(chunk)[sent:])

    def end(self, chunk: bytes | None = None) -> None:
        """Send `chunk` and what waits, then tell the peer that this was all. Reading goes on."""
        if chunk is not None:
            self.write(chunk)
        if self._is_ending or self.destroyed:
            return
        self._is_ending = True
        self._can_send = False
        if self._is_connected and not self._unsent:
            self._shut_down()

    def destroy(self) -> None:
        """Close now; what was not sent is lost. on_close follows in the close phase."""
        if self.destroyed:
            return
        self._runtime.call_in_close_phase(self._closed)
        self.destroyed = True
        self._can_send = False
        self._opened.discard(self)
        for token in (self._token, self._writer, self._waiting):
            if token >= 0:
                self._runtime.deregister_event_epoll(token)
        if self._connection is not None:
            self._connection.close()

    def pause(self) -> None:
        """Read no more: the kernel's buffers fill, then the peer waits. The loop stays alive."""
        if self._is_reading():
            self._runtime.epoll_registrator.deregister(self._watched(), self._token)
            self._wait()
        self._is_paused = True

    def resume(self) -> None:
        """Read on."""
        self._is_paused = False
        if self._waiting >= 0 and not self.destroyed:
            self._runtime.deregister_event_epoll(self._waiting)
            self._waiting = -1
            self._watch_reading()

    @property
    def address(self) -> Place | None:
        """Host and port of this end; None while not connected, and where it is simulated."""
        if self.destroyed or not isinstance(self._connection, socket.socket):
            return None
        host, port, *_ = self._connection.getsockname()
        return host, port

    # What the loop calls

    def _readable(self, readiness: Js) -> None:
        """One chunk for on_data. An empty one says that the peer has ended."""
        try:
            chunk = self._recv(CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(error)
            return
        if chunk:
            value = new_object(Bytes)  # Bytes(chunk), in half the time
            set_value(value, chunk)
            self._on_data(value)
        else:
            self._hear_end()

    def _writable(self, readiness: Js) -> None:
        """Send on. When all is sent, tell the peer or the program."""
        try:
            sent = self._send(self._unsent)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(error)
            return
        del self._unsent[:sent]
        if self._unsent:
            return
        self._runtime.deregister_event_epoll(self._writer)
        self._writer = -1
        if self._is_ending:
            self._shut_down()
        else:
            self._can_send = True
            self._on_drain(UNDEFINED)

    def _connected(self, readiness: Js) -> None:
        """The connection was made, or could not be."""
        number = self._watched().getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            self._fail(OSError(number, os.strerror(number)))
            return
        self.open()
        if self._unsent:
            self._watch_writing()
        elif self._is_ending:
            self._shut_down()
        self._on_connect(UNDEFINED)

    def _closed(self, value: Js) -> None:
        """The last event. Afterwards nothing here keeps the program's closures alive."""
        on_close = self._on_close
        self._forget_handlers()
        try:
            on_close(UNDEFINED)
        finally:
            if self._left is not None:
                self._left()

    def drop(self) -> None:
        """The runtime closes."""
        self.destroyed = True
        self._can_send = False
        self._forget_handlers()
        if self._connection is not None:
            self._connection.close()

    # How a connection begins: for net

    def connect_to(self, found: Js) -> None:
        """Set out for the address that was found: a `String`, or the look-up's `Error`."""
        if self.destroyed:
            return
        try:
            host = found.into_string()
            assert host is not None
            self.use(self._runtime.system.connect(host, self.remote_address[1]))
        except (OSError, ValueError) as error:
            self._runtime.call_in_pending_phase(partial(self._fail, error))
            return
        self._token = self._runtime.generate_cb_identity()
        self._runtime.epoll_registrator.register(self._watched(), self._token, Interest.WRITABLE)
        self._runtime.register_event_epoll(self._token, self._connected)

    def use(self, connection: Connection) -> None:
        """From now on this is the connection."""
        self._connection = connection
        self._recv: Callable[[int], bytes] = connection.recv
        self._send: Callable[[Any], int] = connection.send  # takes anything bytes-like

    def open(self, left: Callable[[], object] | None = None) -> None:
        """Connected: the loop is alive until the socket is destroyed, and then `left` is called."""
        self._left = left
        if self._token < 0:
            self._token = self._runtime.generate_cb_identity()
        self._is_connected = True
        self._can_send = not self._unsent and not self._is_ending
        self._runtime.register_event_epoll(self._token, self._readable, persistent=True)
        if self._is_paused:
            self._wait()
        else:
            self._watch_reading()

    # Steps

    def _watched(self) -> Connection:
        assert self._connection is not None
        return self._connection

    def _is_reading(self) -> bool:
        can_read = self._is_connected and not self._peer_ended and not self.destroyed
        return can_read and not self._is_paused

    def _watch_reading(self) -> None:
        self._runtime.epoll_registrator.register(self._watched(), self._token, Interest.READABLE)

    def _wait(self) -> None:
        """Watch nothing, and keep the loop alive all the same: an event that no descriptor has."""
        self._waiting = self._runtime.generate_cb_identity()
        self._runtime.register_event_epoll(self._waiting, ignore)

    def _watch_writing(self) -> None:
        self._writer = self._runtime.generate_cb_identity()
        self._runtime.epoll_registrator.register(self._watched(), self._writer, Interest.WRITABLE)
        self._runtime.register_event_epoll(self._writer, self._writable, persistent=True)

    def _write_later(self, chunk: bytes | memoryview) -> bool:
        if self.destroyed or (self._is_ending and self._peer_ended):
            return False
        if self._is_ending:
            raise StateError("this socket has ended, and nothing can follow. write() before end()")
        self._unsent += memoryview(chunk)
        self._can_send = False
        if self._is_connected and self._writer < 0:
            self._watch_writing()
        return False

    def _hear_end(self) -> None:
        self._runtime.epoll_registrator.deregister(self._watched(), self._token)
        self._peer_ended = True  # and stays readable for ever, so that nobody asks any more
        try:
            self._on_end(UNDEFINED)
        finally:
            if self._is_shut:
                self.destroy()
            else:
                self.end()

    def _shut_down(self) -> None:
        """All is sent: say so. If the peer has ended as well, it is over."""
        self._is_shut = True
        if isinstance(self._connection, socket.socket):  # a simulated peer need not be told
            try:
                self._connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # the connection is gone, and reading will tell
        if self._peer_ended:
            self.destroy()

    def _fail(self, error: Exception, value: Js = UNDEFINED) -> None:
        if not self.destroyed:
            self.destroy()
            self._on_error(Error(error))

    def _forget_handlers(self) -> None:
        self.on_connect = self.on_data = self.on_end = None
        self.on_drain = self.on_error = self.on_close = None
