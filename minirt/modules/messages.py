"""What does an HTTP request say, and is its answer complete?

Bytes before sockets: a URL becomes the bytes of a request, and the bytes of an answer, in pieces of
any size, become a value. Nothing here knows a socket or a loop.
"""

import re
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import h11

from minirt.errors import HttpError, ResponseTooLarge
from minirt.modules.names import is_address
from minirt.values import Error, Js, String

NAME = re.compile(r"[A-Za-z0-9._-]+")
CHARSET = re.compile(rb"""charset\s*=\s*["']?([\w.:-]+)""", re.IGNORECASE)
LEFT_ALONE = "/%:=&~+!$,;'@()*[]?|"  # in a path or query, beside letters and digits
EXCERPT = 200  # bytes of an error page that its Error shows


class Url(NamedTuple):
    """Where to ask, and what for."""

    host: str
    port: int
    target: str  # path and query
    has_port: bool = True  # did the URL spell it out?

    @property
    def authority(self) -> str:
        """Host and port as a Host header shows them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == 80 else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"http://{self.authority}{self.target}"


def parse_url(url: object) -> Url:
    """Take a URL apart. TypeError or ValueError, with a reason, for one that cannot be asked."""
    if not isinstance(url, str):
        raise TypeError(f"a URL is a str, and {url!r} is none. Write http.get('http://...', cb)")
    parts = urlsplit(url)
    if parts.scheme == "https":
        raise ValueError(f"{url!r}: there is no TLS here. Ask a server that speaks plain http://")
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(
            f"{url!r} is no URL to ask. Write http://host/path or http://host:port/path"
        )
    if parts.username is not None:
        raise ValueError(f"a URL with a name or password cannot be asked: {parts.hostname!r}")
    host = parts.hostname if is_address(parts.hostname) else parts.hostname.encode("idna").decode()
    if not is_address(host) and not NAME.fullmatch(host):
        raise ValueError(f"{url!r}: {host!r} is no name of a host")
    target = quote(parts.path or "/", safe=LEFT_ALONE)
    if parts.query:
        target += "?" + quote(parts.query, safe=LEFT_ALONE)
    port = parts.port  # ValueError above 65535
    return Url(host, 80 if port is None else port, target, port is not None)


class Answer:
    """The answer to one request, as far as it has come. `request` is what to send for it."""

    def __init__(self, url: Url, max_bytes: int) -> None:
        self._url = url
        self._max_bytes = max_bytes
        self._parser = h11.Connection(h11.CLIENT)
        self._head: h11.Response | None = None
        self._body: list[bytes] = []
        self._size = 0  # bytes in `_body`
        self.request = self._request()

    def _request(self) -> bytes:
        headers = [
            ("Host", self._url.authority),
            ("Accept", "*/*"),
            ("Accept-Encoding", "identity"),
            ("User-Agent", "minirt"),
            ("Connection", "close"),
        ]
        request = h11.Request(method="GET", target=self._url.target, headers=headers)
        return (self._parser.send(request) or b"") + (self._parser.send(h11.EndOfMessage()) or b"")

    def feed(self, chunk: bytes) -> bool:
        """Take what has arrived, b"" when the server closed. True when the answer is complete.

        HttpError for what is no HTTP or ends too soon, ResponseTooLarge for too long a body.
        """
        try:
            self._parser.receive_data(chunk)
            while True:
                event = self._parser.next_event()
                if event is h11.NEED_DATA:
                    return False
                if isinstance(event, h11.EndOfMessage):
                    return True
                self._take(event)
        except h11.RemoteProtocolError as error:
            if not chunk:
                reason = "the server closed before its answer was complete"
                raise HttpError(f"{self._url}: {reason}") from error
            raise HttpError(f"{self._url} was not answered in valid HTTP: {error}") from error

    def _take(self, event: object) -> None:
        if isinstance(event, h11.Response):
            self._head = event
            declared = self._header(b"content-length")
            if declared is not None and int(declared) > self._max_bytes:
                raise ResponseTooLarge(self._max_bytes)
        elif isinstance(event, h11.Data):
            self._size += len(event.data)
            if self._size > self._max_bytes:
                raise ResponseTooLarge(self._max_bytes)
            self._body.append(bytes(event.data))

    def value(self) -> Js:
        """The body as a `String`; an `Error` when the status is not 2xx, or the body no text."""
        assert self._head is not None
        body = b"".join(self._body)
        if not 200 <= self._head.status_code < 300:
            return Error(HttpError(f"{self._url} was answered with {self._refusal(body)}"))
        try:
            return String(body.decode(self._charset()))
        except (LookupError, ValueError) as error:
            return Error(HttpError(f"{self._url}: the body is no text in its charset: {error}"))

    def _refusal(self, body: bytes) -> str:
        """Status, reason, and where to ask instead or else the beginning of the error page."""
        assert self._head is not None
        location = self._header(b"location")
        if location is None:
            hint = body[:EXCERPT].decode("utf-8", "replace").strip()
        else:
            hint = f"ask for {location.decode('latin-1')}"
        return f"{self._head.status_code} {self._head.reason.decode('latin-1')}: {hint}"

    def _charset(self) -> str:
        found = CHARSET.search(self._header(b"content-type") or b"")
        return "utf-8" if found is None else found[1].decode("ascii")

    def _header(self, name: bytes) -> bytes | None:
        assert self._head is not None
        return dict(self._head.headers).get(name)
