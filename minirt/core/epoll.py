"""How does the loop sleep until one of many descriptors is ready?

It asks Linux's epoll, level-triggered: what is not read to the end is reported again, so a callback
may take a little and leave the rest for the next turn.

Why the sleep is made of two calls. epoll counts its timeout in milliseconds and rounds up, so a
timer would be late by half a millisecond on average (1.0 ms at the median with 1,000 timers; 0.2 ms
with what follows). `select` sleeps to the microsecond, and an epoll instance is itself a descriptor
that `select` can wait for. So a short sleep is a `select` on epoll, and then a look at epoll that
does not wait. A long sleep is one call, and its last millisecond is slept in the next turn.
`select` cannot look at a descriptor above 1023, and then epoll alone has to do.

What ends the sleep from outside is an eventfd: a number in the kernel that becomes readable when
somebody adds to it. It is edge-triggered: each addition reports once, so nobody has to read it.

The trap is a closed descriptor. epoll does not watch numbers, it watches open files, and it forgets
one when its *last* copy is closed. After `dup` or `fork` another copy may keep it: then epoll goes
on reporting the old number, which may belong to another file by now, and nothing can be taken out
by a number that is closed. What is reported for nobody, or for a number of which this was to be
expected, shows that; a fresh epoll instance then takes the place of the old one. The other way
round (the file is gone, its number has a new owner) shows when the kernel is asked to modify what
it does not have. Production loops leave this to their users: asyncio and libuv say "remove it
before you close it". Readers of these chapters close things in all orders.
"""

import os
import select
from io import FileIO
from threading import RLock

from minirt.core.callbacks import Listener
from minirt.core.polls import ERROR, HANGUP, READ, WRITE, Poll, Watch
from minirt.errors import NotPollable
from minirt.values import Js

LONG = 1.0  # s: too long for two calls to the kernel where one will do
LONGEST = 86_400.0  # s: a day. The kernel counts ms in an int; the loop asks again after that
MOST_EVENTS = 256  # in one answer: the rest comes with the next turn
EPOLLIN = 1  # as in select, where there is epoll; a global of our own is found faster
FD_SETSIZE = 1024  # select() cannot look at a descriptor from this number on


class EpollPoll(Poll):
    """Readiness from Linux's epoll."""

    def __init__(self) -> None:
        super().__init__()
        self._closing = RLock()
        self._haunted: set[int] = set()  # numbers under which epoll may still know a closed file
        self._epoll = select.epoll()
        try:
            self._event = new_event()
        except OSError:
            self._epoll.close()
            raise
        self._wake_up = self._event.fileno()  # its number; negative once it is closed
        self._use(self._epoll)

    def poll(self, timeout: float | None) -> list[tuple[Listener, Js]]:
        if timeout is not None and timeout > 0:
            if timeout >= LONG:  # one call now; the rest, less than a millisecond, next time
                timeout = int(min(timeout, LONGEST) * 1000) / 1000
            elif self._can_select:
                select.select((self._epoll,), (), (), timeout)
                timeout = 0
        answers = self._ask(timeout, MOST_EVENTS)
        return self._events(answers) if answers else []

    def look(self) -> list[tuple[Listener, Js]]:
        answers = self._ask(0, MOST_EVENTS)
        return self._events(answers) if answers else []

    def _events(self, answers: list[tuple[int, int]]) -> list[tuple[Listener, Js]]:
        events: list[tuple[Listener, Js]] = []
        ready, watched, is_haunted = self._ready, self.watched, False
        for number, mask in answers:
            if number in self._haunted:
                is_haunted = True
            elif mask == EPOLLIN and number in ready:
                events.append(ready[number])
            elif number in watched:
                bits = BITS[mask] if mask < len(BITS) else ready_bits(mask)
                self._answers(watched[number], bits, events)
            elif number != self._wake_up:
                is_haunted = True
        if is_haunted:
            self._start_anew()
            return self.look()
        return events

    def wake(self) -> None:
        with self._closing:  # or the number might be another file's by now
            if self._wake_up >= 0:
                os.eventfd_write(self._wake_up, 1)

    def fileno(self) -> int | None:
        return self._epoll.fileno()

    def is_open(self, watch: Watch) -> bool:
        try:
            self._epoll.modify(watch.number, epoll_mask(watch.mask))
        except OSError:  # closed, or the number of another file
            return False
        return True

    def after_fork(self) -> None:
        """The instance is shared with the parent: whoever is taken out here is taken out there."""
        self._closing = RLock()
        if self._wake_up < 0:  # closed before
            return
        inherited, self._event = self._event, new_event()
        self._wake_up = self._event.fileno()
        inherited.close()
        self._start_anew()

    def close(self) -> None:
        super().close()
        self._epoll.close()
        with self._closing:
            self._wake_up = -1
            self._event.close()  # also if an interrupt came just before

    def __del__(self) -> None:
        if hasattr(self, "_event"):  # a runtime that was never run
            self.close()

    def _use(self, epoll: "select.epoll") -> None:
        """Ask this instance from now on."""
        epoll.register(self._wake_up, select.EPOLLIN | select.EPOLLET)
        self._epoll = epoll
        self._ask = epoll.poll
        self._can_select = epoll.fileno() < FD_SETSIZE

    def _start_anew(self) -> None:
        """Leave behind a closed descriptor of which a copy is open: epoll reports it for ever."""
        known = [watch for watch in self.watched.values() if self.is_open(watch)]
        self._epoll.close()
        self._haunted.clear()
        self._use(select.epoll())
        for watch in known:
            self._epoll.register(watch.number, epoll_mask(watch.mask))

    def _tell_kernel(self, watch: Watch, before: int, after: int) -> None:
        try:
            if not after:
                self._epoll.unregister(watch.number)
            elif not before:
                self._epoll.register(watch.number, epoll_mask(after))
            else:
                self._epoll.modify(watch.number, epoll_mask(after))
        except PermissionError:
            raise NotPollable(watch.fileobj) from None
        except OSError:
            if after:
                raise
            self._haunted.add(watch.number)  # closed already; a copy may keep the file


def new_event() -> FileIO:
    """An eventfd: readable once somebody has added to it."""
    return FileIO(os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC))


def epoll_mask(interest: int) -> int:
    """The epoll bits for the bits of an interest."""
    return (select.EPOLLIN if interest & READ else 0) | (select.EPOLLOUT if interest & WRITE else 0)


def ready_bits(mask: int) -> int:
    """The readiness, as the bits of `Ready`, for a mask that epoll answered."""
    bits = 0
    for epoll_bit, ready in (
        (select.EPOLLIN | select.EPOLLPRI, READ),
        (select.EPOLLOUT, WRITE),
        (select.EPOLLHUP | select.EPOLLRDHUP, HANGUP),
        (select.EPOLLERR, ERROR),
    ):
        if mask & epoll_bit:
            bits |= ready
    return bits


BITS = tuple(map(ready_bits, range(32))) if hasattr(select, "epoll") else ()
