"""A cell that is an ordinary asyncio program runs unmodified: in a notebook, and in a terminal."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .kernels import Kernel, kernel

DEFINES = """
%%minirt --asyncio
import asyncio
async def double(number):
    await asyncio.sleep(0.01)
    print("double", number)
    return 2 * number
four = await double(2)
print(type(asyncio.get_running_loop()).__name__)
"""
RUNS_ITS_LOOP = """
%%minirt --asyncio
import asyncio
async def main():
    print("main", type(asyncio.get_running_loop()).__name__)
    return 9
if __name__ == "__main__":
    nine = asyncio.run(main())
"""
BOTH = """
%%minirt --asyncio
one = await asyncio.sleep(0, 1)
nine = asyncio.run(main())
ten = one + await asyncio.sleep(0, nine)
"""
LEAVES_A_TASK = """
%%minirt --asyncio
task = asyncio.create_task(asyncio.sleep(0.01, "kept"))
"""
CLEANS_UP = """
%%minirt --asyncio
import asyncio
try:
    print("runs")
    await asyncio.sleep(60)
finally:
    await asyncio.sleep(0)
    print("cleaned up")
"""
PROGRAM = """
import asyncio, sys, time

async def slow():
    time.sleep(0.12)

async def main():
    await asyncio.gather(slow(), asyncio.sleep(0.01))
    return sys.argv[1:]

if __name__ == "__main__":
    print(__name__, asyncio.run(main()))
"""


@pytest.fixture(scope="module")
def shared() -> Iterator[Kernel]:
    """One kernel with the extension, for all tests of this module."""
    with kernel() as one:
        one.run("%load_ext minirt")
        yield one


@pytest.mark.slow
def test_a_cell_awaits_at_its_top_level_and_its_names_stay(shared: Kernel) -> None:
    assert shared.run(DEFINES).out == "double 2\nMinirtEventLoop\n"
    assert shared.run("print(four)").out == "4\n"


@pytest.mark.slow
def test_a_cell_starts_a_loop_itself(shared: Kernel) -> None:
    assert shared.run(RUNS_ITS_LOOP).out == "main MinirtEventLoop\n"
    assert shared.run("print(nine)").out == "9\n"


def test_a_cell_does_both_in_turn(shared: Kernel) -> None:
    shared.run(RUNS_ITS_LOOP)
    cell = shared.run(BOTH)
    assert cell.status == "ok", cell.traceback
    assert shared.run("print(ten)").out == "10\n"


def test_a_task_that_a_cell_leaves_is_waited_for(shared: Kernel) -> None:
    shared.run("import asyncio")
    shared.run(LEAVES_A_TASK)
    assert shared.run("print(task.result())").out == "kept\n"


def test_in_simulated_time_an_hour_is_over_at_once(shared: Kernel) -> None:
    cell = shared.run(
        "%%minirt --asyncio --sim\nimport asyncio\nawait asyncio.sleep(3600)\nprint('over')"
    )
    assert cell.out == "over\n"
    assert "minirt-picture" in cell.html()


def test_an_error_shows_the_line_of_the_cell(shared: Kernel) -> None:
    cell = shared.run("%%minirt --asyncio\nimport asyncio\nawait asyncio.sleep(0)\n1 / 0")
    assert "----> 4 1 / 0" in cell.traceback
    assert "minirt/" not in cell.traceback


def test_an_interrupt_cancels_the_program_in_order(shared: Kernel) -> None:
    cell = shared.begin(CLEANS_UP)
    shared.hear(cell, "runs")
    shared.interrupt()
    shared.reply(cell.identity)
    shared.watch(lambda: "idle" in cell.messages)
    assert cell.out == "runs\ncleaned up\n"
    assert shared.run("print('goes on')").out == "goes on\n"


def test_play_shows_a_view_and_returns_the_value(shared: Kernel) -> None:
    cell = shared.run(
        "from minirt.aio import play\nimport asyncio\nprint(await play(asyncio.sleep(0.1, 7)))"
    )
    assert cell.out == "7\n"
    assert "minirt-widget" in cell.html()


def test_an_await_without_the_option_says_what_to_do(shared: Kernel) -> None:
    assert "Add --asyncio" in shared.run("%%minirt\nawait main()").err
    assert "--asyncio takes no --threads" in shared.run("%%minirt --asyncio --threads 2\n1").err


@pytest.mark.slow
def test_a_terminal_shows_the_run_and_a_table_of_what_was_slow(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    command = [sys.executable, "-m", "minirt", "--asyncio", str(file), "--sim", "x"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert "__main__ [None, None]" not in ran.stdout
    assert "__main__ ['--sim', 'x']" in ran.stdout
    assert "awaits 2 tasks, line 8" in ran.stdout or "awaits task" in ran.stdout
    table = ran.stderr.splitlines()
    assert table[0] == "What held the loop:"
    assert table[2].split()[:2] == ["slow", "program.py:4"]
    assert "in line 5: time.sleep(0.12)" in ran.stderr


def test_such_a_run_is_exported_as_a_page_for_perfetto_and_as_lines(
    shared: Kernel, tmp_path: Path
) -> None:
    shared.run(DEFINES)
    for name in ("run.html", "run.json", "run.jsonl"):
        assert "events written" in shared.run(f"%minirt export {tmp_path / name}").out
    assert "double" in (tmp_path / "run.json").read_text()
    assert "await asyncio.sleep(0.01)" in (tmp_path / "run.jsonl").read_text()
    assert "minirt-widget" in (tmp_path / "run.html").read_text()
