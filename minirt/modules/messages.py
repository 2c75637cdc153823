"""What does an HTTP request say, and is its answer complete?

Bytes before sockets: a URL becomes the bytes of a request, and the bytes of an answer, in pieces of
any size, become a value. Nothing here knows a socket or a loop.

Whoever feeds an `Answer` stays master of the time: it takes bytes without looking at them and works
a step at a time. A step is bounded by what is counted, not by a clock, so that it does the same
everywhere; none takes more than a few milliseconds, whatever the server sends.
"""

from enum import Enum, auto

import h11

from minirt.errors import HttpError, ResponseTooLarge, StateError
from minirt.modules.charsets import UTF_8, Text, charset_of
from minirt.modules.excerpts import LONGEST, excerpt
from minirt.modules.parsing import BoundedParser
from minirt.modules.urls import Url, parse_url
from minirt.values import Error, Js, String

__all__ = ["Answer", "Progress", "Url", "parse_url"]

WORK = 64  # in one step: so many events of the parser, of 10 µs each
WORK_OF_A_HEAD = 32  # its lines are read in one event
PAGE = 4 * LONGEST  # bytes of an error page that are enough to show how it begins


class Progress(Enum):
    """What an `Answer` needs after a step."""

    NEEDS_MORE_BYTES = auto()  # receive(), then step()
    HAS_MORE_WORK = auto()  # step(), after the loop had its turn
    COMPLETE = auto()  # nothing: value() is there


class Answer:
    """The answer to one request, as far as it has come. `request` is what to send for it."""

    def __init__(self, url: Url, max_bytes: int) -> None:
        self._name = excerpt(str(url))
        self._max_bytes = max_bytes
        self._parser = BoundedParser()
        self._head: h11.Response | None = None
        self._text = Text()  # the body so far
        self._size = 0  # bytes of it
        self._failure: HttpError | None = None
        self._is_complete = False
        self.request = self._parser.request(
            url.target,
            [
                ("Host", url.authority),
                ("Accept", "*/*"),
                ("Accept-Encoding", "identity"),
                ("User-Agent", "minirt"),
                ("Connection", "close"),
            ],
        )

    def receive(self, chunk: bytes) -> None:
        """Take what has arrived, b"" when the server closed. The work is left to `step`.

        Nothing bounds what is taken: do not ask the socket for more before NEEDS_MORE_BYTES.
        """
        self._parser.receive(chunk)

    def step(self) -> Progress:
        """Work a little. Nothing is raised: a broken answer is COMPLETE, and its value an `Error`.

        So a caller needs no `try`, in which it might catch an error of the program's callback.
        """
        try:
            return self._work()
        except h11.RemoteProtocolError as error:
            self._fail(self._broken(error))
        except ResponseTooLarge as error:
            self._fail(error)
        except HttpError as error:
            self._fail(HttpError(f"{self._name} cannot be read: {error}"))
        return Progress.COMPLETE

    def value(self) -> Js:
        """The body as a `String`; an `Error` when there is none, or the status is not 2xx."""
        if not self._is_complete:
            raise StateError("this answer is not complete. Call step() until it says COMPLETE")
        return String(str(self._text)) if self._failure is None else Error(self._failure)

    def feed(self, chunk: bytes) -> bool:
        """Receive, then step as long as there is work. True when complete."""
        self.receive(chunk)
        while (progress := self.step()) is Progress.HAS_MORE_WORK:
            pass
        return progress is Progress.COMPLETE

    # Steps

    def _work(self) -> Progress:
        work = WORK
        while work > 0 and not self._is_complete:
            event = self._parser.next_event()
            if event is h11.NEED_DATA:
                return Progress.NEEDS_MORE_BYTES
            self._take(event)
            is_head = isinstance(event, h11.Response | h11.InformationalResponse)
            work -= WORK_OF_A_HEAD if is_head else 1
        return Progress.COMPLETE if self._is_complete else Progress.HAS_MORE_WORK

    def _take(self, event: object) -> None:
        if isinstance(event, h11.Response):
            self._begin(event)
        elif isinstance(event, h11.Data):
            self._add(event.data)
        elif isinstance(event, h11.EndOfMessage):
            self._end()

    def _begin(self, head: h11.Response) -> None:
        """The head tells whether the body is wanted, and which text it will be."""
        self._head = head
        if self._is_good():
            declared = self._header(b"content-length")
            if declared and int(declared) > self._max_bytes:
                raise ResponseTooLarge(self._max_bytes)
            self._text = Text(charset_of(self._header(b"content-type")))
        elif self._header(b"location"):
            self._refuse()
        else:
            self._text = Text(self._charset_of_a_page(), "replace")

    def _add(self, content: bytes) -> None:
        """More of the body; of an error page the beginning is enough."""
        self._size += len(content)
        if self._is_good() and self._size > self._max_bytes:
            raise ResponseTooLarge(self._max_bytes)
        self._text.add(content)
        if not self._is_good() and self._size >= PAGE:
            self._refuse()

    def _end(self) -> None:
        if self._is_good():
            self._text.end()
            self._is_complete = True
        else:
            self._refuse()

    def _charset_of_a_page(self) -> str:
        try:
            return charset_of(self._header(b"content-type"))
        except HttpError:  # the status says more than this would
            return UTF_8

    def _refuse(self) -> None:
        """Fail with status, reason, and where to ask instead or else how the error page begins."""
        assert self._head is not None
        status = f"{self._head.status_code} {excerpt(self._head.reason.decode('latin-1'))}".strip()
        self._text.end()
        location = self._header(b"location")
        hint = f"ask for {excerpt(location)}" if location else excerpt(str(self._text))
        self._fail(HttpError(f"{self._name} was answered with {status}{hint and ': '}{hint}"))

    def _broken(self, error: h11.RemoteProtocolError) -> HttpError:
        if self._parser.has_ended:
            return HttpError(f"{self._name}: the server closed before its answer was complete")
        reason = excerpt(str(error))
        return HttpError(f"{self._name} was not answered in valid HTTP: {reason}")

    def _fail(self, failure: HttpError) -> None:
        self._failure = failure.with_traceback(None)  # which would hold this very answer
        self._text = Text()  # nobody reads it any more
        self._is_complete = True

    def _is_good(self) -> bool:
        return self._head is not None and 200 <= self._head.status_code < 300

    def _header(self, name: bytes) -> str:
        """The first header of that name, as Node has it; "" if there is none."""
        assert self._head is not None
        return next(
            (value.decode("latin-1") for key, value in self._head.headers if key == name), ""
        )
