"""Who takes what comes in on a connection, and what if nobody does yet?

Between the moment when a connection is made and the one when the program assigns on_data there may
be a look-up, a file to read, or another turn. What comes meanwhile is kept, as in Node. But only so
much of it: above `HIGH_WATER` nothing more is read, the kernel's buffers fill up, and then the peer
has to wait. `pause` makes it wait in the same way.

The end is kept without being stored: a descriptor that has ended stays readable, so it is enough to
read again when all that was kept is taken.
"""

from collections.abc import Callable

from minirt.core.callbacks import Listener, ignore
from minirt.core.polls import Interest
from minirt.core.system import Connection
from minirt.modules.handlers import nobody
from minirt.node.runtime import Runtime
from minirt.values import Bytes, Callback, Js

CHUNK = 65536  # bytes asked of one recv
HIGH_WATER = 65536  # bytes kept, above which reading pauses

new_object = object.__new__
set_value: Callable[[Bytes, bytes], None] = vars(Bytes)[
    "value"
].__set__  # what `frozen` leaves open


class Inbound:
    """The reading side of a socket. `ended` and `failed` are told how it is over."""

    __slots__ = (
        *("_connection", "_ended", "_failed", "_is_full", "_is_paused", "_kept", "_listener"),
        *("_recv", "_runtime", "_take", "consumer", "has_ended"),
    )

    def __init__(
        self,
        runtime: Runtime,
        identity: int,
        ended: Callable[[], object],
        failed: Callable[[OSError], object],
    ) -> None:
        self._runtime = runtime
        self._listener = Listener(identity, None)
        self._ended = ended
        self._failed = failed
        self._connection: Connection | None = None  # None: there is nothing to read from
        self._kept = bytearray()
        self._is_full = self._is_paused = self.has_ended = False
        self.consumer: Callback | None = None  # what the program assigned as on_data
        self._take: Callback = self._keep  # who gets what comes now

    def open(self, connection: Connection) -> None:
        """From here it comes."""
        self._connection = connection
        self._recv: Callable[[int], bytes] = connection.recv
        self._arrange()

    def close(self) -> None:
        """Nothing is read any more, nothing kept, and nobody told: no circle of objects is left."""
        self._connection = None
        self._kept.clear()
        self.consumer, self._take = None, ignore
        self._ended = self._failed = nobody

    def give_to(self, consumer: Callback | None) -> None:
        """`consumer` receives what was kept, then all that comes. None: what comes is dropped.

        Before there was a consumer, None changes nothing: it is kept on.
        """
        if consumer is None and self.consumer is not None:
            consumer = ignore
        self.consumer = consumer
        self._flow()

    def pause(self) -> None:
        """Read no more, for now."""
        self._is_paused = True
        self._arrange()

    def resume(self) -> None:
        """Read on. Without a consumer what comes is dropped from now on, as in Node."""
        self._is_paused = False
        if self.consumer is None:
            self.consumer = ignore
        self._flow()

    def readable(self, readiness: Js) -> None:
        """One chunk. An empty one says that the peer has ended."""
        try:
            chunk = self._recv(CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._failed(error)
            return
        if chunk:
            value = new_object(Bytes)  # Bytes(chunk), in half the time
            set_value(value, chunk)
            self._runtime.loop.adopt(self._take(value))
        else:
            self._end()

    def _keep(self, value: Js) -> None:
        """Stands where nobody takes it yet."""
        self._kept += value.into_bytes() or b""
        if len(self._kept) >= HIGH_WATER:
            self._is_full = True
            self._arrange()

    def _flow(self) -> None:
        """The consumer's turn: what was kept comes first, and in a tick."""
        if self._kept:
            self._runtime.next_tick(self._hand_over)
        elif self.consumer is not None:
            self._take = self.consumer
        self._arrange()

    def _hand_over(self, value: Js) -> None:
        """All that was kept, at once: a stream of bytes has no pieces."""
        if self._is_paused or not self._kept or self.consumer is None:
            return
        kept = Bytes(bytes(self._kept))
        self._kept.clear()
        self._is_full = False
        self._take = self.consumer
        self._arrange()
        self._runtime.loop.adopt(self.consumer(kept))

    def _end(self) -> None:
        if self._kept:
            self._is_full = True  # and is asked again when that is taken
        else:
            self.has_ended = True
        self._arrange()
        if self.has_ended:
            self._ended()

    def _arrange(self) -> None:
        """Watch the descriptor, or do not: one that has ended is ready for ever."""
        if self._connection is None:
            return
        loop, listener = self._runtime.loop, self._listener
        wants = not (self._is_paused or self._is_full or self.has_ended)
        if wants and not listener.watches:
            listener.callback = self.readable
            loop.listen(self._connection, Interest.READABLE, listener)
        elif listener.watches and not wants:
            loop.unwatch(self._connection, Interest.READABLE)
