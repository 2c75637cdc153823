"""What stands where the standard loop keeps its own queues and its selector?

The class below minirt's loop has a deque `_ready`, a heap `_scheduled` and a `_selector`. Nothing
may go there: it would never be called. So there are objects in their place that hold nothing and
say so, for the day on which a new version of asyncio, or somebody who replaces a method of it,
tries.
"""

import selectors
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

from minirt.core.polls import FileLike, Poll, number_of


class Empty:
    """In the place of a queue: it stays empty."""

    __slots__ = ()

    def __len__(self) -> int:
        return 0

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def clear(self) -> None:
        """It is."""

    def _refuse(self, *values: object) -> NoReturn:
        raise RuntimeError(
            "MinirtEventLoop keeps nothing in the queues of the standard loop. "
            "Use call_soon() or call_at()"
        )

    append = appendleft = extend = insert = popleft = pop = _refuse
    __getitem__ = __setitem__ = _refuse


class Watched:
    """In the place of the selector: answers who listens, for asyncio's transports.

    handles: the handle of a listener of the poll.
    """

    def __init__(self, poll: Poll, handle_of: Callable[[Any], Any]) -> None:
        self._poll = poll
        self._handle_of = handle_of

    def get_key(self, fileobj: FileLike) -> selectors.SelectorKey:
        """Who listens to a descriptor; KeyError when nobody does."""
        watch = self._poll.watched[number_of(fileobj)]
        handles = tuple(one and self._handle_of(one) for one in (watch.reader, watch.writer))
        # EVENT_READ and EVENT_WRITE are 1 and 2, as in Interest
        return selectors.SelectorKey(watch.fileobj, watch.number, watch.mask, handles)

    def get_map(self) -> Mapping[FileLike, selectors.SelectorKey]:
        """Everybody who listens, by descriptor."""
        return {number: self.get_key(number) for number in tuple(self._poll.watched)}

    def close(self) -> None:
        """The poll is closed by the core loop, which has it."""

    def _refuse(self, *values: object) -> NoReturn:
        raise RuntimeError(
            "MinirtEventLoop has no selector, it waits in minirt's poll. "
            "Use add_reader() and add_writer()"
        )

    register = modify = unregister = select = _refuse
