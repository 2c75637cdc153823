"""Every address of a host is tried, the next one after a failure or a quarter of a second (R8)."""

import socket
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from minirt import Recorder, Runtime, Simulation, String, http, net
from minirt.core.simulation import SimulatedConnection
from minirt.core.system import RealSystem, is_address
from minirt.modules.addresses import ATTEMPT_DELAY
from minirt.modules.slowserver import SlowServer

pytestmark = pytest.mark.usefixtures("no_leaks")


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


NEEDS_IPV6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 loopback here")


class Named(RealSystem):
    """A real system in which every name has these addresses."""

    def __init__(self, *addresses: str) -> None:
        super().__init__()
        self._addresses = list(addresses)

    def look_up(self, host: str) -> list[str]:
        return self._addresses


def echo(peer: net.Socket) -> None:
    peer.on_data = lambda chunk: peer.end(chunk.value)


# Real sockets


@NEEDS_IPV6
@pytest.mark.parametrize("listens_on", ["::1", "127.0.0.1"])
@pytest.mark.parametrize("addresses", [("::1", "127.0.0.1"), ("127.0.0.1", "::1")])
def test_r8_a_server_on_one_of_two_addresses_is_reached_by_name(
    listens_on: str, addresses: tuple[str, str]
) -> None:
    log: list[Any] = []

    def main() -> None:
        def connected(_: Any) -> None:
            log.append(client.remote_address)
            client.end(b"hi")

        server = net.create_server(echo, host=listens_on)
        place = server.address
        client = net.connect("name.example", place[1], connected)
        client.on_data = lambda chunk: log.append(chunk.value)
        client.on_close = lambda _: server.close()
        log.append(place)

    Runtime(system=Named(*addresses)).run(main)
    place, remote, answer = log
    assert remote == place
    assert answer == b"hi"


@NEEDS_IPV6
def test_r8_a_page_is_fetched_from_whichever_address_has_the_server() -> None:
    values: list[Any] = []
    with SlowServer() as slow:
        url = f"http://name.example:{slow.address[1]}/delay/1/x"
        Runtime(system=Named("::1", "127.0.0.1")).run(lambda: http.get(url, values.append))
    assert values[0] == String("You asked for /x and waited 1 ms.\n")


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@NEEDS_IPV6
def test_r8_when_every_address_fails_the_error_names_each() -> None:
    errors: list[Any] = []
    port = closed_port()

    def main() -> None:
        client = net.connect("name.example", port)
        client.on_error = lambda value: errors.append(value.exception)
        http.get(f"http://name.example:{port}/", lambda value: errors.append(value.exception))

    rt = Runtime(system=Named("::1", "127.0.0.1"))
    rt.run(main)
    for error in errors:
        assert isinstance(error, ConnectionRefusedError)
        assert "::1: Connection refused; 127.0.0.1: Connection refused" in str(error)
    assert len(errors) == 2
    assert rt.pending_events == 0


def test_a_name_without_an_address_is_an_error() -> None:
    errors: list[Any] = []

    def main() -> None:
        http.get("http://name.example/", lambda value: errors.append(value.exception))

    Runtime(system=Named()).run(main)
    assert isinstance(errors[0], OSError)


@NEEDS_IPV6
@pytest.mark.parametrize("host", ["::", "0:0::0"])
def test_r8_a_server_on_every_address_is_reached_by_ipv4_as_well(host: str) -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("the system cannot listen on both")
    log: list[Any] = []

    def main() -> None:
        server = net.create_server(lambda peer: peer.end(), host=host)
        log.append(server.address[0])
        port = server.address[1]
        for address in ("127.0.0.1", "::1"):
            client = net.connect(address, port, log.append)
            client.on_close = lambda _: (
                log.append("close"),
                log.count("close") == 2 and server.close(),
            )

    Runtime().run(main)
    assert log[0] == "::"
    assert len(log) == 5


def test_an_ipv6_server_on_one_address_takes_no_ipv4() -> None:
    if not has_ipv6():
        pytest.skip("no IPv6 loopback here")
    errors: list[Any] = []

    def main() -> None:
        server = net.create_server(echo, host="::1")
        client = net.connect("127.0.0.1", server.address[1])
        client.on_error = lambda value: errors.append(type(value.exception))
        client.on_close = lambda _: server.close()

    Runtime().run(main)
    assert errors == [ConnectionRefusedError]


# In simulated time: addresses that never answer


class Silent(SimulatedConnection):
    """On its way for ever: its descriptor is never writable."""

    @property
    def readiness(self) -> int:
        return 0

    def getpeername(self) -> Any:
        raise OSError(107, "Transport endpoint is not connected")


class Distant(Simulation):
    """A simulation in which names have several addresses, some of which never answer."""

    def __init__(self, *addresses: str) -> None:
        super().__init__()
        self._addresses = list(addresses)
        self.tried: list[tuple[float, str]] = []  # (seconds, address)
        self.connections: list[SimulatedConnection] = []

    def addresses(self, host: str) -> list[str] | None:
        return [host] if is_address(host) else None

    def look_up(self, host: str) -> list[str]:
        return self._addresses

    def connect(self, address: str, port: int) -> SimulatedConnection:
        self.tried.append((self.clock.now(), address))
        if address.startswith("192.0.2."):  # for documentation: nobody is there
            number = next(self._descriptors)
            found: SimulatedConnection = Silent(self, number, lambda _: None, (address, port))
        else:
            found = super().connect(address, port)
        self.connections.append(found)
        return found

    def delays(self) -> list[float]:
        """Between one attempt and the next, in ms."""
        times = [time for time, _ in self.tried]
        return [round(1000 * (later - before)) for before, later in pairwise(times)]


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def distant(*addresses: str) -> Distant:
    system = Distant(*addresses)
    system.add_peer("10.0.0.1", 80, lambda received: [(0.0, OK)] if received else None)
    return system


def both(main: Callable[[list[Any]], object], system: Distant) -> list[Any]:
    log: list[Any] = []
    rt = Runtime(system=system)
    rt.run(lambda: main(log))
    assert rt.pending_events == 0
    assert [connection.fileno() for connection in system.connections] == [-1] * len(
        system.connections
    )
    return log


def ask(log: list[Any]) -> None:
    http.get("http://name.example/", lambda value: log.append(value), timeout=60)


def connect(log: list[Any]) -> None:
    client = net.connect("name.example", 80, lambda _: (log.append("connect"), client.destroy()))


@pytest.mark.parametrize(("main", "said"), [(ask, String("hi")), (connect, "connect")])
def test_r8_after_250_ms_without_an_answer_the_next_address_is_tried(main: Any, said: Any) -> None:
    system = distant("192.0.2.1", "192.0.2.2", "10.0.0.1")
    assert both(main, system) == [said]
    assert [address for _, address in system.tried] == ["192.0.2.1", "192.0.2.2", "10.0.0.1"]
    assert system.delays() == [ATTEMPT_DELAY, ATTEMPT_DELAY]
    assert system.clock.now() < 1  # the timeout is gone


@pytest.mark.parametrize("main", [ask, connect])
def test_r8_after_an_error_the_next_address_is_tried_at_once(main: Any) -> None:
    system = distant("10.9.9.9", "10.9.9.8", "10.0.0.1", "192.0.2.1")
    assert len(both(main, system)) == 1
    assert [address for _, address in system.tried] == ["10.9.9.9", "10.9.9.8", "10.0.0.1"]
    assert system.delays() == [0, 0]


def test_r8_a_timeout_ends_every_attempt() -> None:
    system = distant("192.0.2.1", "192.0.2.2", "192.0.2.3")
    [value] = both(lambda log: http.get("http://name.example/", log.append, timeout=0.4), system)
    assert type(value.exception).__name__ == "HttpTimeout"
    assert len(system.tried) == 2


@pytest.mark.parametrize("ms", [0, 100, 300, 700])
def test_r26_a_request_cancelled_on_its_way_closes_every_attempt(ms: int) -> None:
    system = distant("192.0.2.1", "192.0.2.2", "192.0.2.3")

    def main(log: list[Any]) -> None:
        request = http.get("http://name.example/", log.append, timeout=60)
        Runtime.current().set_timeout(ms, lambda _: request.cancel())

    assert both(main, system) == []
    assert system.clock.now() < 1


@pytest.mark.parametrize("ms", [0, 100, 300, 700])
def test_a_socket_destroyed_on_its_way_closes_every_attempt(ms: int) -> None:
    system = distant("192.0.2.1", "192.0.2.2", "192.0.2.3")

    def main(log: list[Any]) -> None:
        client = net.connect("name.example", 80, log.append)
        client.on_error = log.append
        client.on_close = lambda _: log.append("close")
        Runtime.current().set_timeout(ms, lambda _: client.destroy())

    assert both(main, system) == ["close"]


@pytest.mark.parametrize("main", [ask, connect])
def test_a_runtime_that_stops_closes_every_attempt(main: Any) -> None:
    system = distant("192.0.2.1", "192.0.2.2", "10.0.0.1")

    def stopping(log: list[Any]) -> None:
        rt = Runtime.current()
        main(log)
        rt.set_timeout(300, lambda _: rt.stop())

    assert both(stopping, system) == []
    assert len(system.tried) == 2


def test_the_attempts_of_one_socket_are_one_event_of_one_identity() -> None:
    system = distant("192.0.2.1", "192.0.2.2", "10.0.0.1")
    recorder = Recorder()
    rt = Runtime(system=system, trace=recorder)
    counts: list[tuple[int, int]] = []

    def main() -> None:
        connect([])
        rt.set_timeout(400, lambda _: counts.append((rt.pending_events, rt.epoll_pending_events)))

    rt.run(main)
    assert counts == [(1, 1)]
    ready = {event.identity for event in recorder if event.kind == "ready"}
    assert ready == {1}
