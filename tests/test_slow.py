"""minirt.views.slow: what was slow in a program of asyncio's, at its end in a terminal."""

import asyncio
import gc
import subprocess
import sys
from pathlib import Path

import pytest

from minirt import Simulation
from minirt.aio.program import AsyncioProgram
from minirt.views.console import line
from minirt.views.slow import Slow
from minirt.watching.trace import Event, Recorder, Tee

PROGRAM = """
import asyncio
import sys
import time

async def waits():
    await asyncio.sleep(0.001)
    time.sleep(0.12)
    sys.exit(7)

async def main():
    await asyncio.create_task(waits(), name="the waiter")

print(sys.argv, __name__)
asyncio.run(main())
"""


def table_of(main: object) -> str:
    slow = Slow()
    AsyncioProgram(Simulation(), slow).run(main)
    return slow.table()


async def works(steps: int) -> None:
    for _ in range(steps):
        await asyncio.sleep(1)


async def two_workers() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(works(3), name="worker")
        group.create_task(works(1), name="another")


def test_each_task_has_its_steps() -> None:
    rows = [one.split() for one in table_of(two_workers()).splitlines()]
    steps = {row[0]: row[2] for row in rows if row[1:2] == ["works"]}
    assert steps == {"worker": "4", "another": "2"}


def test_of_many_tasks_the_busiest_are_shown() -> None:
    async def many() -> None:
        await asyncio.gather(*(works(0) for _ in range(500)))

    assert sum(" works " in one for one in table_of(many()).splitlines()) == 11  # one of callbacks


def test_tasks_that_are_destroyed_take_no_room_and_the_busiest_are_shown() -> None:
    async def lost() -> None:
        await asyncio.get_running_loop().create_future()

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        for _ in range(30):
            asyncio.create_task(lost())  # noqa: RUF006 (it is to be destroyed)
            await asyncio.sleep(0.01)
        gc.collect()
        await asyncio.sleep(0)

    slow = Slow()
    AsyncioProgram(Simulation(), slow).run(main())
    assert len(slow._tasks) == 0
    rows = [one.split() for one in slow.table().splitlines()]
    assert sum(row[1:2] == ["lost"] for row in rows) >= 9


def test_where_nothing_ran_there_is_nothing_to_say() -> None:
    assert not Slow().has_seen


def minirt_asyncio(folder: Path, text: str) -> "subprocess.CompletedProcess[str]":
    (folder / "program.py").write_text(text)
    command = [sys.executable, "-m", "minirt", "--asyncio", "--no-console", "program.py", "Ada"]
    return subprocess.run(
        command, cwd=folder, capture_output=True, check=False, text=True, timeout=60
    )


@pytest.mark.slow
def test_a_file_runs_with_its_arguments_and_the_tables_come_at_its_end(tmp_path: Path) -> None:
    ran = minirt_asyncio(tmp_path, PROGRAM)
    assert ran.returncode == 7
    assert ran.stdout == "['program.py', 'Ada'] __main__\n"
    assert "the waiter" in ran.stderr.partition("Which tasks were at work longest:")[2]
    assert "in line 8: time.sleep(0.12)" in ran.stderr


@pytest.mark.slow
def test_a_file_that_is_no_python_has_no_tables(tmp_path: Path) -> None:
    ran = minirt_asyncio(tmp_path, "x = (")
    assert ran.returncode == 1
    assert "SyntaxError" in ran.stderr
    assert "What held the loop" not in ran.stderr


def test_the_console_of_an_asyncio_program_says_nothing_that_is_not_so() -> None:
    async def main() -> None:
        await asyncio.create_task(asyncio.sleep(1), name="sleeper")

    recorder = Recorder()
    AsyncioProgram(Simulation(), Tee(recorder)).run(main())
    lines = [said for event in recorder if (said := line(event))]
    assert not any("TICK" in said or "line 0" in said for said in lines)
    assert "Thread: main  Task sleeper awaits sleep 1 s" in lines
    assert (
        line(Event(0.0, 3, "timers", "main", "turn", None, {}))
        == "Thread: main  ===== TICK 3 ====="
    )
