"""Whatever a callback of a module raises leaves `run`, or reaches on_uncaught, as it was raised.

A module of ours may never take an error of the program's for one of its own: each callback is
called outside of every `try`. So each built-in exception is raised in each kind of callback.
"""

import builtins
import socket
import struct
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

import pytest

from minirt import Recorder, Runtime, Simulation, crypto, fs, http, net, sleep_ms

pytestmark = pytest.mark.usefixtures("no_leaks")

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"
MANY_CHUNKS = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 500 + b"0\r\n\r\n"
)
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: close() sends a reset

Raiser = Callable[[Any], NoReturn]


def every_builtin_exception() -> list[BaseException]:
    """One of each class."""
    arguments: dict[type, tuple[Any, ...]] = {
        UnicodeDecodeError: ("utf-8", b"x", 0, 1, "reason"),
        UnicodeEncodeError: ("utf-8", "x", 0, 1, "reason"),
        UnicodeTranslateError: ("x", 0, 1, "reason"),
        BaseExceptionGroup: ("group", [ValueError("one")]),
        ExceptionGroup: ("group", [ValueError("one")]),
    }
    return [
        kind(*arguments.get(kind, ("raised by a callback",)))
        for kind in vars(builtins).values()
        if isinstance(kind, type) and issubclass(kind, BaseException)
    ]


# In simulated time: what `main` does, so that one callback is called, which is `fail`


def ask(url: str, **options: Any) -> Callable[[Raiser], object]:
    return lambda fail: http.get(url, fail, **options)


def client(name: str, port: int = 7) -> Callable[[Raiser], object]:
    """A client of the echo peer whose handler `name` fails."""

    def main(fail: Raiser) -> None:
        one = net.connect("peer", port, fail if name == "on_connect" else None)
        one.end(b"hello")
        if name != "on_connect":
            setattr(one, name, fail)
        if name in ("on_end", "on_close"):
            one.on_data = lambda _: None

    return main


def late_client(fail: Raiser) -> None:
    """What it receives comes before it has an on_data."""
    one = net.connect("peer", 7)
    one.end(b"hello")
    Runtime.current().set_timeout(2000, lambda _: setattr(one, "on_data", fail))


SIMULATED: dict[str, Callable[[Raiser], object]] = {
    "fs.read": lambda fail: fs.read(__file__, fail),
    "fs.read of nothing": lambda fail: fs.read("/no/such/file", fail),
    "fs.read_bytes": lambda fail: fs.read_bytes(__file__, fail),
    "fs.write of nothing": lambda fail: fs.write("/no/such/folder/file", "x", fail),
    "fs.stat": lambda fail: fs.stat(__file__, fail),
    "crypto.encrypt": lambda fail: crypto.encrypt(5, fail),
    "crypto.pbkdf2": lambda fail: crypto.pbkdf2("p", "s", 1, fail),
    "crypto.sha256": lambda fail: crypto.sha256("x", fail),
    "http.get": ask("http://good/"),
    "http.get of a 404": ask("http://missing/"),
    "http.get of nobody": ask("http://nobody/"),
    "http.get of garbage": ask("http://garbage/"),
    "http.get of much work": ask("http://chunks/"),
    "http.get of half an answer": ask("http://half/"),
    "http.get of too much": ask("http://good/", max_bytes=1),
    "http.get in no time": ask("http://slow/", timeout=1),
    "http.get_slow": lambda fail: http.get_slow("http://example.com/", 10, fail),
    "on_connect": client("on_connect"),
    "on_data": client("on_data"),
    "on_data of what was kept": late_client,
    "on_end": client("on_end"),
    "on_close": client("on_close"),
    "on_error": client("on_error", port=8),
}


def simulation() -> Simulation:
    system = Simulation()
    for host, chunks in {
        "good": [(0.0, OK)],
        "missing": [(0.0, NOT_FOUND)],
        "garbage": [(0.0, b"220 smtp.example.com\r\n")],
        "chunks": [(0.0, MANY_CHUNKS)],
        "half": [(0.0, OK[:-1])],
        "slow": [(9.0, OK)],
    }.items():
        system.add_peer(host, 80, lambda _, chunks=chunks: chunks)  # type: ignore[misc]
    system.add_peer("peer", 7, lambda received: [(1.0, received.upper())])
    return system


# With real sockets


def drained(fail: Raiser) -> None:
    def connected(peer: net.Socket) -> None:
        peer.on_drain = fail
        while peer.write(bytes(100_000)):
            pass
        one.on_data = lambda _: None

    server = net.create_server(connected)
    one = net.connect(*server.address)


def reset_by_the_peer(fail: Raiser) -> None:
    def connected(peer: net.Socket) -> None:
        peer.on_error = fail
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        client.close()

    client = socket.create_connection(net.create_server(connected).address)


def written_to_nobody(fail: Raiser) -> None:
    def connected(peer: net.Socket) -> None:
        peer.on_error = fail
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        client.close()
        peer.write(b"x")

    client = socket.create_connection(net.create_server(connected).address)


def connection(fail: Raiser) -> None:
    server = net.create_server(fail)
    client = socket.create_connection(server.address)
    Runtime.current().at_close(client.close)


def server_closed(fail: Raiser) -> None:
    server = net.create_server(lambda _: None)
    server.close(fail)


def no_descriptors(fail: Raiser) -> None:
    class Full:
        def __init__(self, door: socket.socket) -> None:
            self.fileno, self.close = door.fileno, door.close

        def accept(self) -> Any:
            raise OSError(24, "Too many open files")

    server = net.create_server(lambda _: None)
    server.on_error = fail
    server._listening = Full(server._listening)  # type: ignore[assignment]
    client = socket.create_connection(server.address)
    Runtime.current().at_close(client.close)


def refused(fail: Raiser) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    http.get(f"http://127.0.0.1:{port}/", fail)


REAL: dict[str, Callable[[Raiser], object]] = {
    "on_drain": drained,
    "on_error of a reset": reset_by_the_peer,
    "on_error of a write": written_to_nobody,
    "on_connection": connection,
    "server.close": server_closed,
    "server.on_error": no_descriptors,
    "http.get of a closed port": refused,
}

PLACES = [
    *(pytest.param(main, True, id=name) for name, main in SIMULATED.items()),
    *(pytest.param(main, False, id=name) for name, main in REAL.items()),
]


def run(rt: Runtime, main: Callable[[Raiser], object], error: BaseException) -> int:
    """Run `main` with a callback that raises `error` once. Returns how often it was called."""
    calls = 0

    def fail(_: Any) -> NoReturn:
        nonlocal calls
        calls += 1
        raise error

    rt.run(lambda: main(fail) and None)
    return calls


@pytest.mark.parametrize(("main", "simulated"), PLACES)
@pytest.mark.slow
def test_a1_whatever_a_callback_raises_leaves_run_as_it_is_and_is_noted_once(
    main: Callable[[Raiser], object], simulated: bool
) -> None:
    for error in every_builtin_exception():
        recorder = Recorder()
        rt = Runtime(system=simulation() if simulated else None, trace=recorder)
        with pytest.raises(BaseException) as caught:  # noqa: PT011
            run(rt, main, error)
        assert caught.value is error
        assert (error.__context__, error.__cause__) == (None, None)
        uncaught = [event for event in recorder if event.kind == "uncaught"]
        assert len(uncaught) == isinstance(error, Exception)


@pytest.mark.parametrize(("main", "simulated"), PLACES)
@pytest.mark.slow
def test_a1_whatever_a_callback_raises_reaches_on_uncaught_once(
    main: Callable[[Raiser], object], simulated: bool
) -> None:
    for error in every_builtin_exception():
        if not isinstance(error, Exception):
            continue
        recorder, heard = Recorder(), []
        rt = Runtime(system=simulation() if simulated else None, trace=recorder)

        def hear(raised: Exception, rt: Runtime = rt, heard: list[Any] = heard) -> None:
            heard.append(raised)
            rt.stop()

        rt.on_uncaught = hear
        assert run(rt, main, error) == 1
        assert heard == [error]
        noted = [event.kind for event in recorder if event.detail and "error" in event.detail]
        assert sorted(set(noted) - {"finished"}) == ["returned", "uncaught"]
        assert noted.count("returned") == noted.count("uncaught") == 1


def test_a1_a_web_request_that_fails_raises_its_error_where_it_is_opened() -> None:
    errors: list[Exception] = []
    rt = Runtime(system=simulation())
    rt.on_uncaught = errors.append
    rt.run(lambda: http.get("http://missing/", lambda value: value.into_string()))
    assert [type(error).__name__ for error in errors] == ["HttpError"]
    assert rt.pending_events == 0


async def lost(error: Exception) -> None:
    await sleep_ms(1)
    raise error


# (callback) from a coroutine function: each gives a coroutine, and none needs to look async
FORMS: dict[str, Callable[[Any], Callable[[Any], object]]] = {
    "an async function": lambda begin: begin,
    "a lambda": lambda begin: lambda value: begin(value),
    "a part": lambda begin: partial(lambda _, value: begin(value), "first"),
    "an object": lambda begin: type("Caller", (), {"__call__": lambda _, value: begin(value)})(),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize(("main", "simulated"), PLACES)
def test_whatever_callback_gives_a_coroutine_is_run_as_a_task(
    main: Callable[[Any], object], simulated: bool, form: Callable[[Any], Callable[[Any], object]]
) -> None:
    error = ValueError("from the task")

    async def begin(_: Any) -> None:
        await lost(error)

    rt = Runtime(system=simulation() if simulated else None)
    with pytest.raises(ValueError, match="from the task") as caught:
        rt.run(lambda: main(form(begin)) and None)
    assert caught.value is error


def test_a_handler_is_the_one_that_was_assigned() -> None:
    async def hear(_: Any) -> None: ...

    def main() -> None:
        one = net.connect("peer", 7)
        for name in ("on_connect", "on_data", "on_drain", "on_end", "on_error", "on_close"):
            setattr(one, name, hear)
            assert getattr(one, name) is hear
        one.destroy()

    Runtime(system=simulation()).run(main)
