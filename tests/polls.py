"""The polls that there are, for tests that ask the same of each."""

import select
import selectors
import socket
import time
from collections.abc import Callable

import pytest

from minirt.core.callbacks import Listener
from minirt.core.epoll import EpollPoll
from minirt.core.polls import Poll
from minirt.core.selector import SelectorPoll
from minirt.errors import DescriptorClosed
from minirt.values import Error, Js

has_epoll = hasattr(select, "epoll")
needs_epoll = pytest.mark.skipif(not has_epoll, reason="there is no epoll here")


def beyond_select() -> EpollPoll:
    """epoll as it is when its own descriptor is too large for select()."""
    poll = EpollPoll()
    poll._can_select = False
    return poll


POLLS: dict[str, Callable[[], Poll]] = {
    "poll": lambda: SelectorPoll(selectors.PollSelector),
    "default": SelectorPoll,
}
if has_epoll:
    POLLS["epoll"] = EpollPoll
    POLLS["epoll beyond select"] = beyond_select

# Those that a loop can have on some system. On Linux the selectors' default is an epoll of theirs,
# which cannot tell a closed descriptor from a copy of it: there EpollPoll is taken
IN_USE = {name: make for name, make in POLLS.items() if name in ("poll", "epoll")}


def heard(poll: Poll, timeout: float | None = 0) -> list[tuple[int, Js]]:
    """What a poll says: (the listener's identity, readiness) of each event."""
    return [(listener.identity, value) for listener, value in poll.poll(timeout)]


def told(poll: Poll) -> list[int]:
    """Who is told now that a descriptor of theirs was closed, by identity."""
    identities = []
    while poll.losses:
        listener, value = poll.losses.popleft()
        assert isinstance(value, Error) and isinstance(value.exception, DescriptorClosed)
        assert f"token {listener.identity} was closed" in str(value.exception)
        identities.append(listener.identity)
    return identities


def listeners(*identities: int) -> list[Listener]:
    """One for each identity, and nobody to call."""
    return [Listener(identity, None) for identity in identities]


class Kept:
    """A socket that can be read and written for ever. After `close` a copy of it is open still."""

    def __init__(self) -> None:
        self.socket, self._far = socket.socketpair()
        self._far.send(b"x")
        self._copy = self.socket.dup()

    def close(self) -> int:
        """The number, which is free now."""
        number = self.socket.fileno()
        self.socket.close()
        return number

    def __del__(self) -> None:
        for each in (self.socket, self._far, self._copy):
            each.close()


def sleeps(poll: Poll) -> bool:
    """Does the poll sleep, after some looks at most?"""
    for _ in range(3):
        poll.poll(0)
    before = time.monotonic()
    assert poll.poll(0.02) == []
    return time.monotonic() - before >= 0.02
