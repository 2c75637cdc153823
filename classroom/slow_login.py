"""How often may somebody try a wrong password?

JupyterHub checks as many passwords as it is sent, 160 a second on two cores, and the password of a
class is short. Here each user name has five wrong ones at once and one more every ten seconds, and
all names together sixty at once and one more a second. So thirty students may mistype theirs twice,
and a program that guesses has 3,600 tries an hour in place of half a million. Whoever has to wait
is told for how long. A right password costs nothing. The limit for all together leaves out the
names that have logged in since the hub started: a guesser does not keep out a class that is in.
"""

import inspect
import math
import time
from collections.abc import Callable
from itertools import islice
from typing import Any

from jupyterhub.auth import PAMAuthenticator
from jupyterhub.authenticators.shared import SharedPasswordAuthenticator
from tornado.web import HTTPError


class Allowance:
    """`size` tries at once, and another one every `every` seconds."""

    __slots__ = ("_every", "_full_at", "_size")

    def __init__(self, size: int, every: float) -> None:
        self._size = size
        self._every = every
        self._full_at = -math.inf  # s: then all tries are there again

    def wait(self, now: float) -> float:
        """Seconds until the next try; 0 is now."""
        return max(0.0, self._full_at - (self._size - 1) * self._every - now)

    def take(self, now: float) -> None:
        self._full_at = max(self._full_at, now) + self._every

    def give_back(self) -> None:
        self._full_at -= self._every

    def is_full(self, now: float) -> bool:
        return self._full_at <= now


class Tries:
    """Who may try a password now? A try counts from its start: many may be under way at once."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._together = Allowance(60, every=1.0)
        self._by_name: dict[str, Allowance] = {}  # the latest try last; who has all again is not in
        self._logged_in: set[str] = set()

    def begin(self, name: str) -> float:
        """Take a try and return 0, or return the seconds to wait, and take none."""
        now = self._now()
        own = self._by_name.pop(name, None) or Allowance(5, every=10.0)
        common = [] if name in self._logged_in else [self._together]
        wait = max(limit.wait(now) for limit in (own, *common))
        if not wait:
            for limit in (own, *common):
                limit.take(now)
        if not own.is_full(now):
            self._by_name[name] = own
        self._forget(now)
        return wait

    def succeeded(self, name: str) -> None:
        """The password was right: the try is given back."""
        if name in self._by_name:
            self._by_name[name].give_back()
        if name not in self._logged_in:
            self._together.give_back()
            self._logged_in.add(name)

    def _forget(self, now: float) -> None:
        """Let go of the names that were tried longest ago; a guesser has a new one each time."""
        for name in list(islice(self._by_name, 2)):
            if self._by_name[name].is_full(now):
                del self._by_name[name]


class SlowLogin:
    """In front of an Authenticator: a password is only looked at when there is a try left."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._tries = Tries()

    async def authenticate(self, handler: Any, data: dict[str, str]) -> Any:
        name = self.normalize_username(data["username"])  # type: ignore[attr-defined]
        if wait := self._tries.begin(name):
            raise too_often(math.ceil(wait))
        found = super().authenticate(handler, data)  # type: ignore[misc]
        if inspect.isawaitable(found):
            found = await found
        if found is not None:
            self._tries.succeeded(name)
        return found


def too_often(seconds: int) -> HTTPError:
    """What a browser is answered: a page with this sentence."""
    error = HTTPError(
        429, f"Too many wrong passwords. Wait {seconds} seconds, then go back and try again."
    )
    error.headers = {"Retry-After": str(seconds)}  # JupyterHub sends them
    return error


class SlowSharedPassword(SlowLogin, SharedPasswordAuthenticator):
    """One password for all, and few wrong ones."""


class SlowPAM(SlowLogin, PAMAuthenticator):
    """The machine's own accounts, and few wrong passwords."""
