"""How does every callback get a name of its own?

By counting. The count wraps at 2**64, as an unsigned 64-bit integer does, so a name can come round
again while its first owner still waits; `generate_free` never hands out such a name.
"""

from collections.abc import Callable, Collection

from minirt.errors import AllIdentitiesTaken, NotAnIdentity

IDENTITIES = 2**64  # how many there are: 0 ... 2**64 - 1


def checked_identity(identity: object) -> int:
    """`identity`, if it is one: a whole number from 0 to 2**64 - 1. NotAnIdentity otherwise."""
    if isinstance(identity, bool) or not isinstance(identity, int):
        raise NotAnIdentity(identity)
    if not 0 <= identity < IDENTITIES:
        raise NotAnIdentity(identity)
    return identity


class Identities:
    """Draws identities. One thread only: drawing is a read and a write, not one step.

    `taken` answers which identities are in use; it is asked only when a collision is possible.
    `free_below` is the promise that makes this rare: what is after `token` and below it is free.
    """

    __slots__ = ("_count", "_taken", "_token", "came_round", "free_below")

    def __init__(self, taken: Callable[[], Collection[int]], count: int = IDENTITIES) -> None:
        self._taken = taken
        self._count = count
        self.free_below = count
        self._token = 0
        self.came_round = False  # may an identity be given a second time?

    @property
    def token(self) -> int:
        """The identity given last. Setting it starts the count elsewhere."""
        return self._token

    @token.setter
    def token(self, token: int) -> None:
        self._token = token % self._count
        self.free_below = 0  # the promise was about the old place
        self.came_round = True

    def generate(self) -> int:
        """The next identity, taken or not. After the last one comes 0."""
        token = self._token + 1
        if token >= self._count:
            token = 0
            self.free_below = 0  # a new round: what was promised was about the last one
            self.came_round = True
        self._token = token
        return token

    def generate_free(self) -> int:
        """The next identity that nothing uses. AllIdentitiesTaken when there is none."""
        identity = self._token + 1
        if identity >= self.free_below:
            return self._search()
        self._token = identity
        return identity

    def claim(self, identity: int) -> None:
        """Somebody chose `identity` without asking: the promise now ends before it."""
        if self._token < identity < self.free_below:
            self.free_below = identity

    def forget(self) -> None:
        """Nothing is in use any more, and nobody is asked."""
        self._taken = tuple

    def _search(self) -> int:
        taken = self._taken()
        if len(taken) >= self._count:
            raise AllIdentitiesTaken(self._count)
        identity = self.generate()
        while identity in taken:
            identity = self.generate()
        self.free_below = min((other for other in taken if other > identity), default=self._count)
        return identity
