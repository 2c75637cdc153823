"""minirt.exercises.promises: the programs of chapter 09, for readers."""

import ast
from pathlib import Path

import pytest

from minirt import Future, Task
from minirt.exercises.promises import printed_with, promise_program, promise_programs

FOLDER = Path(__file__).parent / "node_promises"


def test_a_readers_copy_is_the_folder_that_node_has_judged() -> None:
    names = sorted(path.stem for path in FOLDER.glob("*.js"))
    assert [one.name for one in promise_programs()] == names
    for one in promise_programs():
        path = FOLDER / f"{one.name}.py"
        assert one.python == path.read_text(encoding="utf-8")
        assert one.title == (ast.get_docstring(ast.parse(one.python)) or "").splitlines()[0]
        assert one.javascript == path.with_suffix(".js").read_text(encoding="utf-8")
        printed = path.with_suffix(".expected").read_text(encoding="utf-8")
        assert one.orders == (tuple(printed.splitlines()),)


def test_other_classes_stand_in_place_of_those_that_a_twin_imports() -> None:
    made = []

    class Noted(Future):  # type: ignore[type-arg]
        def __init__(self) -> None:
            made.append(self)
            super().__init__()

    two = promise_program("02")
    assert printed_with(two, Future=Noted) == printed_with(two) == ["tick", "await"]
    assert len(made) == 1
    assert printed_with(promise_program("01"), Future=Future, Task=Task)  # no import is left


def test_an_unknown_number_is_told_which_there_are() -> None:
    with pytest.raises(KeyError, match="There are 01 to 28"):
        promise_program("99")
