"""TCP where it is misused: other bytes than `bytes`, foreign threads, floods, steps that fail."""

import array
import ctypes
import errno
import gc
import socket
import threading
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import Any

import pytest

from minirt import (
    Int,
    Runtime,
    TaskKind,
    crypto,
    fs,
    http,
    net,
    next_tick,
    set_immediate,
    set_timeout,
)
from minirt.core.loop import Loop
from minirt.core.system import RealSystem
from minirt.errors import (
    ForeignThread,
    NoRuntime,
    NoThread,
    StateError,
    TooManyWaiting,
    TooMuchUnsent,
)
from minirt.modules import outbound
from minirt.modules.handles import handles_of
from minirt.modules.outbound import octets, total_of
from minirt.modules.sockets import Socket

pytestmark = pytest.mark.usefixtures("no_leaks")


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
    """What comes is not part of the test."""


def collecting(received: bytearray) -> Callable[[Socket], None]:
    """An on_connection that collects what comes."""

    def connected(peer: Socket) -> None:
        peer.on_data = lambda chunk: received.extend(chunk.value)

    return connected


def closing(server: net.Server) -> Callable[[Any], None]:
    """An on_close that closes the server, too."""
    return lambda _: server.close()


# Bytes (R6)

Grid = ctypes.c_uint16 * 3 * 2


class Record(ctypes.BigEndianStructure):
    """Of a format that `memoryview.cast` refuses."""

    _fields_ = (("number", ctypes.c_uint32), ("letter", ctypes.c_char))


BYTES_LIKE: dict[str, Any] = {
    "bytes": b"some bytes",
    "bytearray": bytearray(b"some bytes"),
    "memoryview": memoryview(b"some bytes"),
    "array of 4 bytes an item": array.array("I", range(1000)),
    "array of doubles": array.array("d", [1.5, 2.5]),
    "grid": Grid((1, 2, 3), (4, 5, 6)),
    "view of items": memoryview(array.array("I", range(1000))),
    "every second": memoryview(b"abcdefgh")[::2],
    "backwards": memoryview(b"abcdefgh")[::-1],
    "every second item": memoryview(array.array("H", range(9)))[::2],
    "record": Record(7, b"x"),
    "nothing": b"",
    "no items": array.array("I"),
    "no rows": memoryview(bytes(4)).cast("B", (2, 2))[0:0],
}


@pytest.mark.parametrize("chunk", BYTES_LIKE.values(), ids=BYTES_LIKE)
@pytest.mark.parametrize("how", ["before it is connected", "connected", "with end"])
def test_r6_everything_bytes_like_arrives_to_its_last_byte(chunk: Any, how: str) -> None:
    received = bytearray()

    def main() -> None:
        def connected(_: Any) -> None:
            if how == "connected":
                assert client.write(chunk) is True
            client.end(chunk if how == "with end" else None)

        server = net.create_server(collecting(received))
        client = net.connect(*server.address, connected)
        if how == "before it is connected":
            client.write(chunk)
        client.on_close = closing(server)

    run(main)
    assert received == memoryview(chunk).tobytes()


@pytest.mark.parametrize("ahead", [False, True])
def test_r6_an_array_that_does_not_fit_into_the_connection_arrives_whole(ahead: bool) -> None:
    received = bytearray()
    numbers = array.array("I", range(2_000_000))

    def main() -> None:
        server = net.create_server(collecting(received))
        client = net.connect(*server.address, None if ahead else lambda _: client.end(numbers))
        if ahead:
            client.end(numbers)
        client.on_close = closing(server)

    run(main)
    assert received == numbers.tobytes()


@pytest.mark.parametrize(
    ("chunk", "message"),
    [
        ("text", r"^got 'text', expected bytes\. Encode it: write\(text\.encode\(\)\)$"),
        (None, "^got None, expected bytes$"),
        (5, "^got 5, expected bytes$"),
        ([1, 2], "expected bytes$"),
    ],
)
def test_r6_what_is_not_bytes_is_a_type_error_in_one_sentence(chunk: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        octets(chunk)


# Foreign threads (R10)

USES: dict[str, Callable[[Socket, net.Server], object]] = {
    "write": lambda client, _: client.write(bytes(20_000_000)),
    "write nothing": lambda client, _: client.write(b""),
    "write an array": lambda client, _: client.write(array.array("I", range(9))),
    "end": lambda client, _: client.end(),
    "end with a chunk": lambda client, _: client.end(b"late"),
    "pause": lambda client, _: client.pause(),
    "resume": lambda client, _: client.resume(),
    "destroy": lambda client, _: client.destroy(),
    "write_limit": lambda client, _: setattr(client, "write_limit", 1),
    "server.close": lambda _, server: server.close(),
    "server.close with a callback": lambda _, server: server.close(print),
    "server.on_error": lambda _, server: setattr(server, "on_error", print),
    **{
        name: lambda client, _, name=name: setattr(client, name, print)  # type: ignore[misc]
        for name in ("on_connect", "on_data", "on_end", "on_drain", "on_error", "on_close")
    },
    "create_server": lambda _, server: net.create_server(print),
    "connect": lambda _, server: net.connect(*server.address),
    "http.get": lambda _, server: http.get("http://127.0.0.1:1/", print),
    "http.get_slow": lambda _, server: http.get_slow("http://127.0.0.1/", 1, print),
    "fs.read": lambda _, server: fs.read(__file__, print),
}
NEEDS_RUNTIME = ("create_server", "connect", "http.get", "http.get_slow", "fs.read")


@pytest.mark.parametrize("name", USES)
@pytest.mark.parametrize("where", ["task", "thread"])
def test_r10_a_foreign_thread_is_refused_before_anything_happens(name: str, where: str) -> None:
    received, raised = bytearray(), []
    in_order: list[str] = []

    def main() -> None:
        def use() -> Int:
            with pytest.raises(StateError) as caught:
                USES[name](client, server)
            raised.append(caught.type)
            return Int(0)

        def connected(_: Any) -> None:
            client.on_close = lambda _: (in_order.append("close"), server.close())
            client.on_end = lambda _: in_order.append("end")
            before = (rt.pending_events, len(handles_of(rt)), rt.identity_token)
            if where == "task":
                rt.register_event_threadpool(use, TaskKind("Foreign"), go_on)
            else:
                thread = threading.Thread(target=copy_context().run, args=(use,))
                thread.start()
                thread.join()
                assert (rt.pending_events, len(handles_of(rt)), rt.identity_token) == before
                go_on(None)

        def go_on(value: Any) -> None:
            assert raised, value
            client.end(b"still well")

        rt = Runtime.current()
        server = net.create_server(collecting(received))
        client = net.connect(*server.address, connected)

    run(main)
    in_task = NoRuntime if name in NEEDS_RUNTIME else ForeignThread
    assert raised == [in_task if where == "task" else ForeignThread]
    assert received == b"still well"
    assert in_order == ["end", "close"]


def test_what_is_used_after_the_end_of_the_runtime_does_nothing() -> None:
    kept: list[Any] = []

    def main() -> None:
        rt = Runtime.current()
        server = net.create_server(ignore)
        kept.extend([net.connect(*server.address), server, http.get("http://127.0.0.1:1/", print)])
        rt.stop()

    run(main)
    client, server, request = kept
    assert client.write(b"late") is False
    client.end(b"late")
    client.pause()
    client.resume()
    client.destroy()
    client.on_data = print
    assert client.destroyed and client.address is None
    server.close()
    request.cancel()


# Floods (A4)


def test_a4_a_flood_to_a_peer_that_does_not_read_fails_that_one_socket() -> None:
    log: list[Any] = []

    def main() -> None:
        def connected(peer: Socket) -> None:
            peer.on_data = lambda chunk: peer.end(chunk.value)  # the flood is never read

        def flood(_: Any) -> None:
            sent = 0
            while not silent.destroyed:
                silent.write(bytes(100_000))
                sent += 100_000
            assert sent < silent.write_limit + 10_000_000  # the kernel has buffers of its own
            log.append("failed")
            assert silent.write(b"more") is False
            assert total_of(rt).size == 0
            heard.end(b"others go on")

        rt = Runtime.current()
        server = net.create_server(lambda peer: peer.pause() or connected(peer))
        door = socket.create_server(("127.0.0.1", 0))
        rt.at_close(door.close)
        silent = net.connect(*door.getsockname()[:2], lambda _: set_immediate(flood))
        silent.write_limit = 1_000_000
        silent.on_error = lambda value: log.append(value.exception)
        silent.on_close = lambda _: log.append("close")
        heard = net.connect("127.0.0.1", echo_server(rt), ignore)
        heard.on_data = lambda chunk: log.append(chunk.value)
        heard.on_close = closing(server)

    run(main)
    assert log[0] == "failed"
    error = log[1]
    assert isinstance(error, TooMuchUnsent) and isinstance(error, OSError)
    assert "1000000 bytes" in str(error) and "on_drain" in str(error)
    assert log[2:] == ["close", b"others go on"]


def echo_server(rt: Runtime) -> int:
    """The port of a server that echoes one client and then closes."""

    def connected(peer: Socket) -> None:
        peer.on_data = lambda chunk: peer.write(chunk.value)
        server.close()

    server = net.create_server(connected)
    return server.address[1]


def test_a4_the_limit_of_a_socket_is_64_mib_and_one_chunk_may_reach_it() -> None:
    log: list[Any] = []

    def main() -> None:
        server = net.create_server(ignore)
        client = net.connect(*server.address)
        assert client.write_limit == 64 * 2**20
        client.on_error = lambda value: log.append(type(value.exception))
        client.on_close = closing(server)
        client.write_limit = 1000
        assert client.write(bytes(1000)) is False
        assert not client.destroyed
        assert client.write(b"x") is False
        assert client.destroyed

    run(main)
    assert log == [TooMuchUnsent]


def test_a4_all_sockets_of_a_runtime_together_have_a_limit(monkeypatch: Any) -> None:
    monkeypatch.setattr(outbound, "LIMIT_OF_ALL", 1000)
    log: list[Any] = []

    def main() -> None:
        rt = Runtime.current()
        server = net.create_server(collecting(bytearray()))
        clients = [net.connect(*server.address) for _ in range(5)]
        for number, client in enumerate(clients):
            client.on_error = lambda value, number=number: log.append((number, value.exception))
            client.write(bytes(300))
        assert total_of(rt).size == 900
        assert [client.destroyed for client in clients] == [False] * 3 + [True] * 2
        clients[0].destroy()
        assert total_of(rt).size == 600
        set_timeout(1, lambda _: [client.destroy() for client in clients] and server.close())

    rt = run(main)
    assert [number for number, _ in log] == [3, 4]
    assert "all sockets together" in str(log[0][1])
    assert rt.pending_events == 0


def test_a4_what_waits_in_all_is_what_waits_in_each() -> None:
    def main() -> None:
        rt = Runtime.current()
        received = [0]

        def connected(peer: Socket) -> None:
            def hear(chunk: Any) -> None:
                received[0] += len(chunk.value)
                waiting = sum(len(client._outbound._waiting) for client in clients)
                assert total_of(rt).size == waiting

            peer.on_data = hear

        server = net.create_server(connected)
        clients = [net.connect(*server.address) for _ in range(5)]
        for number, client in enumerate(clients):
            client.end(bytes(3_000_000 + number))
        clients[3].destroy()
        left = [4]

        def one_less(_: Any) -> None:
            left[0] -= 1
            if not left[0]:
                server.close()
                assert total_of(rt).size == 0
                assert received == [4 * 3_000_000 + 0 + 1 + 2 + 4]

        for client in clients:
            if not client.destroyed:
                client.on_close = one_less

    run(main)


def test_a12_nothing_written_before_the_connection_is_there_needs_no_drain() -> None:
    log: list[Any] = []

    def main() -> None:
        server = net.create_server(ignore)
        client = net.connect(*server.address, lambda _: (log.append("connect"), client.end()))
        client.on_drain = lambda _: log.append("drain")
        client.on_close = closing(server)
        log.append(client.write(b""))

    run(main)
    assert log == [True, "connect"]


def test_a12_nothing_written_behind_what_waits_says_false_and_drains_with_it() -> None:
    log: list[Any] = []

    def main() -> None:
        server = net.create_server(collecting(bytearray()))
        client = net.connect(*server.address)
        client.on_drain = lambda _: (log.append("drain"), client.end())
        client.on_close = closing(server)
        log.extend([client.write(b"x"), client.write(b"")])

    run(main)
    assert log == [False, False, "drain"]


# What comes before somebody takes it (R26)


def test_r26_data_that_comes_before_on_data_is_set_is_kept_and_the_end_waits_for_it() -> None:
    log: list[Any] = []

    def main() -> None:
        def connected(peer: Socket) -> None:
            peer.on_end = lambda _: log.append("end")
            peer.on_close = lambda _: log.append("close")

            def later(_: Any) -> None:
                assert log == []
                peer.on_data = lambda chunk: log.append(chunk.value)
                assert log == []
                next_tick(lambda _: log.append("tick"))

            set_timeout(20, later)
            server.close()

        server = net.create_server(connected)
        with socket.create_connection(server.address) as client:
            client.sendall(b"early ")
            client.sendall(b"bird")

    run(main)
    assert b"".join(entry for entry in log if isinstance(entry, bytes)) == b"early bird"
    assert [entry for entry in log if isinstance(entry, str)] == ["tick", "end", "close"]


def test_r26_no_more_than_the_high_water_mark_is_kept_and_the_peer_waits() -> None:
    received = bytearray()
    size = 20_000_000

    def main() -> None:
        rt = Runtime.current()

        def connected(peer: Socket) -> None:
            def later(_: Any) -> None:
                if len(peer._inbound._kept) < 65_536:  # a busy machine
                    set_timeout(10, later)
                    return
                ticks = rt.ticks
                assert len(peer._inbound._kept) < 131_072

                def even_later(_: Any) -> None:
                    assert rt.ticks - ticks < 5  # nobody is woken for what nobody takes
                    peer.on_data = lambda chunk: received.extend(chunk.value)

                set_timeout(20, even_later)

            set_timeout(50, later)

        server = net.create_server(connected)
        client = net.connect(*server.address, lambda _: client.end(b"x" * size))
        client.on_close = closing(server)

    run(main)
    assert received == b"x" * size


def test_r26_nothing_is_kept_for_a_handler_that_was_taken_away() -> None:
    log: list[Any] = []

    def main() -> None:
        def connected(peer: Socket) -> None:
            peer.on_data = lambda chunk: log.append(chunk.value)
            peer.on_data = None
            peer.on_end = lambda _: log.append("end")

        server = net.create_server(connected)
        client = net.connect(*server.address, lambda _: client.end(b"nobody takes it"))
        client.on_close = closing(server)

    run(main)
    assert log == ["end"]


def test_r26_resume_without_on_data_lets_it_flow_away_as_in_node() -> None:
    log: list[Any] = []

    def main() -> None:
        def connected(peer: Socket) -> None:
            peer.on_end = lambda _: log.append("end")
            set_timeout(10, lambda _: peer.resume())

        server = net.create_server(connected)
        client = net.connect(*server.address, lambda _: client.end(b"nobody takes it"))
        client.on_close = closing(server)

    run(main)
    assert log == ["end"]


def test_r26_a_pause_holds_what_was_kept_until_it_is_resumed() -> None:
    log: list[Any] = []

    def main() -> None:
        def connected(peer: Socket) -> None:
            def later(_: Any) -> None:
                peer.on_data = lambda chunk: log.append(chunk.value)
                peer.pause()
                set_timeout(5, lambda _: (log.append("resume"), peer.resume()))

            peer.on_end = lambda _: log.append("end")
            set_timeout(10, later)

        server = net.create_server(connected)
        client = net.connect(*server.address, lambda _: client.end(b"kept"))
        client.on_close = closing(server)

    run(main)
    assert log == ["resume", b"kept", "end"]


def test_r26_pausing_in_on_data_holds_the_end_back_too() -> None:
    log: list[Any] = []

    def main() -> None:
        def connected(peer: Socket) -> None:
            def hear(chunk: Any) -> None:
                log.append(chunk.value)
                peer.pause()
                set_timeout(5, lambda _: (log.append("resume"), peer.resume()))

            peer.on_end = lambda _: log.append("end")
            set_timeout(10, lambda _: setattr(peer, "on_data", hear))

        server = net.create_server(connected)
        client = net.connect(*server.address, lambda _: client.end(b"kept"))
        client.on_close = closing(server)

    run(main)
    assert log == [b"kept", "resume", "end"]


def test_a_connection_without_data_ends_whether_anybody_listens_or_not() -> None:
    log: list[Any] = []

    def main() -> None:
        server = net.create_server(lambda peer: setattr(peer, "on_close", note))
        note = partial(log.append)
        client = net.connect(*server.address, lambda _: client.end())
        client.on_close = closing(server)

    run(main)
    assert len(log) == 1


def test_what_the_ticks_of_on_end_write_is_sent_before_this_side_ends_as_in_node() -> None:
    received = bytearray()

    def main() -> None:
        def connected(peer: Socket) -> None:
            peer.on_end = lambda _: next_tick(lambda _: peer.write(b"last words"))

        server = net.create_server(connected)
        client = net.connect(*server.address, lambda _: client.end())
        client.on_data = lambda chunk: received.extend(chunk.value)
        client.on_close = closing(server)

    run(main)
    assert received == b"last words"


# Steps that fail (R7)


def test_r7_what_the_pool_refuses_leaves_nothing() -> None:
    received: list[Any] = []

    def main() -> None:
        rt = Runtime.current()
        go = threading.Event()
        rt.register_event_threadpool(lambda: Int(go.wait(20)), TaskKind("Busy"), received.append)
        before = rt.pending_events
        for ask in (
            lambda: http.get("http://localhost:9/", received.append),
            lambda: http.get("http://localhost:9/", received.append, timeout=10),
            lambda: http.get_slow("http://localhost:9/", 1, received.append),
            lambda: net.connect("localhost", 9, received.append),
            lambda: fs.read(__file__, received.append),
            lambda: crypto.sha256("x", received.append),
        ):
            with pytest.raises(TooManyWaiting):
                ask()
            assert (rt.pending_events, len(handles_of(rt))) == (before, 0)
        go.set()

    run(main, threads=1, max_waiting=0)
    assert received == [Int(True)]


def test_r7_a_look_up_without_a_thread_is_refused_at_the_call() -> None:
    def main() -> None:
        with pytest.raises(NoThread):
            net.connect("localhost", 9)
        with pytest.raises(NoThread):
            http.get("http://localhost:9/", print)

    assert run(main, threads=0).pending_events == 0


CALLS: dict[str, Callable[[], object]] = {
    "http.get": lambda: http.get("http://127.0.0.1:9/", print, timeout=5),
    "http.get by name": lambda: http.get("http://localhost:9/", print, timeout=5),
    "http.get_slow": lambda: http.get_slow("http://example.com/", 5, print),
    "net.connect": lambda: net.connect("127.0.0.1", 9),
    "net.connect by name": lambda: net.connect("localhost", 9),
    "net.create_server": lambda: net.create_server(print),
}
STEPS: dict[str, tuple[type, str]] = {
    "hold": (Loop, "hold"),
    "listen": (Loop, "listen"),
    "connect": (RealSystem, "connect"),
    "timer": (Runtime, "set_timeout"),
    "task": (Runtime, "register_event_threadpool"),
    "thread": (threading.Thread, "start"),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("call", CALLS)
def test_r7_whichever_step_fails_nothing_stays(
    call: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise MemoryError(step)

    def main() -> None:
        rt = Runtime.current()
        before = rt.pending_events
        with monkeypatch.context() as patch:
            patch.setattr(*STEPS[step], fail)
            try:
                CALLS[call]()
            except MemoryError:
                assert (rt.pending_events, len(handles_of(rt)) <= 1) == (before, True)
            else:
                rt.stop()  # this call takes no such step

    rt = run(main)
    assert rt.pending_events == 0


def test_r7_a_connection_without_a_descriptor_is_an_error_for_the_callback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def connect(*_: Any) -> Any:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(RealSystem, "connect", connect)
    log: list[Any] = []

    def main() -> None:
        client = net.connect("127.0.0.1", 9)
        client.on_error = lambda value: log.append(value.exception.errno)
        client.on_close = lambda _: log.append("close")
        http.get("http://127.0.0.1:9/", lambda value: log.append(value.exception.errno))
        log.append("main")

    assert run(main).pending_events == 0
    assert log == ["main", errno.EMFILE, errno.EMFILE, "close"]


def test_a_stop_in_on_connection_leaves_those_who_wait_at_the_door_alone() -> None:
    served: list[Any] = []

    def main() -> None:
        rt = Runtime.current()

        def connected(peer: Socket) -> None:
            served.append(peer)
            rt.stop()

        server = net.create_server(connected)
        clients = [socket.create_connection(server.address) for _ in range(3)]
        rt.at_close(lambda: [client.close() for client in clients])

    run(main)
    assert len(served) == 1


def test_closed_connections_leave_no_circles_for_the_collector() -> None:
    def main() -> None:
        def again(left: int) -> None:
            if not left:
                server.close()
                return
            client = net.connect(*server.address, lambda _: client.end(b"x"))
            client.on_data = ignore
            client.on_close = lambda _: again(left - 1)

        def connected(peer: Socket) -> None:
            peer.on_data = echo(peer)

        server = net.create_server(connected)
        again(100)

    def echo(peer: Socket) -> Callable[[Any], object]:
        return lambda chunk: peer.write(chunk.value)

    run(main)
    gc.collect()
    gc.disable()
    try:
        run(main)
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        kinds = [type(found).__name__ for found in gc.garbage]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert kinds.count("Socket") == kinds.count("Inbound") == kinds.count("Outbound") == 0
