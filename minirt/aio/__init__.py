"""asyncio on a core loop: `asyncio.Runner(loop_factory=MinirtEventLoop)`, or `run(main())`.

In a notebook `await play(main())` shows it in the live view.
"""

from minirt.aio.event_loop import MinirtEventLoop
from minirt.aio.runner import play, run

__all__ = ["MinirtEventLoop", "play", "run"]
