"""How does a program fetch a web page without waiting for it?

The request is sent as soon as the connection takes it, the loop says when there is something to
read, and a parser that knows no socket (`h11`) is fed with it until the answer is complete. One
identity serves from the first byte to the last. Plain HTTP only: there is no TLS here.
"""

import errno
import ipaddress
import math
from functools import partial

from minirt.core.callbacks import Once
from minirt.core.polls import Interest
from minirt.core.simulation import Simulation
from minirt.core.system import Connection
from minirt.errors import HttpTimeout
from minirt.modules.messages import Answer, Url, parse_url
from minirt.modules.names import Place, lookup, needs_lookup
from minirt.modules.opened import opened
from minirt.modules.slowserver import SlowServer, answer
from minirt.node.runtime import Runtime
from minirt.node.timeouts import LONGEST_DELAY, Timeout
from minirt.values import Callback, Error, Js, String

CHUNK = 65536  # bytes asked of one recv
LARGEST_BODY = 16 * 2**20  # bytes, unless the caller asks for more
NOT_YET = (errno.EAGAIN, errno.ENOTCONN)  # send() on a connection that is not made, or full
SIMULATED: Place = ("slowserver", 80)


def get(url: str, cb: Callback, timeout: float | None = None, max_bytes: int = LARGEST_BODY) -> int:
    """Ask for `url`: `cb` receives the body as a `String`, in the charset that its header names.

    What goes wrong is an `Error`: a refused or reset connection, an answer that is no HTTP, is
    larger than `max_bytes` (ResponseTooLarge), takes longer than `timeout` seconds in all
    (HttpTimeout), or is no text. So is any status but 2xx: a `String` could not show it. (Node
    hands the status over, and an unwatchful program takes an error page for the page.)

    Returns the identity of the callback. A URL that cannot be asked is a TypeError or ValueError.
    """
    return ask(parse_url(url), cb, timeout, max_bytes)


def get_slow(url: str, delay_ms: float, cb: Callback) -> int:
    """Ask for `url` by way of a server that answers after `delay_ms` milliseconds. Works offline.

    If `url` names a server on this machine with its port, that one is asked for
    `/delay/{delay_ms}` and the path. For any other, the runtime starts a `SlowServer` of its own,
    which is asked for `/delay/{delay_ms}/{url}` and says so in its answer.
    """
    asked = parse_url(url)
    if isinstance(delay_ms, bool) or not isinstance(delay_ms, int | float):
        raise TypeError(f"delay_ms is a number of milliseconds, and {delay_ms!r} is none")
    if not 0 <= delay_ms <= LONGEST_DELAY:
        raise ValueError(f"delay_ms={delay_ms!r}: choose 0 to {LONGEST_DELAY} ms")
    start = f"/delay/{int(delay_ms)}"
    if is_on_this_machine(asked):
        return ask(asked._replace(target=start + asked.target), cb)
    host, port = slow_server()
    return ask(Url(host, port, f"{start}/http://{asked.authority}{asked.target}"), cb)


def is_on_this_machine(url: Url) -> bool:
    """Does it name a loopback address and a port?"""
    if not url.has_port:
        return False
    try:
        return ipaddress.ip_address(url.host).is_loopback
    except ValueError:
        return url.host == "localhost"


def slow_server() -> Place:
    """Where the runtime's own slow server is. The first question starts it; it stops with us."""
    runtime = Runtime.current()
    if isinstance(runtime.system, Simulation):
        runtime.system.add_peer(*SIMULATED, answer)
        return SIMULATED
    handles = opened(runtime)
    for handle in handles:
        if isinstance(handle, SlowServer):
            return handle.address
    server = SlowServer().start()
    handles.add(server)
    return server.address


def ask(url: Url, cb: Callback, timeout: float | None = None, max_bytes: int = LARGEST_BODY) -> int:
    """Send the request for `url`. Returns its identity."""
    if timeout is not None:
        check_timeout(timeout)
    if isinstance(max_bytes, bool) or not isinstance(max_bytes, int):
        raise TypeError(f"max_bytes is a whole number of bytes, and {max_bytes!r} is none")
    request = Request(Runtime.current(), url, cb, max_bytes)
    request.start(timeout)
    return request.identity


def check_timeout(timeout: object) -> None:
    """Raise now if `timeout` is no number of seconds that a timer can count."""
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        raise TypeError(f"timeout is a number of seconds, or None for ever; not {timeout!r}")
    if math.isnan(timeout) or not 0 < timeout * 1000 <= LONGEST_DELAY:
        raise ValueError(f"timeout={timeout!r}: choose more than 0 seconds, or None for ever")


class Request:
    """One request on its way. It ends once: by its answer, an error, or the timeout."""

    def __init__(self, runtime: Runtime, url: Url, cb: Callback, max_bytes: int) -> None:
        self._runtime = runtime
        self._url = url
        self._handles = opened(runtime)
        self._answer = Answer(url, max_bytes)
        self._unsent = self._answer.request
        self._connection: Connection | None = None
        self._timer: Timeout | None = None
        self._lookup: int | None = None
        self.identity = runtime.generate_cb_identity()
        self._callback = Once(cb, self.identity)

    def start(self, timeout: float | None) -> None:
        """Take the identity, then connect; ask the pool first for the address of a name."""
        runtime = self._runtime
        runtime.register_event_epoll(self.identity, self._ready, persistent=True)
        self._handles.add(self)
        if timeout is not None:
            self._timer = runtime.set_timeout(timeout * 1000, partial(self._time_out, timeout))
        if needs_lookup(runtime, self._url.host):
            self._lookup = lookup(runtime, self._url.host, self._connect)
        else:
            self._connect(String(self._url.host))

    def drop(self) -> None:
        """The runtime closes."""
        if self._connection is not None:
            self._connection.close()

    def _connect(self, found: Js) -> None:
        """To the address that was found (`String`), unless the time is over already."""
        if self._callback.is_empty:
            return
        try:
            host = found.into_string()
            assert host is not None
            self._connection = self._runtime.system.connect(host, self._url.port)
            self._send()  # on the loopback the connection is there at once
        except (OSError, ValueError) as error:
            self._runtime.call_in_pending_phase(partial(self._fail, error))
            return
        self._runtime.epoll_registrator.register(self._connection, self.identity, self._interest())

    def _interest(self) -> Interest:
        return Interest.READABLE | Interest.WRITABLE if self._unsent else Interest.READABLE

    def _ready(self, readiness: Js) -> None:
        """The connection has room, or something to read, or both: try both."""
        assert self._connection is not None
        try:
            if self._unsent:
                self._send()
                self._runtime.epoll_registrator.modify(
                    self._connection, self.identity, self._interest()
                )
            self._receive(self._connection.recv(CHUNK))
        except BlockingIOError:
            pass
        except OSError as error:
            self._finish(Error(error))

    def _send(self) -> None:
        """Send what the connection takes now."""
        assert self._connection is not None
        try:
            sent = self._connection.send(self._unsent)
        except OSError as error:
            if error.errno not in NOT_YET:
                raise
            return
        self._unsent = self._unsent[sent:]

    def _receive(self, chunk: bytes) -> None:
        """Feed the parser; HttpError, an OSError, when this is no answer."""
        if self._answer.feed(chunk):
            self._finish(self._answer.value())

    def _time_out(self, timeout: float, value: Js) -> None:
        late = HttpTimeout(
            f"{self._url} was not answered completely within {timeout} s. Allow more time"
        )
        self._finish(Error(late))

    def _fail(self, error: Exception, value: Js) -> None:
        self._finish(Error(error))

    def _finish(self, value: Js) -> None:
        """Give everything back, then call the callback: the one place where it is called."""
        if self._callback.is_empty:
            return
        if self._timer is not None:
            self._timer.cancel()
        if self._lookup is not None:
            self._runtime.cancel_task(self._lookup)  # if no thread has taken it yet
        self._handles.discard(self)
        self._runtime.deregister_event_epoll(self.identity)
        if self._connection is not None:
            self._connection.close()
        self._callback(value)
