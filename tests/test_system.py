"""What does a runtime stand on?"""

import errno
import os
import select
import selectors
import socket

import pytest

from minirt import Int, Interest, ManualClock, Ready, Runtime, Simulation
from minirt.core.epoll import EpollPoll
from minirt.core.selector import SelectorPoll
from minirt.core.system import RealSystem, default_poll
from tests.polls import heard, listeners


def test_the_poll_is_epoll_where_there_is_epoll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINIRT_POLL", raising=False)
    if hasattr(selectors, "EpollSelector"):
        assert default_poll() is EpollPoll
    monkeypatch.delattr("select.epoll", raising=False)
    assert default_poll() is SelectorPoll


def test_the_environment_asks_for_selectors(
    monkeypatch: pytest.MonkeyPatch, no_leaks: None
) -> None:
    monkeypatch.setenv("MINIRT_POLL", "selectors")
    poll = RealSystem().open_poll()
    assert isinstance(poll, SelectorPoll)
    assert isinstance(poll._selector, selectors.PollSelector)
    poll.close()


def test_the_runtimes_of_these_tests_have_the_poll_that_their_environment_asks_for() -> None:
    with_epoll = hasattr(select, "epoll") and os.environ.get("MINIRT_POLL") != "selectors"
    with Runtime() as rt:
        assert type(rt.loop.poll) is (EpollPoll if with_epoll else SelectorPoll)


def test_the_parts_may_be_replaced(no_leaks: None) -> None:
    clock, poll = ManualClock(), SelectorPoll()
    system = RealSystem(clock, lambda: poll)
    assert system.clock is clock
    assert system.open_poll() is poll
    pool = system.open_pool(2, lambda: None, "fifo", None)
    assert pool.size == 2
    pool.close()
    poll.close()
    assert system.enter_loop() is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_connecting_does_not_block_and_arrives(host: str, no_leaks: None) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        server = socket.create_server((host, 0), family=family)
    except OSError:
        pytest.skip(f"no {host} on this machine")
    system = RealSystem()
    poll = system.open_poll()
    with server:
        client = system.connect(host, server.getsockname()[1])
        poll.watch(client, Interest.WRITABLE, listeners(1)[0])
        assert heard(poll, 5) == [(1, Int(Ready.WRITABLE))]
        assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        poll.unwatch(client)
        client.close()
    poll.close()


def test_a_connection_that_fails_at_once_leaves_no_descriptor(
    monkeypatch: pytest.MonkeyPatch, no_leaks: None
) -> None:
    monkeypatch.setattr(socket.socket, "connect_ex", lambda *_: errno.ECONNREFUSED, raising=False)
    with pytest.raises(ConnectionRefusedError):
        RealSystem().connect("127.0.0.1", 9)


def test_an_address_is_known_without_asking_and_a_name_has_to_be_looked_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    system = RealSystem()
    for address in ("127.0.0.1", "::1", "fe80::1%lo"):
        assert system.addresses(address) == [address]
    assert system.addresses("localhost") is None

    def answer(host: str, *_: object, **__: object) -> list[object]:
        assert host == "somewhere"
        return [(0, 0, 0, "", (address, 0)) for address in ("::7", "127.0.0.7", "::7")]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    assert system.look_up("somewhere") == ["::7", "127.0.0.7"]  # each once, in the system's order


def test_where_nothing_has_to_be_started_nothing_is() -> None:
    started: list[int] = []

    def start() -> tuple[str, int]:
        started.append(1)
        return "127.0.0.1", 7

    assert RealSystem().serve(lambda received: None, start) == ("127.0.0.1", 7)
    simulation = Simulation()
    host, port = simulation.serve(lambda received: None, start)
    simulation.connect(host, port)
    assert started == [1]


def test_real_time_can_be_paced_and_simulated_time_stands_still_on_its_own() -> None:
    system = RealSystem(clock := ManualClock())
    assert system.paced(lambda base: base) is clock
    assert Simulation().paced(lambda base: base) is None
