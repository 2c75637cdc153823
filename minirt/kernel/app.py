"""How does a Jupyter kernel run on minirt's loop?

A kernel is an asyncio program. A loop waits for messages of the front end (run this cell, complete
this word), hands each to the kernel, and sends the answers. IPython's kernel takes the loop that
its thread already has. So there is one step more than usual: the thread gets a `MinirtEventLoop`
before the kernel asks for one.

The loop holds a core `Loop` and no `Runtime`. So a cell can run a `Runtime` as on any kernel: it
is a loop inside a callback of this one.
"""

import asyncio
from typing import Any

from ipykernel.kernelapp import IPKernelApp

from minirt.aio import MinirtEventLoop


class MinirtKernelApp(IPKernelApp):
    """IPython's kernel, with minirt's loop under it."""

    name = "minirt-kernel"

    def initialize(self, argv: Any = None) -> None:
        """As IPython's own does it, on a thread that has a loop of minirt's."""
        asyncio.set_event_loop(MinirtEventLoop())
        super().initialize(argv)  # type: ignore[no-untyped-call]


def main() -> None:
    """Serve one front end, named by `-f CONNECTION_FILE`, until it says that it is over."""
    MinirtKernelApp.launch_instance()
