"""What happens between the question to a web server and its answer?

The request is sent as soon as the connection takes it, the loop says when there is something to
read, and a parser that knows no socket is fed with it, a slice at a time, until the answer is
complete. One identity serves from the first byte to the last.

There is one end, `_finish`, and it gives everything back before it calls. So whatever the callback
raises cannot be taken for an error of the connection, and a request that ended has nothing left
that could end it again.
"""

from functools import partial

from minirt.core.callbacks import Listener
from minirt.core.polls import Interest
from minirt.core.system import Connection
from minirt.errors import HttpTimeout
from minirt.modules.connecting import Connecting
from minirt.modules.excerpts import excerpt
from minirt.modules.handlers import check_thread
from minirt.modules.handles import handles_of
from minirt.modules.messages import Answer, Progress, Url
from minirt.modules.slices import slices_of
from minirt.node.runtime import Runtime
from minirt.node.timeouts import Timeout
from minirt.values import UNDEFINED, Callback, Error, Js

CHUNK = 65536  # bytes asked of one recv


class Request(int):
    """A request on its way, in its caller's hand: the identity of its callback, to be cancelled."""

    _exchange: "Exchange"

    def cancel(self) -> None:
        """Close the connection and do not call the callback. Nothing happens when it is over."""
        self._exchange.cancel()


class Exchange:
    """One request and its answer. It ends once: by the answer, an error, or `cancel`."""

    def __init__(self, runtime: Runtime, url: Url, cb: Callback, max_bytes: int) -> None:
        self._runtime = runtime
        self._loop = runtime.loop
        self._url = url
        self._callback: Callback | None = cb  # None: it is over
        self._handles = handles_of(runtime)
        self._slices = slices_of(runtime)
        self._answer = Answer(url, max_bytes)
        self._unsent = memoryview(self._answer.request)
        self._connection: Connection | None = None
        self._timer: Timeout | None = None
        self.identity = runtime.generate_cb_identity()
        self._listener = Listener(self.identity, None)
        self._connecting = Connecting(
            runtime, (url.host, url.port), self.identity, self._use, self._fail, at_once=True
        )

    def start(self, timeout: float | None) -> Request:
        """Set out (`timeout` in seconds). Nothing stays when this raises."""
        assert self._callback is not None
        request = Request(self.identity)
        request._exchange = self
        try:
            self._loop.hold(self.identity, self._callback, self.cancel)
            self._handles.add(self)
            if timeout is not None:
                self._timer = self._runtime.set_timeout(
                    timeout * 1000, partial(self._time_out, timeout)
                )
            self._connecting.start()
        except BaseException:
            self.cancel()
            raise
        return request

    def cancel(self) -> None:
        """Nobody is called any more."""
        check_thread(self)
        if self._callback is not None:
            self._callback = None
            self._give_back()

    def drop(self) -> None:
        """The runtime closes."""
        self._callback = None
        self._connecting.drop()
        if self._connection is not None:
            self._connection.close()

    # What the loop calls

    def _use(self, connection: Connection) -> None:
        """Connected: send what it takes, and wait."""
        self._connection = connection
        try:
            self._send(connection)
        except OSError as error:
            self._fail_later(error)
        else:
            self._watch(connection)

    def _ready(self, readiness: Js) -> None:
        """The connection has room, or something to read, or both: try both."""
        connection, failure = self._existing(), None
        try:
            if self._unsent:
                self._send(connection)
                if not self._unsent:
                    self._loop.unwatch(connection, Interest.WRITABLE)
            chunk = connection.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            failure = error
        if failure is None:
            self._receive(chunk)
        else:
            self._fail(failure)

    def _receive(self, chunk: bytes) -> None:
        """More of the answer, or its end (b""). What cannot be worked off now is done in slices."""
        self._answer.receive(chunk)
        progress = Progress.HAS_MORE_WORK
        if self._slices.may_work_now():
            progress = self._answer.step()
        if progress is Progress.COMPLETE:
            self._finish(self._answer.value())
        elif progress is Progress.HAS_MORE_WORK:
            self._loop.unwatch(self._existing())  # no more is read before this is done
            self._slices.add(self._work)

    def _work(self) -> bool:
        """A slice of what has come. Is there more?"""
        if self._callback is None:
            return False
        progress = self._answer.step()
        if progress is Progress.COMPLETE:
            self._stop_timer()  # it came in time
            self._runtime.call_in_pending_phase(lambda _: self._finish(self._answer.value()))
        elif progress is Progress.NEEDS_MORE_BYTES:
            self._watch(self._existing())
        return progress is Progress.HAS_MORE_WORK

    def _time_out(self, timeout: float, value: Js) -> None:
        name = excerpt(str(self._url))
        self._fail(
            HttpTimeout(f"{name} was not answered completely within {timeout} s. Allow more time")
        )

    def _fail(self, error: BaseException, value: Js = UNDEFINED) -> None:
        self._finish(Error(error))

    # Steps

    def _existing(self) -> Connection:
        assert self._connection is not None
        return self._connection

    def _send(self, connection: Connection) -> None:
        try:
            self._unsent = self._unsent[connection.send(self._unsent) :]
        except BlockingIOError:
            pass  # it is full

    def _watch(self, connection: Connection) -> None:
        """Wait for more of the answer, and for room if there is more to send."""
        interest = Interest.READABLE | Interest.WRITABLE if self._unsent else Interest.READABLE
        self._listener.callback = self._ready
        try:
            self._loop.listen(connection, interest, self._listener)
        except OSError as error:  # the kernel cannot watch more
            self._fail_later(error)

    def _fail_later(self, error: OSError) -> None:
        """The callback is never called before `get` has returned."""
        self._runtime.call_in_pending_phase(partial(self._fail, error))

    def _finish(self, value: Js) -> None:
        """The one place where the callback is called."""
        callback, self._callback = self._callback, None
        if callback is not None:
            self._give_back()
            self._loop.adopt(callback(value))

    def _give_back(self) -> None:
        self._stop_timer()
        self._handles.discard(self)
        self._loop.release(self.identity)
        self._connecting.cancel()
        if self._connection is not None:
            self._loop.unwatch(self._connection)
            self._connection.close()
        del self._answer, self._connecting  # the caller may keep its `Request`

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
