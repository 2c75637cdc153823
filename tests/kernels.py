"""A real kernel that runs cells, for the tests of the extension."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

PATIENCE = 60  # s: a shared machine is slow at times


def plain(text: str) -> str:
    """Without the colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@dataclass
class Cell:
    """What appeared under a cell."""

    identity: str
    status: str = ""
    seconds: float = 0.0  # from the request to the reply
    out: str = ""
    err: str = ""
    traceback: str = ""
    shown: list[dict[str, Any]] = field(default_factory=list, repr=False)  # by mime type
    messages: list[str] = field(default_factory=list)  # every type of message, in order
    comms: list[dict[str, Any]] = field(default_factory=list, repr=False)  # to widgets

    def html(self) -> str:
        return "\n".join(str(data.get("text/html", "")) for data in self.shown)


class Kernel:
    """Runs cells, and collects what each of them shows, also later than its reply."""

    def __init__(self, client: BlockingKernelClient, interrupt: Callable[[], object]) -> None:
        self.client = client
        self.interrupt = interrupt
        self._cells: dict[str, Cell] = {}
        self._begun: list[Cell] = []  # whose reply was not read yet
        self._replies: dict[str, Any] = {}

    def run(self, text: str) -> Cell:
        """Run a cell to its end: its reply is there, and the kernel is idle again."""
        began = time.perf_counter()
        cell = self.begin(text)
        reply = self.reply(cell.identity)
        cell.seconds = time.perf_counter() - began
        cell.status = reply["content"]["status"]
        self.watch(lambda: "idle" in cell.messages)
        return cell

    def begin(self, text: str) -> Cell:
        """Send a cell and do not wait.

        It stops no other cell when it fails: ipykernel aborts for a moment whatever comes after an
        error, also what was sent after its reply. And before 7.4 it may lose for ever what comes
        while it sends a reply: those of cells that are over are read first.
        """
        for cell in [cell for cell in self._begun if "idle" in cell.messages]:
            self.reply(cell.identity)
            self._begun.remove(cell)
        sent = self.client.execute(text, allow_stdin=False, stop_on_error=False)
        self._begun.append(Cell(sent))
        return self.collect(self._begun[-1])

    def collect(self, cell: Cell) -> Cell:
        """From now on what answers to the request of this identity is noted in `cell`."""
        self._cells[cell.identity] = cell
        return cell

    def update_widget(self, identity: str, **state: object) -> Cell:
        """Do what a page does when its reader moves a widget, and wait until the kernel did it."""
        data = {"method": "update", "state": state, "buffer_paths": []}
        message = self.client.session.msg("comm_msg", {"comm_id": identity, "data": data})
        seen = self.collect(Cell(message["header"]["msg_id"]))
        self.client.shell_channel.send(message)
        self.watch(lambda: "idle" in seen.messages)
        return seen

    def watch(self, until: Callable[[], bool], seconds: float = PATIENCE / 2) -> None:
        """Collect what the kernel shows until the condition holds."""
        give_up = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < give_up, f"never came: {list(self._cells.values())[-3:]}"
            try:
                message = self.client.get_iopub_msg(timeout=0.5)
            except Empty:
                continue
            cell = self._cells.get(message["parent_header"].get("msg_id", ""))
            if cell is not None:
                _note(cell, message)

    def hear(self, cell: Cell, text: str) -> None:
        """Watch until it has printed a whole line with this text: `print` writes its end later."""
        self.watch(lambda: re.search(rf"{re.escape(text)}.*\n", cell.out) is not None)

    def reply(self, identity: str) -> Any:
        """Wait for the reply to the request of this identity."""
        while identity not in self._replies:
            reply = self.client.get_shell_msg(timeout=PATIENCE)
            self._replies[reply["parent_header"].get("msg_id", "")] = reply
        return self._replies[identity]


class Page:
    """What a page does with the view of one running cell.

    until: what that has printed by then. on_subshell: where its messages go, as those of Lab do on
    a kernel that has subshells.
    """

    def __init__(self, cells: Kernel, text: str, until: str, on_subshell: bool) -> None:
        self.cells = cells
        self.subshell = self._new_subshell() if on_subshell else None
        self.cell = cells.begin(text)
        cells.hear(self.cell, until)
        (self.view,) = (
            sent["comm_id"]
            for sent in self.cell.comms
            if "target_name" in sent and "frame" in sent["data"]["state"]
        )

    def _new_subshell(self) -> str:
        client = self.cells.client
        request = client.session.msg("create_subshell_request", {})
        client.control_channel.send(request)
        reply = client.get_control_msg(timeout=30)
        return str(reply["content"]["subshell_id"])

    def click(self, command: str, **more: Any) -> str:
        """Returns the identity of the message."""
        data = {"method": "custom", "content": {"command": command, **more}}
        return self.send("comm_msg", {"comm_id": self.view, "data": data})

    def send(self, kind: str, content: dict[str, Any]) -> str:
        """Send any message. Returns its identity."""
        message = self.cells.client.session.msg(kind, content)
        message["header"]["subshell_id"] = self.subshell
        self.cells.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def frame(self) -> dict[str, Any]:
        """The last that came."""
        frames = [
            sent["data"]["state"]["frame"]
            for sent in self.cell.comms
            if sent["comm_id"] == self.view and "frame" in sent["data"].get("state", ())
        ]
        return dict(frames[-1])

    def wait(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        self.cells.watch(lambda: condition(self.frame()))
        return self.frame()

    def stop(self) -> Cell:
        self.click("stop")
        self.cells.watch(lambda: "idle" in self.cell.messages)
        return self.cell


def interrupted(kernel: Kernel, text: str) -> Cell:
    """The cell, interrupted once as soon as it has printed "busy", until it is over."""
    cell = kernel.begin(text)
    kernel.hear(cell, "busy")
    kernel.interrupt()
    kernel.watch(lambda: "idle" in cell.messages, seconds=5)
    return cell


def _note(cell: Cell, message: Any) -> None:
    kind, content = message["msg_type"], message["content"]
    cell.messages.append(content["execution_state"] if kind == "status" else kind)
    if kind == "stream":
        if content["name"] == "stdout":
            cell.out += content["text"]
        else:
            cell.err += content["text"]
    elif kind == "error":
        cell.traceback += plain("\n".join(content["traceback"]))
    elif kind in ("display_data", "execute_result", "update_display_data"):
        cell.shown.append(content["data"])
    elif kind in ("comm_open", "comm_msg"):
        cell.comms.append(content)


@contextmanager
def kernel() -> Iterator[Kernel]:
    """A kernel of this Python, gone at the end."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
        yield Kernel(client, manager.interrupt_kernel)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
