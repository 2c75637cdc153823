"""How does a program run on this loop? As with `asyncio.run`, which is three lines as well."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from minirt.aio.event_loop import MinirtEventLoop
from minirt.core.system import System

T = TypeVar("T")


def run(
    main: Coroutine[Any, Any, T], *, debug: bool | None = None, system: System | None = None
) -> T:
    """The result of the coroutine `main`, on a loop of its own, which is closed in the end.

    It raises what `main` raises. system=Simulation(seed=0): in simulated time. RuntimeError inside
    a running loop, ValueError for what is no coroutine, as from `asyncio.run`.
    """
    if asyncio._get_running_loop() is not None:
        raise RuntimeError(
            "minirt.aio.run() cannot be called from a running event loop. Await main() instead"
        )
    with asyncio.Runner(debug=debug, loop_factory=lambda: MinirtEventLoop(system)) as runner:
        return runner.run(main)


async def play(
    main: Coroutine[Any, Any, T],
    *,
    view: Any = None,
    speed: float = 1.0,
    paused: bool = False,
    system: System | None = None,
) -> T:
    """The result of the coroutine `main`, which runs in a thread of its own, in the live view.

    It runs on a loop of its own while the notebook's cell awaits, so that the view's buttons
    answer. view: a new LiveView in a notebook; False for none; or a LiveView to go on with.
    speed, paused: how it starts. system=Simulation(seed=0): in simulated time. A stop cancels the
    program's tasks. Raises what `main` raises; TypeError for what is no coroutine.
    """
    from minirt.aio.program import AsyncioProgram  # who only runs a loop needs none of it

    program = AsyncioProgram(system)
    result: T = await program.play(main, view, speed, paused)
    return result
