"""What stands where the standard loop keeps its own queues and its selector?

The class below minirt's loop has a deque `_ready`, a heap `_scheduled` and a `_selector`. Nothing
may go there: it would never be called. So there are objects in their place that hold nothing and
say so, for the day on which a new version of asyncio, or somebody who replaces a method of it,
tries.
"""

import selectors
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NoReturn

from minirt.core.polls import FileLike, Poll

of_selectors: Any = selectors
number_of: Callable[[Any], int] = of_selectors._fileobj_to_fd


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

    def extend(self, values: Iterable[object]) -> None:
        """Nothing may come, which changes nothing."""
        for value in values:
            self._refuse(value)

    extendleft = extend
    append = appendleft = insert = popleft = pop = _refuse
    __getitem__ = __setitem__ = _refuse


class Watched:
    """In the place of the selector: answers who listens, for asyncio's transports.

    handles: the handle of a listener of the poll.
    """

    def __init__(self, poll: Poll, handle_of: Callable[[Any], Any]) -> None:
        self._poll = poll
        self._handle_of = handle_of

    def known(self, fileobj: Any) -> FileLike:
        """What the poll takes for this: a number, or an object whose `fileno()` is one.

        ValueError for what is no descriptor, in the words of `selectors`. An object may be closed
        by now, if it was registered.
        """
        if self._poll.registered_as(fileobj) is not None:
            return fileobj  # type: ignore[no-any-return]
        number: int = number_of(fileobj)
        is_usual = not isinstance(fileobj, int) and type(fileobj.fileno()) is int
        return fileobj if is_usual else int(number)

    def get_key(self, fileobj: FileLike) -> selectors.SelectorKey:
        """Who listens to a descriptor; KeyError when nobody does."""
        watch = self._poll.registered_as(fileobj) or self._poll.watched.get(number_of(fileobj))
        if watch is None:
            raise KeyError(f"{fileobj!r} is not registered")
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
