"""How do two programs talk over TCP without waiting for each other?

Each asks the loop to say when its socket is readable, takes what is there, and goes on. What the
kernel does not take at once waits here for the socket to become writable. The events of one socket
come in Node's order: connect, data, end, close.
"""

import ipaddress
import os
import socket
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeAlias

from minirt.callbacks import Callback, check_callable, ignore
from minirt.epoll import Interest
from minirt.errors import StateError
from minirt.runtime import Runtime
from minirt.scheduling import Timeout
from minirt.simulation import Simulation
from minirt.system import Connection
from minirt.threadpool import TaskKind
from minirt.values import UNDEFINED, Bytes, Error, Js, String

CHUNK = 65536  # bytes asked of one recv
BACKLOG = 511  # connections that the kernel keeps while nobody accepts: Node's number
ACCEPTS = 64  # in one go; whoever still waits is served in the next turn
REST = 100  # ms: how long a server that cannot accept leaves it alone

DNS_LOOKUP = TaskKind("DNS lookup")

Place: TypeAlias = tuple[str, int]  # host, port

new_object = object.__new__
set_value = Bytes.value.__set__  # type: ignore[attr-defined]  # the slot itself, which a frozen Bytes hides


# What a runtime has open


class Handle(Protocol):
    """Something open that a runtime must not leave behind."""

    def drop(self) -> None:
        """Give the descriptor or thread back. No callback is called: the loop is over."""


class Opened(set[Handle]):
    """What a runtime has open. Called when it closes: a program may end early, by an error or a stop."""

    def __call__(self) -> None:
        for handle in tuple(self):
            handle.drop()
        self.clear()


def opened(runtime: Runtime) -> Opened:
    """The one set of this runtime, registered with `at_close` at the first question."""
    for close in runtime._at_close:
        if isinstance(close, Opened):
            return close
    handles = Opened()
    runtime.at_close(handles)
    return handles


# Names


def is_address(host: str) -> bool:
    """Is `host` an address in digits, which needs no look-up?"""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def lookup(runtime: Runtime, host: str, cb: Callback) -> int:
    """Ask for the address of a name on the pool: `cb` receives its `String`, an IPv4 address if there is one."""

    def task() -> Js:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        found.sort(key=lambda entry: entry[0] != socket.AF_INET)
        return String(str(found[0][4][0]))

    return runtime.register_event_threadpool(task, DNS_LOOKUP, cb)


def needs_lookup(runtime: Runtime, host: str) -> bool:
    """Must somebody ask for the address of `host`? In a simulation a name is as good as an address."""
    return not is_address(host) and not isinstance(runtime.system, Simulation)


def check_place(host: object, port: object) -> None:
    """Raise now if this is no host and port."""
    if not isinstance(host, str) or isinstance(port, bool) or not isinstance(port, int):
        raise TypeError(
            f"a place is a host (str) and a port (int), and ({host!r}, {port!r}) is none"
        )
    if not 0 <= port <= 65535:
        raise ValueError(f"port {port} does not exist: ports are 0 to 65535")


# Sockets


def raise_error(value: Js) -> None:
    """Stands where no on_error was assigned: the error is raised, and becomes an uncaught one."""
    value.into_bytes()


class Handler:
    """An attribute that takes a callback. What is not callable is refused at the assignment; None unsets it."""

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
    """One end of a TCP connection. Assign `on_data`, `on_end`, `on_drain`, `on_error`, `on_close`.

    on_data receives `Bytes`, on_error an `Error`, the others `Undefined`. Without on_data what comes is
    read and dropped; without on_error an error is an uncaught one. on_close always comes last.
    When the peer has ended, this side ends too, after what is still to be sent.
    """

    __slots__ = (
        "_can_send",
        "_connection",
        "_is_connected",
        "_is_ending",
        "_is_paused",
        "_is_shut",
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
        "_server",
        "_token",
        "_unsent",
        "_writer",
        "destroyed",
        "remote_address",
    )

    on_connect, on_data, on_end, on_close, on_drain = (Handler() for _ in range(5))
    on_error = Handler(raise_error)

    def __init__(
        self,
        runtime: Runtime,
        handles: Opened,
        remote_address: Place,
        server: "Server | None" = None,
    ) -> None:
        self._runtime = runtime
        self._opened = handles
        self._server = server
        self.remote_address = remote_address
        self._connection: Connection | None = None
        self._token = self._writer = -1  # identities for the two interests; -1: not watched
        self._unsent = bytearray()
        self._can_send = False  # connected, not ended, and nothing waits in `_unsent`
        self._is_connected = self._is_paused = False
        self._is_ending = self._is_shut = False  # end() was called; the peer was told
        self._peer_ended = self.destroyed = False
        self.on_connect = self.on_data = self.on_end = self.on_close = self.on_drain = (
            self.on_error
        ) = None

    # What a program calls

    def write(self, chunk: bytes) -> bool:
        """Send `chunk` in order. False when the kernel did not take it all: wait for on_drain before you write more.

        StateError after end(); to a connection that is gone, nothing is sent and the answer is False.
        """
        if not self._can_send:
            return self._write_later(chunk)
        try:
            sent = self._send(chunk)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._can_send = False
            self._runtime.next_tick(
                partial(self._fail, error)
            )  # later: the caller has not returned yet
            return False
        if sent == len(chunk):
            return True
        return self._write_later(memoryview(chunk)[sent:])

    def end(self, chunk: bytes | None = None) -> None:
        """Send `chunk` and what still waits, then tell the peer that no more will come. Reading goes on."""
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
        for token in (self._token, self._writer):
            if token >= 0:
                self._runtime.deregister_event_epoll(token)
        if self._connection is not None:
            self._connection.close()

    def pause(self) -> None:
        """Read no more: what the peer sends fills the kernel's buffers, and then the peer waits. Still alive."""
        if not self._is_paused:
            self._stop_reading()
            self._is_paused = True

    def resume(self) -> None:
        """Read on."""
        if self._is_paused:
            self._is_paused = False
            self._start_reading()

    @property
    def address(self) -> Place | None:
        """Host and port of this end; None while there is no connection, or where it is simulated."""
        connection = self._connection
        if self.destroyed or not isinstance(connection, socket.socket):
            return None
        host, port, *_ = connection.getsockname()
        return host, port

    @property
    def is_paused(self) -> bool:
        return self._is_paused

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
        """Send on. When all is sent, end or say on_drain."""
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
        assert self._connection is not None
        number = self._connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            self._fail(OSError(number, os.strerror(number)))
            return
        self._open()
        if self._unsent:
            self._watch_writing()
        elif self._is_ending:
            self._shut_down()
        if not self.destroyed:
            self._on_connect(UNDEFINED)

    def _closed(self, value: Js) -> None:
        """The last event. Afterwards nothing here keeps the program's closures alive."""
        on_close = self._on_close
        self._forget_handlers()
        try:
            on_close(UNDEFINED)
        finally:
            if self._server is not None:
                self._server._left()

    def drop(self) -> None:
        """The runtime closes."""
        self.destroyed = True
        self._can_send = False
        self._forget_handlers()
        if self._connection is not None:
            self._connection.close()

    # Steps

    def _connect(self, found: Js) -> None:
        """Begin to connect to the address that was found (`String`)."""
        if self.destroyed:
            return
        try:
            host = found.into_string()
            assert host is not None
            self._use(self._runtime.system.connect(host, self.remote_address[1]))
        except OSError as error:  # of the look-up, too
            self._runtime.call_in_pending_phase(partial(self._fail, error))
            return
        assert self._connection is not None
        self._token = self._runtime.generate_cb_identity()
        self._runtime.epoll_registrator.register(self._connection, self._token, Interest.WRITABLE)
        self._runtime.register_event_epoll(self._token, self._connected)

    def _use(self, connection: Connection) -> None:
        self._connection = connection
        self._recv: Callable[[int], bytes] = connection.recv
        self._send: Callable[[Any], int] = connection.send  # anything bytes-like

    def _open(self) -> None:
        """Connected: from now on the socket is watched, and lives until it is destroyed."""
        if self._token < 0:
            self._token = self._runtime.generate_cb_identity()
        self._is_connected = True
        self._can_send = not self._unsent and not self._is_ending
        self._runtime.register_event_epoll(self._token, self._readable, persistent=True)
        self._start_reading()

    def _start_reading(self) -> None:
        if self._is_connected and not (self._is_paused or self._peer_ended or self.destroyed):
            assert self._connection is not None
            self._runtime.epoll_registrator.register(
                self._connection, self._token, Interest.READABLE
            )

    def _stop_reading(self) -> None:
        if self._is_connected and not (self._is_paused or self._peer_ended or self.destroyed):
            assert self._connection is not None
            self._runtime.epoll_registrator.deregister(self._connection, self._token)

    def _write_later(self, chunk: bytes | memoryview) -> bool:
        if self.destroyed or self._peer_ended:
            return False
        if self._is_ending:
            raise StateError(
                "this socket has ended, and nothing can follow. Call write() before end()"
            )
        self._unsent += memoryview(chunk)
        self._can_send = False
        if self._is_connected and self._writer < 0:
            self._watch_writing()
        return False

    def _watch_writing(self) -> None:
        assert self._connection is not None
        self._writer = self._runtime.generate_cb_identity()
        self._runtime.epoll_registrator.register(self._connection, self._writer, Interest.WRITABLE)
        self._runtime.register_event_epoll(self._writer, self._writable, persistent=True)

    def _hear_end(self) -> None:
        self._stop_reading()  # the end stays readable for ever
        self._peer_ended = True
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
        if isinstance(self._connection, socket.socket):  # a simulated peer needs no end
            try:
                self._connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # the connection is gone, and reading will tell
        if self._peer_ended:
            self.destroy()

    def _fail(self, error: OSError, value: Js = UNDEFINED) -> None:
        if not self.destroyed:
            self.destroy()
            self._on_error(Error(error))

    def _forget_handlers(self) -> None:
        self.on_connect = self.on_data = self.on_end = self.on_close = self.on_drain = (
            self.on_error
        ) = None


def connect(host: str, port: int, on_connect: Callback | None = None) -> Socket:
    """A socket on its way to (host, port). `on_connect` receives `Undefined` once it is there.

    What fails, the look-up of a name included, comes to on_error, never before this has returned.
    """
    check_place(host, port)
    runtime = Runtime.current()
    connection = Socket(runtime, opened(runtime), (host, port))
    connection.on_connect = on_connect
    if needs_lookup(runtime, host):
        lookup(runtime, host, connection._connect)
    else:
        connection._connect(String(host))
    connection._opened.add(connection)
    return connection


# Servers


class Server:
    """Accepts connections. `on_connection` receives each as a `Socket`.

    address: (host, port). on_error: receives an `Error` when accepting fails, as it does when the
    process has no descriptors left. The server rests for 100 ms and goes on, whether anybody listens or not.
    """

    on_error = Handler()

    def __init__(
        self, runtime: Runtime, listener: socket.socket, on_connection: Callable[[Socket], object]
    ) -> None:
        self._runtime = runtime
        self._opened = opened(runtime)
        self._listener = listener
        self._on_connection = on_connection
        self._token = runtime.generate_cb_identity()
        self._rest: Timeout | None = None
        self._has_failed = False  # since it accepted last
        self._on_closed: list[Callback] = []
        self.connections = 0  # open now
        self.is_closed = False
        self.on_error = None
        host, port, *_ = listener.getsockname()
        self.address: Place = (host, port)

    def close(self, cb: Callback | None = None) -> None:
        """Accept no more. `cb` receives `Undefined` in the close phase once the last connection is closed."""
        if cb is not None:
            check_callable(cb)
            self._on_closed.append(cb)
        if not self.is_closed:
            self.is_closed = True
            if self._rest is not None:
                self._rest.cancel()
            self._runtime.deregister_event_epoll(self._token)
            self._opened.discard(self)
            self._listener.close()
        self._tell_if_over()

    def drop(self) -> None:
        """The runtime closes."""
        self.is_closed = True
        self._on_closed.clear()
        self._listener.close()

    def _listen(self) -> None:
        self._runtime.epoll_registrator.register(self._listener, self._token, Interest.READABLE)
        self._runtime.register_event_epoll(self._token, self._accept, persistent=True)
        self._opened.add(self)

    def _accept(self, readiness: Js) -> None:
        """Accept whoever waits, a few at a time."""
        for _ in range(ACCEPTS):
            if self.is_closed:
                return
            try:
                connection, address = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:  # no descriptors, or no memory
                self._wait_a_little(error)
                return
            self._has_failed = False
            # one callback after another, each with its ticks and microtasks
            self._runtime.run_one(partial(self._on_connection, self._welcome(connection, address)))

    def _welcome(self, connection: socket.socket, address: Any) -> Socket:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = Socket(self._runtime, self._opened, address[:2], self)
        self._opened.add(client)
        self.connections += 1
        client._use(connection)
        client._open()
        return client

    def _wait_a_little(self, error: OSError) -> None:
        """Without a rest the listener would be ready, and fail, in every turn."""
        self._runtime.epoll_registrator.deregister(self._listener, self._token)
        self._rest = self._runtime.set_timeout(REST, self._go_on).unref()
        if not self._has_failed:
            self._has_failed = True
            self._on_error(Error(error))

    def _go_on(self, value: Js) -> None:
        self._rest = None
        self._runtime.epoll_registrator.register(self._listener, self._token, Interest.READABLE)

    def _left(self) -> None:
        """One connection is closed."""
        self.connections -= 1
        self._tell_if_over()

    def _tell_if_over(self) -> None:
        if self.is_closed and not self.connections:
            for cb in self._on_closed:
                self._runtime.call_in_close_phase(cb)
            self._on_closed.clear()


def create_server(
    on_connection: Callable[[Socket], object], host: str = "127.0.0.1", port: int = 0
) -> Server:
    """A server that listens on (host, port): port 0 takes a free one. OSError at once when it cannot."""
    check_callable(on_connection)
    check_place(host, port)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    try:
        listener.setblocking(False)
        server = Server(Runtime.current(), listener, on_connection)
        server._listen()
    except BaseException:
        listener.close()
        raise
    return server
