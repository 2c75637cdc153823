"""How do two programs talk over TCP without waiting for each other?

A server listens, and the loop says when somebody is at the door; a client knocks, and the loop says
when it is open. From then on each has a `Socket`.
"""

import socket
from collections.abc import Callable
from functools import partial
from typing import Any

from minirt.core.callbacks import check_callable
from minirt.core.polls import Interest
from minirt.modules.names import Place, check_place, lookup, needs_lookup
from minirt.modules.opened import opened
from minirt.modules.sockets import Handler, Socket
from minirt.node.runtime import Runtime
from minirt.node.timeouts import Timeout
from minirt.values import Callback, Error, Js, String

BACKLOG = 511  # connections that the kernel keeps while nobody accepts: Node's number
ACCEPTS = 64  # in one go; whoever still waits is served in the next turn
REST = 100  # ms: how long a server that cannot accept leaves it alone


def connect(host: str, port: int, on_connect: Callback | None = None) -> Socket:
    """A socket on its way to (host, port). `on_connect` receives `Undefined` once it is there.

    What fails, the look-up of a name included, comes to on_error after this has returned.
    """
    check_place(host, port)
    runtime = Runtime.current()
    handles = opened(runtime)
    client = Socket(runtime, handles, (host, port))
    client.on_connect = on_connect
    if needs_lookup(runtime, host):
        lookup(runtime, host, client.connect_to)
    else:
        client.connect_to(String(host))
    handles.add(client)
    return client


def create_server(
    on_connection: Callable[[Socket], object], host: str = "127.0.0.1", port: int = 0
) -> "Server":
    """A server on (host, port), where port 0 takes a free one. OSError at once when it cannot be.

    `on_connection` receives each new `Socket`: here the one value is not a `Js`.
    """
    check_callable(on_connection)
    check_place(host, port)
    runtime = Runtime.current()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    try:
        listener.setblocking(False)
        return Server(runtime, listener, on_connection)
    except BaseException:
        listener.close()
        raise


class Server:
    """Accepts connections and hands each to `on_connection`, until `close`.

    address: (host, port). Assign on_error: it receives an `Error` when accepting fails, as it does
    while the process has no descriptors left. The server rests for 100 ms and goes on by itself.
    """

    on_error = Handler()
    _on_error: Callback

    def __init__(
        self,
        runtime: Runtime,
        listener: socket.socket,
        on_connection: Callable[[Socket], object],
    ) -> None:
        self._runtime = runtime
        self._listener = listener
        self._on_connection = on_connection
        self._on_closed: list[Callback] = []
        self._rest: Timeout | None = None
        self._has_failed = False  # since it accepted last
        self.on_error = None
        self.connections = 0  # open now
        self.is_closed = False
        host, port, *_ = listener.getsockname()
        self.address: Place = (host, port)
        self._token = runtime.generate_cb_identity()
        self._watch()
        runtime.register_event_epoll(self._token, self._accept, persistent=True)
        self._opened = opened(runtime)
        self._opened.add(self)

    def close(self, cb: Callback | None = None) -> None:
        """Accept no more. `cb` receives `Undefined` once the last connection is closed, too."""
        if cb is not None:
            check_callable(cb)
            self._on_closed.append(cb)
        if not self.is_closed:
            self._runtime.deregister_event_epoll(self._token)
            if self._rest is not None:
                self._rest.cancel()
            self._opened.discard(self)
            self.drop()
        self._tell_if_over()

    def drop(self) -> None:
        """The runtime closes."""
        self.is_closed = True
        self._listener.close()

    def _watch(self) -> None:
        self._runtime.epoll_registrator.register(self._listener, self._token, Interest.READABLE)

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
            welcome = partial(self._on_connection, self._new_socket(connection, address))
            self._runtime.loop.calls.one(welcome)  # one callback a connection, each with its ticks

    def _new_socket(self, connection: socket.socket, address: Any) -> Socket:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = Socket(self._runtime, self._opened, address[:2])
        self._opened.add(client)
        self.connections += 1
        client.use(connection)
        client.open(self._left)
        return client

    def _wait_a_little(self, error: OSError) -> None:
        """Without a rest the listener would be ready, and fail, in every turn."""
        self._runtime.epoll_registrator.deregister(self._listener, self._token)
        self._rest = self._runtime.set_timeout(REST, self._go_on)
        if not self._has_failed:
            self._has_failed = True
            self._on_error(Error(error))

    def _go_on(self, value: Js) -> None:
        self._rest = None
        self._watch()

    def _left(self) -> None:
        """One connection is closed."""
        self.connections -= 1
        self._tell_if_over()

    def _tell_if_over(self) -> None:
        if self.is_closed and not self.connections:
            for cb in self._on_closed:
                self._runtime.call_in_close_phase(cb)
            self._on_closed.clear()
