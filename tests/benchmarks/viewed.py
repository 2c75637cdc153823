"""What does a program pay for being watched, and how much is sent to the page?

The program of the row "callbacks", under a real `LiveView` in a kernel of its own: `rt.play` in a
cell, thirty frames a second, and a client that is connected, so that every frame is sent. Counted
is the CPU time of the whole kernel: the program, the sampler, the widget and the kernel's sending.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

from .callbacks import counting, steady
from .loops import Minirt

CELL = """
from minirt.views.live import LiveView
from tests.benchmarks.viewed import played
print(await played(LiveView(displays_itself=True), {total}))
"""


def watched(peer: str, total: int) -> dict[str, Any]:
    """CPU seconds of one callback. "minirt-viewed": in a kernel, with a view; "minirt": without."""
    if peer != "minirt-viewed":
        return steady(peer, total)
    from ..kernels import kernel  # who is not asked for this row needs no kernel

    with kernel() as cells:
        cell = cells.run(CELL.format(total=total))
        if cell.status != "ok":
            raise RuntimeError(cell.traceback.strip().splitlines()[-1])
        return {"value": float(cell.out), "messages": cell.messages.count("comm_msg")}


async def played(view: Any, total: int) -> float:
    """The program of `steady`, while the cell looks on."""
    loop = Minirt()
    soon = loop.soon

    def turn(_: object = None) -> None:
        soon(turn)

    main, figure = counting(loop, lambda: soon(turn), total)
    await loop.runtime.play(main, view=view)
    return figure()


class Scales:
    """A view that weighs what it is shown."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def begin(self, controls: object) -> None:
        pass

    def show(self, frame: dict[str, Any]) -> None:
        self.sizes.append(len(json.dumps(frame)))

    async def listen(self) -> None:
        pass

    def end(self, watch: object, frame: dict[str, Any]) -> None:
        self.show(frame)


def frame(peer: str, timers: int) -> dict[str, Any]:
    """The bytes of the largest frame while so many timers are pending and every panel is full."""
    loop, scales = Minirt(), Scales()
    runtime, left = loop.runtime, 300
    task = loop.pooled(lambda: None)

    def fired(_: object) -> None:
        nonlocal left
        runtime.log(f"{left} times still, and nobody waits for the others, who are many")
        task(ignored)
        left -= 1
        if left == 0:
            runtime.stop()

    def ignored(_: object) -> None:
        pass

    def main() -> None:
        for number in range(timers):
            runtime.set_timeout(60_000 + number, fired)
        runtime.set_interval(3, fired)

    with redirect_stdout(StringIO()):
        asyncio.run(runtime.play(main, view=scales))
    return {"value": max(scales.sizes), "frames": len(scales.sizes)}
