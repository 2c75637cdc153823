"""The polls that there are, for tests that ask the same of each."""

import select
import selectors
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
