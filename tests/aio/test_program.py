"""A program of asyncio's that is watched does what it does, and can be held and stopped."""

import _thread
import asyncio
import gc
import socket
import sys
import threading
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from minirt import Recorder, Simulation
from minirt.aio import MinirtEventLoop, play
from minirt.aio.program import AsyncioProgram
from minirt.aio.watched_loop import WatchedLoop
from minirt.errors import AlreadyRan
from minirt.watching.gate import Gate
from minirt.watching.trace import Event


async def squared(number: int) -> int:
    await asyncio.sleep(0)
    return number * number


async def crowd() -> list[int]:
    return await asyncio.gather(*map(squared, range(5)))


def events_of(main: Any, system: Any = None) -> list[Event]:
    recorder = Recorder()
    AsyncioProgram(system, recorder).run(main)
    return recorder.events


def kinds(events: list[Event], name: str) -> list[str]:
    """What happened to the task of this name."""
    return [event.kind for event in about(events, name)]


def about(events: list[Event], name: str) -> list[Event]:
    """The events of the task of this name, which it gets when it is made, or a moment later."""
    of_tasks = [event for event in events if "coroutine" in (event.detail or {})]
    named = {event.identity for event in of_tasks if event.detail and event.detail["name"] == name}
    return [event for event in of_tasks if event.identity in named]


def test_play_returns_what_main_returns() -> None:
    assert asyncio.run(play(crowd(), view=False)) == [0, 1, 4, 9, 16]


def test_play_raises_what_main_raises() -> None:
    async def fails() -> None:
        raise LookupError("not here")

    with pytest.raises(LookupError, match="not here"):
        asyncio.run(play(fails(), view=False))


def test_in_simulated_time_an_hour_is_over_at_once() -> None:
    async def main() -> float:
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    assert asyncio.run(play(main(), view=False, system=Simulation())) >= 3600


def test_in_simulated_time_a_socket_is_refused_in_a_sentence_that_fits() -> None:
    async def main() -> None:
        one, other = socket.socketpair()
        with one, other:
            asyncio.get_running_loop().add_reader(one, one.recv, 1)

    with pytest.raises(ValueError, match="a cell without --sim"):
        asyncio.run(play(main(), view=False, system=Simulation()))


@pytest.mark.parametrize("main", [None, 3, "main"])
def test_what_is_no_coroutine_is_refused(main: Any) -> None:
    with pytest.raises(TypeError, match="expected a coroutine"):
        asyncio.run(play(main, view=False))


def test_a_program_runs_once() -> None:
    program = AsyncioProgram()
    program.run(crowd())
    again = crowd()
    with pytest.raises(AlreadyRan):
        program.run(again)
    again.close()


def test_a_program_may_run_loops_itself_and_each_is_minirts() -> None:
    seen: list[type] = []

    async def look() -> None:
        await asyncio.sleep(0)
        seen.append(type(asyncio.get_running_loop()))

    def main() -> str:
        asyncio.run(look())
        asyncio.run(look())
        loop = asyncio.new_event_loop()
        loop.run_until_complete(look())
        loop.close()
        return "over"

    recorder = Recorder()
    program = AsyncioProgram(None, recorder)
    program.run(main)
    assert seen == [MinirtEventLoop] * 3
    assert program.value == "over"
    made = [e for e in recorder.events if e.kind == "created" and e.detail]
    assert sum(e.detail["callback"] == "look" for e in made if e.detail) == 3


def test_the_loops_of_other_threads_stay_as_they_are() -> None:
    kinds: list[type] = []

    def elsewhere() -> None:
        loop = asyncio.new_event_loop()
        kinds.append(type(loop))
        loop.close()

    async def main() -> None:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        await asyncio.to_thread(thread.join)

    AsyncioProgram().run(main())
    after = asyncio.new_event_loop()
    after.close()
    assert kinds == [type(after)]
    assert type(after) is not MinirtEventLoop


def test_a_task_is_told_of_from_its_making_to_its_end() -> None:
    async def main() -> None:
        await asyncio.create_task(squared(3), name="square")

    events = events_of(main())
    assert kinds(events, "square") == ["created", "step", "awaits", "resumed", "done"]
    made = about(events, "square")[0]
    mother = next(e for e in events if e.kind == "step")
    assert made.detail is not None
    assert made.detail["parent"] == str(mother.identity)
    assert made.detail["coroutine"] == "squared"


def test_a_cancelled_task_and_a_failed_one_say_so() -> None:
    async def fails() -> None:
        raise ValueError("no")

    async def main() -> None:
        sleeper = asyncio.create_task(asyncio.sleep(10), name="sleeper")
        failing = asyncio.create_task(fails(), name="failing")
        await asyncio.sleep(0)
        sleeper.cancel()
        await asyncio.wait([sleeper, failing])
        failing.exception()

    events = events_of(main())
    assert kinds(events, "sleeper")[-1] == "cancelled"
    last = [e for e in events if (e.detail or {}).get("name") == "failing"][-1]
    assert last.detail is not None
    assert last.detail["error"] == "ValueError('no')"


def test_a_task_that_is_at_work_when_the_watching_begins_is_told_of_at_the_end_of_its_step() -> (
    None
):
    recorder = Recorder()
    loop = MinirtEventLoop()
    watched = WatchedLoop(loop)

    async def begins() -> None:
        watched.book.read_through(loop, 10)
        watched.attach(recorder)

    async def main() -> None:
        await asyncio.create_task(begins(), name="begins")
        await asyncio.sleep(0)
        watched.detach()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main())
    told = [event.kind for event in recorder if (event.detail or {}).get("name") == "begins"]
    assert told == ["done"]


def test_who_woke_a_task_is_told() -> None:
    async def main() -> None:
        queue: asyncio.Queue[int] = asyncio.Queue()
        getter = asyncio.create_task(queue.get(), name="getter")
        await asyncio.sleep(0)
        await asyncio.create_task(queue.put(1), name="putter")
        await getter

    events = events_of(main())
    woken = [
        e.detail["by"]
        for e in events
        if e.kind == "resumed" and e.detail and e.detail["name"] == "getter"
    ]
    assert woken == ["putter"]


def test_a_watched_program_does_what_it_does_unwatched() -> None:
    async def main() -> list[str]:
        said: list[str] = []
        loop = asyncio.get_running_loop()
        loop.call_later(0.002, said.append, "timer")
        loop.call_soon(said.append, "soon")
        handle = loop.call_soon(said.append, "cancelled")
        handle.cancel()

        async def worker(name: str, queue: "asyncio.Queue[int]") -> None:
            while True:
                said.append(f"{name} {await queue.get()}")
                queue.task_done()

        queue: asyncio.Queue[int] = asyncio.Queue(2)
        workers = [asyncio.create_task(worker(name, queue)) for name in "ab"]
        for number in range(6):
            await queue.put(number)
        await queue.join()
        for one in workers:
            one.cancel()
        await asyncio.sleep(0.004)
        said += map(str, await asyncio.gather(*workers, return_exceptions=True))
        return said

    watched = AsyncioProgram(Simulation(), Recorder())
    watched.run(main())
    alone = AsyncioProgram(Simulation())
    alone.run(main())
    assert watched.value == alone.value == asyncio.run(main())


def test_what_the_program_got_is_given_back() -> None:
    shown = warnings.showwarning
    filters = list(warnings.filters)
    AsyncioProgram(None, Recorder()).run(crowd())
    assert warnings.showwarning is shown
    assert list(warnings.filters) == filters
    assert not [one for one in threading.enumerate() if one.name.startswith("minirt watchdog")]


def run_in_thread(
    program: AsyncioProgram, main: Any, meanwhile: Callable[[], object]
) -> BaseException | None:
    """Run it on a thread. What left it."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            program.run(main)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    meanwhile()
    thread.join(10)
    assert not thread.is_alive()
    return raised[0] if raised else None


@pytest.mark.parametrize("then", [lambda: None, lambda: 1 / 0], ids=["by it", "by what follows"])
def test_a_program_that_an_interrupt_ends_leaves_no_task_that_complains_later(
    then: Callable[[], object],
) -> None:
    said: list[Any] = []
    tasks: set[asyncio.Task[None]] = set()

    async def waits_for_nobody() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: said.append(context))
        await loop.create_future()

    def main() -> None:
        loop = asyncio.new_event_loop()
        tasks.add(loop.create_task(waits_for_nobody()))
        try:
            loop.call_soon(_thread.interrupt_main)
            loop.run_until_complete(asyncio.sleep(9))
        finally:
            then()

    with pytest.raises((KeyboardInterrupt, ZeroDivisionError)):
        AsyncioProgram(Simulation()).run(main)
    tasks.clear()
    gc.collect()
    assert said == []


def test_a_stop_cancels_the_tasks_and_they_end_in_order() -> None:
    said: list[str] = []
    runs = threading.Event()

    async def main() -> None:
        try:
            runs.set()
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            said.append("cleaned up")

    program = AsyncioProgram()
    error = run_in_thread(program, main(), lambda: (runs.wait(10), program.stop()))
    assert said == ["cleaned up"]
    assert error is None


def test_a_stop_is_told_to_who_waits_for_a_signal() -> None:
    import signal

    runs = threading.Event()

    async def main() -> str:
        wanted = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, wanted.set)
        runs.set()
        await wanted.wait()
        return "ended in order"

    program = AsyncioProgram()
    run_in_thread(program, main(), lambda: (runs.wait(10), program.stop()))
    assert program.value == "ended in order"


def test_a_gate_lets_one_step_pass_at_a_time() -> None:
    gate = Gate(paused=True)
    steps: list[int] = []

    async def main() -> None:
        for number in range(3):
            steps.append(number)
            await asyncio.sleep(0)

    program = AsyncioProgram()
    program.attach(None, gate)

    def look() -> None:
        held = threading.Event()
        for passed in range(1, 3):
            while not gate.holding:
                held.wait(0.001)
            assert len(steps) == passed - 1
            gate.step()
            while len(steps) < passed or not gate.holding:
                held.wait(0.001)
        gate.resume()

    run_in_thread(program, main(), look)
    assert steps == [0, 1, 2]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are of 3.12")
def test_an_eager_task_is_known_when_it_waits() -> None:
    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined,unused-ignore]
        await asyncio.create_task(squared(2), name="eager")

    assert kinds(events_of(main()), "eager")[-1] == "done"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are of 3.12")
def test_an_eager_task_that_the_loop_was_not_told_of_is_known_while_it_waits() -> None:
    async def main() -> None:
        loop, never = asyncio.get_running_loop(), asyncio.Event()
        eager: Any = partial(asyncio.Task, loop=loop, eager_start=True)
        tasks = [eager(never.wait(), name=f"eager {number}") for number in range(20)]
        await asyncio.sleep(0.2)
        for task in tasks:
            task.cancel()

    events = events_of(main())
    for number in range(20):
        assert kinds(events, f"eager {number}")[:2] == ["created", "awaits"]
