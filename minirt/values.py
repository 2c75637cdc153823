"""What does a task return, and what does a callback receive?

One value, always: a `Js`. It is a closed union of five small frozen classes, made for `match`:

    match value:
        case String(text): ...
        case Int(number): ...
        case Error(exception): ...

A failure is a value as well. It cannot pass unseen: whoever asks an `Error` for its content gets
the original exception raised.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


class _Value:
    """What the five have in common: asking for a content that is not there gives None."""

    __slots__ = ()

    def into_string(self) -> str | None:
        """The text of a `String`; None for another value; an `Error` raises its exception."""
        return None

    def into_int(self) -> int | None:
        """The number of an `Int`; None for another value; an `Error` raises its exception."""
        return None

    def into_bytes(self) -> bytes | None:
        """The content of a `Bytes`; None for another value; an `Error` raises its exception."""
        return None


@dataclass(frozen=True, slots=True)
class Undefined(_Value):
    """Nothing to say: what timers, immediates, ticks and microtasks receive."""


@dataclass(frozen=True, slots=True)
class String(_Value):
    """A text."""

    value: str

    def into_string(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Int(_Value):
    """A whole number; also the readiness of a descriptor (`Ready`)."""

    value: int

    def into_int(self) -> int:
        return self.value


@dataclass(frozen=True, slots=True)
class Bytes(_Value):
    """Raw bytes, as a socket brings them."""

    value: bytes

    def into_bytes(self) -> bytes:
        return self.value


@dataclass(frozen=True, slots=True)
class Error(_Value):
    """A failure, as a value: the exception that a task or a socket ended with."""

    exception: BaseException

    def into_string(self) -> str | None:
        raise self.exception

    def into_int(self) -> int | None:
        raise self.exception

    def into_bytes(self) -> bytes | None:
        raise self.exception


Js: TypeAlias = Undefined | String | Int | Bytes | Error
Callback: TypeAlias = Callable[[Js], object]

# For `type(value) in JS_TYPES`: one look-up, whatever the value is
JS_TYPES = frozenset((Undefined, String, Int, Bytes, Error))

UNDEFINED = Undefined()  # frozen and without content, so that one serves all
