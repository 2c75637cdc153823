"""What does a request cost a server, and does it cost more when thousands of connections are idle?

The client is this process, the server another one (`echo.py`). The client is the leanest that there
is, blocking sockets and no loop: it sends on every connection and then reads every answer. Both
share one cpu, so that each burst reaches the server whole. On two cpus the size of the batches, and
with it the cost, is up to the neighbours: the same server wandered between 3.4 and 6.2 us, on one
cpu between 2.2 and 2.3.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from .echo import HOST, allow_descriptors
from .pinning import one_cpu

ROOT = Path(__file__).parents[2]
CONNECTIONS = 100
REQUEST = bytes(1024)
WARM_UP = 20  # bursts
SERVERS = 3  # one after another: where a process happens to lie in memory makes 3 %
BLOCKS = 5  # of each; the median of all is the figure: a neighbour disturbs some, not all
SPARE = 200  # descriptors for everything else
PINGS_IN_A_ROW = 20
PACE = 50  # connections opened before the client waits for the server


class Server:
    """An echo server in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin
        assert process.stdout
        self._ask = process.stdin
        self._answer = process.stdout
        self._port = int(self._answer.readline())

    def cpu_seconds(self) -> float:
        self._ask.write("\n")
        self._ask.flush()
        return float(self._answer.readline())

    def connect(self) -> socket.socket:
        connection = socket.create_connection((HOST, self._port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


@contextmanager
def server_of(level: str, peer: str) -> Iterator[Server]:
    """A server that is ready. RuntimeError with its last words if it fails meanwhile."""
    command = [sys.executable, "-m", "tests.benchmarks.echo", level, peer]
    failure = None
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True
        )
        try:
            yield Server(process)
        except (ValueError, OSError) as error:
            failure = error
        finally:
            process.communicate()  # closes its input, waits for its end
        if failure is not None:
            said.seek(0)
            last_words = (said.read().splitlines() or [str(failure)])[-1]
            raise RuntimeError(f"the server failed: {last_words}") from failure


def burst(connections: list[socket.socket]) -> None:
    """One request on each connection, then every answer."""
    for connection in connections:
        connection.send(REQUEST)
    for connection in connections:
        received(connection)


def received(connection: socket.socket) -> None:
    missing = len(REQUEST)
    while missing:
        part = connection.recv(missing)
        if not part:
            raise ConnectionError("the server closed a connection")
        missing -= len(part)


def echo(peer: str, requests: int, level: str = "streams") -> dict[str, Any]:
    """The server's CPU seconds of one request: CONNECTIONS connections, requests of 1 KiB."""
    bursts = max(1, requests // CONNECTIONS // BLOCKS // SERVERS)
    with one_cpu() as pinned:
        blocks = [one for _ in range(SERVERS) for one in blocks_of(level, peer, bursts)]
    costs, busy = zip(*blocks, strict=True)
    return {"value": median(costs), "busy": median(busy), "pinned": pinned}


def blocks_of(level: str, peer: str, bursts: int) -> list[tuple[float, float]]:
    """BLOCKS measurements of one server."""
    with server_of(level, peer) as server, ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in range(CONNECTIONS)]
        for _ in range(WARM_UP):
            burst(connections)
        return [block(server, connections, bursts) for _ in range(BLOCKS)]


def block(server: Server, connections: list[socket.socket], bursts: int) -> tuple[float, float]:
    """The server's CPU seconds of one request, and the part of the time in which it worked."""
    before, began = server.cpu_seconds(), perf_counter()
    for _ in range(bursts):
        burst(connections)
    seconds, used = perf_counter() - began, server.cpu_seconds() - before
    return used / (bursts * len(connections)), used / seconds


def echo_on_readiness(peer: str, requests: int) -> dict[str, Any]:
    """The same on bare readiness (add_reader): accept, recv and send are the benchmark's own."""
    return echo(peer, requests, "readiness")


def echo_on_streams(peer: str, requests: int) -> dict[str, Any]:
    """The same on asyncio's StreamReader and StreamWriter."""
    return echo(peer, requests, "readers")


def growth(peer: str, pings: int, few: int = 10, many: int = 8000) -> dict[str, Any]:
    """By which part the latency of one request grows from `few` to `many` idle connections.

    Two servers of one kind run side by side, one with few and one with many, and are asked in
    turns: whatever slows the machine slows both. The figure is the ratio of the medians, less 1.
    """
    room = allow_descriptors() - SPARE
    level = "readiness" if peer == "epoll" else "streams"
    with ExitStack() as stack:
        stack.enter_context(one_cpu())
        asked: list[tuple[socket.socket, list[float]]] = []
        for idle in (few, min(many, room)):
            server = stack.enter_context(server_of(level, peer))
            connection = connect_idle(server, stack, idle)
            asked.append((connection, []))
        for _ in range(max(1, pings // PINGS_IN_A_ROW)):
            for connection, seconds in asked:
                for _ in range(PINGS_IN_A_ROW):
                    began = perf_counter()
                    connection.send(REQUEST)
                    received(connection)
                    seconds.append(perf_counter() - began)
        medians = [median(seconds) for _, seconds in asked]
    answer = {"value": medians[1] / medians[0] - 1, "latency": medians}
    if room < many:
        answer["note"] = f"only {room} idle connections: the limit of open files is too low"
    return answer


def connect_idle(server: Server, stack: ExitStack, idle: int) -> socket.socket:
    """Opens `idle` connections and one more, which it gives, no faster than the server accepts."""
    for number in range(idle + 1):
        connection = stack.enter_context(server.connect())
        if number % PACE == 0 or number == idle:
            burst([connection])  # its answer proves that all before it were accepted
    return connection
