"""How does the loop sleep until one of many descriptors is ready? What only epoll does."""

import os
import select
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from minirt import Int, Interest, Ready
from minirt.core.epoll import EpollPoll, epoll_mask, ready_bits
from tests.forks import in_child
from tests.polls import Kept, heard, listeners, needs_epoll, sleeps, told

pytestmark = needs_epoll

READ, WRITE = Interest.READABLE, Interest.WRITABLE

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def poll(no_leaks: None) -> Iterator[EpollPoll]:
    poll = EpollPoll()
    yield poll
    poll.close()


def test_the_bits_of_epoll_become_those_of_ready() -> None:
    assert epoll_mask(READ | WRITE) == select.EPOLLIN | select.EPOLLOUT
    assert epoll_mask(WRITE) == select.EPOLLOUT
    assert ready_bits(select.EPOLLPRI) == Ready.READABLE
    assert ready_bits(select.EPOLLRDHUP) == Ready.HANGUP
    assert ready_bits(select.EPOLLERR | select.EPOLLOUT) == Ready.ERROR | Ready.WRITABLE


def test_hang_up_and_error_come_unasked_and_to_both_listeners(poll: EpollPoll) -> None:
    one, other = socket.socketpair()
    with one:
        for interest, listener in zip((READ, WRITE), listeners(1, 2), strict=True):
            poll.watch(one, interest, listener)
        other.close()
        assert heard(poll, None) == [
            (1, Int(Ready.READABLE | Ready.HANGUP)),
            (2, Int(Ready.WRITABLE | Ready.HANGUP)),
        ]


def test_the_error_of_a_refused_connection_reaches_the_writer(poll: EpollPoll) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    with socket.socket() as client:
        client.setblocking(False)
        client.connect_ex(address)
        poll.watch(client, WRITE, listeners(1)[0])
        ((_, readiness),) = heard(poll, 5)
    assert Ready.ERROR in Ready(readiness.into_int() or 0)


@pytest.mark.parametrize("first_beyond", [0, 1 << 20])
def test_an_instance_that_select_cannot_look_at_sleeps_by_itself(
    first_beyond: int, monkeypatch: pytest.MonkeyPatch, no_leaks: None
) -> None:
    monkeypatch.setattr("minirt.core.epoll.FD_SETSIZE", first_beyond)
    poll = EpollPoll()
    if not first_beyond:
        monkeypatch.delattr(select, "select")
    before = time.monotonic()
    while time.monotonic() - before < 0.01:
        assert poll.poll(before + 0.01 - time.monotonic()) == []
    poll.close()


def test_what_cannot_be_opened_leaves_nothing_open(
    no_leaks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OSError("no descriptors left")

    monkeypatch.setattr(os, "eventfd", fails)
    with pytest.raises(OSError, match="no descriptors left"):
        EpollPoll()


# Closed files that a copy keeps: to epoll they are open, under a number that may be another's


@pytest.mark.parametrize("interest", [READ, WRITE, READ | WRITE])
def test_a_closed_file_that_a_copy_keeps_is_left_behind(
    poll: EpollPoll, pair: Pair, interest: Interest
) -> None:
    """epoll goes on reporting it, under a number that is closed: the loop would spin for ever."""
    one, two = listeners(1, 2)
    kept = Kept()
    poll.watch(pair[0], READ, two)
    poll.watch(kept.socket, interest, one)
    kept.close()
    assert heard(poll) == [(1, Int(Ready(interest)))]
    poll.silence(one)
    assert sleeps(poll)
    pair[1].send(b"x")
    assert heard(poll, 1) == [(2, Int(Ready.READABLE))]
    poll.silence(two)
    thread = threading.Thread(target=poll.wake)
    thread.start()
    assert poll.poll(None) == []
    thread.join()


def test_a_side_taken_back_from_a_closed_file_leaves_it_behind_as_well(poll: EpollPoll) -> None:
    reader, writer = listeners(1, 2)
    kept = Kept()
    poll.watch(kept.socket, READ, reader)
    poll.watch(kept.socket, WRITE, writer)
    kept.close()
    poll.silence(reader)
    assert told(poll) == [2]
    assert sleeps(poll)


def test_many_of_them_cost_one_fresh_instance_and_no_event_of_the_others(
    poll: EpollPoll, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    (two,) = listeners(2)
    poll.watch(pair[0], READ, two)
    everything = [Kept() for _ in range(20)]
    for kept in everything:
        (one,) = listeners(1)
        poll.watch(kept.socket, READ | WRITE, one)
        kept.close()
        poll.silence(one)
    pair[1].send(b"x")
    opened = []
    monkeypatch.setattr(select, "epoll", lambda make=select.epoll: opened.append(1) or make())
    assert heard(poll) == [(2, Int(Ready.READABLE))]
    assert heard(poll) == [(2, Int(Ready.READABLE))]
    assert len(opened) == 1
    pair[0].recv(1)
    assert sleeps(poll)


def test_a_closed_file_is_not_carried_into_the_fresh_instance(poll: EpollPoll) -> None:
    one, two = listeners(1, 2)
    first, second = Kept(), Kept()
    poll.watch(first.socket, READ, one)
    poll.watch(second.socket, READ, two)
    first.close()
    second.close()
    poll.silence(one)
    poll.poll(0)  # from here on it is a fresh one
    assert poll.poll(0) == []
    poll.find_losses()
    assert told(poll) == [2]


# After a fork


def test_a_child_takes_nothing_out_of_its_parents_instance(poll: EpollPoll, pair: Pair) -> None:
    """A9: the instance is shared, and so is what is in it."""
    (one,) = listeners(1)
    poll.watch(pair[0], READ, one)

    def does() -> None:
        poll.after_fork()
        poll.unwatch(pair[0])
        pair[1].send(b"x")
        assert poll.poll(0) == []

    assert in_child(does) == 0
    assert heard(poll, 5) == [(1, Int(Ready.READABLE))]


def test_a_child_hears_and_wakes_by_itself(poll: EpollPoll, pair: Pair) -> None:
    (one,) = listeners(1)
    poll.watch(pair[0], READ, one)

    def does() -> None:
        poll.after_fork()
        poll.wake()
        poll.poll(5)
        assert poll.poll(0) == []
        pair[1].send(b"x")
        assert heard(poll, 5) == [(1, Int(Ready.READABLE))]
        pair[0].recv(1)

    assert in_child(does) == 0
    assert poll.poll(0) == []  # and the parent slept on
