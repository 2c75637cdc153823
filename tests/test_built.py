"""Does what a chapter builds work? A program runs on the classes that its quotes make."""

import pytest

from minirt.exercises.promises import printed_with, promise_program
from tests.built import globals_of, read, run, unknown_names
from tests.notebooks import NOTEBOOKS
from tests.quotes import code_cells

CHAPTERS = [path.stem for path in sorted(NOTEBOOKS.glob("*.ipynb"))]

OF_05 = """
import socket
import threading

from minirt import Runtime

ear, mouth = socket.socketpair()
rt = Runtime(system=RealSystem(poll=EpollPoll))


def heard(readiness):
    print("heard", ear.recv(100), "by", Registrator.register.__code__.co_filename[:8])
    rt.loop.watch(mouth, Interest.WRITABLE, writable)


def writable(readiness):
    print("room:", readiness.into_int().name)
    rt.loop.unwatch(mouth)
    ear.close()


def main():
    token = rt.generate_cb_identity()
    rt.epoll_registrator.register(ear, token, Interest.READABLE)
    rt.register_event_epoll(token, heard)
    threading.Timer(0.05, rt.call_from_thread, [lambda _: mouth.send(b"hello")]).start()


rt.run(main)
mouth.close()
"""

OF_06 = """
import threading

from minirt import String

rt = Runtime(threads=2)
rt.on_uncaught = lambda error: print("uncaught:", type(error).__name__)


def say(text):
    return lambda _: print(text)


def main():
    rt.set_timeout(10, at_once)
    print("main, by", Loop.turn.__code__.co_filename[:8])


def at_once(_):
    rt.set_immediate(say("immediate"))
    rt.queue_microtask(say("microtask"))
    rt.next_tick(say("tick"))
    rt.call_in_close_phase(closing)


def closing(_):
    print("close")
    rt.register_event_threadpool(lambda: String("a result"), TaskKind("Example"), result)


def result(value):
    print(value.into_string())
    threading.Timer(0.05, rt.call_from_thread, [message]).start()
    rt.set_timeout(3_600_000, say("an hour is over"))


def message(_):
    print("a message")
    rt.set_immediate(lambda _: [][0])
    rt.set_immediate(lambda _: rt.stop())
    rt.set_immediate(say("never"))


rt.run(main)
print(rt.phase)
rt = Runtime()
rt.start(lambda: rt.set_timeout(5, say("turn by turn")))
while rt.tick():
    pass
"""

OF_07 = """
from minirt import Runtime, Simulation

with SlowServer() as slow:
    def arrived(page):
        log(page.into_string().strip())

    Runtime().run(lambda: http.get(f"{slow.url}/delay/20/tea", arrived))
print(Exchange._ready.__code__.co_filename[:10])
Runtime(system=Simulation()).run(main)
"""

OF_09 = """
from minirt import Runtime, Simulation, gather, race, sleep_ms, timeout_ms


async def slow(name, ms):
    try:
        await sleep_ms(ms)
        return name
    except Cancelled:
        print(f"{name} is cancelled")
        raise


async def fails():
    await sleep_ms(5)
    raise ValueError("broken")


async def main():
    print(await gather(slow("a", 30), slow("b", 10)), await race(slow("c", 30), slow("d", 10)))
    try:
        await gather(slow("e", 1000), fails())
    except ValueError as error:
        print(error)
    try:
        async with timeout_ms(20):
            await Sleep(1000)
    except TimeoutError as error:
        print(error, "by", Task._step.__code__.co_filename[:8])
    Task(fails())
    await sleep_ms(10)
    return "returned"


rt = Runtime(system=Simulation())
rt.on_uncaught = lambda error: print("told:", error)
print(rt.run(main))
"""


OF_10 = """
import asyncio

from minirt import Simulation


async def serve(reader, writer):
    writer.write(b"hello " + await reader.readline())
    await writer.drain()
    writer.close()


async def main():
    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"Ada\\n")
    print((await reader.readline()).decode().strip())
    writer.close()
    server.close()
    try:
        async with asyncio.timeout(0.01):
            await asyncio.Event().wait()
    except TimeoutError:
        print("timeout")
    print(await asyncio.to_thread(lambda: loop.call_soon_threadsafe(print, "of a thread") and 1))
    loop.call_later(0.0002, print, "third")
    loop.call_later(0.0001, print, "second")
    loop.call_soon(print, "first")
    await asyncio.sleep(0.05)
    for function in (loop.call_soon, loop._listen, loop._core.timers_phase):
        print(function.__code__.co_filename[:8])


with asyncio.Runner(loop_factory=MinirtEventLoop) as runner:
    runner.run(main())
with asyncio.Runner(loop_factory=lambda: MinirtEventLoop(Simulation())) as runner:
    runner.run(asyncio.sleep(3600))
    print("an hour:", round(runner.get_loop().time()))
"""


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_has_every_name_that_its_quotes_use(chapter: str) -> None:
    assert unknown_names(chapter) == []


def test_a_name_that_is_missing_is_found() -> None:
    code = compile("def f():\n    def g():\n        return missing\n    return g", "x", "exec")
    assert globals_of(code) == {"missing"}


@pytest.mark.slow
def test_a_runtime_sleeps_in_the_poll_of_chapter_05() -> None:
    assert run("05_epoll", OF_05) == ["heard b'hello' by 05_epoll", "room: WRITABLE"]


@pytest.mark.slow
def test_a_program_runs_on_the_runtime_of_chapter_06() -> None:
    assert run("06_the_event_loop", OF_06) == [
        "main, by 06_the_e",
        "tick",
        "microtask",
        "immediate",
        "close",
        "a result",
        "a message",
        "uncaught: IndexError",
        "closed",
        "turn by turn",
    ]


@pytest.mark.slow
def test_the_main_example_runs_on_the_modules_of_chapter_07() -> None:
    lines = run("07_modules", OF_07)
    assert lines[:2] == ["Thread: main  You asked for /tea and waited 20 ms.", "07_modules"]
    assert 'Thread: main  The "encrypted" number is 63245986' in lines
    assert lines[-1] == "Thread: main  The nested 500 ms are over"


@pytest.mark.slow
def test_a_program_awaits_on_the_futures_and_tasks_of_chapter_09() -> None:
    assert run("09_from_callbacks_to_await", OF_09) == [
        "['a', 'b'] d",
        "c is cancelled",
        "e is cancelled",
        "broken",
        "not done within 20 ms by 09_from_",
        "told: broken",
        "returned",
    ]


def test_the_plain_classes_of_chapter_09_keep_the_order_of_node() -> None:
    names = {"__name__": "__main__"}
    for _, cell in code_cells(read("09_from_callbacks_to_await")):
        if cell.source.startswith(("class PlainFuture", "def await_plainly", "class PlainTask")):
            definitions = cell.source.partition("\n\n\nsimulated")[0]
            exec("from minirt import queue_microtask, set_timeout\n" + definitions, names)
    plain = {name: names[f"Plain{name}"] for name in ("Future", "Task")}
    for number in ("01", "02", "03", "04", "06", "11", "12", "24", "26", "27"):
        one = promise_program(number)
        assert printed_with(one, **plain) == list(one.orders[0])


@pytest.mark.slow
def test_asyncio_runs_on_the_loop_of_chapter_10() -> None:
    assert run("10_run_asyncio_on_it", OF_10) == [
        "hello Ada",
        "timeout",
        "of a thread",
        "1",
        "first",
        "second",
        "third",
        *["10_run_a"] * 3,
        "an hour: 3600",
    ]
