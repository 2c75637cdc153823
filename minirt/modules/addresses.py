"""Which address of a host is tried next?

A name often has several addresses, in the order in which the system's look-up prefers them:
`localhost` is ::1 and 127.0.0.1, and a server may listen on one of the two. Trying them one after
the other is not enough: an address behind a broken router answers after two minutes, with an error.

So a connection that is not there after 250 ms goes on, and the next address is tried beside it.
The first that connects wins. That is RFC 8305, "Happy Eyeballs", without what it adds for a
browser: the look-up is not split into one for IPv6 and one for IPv4, of which the faster would
begin; the families are not interleaved, so that the look-up's own order stands; and nobody
remembers which address was fast the last time.
"""

from collections.abc import Iterable

ATTEMPT_DELAY = 250  # ms: how long an address is tried alone
MOST_SHOWN = 5  # addresses in one error


class Attempts:
    """The addresses of one host, and what became of each. Bytes, sockets and timers are elsewhere.

    Call `next_address` to begin, when ATTEMPT_DELAY ms have passed since the last call, and after
    each `failed`. It is over when one is `connected`, or when `have_all_failed`.
    """

    def __init__(self, host: str, port: int, addresses: Iterable[str]) -> None:
        """`addresses` in the order of the look-up; one that comes twice is tried once."""
        self._place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._waiting = list(reversed(dict.fromkeys(addresses)))  # the next one is the last
        self._under_way: dict[str, None] = {}  # in order
        self._errors: dict[str, Exception] = {}  # by address
        self._has_winner = False

    @property
    def has_next(self) -> bool:
        """Is there an address that was not tried yet? Only then a timer is worth while."""
        return bool(self._waiting)

    @property
    def have_all_failed(self) -> bool:
        return not (self._waiting or self._under_way or self._has_winner)

    def next_address(self) -> str | None:
        """The address to connect to now; None when each was tried."""
        if not self._waiting:
            return None
        address = self._waiting.pop()
        self._under_way[address] = None
        return address

    def failed(self, address: str, error: Exception) -> None:
        """This attempt is over. Of one that was closed already nothing is noted."""
        if address in self._under_way:
            del self._under_way[address]
            self._errors[address] = error

    def connected(self, address: str) -> list[str]:
        """This one has won. Returns the others under way, whose sockets are to be closed."""
        losers = [other for other in self._under_way if other != address]
        self._has_winner = True
        self._waiting.clear()
        self._under_way.clear()
        return losers

    def error(self) -> Exception:
        """Why nobody connected: the error of a single address, or one that tells each reason.

        As in Node, it is of the kind of the first, so that `except ConnectionRefusedError` works.
        """
        errors = list(self._errors.values())
        if not errors:
            return OSError(f"{self._place} has no address. Check the name of the host")
        if len(errors) == 1:
            return errors[0]
        reasons = [f"{address}: {reason(error)}" for address, error in self._errors.items()]
        told = "; ".join(reasons[:MOST_SHOWN])
        more = f"; and {len(errors) - MOST_SHOWN} more" if len(errors) > MOST_SHOWN else ""
        message = f"no address of {self._place} could be reached ({told}{more})"
        number = getattr(errors[0], "errno", None)
        joined = ConnectionError(message) if number is None else OSError(number, message)
        joined.__cause__ = ExceptionGroup("each address failed", errors)
        return joined


def reason(error: Exception) -> str:
    """Why, without the number that OSError puts in front."""
    return str(getattr(error, "strerror", None) or error)
