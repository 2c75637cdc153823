"""TCP on real loopback sockets: Node's order of events, back-pressure, errors, early ends."""

import json
import resource
import select
import socket
import struct
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from minirt import (
    Bytes,
    Error,
    Int,
    Runtime,
    Simulation,
    Undefined,
    next_tick,
    queue_microtask,
    set_immediate,
    set_timeout,
)
from minirt.errors import NotCallable, OnlySimulated, RuntimeClosed, StateError
from minirt.modules import net, sockets
from minirt.modules.handles import handles_of

pytestmark = pytest.mark.usefixtures("no_leaks")

Socket = sockets.Socket
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: close() sends a reset


def run(main: Callable[[], object], **options: Any) -> Runtime:
    """Run `main`. A test that would hang fails instead."""
    rt = Runtime(**options)

    def guarded() -> None:
        rt.set_timeout(20_000, give_up).unref()
        main()

    rt.run(guarded)
    return rt


def give_up(_: Any) -> None:
    raise TimeoutError("this test waits for something that does not happen")


def ignore(_: Any) -> None:
    """An error that is part of the test."""


def echo(client: Socket) -> None:
    client.on_data = lambda chunk: client.write(chunk.value)


def closes_after(server: net.Server, *clients: Socket) -> None:
    """Close `server` when the last of `clients` is closed."""
    left = len(clients)

    def one_less(_: Any) -> None:
        nonlocal left
        left -= 1
        if not left:
            server.close()

    for client in clients:
        client.on_close = one_less


# The order, as Node v20 prints it


def test_the_close_callback_runs_after_check_and_before_timers() -> None:
    log: list[str] = []

    def main() -> None:
        server = net.create_server(lambda client: setattr(client, "on_error", print))

        def connected(_: Any) -> None:
            set_timeout(0, lambda _: (log.append("timeout"), server.close()))
            client.on_close = lambda _: log.append("close")
            client.destroy()
            next_tick(lambda _: log.append("tick"))
            set_immediate(lambda _: log.append("immediate"))

        client = net.connect(*server.address, connected)

    run(main)
    assert log == ["tick", "immediate", "close", "timeout"]


def test_one_client_hears_connect_data_end_close_and_then_the_server_closes() -> None:
    log: list[str] = []

    def main() -> None:
        server = net.create_server(echo)

        def closed(_: Any) -> None:
            log.append("close")
            server.close(lambda _: log.append("server close"))

        client = net.connect(*server.address, lambda _: (log.append("connect"), client.end(b"hi")))
        client.on_data = lambda chunk: log.append(f"data {chunk.value.decode()}")
        client.on_end = lambda _: log.append("end")
        client.on_close = closed

    run(main)
    assert log == ["connect", "data hi", "end", "close", "server close"]


def test_every_handler_receives_one_js_and_the_server_one_socket() -> None:
    received: dict[str, Any] = {}

    def main() -> None:
        def connected(peer: Socket) -> None:
            received["connection"] = peer
            peer.end(b"x")

        server = net.create_server(connected)
        client = net.connect(*server.address, lambda value: received.update(connect=value))
        for name in ("data", "end", "close"):
            setattr(client, f"on_{name}", partial(received.__setitem__, name))
        set_immediate(lambda _: server.close(lambda value: received.update(over=value)))

    run(main)
    assert isinstance(received.pop("connection"), Socket)
    nothing = Undefined()
    data = Bytes(b"x")
    assert received == {
        "connect": nothing,
        "data": data,
        "end": nothing,
        "close": nothing,
        "over": nothing,
    }


def test_ticks_and_microtasks_run_between_two_connections_of_one_readiness() -> None:
    log: list[str] = []
    clients = []

    def main() -> None:
        def connected(peer: Socket) -> None:
            number = server.connections
            log.append(f"connection {number}")
            queue_microtask(lambda _: log.append(f"microtask {number}"))
            next_tick(lambda _: log.append(f"tick {number}"))
            if number == 2:
                server.close()

        server = net.create_server(connected)
        clients.extend(socket.create_connection(server.address) for _ in range(2))
        set_timeout(0, lambda _: [client.close() for client in clients])

    run(main)
    assert log[:6] == [
        "connection 1",
        "tick 1",
        "microtask 1",
        "connection 2",
        "tick 2",
        "microtask 2",
    ]


def test_a_connection_callback_that_fails_leaves_the_others_their_turn() -> None:
    errors: list[Exception] = []
    served: list[Socket] = []

    def main() -> None:
        def connected(peer: Socket) -> None:
            served.append(peer)
            peer.destroy()
            if len(served) == 3:
                server.close()
            raise LookupError(len(served))

        server = net.create_server(connected)
        rt = Runtime.current()
        rt.on_uncaught = errors.append
        clients = [socket.create_connection(server.address) for _ in range(3)]
        rt.at_close(lambda: [client.close() for client in clients])

    run(main)
    assert [error.args for error in errors] == [(1,), (2,), (3,)]


# Writing


def test_what_is_written_before_the_connection_is_there_arrives_first() -> None:
    received = bytearray()

    def main() -> None:
        def connected(peer: Socket) -> None:
            peer.on_data = lambda chunk: received.extend(chunk.value)

        server = net.create_server(connected)
        client = net.connect(*server.address, lambda _: client.write(b" second"))
        assert client.write(b"first") is False
        client.on_drain = lambda _: client.end(b" last")
        closes_after(server, client)

    run(main)
    assert received in (b"first second last", b"first last")
    assert received == b"first second last"


def test_end_before_the_connection_is_there_still_sends() -> None:
    received = bytearray()

    def main() -> None:
        def connected(peer: Socket) -> None:
            peer.on_data = lambda chunk: received.extend(chunk.value)

        server = net.create_server(connected)
        client = net.connect(*server.address)
        client.end(b"all")
        bare = net.connect(*server.address)
        bare.end()
        closes_after(server, client, bare)

    run(main)
    assert received == b"all"


def test_a_full_connection_says_false_then_drains_and_nothing_is_lost_or_out_of_order() -> None:
    sent, received = bytearray(), bytearray()
    log: list[str] = []

    def main() -> None:
        peers: list[Socket] = []

        def connected(peer: Socket) -> None:
            peer.pause()
            peer.on_data = lambda chunk: received.extend(chunk.value)
            peers.append(peer)

        def fill(_: Any) -> None:
            number = 0
            while True:
                chunk = struct.pack("!I", number) * 16384
                number += 1
                sent.extend(chunk)
                if not client.write(chunk):
                    break
            log.append("full")
            more = bytes(100_000)
            sent.extend(more)
            assert client.write(more) is False
            client.on_drain = drained
            set_timeout(1, lambda _: peers[0].resume())

        def drained(_: Any) -> None:
            log.append("drain")
            assert client.write(b"one more")
            sent.extend(b"one more")
            client.end(b"the end")
            sent.extend(b"the end")

        server = net.create_server(connected)
        client = net.connect(*server.address, lambda _: set_immediate(fill))
        closes_after(server, client)

    run(main)
    assert log == ["full", "drain"]
    assert len(sent) > 500_000
    assert received == sent


def test_ending_a_full_connection_sends_the_rest_and_does_not_say_drain() -> None:
    received = bytearray()
    size = 20_000_000

    def main() -> None:
        def connected(peer: Socket) -> None:
            peer.on_data = lambda chunk: received.extend(chunk.value)

        server = net.create_server(connected)
        client = net.connect(*server.address, lambda _: client.end(b"x" * size))
        client.on_drain = lambda _: received.extend(b"drained")
        closes_after(server, client)

    run(main)
    assert received == b"x" * size


def test_memoryviews_and_bytearrays_are_copied_when_they_wait() -> None:
    received = bytearray()

    def main() -> None:
        def connected(peer: Socket) -> None:
            peer.on_data = lambda chunk: received.extend(chunk.value)

        server = net.create_server(connected)
        client = net.connect(*server.address)
        text = bytearray(b"before")
        client.write(text)
        text[:] = b"after!"
        client.end(memoryview(b" end"))
        closes_after(server, client)

    run(main)
    assert received == b"before end"


@pytest.mark.parametrize("chunk", ["text", None, 5, [1, 2]])
def test_what_is_not_bytes_is_a_type_error_connected_or_not(chunk: Any) -> None:
    seen: list[str] = []

    def main() -> None:
        def connected(_: Any) -> None:
            with pytest.raises(TypeError):
                client.write(chunk)
            seen.append("connected")
            client.destroy()

        server = net.create_server(echo)
        client = net.connect(*server.address, connected)
        with pytest.raises(TypeError):
            client.write(chunk)
        closes_after(server, client)

    run(main)
    assert seen == ["connected"]


def test_writing_after_end_is_an_error_that_says_so() -> None:
    def main() -> None:
        server = net.create_server(echo)
        client = net.connect(*server.address)
        client.end()
        client.end()  # a second time does nothing
        with pytest.raises(StateError, match="before end"):
            client.write(b"late")
        closes_after(server, client)

    run(main)


def test_writing_to_a_connection_that_is_gone_says_false() -> None:
    answers: list[bool] = []

    def main() -> None:
        server = net.create_server(echo)
        client = net.connect(*server.address, lambda _: client.destroy())

        def closed(_: Any) -> None:
            answers.append(client.write(b"late"))
            client.end(b"later")
            server.close()

        client.on_close = closed

    run(main)
    assert answers == [False]


# The end of a connection


def test_when_the_peer_ends_this_side_may_answer_and_then_ends_as_well() -> None:
    log: list[str] = []
    answer = bytearray()

    def main() -> None:
        def connected(peer: Socket) -> None:
            peer.on_end = lambda _: (log.append("end"), peer.write(b"x" * 10_000_000))
            peer.on_close = lambda _: log.append("close")

        server = net.create_server(connected)
        client = net.connect(*server.address, lambda _: client.end())
        client.on_data = lambda chunk: answer.extend(chunk.value)
        closes_after(server, client)

    run(main)
    assert log == ["end", "close"]
    assert len(answer) == 10_000_000


def test_writing_after_the_peer_has_ended_and_we_have_says_false() -> None:
    answers: list[bool] = []

    def main() -> None:
        def connected(peer: Socket) -> None:
            peer.on_data = lambda _: None
            # 10 MB keep our side open for a while after end()
            peer.on_end = lambda _: (
                peer.write(bytes(10_000_000)),
                set_immediate(lambda _: answers.append(peer.write(b"x"))),
            )

        server = net.create_server(connected)
        client = net.connect(*server.address, lambda _: client.end())
        client.pause()
        set_timeout(5, lambda _: client.resume())
        closes_after(server, client)

    run(main)
    assert answers == [False]


def test_an_on_end_that_fails_does_not_leave_the_connection_open() -> None:
    errors: list[Exception] = []

    def main() -> None:
        Runtime.current().on_uncaught = errors.append

        def connected(peer: Socket) -> None:
            peer.on_end = lambda _: 1 / 0

        server = net.create_server(connected)
        client = net.connect(*server.address, lambda _: client.end())
        closes_after(server, client)

    run(main)
    assert [type(error) for error in errors] == [ZeroDivisionError]


def test_an_on_close_that_fails_does_not_keep_the_server_waiting() -> None:
    log: list[str] = []

    def main() -> None:
        Runtime.current().on_uncaught = lambda error: log.append(type(error).__name__)

        def connected(peer: Socket) -> None:
            peer.on_close = lambda _: 1 / 0
            server.close(lambda _: log.append("server closed"))

        server = net.create_server(connected)
        client = net.connect(*server.address, lambda _: client.end())

    run(main)
    assert log == ["ZeroDivisionError", "server closed"]


def test_destroying_twice_closes_once_and_nothing_follows() -> None:
    log: list[str] = []

    def main() -> None:
        def greet(peer: Socket) -> None:
            peer.write(b"data that nobody hears")
            peer.on_error = ignore  # such a client resets the connection

        server = net.create_server(greet)

        def connected(_: Any) -> None:
            client.destroy()
            client.destroy()

        client = net.connect(*server.address, connected)
        client.on_data = lambda _: log.append("data")
        client.on_end = lambda _: log.append("end")
        client.on_close = lambda _: (log.append("close"), server.close())

    run(main)
    assert log == ["close"]


def test_a_socket_destroyed_before_it_is_connected_only_closes() -> None:
    log: list[str] = []

    def main() -> None:
        server = net.create_server(echo)
        client = net.connect(*server.address, lambda _: log.append("connect"))
        client.on_close = lambda _: (log.append("close"), server.close())
        client.destroy()

    run(main)
    assert log == ["close"]


def test_the_server_calls_back_once_its_last_connection_is_closed() -> None:
    log: list[str] = []

    def main() -> None:
        def connected(peer: Socket) -> None:
            peer.on_close = lambda _: log.append("connection closed")
            server.close(lambda _: log.append("server closed"))
            server.close(lambda _: log.append("and says so to all"))
            set_timeout(5, lambda _: client.end())

        server = net.create_server(connected)
        client = net.connect(*server.address)

    run(main)
    assert log == ["connection closed", "server closed", "and says so to all"]


def test_a_closed_server_accepts_nobody_and_calls_back_in_the_close_phase() -> None:
    phases: list[str] = []

    def main() -> None:
        server = net.create_server(echo)
        address = server.address
        server.close(lambda _: phases.append(Runtime.current().phase))
        assert phases == []
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)

    run(main)
    assert phases == ["close"]


# Pausing


def test_a_paused_socket_keeps_the_loop_alive_without_a_turn_and_hears_all_later() -> None:
    log: list[Any] = []

    def main() -> None:
        rt = Runtime.current()

        def connected(peer: Socket) -> None:
            peer.pause()
            peer.pause()
            peer.on_data = lambda chunk: log.append(chunk.value)
            peer.on_end = lambda _: log.append("end")
            server.close()

            def resume(_: Any) -> None:
                log.append("resumed")
                log.append(rt.ticks - ticks < 5)
                peer.resume()
                peer.resume()

            ticks = rt.ticks
            # from another thread: on the loop nothing but the paused socket is alive
            timer = threading.Timer(0.05, lambda: rt.call_from_thread(resume))
            timer.start()
            rt.at_close(timer.join)

        server = net.create_server(connected)
        with socket.create_connection(server.address) as client:
            client.sendall(b"waits")

    Runtime().run(main)
    assert log == ["resumed", True, b"waits", "end"]


def test_a_reset_does_not_spin_a_paused_socket_and_is_heard_on_resume() -> None:
    log: list[Any] = []

    def main() -> None:
        rt = Runtime.current()

        def connected(peer: Socket) -> None:
            peer.pause()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()
            ticks = rt.ticks
            peer.on_error = lambda value: log.append(type(value.exception))
            peer.on_close = lambda _: log.append("close")
            set_timeout(30, lambda _: (log.append(rt.ticks - ticks < 5), peer.resume()))
            server.close()

        server = net.create_server(connected)
        client = socket.create_connection(server.address)

    run(main)
    assert log == [True, ConnectionResetError, "close"]


def test_pausing_in_on_data_leaves_the_rest_for_later() -> None:
    chunks: list[bytes] = []
    counts: list[int] = []

    def main() -> None:
        def connected(peer: Socket) -> None:
            def hear(chunk: Any) -> None:
                chunks.append(chunk.value)
                peer.pause()
                set_timeout(1, lambda _: (counts.append(len(chunks)), peer.resume()))

            peer.on_data = hear
            server.close()

        server = net.create_server(connected)
        client = net.connect(*server.address, lambda _: client.end(bytes(200_000)))

    run(main)
    assert sum(map(len, chunks)) == 200_000
    assert counts == list(range(1, len(chunks) + 1))
    assert len(chunks) >= 4  # at most 64 KiB each


def test_a_socket_paused_before_it_is_connected_reads_nothing_until_it_is_resumed() -> None:
    log: list[Any] = []

    def main() -> None:
        def resume(_: Any) -> None:
            log.append("resume")
            client.resume()

        server = net.create_server(lambda peer: peer.end(b"early"))
        client = net.connect(*server.address, lambda _: set_timeout(5, resume))
        client.pause()
        client.on_data = lambda chunk: log.append(chunk.value)
        closes_after(server, client)

    run(main)
    assert log == ["resume", b"early"]


def test_a_paused_socket_that_is_destroyed_stays_so() -> None:
    def main() -> None:
        def connected(_: Any) -> None:
            client.pause()
            client.destroy()
            client.resume()

        server = net.create_server(echo)
        client = net.connect(*server.address, connected)
        closes_after(server, client)

    run(main)


# Errors


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def test_a_refused_connection_is_an_error_after_connect_returned_and_then_close() -> None:
    log: list[Any] = []

    def main() -> None:
        client = net.connect("127.0.0.1", closed_port(), lambda _: log.append("connect"))
        client.on_error = lambda value: log.append(type(value.exception))
        client.on_close = lambda _: log.append("close")
        log.append("main")

    run(main)
    assert log == ["main", ConnectionRefusedError, "close"]


def test_a_connection_that_fails_at_once_reports_later_as_well() -> None:
    log: list[Any] = []

    def main() -> None:
        client = net.connect("255.255.255.255", 9)  # broadcast: no TCP goes there
        client.on_error = lambda value: log.append(value.exception.errno is not None)
        client.on_close = lambda _: log.append("close")
        log.append("main")

    run(main)
    assert log == ["main", True, "close"]


def test_an_error_without_on_error_leaves_run() -> None:
    with pytest.raises(ConnectionRefusedError):
        run(lambda: net.connect("127.0.0.1", closed_port()))


def test_with_on_uncaught_the_error_arrives_there_and_close_still_follows() -> None:
    log: list[Any] = []

    def main() -> None:
        Runtime.current().on_uncaught = lambda error: log.append(type(error))
        client = net.connect("127.0.0.1", closed_port())
        client.on_close = lambda _: log.append("close")

    run(main)
    assert log == [ConnectionRefusedError, "close"]


def test_a_reset_while_reading_is_an_error_and_then_close() -> None:
    log: list[Any] = []

    def main() -> None:
        def connected(peer: Socket) -> None:
            peer.on_error = lambda value: log.append(type(value.exception))
            peer.on_close = lambda _: log.append("close")
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()
            server.close()

        server = net.create_server(connected)
        client = socket.create_connection(server.address)

    run(main)
    assert log == [ConnectionResetError, "close"]


def test_an_error_while_writing_comes_to_on_error_after_the_caller_returned() -> None:
    log: list[Any] = []

    def main() -> None:
        def connected(peer: Socket) -> None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()
            peer.on_error = lambda value: log.append(isinstance(value.exception, OSError))
            peer.on_close = lambda _: log.append("close")
            assert peer.write(b"x") is False
            assert peer.write(b"y") is False
            log.append("written")
            server.close()

        server = net.create_server(connected)
        client = socket.create_connection(server.address)

    run(main)
    assert log == ["written", True, "close"]


def test_a_reset_while_a_full_connection_waits_is_an_error() -> None:
    log: list[Any] = []

    def main() -> None:
        def connected(peer: Socket) -> None:
            peer.pause()  # so that only the writing side can hear it
            peer.write(bytes(20_000_000))
            peer.on_error = lambda value: log.append(isinstance(value.exception, OSError))
            peer.on_close = lambda _: log.append("close")
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()
            server.close()

        server = net.create_server(connected)
        client = socket.create_connection(server.address)

    run(main)
    assert log == [True, "close"]


@pytest.mark.parametrize("name", ["on_data", "on_end", "on_close", "on_error", "on_drain"])
def test_a_handler_that_is_not_callable_is_refused_where_it_is_assigned(name: str) -> None:
    def main() -> None:
        server = net.create_server(echo)
        client = net.connect(*server.address, lambda _: client.destroy())
        with pytest.raises(NotCallable):
            setattr(client, name, "print")
        setattr(client, name, None)  # unsets
        assert callable(getattr(client, name))
        client.on_close = lambda _: server.close()

    run(main)


def test_bad_arguments_are_errors_at_the_call() -> None:
    def main() -> None:
        for host, port in ((7, 80), ("127.0.0.1", "80"), ("127.0.0.1", None), ("h", True)):
            with pytest.raises(TypeError, match="host"):
                net.connect(host, port)  # type: ignore[arg-type]
        for port in (-1, 65536):
            with pytest.raises(ValueError, match="ports are 0 to 65535"):
                net.connect("127.0.0.1", port)
            with pytest.raises(ValueError, match="ports are 0 to 65535"):
                net.create_server(echo, port=port)
        with pytest.raises(NotCallable):
            net.create_server(None)  # type: ignore[arg-type]
        with pytest.raises(NotCallable):
            net.connect("127.0.0.1", 80, "connected")  # type: ignore[arg-type]

    run(main)


def test_a_port_that_is_taken_is_an_os_error_at_the_call() -> None:
    def main() -> None:
        server = net.create_server(echo)
        with pytest.raises(OSError, match="in use"):
            net.create_server(echo, port=server.address[1])
        server.close()

    run(main)


# Names and addresses


def test_a_name_is_looked_up_on_the_pool() -> None:
    log: list[Any] = []

    def main() -> None:
        server = net.create_server(echo)
        client = net.connect("localhost", server.address[1], lambda _: client.end(b"hi"))
        client.on_data = lambda chunk: log.append(chunk.value)
        closes_after(server, client)

    run(main)
    assert log == [b"hi"]


@pytest.mark.parametrize("problem", [socket.gaierror(-2, "unknown"), UnicodeError("label")])
def test_a_name_that_nobody_knows_is_an_error_and_then_close(
    problem: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> Any:
        raise problem

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    log: list[Any] = []

    def main() -> None:
        client = net.connect("nobody.example", 80)
        client.on_error = lambda value: log.append(value.exception)
        client.on_close = lambda _: log.append("close")

    run(main)
    assert log == [problem, "close"]


def test_a_socket_destroyed_during_the_look_up_never_connects() -> None:
    log: list[str] = []

    def main() -> None:
        server = net.create_server(echo)
        client = net.connect("localhost", server.address[1], lambda _: log.append("connect"))
        client.on_close = lambda _: (log.append("close"), server.close())
        client.destroy()

    run(main)
    assert log == ["close"]


def test_both_ends_know_both_addresses() -> None:
    seen: dict[str, Any] = {}

    def main() -> None:
        def connected(peer: Socket) -> None:
            seen.update(here=peer.address, there=peer.remote_address)
            peer.end()

        def ready(_: Any) -> None:
            seen.update(own=client.address, remote=client.remote_address)

        server = net.create_server(connected)
        seen["server"] = server.address
        client = net.connect(*server.address, ready)
        client.on_end = lambda _: server.close()
        client.on_close = lambda _: seen.update(gone=client.address)

    run(main)
    assert seen["server"] == seen["here"] == seen["remote"]
    assert seen["own"] == seen["there"]
    assert seen["gone"] is None


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_ipv6_works_where_there_is_some() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 loopback here")
    log: list[Any] = []

    def main() -> None:
        server = net.create_server(echo, host="::1")
        client = net.connect(*server.address, lambda _: client.end(b"six"))
        client.on_data = lambda chunk: log.append(chunk.value)
        closes_after(server, client)

    run(main)
    assert log == [b"six"]


# Early ends, memory, many


def test_a_runtime_that_stops_early_closes_every_socket_and_server() -> None:
    log: list[str] = []
    kept: list[Any] = []

    def main() -> None:
        rt = Runtime.current()

        def connected(peer: Socket) -> None:
            peer.on_close = lambda _: log.append("close")
            kept.append(peer)
            rt.stop()

        server = net.create_server(connected)
        kept.extend([server, net.connect(*server.address)])

    run(main)
    server, client, peer = kept
    assert log == []  # the loop is over: no callback
    assert server.is_closed and client.destroyed and peer.destroyed
    assert client.write(b"late") is False
    client.destroy()


@pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt])
def test_an_error_in_a_handler_closes_everything(error: type[BaseException]) -> None:
    def main() -> None:
        def fail(_: Any) -> None:
            raise error

        server = net.create_server(echo)
        client = net.connect(*server.address, lambda _: client.write(b"x"))
        client.on_data = fail

    with pytest.raises(error):
        run(main)


def test_short_lived_connections_leave_nothing_in_the_runtime() -> None:
    counts: list[tuple[int, ...]] = []
    gone: list[weakref.ref[Any]] = []

    class Note:
        """Something that a closure keeps alive."""

    def main() -> None:
        rt = Runtime.current()

        def connected(peer: Socket) -> None:
            note = Note()
            gone.append(weakref.ref(note))
            peer.on_data = lambda chunk, note=note, peer=peer: peer.write(chunk.value)

        server = net.create_server(connected)

        def one_more(left: int) -> None:
            counts.append((rt.snapshot().callbacks, len(handles_of(rt)), len(rt._at_close)))
            if not left:
                server.close()
                return
            client = net.connect(*server.address, lambda _: client.end(b"x"))
            client.on_data = ignore
            client.on_close = lambda _: set_timeout(1, lambda _: one_more(left - 1))

        one_more(20)

    Runtime().run(main)
    assert counts[1:] == [counts[1]] * 20
    assert len(gone) == 20 and not any(note() for note in gone)


@pytest.mark.slow
def test_a_thousand_clients_are_served() -> None:
    served: list[bytes] = []
    count = 200 if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 2100 else 1000

    def main() -> None:
        server = net.create_server(echo)
        clients = []
        for number in range(count):
            client = net.connect(*server.address)
            client.end(b"%d" % number)
            client.on_data = lambda chunk: served.append(chunk.value)
            clients.append(client)
        closes_after(server, *clients)

    run(main)
    assert sorted(served, key=int) == [b"%d" % number for number in range(count)]


WITHOUT_DESCRIPTORS = """
import json, resource
from minirt import Runtime
from minirt.modules import net

resource.setrlimit(resource.RLIMIT_NOFILE, (30, 30))
errors, served = [], []

def main():
    def connected(peer):
        def hear(chunk):
            served.append(chunk.value)
            peer.write(chunk.value)
            if len(served) == 60:
                server.close()
        peer.on_data = hear

    server = net.create_server(connected)
    if LISTENING:
        server.on_error = lambda value: errors.append(value.exception.errno)
    print(server.address[1], flush=True)

rt = Runtime()
rt.run(main)
print(json.dumps({"errors": errors, "served": len(served), "turns": rt.ticks}))
"""


@pytest.mark.parametrize("listening", [True, False])
@pytest.mark.slow
def test_a_server_without_descriptors_neither_spins_nor_gets_lost(listening: bool) -> None:
    program = WITHOUT_DESCRIPTORS.replace("LISTENING", str(listening))
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    port = int(child.stdout.readline())
    clients = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(60)]
    for client in clients:
        client.sendall(b"x")
    waiting = list(clients)
    while waiting:  # whoever was served leaves, and makes room for others
        ready, _, _ = select.select(waiting, [], [], 20)
        assert ready, "nobody is served any more"
        for client in ready:
            assert client.recv(1) == b"x"
            client.close()
            waiting.remove(client)
    report = json.loads(child.communicate(timeout=20)[0])
    assert child.returncode == 0
    assert report["served"] == 60
    assert report["turns"] < 1000
    if listening:
        assert set(report["errors"]) == {24}  # EMFILE
        assert len(report["errors"]) <= 5
    else:
        assert report["errors"] == []


class FullListener:
    """A listener that has no descriptors for its guests, the first `failures` times."""

    def __init__(self, listener: socket.socket, failures: int) -> None:
        self._listener = listener
        self._failures = failures
        self.fileno, self.close = listener.fileno, listener.close

    def accept(self) -> Any:
        if self._failures:
            self._failures -= 1
            raise OSError(24, "Too many open files")
        return self._listener.accept()


def test_a_server_that_cannot_accept_says_so_once_rests_and_goes_on() -> None:
    log: list[Any] = []

    def main() -> None:
        def connected(peer: Socket) -> None:
            log.append("connected")
            server.close()
            client.close()

        server = net.create_server(connected)
        server.on_error = lambda value: log.append(value.exception.errno)
        server._listening = FullListener(server._listening, 2)  # type: ignore[assignment]
        client = socket.create_connection(server.address)

    rt = run(main)
    assert log == [24, "connected"]
    assert rt.ticks < 10


def test_a_server_may_be_closed_while_it_rests() -> None:
    log: list[str] = []

    def main() -> None:
        server = net.create_server(echo)
        server._listening = FullListener(server._listening, 1000)  # type: ignore[assignment]
        server.on_error = lambda _: server.close(lambda _: (log.append("closed"), client.close()))
        client = socket.create_connection(server.address)

    run(main)
    assert log == ["closed"]


# Where it does not belong


def test_a_server_in_a_simulation_is_refused_with_the_way_out() -> None:
    with pytest.raises(OnlySimulated, match="real system"):
        run(lambda: net.create_server(echo), system=Simulation())


def test_a_client_in_a_simulation_talks_to_its_peer() -> None:
    log: list[Any] = []
    system = Simulation()
    system.add_peer("peer", 7, lambda received: [(1.0, received.upper())])

    def main() -> None:
        client = net.connect("peer", 7, lambda _: client.end(b"hello"))
        client.on_data = lambda chunk: log.append(chunk.value)
        client.on_end = lambda _: log.append("end")
        client.on_close = lambda _: log.append(client.address)

    Runtime(system=system).run(main)
    assert log == [b"HELLO", "end", None]


def test_a_socket_used_after_its_runtime_says_that_it_is_closed() -> None:
    kept: list[Socket] = []

    def main() -> None:
        server = net.create_server(echo)
        kept.append(net.connect(*server.address))
        Runtime.current().stop()

    run(main)
    with pytest.raises(RuntimeClosed):
        kept[0]._runtime.set_timeout(1, print)


def test_readiness_without_anything_to_read_is_passed_over() -> None:
    def main() -> None:
        server = net.create_server(lambda peer: (spurious(peer), peer.end()))
        client = net.connect(*server.address)
        closes_after(server, client)

    def spurious(peer: Socket) -> None:
        peer._inbound.readable(Int(1))
        assert not peer.destroyed

    run(main)


def test_error_values_are_js(monkeypatch: pytest.MonkeyPatch) -> None:
    values: list[Any] = []

    def main() -> None:
        client = net.connect("127.0.0.1", closed_port())
        client.on_error = values.append

    run(main)
    assert [type(value) for value in values] == [Error]
