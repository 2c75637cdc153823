"""The server with a chosen delay: a pure answer to bytes, and the same over a real socket."""

import http.client
import socket
import threading
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirt import Runtime
from minirt.modules import slowserver
from minirt.modules.slowserver import SlowServer, answer

pytestmark = pytest.mark.usefixtures("no_leaks")


def request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode()


def parts(response: bytes) -> tuple[int, str]:
    """Status and body of a response in bytes."""
    head, _, body = response.partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in head.lower()
    return int(head.split()[1]), body.decode()


def only_answer(path: str) -> tuple[float, int, str]:
    """Delay in seconds, status, and body."""
    [(delay, response)] = answer(request(path)) or []
    return delay, *parts(response)


def test_the_delay_in_the_path_is_the_delay_of_the_answer() -> None:
    delay, status, text = only_answer("/delay/2000/some/where?q=1")
    assert (delay, status) == (2.0, 200)
    assert text == "You asked for /some/where?q=1 and waited 2000 ms.\n"


def test_a_whole_url_in_the_path_is_named_without_the_slash() -> None:
    assert "for http://example.com/ and" in only_answer("/delay/0/http://example.com/")[2]


@pytest.mark.parametrize("path", ["/", "/delay/", "/delay/5", "/delay/x/", "/delay/-5/a", "/other"])
def test_a_path_without_a_delay_is_not_found_and_told_the_way(path: str) -> None:
    delay, status, text = only_answer(path)
    assert (delay, status) == (0, 404)
    assert "/delay/2000/" in text


def test_a_delay_that_no_timer_counts_is_a_bad_request() -> None:
    assert only_answer(f"/delay/{2**31 - 1}/")[1] == 200
    assert only_answer(f"/delay/{2**31}/")[:2] == (0, 400)


def test_a_request_is_incomplete_until_its_last_byte() -> None:
    whole = request("/delay/1/")
    assert [answer(whole[:count]) for count in range(len(whole))] == [None] * len(whole)
    assert answer(whole) is not None


@pytest.mark.parametrize("received", [b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"HELO me\r\n\r\n"])
def test_what_is_no_http_is_a_bad_request(received: bytes) -> None:
    [(delay, response)] = answer(received) or []
    assert delay == 0 and parts(response)[0] == 400


def test_a_request_made_to_be_slow_is_a_bad_request_at_once() -> None:
    slow = b"GET /delay/1/ HTTP/1.1\r\nHost: here\r\na:" + b" " * 15_000 + b"\0\r\n\r\n"
    began = time.thread_time()
    [(_, response)] = answer(slow) or []
    assert parts(response)[0] == 400
    assert time.thread_time() - began < 0.1


@given(st.binary(max_size=200))
def test_no_bytes_break_the_answer(received: bytes) -> None:
    chunks = answer(received + b"\r\n\r\n")
    assert chunks is None or parts(chunks[0][1])[0] in (200, 400, 404)


def test_the_server_answers_over_a_real_socket() -> None:
    with SlowServer() as slow:
        assert slow.url == f"http://127.0.0.1:{slow.address[1]}"
        client = http.client.HTTPConnection(*slow.address, timeout=20)
        client.request("GET", "/delay/10/page")
        response = client.getresponse()
        assert response.status == 200
        assert response.read() == b"You asked for /page and waited 10 ms.\n"
        client.close()


def test_a_bad_request_over_a_real_socket_is_answered_with_400() -> None:
    with SlowServer() as slow, socket.create_connection(slow.address, timeout=20) as client:
        client.sendall(b"garb")
        client.sendall(b"age\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 400 ")


def test_many_clients_wait_at_the_same_time() -> None:
    with SlowServer() as slow:
        clients = [socket.create_connection(slow.address, timeout=20) for _ in range(20)]
        for number, client in enumerate(clients):
            client.sendall(request(f"/delay/{20 - number}/{number}"))
        for number, client in enumerate(clients):
            assert f"/{number} and" in client.makefile().read()
            client.close()


def test_stopping_hangs_up_on_who_waits_and_leaves_nothing() -> None:
    slow = SlowServer().start()
    with socket.create_connection(slow.address, timeout=20) as client:
        client.sendall(request("/delay/100000/"))
        slow.stop()
        slow.stop()
        assert ended(client)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(slow.address)


def ended(client: socket.socket) -> bool:
    """Did the other side close?"""
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


def test_it_can_be_started_again() -> None:
    slow = SlowServer()
    for _ in range(2):
        with slow:
            socket.create_connection(slow.address, timeout=20).close()


def test_a_client_that_leaves_takes_its_timer_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    cancelled = threading.Event()
    timers: list[Any] = []
    original = Runtime.set_timeout

    def set_timeout(self: Runtime, ms: float, cb: Any) -> Any:
        timers.append(original(self, ms, cb))
        return timers[-1]

    monkeypatch.setattr(Runtime, "set_timeout", set_timeout)
    monkeypatch.setattr(
        slowserver.Visitor, "_say", lambda *_: pytest.fail("answered nobody"), raising=True
    )
    with SlowServer() as slow:
        client = socket.create_connection(slow.address, timeout=20)
        client.sendall(request("/delay/60000/"))
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""  # the server ends when its client has ended
        client.close()
        runtime = slow._runtime
        assert runtime is not None
        while not cancelled.is_set():
            runtime.call_from_thread(
                lambda _: cancelled.set() if not runtime.snapshot().timers else None
            )
            cancelled.wait(0.01)
    assert len(timers) == 1


def test_inside_a_runtime_s_callback_it_has_a_runtime_of_its_own() -> None:
    urls: list[str] = []

    def main() -> None:
        with SlowServer() as slow:
            urls.append(slow.url)

    Runtime().run(main)
    assert urls[0].startswith("http://127.0.0.1:")


def test_without_a_port_the_error_comes_to_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    def create_server(*_: Any) -> Any:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(slowserver, "create_server", create_server)
    with pytest.raises(OSError, match="Too many"):
        SlowServer().start()
