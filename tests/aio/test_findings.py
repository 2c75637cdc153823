"""What is wrong with a program is said with its line; of what is all right nothing is said."""

import asyncio
import contextlib
import gc
import io
import itertools
import socket
import sys
import time
import warnings
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from minirt import Recorder
from minirt.aio.program import AsyncioProgram

HERE = __file__


def found_in(main: Callable[[], Any]) -> list[tuple[str, str, str]]:
    """(which finding, its text, the reader's line) of each finding of a run."""
    recorder = Recorder()
    program = AsyncioProgram(None, recorder)
    with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():  # asyncio's own
        warnings.showwarning = lambda *warning: None  # type: ignore[assignment]
        program.run(main())
    lines = Path(HERE).read_text().splitlines()
    findings = []
    for event in recorder.events:
        if event.kind == "found" and event.detail is not None:
            assert event.detail["file"] == HERE
            line = lines[event.detail["line"] - 1].strip()
            findings.append((event.detail["finding"], event.detail["text"], line))
    return findings


# Wrong


async def sleeps_on_the_loop() -> None:
    await asyncio.sleep(0)
    time.sleep(0.12)  # noqa: ASYNC251


async def sleeps_between_two_awaits() -> None:
    await asyncio.sleep(0); time.sleep(0.12)  # fmt: skip  # noqa: ASYNC251, E702


async def blocks_in_a_library() -> None:
    one, other = socket.socketpair()
    other.settimeout(0.12)
    with one, other, other.makefile("rb") as stream, contextlib.suppress(TimeoutError):
        stream.read(1)


async def computes() -> None:
    until = time.thread_time() + 0.12
    while time.thread_time() < until:
        pass


async def nothing() -> None:
    pass


async def forgets_to_await() -> None:
    nothing()  # type: ignore[unused-coroutine]
    await asyncio.sleep(0)


async def fails() -> None:
    raise LookupError("no such page")


async def nobody_asks() -> None:
    asyncio.create_task(fails())  # noqa: RUF006
    await asyncio.sleep(0.001)


async def waits_for_ever() -> None:
    await asyncio.get_running_loop().create_future()


async def keeps_no_task() -> None:
    asyncio.create_task(waits_for_ever())  # noqa: RUF006
    await asyncio.sleep(0)
    gc.collect()


async def sleeps_with_a_lock() -> None:
    lock = asyncio.Lock()

    async def holds() -> None:
        async with lock:
            await asyncio.sleep(0.1)

    async def waits() -> None:
        async with lock:
            pass

    await asyncio.gather(holds(), waits())


async def breeds() -> None:
    loop, left = asyncio.get_running_loop(), itertools.count()

    def breed() -> None:
        if next(left) < 3_000:
            loop.call_soon(breed)
            loop.call_soon(breed)

    breed()
    await asyncio.sleep(0.01)


async def imports_what_is_slow() -> None:
    await asyncio.sleep(0)
    import slow_to_import  # type: ignore[import-not-found]  # noqa: F401


WRONG = [
    (sleeps_on_the_loop, "blocking", "time.sleep(0.12)", "Use await asyncio.sleep()"),
    (sleeps_between_two_awaits, "blocking", "time.sleep(0.12)", "Use await asyncio.sleep()"),
    (blocks_in_a_library, "blocking", "stream.read(1)", "a socket blocks every task"),
    (computes, "held", "", "held the loop for"),
    (forgets_to_await, "never awaited", "nothing()", "nothing() was called and never awaited"),
    (nobody_asks, "unretrieved", "raise LookupError", "LookupError('no such page')"),
    (keeps_no_task, "destroyed", "create_future()", "nobody kept a reference"),
    (sleeps_with_a_lock, "lock", "await asyncio.sleep(0.1)", "sleeps while it holds a lock"),
    (breeds, "growth", "def breed()", "more in each round"),
]


@pytest.mark.parametrize(("main", "kind", "line", "words"), WRONG)
def test_what_is_wrong_is_said_with_its_line(main: Any, kind: str, line: str, words: str) -> None:
    findings = found_in(main)
    assert [one[0] for one in findings] == [kind], findings
    assert words in findings[0][1]
    assert line in findings[0][2]


def test_tasks_that_wait_for_each_other_in_a_circle() -> None:
    program = """
import asyncio
tasks = {}
async def one(): await tasks["other"]
async def other(): await tasks["one"]
async def main():
    tasks["one"] = asyncio.create_task(one(), name="one")
    tasks["other"] = asyncio.create_task(other(), name="other")
    await asyncio.sleep(0.01)
asyncio.run(main())
"""
    recorder = Recorder()
    with contextlib.suppress(RecursionError):  # asyncio itself, when it cancels them
        AsyncioProgram(None, recorder).run(lambda: exec(program, {"__name__": "__main__"}))
    said = [event.detail["text"] for event in recorder if event.kind == "found" and event.detail]
    assert any("other, one wait for each other in a circle, in line 5" in text for text in said)


# Twelve ordinary programs


async def workers_at_a_queue() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(5)

    async def worker() -> None:
        while True:
            await queue.get()
            await asyncio.sleep(0.001)
            queue.task_done()

    workers = [asyncio.create_task(worker()) for _ in range(3)]
    for number in range(30):
        await queue.put(number)
    await queue.join()
    for one in workers:
        one.cancel()
    await asyncio.gather(*workers, return_exceptions=True)


async def a_group_with_a_failure() -> None:
    with contextlib.suppress(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(fails())
            group.create_task(asyncio.sleep(10))


async def a_crowd_at_a_semaphore() -> None:
    slots = asyncio.Semaphore(3)

    async def enter() -> None:
        async with slots:
            await asyncio.sleep(0.001)

    await asyncio.gather(*(enter() for _ in range(30)))


async def gathers_five_hundred() -> None:
    await asyncio.gather(*(asyncio.sleep(0.001 * (number % 5)) for number in range(500)))


async def limits_a_wait() -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(waits_for_ever(), 0.005)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.005):
            await asyncio.Event().wait()


async def echoes() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server:
        address = server.sockets[0].getsockname()
        for _ in range(3):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(b"hello\n")
            assert await reader.readline() == b"hello\n"
            writer.close()
            await writer.wait_closed()


async def runs_a_subprocess() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-S", "-c", "print(1)"), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert out == b"1\n"


async def works_on_threads() -> None:
    await asyncio.gather(*(asyncio.to_thread(time.sleep, 0.06) for _ in range(3)))


async def counts_with_a_lock() -> None:
    lock, count = asyncio.Lock(), 0

    async def add() -> None:
        nonlocal count
        async with lock:
            before = count
            await asyncio.sleep(0)
            count = before + 1

    await asyncio.gather(*(add() for _ in range(20)))
    assert count == 20


async def waits_for_a_condition() -> None:
    condition, ready = asyncio.Condition(), False

    async def waiter() -> None:
        async with condition:
            await condition.wait_for(lambda: ready)

    waiters = [asyncio.create_task(waiter()) for _ in range(3)]
    await asyncio.sleep(0.06)
    async with condition:
        ready = True
        condition.notify_all()
    await asyncio.gather(*waiters)


async def iterates() -> None:
    async def ticks() -> AsyncIterator[int]:
        for number in range(5):
            await asyncio.sleep(0.001)
            yield number

    assert [number async for number in ticks()] == list(range(5))


async def cancels_and_hears_of_it() -> None:
    task = asyncio.create_task(waits_for_ever())
    failed = asyncio.create_task(fails())
    await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait([task, failed])
    assert len(done) == 2
    assert isinstance(failed.exception(), LookupError)


ORDINARY = (
    workers_at_a_queue,
    a_group_with_a_failure,
    a_crowd_at_a_semaphore,
    gathers_five_hundred,
    limits_a_wait,
    echoes,
    runs_a_subprocess,
    works_on_threads,
    counts_with_a_lock,
    waits_for_a_condition,
    iterates,
    cancels_and_hears_of_it,
)


@pytest.mark.parametrize("main", ORDINARY)
def test_an_ordinary_program_gives_no_alarm(main: Any) -> None:
    assert found_in(main) == []


def test_of_a_line_of_a_library_the_file_is_said_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "site-packages"
    library.mkdir()
    (library / "slow_library.py").write_text(
        "import time\nasync def works() -> None:\n    time.sleep(0.12)\n"
    )
    monkeypatch.syspath_prepend(library)
    works = __import__("slow_library").works
    recorder = Recorder()
    AsyncioProgram(None, recorder).run(works())
    said = [event.detail["text"] for event in recorder if event.kind == "found" and event.detail]
    assert "in line 3 of site-packages/slow_library.py: time.sleep(0.12)" in said[0]


async def collects_garbage() -> None:
    until = time.thread_time() + 0.12
    while time.thread_time() < until:
        gc.collect()


def test_what_the_garbage_collector_takes_is_no_fault_of_the_line_to_which_it_comes() -> None:
    assert found_in(collects_garbage) == []


@pytest.mark.parametrize("at_work", ["time.sleep(0.12)", "import http.client; time.sleep(0.12)"])
def test_a_slow_import_is_told_as_one_whatever_it_does(
    at_work: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow_to_import.py").write_text(f"import time\n{at_work}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "slow_to_import", raising=False)
    ((finding, text, line),) = found_in(imports_what_is_slow)
    assert finding == "blocking"
    assert "an import blocks every task. Import it at the top" in text
    assert line.startswith("import slow_to_import")
