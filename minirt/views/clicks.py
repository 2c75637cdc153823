"""How is a click handled while a cell awaits, by a kernel that takes one message at a time?

ipykernel 6 keeps each message in a queue until the cell that runs is over: a click on Pause too.
While a program is played, the messages that a page cannot wait for are taken out of that queue.
From ipykernel 7.3 on, JupyterLab sends them where they are heard anyway, but for one: a page that
is loaded again asks which widgets there are, and shows none of them before it has the answer.
"""

import inspect
import threading
from collections.abc import Iterable
from typing import Any

from IPython.core.getipython import get_ipython

# What widgets say, and what a page asks when it is loaded again. None of these runs code of a cell.
URGENT = ("comm_open", "comm_msg", "comm_close", "comm_info_request", "kernel_info_request")


def hear_pages() -> None:
    """From now on a page that is loaded again is answered at once, by ipykernel 7 too.

    Called on the kernel's thread; on another, and by other kernels, nothing is done.
    """
    kernel: Any = getattr(get_ipython(), "kernel", None)
    shell = getattr(kernel, "shell_channel_thread", None)
    if shell is None or getattr(kernel, "hears_pages", False):
        return
    if threading.current_thread() is not shell.parent_thread:
        return

    async def hear(subshell: str | None, frames: Any) -> None:
        message = None
        if subshell is None and kernel._main_asyncio_lock.locked():
            message = _urgent(kernel.session, frames, ("comm_info_request",))
        if message is None:
            await kernel.shell_main(subshell, frames)
        else:
            await _answer(kernel, shell.manager.get_subshell_to_shell_channel_socket(None), message)

    shell.manager.set_on_recv_callback(hear)
    kernel.hears_pages = True


async def hear_clicks() -> None:
    """Handle the urgent messages that wait in the kernel's queue; leave the others as they are.

    Called on the kernel's thread, from within a cell that awaits.
    """
    kernel = getattr(get_ipython(), "kernel", None)
    queue = getattr(kernel, "msg_queue", None)  # ipykernel 7 has none
    if queue is None:
        return
    for _ in range(queue.qsize()):  # once round, so that the others keep their order
        entry = queue.get_nowait()
        if not await _handled(kernel, *entry[1:]):
            queue.put_nowait(entry)


async def _handled(kernel: Any, dispatch: Any, arguments: Any) -> bool:
    """Was it urgent? What is not, or cannot be read, is left to the kernel."""
    message = None
    if dispatch == kernel.dispatch_shell:
        message = _urgent(kernel.session, arguments[0], URGENT)
    if message is None:
        return False
    await _answer(kernel, kernel.shell_stream, message)
    return True


async def _answer(kernel: Any, stream: Any, message: dict[str, Any]) -> None:
    """What the kernel does with it as soon as no cell runs."""
    handle = kernel.shell_handlers[message["header"]["msg_type"]]
    kernel._publish_status("busy", "shell", parent=message)
    try:
        answer = handle(stream, message["identities"], message)
        if inspect.isawaitable(answer):
            await answer
    except Exception:
        kernel.log.error("Exception in message handler:", exc_info=True)
    kernel._publish_status("idle", "shell", parent=message)
    kernel._publish_status("busy", "shell")  # the cell goes on


def _urgent(session: Any, frames: Any, kinds: Iterable[str]) -> dict[str, Any] | None:
    """The message, with its `identities`, if it is of one of these kinds.

    The type is read first: a message may be deserialized only once.
    """
    try:
        identities, parts = session.feed_identities(frames, copy=False)
        if session.unpack(parts[1].bytes)["msg_type"] not in kinds:  # parts[0]: its signature
            return None
        return {**session.deserialize(parts, content=True, copy=False), "identities": identities}
    except Exception:
        return None
