"""Do things happen when they happen in Node?

`tests/node_times/` holds programs for Node, the times that Node measured, and a twin of each for
minirt. Each twin runs in real time, in simulated time, and on the model, which is the rule itself.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.node_times import (
    FOLDER,
    LATE,
    NAMES,
    Lines,
    faults,
    measured,
    real,
    recorded,
    ruled,
    simulated,
)
from tests.test_node_order import node

TRIES = 5  # a race with a busy machine is no fault: a wrong rule fails every time
NODE = recorded()


@pytest.fixture(scope="module")
def first_runs() -> dict[str, Lines]:
    """All twins in real time at once: each sleeps most of the time, on a thread of its own."""
    with ThreadPoolExecutor(len(NAMES)) as threads:
        return dict(zip(NAMES, threads.map(real, NAMES), strict=True))


def assert_right(name: str, lines: Lines, again: Callable[[], Lines]) -> None:
    """The times of one run are right; or what is left of a few runs without the machine's delays.

    An interval counts from its last call, so that each delay shifts what follows. No delay makes
    anything early: what comes first in several runs is what the rule does.
    """
    found = faults(lines, NODE[name], ruled(name))
    for _ in range(TRIES):
        if not found:
            return
        latest = again()
        if [label for label, _ in latest] == [label for label, _ in lines]:
            pairs = zip(lines, latest, strict=True)
            lines = [(label, min(at, then)) for (label, at), (_, then) in pairs]
        else:
            lines = latest
        found = faults(lines, NODE[name], ruled(name))
    assert not found, "\n".join(found)


def test_every_program_has_a_twin_and_times_of_node() -> None:
    assert {path.stem for path in FOLDER.glob("[0-9]*.py")} == set(NAMES) == set(NODE)


@pytest.mark.parametrize("name", NAMES)
def test_the_rule_is_what_node_does(name: str) -> None:
    assert not faults(NODE[name], NODE[name], ruled(name))
    assert not faults(ruled(name), NODE[name], ruled(name))


def is_far_off(wrong: Lines, right: Lines) -> bool:
    """Another order, or a time that no machine is late by."""
    return [label for label, _ in wrong] != [label for label, _ in right] or any(
        abs(at - other) > 3 * LATE for (_, at), (_, other) in zip(wrong, right, strict=True)
    )


def test_an_interval_armed_after_its_callback_is_far_off_in_many_programs() -> None:
    wrong = {name: ruled(name, rearms_after=True) for name in NAMES}
    caught = [name for name in NAMES if is_far_off(wrong[name], NODE[name])]
    print(*caught, sep="\n")
    assert all(faults(wrong[name], NODE[name], ruled(name)) for name in caught)
    assert len(caught) >= 10


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.slow
def test_the_twin_meets_the_times_of_node(name: str, first_runs: dict[str, Lines]) -> None:
    assert_right(name, first_runs[name], lambda: real(name))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_in_simulated_time_the_twin_follows_the_rule_exactly(name: str, seed: int) -> None:
    lines, rule = simulated(name, seed), ruled(name)
    assert [label for label, _ in lines] == [label for label, _ in rule]
    for (label, at), (_, exact) in zip(lines, rule, strict=True):
        # never early; late by what turns take that do not sleep, and by no millisecond
        assert -0.001 < at - exact < 1, label


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_what_is_recorded_is_what_node_measures_today(name: str) -> None:
    path = node()
    if path is None:
        pytest.skip("there is no Node of version 20 or newer on this machine")
    assert_right(name, measured(name, path), lambda: measured(name, path))
