"""Who keeps a callback until its moment, and who makes sure that it is called once?

The callback queue keeps it, by identity. Taking it out is the only way to call it, so nothing is
left to call a second time, and nothing is left that keeps the closure alive.
"""

from collections.abc import Callable
from typing import TypeAlias

from minirt.errors import CalledTwice, IdentityTaken, NotCallable
from minirt.values import Js

Callback: TypeAlias = Callable[[Js], object]


def ignore(value: Js) -> None:
    """Stands where a callback was cleared: called, it does nothing."""


def check_callable(callback: object) -> None:
    """Raise NotCallable now, at the caller's line, and not later on the loop."""
    if not callable(callback):
        raise NotCallable(callback)


class Once:
    """A box around one callback. Calling the box empties it.

    The box is for a callback that leaves the queue and could be reached from two sides, as in a
    request that may end by its answer or by its timeout.
    """

    __slots__ = ("_callback", "identity")

    def __init__(self, callback: Callback, identity: int | None = None) -> None:
        check_callable(callback)
        self._callback: Callback | None = callback
        self.identity = identity

    def __call__(self, value: Js) -> object:
        """Call the callback with `value`; CalledTwice when the box is empty."""
        callback, self._callback = self._callback, None
        if callback is None:
            raise CalledTwice(self.identity)
        return callback(value)

    @property
    def is_empty(self) -> bool:
        return self._callback is None


class CallbackQueue(dict[int, Callback]):
    """The callbacks that wait, by identity: {identity: callback}."""

    __slots__ = ()

    def add(self, identity: int, callback: Callback) -> None:
        """Box `callback` under `identity`. IdentityTaken rather than overwrite one that waits."""
        check_callable(callback)
        if identity in self:
            raise IdentityTaken(identity)
        self[identity] = callback

    def call(self, identity: int, value: Js) -> object:
        """Take the callback out, then call it. CalledTwice when it is not there."""
        callback = self.pop(identity, None)
        if callback is None:
            raise CalledTwice(identity)
        return callback(value)
