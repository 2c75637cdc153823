"""How do two programs talk over TCP without waiting for each other?

A server listens, and its descriptor becomes readable when a client wants to connect. A client
connects, and its descriptor becomes writable when the connection is made. From then on each end
has a `Socket`.
"""

import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from minirt.awaiting.futures import Future
from minirt.core.callbacks import Listener, check_callable
from minirt.core.polls import Interest
from minirt.modules.handlers import Handler, check_thread
from minirt.modules.handles import handles_of
from minirt.modules.names import Place, check_place
from minirt.modules.sockets import Socket
from minirt.node.runtime import Runtime
from minirt.node.timeouts import Timeout
from minirt.values import Callback, Error, Js

BACKLOG = 511  # connections that the kernel keeps while nobody accepts: Node's number
ACCEPTS = 64  # in one go; whoever still waits is served in the next turn
REST = 100  # ms: how long a server that cannot accept leaves it alone


def connect(host: str, port: int, on_connect: Callback | None = None) -> Socket:
    """A socket on its way to (host, port). `on_connect` receives `Undefined` once it is there.

    A name is looked up on the pool, and each of its addresses is tried until one answers. What
    fails comes to on_error after this has returned. Only a look-up that the pool refuses
    (TooManyWaiting, NoThread) is raised here.
    """
    check_place(host, port)
    if on_connect is not None:
        check_callable(on_connect)
    runtime = Runtime.current()
    runtime.loop.check_thread()
    client = Socket(runtime, (host, port))
    client.on_connect = on_connect
    client.connect()
    return client


def create_server(
    on_connection: Callable[[Socket], object], host: str = "127.0.0.1", port: int = 0
) -> "Server":
    """A server on (host, port), where port 0 takes a free one. OSError at once when it cannot be.

    "::" listens on every address of this machine, of IPv4 as well where the system can do that;
    "0.0.0.0" on those of IPv4. `on_connection` receives each new `Socket`: here the one value is
    not a `Js`.
    """
    check_callable(on_connection)
    check_place(host, port)
    runtime = Runtime.current()
    runtime.loop.check_thread()
    listening = runtime.system.listen((host, port), partial(listen, host, port))
    try:
        return Server(runtime, listening, on_connection)
    except BaseException:
        listening.close()
        raise


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. One of IPv6 hears IPv4 as well, if its address allows it."""
    is_ipv6 = ":" in host
    listening = socket.create_server(
        (host, port),
        family=socket.AF_INET6 if is_ipv6 else socket.AF_INET,
        backlog=BACKLOG,
        dualstack_ipv6=is_ipv6 and socket.has_dualstack_ipv6(),
    )
    listening.setblocking(False)
    return listening


class Server:
    """Accepts connections and hands each to `on_connection`, until `close`.

    address: (host, port). Assign on_error: it receives an `Error` when accepting fails, as it does
    while the process has no descriptors left. The server rests for 100 ms and goes on by itself.
    """

    on_error = Handler()
    _on_error: Callback

    def __init__(
        self, runtime: Runtime, listening: socket.socket, on_connection: Callable[[Socket], object]
    ) -> None:
        self._runtime = runtime
        self._loop = runtime.loop
        self._listening = listening  # the socket that listens
        self._on_connection = on_connection
        self._on_closed: deque[Callback] = deque()
        self._rest: Timeout | None = None
        self._has_failed = False  # since it accepted last
        self.on_error = None
        self.connections = 0  # open now
        self.is_closed = False
        host, port, *_ = listening.getsockname()
        self.address: Place = (host, port)
        self._handles = handles_of(runtime)
        self._identity = runtime.generate_cb_identity()
        self._listener = Listener(self._identity, self._accept)
        try:
            self._loop.hold(self._identity, self._accept, self.close)
            self._watch()
        except BaseException:
            self._give_back()
            raise
        self._handles.add(self)

    def close(self, cb: Callback | None = None) -> None:
        """Accept no more. `cb` receives `Undefined` once the last connection is closed, too."""
        if cb is None:
            check_thread(self)
        else:
            self._loop.check_thread()  # when the loop is over nobody could ever call it
            check_callable(cb)
            self._on_closed.append(cb)
        if not self.is_closed:
            self._give_back()
        self._tell_if_over()

    async def __aenter__(self) -> "Server":
        return self

    async def __aexit__(self, *error: object) -> None:
        """Accept no more, and wait until the last connection is closed."""
        closed: Future[None] = Future()
        self.close(lambda _: None if closed.done() else closed.set_result(None))
        await closed

    def drop(self) -> None:
        """The runtime closes."""
        self.is_closed = True
        self._listening.close()

    # What the loop calls

    def _accept(self, readiness: Js) -> None:
        """Accept whoever waits, a few at a time. Each is a callback of its own, with its ticks."""
        for _ in range(ACCEPTS):
            if self.is_closed or self._loop.stopped:
                return
            client = self._next_client()
            if client is None:
                return
            if isinstance(client, OSError):
                self._wait_a_little(client)
                return
            self._has_failed = False
            self._loop.calls.one(partial(self._on_connection, client))

    def _go_on(self, value: Js) -> None:
        self._rest = None
        self._watch()

    def _left(self) -> None:
        """One connection is closed."""
        self.connections -= 1
        self._tell_if_over()

    # Steps

    def _give_back(self) -> None:
        self._handles.discard(self)
        self._loop.unwatch(self._listening)
        self._loop.release(self._identity)
        if self._rest is not None:
            self._rest.cancel()
        self.drop()

    def _watch(self) -> None:
        self._listener.callback = self._accept
        self._loop.listen(self._listening, Interest.READABLE, self._listener)

    def _next_client(self) -> Socket | OSError | None:
        """Whoever waits; None when nobody does; an OSError without descriptors or memory."""
        try:
            connection, address = self._listening.accept()
            try:
                return self._new_socket(connection, address)
            except BaseException:
                connection.close()
                raise
        except (BlockingIOError, ConnectionAbortedError):
            return None
        except OSError as error:
            return error

    def _new_socket(self, connection: socket.socket, address: Any) -> Socket:
        connection.setblocking(False)
        with suppress(OSError):  # some systems refuse when the client has gone; reading will tell
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = Socket(self._runtime, address[:2])
        client.accept(connection, self._left)
        self.connections += 1
        return client

    def _wait_a_little(self, error: OSError) -> None:
        """Without a rest the listener would be ready, and fail, in every turn."""
        self._loop.unwatch(self._listening)
        self._rest = self._runtime.set_timeout(REST, self._go_on)
        if not self._has_failed:
            self._has_failed = True
            self._loop.adopt(self._on_error(Error(error)))

    def _tell_if_over(self) -> None:
        """Each callback once, in the close phase."""
        if self.is_closed and not self.connections:
            while self._on_closed:
                self._runtime.call_in_close_phase(self._on_closed.popleft())
