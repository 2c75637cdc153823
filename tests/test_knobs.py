"""minirt.exercises.knobs: runtimes with one rule broken, and the programs that notice."""

import json
from functools import partial
from pathlib import Path

import pytest

from minirt import Recorder, Runtime, Simulation
from minirt.core.loop import Loop
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


@pytest.mark.slow
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


@pytest.mark.parametrize("knob", KNOBS)
def test_a_knob_that_is_watched_does_what_it_does_unwatched(knob: str) -> None:
    """R17: watching once replaced the class, and the rules of a subclass were gone."""
    for number in ("22", "27", "71"):
        recorder = Recorder()
        watched = order_of(program(number), partial(KNOBS[knob], trace=recorder))
        assert watched == order_of(program(number), KNOBS[knob])
        assert [event.kind for event in recorder.events][-1] == "end"


@pytest.mark.parametrize("knob", [knob for knob in KNOBS if knob != "pool of one"])
def test_what_a_knob_breaks_is_broken_in_its_loop_alone(knob: str) -> None:
    with KNOBS[knob](system=Simulation()) as rt:
        assert type(rt.loop) is KNOBS[knob].make_loop is not Loop
    with Runtime(system=Simulation()) as rt:
        assert type(rt.loop) is Loop


def test_a_subclass_with_slots_and_methods_of_its_own_can_be_watched() -> None:
    class Mine(Runtime):
        __slots__ = ("greeted",)

        def greet(self) -> None:
            self.set_timeout(1, self._greet)

        def _greet(self, _: object) -> None:
            self.greeted = True

    class Bare(Mine):
        __slots__ = ()

    for kind in (Mine, Bare):
        rt = kind(system=Simulation(), trace=(recorder := Recorder()))
        rt.run(rt.greet)
        assert type(rt) is kind and rt.greeted
        assert "run" in {event.kind for event in recorder.events}


def test_a_loop_with_slots_of_its_own_can_be_watched() -> None:
    class Counting(Loop):
        __slots__ = ("drained",)

        def drain(self) -> None:
            self.drained = getattr(self, "drained", 0) + 1
            super().drain()

    class Mine(Runtime):
        __slots__ = ()
        make_loop = Counting

    def main(rt: Runtime) -> None:
        rt.next_tick(lambda _: None)
        rt.set_immediate(lambda _: rt.next_tick(lambda _: None))

    drained = []
    for options in ({}, {"trace": Recorder()}):
        rt = Mine(system=Simulation(), **options)
        rt.run(partial(main, rt))
        assert isinstance(rt.loop, Counting)
        drained.append(rt.loop.drained)
    assert drained == [2, 2]


def test_a_program_runs_in_real_time_too() -> None:
    assert tuple(run(program("70"))) in program("70").orders


def test_a_program_that_does_not_exist_is_named() -> None:
    with pytest.raises(KeyError, match="no program '99'"):
        program("99")
