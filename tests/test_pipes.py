"""Do two pipes do what a pair of sockets does?"""

import select
import selectors

import pytest

from minirt.core import selector
from minirt.core.pipes import pair
from minirt.core.selector import SelectorPoll

pytestmark = pytest.mark.usefixtures("no_leaks")


def test_what_is_sent_at_one_end_comes_out_of_the_other() -> None:
    one, other = pair()
    with one, other:
        assert one.send(b"hello") == 5
        other.sendall(b"and back")
        assert (other.recv(3), other.recv(9), one.recv(9)) == (b"hel", b"lo", b"and back")


def test_an_end_is_readable_when_something_has_come_or_the_other_is_closed() -> None:
    one, other = pair()
    with one:
        assert select.select([one], [], [], 0)[0] == []
        other.send(b"!")
        assert select.select([one], [], [], 0)[0] == [one]
        one.recv(9)
        other.close()
        assert select.select([one], [], [], 0)[0] == [one]
        assert one.recv(9) == b""


def test_an_end_that_does_not_block_says_that_nothing_has_come() -> None:
    one, other = pair()
    with one, other:
        one.setblocking(False)
        with pytest.raises(BlockingIOError):
            one.recv(9)


def test_a_closed_end_has_no_number_and_is_closed_once() -> None:
    one, other = pair()
    with other:
        one.close()
        one.close()
        assert one.fileno() == -1


def test_they_wake_a_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selector, "HAS_THREADS", False)  # as in a web page, which has no sockets
    poll = SelectorPoll(selectors.SelectSelector)
    try:
        for _ in range(2):
            poll.wake()
            assert poll.poll(5) == []
        assert poll.poll(0) == []
    finally:
        poll.close()
    poll.wake()  # it is over, and nobody minds
