"""What does a student do? Logs in, waits for the server, opens a chapter and runs its cells.

All of it over the addresses and in the order that a browser uses: the login form with its hidden
field, the page that waits for the server, Lab's page with the redirects before it, the session, and
the kernel's WebSocket. Nothing here has a token that a student would not have.
"""

import asyncio
import json
import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import aiohttp
import nbformat
from jupyter_server.services.kernels.connection.base import deserialize_binary_message
from yarl import URL

from tests.classroom.seen import compare

SHOWN = {"stream", "display_data", "execute_result", "error"}
HIDDEN_FIELD = re.compile(r'name="_xsrf" value="([^"]*)"')
PROGRESS = re.compile(r'EventSource\("([^"]+)"\)')


class StudentStuck(Exception):
    """A student could not go on. Says where, and what they saw."""


class Student:
    """One browser. Use `async with student:`."""

    def __init__(self, name: str, url: str, password: str, patience: float) -> None:
        self.name = name
        self._url = URL(url)
        self._password = password
        self._patience = patience  # seconds, for each thing that they wait for
        self.ready_after = self.ran_for = 0.0  # seconds
        self.cells = 0

    async def __aenter__(self) -> "Student":
        self._session = aiohttp.ClientSession(
            # an address of numbers has cookies, too; and tornado's are not to be put into quotes
            cookie_jar=aiohttp.CookieJar(unsafe=True, quote_cookie=False),
            timeout=aiohttp.ClientTimeout(total=None, sock_read=self._patience),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    # --- from the login page to Lab ---

    async def log_in(self, landing: str) -> None:
        """Log in and wait until the server shows the page at `landing`."""
        started = time.monotonic()
        form = await self._page("/hub/login")
        fields = {
            "username": self.name,
            "password": self._password,
            "_xsrf": found(HIDDEN_FIELD, form, "the login page"),
        }
        async with self._session.post(self._url / "hub" / "login", data=fields) as response:
            waiting = await response.text()
            if response.url.path.startswith("/hub/login") or not response.ok:
                raise StudentStuck(f"login refused: {response.status} {response.url.path}")
        await self._wait_for_server(waiting)
        async with self._session.get(self._url / "hub" / "spawn-pending" / self.name) as response:
            await response.read()
            if response.status != 200 or response.url.path != f"/user/{self.name}{landing}":
                raise StudentStuck(f"at {response.status} {response.url.path}, not at {landing}")
        self.ready_after = time.monotonic() - started

    async def _page(self, path: str) -> str:
        async with self._session.get(self._url.join(URL(path))) as response:
            if not response.ok:
                raise StudentStuck(f"{path} answers {response.status}")
            return await response.text()

    async def _wait_for_server(self, page: str) -> None:
        """Follow the progress that the waiting page would show."""
        progress = found(PROGRESS, page, "the page that waits for the server")
        said = ""
        async with self._session.get(self._url.join(URL(progress))) as events:
            async for line in events.content:
                if not line.startswith(b"data:"):
                    continue
                event = json.loads(line.removeprefix(b"data:"))
                said = event.get("message", said)
                if event.get("ready"):
                    return
                if event.get("failed"):
                    break
        raise StudentStuck(f"the server did not start: {said}")

    # --- a chapter ---

    async def run(self, path: str) -> None:
        """Run the student's own copy of a notebook, each cell as Shift-Enter would."""
        contents = await self._ask("GET", f"contents/{path}")
        if not contents["writable"]:
            raise StudentStuck(f"{path} cannot be written")
        notebook = nbformat.from_dict(contents["content"])
        name = path.rpartition("/")[2]
        started = time.monotonic()
        opened = await self._ask(
            "POST",
            "sessions",
            {"path": path, "name": name, "type": "notebook", "kernel": {"name": "python3"}},
        )
        async with self._kernel(opened["kernel"]["id"]) as kernel:
            for cell in notebook.cells:
                if cell.cell_type == "code" and cell.source.strip():
                    compare(cell, await kernel.run(cell.source, self._patience))
                    self.cells += 1
        self.ran_for = time.monotonic() - started

    @property
    def _server(self) -> URL:
        return self._url / "user" / self.name / ""

    async def _ask(self, method: str, path: str, body: Any = None) -> Any:
        """What the server's API answers to Lab."""
        cookies = self._session.cookie_jar.filter_cookies(self._server)
        headers = {"X-XSRFToken": cookies["_xsrf"].value}
        url = self._server.join(URL(f"api/{path}"))
        async with self._session.request(method, url, json=body, headers=headers) as response:
            if not response.ok:
                raise StudentStuck(f"{method} {path}: {response.status} {await response.text()}")
            return await response.json()

    @asynccontextmanager
    async def _kernel(self, identity: str) -> AsyncIterator["Kernel"]:
        url = self._server.join(URL(f"api/kernels/{identity}/channels"))
        session = secrets.token_hex(8)
        async with self._session.ws_connect(
            url.with_query(session_id=session), max_msg_size=0
        ) as socket:
            yield Kernel(socket, session)


class Kernel:
    """A kernel behind a WebSocket, in Jupyter's messages."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, session: str) -> None:
        self._socket = socket
        self._session = session

    async def run(self, code: str, patience: float) -> list[Any]:
        """The outputs of a cell. StudentStuck when it takes longer than `patience`, in seconds."""
        identity = uuid4().hex
        await self._socket.send_json(self._request(identity, code))
        outputs: list[Any] = []
        missing = {"reply", "idle"}  # they come on two channels, in any order
        try:
            async with asyncio.timeout(patience):
                while missing:
                    message = await self._next()
                    kind, content = message["header"]["msg_type"], message["content"]
                    if kind == "status" and content["execution_state"] in ("restarting", "dead"):
                        raise StudentStuck(f"the kernel died in: {first_line(code)}")
                    if message["parent_header"].get("msg_id") != identity:
                        continue
                    if kind == "execute_reply":
                        missing.discard("reply")
                    elif kind == "status" and content["execution_state"] == "idle":
                        missing.discard("idle")
                    elif kind in SHOWN:
                        outputs.append(nbformat.v4.output_from_msg(message))
        except TimeoutError:
            raise StudentStuck(f"after {patience:.0f} s still runs: {first_line(code)}") from None
        return outputs

    def _request(self, identity: str, code: str) -> dict[str, Any]:
        header = {
            "msg_id": identity,
            "msg_type": "execute_request",
            "session": self._session,
            "username": "",
            "version": "5.3",
        }
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        return {
            "header": header,
            "parent_header": {},
            "metadata": {},
            "content": content,
            "channel": "shell",
        }

    async def _next(self) -> Any:
        message = await self._socket.receive()
        if message.type is aiohttp.WSMsgType.TEXT:
            return json.loads(message.data)
        if message.type is aiohttp.WSMsgType.BINARY:
            return deserialize_binary_message(message.data)
        raise StudentStuck(f"the kernel's connection ended: {message.type.name}")


def found(pattern: re.Pattern[str], page: str, what: str) -> str:
    match = pattern.search(page)
    if match is None:
        raise StudentStuck(f"{what} has nothing like {pattern.pattern}")
    return match[1].replace("&amp;", "&")


def first_line(code: str) -> str:
    return code.partition("\n")[0]
