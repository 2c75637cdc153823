"""Which descriptors are watched, for what, and who listens?

`Poll` keeps what was asked (interest) and gives what the kernel answers (readiness). How the kernel
is asked is left to one class for each way: `epoll.py`, `selector.py`, and the simulation.
"""

from collections import deque
from collections.abc import Sequence
from enum import IntFlag
from typing import Protocol, TypeAlias

from minirt.core.callbacks import Listener, a_few
from minirt.errors import DescriptorClosed
from minirt.values import Error, Int, Js


class HasFileno(Protocol):
    def fileno(self) -> int: ...


FileLike: TypeAlias = int | HasFileno


class Interest(IntFlag):
    """What a program asks to be told about."""

    READABLE = 1
    WRITABLE = 2


class Ready(IntFlag):
    """What the kernel answers. Hang-up and error come unasked."""

    READABLE = 1
    WRITABLE = 2
    HANGUP = 4
    ERROR = 8


# The same as plain numbers: an `&` of two IntFlags costs twenty times as much
READ, WRITE, HANGUP, ERROR = map(int, Ready)
READ_SIDE, WRITE_SIDE = READ | HANGUP | ERROR, WRITE | HANGUP | ERROR
ANSWERS = tuple(Int(Ready(bits)) for bits in range(16))  # made once: an event costs no object
READABLE = ANSWERS[READ]


class Watch:
    """One descriptor: the object it was registered as, and who listens to each side of it."""

    __slots__ = ("file", "fileobj", "number", "reader", "writer")

    def __init__(self, fileobj: FileLike, number: int) -> None:
        self.fileobj = fileobj
        self.number = number
        self.file: object = None  # which file this is, where the kernel has to be told by us
        self.reader: Listener | None = None
        self.writer: Listener | None = None

    @property
    def mask(self) -> int:
        """The interest, as the bits of `Interest`."""
        return (READ if self.reader else 0) | (WRITE if self.writer else 0)

    def listeners(self) -> set[Listener]:
        return {one for one in (self.reader, self.writer) if one is not None}


def number_of(fileobj: FileLike) -> int:
    """The number of a descriptor; negative when it is closed."""
    if isinstance(fileobj, int):
        return fileobj
    try:
        return fileobj.fileno()
    except ValueError:  # a closed file raises, where a closed socket answers -1
        return -1


def descriptor(fileobj: FileLike) -> int:
    """The number of an open descriptor; TypeError or ValueError when it has none."""
    if isinstance(fileobj, bool) or not (isinstance(fileobj, int) or hasattr(fileobj, "fileno")):
        raise TypeError(f"got {fileobj!r}, expected a descriptor or an object with fileno()")
    number = number_of(fileobj)
    if number < 0:
        raise ValueError(f"{fileobj!r} is closed. Register it before it is closed")
    return number


def checked(interest: object) -> int:
    """The bits of an interest; ValueError for what is none, or asks for nothing."""
    if not isinstance(interest, Interest) or not interest:
        raise ValueError(
            f"got {interest!r}, expected an interest: "
            "Interest.READABLE, Interest.WRITABLE, or both joined by |"
        )
    return int(interest)


class Poll:
    """Who listens to which descriptor, and the sleep until one of them is ready."""

    # True where a poll that cannot sleep still has something to do, with nothing watched
    always_poll = False

    def __init__(self) -> None:
        self.watched: dict[int, Watch] = {}  # by descriptor
        # who is to be told that a descriptor was closed: (listener, Error)
        self.losses: deque[tuple[Listener, Js]] = deque()
        self._by_object: dict[int, Watch] = {}  # by id(fileobj): a closed one has no number
        self._ready: dict[int, tuple[Listener, Int]] = {}  # descriptor -> its most frequent event

    # Who listens

    def watch(self, fileobj: FileLike, interest: Interest, listener: Listener) -> set[Listener]:
        """From now on `listener` hears of `interest` in `fileobj`.

        Returns who listened before and no longer does. NotPollable for a regular file.
        """
        number, asked = descriptor(fileobj), checked(interest)
        watch = self.same_file(fileobj, number)
        if watch is None:
            watch = Watch(fileobj, number)
        before, mask = watch.listeners(), watch.mask
        if mask | asked != mask:  # first: nothing changes here when the kernel refuses
            self._tell_kernel(watch, mask, mask | asked)
        if watch.fileobj is not fileobj:
            self._by_object.pop(id(watch.fileobj), None)
            watch.fileobj = fileobj
        if asked & READ:
            watch.reader = listener
        if asked & WRITE:
            watch.writer = listener
        self.watched[number] = self._by_object[id(fileobj)] = watch
        listener.watches.add(watch)
        return self._changed(watch, before)

    def unwatch(
        self, fileobj: FileLike, interest: Interest | None = None, only: Listener | None = None
    ) -> set[Listener]:
        """Nobody hears of `interest` (None: of anything) any more, or `only` one listener does not.

        Returns who listens to this descriptor no longer.
        """
        asked = READ | WRITE if interest is None else checked(interest)
        watch = self._watch_of(fileobj)
        return set() if watch is None else self._withdraw(watch, asked, only)

    def silence(self, listener: Listener) -> None:
        """This one hears of nothing any more."""
        for watch in tuple(listener.watches):
            assert isinstance(watch, Watch)
            self._withdraw(watch, READ | WRITE, listener)

    def _withdraw(self, watch: Watch, asked: int, only: Listener | None) -> set[Listener]:
        before, mask = watch.listeners(), watch.mask
        if asked & READ and only in (None, watch.reader):
            watch.reader = None
        if asked & WRITE and only in (None, watch.writer):
            watch.writer = None
        gone = self._changed(watch, before)
        if watch.mask != mask:
            if not watch.mask:
                self._drop(watch)
            try:
                self._tell_kernel(watch, mask, watch.mask)
            except OSError:  # it was closed before: who listens still is told so
                self._report_loss(watch)
        return gone

    def same_file(self, fileobj: FileLike, number: int) -> Watch | None:
        """What is known of this very file. Another file may have got the number of a closed one."""
        watch = self.watched.get(number)
        if watch is None:
            return None
        if watch.fileobj is fileobj and not isinstance(fileobj, int):
            return watch
        if self.is_open(watch):
            return watch
        self._report_loss(watch)
        return None

    def registered_as(self, fileobj: object) -> Watch | None:
        """What is known of this very object, closed or not."""
        watch = self._by_object.get(id(fileobj))
        return watch if watch is not None and watch.fileobj is fileobj else None

    def is_open(self, watch: Watch) -> bool:
        """Is it still the file that was registered? Its number says nothing; the kernel knows."""
        raise NotImplementedError

    def find_losses(self) -> None:
        """Look whether a descriptor was closed while somebody listens: it can never be ready.

        Who listens is then to be found in `losses`.
        """
        for watch in tuple(self.watched.values()):
            number = number_of(watch.fileobj)  # an object knows, and need not ask the kernel
            if number != watch.number or (
                isinstance(watch.fileobj, int) and not self.is_open(watch)
            ):
                self._report_loss(watch)

    def first(self, most: int) -> list[tuple[int, int, str]]:
        """(descriptor, identity, interest) of some, for a look from another thread."""
        return [
            (number, one.identity, interest)
            for number, watch in a_few(self.watched.items(), most)
            for one, interest in ((watch.reader, "read"), (watch.writer, "write"))
            if one is not None
        ]

    # The sleep

    def poll(self, timeout: float | None) -> Sequence[tuple[Listener, Js]]:
        """Sleep until something is ready, `timeout` seconds at most (None: for ever; 0: not)."""
        raise NotImplementedError

    def look(self) -> Sequence[tuple[Listener, Js]]:
        """What is ready now, without sleeping: `poll(0)`, and where that matters faster."""
        return self.poll(0)

    def wake(self) -> None:
        """End the sleep. The one method that any thread may call."""
        raise NotImplementedError

    def fileno(self) -> int | None:
        """A descriptor that is readable when something is ready; None where there is none."""
        return None

    def after_fork(self) -> None:
        """In a child: nothing that is done here may reach the parent any more."""

    def close(self) -> None:
        """Give back every descriptor of the poll itself; what was watched stays open.

        Nobody listens any more.
        """
        for watch in self.watched.values():
            for listener in watch.listeners():
                listener.callback = None
                listener.watches.clear()  # each keeps the other, and nobody would free them
        for known in (self.watched, self.losses, self._by_object, self._ready):
            known.clear()

    # Inside

    def _tell_kernel(self, watch: Watch, before: int, after: int) -> None:
        """The interest in a descriptor changes from `before` to `after` (bits of `Interest`)."""
        raise NotImplementedError

    def _watch_of(self, fileobj: FileLike) -> Watch | None:
        watch = self.registered_as(fileobj)
        if watch is not None:
            return watch
        watch = self.watched.get(number_of(fileobj))
        if watch is None or (isinstance(fileobj, int) and watch.fileobj == fileobj):
            return watch
        if self.is_open(watch):
            return watch
        self._report_loss(watch)
        return None

    def _drop(self, watch: Watch) -> None:
        del self.watched[watch.number]
        self._by_object.pop(id(watch.fileobj), None)

    def _report_loss(self, watch: Watch) -> None:
        """Its descriptor was closed. The kernel knows; who listens is told with the next events."""
        self._drop(watch)
        self._ready.pop(watch.number, None)
        self._tell_kernel(watch, watch.mask, 0)
        for listener in watch.listeners():
            listener.watches.discard(watch)
        self.losses += [(one, Error(DescriptorClosed(one.identity))) for one in watch.listeners()]

    def _changed(self, watch: Watch, before: set[Listener]) -> set[Listener]:
        """Who listened before and no longer does."""
        # most events say that a descriptor is readable: that one is made beforehand
        if watch.reader is not None:
            self._ready[watch.number] = (watch.reader, READABLE)
        else:
            self._ready.pop(watch.number, None)
        gone = before - watch.listeners()
        for listener in gone:
            listener.watches.discard(watch)
        return gone

    def _answers(self, watch: Watch, bits: int, events: list[tuple[Listener, Js]]) -> None:
        """Append what a descriptor has to say: one event a listener."""
        reader, writer = watch.reader, watch.writer
        if reader is None or writer is None or reader is writer:
            one = reader or writer
            if one is not None:
                events.append((one, ANSWERS[bits]))
            return
        if bits & READ_SIDE:
            events.append((reader, ANSWERS[bits & READ_SIDE]))
        if bits & WRITE_SIDE:
            events.append((writer, ANSWERS[bits & WRITE_SIDE]))
