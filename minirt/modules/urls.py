"""Where does a URL lead, and what is asked for there?

A URL comes from the program's author, but often with text of others in it. So nothing of it gets
into a request that was not looked at: the host consists of letters, digits, dots and hyphens, or is
an IPv6 address in brackets, and everything else in the path and the query is percent-encoded.

An error never repeats a URL that may hold a password. `urlsplit` does so in its own messages, and
not only where it finds one: the beginning of a password with a / in it, as in
`http://ada:s3/cret@host/`, is the port to it. Therefore its errors are replaced, and a URL with an
@ anywhere, also in disguise, is not shown at all.
"""

import re
from ipaddress import IPv6Address
from typing import NamedTuple
from unicodedata import normalize
from urllib.parse import SplitResult, quote, unquote, urlsplit

from minirt.modules.excerpts import excerpt

AUTHORITY = re.compile(r"(?:\[(?P<ipv6>[^\[\]]*)\]|(?P<name>[^\[\]:]+))(?::(?P<port>.*))?")
NAME = re.compile(r"[A-Za-z0-9._-]{1,253}")
IPV6 = re.compile(r"[0-9A-Fa-f:.]+")  # without a zone: that means something on this machine only
PORT = re.compile(r"0*([0-9]{0,5})")
LEFT_ALONE = "/%:=&~+!$,;'@()*[]?|"  # in a path or query, beside letters and digits
LARGEST_PORT = 65535


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
    """Take a URL apart. TypeError or ValueError, in one sentence, for one that cannot be asked."""
    if not isinstance(url, str):
        raise TypeError(
            f"got a value of type {type(url).__name__}, expected a URL as str: 'http://host/path'"
        )
    parts = split(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError(f"got {shown(url)}, expected a URL like http://host/path")
    if parts.scheme == "https":
        raise ValueError(f"got {shown(url)}, but there is no TLS here. Ask a plain http:// server")
    if "@" in parts.netloc:
        raise ValueError(
            "got a URL with a user name or a password, which http.get cannot send. "
            "Leave out everything from // to @"
        )
    place = AUTHORITY.fullmatch(parts.netloc)
    host = "" if place is None else host_of(place)
    if place is None or not host:
        raise ValueError(
            f"got {shown(url)}, whose host is neither a name nor an IPv6 address in brackets"
        )
    port = port_of(place)
    if port is not None and port > LARGEST_PORT:
        raise ValueError(f"got {shown(url)}, whose port is not a number from 0 to {LARGEST_PORT}")
    target = target_of(parts)
    if not target:
        raise ValueError(f"got {shown(url)}, which has half of a surrogate pair. Remove it")
    return Url(host, 80 if port is None else port, target, port is not None)


def split(url: str) -> SplitResult | None:
    """The parts of a URL, still as they were written; None if they cannot be told apart."""
    try:
        return urlsplit(url)
    except ValueError:
        return None


def host_of(place: re.Match[str]) -> str:
    """The host in an authority, in ASCII and small letters; "" for what no host is called.

    Name servers know bücher.example as xn--bcher-kva.example.
    """
    name, address = place["name"], place["ipv6"]
    try:
        if name is None:
            return str(IPv6Address(address)) if IPV6.fullmatch(address) else ""
        ascii_name = name.lower().encode("idna").decode("ascii")
    except ValueError:  # no address; a label is empty, too long, or has what no name has
        return ""
    return ascii_name if NAME.fullmatch(ascii_name) else ""


def port_of(place: re.Match[str]) -> int | None:
    """The port in an authority; None if it has none, and too large a number for what is none."""
    if not place["port"]:
        return None
    digits = PORT.fullmatch(place["port"])
    return LARGEST_PORT + 1 if digits is None else int(digits[1] or 0)


def target_of(parts: SplitResult) -> str:
    """Path and query, percent-encoded where a request line cannot carry them; "" if impossible."""
    try:
        target = quote(parts.path or "/", safe=LEFT_ALONE)
        return f"{target}?{quote(parts.query, safe=LEFT_ALONE)}" if parts.query else target
    except UnicodeEncodeError:
        return ""


def shown(url: str) -> str:
    """A URL for an error message, unless a name and a password may be in it."""
    plain = normalize("NFKC", unquote(url))  # %40 and the full-width ＠ are an @ to some reader
    return "a URL with an @ in it" if "@" in plain else f"'{excerpt(url)}'"
