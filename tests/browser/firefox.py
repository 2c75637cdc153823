"""The system's Firefox, driven by WebDriver BiDi, which it speaks itself: no driver is needed."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.ports import free_port

from .conftest import end, leave_out, tool

PATIENCE = 120.0  # s, for a chapter on a machine that others use, too
HOW_TO_GET_FIREFOX = (
    "this test drives the system's Firefox, and there is none. Debian: apt install firefox-esr"
)


class Firefox:
    """One page of it."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._asked = 0
        self.errors: list[str] = []
        self._ask("session.new", capabilities={})
        self._ask("session.subscribe", events=["log.entryAdded"])
        self._page = self._ask("browsingContext.getTree")["contexts"][0]["context"]

    def _ask(self, method: str, **parameters: Any) -> Any:
        self._asked += 1
        self._socket.send(json.dumps({"id": self._asked, "method": method, "params": parameters}))
        until = time.monotonic() + PATIENCE
        while True:
            message = json.loads(self._socket.recv(timeout=max(0.0, until - time.monotonic())))
            if message.get("method") == "log.entryAdded":
                if message["params"]["level"] == "error":
                    self.errors.append(str(message["params"]["text"]))
            elif message.get("id") == self._asked:
                assert message["type"] == "success", message
                return message["result"]

    def open(self, address: str) -> None:
        self._ask("browsingContext.navigate", context=self._page, url=address, wait="complete")

    def says(self, expression: str) -> Any:
        """The value of this JavaScript, or of its promise."""
        answer = self._ask(
            "script.evaluate",
            expression=expression,
            target={"context": self._page},
            awaitPromise=True,
        )
        assert answer["type"] == "success", answer["exceptionDetails"]["text"]
        return answer["result"].get("value")

    def wait(self, expression: str) -> None:
        """Until this is true."""
        assert self.says(
            f"""new Promise((done) => {{
                const look = () => (({expression}) ? done(true) : setTimeout(look, 50));
                look();
            }})"""
        )


@contextmanager
def firefox(folder: Path) -> Iterator[Firefox]:
    """folder: for its profile."""
    found = [path for path in map(shutil.which, ("firefox", "firefox-esr")) if path]
    if not found:
        leave_out(HOW_TO_GET_FIREFOX)
    connect = tool("websockets.sync.client").connect
    port = free_port()
    command = [
        *(found[0], "--headless", "--no-remote", "--profile", str(folder)),
        f"--remote-debugging-port={port}",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        with connected(connect, port) as socket:
            yield Firefox(socket)
    finally:
        end(process)


def connected(connect: Any, port: int) -> Any:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return connect(f"ws://127.0.0.1:{port}/session", max_size=None, proxy=None)
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
