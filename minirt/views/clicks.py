"""How is a click handled while a cell awaits, by a kernel that takes one message at a time?

ipykernel 6 keeps each message in a queue until the cell that runs is over: a click on Pause too.
While a program is played, the messages that a page cannot wait for are taken out of that queue.
From ipykernel 7.3 on, JupyterLab sends them where they are heard anyway.
"""

import inspect
from typing import Any

from IPython.core.getipython import get_ipython

# What widgets say, and what a page asks when it is loaded again. None of these runs code of a cell.
URGENT = ("comm_open", "comm_msg", "comm_close", "comm_info_request", "kernel_info_request")


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
    message = _urgent(kernel.session, arguments[0]) if dispatch == kernel.dispatch_shell else None
    if message is None:
        return False
    handle = kernel.shell_handlers[message["header"]["msg_type"]]
    kernel._publish_status("busy", "shell", parent=message)
    try:
        answer = handle(kernel.shell_stream, message["identities"], message)
        if inspect.isawaitable(answer):
            await answer
    except Exception:
        kernel.log.error("Exception in message handler:", exc_info=True)
    kernel._publish_status("idle", "shell", parent=message)
    kernel._publish_status("busy", "shell")  # the cell goes on
    return True


def _urgent(session: Any, frames: Any) -> dict[str, Any] | None:
    """The message, with its `identities`, if it is urgent.

    The type is read first: a message may be deserialized only once.
    """
    try:
        identities, parts = session.feed_identities(frames, copy=False)
        if session.unpack(parts[1].bytes)["msg_type"] not in URGENT:  # parts[0]: its signature
            return None
        return {**session.deserialize(parts, content=True, copy=False), "identities": identities}
    except Exception:
        return None
