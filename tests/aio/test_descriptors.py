"""Readers and writers that come and go while descriptors are ready, closed, and opened anew."""

import asyncio
import socket
from contextlib import suppress
from contextvars import ContextVar

import pytest

from minirt.aio import MinirtEventLoop
from tests.aio.test_rounds import run_rounds

Loop = asyncio.AbstractEventLoop
Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def ready(pair: Pair) -> socket.socket:
    """A socket that can be read."""
    one, other = pair
    other.send(b"x")
    return one


def test_of_two_readers_that_remove_each_other_one_is_called(
    loop: Loop, ready: socket.socket
) -> None:
    second, other = socket.socketpair()
    other.send(b"x")
    called: list[socket.socket] = []

    def read(one: socket.socket) -> None:
        called.append(one)
        assert loop.remove_reader(ready)
        assert loop.remove_reader(second)

    loop.add_reader(ready, read, ready)
    loop.add_reader(second, read, second)
    run_rounds(loop, 3)
    assert len(called) == 1
    second.close()
    other.close()


def test_a_timer_cancelled_by_a_reader_in_the_round_of_both_does_not_run(
    loop: Loop, ready: socket.socket
) -> None:
    called: list[int] = []
    timer = loop.call_later(0, called.append, 1)
    loop.add_reader(ready, timer.cancel)
    run_rounds(loop, 2)
    assert loop.remove_reader(ready)
    assert not called


def test_a_reader_replaced_by_a_writer_in_the_same_round_does_not_run(
    loop: Loop, pair: Pair
) -> None:
    one, other = pair
    called: list[str] = []
    loop.add_writer(one, lambda: loop.add_reader(other, called.append, "new"))
    loop.add_reader(other, called.append, "old")
    one.send(b"x")
    loop.call_soon(loop.add_reader, other, called.append, "newer")
    run_rounds(loop, 1)
    assert "old" not in called
    loop.remove_writer(one)
    loop.remove_reader(other)


def test_a_peer_that_closes_is_told_to_reader_and_writer_once_each(loop: Loop, pair: Pair) -> None:
    one, other = pair
    called: list[str] = []

    def hear(whom: str) -> None:
        called.append(whom)
        {"reader": loop.remove_reader, "writer": loop.remove_writer}[whom](one)

    loop.add_reader(one, hear, "reader")
    loop.add_writer(one, hear, "writer")
    other.close()
    run_rounds(loop, 3)
    assert sorted(called) == ["reader", "writer"]


def test_a_reader_closes_its_socket_and_hears_of_the_next_one(loop: Loop) -> None:
    one, other = socket.socketpair()
    sockets, heard = [other], []

    def reopen() -> None:
        number = one.fileno()
        loop.remove_reader(one)
        one.close()
        sockets.extend(socket.socketpair())
        again, peer = sockets[-2:] if sockets[-2].fileno() == number else sockets[:-3:-1]
        assert again.fileno() == number
        loop.add_reader(again, lambda: (heard.append(again.recv(9)), loop.remove_reader(again)))
        peer.send(b"again")

    other.send(b"x")
    loop.add_reader(one, reopen)
    run_rounds(loop, 3)
    assert heard == [b"again"]
    for each in sockets:
        each.close()


def test_a_reader_runs_in_the_context_in_which_it_was_added(
    loop: Loop, ready: socket.socket
) -> None:
    name = ContextVar("name", default="none")
    seen: list[str] = []
    name.set("when it was added")
    loop.add_reader(ready, lambda: seen.append(name.get()))
    name.set("later")
    run_rounds(loop, 1)
    loop.remove_reader(ready)
    assert seen == ["when it was added"]


# What the standard loop does not do: there the new one is never heard, or is refused


@pytest.mark.parametrize("by_number", [True, False])
@pytest.mark.parametrize("add", ["add_reader", "add_writer"])
def test_who_watched_a_closed_descriptor_is_silent_when_its_number_is_another_file(
    ours: MinirtEventLoop, add: str, by_number: bool
) -> None:
    closed, other = socket.socketpair()
    number, called = closed.fileno(), []
    ours.add_reader(number if by_number else closed, called.append, "old")
    closed.close()
    pair = socket.socketpair()
    again, peer = pair if pair[0].fileno() == number else pair[::-1]
    assert again.fileno() == number
    getattr(ours, add)(number if by_number else again, called.append, "new")
    peer.send(b"x")
    run_rounds(ours, 2)
    assert called == ["new", "new"]
    assert not ours._core.poll.losses
    ours.remove_reader(again)
    ours.remove_writer(again)
    for one in (other, again, peer):
        one.close()


def test_a_closed_socket_can_still_be_forgotten(ours: MinirtEventLoop) -> None:
    one, other = socket.socketpair()
    ours.add_reader(one, print)
    ours.add_writer(one, print)
    one.close()
    other.close()
    assert ours.remove_reader(one)
    with suppress(ValueError):  # epoll has noticed that it is closed, poll() has not
        ours.remove_writer(one)
    with pytest.raises(ValueError, match="Invalid file descriptor: -1"):  # now nobody knows it
        ours.remove_reader(one)
    run_rounds(ours, 2)
    assert not ours._selector.get_map()
