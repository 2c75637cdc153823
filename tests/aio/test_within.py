"""Runs inside of a run, as libraries for notebooks make them: nest_asyncio and its relatives."""

import asyncio
from collections.abc import Awaitable, Iterator
from contextvars import copy_context
from typing import Any

import pytest

from minirt import Recorder, Simulation
from minirt.aio import MinirtEventLoop
from minirt.aio.watched_loop import WatchedLoop


class Nesting(MinirtEventLoop):
    """What such a library makes of a loop."""

    def run_until_complete(self, future: Awaitable[Any]) -> Any:
        if not self.is_running():
            return super().run_until_complete(future)
        awaited = asyncio.ensure_future(future, loop=self)
        while not awaited.done():
            self._run_once()
        self._ready.extendleft(reversed([]))
        return awaited.result()


@pytest.fixture(params=["real", "watched", "debug", "simulated"])
def nesting(request: pytest.FixtureRequest, no_leaks: None) -> Iterator[Nesting]:
    """A loop that may be run inside of its run."""
    loop = Nesting(Simulation() if request.param == "simulated" else None)
    loop.set_debug(request.param == "debug")
    if request.param == "watched":
        WatchedLoop(loop).attach(Recorder(100))
    yield loop
    loop.close()


async def later(value: Any, seconds: float = 0.001) -> Any:
    await asyncio.sleep(seconds)
    return value


def test_a_task_runs_another_to_its_end_in_the_middle_of_a_step(nesting: Nesting) -> None:
    async def inner(depth: int) -> Any:
        here = asyncio.current_task()
        if depth:
            assert nesting.run_until_complete(inner(depth - 1)) == depth - 1
        assert asyncio.current_task() is here
        return await later(depth)

    async def main() -> Any:
        return [await later(1), nesting.run_until_complete(inner(3)), await later(2)]

    assert nesting.run_until_complete(main()) == [1, 3, 2]


def test_everybody_else_goes_on_meanwhile(nesting: Nesting) -> None:
    seen: list[Any] = []

    async def other(name: str) -> None:
        for step in range(3):
            await asyncio.sleep(0)
            seen.append((name, step))

    async def main() -> None:
        tasks = [asyncio.create_task(other(name)) for name in "ab"]
        nesting.call_soon(seen.append, "soon")
        nesting.run_until_complete(later("x", 0.01))
        await asyncio.gather(*tasks)

    nesting.run_until_complete(main())
    assert seen == ["soon", *((name, step) for step in range(3) for name in "ab")]


def test_a_handle_in_a_context_that_is_entered_waits_for_the_round_outside(
    nesting: Nesting,
) -> None:
    seen: list[str] = []
    context = copy_context()

    def run_inside() -> None:
        nesting.call_soon(seen.append, "in the same context", context=context)
        turns = nesting._core.turns
        nesting.run_until_complete(later(1, 0.05))
        assert not seen
        assert nesting._core.turns - turns < 20  # it sleeps meanwhile
        seen.append("inside is over")

    nesting.call_soon(run_inside, context=context)
    nesting.run_until_complete(later(1, 0.2))
    assert seen == ["inside is over", "in the same context"]


def test_an_error_inside_leaves_the_run_outside_in_order(nesting: Nesting) -> None:
    async def failing() -> None:
        await later(1)
        raise ValueError("inside")

    async def main() -> Any:
        with pytest.raises(ValueError, match="inside"):
            nesting.run_until_complete(failing())
        return await later("outside")

    assert nesting.run_until_complete(main()) == "outside"


def test_an_interrupt_inside_leaves_a_loop_that_can_run_again(nesting: Nesting) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    async def main() -> None:
        nesting.call_soon(interrupt)
        nesting.run_until_complete(later(1))

    with pytest.raises(KeyboardInterrupt):
        nesting.run_until_complete(main())
    nesting.run_until_complete(later(1))
    assert not nesting._core.is_calling
