"""Whatever a program does, it is called in the order in which asyncio's own loop calls it.

Wherever that is determined. MINIRT_LAWS=large tries a hundred times as many programs.
"""

import gc
import os
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

import pytest

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


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")  # the program cancels it
@pytest.mark.parametrize("program", [HandleProgram, TaskProgram])
def test_a_random_program_does_the_same_on_the_standard_loop(
    program: Program, no_leaks: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL", "asyncio")
    for seed in PROGRAMS:
        standard, ours = (log_of(program, loop, seed) for loop in (Standard, Ours))
        for line, (one, other) in enumerate(zip(standard, ours, strict=False)):
            assert one == other, f"seed {seed}, line {line}, after {standard[line - 9 : line]}"
        assert len(standard) == len(ours), f"seed {seed}"
