"""What does the view say of real programs, and is it true?

Each program pauses once, so that there is one long moment. What the view says of it stands beside
the program here, and the lines of the program say whether it is true. As a table:
`python -m tests.aio.test_what_is_said`.
"""

import asyncio
import contextlib
import importlib
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import httpx
import pytest
import websockets
from aiohttp import web

from minirt import Recorder
from minirt.aio.program import AsyncioProgram
from minirt.views.state import State

from .test_findings import ORDINARY, WRONG, fails, found_in
from .test_programs import HOST, client_session

PAUSE = 0.4  # s

# what these two import while they work would be found, and rightly
for name in (
    "httpcore",
    "anyio._backends._asyncio",
    "websockets.asyncio.server",
    "websockets.asyncio.client",
):
    importlib.import_module(name)


@contextlib.asynccontextmanager
async def patient_server(answer_now: asyncio.Event) -> AsyncIterator[str]:
    """An aiohttp server that answers when it is told to; its address."""

    async def handle(request: web.Request) -> web.Response:
        await answer_now.wait()
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    try:
        yield f"http://{HOST}:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def aiohttp_serves_and_asks() -> None:
    answer_now = asyncio.Event()
    async with patient_server(answer_now) as address, client_session() as session:

        async def ask() -> str:
            async with session.get(address) as answer:
                return await answer.text()

        asking = asyncio.gather(*(ask() for _ in range(20)))
        await asyncio.sleep(PAUSE)
        answer_now.set()
        assert await asking == ["hello"] * 20


def ask_by_httpx() -> httpx.AsyncClient:
    return httpx.AsyncClient(trust_env=False, verify=False)  # to read certificates takes long


async def httpx_asks() -> None:
    answer_now = asyncio.Event()
    async with patient_server(answer_now) as address, ask_by_httpx() as client:

        async def ask() -> str:
            answer = await client.get(address)
            return answer.text

        asking = asyncio.gather(*(ask() for _ in range(3)))
        await asyncio.sleep(PAUSE)
        answer_now.set()
        assert await asking == ["hello"] * 3


async def websockets_talk() -> None:
    async def echo(connection: Any) -> None:
        async for message in connection:
            await connection.send(message)

    async def hear(connection: Any) -> str:
        return str(await connection.recv())

    async with websockets.serve(echo, HOST, 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with websockets.connect(f"ws://{HOST}:{port}", proxy=None) as connection:
            heard = asyncio.create_task(hear(connection))
            await asyncio.sleep(PAUSE)
            await connection.send("hello")
            assert await heard == "hello"


async def a_queue_of_workers() -> None:
    jobs: asyncio.Queue[int] = asyncio.Queue(2)

    async def work() -> None:
        while True:
            await jobs.get()
            await asyncio.sleep(PAUSE)
            jobs.task_done()

    workers = [asyncio.create_task(work()) for _ in range(3)]
    for number in range(6):
        await jobs.put(number)
    for one in workers:
        one.cancel()


async def a_group_with_a_failure() -> None:
    async def patient() -> None:
        await asyncio.sleep(10)

    async def impatient() -> None:
        await asyncio.sleep(PAUSE)
        await fails()

    with contextlib.suppress(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(patient())
            group.create_task(impatient())


async def a_crowd_at_a_semaphore() -> None:
    slots = asyncio.Semaphore(3)

    async def enter() -> None:
        async with slots:
            await asyncio.sleep(PAUSE)

    await asyncio.gather(*(enter() for _ in range(6)))


async def subprocesses() -> None:
    async def ask() -> None:
        sleeps = ("-S", "-c", "import time; time.sleep(1); print(1)")
        process = await asyncio.create_subprocess_exec(
            sys.executable, *sleeps, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        assert out == b"1\n"

    asking = asyncio.gather(ask(), ask())
    await asyncio.sleep(PAUSE)
    await asking


# What is true: how many tasks await what, and of which queue or lock it is said who waits
TRUE: dict[Callable[[], Any], tuple[str, ...]] = {
    aiohttp_serves_and_asks: (
        "1 x aiohttp_serves_and_asks: a timer",
        "20 x RequestHandler._handle_request: answer_now.wait",
        "20 x RequestHandler.start: tasks",
        "20 x ask: session.get(address)",
    ),
    httpx_asks: (
        "1 x httpx_asks: a timer",
        "3 x RequestHandler._handle_request: answer_now.wait",
        "3 x RequestHandler.start: tasks",
        "3 x ask: event.wait",  # of anyio, inside
    ),
    websockets_talk: (
        "1 x hear: Connection.recv",
        "1 x protocol_handler: connection",
        "1 x websockets_talk: a timer",
        "2 x Connection.keepalive: a timer",
    ),
    a_queue_of_workers: ("1 x a_queue_of_workers: jobs.put", "3 x work: a timer"),
    a_group_with_a_failure: (
        "1 x a_group_with_a_failure: tasks",
        "1 x impatient: a timer",
        "1 x patient: a timer",
    ),
    a_crowd_at_a_semaphore: (
        "1 x a_crowd_at_a_semaphore: tasks",
        "3 x enter: a timer",
        "3 x enter: semaphore slots",
    ),
    subprocesses: (
        "1 x subprocesses: a timer",
        "2 x Process._read_stream: a descriptor",
        "2 x ask: a subprocess",
    ),
}


class Said(NamedTuple):
    """What the view says while a program pauses, and what it finds in all."""

    tasks: tuple[str, ...]  # "3 x work: a timer"
    findings: tuple[str, ...]


def is_the_pause(detail: dict[str, Any]) -> bool:
    return detail.get("where") == "timer" and 0.9 * PAUSE < detail["delay"] / 1000 <= PAUSE


def said_of(main: Callable[[], Any], system: Any = None) -> Said:
    recorder = Recorder()
    AsyncioProgram(system, recorder).run(main())
    events = recorder.events
    timer = next(event.identity for event in events if is_the_pause(event.detail or {}))
    state = State()
    for event in events:
        if event.kind == "run" and event.identity == timer:
            break  # its end
        state.apply(event)
    tasks = [f"{count} x {who}: {what}" for who, what, count in state.tasks.field(0)[2]]
    found = [event.detail["text"] for event in events if event.kind == "found" and event.detail]
    return Said(tuple(sorted(tasks)), tuple(found))


@pytest.mark.parametrize("main", TRUE)
@pytest.mark.slow
def test_what_the_view_says_is_true(main: Callable[[], Any]) -> None:
    assert said_of(main).tasks == TRUE[main]


def table() -> str:
    """What the view says of each program, as Markdown."""
    lines = ["| program | while it pauses, the view says | findings | true |", "|---|---|---|---|"]
    for main, true in TRUE.items():
        said = said_of(main)
        findings = "; ".join(said.findings) or "none"
        is_true = "yes" if said == (true, ()) else "no"
        lines.append(_row(main, "<br>".join(said.tasks), findings, is_true))
    for main, kind, line, _ in WRONG:
        ((_, text, found),) = found_in(main)
        lines.append(_row(main, "", f"{kind}: {text}", "yes" if line in found else "no"))
    for main in ORDINARY:
        findings = "; ".join(text for _, text, _ in found_in(main)) or "none"
        lines.append(_row(main, "", findings, "yes" if findings == "none" else "no"))
    return "\n".join(lines)


def _row(main: Callable[[], Any], *cells: str) -> str:
    return " | ".join(("", main.__name__.replace("_", " "), *cells, "")).strip()


if __name__ == "__main__":
    print(table())
