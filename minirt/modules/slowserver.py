"""Who answers a web request after exactly as long as the lesson needs, and without a network?

A server on the loopback, itself a program on a runtime of its own. The delay stands in the path:
`/delay/2000/http://example.com/` is answered after two seconds. The answer is worked out by a pure
function of the bytes received, which serves in a simulation just as well.
"""

import re
from contextvars import Context
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import TypeAlias

import h11

from minirt.core.callbacks import ignore
from minirt.modules.names import Place
from minirt.modules.net import create_server
from minirt.modules.parsing import first_blanks
from minirt.modules.sockets import Socket
from minirt.node.runtime import Runtime
from minirt.node.timeouts import LONGEST_DELAY
from minirt.values import Js

DELAY_PATH = re.compile(r"/delay/([0-9]{1,10})(/.*)")
INTRODUCTION = "Ask for /delay/2000/anything to be answered after 2000 ms.\n"

Chunks: TypeAlias = list[tuple[float, bytes]]  # (seconds from now, bytes), then the end


def answer(received: bytes) -> Chunks | None:
    """What to send to a client that has sent `received`. None while its request is incomplete."""
    if first_blanks(received) >= 0:  # h11 would take seconds for a long row of them
        return [(0, response(400, "This is not an HTTP request: too many blanks in a row.\n"))]
    parser = h11.Connection(h11.SERVER)
    parser.receive_data(received)
    try:
        request = parser.next_event()
    except h11.RemoteProtocolError as error:
        return [(0, response(400, f"This is not an HTTP request: {error}.\n"))]
    if not isinstance(request, h11.Request):
        return None
    return answer_to(request.target.decode("ascii"))


def answer_to(path: str) -> Chunks:
    """What to send to a client that asks for `path`."""
    asked = DELAY_PATH.fullmatch(path)
    if asked is None:
        return [(0, response(404, INTRODUCTION))]
    delay, rest = int(asked[1]), asked[2]
    if delay > LONGEST_DELAY:
        return [(0, response(400, f"The longest delay is {LONGEST_DELAY} ms.\n"))]
    url = rest[1:] if rest.startswith("/http://") else rest
    return [(delay / 1000, response(200, f"You asked for {url} and waited {delay} ms.\n"))]


def response(status: int, text: str) -> bytes:
    """A whole HTTP response with `text` as its body."""
    body = text.encode("utf-8")
    server = h11.Connection(h11.SERVER)
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Connection", "close"),
    ]
    reason = {200: b"OK", 400: b"Bad Request", 404: b"Not Found"}[status]
    head = h11.Response(status_code=status, headers=headers, reason=reason)
    parts = (server.send(head), server.send(h11.Data(data=body)), server.send(h11.EndOfMessage()))
    return b"".join(part for part in parts if part)


class Visitor:
    """One client of the server: collects its request, and answers when the delay is over."""

    def __init__(self, client: Socket) -> None:
        self._client = client
        self._received = bytearray()
        client.on_error = ignore  # it went away
        client.on_data = self._hear

    def _hear(self, chunk: Js) -> None:
        self._received += chunk.into_bytes() or b""
        chunks = answer(bytes(self._received))
        if chunks is None:
            return
        self._client.on_data = None  # what else it sends is dropped
        [(delay, content)] = chunks
        timer = Runtime.current().set_timeout(delay * 1000, partial(self._say, content))
        self._client.on_close = lambda _: timer.cancel()

    def _say(self, content: bytes, _: Js) -> None:
        self._client.end(content)


class SlowServer:
    """The server, in a thread of its own. `with SlowServer() as slow:` or start() and stop().

    url: "http://127.0.0.1:PORT"; address: (host, port). Both exist once it is started.
    """

    def __init__(self) -> None:
        self._runtime: Runtime | None = None
        self._thread: Thread | None = None
        self.address: Place = ("127.0.0.1", 0)

    @property
    def url(self) -> str:
        host, port = self.address
        return f"http://{host}:{port}"

    def start(self) -> "SlowServer":
        """Listen on a free port; return when clients may come. OSError without descriptors."""
        started: SimpleQueue[Place | BaseException] = SimpleQueue()
        self._runtime = Runtime(threads=0)
        # a context of its own, in which no runtime runs yet
        serve = partial(Context().run, self._serve, self._runtime, started)
        self._thread = Thread(target=serve, name="slowserver", daemon=True)
        try:
            self._thread.start()
            place = started.get()
            if isinstance(place, BaseException):
                raise place
        except BaseException:  # no port, no thread, or an interrupt
            self.stop()
            raise
        self.address = place
        return self

    def stop(self) -> None:
        """Hang up on everybody; return when thread and descriptors are gone."""
        if self._runtime is not None and self._thread is not None:
            self._runtime.stop()
            if self._thread.ident is not None:
                self._thread.join()
            self._runtime.close()  # it may never have run
        self._runtime = self._thread = None

    drop = stop  # a runtime that owns one stops it when it closes

    def __enter__(self) -> "SlowServer":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @staticmethod
    def _serve(runtime: Runtime, started: "SimpleQueue[Place | BaseException]") -> None:
        def main() -> None:
            started.put(create_server(Visitor).address)

        try:
            runtime.run(main)
        except BaseException as error:  # whoever started it waits for a word
            started.put(error)
