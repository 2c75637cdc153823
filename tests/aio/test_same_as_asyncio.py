"""Whatever a program does, it is called in the order in which asyncio's own loop calls it.

Wherever that is determined; also while it is watched. MINIRT_LAWS=large tries a hundred times as
many programs.
"""

import gc
import os
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

import pytest

from minirt import Recorder
from minirt.aio.watched_loop import WatchedLoop
from tests.aio.random_handles import HandleProgram, Ours, Standard
from tests.aio.random_tasks import TaskProgram

LARGE = os.environ.get("MINIRT_LAWS") == "large"
PROGRAMS = range(6000 if LARGE else 40)
pytestmark = pytest.mark.timeout(3600 if LARGE else 40)

Program = type[HandleProgram] | type[TaskProgram]


def log_of(program: Program, loop: Callable[[], Any], seed: int) -> list[object]:
    """What the program does: in a context of its own, and no garbage is collected meanwhile."""
    gc.disable()
    try:
        return copy_context().run(program(loop(), seed).run)
    finally:
        gc.enable()


def watched() -> Ours:
    loop = Ours()
    WatchedLoop(loop).attach(Recorder(100))
    return loop


def check_same(seed: int, one: list[object], other: list[object]) -> None:
    for line, (this, that) in enumerate(zip(one, other, strict=False)):
        assert this == that, f"seed {seed}, line {line}, after {one[line - 9 : line]}"
    assert len(one) == len(other), f"seed {seed}"


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")  # the program cancels it
@pytest.mark.parametrize("program", [HandleProgram, TaskProgram])
@pytest.mark.slow
def test_a_random_program_does_the_same_on_the_standard_loop(
    program: Program, no_leaks: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL", "asyncio")
    for seed in PROGRAMS:
        check_same(seed, *(log_of(program, loop, seed) for loop in (Standard, Ours)))


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
@pytest.mark.parametrize("program", [HandleProgram, TaskProgram])
@pytest.mark.slow
def test_a_random_program_does_the_same_watched(
    program: Program, no_leaks: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL", "asyncio")
    for seed in PROGRAMS[::4]:
        check_same(seed, *(log_of(program, loop, seed) for loop in (Ours, watched)))
