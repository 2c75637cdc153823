"""What is a callback called, and how is an error or a value shown, in one short line?

Watching must not change a program. To make a label, code of the program may be run: a `__repr__`,
a `__getattr__`, a property. Such code may raise anything, lie about its class, call itself without
end, or return five megabytes. So:

- What Python itself knows is asked from Python and not from the object: its real type, the fields
  of a real function, the arguments of a real exception.
- The text of a list, an exception and so on is made in pieces, and no piece is made after the
  first `LENGTH` characters. (An error of decoding holds all the bytes that could not be decoded.)
- All other code of the program runs inside a guard, and whatever it raises is the label's problem.

One thing passes the guard: a KeyboardInterrupt on the main thread, since it may be a real Ctrl-C,
which must not be lost. On other threads Python raises none of its own, so there it is caught.
Whoever raises one in another thread on purpose has to look whether it arrived, and raise it again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from threading import get_ident, main_thread
from types import CodeType, FunctionType, MappingProxyType, MethodType
from typing import Any

from minirt.watching.event import LENGTH, printable

DEEPEST = 20  # partials around a callback that are looked through: they can form a circle
DIGITS = 700  # bits of an integer whose digits are shown


def place(callback: object) -> dict[str, Any]:
    """Where a callback was written: its name, file and line. Keeps nothing of the callback."""
    try:
        if type(callback) is not FunctionType:
            callback = _innermost(callback)
        return _place(callback)
    except BaseException as error:
        _pass_on(error)
        return {"callback": type_name(callback)}


def text_of(value: object) -> str:
    """`repr(value)`, on one line of at most `LENGTH` characters, whatever `value` does."""
    pieces: list[str] = []
    room = LENGTH
    try:
        for piece in _pieces(value, ()):
            pieces.append(piece)
            room -= len(piece)
            if room < 0:
                break
    except BaseException as error:  # a list grew meanwhile, or Python's stack is full
        _pass_on(error)
        pieces.append(f"<{type_name(value)}: {type_name(error)}>")
    return printable("".join(pieces))


def type_name(value: object) -> str:
    """The name of the real type of `value`: no metaclass is asked."""
    return printable(type.__dict__["__name__"].__get__(type(value)))


def _pass_on(error: BaseException) -> None:
    """Raise what may be a real Ctrl-C."""
    on_main_thread = get_ident() == main_thread().ident
    if on_main_thread and isinstance(error, KeyboardInterrupt):
        raise error


# Callbacks


def _innermost(callback: object) -> object:
    """What a partial, or a partial of a partial, calls in the end."""
    for _ in range(DEEPEST):
        if not issubclass(type(callback), partial):
            break
        callback = partial.func.__get__(callback)
    return callback


def _place(callback: object) -> dict[str, Any]:
    function = callback.__func__ if type(callback) is MethodType else callback
    code: object
    name: Any
    if type(function) is FunctionType:
        code, name = function.__code__, function.__qualname__
    else:
        code = asked(callback, "__code__")
        name = asked(callback, "__qualname__")
    if not issubclass(type(name), str):
        name = type.__dict__["__qualname__"].__get__(type(callback))
    shown = printable(str.rpartition(name, "<locals>.")[2])
    if type(code) is not CodeType:
        return {"callback": shown}
    return {"callback": shown, "file": printable(code.co_filename), "line": code.co_firstlineno}


def asked(value: object, name: str) -> object:
    """An attribute that the program's code may compute; None when that fails."""
    try:
        return getattr(value, name, None)
    except BaseException as error:
        _pass_on(error)
        return None


# Values


def _pieces(value: object, around: tuple[int, ...]) -> Iterator[str]:
    """The text of `value`. around: the ids of what it lies in, so that no circle is followed."""
    kind = type(value)
    if id(value) in around:
        yield "..."
    elif kind in SHOWN:
        yield from SHOWN[kind](value, (*around, id(value)))
    elif issubclass(kind, BaseException) and kind.__repr__ is BaseException.__repr__:
        yield type_name(value)
        arguments = BaseException.args.__get__(value)  # type: ignore[attr-defined]
        yield from _listed("(", arguments, ")", (*around, id(value)))
    else:
        yield _own_text(value)


def _own_text(value: object) -> str:
    """What the object says of itself."""
    try:
        return str.__str__(repr(value))
    except BaseException as error:
        _pass_on(error)
        return f"<{type_name(value)}, whose repr raised {type_name(error)}>"


def _listed(
    opening: str, values: Iterable[object], closing: str, around: tuple[int, ...]
) -> Iterator[str]:
    yield opening
    for number, value in enumerate(values):
        if number:
            yield ", "
        yield from _pieces(value, around)
    yield closing


def _tuple(value: tuple[object, ...], around: tuple[int, ...]) -> Iterator[str]:
    return _listed("(", value, ",)" if len(value) == 1 else ")", around)


def _set(value: set[object], around: tuple[int, ...]) -> Iterator[str]:
    return _listed("{", value, "}", around) if value else iter(("set()",))


def _frozenset(value: frozenset[object], around: tuple[int, ...]) -> Iterator[str]:
    opening, closing = ("frozenset({", "})") if value else ("frozenset(", ")")
    return _listed(opening, value, closing, around)


def _dict(value: dict[object, object], around: tuple[int, ...]) -> Iterator[str]:
    yield "{"
    for number, (key, item) in enumerate(value.items()):
        if number:
            yield ", "
        yield from _pieces(key, around)
        yield ": "
        yield from _pieces(item, around)
    yield "}"


def _beginning(value: str | bytes | bytearray, around: tuple[int, ...]) -> Iterator[str]:
    yield repr(value[: LENGTH + 1])


def _integer(value: int, around: tuple[int, ...]) -> Iterator[str]:
    yield repr(value) if value.bit_length() <= DIGITS else f"<int of {value.bit_length()} bits>"


# By the exact type: a subclass may have a `__repr__` or an `__iter__` of its own
SHOWN: Mapping[type, Callable[..., Iterator[str]]] = MappingProxyType(
    {
        str: _beginning,
        bytes: _beginning,
        bytearray: _beginning,
        int: _integer,
        list: lambda value, around: _listed("[", value, "]", around),
        tuple: _tuple,
        dict: _dict,
        set: _set,
        frozenset: _frozenset,
    }
)
