"""How does the loop sleep where there is no epoll?"""

import os
import selectors
import socket
from collections.abc import Iterator

import pytest

from minirt import Int, Interest, Ready
from minirt.core.selector import SelectorPoll, file_of
from tests.forks import in_child
from tests.polls import heard, listeners, told

READ, WRITE = Interest.READABLE, Interest.WRITABLE

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def poll(no_leaks: None) -> Iterator[SelectorPoll]:
    poll = SelectorPoll(selectors.PollSelector)
    yield poll
    poll.close()


def test_a_file_is_known_by_its_device_and_inode_and_not_by_its_number() -> None:
    first = os.pipe()
    copy = os.dup(first[0])
    known = file_of(first[0])
    assert known is not None and known == file_of(copy)
    for number in (*first, copy):
        os.close(number)
    assert file_of(first[0]) is None
    second = os.pipe()
    assert second == first
    assert file_of(second[0]) != known
    for number in second:
        os.close(number)


def test_a_closed_descriptor_is_a_loss_and_no_event(poll: SelectorPoll, pair: Pair) -> None:
    """poll() calls it ready, at once and for ever."""
    one, two = listeners(1, 2)
    gone, other = socket.socketpair()
    poll.watch(gone, READ, one)
    poll.watch(pair[0], WRITE, two)
    gone.close()
    other.close()
    assert heard(poll, None) == [(2, Int(Ready.WRITABLE))]
    assert told(poll) == [1]
    assert heard(poll, None) == [(2, Int(Ready.WRITABLE))]
    assert not poll.losses


def test_the_new_owner_of_a_number_is_not_taken_for_the_old_one(poll: SelectorPoll) -> None:
    (one,) = listeners(1)
    first = os.pipe()
    poll.watch(first[0], READ, one)
    for number in first:
        os.close(number)
    second = os.pipe()
    assert second == first
    os.write(second[1], b"x")  # it is readable, and nobody watches it
    assert poll.poll(None) == []
    assert told(poll) == [1]
    for number in second:
        os.close(number)


def test_its_wake_ups_are_read_and_end_one_sleep(poll: SelectorPoll) -> None:
    for _ in range(3):
        poll.wake()
    assert poll.poll(None) == []
    with pytest.raises(BlockingIOError):
        poll._wake_up.recv(1)


@pytest.mark.parametrize("make", [selectors.PollSelector, selectors.SelectSelector])
def test_a_selector_without_a_descriptor_says_so(
    make: type[selectors.BaseSelector], no_leaks: None
) -> None:
    poll = SelectorPoll(make)
    assert poll.fileno() is None
    poll.close()


def test_what_cannot_be_opened_leaves_nothing_open(no_leaks: None) -> None:
    def fails() -> selectors.BaseSelector:
        raise OSError("no descriptors left")

    with pytest.raises(OSError, match="no descriptors left"):
        SelectorPoll(fails)


@pytest.mark.parametrize("kind", [selectors.PollSelector, selectors.DefaultSelector])
def test_a_child_of_a_fork_watches_and_wakes_by_itself(
    kind: type[selectors.BaseSelector], pair: Pair
) -> None:
    poll = SelectorPoll(kind)
    (one,) = listeners(1)
    poll.watch(pair[0], READ, one)

    def does() -> None:
        poll.after_fork()
        poll.wake()
        assert poll.poll(5) == []
        pair[1].send(b"x")
        assert heard(poll, 5) == [(1, Int(Ready.READABLE))]
        poll.unwatch(pair[0])

    assert in_child(does) == 0
    assert heard(poll, 5) == [(1, Int(Ready.READABLE))]
    poll.close()
