"""A loop whose trace rests is looked at from outside: what holds it is found all the same."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from minirt import Recorder
from minirt.aio import watched_loop
from minirt.aio.program import AsyncioProgram


def sleeps() -> None:
    time.sleep(0.4)  # a busy machine lets the watchdog look late


def computes() -> None:
    until = time.thread_time() + 0.15
    while time.thread_time() < until:
        pass


def found_while_nobody_traces(
    main: Callable[[AsyncioProgram], Coroutine[Any, Any, None]], debug: bool = False
) -> list[dict[str, Any]]:
    """The details of what was found."""
    recorder = Recorder()
    program = AsyncioProgram(None, recorder)
    program.event_loop.set_debug(debug)
    program.event_loop.slow_callback_duration = 10
    program.run(main(program))
    return [event.detail for event in recorder if event.kind == "found" and event.detail]


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize(
    ("holds", "finding", "words"),
    [(sleeps, "blocking", "There time.sleep blocks every task"), (computes, "held", "in line")],
)
@pytest.mark.slow
def test_a_callback_that_holds_the_loop_is_found(
    holds: Callable[[], None], finding: str, words: str, debug: bool
) -> None:
    async def main(program: AsyncioProgram) -> None:
        program.detach()
        await asyncio.sleep(0)
        holds()
        await asyncio.sleep(0)

    (found,) = found_while_nobody_traces(main, debug)
    assert found["finding"] == finding
    assert "held the loop for at least" in found["text"]
    assert words in found["text"]
    assert found["file"] == __file__


def test_a_callback_in_whose_middle_the_trace_is_taken_off_is_found_too() -> None:
    async def main(program: AsyncioProgram) -> None:
        program.detach()
        computes()

    (found,) = found_while_nobody_traces(main)
    assert "held the loop for at least" in found["text"]


@pytest.mark.parametrize("is_traced", [True, False])
@pytest.mark.slow
def test_a_callback_that_does_not_come_back_is_told_of_meanwhile(is_traced: bool) -> None:
    async def main(program: AsyncioProgram) -> None:
        if not is_traced:
            program.detach()
        tell, told = program.findings.tell, list[str]()
        assert tell is not None
        program.findings.tell = lambda *found: (told.append("held"), tell(*found))
        await asyncio.sleep(0)
        until = time.monotonic() + 10
        while not told and time.monotonic() < until:
            pass

    (found,) = found_while_nobody_traces(main)
    assert "has held the loop for" in found["text"]
    assert "so far in line" in found["text"]
    assert "while not told" in found["text"]


@pytest.mark.slow
def test_it_is_told_at_once_and_not_only_when_the_trace_goes_on() -> None:
    told: list[str] = []

    async def main(program: AsyncioProgram) -> None:
        program.detach()
        tell, heard = program.findings.tell, asyncio.Event()
        assert tell is not None
        loop = asyncio.get_running_loop()

        def hear(whom: int | None, detail: dict[str, Any]) -> None:
            told.append(detail["text"])
            loop.call_soon_threadsafe(heard.set)

        program.findings.tell = hear
        sleeps()
        await asyncio.wait_for(heard.wait(), 5)

    found_while_nobody_traces(main)
    assert len(told) == 1


def test_many_short_callbacks_in_one_long_turn_hold_nothing() -> None:
    async def main(program: AsyncioProgram) -> None:
        async def works() -> None:
            until = time.thread_time() + 0.002
            while time.thread_time() < until:
                pass

        program.detach()
        await asyncio.gather(*(works() for _ in range(100)))

    assert found_while_nobody_traces(main) == []


@pytest.mark.slow
def test_a_callback_that_is_no_task_is_found_by_its_name() -> None:
    async def main(program: AsyncioProgram) -> None:
        program.detach()
        asyncio.get_running_loop().call_soon(sleeps)
        await asyncio.sleep(0.01)

    (found,) = found_while_nobody_traces(main)
    assert found["text"].startswith("sleeps held the loop")


def test_of_more_tasks_than_are_looked_at_no_other_is_said_to_do_something(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watched_loop, "MOST_TASKS", 10)
    snapshots: list[Any] = []

    async def main(program: AsyncioProgram) -> None:
        program.detach()
        tasks = [asyncio.create_task(asyncio.sleep(0.1)) for _ in range(50)]
        await asyncio.sleep(0.01)
        snapshots.append(program.snapshot())
        await asyncio.gather(*tasks)

    found_while_nobody_traces(main)
    (seen,) = snapshots
    assert seen.all_tasks == 51
    doing = [detail.get("awaits", detail["state"]) for _, _, detail in seen.tasks]
    assert doing == ["runs"] + 9 * ["sleep 0.1 s"]


def test_a_circle_is_found_when_somebody_looks() -> None:
    tasks: dict[str, asyncio.Task[None]] = {}

    async def waits_for(name: str) -> None:
        await asyncio.wait([tasks[name]])

    async def main(program: AsyncioProgram) -> None:
        program.detach()
        tasks["one"] = asyncio.create_task(waits_for("other"), name="one")
        tasks["other"] = asyncio.create_task(waits_for("one"), name="other")
        await asyncio.sleep(0.01)
        program.snapshot()

        for task in tasks.values():
            task.cancel()

    (found,) = found_while_nobody_traces(main)
    assert "wait for each other in a circle" in found["text"]
