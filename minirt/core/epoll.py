"""Which descriptors are ready, and how does the loop sleep until one is?

`Poll` keeps what was asked (interest) and gives what the kernel answers (readiness). On Linux it
asks epoll; elsewhere `selectors` serves behind the same methods. A thread that brings work ends the
sleep through the wake-up, a descriptor like any other.
"""

import os
import select
import selectors
import socket
import stat
from collections.abc import Callable
from enum import IntFlag
from threading import RLock
from typing import NamedTuple, Protocol, TypeAlias

from minirt.errors import AlreadyRegistered, NotPollable, NotRegistered
from minirt.values import Int


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


READ_SIDE = Ready.READABLE | Ready.HANGUP | Ready.ERROR
WRITE_SIDE = Ready.WRITABLE | Ready.HANGUP | Ready.ERROR
ANSWERS = tuple(Int(Ready(bits)) for bits in range(16))  # made once: an event costs no object

LONG = 1.0  # s: too long for two calls to the kernel where one will do
MOST_EVENTS = 256  # in one answer: the rest comes with the next turn
READABLE = ANSWERS[Ready.READABLE]
EPOLLIN = 1  # as in select, where there is epoll; a global of our own is found faster
FD_SETSIZE = 1024  # select() cannot look at a descriptor from this number on


class Watch(NamedTuple):
    """One descriptor: the object it was registered as, and the token for each interest."""

    fileobj: FileLike
    reader: int | None
    writer: int | None

    @property
    def interest(self) -> Interest:
        asked = Interest(0)
        if self.reader is not None:
            asked |= Interest.READABLE
        if self.writer is not None:
            asked |= Interest.WRITABLE
        return asked


def number_of(fileobj: FileLike) -> int:
    """The number of a descriptor; negative when it is closed."""
    if isinstance(fileobj, int):
        return fileobj
    try:
        return fileobj.fileno()
    except ValueError:  # a closed file raises, where a closed socket answers -1
        return -1


def descriptor(fileobj: FileLike) -> int:
    """The number of an open descriptor; ValueError when it is closed or was never one."""
    number = number_of(fileobj)
    if number < 0:
        raise ValueError(f"{fileobj!r} is closed. Register it before it is closed")
    return number


class Registrator:
    """Interests by descriptor. Reading and writing may have a token, so a callback, each."""

    def __init__(self) -> None:
        self.watched: dict[int, Watch] = {}  # by descriptor
        self.orphans: set[int] = set()  # tokens that had a descriptor, and have none now
        self._lost: dict[int, None] = {}  # tokens whose descriptor was closed, not yet told
        self.descriptors: dict[int, set[int]] = {}  # token -> those that it watches

    def register(self, fileobj: FileLike, token: int, interest: Interest) -> None:
        """Watch `fileobj` for `interest`; its events carry `token`.

        AlreadyRegistered when that interest has a token, NotPollable for a regular file.
        """
        number = descriptor(fileobj)
        watch = self.watched.get(number)
        if watch is not None and self._is_stale(number, watch):
            self._lose(number, watch)
            watch = None
        asked = self._checked(interest)
        if watch is not None and watch.interest & asked:
            raise AlreadyRegistered(fileobj)
        reader = token if asked & Interest.READABLE else watch and watch.reader
        writer = token if asked & Interest.WRITABLE else watch and watch.writer
        after = Watch(fileobj, reader, writer)
        self._tell_kernel(number, watch, after)
        self.watched[number] = after
        self.descriptors.setdefault(token, set()).add(number)
        self.orphans.discard(token)

    def modify(self, fileobj: FileLike, token: int, interest: Interest) -> None:
        """From now on `token` is told about `interest` and nothing else.

        NotRegistered without register().
        """
        number = descriptor(fileobj)
        watch = self.watched.get(number)
        if watch is None or token not in (watch.reader, watch.writer):
            raise NotRegistered(fileobj)
        asked = self._checked(interest)
        reader, writer = watch.reader, watch.writer
        if (asked & Interest.READABLE and reader not in (None, token)) or (
            asked & Interest.WRITABLE and writer not in (None, token)
        ):
            raise AlreadyRegistered(fileobj)
        reader = token if asked & Interest.READABLE else (None if reader == token else reader)
        writer = token if asked & Interest.WRITABLE else (None if writer == token else writer)
        after = Watch(fileobj, reader, writer)
        self._tell_kernel(number, watch, after)
        self.watched[number] = after

    def deregister(self, fileobj: FileLike, token: int | None = None) -> None:
        """Watch no longer: for this token, or for any. NotRegistered when it was not watched."""
        number = self._number_of(fileobj)
        watch = self.watched.get(number)
        if watch is None or (token is not None and token not in (watch.reader, watch.writer)):
            raise NotRegistered(fileobj)
        self._drop(number, watch, token)

    def _drop(self, number: int, watch: Watch, token: int | None) -> None:
        keep = Watch(
            watch.fileobj,
            None if token is None or watch.reader == token else watch.reader,
            None if token is None or watch.writer == token else watch.writer,
        )
        if keep.reader is None and keep.writer is None:
            self._tell_kernel(number, watch, None)
            self._forget(number, watch)
        elif self._is_stale(number, watch):
            self._lose(number, watch)
            self._find(token)
        else:
            self._tell_kernel(number, watch, keep)
            self.watched[number] = keep
            self._unlink(token, number)

    def deregister_token(self, token: int) -> None:
        """Watch nothing for `token` any longer. Nothing happens if nothing was."""
        for number in tuple(self.descriptors.get(token, ())):
            self._drop(number, self.watched[number], token)
        self._find(token)

    def stale_tokens(self) -> list[int]:
        """The tokens whose descriptor was closed while it was watched: they can never be ready."""
        for number, watch in tuple(self.watched.items()):
            if self._is_stale(number, watch):
                self._lose(number, watch)
        tokens = list(self._lost)
        for token in tokens:
            self._find(token)
        return tokens

    def is_watched(self, token: int) -> bool:
        """Does a descriptor report to `token`?"""
        return token in self.descriptors

    def _tell_kernel(self, number: int, before: Watch | None, after: Watch | None) -> None:
        raise NotImplementedError

    @staticmethod
    def _checked(interest: Interest) -> Interest:
        if not isinstance(interest, Interest) or not interest:
            raise ValueError(
                f"{interest!r} is no interest. "
                "Use Interest.READABLE, Interest.WRITABLE, or both joined by |"
            )
        return interest

    @staticmethod
    def _is_stale(number: int, watch: Watch) -> bool:
        if not isinstance(watch.fileobj, int):
            return number_of(watch.fileobj) != number
        try:
            os.fstat(number)
        except OSError:
            return True
        return False

    def _number_of(self, fileobj: FileLike) -> int:
        number = number_of(fileobj)
        if number < 0:  # closed already: it is still known by what it was registered as
            for number, watch in self.watched.items():
                if watch.fileobj is fileobj:
                    return number
        return number

    def _lose(self, number: int, watch: Watch) -> None:
        """Its descriptor was closed. The kernel knows; who waits is still to be told."""
        self._tell_kernel(number, watch, None)
        self._forget(number, watch)
        for token in (watch.reader, watch.writer):
            if token is not None:
                self._lost[token] = None
                self.descriptors.setdefault(token, set())
                self.orphans.discard(token)

    def _find(self, token: int | None) -> None:
        """Who lost a descriptor was told, or does not want to know."""
        if token is not None:
            self._lost.pop(token, None)
            if not self.descriptors.get(token, True):
                del self.descriptors[token]
                self.orphans.add(token)

    def _forget(self, number: int, watch: Watch) -> None:
        del self.watched[number]
        for token in {watch.reader, watch.writer} - {None}:
            self._unlink(token, number)

    def _unlink(self, token: int | None, number: int) -> None:
        if token is not None:
            numbers = self.descriptors[token]
            numbers.discard(number)
            if not numbers:
                del self.descriptors[token]
                self.orphans.add(token)


class Poll(Registrator):
    """A registrator that can also wait. `poll` gives [(token, readiness)], readiness an `Int`."""

    # True where a poll that cannot sleep still has something to do, with nothing watched
    always_poll = False

    def poll(self, timeout: float | None) -> list[tuple[int, Int]]:
        """Sleep until something is ready, `timeout` seconds at most (None: for ever; 0: not)."""
        raise NotImplementedError

    def look(self) -> list[tuple[int, Int]]:
        """What is ready now, without sleeping: `poll(0)`, and where that matters faster."""
        return self.poll(0)

    def wake(self) -> None:
        """End the sleep. The one method that any thread may call."""
        raise NotImplementedError

    def after_fork(self) -> None:
        """In a child: who held a lock of this poll may have stayed with the parent."""

    def close(self) -> None:
        """Give back every descriptor of the poll itself; what was watched stays open."""
        raise NotImplementedError

    def _answers(self, number: int, bits: int, events: list[tuple[int, Int]]) -> None:
        """Append what descriptor `number` has to say: one event a token."""
        watch = self.watched.get(number)
        if watch is None:
            return
        _, reader, writer = watch
        if reader == writer or writer is None or reader is None:
            events.append((reader if reader is not None else writer, ANSWERS[bits]))  # type: ignore[arg-type]
            return
        if bits & READ_SIDE:
            events.append((reader, ANSWERS[bits & READ_SIDE]))
        if bits & WRITE_SIDE:
            events.append((writer, ANSWERS[bits & WRITE_SIDE]))


class EpollPoll(Poll):
    """Readiness from Linux's epoll, level-triggered.

    The wake-up is an edge-triggered eventfd, which needs no read.
    """

    def __init__(self) -> None:
        super().__init__()
        self._readable: dict[int, tuple[int, Int]] = {}  # descriptor -> the event it mostly has
        self._closing = RLock()
        self._open()
        try:
            self._wake_up = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        except OSError:
            self._epoll.close()
            raise
        self._epoll.register(self._wake_up, select.EPOLLIN | select.EPOLLET)

    def poll(self, timeout: float | None) -> list[tuple[int, Int]]:
        if timeout is not None and timeout > 0 and self._can_select:
            # epoll rounds its timeout up to whole milliseconds; select() sleeps to the microsecond
            if timeout < LONG:
                select.select((self._epoll,), (), (), timeout)
                timeout = 0
            else:  # one call now; the rest, less than a millisecond, is slept next time
                timeout = int(timeout * 1000) / 1000
        answers = self._ask(timeout, MOST_EVENTS)
        return self._events(answers) if answers else []

    def look(self) -> list[tuple[int, Int]]:
        answers = self._ask(0, MOST_EVENTS)
        return self._events(answers) if answers else []

    def _events(self, answers: list[tuple[int, int]]) -> list[tuple[int, Int]]:
        events: list[tuple[int, Int]] = []
        readable = self._readable
        for number, mask in answers:
            if mask == EPOLLIN and number in readable:
                events.append(readable[number])
            elif number in self.watched:
                self._answers(number, BITS[mask] if mask < 32 else ready_bits(mask), events)
            elif number != self._wake_up:
                self._start_anew()
        return events

    def wake(self) -> None:
        with self._closing:  # or the number might be another file's by now
            if self._wake_up >= 0:
                os.eventfd_write(self._wake_up, 1)

    def after_fork(self) -> None:
        self._closing = RLock()

    def close(self) -> None:
        self._epoll.close()
        with self._closing:
            wake_up, self._wake_up = self._wake_up, -1
        if wake_up >= 0:
            os.close(wake_up)

    def __del__(self) -> None:
        if hasattr(self, "_wake_up"):  # a runtime that was never run
            self.close()

    def _open(self) -> None:
        self._epoll = select.epoll()
        self._ask = self._epoll.poll
        self._can_select = self._epoll.fileno() < FD_SETSIZE

    def _start_anew(self) -> None:
        """Leave behind a closed descriptor of which a copy is open: epoll reports it for ever."""
        self._epoll.close()
        self._open()
        self._epoll.register(self._wake_up, select.EPOLLIN | select.EPOLLET)
        for number, watch in self.watched.items():
            if not self._is_stale(number, watch):
                self._tell_kernel(number, None, watch)

    def _tell_kernel(self, number: int, before: Watch | None, after: Watch | None) -> None:
        self._readable.pop(number, None)
        try:
            if after is None:
                self._epoll.unregister(number)
            elif before is None:
                self._epoll.register(number, epoll_mask(after.interest))
            else:
                self._epoll.modify(number, epoll_mask(after.interest))
            if after is not None and after.reader is not None:
                self._readable[number] = (after.reader, READABLE)
        except PermissionError:
            assert after is not None
            raise NotPollable(after.fileobj) from None
        except (FileNotFoundError, OSError):
            if after is not None:
                raise
            # closed already: the kernel forgot it on its own


def epoll_mask(interest: Interest) -> int:
    """The epoll bits for an interest."""
    mask = select.EPOLLIN if interest & Interest.READABLE else 0
    return mask | select.EPOLLOUT if interest & Interest.WRITABLE else mask


def ready_bits(mask: int) -> int:
    """The readiness, as the bits of `Ready`, for a mask that epoll answered."""
    bits = 0
    for epoll_bit, ready in (
        (select.EPOLLIN | select.EPOLLPRI, Ready.READABLE),
        (select.EPOLLOUT, Ready.WRITABLE),
        (select.EPOLLHUP | select.EPOLLRDHUP, Ready.HANGUP),
        (select.EPOLLERR, Ready.ERROR),
    ):
        if mask & epoll_bit:
            bits |= ready
    return int(bits)


class SelectorPoll(Poll):
    """Readiness from the standard library's `selectors`, for systems without epoll.

    The wake-up is a socket pair.
    """

    def __init__(
        self, make: Callable[[], selectors.BaseSelector] = selectors.DefaultSelector
    ) -> None:
        super().__init__()
        self._closing = RLock()
        self._selector = make()
        self._wake_up, self._waker = socket.socketpair()
        self._wake_up.setblocking(False)
        self._waker.setblocking(False)
        self._selector.register(self._wake_up, selectors.EVENT_READ)

    def poll(self, timeout: float | None) -> list[tuple[int, Int]]:
        events: list[tuple[int, Int]] = []
        for key, mask in self._selector.select(timeout):
            watch = self.watched.get(key.fd)
            if watch is None:
                self._wake_up.recv(4096)
            elif self._is_stale(key.fd, watch):  # poll() calls a closed descriptor ready
                self._lose(key.fd, watch)
            else:
                # EVENT_READ and EVENT_WRITE are 1 and 2, as in Ready
                self._answers(key.fd, mask, events)
        return events

    def wake(self) -> None:
        with self._closing:
            if self._waker.fileno() >= 0:
                try:
                    self._waker.send(b"\0")
                except BlockingIOError:
                    pass  # the pair is full of wake-ups: one more says nothing new

    def after_fork(self) -> None:
        self._closing = RLock()

    def close(self) -> None:
        self._selector.close()
        self._wake_up.close()
        with self._closing:
            self._waker.close()

    def __del__(self) -> None:
        if hasattr(self, "_waker"):  # a runtime that was never run
            self.close()

    def _tell_kernel(self, number: int, before: Watch | None, after: Watch | None) -> None:
        try:
            if after is None:
                self._selector.unregister(number)
            elif before is None:
                mode = os.fstat(number).st_mode
                if stat.S_ISREG(mode) or stat.S_ISDIR(mode):  # as epoll refuses them
                    raise PermissionError
                self._selector.register(number, int(after.interest))
            else:
                self._selector.modify(number, int(after.interest))
        except PermissionError:
            assert after is not None
            raise NotPollable(after.fileobj) from None
        except (KeyError, OSError):
            if after is not None:
                raise


BITS = tuple(map(ready_bits, range(32))) if hasattr(select, "epoll") else ()
