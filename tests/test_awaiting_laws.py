"""What holds for every program of tasks: watched or not it does the same, and leaves nothing.

MINIRT_LAWS=large tries a hundred times as many.
"""

import os

import pytest

from minirt import Recorder, Runtime, Simulation
from tests.random_awaits import AwaitProgram

LARGE = os.environ.get("MINIRT_LAWS") == "large"
PROGRAMS = range(3000 if LARGE else 30)
pytestmark = pytest.mark.timeout(3600 if LARGE else 60)


def log_of(seed: int, trace: Recorder | None) -> list[object]:
    rt = Runtime(system=Simulation(seed), trace=trace)
    log: list[object] = rt.run(AwaitProgram(seed).main)
    assert rt.pending_events == 0, f"seed {seed}"
    return log


@pytest.mark.parametrize("capacity", [3, 100_000])
def test_a_random_program_of_tasks_does_the_same_watched(capacity: int) -> None:
    for seed in PROGRAMS:
        plain, watched = log_of(seed, None), log_of(seed, Recorder(capacity))
        for line, (one, other) in enumerate(zip(plain, watched, strict=False)):
            assert one == other, f"seed {seed}, line {line}, after {plain[line - 9 : line]}"
        assert len(plain) == len(watched), f"seed {seed}"


def test_a_random_program_of_tasks_leaves_nothing(no_leaks: None) -> None:
    for seed in PROGRAMS:
        *_, (_, waiting), (_, tasks) = log_of(seed, None)  # type: ignore[misc]
        assert not any(waiting.values()), f"seed {seed}: {waiting}"
        assert tasks == 1, f"seed {seed}"  # main
