"""What stands behind `socket.on_data = hear`?

A descriptor in Python's sense of the word, an attribute that looks at what it is given. It refuses
at once what is not callable, and whoever assigns from another thread than the loop's.

A module calls such a callback itself, inside one of its own, and hands what it returned to the
loop's `adopt`, as the loop does: the coroutine of an async callback becomes a task.
"""

from typing import Protocol

from minirt.core.callbacks import check_callable, ignore
from minirt.core.loop import Loop
from minirt.values import Callback, Js


class OnLoop(Protocol):
    """Something that belongs to a loop."""

    _loop: Loop


def check_thread(owner: OnLoop) -> None:
    """Raise ForeignThread outside the loop's thread. When the loop is over there is no such thread.

    Then the owner has dropped what it had, and its methods do nothing.
    """
    if owner._loop.thread:
        owner._loop.check_thread()


def nobody(*_: object) -> None:
    """Stands where somebody was told of something, and is so no longer."""


def raise_error(value: Js) -> None:
    """Stands where no on_error was assigned: the error is raised, and is an uncaught one."""
    value.into_bytes()


class Handler:
    """An attribute for a callback. None unsets it."""

    def __init__(self, unset: Callback = ignore) -> None:
        self._unset = unset

    def __set_name__(self, owner: type, name: str) -> None:
        self._slot = "_" + name

    def __get__(self, instance: object, owner: type | None = None) -> Callback:
        callback: Callback = getattr(instance, self._slot)
        return callback

    def __set__(self, instance: OnLoop, callback: Callback | None) -> None:
        check_thread(instance)
        if callback is not None:
            check_callable(callback)
        setattr(instance, self._slot, self._unset if callback is None else callback)
