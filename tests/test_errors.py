"""Does every exception of the package survive a copy and a pickle, and say what to do next?"""

import builtins
import copy
import importlib
import inspect
import io
import pickle
import pkgutil
from collections.abc import Callable
from errno import EPERM
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest

import minirt
from minirt.errors import (
    HttpError,
    MinirtError,
    NotADelay,
    NotAJs,
    NotAnIdentity,
    NotCallable,
    NotPollable,
    NotRegistered,
    RuntimeClosed,
    short_repr,
)

# What a constructor is given in this test, by the type that it asks for. A new kind of parameter
# gets a line here.
SAMPLES: dict[object, object] = {
    bool: True,
    bytes: b"some bytes",
    float: 0.5,
    int: 7,
    str: "some text",
    object: lambda: "cannot be pickled",
    NoneType: None,
}


def exceptions_of_the_package() -> list[type[BaseException]]:
    """Each exception class that a module below minirt/ defines."""
    names = [name for _, name, _ in pkgutil.walk_packages(minirt.__path__, "minirt.")]
    return [
        found
        for module in map(importlib.import_module, names)
        for found in vars(module).values()
        if isinstance(found, type)
        and issubclass(found, BaseException)
        and found.__module__ == module.__name__
    ]


def sample(wanted: Any) -> object:
    """A value of the type that a parameter asks for."""
    if isinstance(wanted, UnionType):
        wanted = get_args(wanted)[0]
    kind = get_origin(wanted) or wanted
    return SAMPLES[kind] if kind in SAMPLES else SAMPLES[object]


def example(kind: type[BaseException]) -> BaseException:
    """An exception of this class, from a constructor that may take anything."""
    if kind.__init__ in BUILT_IN_CONSTRUCTORS:
        return kind("what happened, and what to do next")
    hints = get_type_hints(kind.__init__)
    positional: list[object] = []
    named: dict[str, object] = {}
    for name, parameter in inspect.signature(kind).parameters.items():
        value = sample(hints.get(name, object))
        match parameter.kind:
            case parameter.KEYWORD_ONLY:
                named[name] = value
            case parameter.POSITIONAL_ONLY | parameter.POSITIONAL_OR_KEYWORD:
                positional.append(value)
    return kind(*positional, **named)


BUILT_IN_CONSTRUCTORS = {
    error.__init__
    for error in vars(builtins).values()
    if isinstance(error, type) and issubclass(error, BaseException)
}
EXCEPTIONS = exceptions_of_the_package()

WAYS: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{
        f"pickle protocol {protocol}": lambda error, protocol=protocol: pickle.loads(
            pickle.dumps(error, protocol)
        )
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    },
}
each_way = pytest.mark.parametrize("again", WAYS.values(), ids=WAYS)


def test_the_search_finds_the_exceptions() -> None:
    assert {RuntimeClosed, NotPollable, HttpError} <= set(EXCEPTIONS)
    assert len(EXCEPTIONS) > 25


@each_way
@pytest.mark.parametrize("kind", EXCEPTIONS, ids=lambda kind: kind.__name__)
def test_an_exception_can_be_copied_and_pickled(
    kind: type[BaseException], again: Callable[[Any], Any]
) -> None:
    error = example(kind)
    error.seen_at = ["a", "place"]  # type: ignore[attr-defined]
    error.add_note("a note")
    other = again(error)
    assert type(other) is kind
    assert str(other) == str(error) and other.args == error.args
    assert vars(other) == vars(error) and other.__notes__ == ["a note"]
    assert other is not error


@each_way
def test_a_copy_of_a_copy_says_the_same(again: Callable[[Any], Any]) -> None:
    error = NotADelay("100")
    assert str(again(again(error))) == str(error)


class NotInTheTable(NotRegistered):
    """A class of a user's: more arguments, attributes, and a constructor that cannot run twice."""

    made = 0

    def __init__(self, table: str, *, key: object) -> None:
        super().__init__(key)
        self.table = table
        type(self).made += 1


@each_way
def test_a_users_own_kind_keeps_its_attributes_and_its_constructor_runs_once(
    again: Callable[[Any], Any],
) -> None:
    NotInTheTable.made = 0
    error = NotInTheTable("descriptors", key=7)
    other = again(error)
    assert (type(other), other.table, str(other)) == (NotInTheTable, "descriptors", str(error))
    assert NotInTheTable.made == 1


@each_way
def test_an_error_of_the_system_keeps_its_number_and_its_file(again: Callable[[Any], Any]) -> None:
    other = again(HttpError(111, "Connection refused", "a.txt"))
    assert (other.errno, other.strerror, other.filename) == (111, "Connection refused", "a.txt")
    assert again(NotPollable("a.txt")).errno == EPERM


def test_what_an_exception_is_about_need_not_be_picklable() -> None:
    with io.StringIO() as file:
        file.write("text")
        error = NotPollable(iter([file]))  # an iterator over an open file
        assert str(pickle.loads(pickle.dumps(error))) == str(error)


# --- the messages ---


@pytest.mark.parametrize(
    "kind", [kind for kind in EXCEPTIONS if issubclass(kind, MinirtError)], ids=lambda k: k.__name__
)
def test_each_class_says_what_happened_in_words(kind: type[BaseException]) -> None:
    said = str(example(kind))
    assert " " in said and not said.endswith(".") and said == said.strip()


def test_a_message_says_what_it_got_and_what_it_expected() -> None:
    assert str(NotADelay("100")) == (
        "got '100', expected a delay as a number of milliseconds. Write set_timeout(100, cb)"
    )
    assert str(NotAnIdentity(-1)).startswith(
        "got -1, expected an identity: a whole number from 0 to 2**64 - 1. "
    )


class Grumpy:
    def __repr__(self) -> str:
        raise ValueError("no repr today")


@pytest.mark.parametrize("kind", [NotADelay, NotAJs, NotAnIdentity, NotCallable, NotPollable])
@pytest.mark.parametrize(
    "value", [Grumpy(), "x" * 1_000_000, 10**5000], ids=["raises", "long", "int"]
)
def test_a_value_with_a_long_or_broken_repr_does_not_spoil_the_message(
    kind: type[MinirtError], value: object
) -> None:
    assert len(str(kind(value))) < 400


def test_a_short_repr_is_the_repr() -> None:
    assert short_repr("100") == "'100'"
    assert short_repr("x" * 200) == f"'{'x' * 96}..."
    assert short_repr(Grumpy()) == "<Grumpy whose repr raises>"
