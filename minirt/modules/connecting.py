"""How does a program reach a host that has several addresses?

The pool looks its name up, unless it is an address itself. Then one address after the other is
tried, the next as soon as one fails or a quarter of a second has passed, and the first that answers
is taken. `Attempts` says which is next; here are the sockets and the timer.
"""

import os
import socket
from collections.abc import Callable
from functools import partial

from minirt.core.callbacks import Listener
from minirt.core.polls import Interest
from minirt.core.system import Connection
from minirt.modules.addresses import ATTEMPT_DELAY, Attempts
from minirt.modules.names import Place, look_up
from minirt.node.runtime import Runtime
from minirt.node.timeouts import Timeout
from minirt.values import UNDEFINED, Error, Js, String


class Connecting:
    """On the way to a place. It ends once: by `connected`, by `failed`, or by `cancel`.

    Its owner holds the loop under `identity`. `failed` is never called before `start` has returned;
    `connected` may be, if `at_once` is asked for: on the loopback a connection is there at once.
    """

    def __init__(
        self,
        runtime: Runtime,
        place: Place,
        identity: int,
        connected: Callable[[Connection], object],
        failed: Callable[[BaseException], object],
        at_once: bool = False,
    ) -> None:
        self._runtime = runtime
        self._place = place
        self._identity = identity
        self._connected = connected
        self._failed = failed
        self._at_once = at_once
        self._attempts = Attempts(*place, ())
        self._under_way: dict[str, Connection] = {}  # by address
        self._look_up: int | None = None  # the identity of the pool's task
        self._timer: Timeout | None = None
        self._is_over = False

    def start(self) -> None:
        """Set out. If this raises, as the pool does when it is full, `cancel` gives all back."""
        host = self._place[0]
        addresses = self._runtime.system.addresses(host)
        if addresses is None:
            self._look_up = look_up(self._runtime, host, self._found)
            return
        self._attempts = Attempts(*self._place, addresses)
        self._try_next()
        if self._attempts.have_all_failed:
            self._runtime.call_in_pending_phase(self._report)

    def cancel(self) -> None:
        """Nobody is called any more. Everything is given back."""
        if self._look_up is not None:
            self._runtime.cancel_task(self._look_up)  # if no thread has taken it yet
        self._end()

    def drop(self) -> None:
        """The runtime closes."""
        self._is_over = True
        for connection in self._under_way.values():
            connection.close()
        self._under_way.clear()

    # What the loop calls

    def _found(self, value: Js) -> None:
        """The look-up's answer: addresses, one a line, or an `Error`."""
        self._look_up = None
        if self._is_over:
            return
        if isinstance(value, Error):
            self._end()
            self._failed(value.exception)
            return
        assert isinstance(value, String)
        self._attempts = Attempts(*self._place, value.value.split("\n"))
        self._go_on(UNDEFINED)

    def _answered(self, address: str, readiness: Js) -> None:
        """A connection was made, or could not be."""
        connection = self._under_way[address]
        number = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if not number:
            self._arrive(address, connection)
            return
        self._close(self._under_way.pop(address))
        self._attempts.failed(address, OSError(number, os.strerror(number)))
        self._go_on(UNDEFINED)

    def _go_on(self, value: Js) -> None:
        """The next address, or the end."""
        self._try_next()
        if self._attempts.have_all_failed:
            self._report(UNDEFINED)

    def _report(self, value: Js) -> None:
        if not self._is_over:
            self._end()
            self._failed(self._attempts.error())

    # Steps

    def _try_next(self) -> None:
        """Set out for the next address; when that fails at once, for the one after it."""
        self._stop_timer()
        while (address := self._attempts.next_address()) is not None:
            try:
                connection = self._set_out(address)
            except (OSError, ValueError) as error:
                self._attempts.failed(address, error)
                continue
            if self._at_once and is_connected(connection):
                self._arrive(address, connection)
            elif self._attempts.has_next:
                self._timer = self._runtime.set_timeout(ATTEMPT_DELAY, self._go_on).unref()
            return

    def _set_out(self, address: str) -> Connection:
        """A connection on its way, which says when it has arrived."""
        connection = self._runtime.system.connect(address, self._place[1])
        listener = Listener(self._identity, partial(self._answered, address))
        try:
            self._runtime.loop.listen(connection, Interest.WRITABLE, listener)
        except BaseException:
            connection.close()
            raise
        self._under_way[address] = connection
        return connection

    def _arrive(self, address: str, connection: Connection) -> None:
        """This one has won. The others are closed."""
        del self._under_way[address]
        self._runtime.loop.unwatch(connection)
        self._attempts.connected(address)
        self._end()
        self._connected(connection)

    def _end(self) -> None:
        """Nothing is under way any more."""
        self._is_over = True
        self._stop_timer()
        while self._under_way:
            self._close(self._under_way.popitem()[1])

    def _close(self, connection: Connection) -> None:
        self._runtime.loop.unwatch(connection)
        connection.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def is_connected(connection: Connection) -> bool:
    """Is it there already? Only a connected socket knows its peer."""
    try:
        connection.getpeername()
    except OSError:
        return False
    return True
