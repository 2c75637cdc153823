"""Which echo servers are compared? One small server a peer; what comes in goes out again.

`python -m tests.benchmarks.echo LEVEL PEER` serves on a free port of 127.0.0.1 and prints the port.
After that, every line on its input is answered with the CPU seconds that the process has used
(getrusage: user and system, every thread); the end of its input ends it. The answering thread is
asleep while the load runs.

LEVEL is "streams" (the loop's own TCP server: net, asyncio.Protocol, trio.serve_tcp ...), "readers"
(StreamReader and StreamWriter, for loops of asyncio's), or "readiness" (the loop only says which
socket is readable; accept, recv and send are ours and the same for all).
"""

from __future__ import annotations

import asyncio
import os
import resource
import select
import socket
import sys
from collections.abc import Callable
from threading import Thread
from typing import Any

from .aio import loop_of
from .loops import LOOPS

HOST = "127.0.0.1"
CHUNK = 65536  # bytes asked of one recv
BACKLOG = 1024


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def allow_descriptors() -> int:
    """Raises the soft limit of open descriptors to the hard one; gives how many may be open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else hard
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (ValueError, OSError):
        return soft
    return wanted


def announce(port: int) -> None:
    print(port, flush=True)


def answer_usage() -> None:
    for _line in sys.stdin:
        print(cpu_seconds(), flush=True)
    os._exit(0)


def listening() -> socket.socket:
    listener = socket.create_server((HOST, 0), backlog=BACKLOG)
    listener.setblocking(False)
    return listener


def accepted(listener: socket.socket) -> socket.socket:
    connection, _address = listener.accept()
    connection.setblocking(False)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as the loops do
    return connection


def send_all(connection: socket.socket, received: bytes) -> None:
    """1 KiB always fits, as every answer has been read before the next request; if not, say so."""
    if connection.send(received) != len(received):
        raise BlockingIOError("the kernel did not take the whole answer")


# The level of streams


def minirt_streams(runtime: Any = None) -> None:
    from minirt import Runtime, net

    def on_connection(connection: Any) -> None:
        def on_data(received: Any) -> None:
            connection.write(received.value)

        connection.on_data = on_data

    def main() -> None:
        announce(net.create_server(on_connection, host=HOST).address[1])

    (runtime or Runtime()).run(main)


def minirt_recorded_streams() -> None:
    from minirt import Recorder, Runtime

    minirt_streams(Runtime(trace=Recorder()))


def minirt_detached_streams() -> None:
    from minirt import Recorder, Runtime

    runtime = Runtime(trace=Recorder())
    runtime.detach()
    minirt_streams(runtime)


class Echo(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, received: bytes) -> None:
        self.transport.write(received)


def asyncio_streams(peer: str = "asyncio") -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Echo, HOST, 0, backlog=BACKLOG)
        announce(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    loop_of(peer)().run_until_complete(main())


def asyncio_readers(peer: str) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while received := await reader.read(CHUNK):
            writer.write(received)
            await writer.drain()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(echo, HOST, 0, backlog=BACKLOG)
        announce(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    loop_of(peer)().run_until_complete(main())


def minirt_asyncio_streams() -> None:
    asyncio_streams("minirt-asyncio")


def uvloop_streams() -> None:
    asyncio_streams("uvloop")


def trio_streams() -> None:
    import trio

    async def echo(stream: Any) -> None:
        while received := await stream.receive_some(CHUNK):
            await stream.send_all(received)

    async def main() -> None:
        listeners = await trio.open_tcp_listeners(0, host=HOST, backlog=BACKLOG)
        announce(listeners[0].socket.getsockname()[1])
        await trio.serve_listeners(echo, listeners)

    trio.run(main)


def curio_streams() -> None:
    import curio
    from curio.network import run_server

    async def echo(client: Any, _address: Any) -> None:
        while received := await client.recv(CHUNK):
            await client.sendall(received)

    async def main() -> None:
        listener = curio.tcp_server_socket(HOST, 0, backlog=BACKLOG)
        announce(listener.getsockname()[1])
        await run_server(listener, echo)

    curio.run(main)


def gevent_streams() -> None:
    from gevent.server import StreamServer

    def echo(connection: Any, _address: Any) -> None:
        while received := connection.recv(CHUNK):
            connection.sendall(received)

    server = StreamServer((HOST, 0), echo, backlog=BACKLOG)
    server.start()
    announce(server.server_port)
    server.serve_forever()


def node_streams() -> None:
    program = os.path.join(os.path.dirname(__file__), "node", "echo.js")
    os.execvp("node", ["node", program, HOST])


# The level of readiness


def epoll_readiness() -> None:
    """No loop at all: the floor under every server of this page."""
    listener, poll = listening(), select.epoll()
    poll.register(listener, select.EPOLLIN)
    connections: dict[int, socket.socket] = {}
    announce(listener.getsockname()[1])
    while True:
        for descriptor, _readiness in poll.poll():
            if descriptor in connections:
                connection = connections[descriptor]
                if received := connection.recv(CHUNK):
                    send_all(connection, received)
                else:
                    poll.unregister(descriptor)
                    connections.pop(descriptor).close()
            else:
                connection = accepted(listener)
                connections[connection.fileno()] = connection
                poll.register(connection, select.EPOLLIN)


def readiness(peer: str) -> None:
    """The loop's own watch, one callback a connection."""
    loop, listener = LOOPS[peer](), listening()

    def accept(_: object = None) -> None:
        connection = accepted(listener)

        def readable(_: object = None) -> None:
            if received := connection.recv(CHUNK):
                send_all(connection, received)
            else:
                loop.unwatch(connection)
                connection.close()

        loop.watch(connection, readable)

    def main(_: object = None) -> None:
        loop.watch(listener, accept)
        announce(listener.getsockname()[1])

    loop.run(main)


STREAMS: dict[str, Callable[[], None]] = {
    "minirt": minirt_streams,
    "minirt-recorded": minirt_recorded_streams,
    "minirt-detached": minirt_detached_streams,
    "minirt-asyncio": minirt_asyncio_streams,
    "asyncio": asyncio_streams,
    "uvloop": uvloop_streams,
    "trio": trio_streams,
    "curio": curio_streams,
    "gevent": gevent_streams,
    "node": node_streams,
    "epoll": epoll_readiness,
}


def main(level: str, peer: str) -> None:
    allow_descriptors()
    if peer != "node":  # node answers itself
        Thread(target=answer_usage, daemon=True).start()
    if level == "streams":
        STREAMS[peer]()
    elif level == "readers":
        asyncio_readers(peer)
    elif peer == "epoll":
        epoll_readiness()
    else:
        readiness(peer)


if __name__ == "__main__":
    main(*sys.argv[1:])
