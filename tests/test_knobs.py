"""minirt.exercises.knobs: runtimes with one rule broken, and the programs that notice."""

import json
from pathlib import Path

import pytest

from minirt import Runtime
from minirt.exercises.knobs import KNOBS, Program, noticed, order_of, program, programs, run

FOLDER = Path(__file__).parent / "node_order"

# The programs that must notice, at least
NOTICE = {
    "drain per phase": {"27", "70"},
    "immediates until empty": {"71", "72", "73"},
    "unstable heap": {"21", "22", "27", "78"},
    "pool of one": {"54", "74", "75"},
    "no wake-up": {"76", "77"},
}


@pytest.mark.parametrize("one", programs(), ids=lambda one: one.name)
def test_the_twin_is_the_one_of_the_tests(one: Program) -> None:
    assert one.python == (FOLDER / f"{one.name}.py").read_text(encoding="utf-8")
    assert one.javascript == (FOLDER / f"{one.name}.js").read_text(encoding="utf-8")


def test_every_program_of_the_tests_is_here_with_its_orders() -> None:
    known = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))["programs"]
    orders = {
        Path(one["file"]).stem: one["allowed"] if one["nondeterministic"] else [one["expected"]]
        for one in known
    }
    assert {one.name: [list(lines) for lines in one.orders] for one in programs()} == orders


def test_the_runtime_itself_is_noticed_by_none() -> None:
    assert noticed(Runtime) == []


@pytest.mark.slow  # together
@pytest.mark.parametrize("knob", KNOBS)
def test_each_knob_is_noticed_by_two_programs_or_more(knob: str) -> None:
    numbers = {one.name.partition("_")[0] for one in noticed(KNOBS[knob])}
    assert len(numbers) >= 2
    assert numbers >= NOTICE[knob]


@pytest.mark.parametrize("knob", KNOBS)
def test_a_knob_breaks_no_program_that_has_nothing_to_do_with_it(knob: str) -> None:
    assert order_of(program("01"), KNOBS[knob]) == ["A", "B", "tick"]


def test_a_program_runs_in_real_time_too() -> None:
    assert tuple(run(program("70"))) in program("70").orders


def test_a_program_that_does_not_exist_is_named() -> None:
    with pytest.raises(KeyError, match="no program '99'"):
        program("99")
