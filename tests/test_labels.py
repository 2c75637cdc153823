"""minirt.watching.labels: short texts about objects that may do anything."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirt.watching.event import LENGTH, UNPRINTABLE, printable, shortened
from minirt.watching.labels import place, text_of, type_name

# --- texts ---


@given(st.text(st.characters()), st.integers(1, 300))
def test_a_printable_text_is_one_short_line_that_every_format_can_hold(
    text: str, length: int
) -> None:
    shown = printable(text, length)
    assert len(shown) <= length
    assert not UNPRINTABLE.search(shown)
    shown.encode()
    assert len(shown.splitlines()) <= 1
    assert printable(shown, length) == shown


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Mn"]), max_size=LENGTH))
def test_a_text_with_nothing_to_hide_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_what_has_no_picture_is_shown_as_an_escape() -> None:
    assert printable("tab\t, esc\x1b[31m, half \ud800, nul \x00") == (
        "tab\\t, esc\\x1b[31m, half \\ud800, nul \\x00"
    )
    assert printable("Ünïcödé 日本語 👩‍💻 \xa0") == "Ünïcödé 日本語 👩‍💻 \xa0"
    assert shortened("abcdef", 4) == "abc…"


def test_a_subclass_of_str_has_no_say_in_it() -> None:
    class Liar(str):
        __slots__ = ()

        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError(name)

        def __len__(self) -> int:
            return 0

        def __str__(self) -> str:
            return "\x00" * 1000

    shown = printable(Liar("name"))
    assert shown == "name"
    assert type(shown) is str


# --- values ---

SIMPLE = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(categories=["L", "N"]), max_size=10)
    | st.binary(max_size=10)
)
VALUES = st.recursive(
    SIMPLE,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3)
        | st.frozensets(st.integers(0, 5), max_size=3)
        | st.sets(st.integers(0, 5), max_size=3)
        | st.builds(ValueError, inner)
        | st.builds(OSError, st.integers(1, 5), inner)
    ),
    max_leaves=10,
)


@given(VALUES)
def test_a_value_that_is_small_is_shown_as_repr_shows_it(value: object) -> None:
    text = repr(value)
    assert text_of(value) == (text if len(text) <= LENGTH else shortened(text, LENGTH))


def test_of_a_long_value_only_the_beginning_is_made() -> None:
    made = 0

    class Counted:
        def __repr__(self) -> str:
            nonlocal made
            made += 1
            return "counted"

    many = [Counted() for _ in range(10_000)]
    assert len(text_of(many)) == LENGTH
    assert len(text_of(dict(enumerate(many)))) == LENGTH
    assert made < 100


@pytest.mark.parametrize(
    "huge",
    [
        "x" * 5_000_000,
        b"\xff" * 5_000_000,
        bytearray(5_000_000),
        10**100_000,
        UnicodeDecodeError("utf-8", b"\xff" * 5_000_000, 0, 1, "invalid start byte"),
        ValueError(["x" * 5_000_000] * 3),
        ExceptionGroup("many", [ValueError("x" * 5_000_000)]),
    ],
    ids=lambda huge: type(huge).__name__,
)
def test_five_megabytes_become_two_hundred_characters(huge: object) -> None:
    assert 0 < len(text_of(huge)) <= LENGTH


def test_a_circle_is_not_followed() -> None:
    circle: list[Any] = [1]
    circle.append(circle)
    error = ValueError()
    error.args = (error,)
    assert text_of(circle) == "[1, ...]"
    assert text_of(error) == "ValueError(...)"


def test_something_very_deep_is_cut() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert text_of(deep) == "[" * (LENGTH - 1) + "…"
    while deep:  # or Python would take it apart with one call for each level
        deep = deep.pop()


def test_the_name_of_an_error_survives_what_it_carries() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    assert text_of(ValueError(Broken(), 1)) == (
        "ValueError(<Broken, whose repr raised RuntimeError>, 1)"
    )


# --- objects that do what they want ---

Deed = Callable[..., Any]


def raising(error: BaseException) -> Deed:
    def deed(*arguments: object) -> Any:
        raise error

    return deed


def recursing(self: Any, *arguments: object) -> Any:
    return repr(self) + str(self) + str(getattr(self, "more", ""))


DEEDS: list[Deed] = [
    *(raising(error) for error in (ValueError("no"), SystemExit(1), GeneratorExit())),
    raising(type("Own", (BaseException,), {})()),
    recursing,
    lambda self, *arguments: self,
    lambda self, *arguments: 7,
    lambda self, *arguments: None,
    lambda self, *arguments: "\x1b\ud800\n" * 1000,
    lambda self, *arguments: compile("1", "\x1bfile\n" * 100, "exec"),
    lambda self, *arguments: int,
    lambda self, *arguments: partial(print),
]
METHODS = [
    "__repr__",
    "__str__",
    "__getattr__",
    "__getattribute__",
    "__eq__",
    "__len__",
    "__iter__",
]
PROPERTIES = ["__class__", "__code__", "__func__", "__name__", "__dict__", "args"]
BASES = [object, ValueError, OSError, partial, str, dict, list, int]


def recipes(names: list[str], most: int) -> st.SearchStrategy[dict[str, Deed]]:
    return st.dictionaries(st.sampled_from(names), st.sampled_from(DEEDS), max_size=most)


def hostile(
    name: str, base: Any, methods: dict[str, Any], fields: dict[str, Deed], meta: dict[str, Any]
) -> Any:
    """An object whose methods, properties and class do something that they should not."""
    metaclass = type("Meta", (type,), meta)
    properties = {name: property(deed) for name, deed in fields.items()}
    # not called, so that none of its own methods has to work
    kind = type.__new__(metaclass, name, (base,), {"__call__": print, **methods, **properties})
    return base.__new__(kind, print) if base is partial else base.__new__(kind)


def check_label(told: dict[str, Any]) -> None:
    assert set(told) in ({"callback"}, {"callback", "file", "line"})
    for text in (told["callback"], told.get("file", "")):
        assert type(text) is str
        assert printable(text) == text
    assert type(told.get("line", 0)) is int


@given(
    st.tuples(
        st.text("aé\x1b", min_size=1, max_size=5),
        st.sampled_from(BASES),
        recipes(METHODS, 3),
        recipes(PROPERTIES, 3),
        recipes(METHODS, 2),
    )
)
def test_whatever_an_object_does_it_has_a_label(recipe: Any) -> None:
    thing = hostile(*recipe)  # made here: hypothesis would look at it
    for value in (thing, partial(print, thing), [thing], ValueError(thing), {1: thing}):
        text = text_of(value)
        assert type(text) is str
        assert printable(text) == text
    check_label(place(thing))
    check_label(place(partial(partial(thing))))
    assert printable(type_name(thing)) == type_name(thing)


def test_a_callback_that_lies_about_its_code_and_name_is_called_by_its_class() -> None:
    class Liar:
        def __init__(self) -> None:
            self.__code__ = "not code"
            self.__qualname__ = 7

        def __call__(self, value: object) -> None: ...

    assert place(Liar()) == {"callback": "Liar"}


def test_partials_in_a_circle_are_left_after_a_while() -> None:
    circle = partial(print)
    circle.__setstate__((circle, (), {}, {}))  # type: ignore[attr-defined]
    assert place(circle) == {"callback": "partial"}


def test_a_file_and_a_name_of_a_megabyte_are_cut() -> None:
    space: dict[str, Any] = {}
    exec(compile("def long(_): ...", "x" * 1_000_000, "exec"), space)
    space["long"].__qualname__ = "y" * 1_000_000
    told = place(space["long"])
    assert len(told["callback"]) == len(told["file"]) == LENGTH
    assert told["line"] == 1


def interrupted(*arguments: object) -> Any:
    raise KeyboardInterrupt


def interrupter() -> Any:
    """Made here and not in the module, where pytest would look at it."""
    return type("Interrupter", (), {"__repr__": interrupted, "__getattr__": interrupted})()


@pytest.mark.parametrize("ask", [text_of, place])
def test_an_interrupt_on_the_main_thread_may_be_a_real_one_and_is_not_lost(ask: Deed) -> None:
    with pytest.raises(KeyboardInterrupt):
        ask(interrupter())


def test_an_interrupt_on_another_thread_is_the_objects_own() -> None:
    said: list[object] = []
    asked = interrupter()
    thread = threading.Thread(target=lambda: said.extend([text_of(asked), place(asked)]))
    thread.start()
    thread.join()
    assert said == [
        "<Interrupter, whose repr raised KeyboardInterrupt>",
        {"callback": "Interrupter"},
    ]
