"""What a task returns and a callback receives."""

import dataclasses

import pytest

from minirt import Bytes, Error, Int, Js, String, Undefined
from minirt.values import JS_TYPES, UNDEFINED


def describe(value: Js) -> str:
    match value:
        case Undefined():
            return "nothing"
        case String(text):
            return f"text {text}"
        case Int(number):
            return f"number {number}"
        case Bytes(content):
            return f"{len(content)} bytes"
        case Error(exception):
            return f"failed: {exception}"


def test_match_takes_each_of_the_five_apart() -> None:
    values: list[Js] = [Undefined(), String("a"), Int(3), Bytes(b"xyz"), Error(OSError("gone"))]
    assert [describe(value) for value in values] == [
        "nothing",
        "text a",
        "number 3",
        "3 bytes",
        "failed: gone",
    ]
    assert {type(value) for value in values} == JS_TYPES


@pytest.mark.parametrize(
    ("value", "text", "number", "content"),
    [
        (Undefined(), None, None, None),
        (String("a"), "a", None, None),
        (Int(3), None, 3, None),
        (Bytes(b"b"), None, None, b"b"),
    ],
)
def test_asking_for_a_content_that_is_not_there_gives_none(
    value: Js, text: str | None, number: int | None, content: bytes | None
) -> None:
    assert (value.into_string(), value.into_int(), value.into_bytes()) == (text, number, content)


def test_an_error_raises_the_original_exception_whatever_it_is_asked_for() -> None:
    original = FileNotFoundError("no such file")
    error = Error(original)
    for ask in (error.into_string, error.into_int, error.into_bytes):
        with pytest.raises(FileNotFoundError) as caught:
            ask()
        assert caught.value is original


@pytest.mark.parametrize(
    "value", [Undefined(), String("a"), Int(3), Bytes(b"b"), Error(OSError())], ids=str
)
def test_a_value_that_crosses_threads_is_frozen_and_has_no_room_for_more(value: Js) -> None:
    for field in dataclasses.fields(value):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, field.name, 1)
    assert not hasattr(value, "__dict__")


def test_values_with_equal_contents_are_equal_and_one_undefined_serves_all() -> None:
    assert String("a") == String("a")
    assert Int(1) != String("1")
    assert Undefined() == UNDEFINED
    assert len({Int(1), Int(1), Int(2)}) == 2
