"""HTTP over real sockets, with servers that misbehave, and in simulated time."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from minirt import Int, Runtime, Simulation, String, TaskKind, set_timeout
from minirt.errors import HttpError, HttpTimeout, NotCallable, ResponseTooLarge
from minirt.modules import http
from minirt.modules.handles import handles_of
from minirt.modules.slowserver import SlowServer
from minirt.modules.urls import parse_url

pytestmark = pytest.mark.usefixtures("no_leaks")

PATIENCE = 20  # seconds after which a test that hangs fails
OK = b"HTTP/1.1 200 OK\r\n"


# Real sockets

Reply = Callable[[socket.socket], object]


@contextmanager
def serving(reply: Reply, asks: bool = True) -> Iterator[str]:
    """The URL of a raw server for one client, whom `reply` answers on a thread."""
    problems: list[BaseException] = []

    def serve() -> None:
        try:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(PATIENCE)
                request = b""
                while asks and not request.endswith(b"\r\n\r\n"):
                    request += connection.recv(65536)
                reply(connection)
        except BaseException as problem:
            problems.append(problem)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            thread.join()
    assert not problems, problems


def got(url: str, **options: Any) -> Any:
    """The one value that `http.get`'s callback received."""
    values: list[Any] = []
    Runtime().run(lambda: http.get(url, values.append, **options))
    (value,) = values
    return value


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_a_page_is_fetched_over_a_real_socket() -> None:
    with serving(lambda client: client.sendall(OK + b"Content-Length: 5\r\n\r\nhello")) as url:
        assert got(url + "/path") == String("hello")


def test_one_request_is_one_identity_and_wakes_the_first_turn_for_nothing() -> None:
    answered: list[Any] = []

    def main() -> None:
        assert http.get(url, answered.append) == 1
        assert (rt.identity_token, rt.pending_events, rt.epoll_pending_events) == (1, 1, 1)

    with SlowServer() as slow:
        url = slow.url + "/delay/20/x"
        rt = Runtime()
        rt.run(main)
    assert rt.identity_token == 1
    assert rt.ticks <= 2  # the answer; and its end, if that came later
    assert len(answered) == 1


def test_fault_g_a_body_that_drips_in_does_not_hold_a_timer_up() -> None:
    timer_ran = threading.Event()
    log: list[str] = []

    def drip(client: socket.socket) -> None:
        client.sendall(OK + b"Content-Length: 4\r\n\r\nd")
        assert timer_ran.wait(PATIENCE), "the loop waits for the body, and not for its timer"
        for byte in (b"r", b"i", b"p"):
            client.sendall(byte)

    def main() -> None:
        http.get(url, lambda value: log.append(value.into_string()))
        set_timeout(200, lambda _: (log.append("timer"), timer_ran.set()))

    with serving(drip) as url:
        Runtime().run(main)
    assert log == ["timer", "drip"]


def test_fault_l_a_refused_connection_is_an_error_for_the_callback() -> None:
    value = got(f"http://127.0.0.1:{closed_port()}/")
    assert isinstance(value.exception, ConnectionRefusedError)


def test_fault_l_a_body_that_is_not_utf_8_is_an_error_for_the_callback() -> None:
    with serving(lambda client: client.sendall(OK + b"Content-Length: 1\r\n\r\n\xff")) as url:
        assert isinstance(got(url).exception, HttpError)


def test_fault_l_a_callback_that_fails_ends_nothing_when_somebody_listens() -> None:
    errors: list[Exception] = []

    def main() -> None:
        rt.on_uncaught = errors.append
        http.get(url, lambda _: 1 / 0)
        set_timeout(1, lambda _: None)

    with serving(lambda client: client.sendall(OK + b"Content-Length: 0\r\n\r\n")) as url:
        rt = Runtime()
        rt.run(main)
    assert [type(error) for error in errors] == [ZeroDivisionError]


def test_the_callback_is_never_called_before_get_returned() -> None:
    log: list[str] = []

    def main() -> None:
        http.get(f"http://127.0.0.1:{closed_port()}/", lambda _: log.append("callback"))
        http.get("http://255.255.255.255/", lambda _: log.append("callback"))
        log.append("main")

    Runtime().run(main)
    assert log == ["main", "callback", "callback"]


def test_a_server_that_closes_without_an_answer_is_an_error() -> None:
    with serving(lambda client: None) as url:
        assert isinstance(got(url).exception, HttpError)


def test_a_reset_in_the_middle_of_the_body_is_an_error() -> None:
    def reply(client: socket.socket) -> None:
        client.sendall(OK + b"Content-Length: 100\r\n\r\nhalf")
        reset(client)

    with serving(reply) as url:
        assert isinstance(got(url).exception, ConnectionResetError)


def test_an_invalid_chunk_is_an_error_and_the_rest_is_not_waited_for() -> None:
    done = threading.Event()

    def reply(client: socket.socket) -> None:
        client.sendall(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nnonsense\r\n")
        assert done.wait(PATIENCE)

    with serving(reply) as url:
        value = got(url)
        done.set()
    assert isinstance(value.exception, HttpError) and "valid HTTP" in str(value.exception)


def test_a_header_without_end_is_refused_early() -> None:
    sent = 0

    def reply(client: socket.socket) -> None:
        nonlocal sent
        try:
            client.sendall(OK)
            while sent < 200_000_000:
                client.sendall(b"X-Header: " + b"x" * 50_000 + b"\r\n")
                sent += 50_000
        except OSError:
            pass  # the client hung up, as it should

    with serving(reply) as url:
        assert isinstance(got(url).exception, HttpError)
    assert sent < 200_000_000


def test_a_body_without_end_is_refused_at_the_limit() -> None:
    def reply(client: socket.socket) -> None:
        try:
            client.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
            for _ in range(2000):
                client.sendall(bytes(100_000))
        except OSError:
            return
        raise AssertionError("the client took 200 MB")

    with serving(reply) as url:
        assert isinstance(got(url, max_bytes=300_000).exception, ResponseTooLarge)


def test_an_answer_that_does_not_come_is_a_timeout_and_closes_the_connection() -> None:
    closed: list[bytes] = []
    with serving(lambda client: closed.append(client.recv(1))) as url:
        value = got(url, timeout=0.02)
    assert isinstance(value.exception, HttpTimeout)
    assert isinstance(value.exception, TimeoutError)
    assert "0.02 s" in str(value.exception)
    assert closed == [b""]


def test_a_body_that_keeps_dripping_does_not_outlive_the_timeout() -> None:
    def reply(client: socket.socket) -> None:
        try:
            client.sendall(OK + b"Content-Length: 1000000000\r\n\r\n")
            while True:
                client.sendall(b"x")
        except OSError:
            pass

    with serving(reply) as url:
        value = got(url, timeout=0.05, max_bytes=10**9)
    assert isinstance(value.exception, HttpTimeout)


def test_an_answer_in_time_cancels_the_timeout() -> None:
    with serving(lambda client: client.sendall(OK + b"Content-Length: 2\r\n\r\nok")) as url:
        assert got(url, timeout=3600) == String("ok")  # an hour, if the timer were still alive


def test_a_request_that_does_not_fit_into_the_connection_is_sent_in_pieces() -> None:
    size = 12_000_000
    loop_turns = threading.Event()
    received: list[int] = []

    def reply(client: socket.socket) -> None:
        assert loop_turns.wait(PATIENCE), "the loop waits for room in the connection"
        request = bytearray()
        while not request.endswith(b"\r\n\r\n"):
            request += client.recv(2**20)
        received.append(request.count(b"x"))
        client.sendall(OK + b"Content-Length: 2\r\n\r\nok")

    values: list[Any] = []

    def main() -> None:
        http.get(url + "/" + "x" * size, values.append)
        set_timeout(5, lambda _: loop_turns.set())

    with serving(reply, asks=False) as url:
        Runtime().run(main)
    assert values == [String("ok")]
    assert received == [size]


def test_a_large_body_arrives_whole() -> None:
    body = b"0123456789" * 500_000
    head = OK + b"Content-Length: %d\r\n\r\n" % len(body)
    with serving(lambda client: client.sendall(head + body)) as url:
        assert got(url).into_string() == body.decode()


def test_twenty_requests_overlap() -> None:
    values: list[Any] = []

    def main() -> None:
        for number in range(20):
            http.get(f"{slow.url}/delay/{20 - number}/{number}", values.append)

    with SlowServer() as slow:
        Runtime().run(main)
    assert len({value.into_string() for value in values}) == 20


# Names


def test_a_name_is_looked_up_on_the_pool() -> None:
    with serving(lambda client: client.sendall(OK + b"Content-Length: 2\r\n\r\nhi")) as url:
        assert got(url.replace("127.0.0.1", "localhost")) == String("hi")


def test_a_name_that_nobody_knows_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert isinstance(got("http://nobody.example/").exception, socket.gaierror)


def test_a_look_up_that_waits_for_a_thread_does_not_outlive_the_timeout() -> None:
    values: list[Any] = []
    timed_out = threading.Event()

    def main() -> None:
        busy = rt.register_event_threadpool(
            lambda: Int(timed_out.wait(PATIENCE)), TaskKind("Busy"), values.append
        )
        http.get("http://localhost:1/", lambda v: (values.append(v), timed_out.set()), timeout=0.01)
        assert rt.cancel_task(busy) is False

    rt = Runtime(threads=1)
    rt.run(main)
    assert isinstance(values[0].exception, HttpTimeout)
    assert values[1:] == [Int(True)]


def test_a_look_up_that_ends_after_the_timeout_connects_nowhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    timed_out = threading.Event()

    def getaddrinfo(*_: Any, **__: Any) -> Any:
        assert timed_out.wait(PATIENCE)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    values: list[Any] = []

    def main() -> None:
        http.get(
            "http://slow.example/", lambda v: (values.append(v), timed_out.set()), timeout=0.01
        )

    Runtime().run(main)
    assert [type(value.exception) for value in values] == [HttpTimeout]


# Bad arguments, early ends


@pytest.mark.parametrize(
    ("url", "error"), [(b"http://h/", TypeError), ("http://a b/", ValueError), ("x", ValueError)]
)
def test_a_url_that_cannot_be_asked_is_an_error_at_the_call(url: Any, error: Any) -> None:
    with pytest.raises(error, match=r"^got .*, expected|^got .*, whose"):
        Runtime().run(lambda: http.get(url, print))


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), 10**10])
def test_a_timeout_that_no_timer_counts_is_a_value_error(timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout"):
        Runtime().run(lambda: http.get("http://127.0.0.1/", print, timeout=timeout))


@pytest.mark.parametrize("options", [{"timeout": "1"}, {"timeout": True}, {"max_bytes": 1.5}])
def test_options_of_another_type_are_a_type_error(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        Runtime().run(lambda: http.get("http://127.0.0.1/", print, **options))


@pytest.mark.parametrize("call", [http.get, lambda url, cb: http.get_slow(url, 1, cb)])
def test_a_callback_that_is_not_callable_is_refused_at_the_call(call: Any) -> None:
    with pytest.raises(NotCallable):
        Runtime().run(lambda: call("http://127.0.0.1:1/", 3))


def test_a_runtime_that_stops_early_closes_the_connection() -> None:
    values: list[Any] = []
    ended: list[bytes] = []

    def main() -> None:
        http.get(url, values.append)
        set_timeout(1, lambda _: rt.stop())

    with serving(lambda client: ended.append(client.recv(1))) as url:
        rt = Runtime()
        rt.run(main)
    assert values == [] and ended == [b""]


def test_requests_leave_nothing_in_the_runtime() -> None:
    counts: list[tuple[int, int]] = []

    def main() -> None:
        def ask(left: int) -> None:
            counts.append((rt.snapshot().callbacks, len(handles_of(rt))))
            if left:
                http.get(slow.url + "/delay/0/x", lambda _: ask(left - 1), timeout=PATIENCE)

        ask(10)

    with SlowServer() as slow:
        rt = Runtime()
        rt.run(main)
    assert counts == [(0, 0)] * 11


# The slow web call


def slow_text(url: str, delay_ms: float, **options: Any) -> str:
    values: list[Any] = []
    Runtime(**options).run(lambda: http.get_slow(url, delay_ms, values.append))
    (value,) = values
    text: str = value.into_string()
    return text


def test_any_url_is_answered_after_the_delay_by_the_runtime_s_own_server() -> None:
    text = slow_text("http://www.example.com/page?q=1", 10)
    assert text == "You asked for http://www.example.com/page?q=1 and waited 10 ms.\n"


def test_a_server_on_this_machine_is_asked_itself_with_the_delay_in_the_path() -> None:
    with SlowServer() as slow:
        assert slow_text(slow.url + "/page", 5) == "You asked for /page and waited 5 ms.\n"
        local = slow.url.replace("127.0.0.1", "localhost")
        assert slow_text(local, 5) == "You asked for / and waited 5 ms.\n"


@pytest.mark.parametrize(
    ("url", "is_local"),
    [
        ("http://127.0.0.1:80/", True),
        ("http://127.9.9.9:1/", True),
        ("http://[::1]:1/", True),
        ("http://localhost:1/", True),
        ("http://localhost/", False),
        ("http://127.0.0.1/", False),
        ("http://192.0.2.1:1/", False),
        ("http://example.com:80/", False),
    ],
)
def test_only_a_loopback_address_with_a_port_counts_as_this_machine(
    url: str, is_local: bool
) -> None:
    assert http.is_on_this_machine(parse_url(url)) is is_local


def test_the_slow_server_is_started_once_and_stopped_with_the_runtime() -> None:
    threads: list[list[str]] = []
    values: list[Any] = []

    def main() -> None:
        http.get_slow("http://a.example/", 1, values.append)
        http.get_slow("http://b.example/", 1, values.append)
        threads.append([t.name for t in threading.enumerate() if t.name == "slowserver"])

    Runtime().run(main)
    assert len(values) == 2
    assert threads == [["slowserver"]]
    assert "slowserver" not in [thread.name for thread in threading.enumerate()]


def test_a_runtime_that_fails_stops_its_slow_server_too() -> None:
    def main() -> None:
        http.get_slow("http://a.example/", 60_000, print)
        raise LookupError

    with pytest.raises(LookupError):
        Runtime().run(main)


def test_in_a_simulation_the_answer_is_the_same_and_two_hours_take_no_time() -> None:
    before = threading.active_count()
    rt = Runtime(system=Simulation(seed=3))
    values: list[Any] = []
    times: list[float] = []

    def main() -> None:
        assert http.get_slow("http://www.example.com/", 7_200_000, note) == 1
        assert threading.active_count() == before

    def note(value: Any) -> None:
        values.append(value.into_string())
        times.append(rt.clock.now())

    rt.run(main)
    assert values == ["You asked for http://www.example.com/ and waited 7200000 ms.\n"]
    assert 7200 < times[0] < 7200.1
    assert rt.identity_token == 1


def test_in_a_simulation_names_need_no_look_up_and_strangers_refuse() -> None:
    system = Simulation()
    page = OK + b"Content-Length: 2\r\n\r\nhi"
    system.add_peer("known", 80, lambda _: [(0.0, page[:20]), (1.0, page[20:])])
    values: list[Any] = []

    def main() -> None:
        http.get("http://known/", values.append)
        http.get("http://stranger/", lambda value: values.append(type(value.exception)))

    Runtime(system=system).run(main)
    assert values == [ConnectionRefusedError, String("hi")]


@pytest.mark.parametrize("delay", [-1, float("nan"), 2**31])
def test_a_slow_delay_that_no_timer_counts_is_a_value_error(delay: float) -> None:
    with pytest.raises(ValueError, match="delay_ms"):
        Runtime().run(lambda: http.get_slow("http://h/", delay, print))


@pytest.mark.parametrize("delay", ["1", None, True])
def test_a_slow_delay_that_is_no_number_is_a_type_error(delay: Any) -> None:
    with pytest.raises(TypeError, match="delay_ms"):
        Runtime().run(lambda: http.get_slow("http://h/", delay, print))
