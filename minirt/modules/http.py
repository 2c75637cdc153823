"""How does a program fetch a web page without waiting for it?

`get` sets an `Exchange` out and returns. Plain HTTP only: there is no TLS here.
"""

import ipaddress
import math
from functools import partial
from typing import Any, overload

from minirt.awaiting.futures import Future
from minirt.awaiting.waiting import answered
from minirt.core.callbacks import check_callable
from minirt.errors import short_repr
from minirt.modules.exchange import Exchange, Request
from minirt.modules.handles import handles_of
from minirt.modules.messages import Url, parse_url
from minirt.modules.names import Place
from minirt.modules.slowserver import SlowServer, answer
from minirt.node.runtime import Runtime
from minirt.node.timeouts import LONGEST_DELAY
from minirt.values import Callback

LARGEST_BODY = 16 * 2**20  # bytes, unless the caller asks for more


@overload
def get(
    url: str, cb: Callback, timeout: float | None = None, max_bytes: int = LARGEST_BODY
) -> Request: ...
@overload
def get(
    url: str, cb: None = None, timeout: float | None = None, max_bytes: int = LARGEST_BODY
) -> Future[str]: ...
def get(
    url: str,
    cb: Callback | None = None,
    timeout: float | None = None,
    max_bytes: int = LARGEST_BODY,
) -> Any:
    """Ask for `url`: `cb` receives the body as a `String`, in the charset that its header names.

    What goes wrong is an `Error`: a refused or reset connection, an answer that is not HTTP, is
    larger than `max_bytes` (ResponseTooLarge), takes longer than `timeout` seconds in all
    (HttpTimeout), or is not text. Any status but 2xx is an `Error` as well, since a `String` has no
    room for it. (Node hands the status over, and a program that does not look at it takes an error
    page for the page that it asked for.)

    Returns the identity of the callback, an int that has a method `cancel()`; without a callback a
    `Future` of the text, and cancelling that closes the connection. Raised here are
    TypeError and ValueError, for a URL that cannot be asked for, and TooManyWaiting and NoThread,
    when the pool refuses to look its host up.
    """
    asked = parse_url(url)
    return answered(lambda told: ask(asked, told, timeout, max_bytes), cb)


@overload
def get_slow(url: str, delay_ms: float, cb: Callback) -> Request: ...
@overload
def get_slow(url: str, delay_ms: float, cb: None = None) -> Future[str]: ...
def get_slow(url: str, delay_ms: float, cb: Callback | None = None) -> Any:
    """Ask for `url` by way of a server that answers after `delay_ms` milliseconds. Works offline.

    If `url` names a server on this machine with its port, that one is asked for
    `/delay/{delay_ms}` and the path. For any other, the runtime starts a `SlowServer` of its own,
    which is asked for `/delay/{delay_ms}/{url}` and says so in its answer.
    """
    asked = parse_url(url)
    check_delay(delay_ms)
    if cb is None:
        return answered(partial(get_slow, url, delay_ms), cb)
    check_callable(cb)
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
    runtime.loop.check_thread()
    server = runtime.of_modules.get(SlowServer)
    if isinstance(server, SlowServer):
        return server.address

    def start() -> Place:
        started = SlowServer().start()
        handles_of(runtime).add(started)
        runtime.of_modules[SlowServer] = started
        return started.address

    return runtime.system.serve(answer, start)


def ask(
    url: Url, cb: Callback, timeout: float | None = None, max_bytes: int = LARGEST_BODY
) -> Request:
    """Send the request for `url`."""
    check_callable(cb)
    if timeout is not None:
        check_timeout(timeout)
    if isinstance(max_bytes, bool) or not isinstance(max_bytes, int):
        raise TypeError(f"got max_bytes={short_repr(max_bytes)}, expected a whole number of bytes")
    runtime = Runtime.current()
    runtime.loop.check_thread()
    return Exchange(runtime, url, cb, max_bytes).start(timeout)


def check_timeout(timeout: object) -> None:
    """Raise now if `timeout` is not a number of seconds that a timer can count."""
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        raise TypeError(
            f"got timeout={short_repr(timeout)}, expected a number of seconds, or None for ever"
        )
    if math.isnan(timeout) or not 0 < timeout * 1000 <= LONGEST_DELAY:
        raise ValueError(
            f"got timeout={timeout!r}, expected more than 0 and at most "
            f"{LONGEST_DELAY // 1000} seconds, or None for ever"
        )


def check_delay(delay_ms: object) -> None:
    """Raise now if `delay_ms` is not a number of milliseconds that a timer can count."""
    if isinstance(delay_ms, bool) or not isinstance(delay_ms, int | float):
        raise TypeError(f"got delay_ms={short_repr(delay_ms)}, expected a number of milliseconds")
    if not 0 <= delay_ms <= LONGEST_DELAY:
        raise ValueError(f"got delay_ms={delay_ms!r}, expected 0 to {LONGEST_DELAY} ms")
