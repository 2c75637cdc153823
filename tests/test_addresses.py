"""Addresses: which one is tried next, who wins, and what is told when nobody does."""

import heapq
import socket
from itertools import count, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirt import Runtime, String
from minirt.core.system import RealSystem, is_address
from minirt.modules.addresses import ATTEMPT_DELAY, Attempts
from minirt.modules.names import check_place, look_up


@pytest.mark.parametrize(
    ("host", "is_one"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("fe80::1%eth0", True),
        ("fe80::1%2", True),
        ("localhost", False),
        ("127.1", False),
        ("", False),
        ("[::1]", False),
        ("::1%\x0c", False),
        ("::1%\x1f", False),
        ("::1%\u2028", False),
        ("١.1.1.1", False),
    ],
)
def test_only_an_address_in_digits_needs_no_look_up(host: str, is_one: bool) -> None:
    assert is_address(host) is is_one


# Attempts


def test_r8_the_next_address_is_tried_when_one_fails() -> None:
    attempts = Attempts("localhost", 80, ["::1", "127.0.0.1"])
    assert attempts.next_address() == "::1"
    assert attempts.has_next
    attempts.failed("::1", ConnectionRefusedError(111, "Connection refused"))
    assert not attempts.have_all_failed
    assert attempts.next_address() == "127.0.0.1"
    assert not attempts.has_next
    assert attempts.connected("127.0.0.1") == []
    assert not attempts.have_all_failed


def test_the_first_to_connect_wins_and_the_others_are_to_be_closed() -> None:
    attempts = Attempts("h", 80, ["a", "b", "c", "d"])
    assert [attempts.next_address() for _ in range(3)] == ["a", "b", "c"]
    assert attempts.connected("b") == ["a", "c"]
    assert attempts.next_address() is None
    assert not attempts.has_next
    attempts.failed("a", OSError("closed"))  # too late to matter
    assert not attempts.have_all_failed


def test_an_address_that_the_look_up_gives_twice_is_tried_once() -> None:
    attempts = Attempts("h", 80, ["a", "b", "a"])
    assert [attempts.next_address() for _ in range(3)] == ["a", "b", None]


def test_the_error_of_a_single_address_is_told_as_it_is() -> None:
    attempts = Attempts("h", 80, ["a"])
    attempts.next_address()
    refused = ConnectionRefusedError(111, "Connection refused")
    attempts.failed("a", refused)
    assert attempts.have_all_failed
    assert attempts.error() is refused


def test_when_all_failed_the_error_tells_each_address_and_is_of_the_kind_of_the_first() -> None:
    attempts = Attempts("localhost", 9, ["::1", "127.0.0.1"])
    errors = [ConnectionRefusedError(111, "Connection refused"), OSError(101, "Unreachable")]
    for error in errors:
        attempts.failed(attempts.next_address() or "", error)
    joined = attempts.error()
    assert isinstance(joined, ConnectionRefusedError) and joined.errno == 111
    assert joined.strerror == (
        "no address of localhost:9 could be reached "
        "(::1: Connection refused; 127.0.0.1: Unreachable)"
    )
    assert isinstance(joined.__cause__, ExceptionGroup)
    assert list(joined.__cause__.exceptions) == errors


def test_a_host_with_many_addresses_has_a_short_error() -> None:
    attempts = Attempts("h", 80, [f"10.0.0.{number}" for number in range(200)])
    while (address := attempts.next_address()) is not None:
        attempts.failed(address, TimeoutError("no answer"))
    joined = attempts.error()
    assert isinstance(joined, ConnectionError)
    assert str(joined).endswith("10.0.0.4: no answer; and 195 more)")


def test_a_host_without_an_address_is_an_error_of_its_own() -> None:
    attempts = Attempts("h", 80, [])
    assert attempts.next_address() is None
    assert attempts.have_all_failed
    assert "h:80 has no address" in str(attempts.error())


class Race:
    """What a program does with `Attempts`, in time that is an argument."""

    def __init__(self, outcomes: dict[str, tuple[str, int]]) -> None:
        self.outcomes = outcomes  # by address: what happens after how many ms
        self.attempts = Attempts("h", 80, outcomes)
        self.agenda: list[tuple[int, int, str, str]] = []
        self.order = count()
        self.started: list[tuple[int, str]] = []  # (ms, address)
        self.failed: list[tuple[int, str]] = []
        self.closed: list[str] = []
        self.winner: str | None = None
        self.timer = -1
        self.start(0)
        while self.agenda and self.winner is None:
            now, order, what, address = heapq.heappop(self.agenda)
            if what == "late" and order == self.timer:
                self.start(now)
            elif what == "connects":
                self.winner = address
                self.closed = self.attempts.connected(address)
            elif what == "fails":
                self.failed.append((now, address))
                self.attempts.failed(address, OSError(f"{address} failed"))
                self.start(now)

    def start(self, now: int) -> None:
        address = self.attempts.next_address()
        if address is None:
            return
        self.started.append((now, address))
        what, after = self.outcomes[address]
        if what != "hangs":
            heapq.heappush(self.agenda, (now + after, next(self.order), what, address))
        if self.attempts.has_next:
            self.timer = next(self.order)
            heapq.heappush(self.agenda, (now + ATTEMPT_DELAY, self.timer, "late", ""))


OUTCOMES = st.lists(
    st.tuples(
        st.sampled_from(["connects", "fails", "hangs"]),
        st.sampled_from([0, 1, 100, 249, 250, 251, 600, 5000]),
    ),
    max_size=6,
)


@given(OUTCOMES)
def test_whatever_the_addresses_do_they_are_tried_in_order_and_in_time(
    outcomes: list[tuple[str, int]],
) -> None:
    race = Race({f"address {number}": outcome for number, outcome in enumerate(outcomes)})
    tried = [address for _, address in race.started]
    assert tried == list(race.outcomes)[: len(tried)]
    times = [time for time, _ in race.started]
    for before, now in pairwise(times):
        is_late = now == before + ATTEMPT_DELAY
        assert is_late or now in [time for time, _ in race.failed]
        assert now <= before + ATTEMPT_DELAY


@given(OUTCOMES)
def test_whatever_the_addresses_do_the_first_to_connect_wins_and_nothing_stays_open(
    outcomes: list[tuple[str, int]],
) -> None:
    race = Race({f"address {number}": outcome for number, outcome in enumerate(outcomes)})
    connects = {
        time + race.outcomes[address][1]
        for time, address in race.started
        if race.outcomes[address][0] == "connects"
    }
    if race.winner is not None:
        [started] = [time for time, address in race.started if address == race.winner]
        assert started + race.outcomes[race.winner][1] == min(connects)
        over = {race.winner, *race.closed, *(address for _, address in race.failed)}
        assert over == {address for _, address in race.started}
        return
    assert not connects
    assert len(race.started) == len(race.outcomes)
    hangs = [outcome for outcome, _ in outcomes if outcome == "hangs"]
    assert race.attempts.have_all_failed is not bool(hangs)
    if race.attempts.have_all_failed and outcomes:
        message = str(race.attempts.error())
        assert all(address in message for _, address in race.failed[:5])


# The look-up


def answer_look_ups(patch: pytest.MonkeyPatch, *sockaddrs: tuple[Any, ...]) -> None:
    """From now on the system's look-up gives these."""

    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        families = {2: socket.AF_INET, 4: socket.AF_INET6}
        return [(families[len(addr)], socket.SOCK_STREAM, 6, "", addr) for addr in sockaddrs]

    patch.setattr(socket, "getaddrinfo", getaddrinfo)


def test_r8_a_look_up_gives_each_address_of_both_families_once_in_the_system_s_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer_look_ups(
        monkeypatch,
        ("::1", 0, 0, 0),
        ("127.0.0.1", 0),
        ("::1", 0, 0, 0),
        ("fe80::1", 0, 0, 3),
    )
    assert RealSystem().look_up("h") == ["::1", "127.0.0.1", "fe80::1%3"]


def test_the_pool_looks_a_name_up_and_the_callback_receives_an_address_a_line(
    monkeypatch: pytest.MonkeyPatch, no_leaks: None
) -> None:
    answer_look_ups(monkeypatch, ("::1", 0, 0, 0), ("127.0.0.1", 0))
    values: list[Any] = []
    rt = Runtime()
    rt.run(lambda: look_up(rt, "h", values.append))
    assert values == [String("::1\n127.0.0.1")]


@pytest.mark.parametrize(
    ("place", "error"),
    [
        ((b"h", 80), TypeError),
        ((None, 80), TypeError),
        (("h", "80"), TypeError),
        (("h", True), TypeError),
        (("h", 80.0), TypeError),
        (("h", -1), ValueError),
        (("h", 65536), ValueError),
    ],
)
def test_a_place_that_is_no_host_and_port_is_refused_with_what_was_got(
    place: tuple[Any, Any], error: type[Exception]
) -> None:
    with pytest.raises(error, match=r"^got .*, (expected|but) "):
        check_place(*place)
