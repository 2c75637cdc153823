"""asyncio on a core loop: `asyncio.Runner(loop_factory=MinirtEventLoop)`, or `run(main())`."""

from minirt.aio.event_loop import MinirtEventLoop
from minirt.aio.runner import run

__all__ = ["MinirtEventLoop", "run"]
