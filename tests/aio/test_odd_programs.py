"""What the view says of programs that few people write, and is it true?

As in `test_what_is_said`, each pauses once. Most of them run in simulated time.
"""

import asyncio
import collections.abc
import contextlib
import gc
import json
import math
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from functools import partial
from typing import Any

import anyio
import anyio._backends._asyncio  # to import it while a program runs would be found, and rightly
import pytest

from minirt import Recorder, Simulation
from minirt.aio.program import AsyncioProgram
from minirt.views.tape import tape
from minirt.views.watch import Watch

from .test_findings import ORDINARY, WRONG
from .test_what_is_said import PAUSE, TRUE, said_of

LONGER = PAUSE + 0.1  # s


async def pauses() -> None:
    await asyncio.sleep(PAUSE)


async def naps() -> None:
    await asyncio.sleep(LONGER)


async def beside(*others: Coroutine[Any, Any, Any]) -> None:
    """Pause while these run, then wait for their end."""
    tasks = [asyncio.create_task(one) for one in others]
    await pauses()
    await asyncio.gather(*tasks)


async def groups_in_groups() -> None:
    async def inner() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(naps())
            group.create_task(naps())

    async with asyncio.TaskGroup() as group:
        group.create_task(inner())
        group.create_task(inner())
        await pauses()


async def a_barrier() -> None:
    barrier = asyncio.Barrier(3)

    async def comes() -> None:
        await barrier.wait()

    async def comes_in() -> None:
        async with barrier:
            pass

    async def comes_late() -> None:
        await naps()
        await barrier.wait()

    await beside(comes(), comes_in(), comes_late())


async def two_conditions_of_one_lock() -> None:
    lock = asyncio.Lock()
    full, empty = asyncio.Condition(lock), asyncio.Condition(lock)
    is_gone = False

    async def fills() -> None:
        async with full:
            await full.wait()

    async def empties() -> None:
        async with empty:
            await empty.wait_for(lambda: is_gone)

    async def tells() -> None:
        nonlocal is_gone
        await naps()
        is_gone = True
        async with lock:
            full.notify_all()
            empty.notify_all()

    await beside(fills(), empties(), tells())


async def queues_of_other_orders() -> None:
    best, last = asyncio.PriorityQueue[int](1), asyncio.LifoQueue[int]()
    await best.put(1)

    async def puts() -> None:
        await best.put(2)

    async def gets() -> None:
        await last.get()

    async def ends_it() -> None:
        await naps()
        await best.get()
        await last.put(1)

    await beside(puts(), gets(), ends_it())


async def one_after_the_other_as_they_end() -> None:
    async def consumes() -> None:
        for one in asyncio.as_completed([naps(), naps()]):
            await one

    await beside(consumes())


async def what_is_shielded() -> None:
    inner = asyncio.create_task(naps(), name="inner")

    async def outer() -> None:
        await asyncio.shield(inner)

    async def limited() -> None:
        await asyncio.wait_for(asyncio.shield(asyncio.gather(inner)), 5)

    await beside(outer(), limited())


async def a_generator_with_an_end_of_its_own() -> None:
    async def numbers() -> AsyncIterator[int]:
        try:
            await asyncio.sleep(LONGER)
            yield 1
        finally:
            await asyncio.sleep(0.01)

    async def takes_one() -> None:
        async for _ in numbers():
            break

    await beside(takes_one())
    gc.collect()
    await asyncio.sleep(0.05)


async def a_thread_that_asks_the_loop() -> None:
    loop, answers = asyncio.get_running_loop(), []

    async def answer() -> int:
        await naps()
        return 7

    def asks() -> None:
        answers.append(asyncio.run_coroutine_threadsafe(answer(), loop).result())

    thread = threading.Thread(target=asks)
    thread.start()
    await pauses()
    await asyncio.to_thread(thread.join)
    assert answers == [7]


async def callbacks_without_any_task() -> None:
    loop, left, over = asyncio.get_running_loop(), 1_500, asyncio.Event()

    def goes_on() -> None:
        nonlocal left
        left -= 1
        loop.call_soon(goes_on if left else over.set)

    goes_on()
    await over.wait()
    await pauses()


class Waits:
    """An awaitable of the program's."""

    def __init__(self, future: Any) -> None:
        self._future = future

    def __await__(self) -> Generator[Any, Any, Any]:
        yield from self._future.__await__()


class Promise(asyncio.Future[None]):
    """A future of the program's."""


async def awaitables_of_its_own() -> None:
    promise = Promise()

    async def waits() -> None:
        await Waits(Waits(promise))

    async def waits_for_it() -> None:
        await promise

    async def keeps_it() -> None:
        await naps()
        promise.set_result(None)

    await beside(waits(), waits_for_it(), keeps_it())


async def anyio_does_it() -> None:
    limit, ready = anyio.CapacityLimiter(1), anyio.Event()

    async def limited() -> None:
        async with limit:
            await anyio.sleep(LONGER)

    async def waits() -> None:
        await ready.wait()

    async with anyio.create_task_group() as group:
        group.start_soon(limited)
        group.start_soon(limited)
        group.start_soon(waits)
        await pauses()
        ready.set()


async def a_stack_of_things() -> None:
    lock = asyncio.Lock()
    await lock.acquire()

    async def enters() -> None:
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(lock)

    task = asyncio.create_task(enters())
    await pauses()
    lock.release()
    await task


class OwnLock(asyncio.Lock):
    """As asyncio's, with a name of its own."""


async def a_lock_of_its_own_kind() -> None:
    lock = OwnLock()
    await lock.acquire()

    async def enters() -> None:
        async with lock:
            pass

    task = asyncio.create_task(enters())
    await pauses()
    lock.release()
    await task


async def tasks_and_futures_together() -> None:
    future = asyncio.get_running_loop().create_future()

    async def gathers() -> None:
        await asyncio.gather(naps(), future)

    async def gathers_no_task() -> None:
        await asyncio.gather(future)

    async def waits() -> None:
        await asyncio.wait({future})

    async def sets() -> None:
        await naps()
        future.set_result(1)

    await beside(gathers(), gathers_no_task(), waits(), sets())


async def a_limit_in_the_same_line() -> None:
    async def waits() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LONGER): await asyncio.Event().wait()  # fmt: skip  # noqa: E701

    await beside(waits())


async def a_circle_with_a_limit() -> None:
    tasks: dict[str, asyncio.Task[None]] = {}

    async def one() -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(tasks["other"]), LONGER)

    async def other() -> None:
        await asyncio.wait([tasks["one"]])

    tasks["one"] = asyncio.create_task(one(), name="one")
    tasks["other"] = asyncio.create_task(other(), name="other")
    await pauses()
    await asyncio.gather(*tasks.values())


async def a_circle_with_another_limit() -> None:
    tasks: dict[str, asyncio.Task[None]] = {}

    async def one() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LONGER):
                await asyncio.shield(tasks["other"])

    async def other() -> None:
        await asyncio.wait([tasks["one"]])

    tasks["one"] = asyncio.create_task(one(), name="one")
    tasks["other"] = asyncio.create_task(other(), name="other")
    await pauses()
    await asyncio.gather(*tasks.values())


async def locks_that_nobody_waits_for() -> None:
    lock = asyncio.Lock()

    async def holds() -> None:
        async with lock:
            await naps()

    await beside(holds())


async def a_pool_of_its_own() -> None:
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as pool:

        async def works() -> None:
            await loop.run_in_executor(pool, time.sleep, LONGER)

        await beside(works())


async def another_loop_in_a_thread() -> None:
    async def other() -> int:
        await naps()
        return 5

    job = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(other())))
    await pauses()
    assert await job == 5


async def a_crowd_of_thousands() -> None:
    await beside(*(naps() for _ in range(2_000)))


# What is true, beside the pause of the main task
IN_SIMULATED_TIME: dict[Callable[[], Any], tuple[str, ...]] = {
    groups_in_groups: ("2 x inner: tasks", "4 x naps: a timer"),
    a_barrier: (
        "1 x comes: barrier barrier",
        "1 x comes_in: barrier barrier",
        "1 x comes_late: a timer",
    ),
    two_conditions_of_one_lock: (
        "1 x empties: empty.wait",
        "1 x fills: full.wait",
        "1 x tells: a timer",
    ),
    queues_of_other_orders: ("1 x ends_it: a timer", "1 x gets: last.get", "1 x puts: best.put"),
    one_after_the_other_as_they_end: (
        "1 x consumes: the next one of as_completed",
        "2 x naps: a timer",
    ),
    what_is_shielded: ("1 x limited: tasks", "1 x naps: a timer", "1 x outer: tasks"),
    a_generator_with_an_end_of_its_own: ("1 x takes_one: a timer",),
    callbacks_without_any_task: (),
    awaitables_of_its_own: (
        "1 x keeps_it: a timer",
        "1 x waits: a Promise",
        "1 x waits_for_it: a Promise",
    ),
    anyio_does_it: (
        "1 x TaskHandle._run_coro: a timer",
        "1 x TaskHandle._run_coro: event.wait",
        "1 x TaskHandle._run_coro: ready.wait",
    ),
    a_stack_of_things: ("1 x enters: lock.acquire",),
    a_lock_of_its_own_kind: ("1 x enters: lock lock",),
    tasks_and_futures_together: (
        "1 x gathers: tasks",
        "1 x gathers_no_task: a Future",
        "1 x naps: a timer",
        "1 x sets: a timer",
        "1 x waits: a Future",
    ),
    a_limit_in_the_same_line: ("1 x waits: event.wait",),
    a_circle_with_a_limit: ("1 x one: tasks", "1 x other: tasks"),
    a_circle_with_another_limit: ("1 x one: tasks", "1 x other: tasks"),
    locks_that_nobody_waits_for: ("1 x holds: a timer",),
    a_crowd_of_thousands: ("2000 x naps: a timer",),
}
IN_REAL_TIME: dict[Callable[[], Any], tuple[str, ...]] = {
    a_thread_that_asks_the_loop: ("1 x answer: a timer",),
    a_pool_of_its_own: ("1 x works: a function of an executor",),
    another_loop_in_a_thread: ("1 x to_thread: a thread",),
}


def is_true(said: tuple[str, ...], true: tuple[str, ...], main: Callable[[], Any]) -> bool:
    of_main = f"1 x {main.__name__}: a timer"
    return sorted(said) == sorted((*true, of_main))


@pytest.mark.parametrize("main", IN_SIMULATED_TIME)
@pytest.mark.slow
def test_what_the_view_says_is_true_and_nothing_is_found(main: Callable[[], Any]) -> None:
    said = said_of(main, Simulation())
    assert is_true(said.tasks, IN_SIMULATED_TIME[main], main), said.tasks
    assert said.findings == ()


@pytest.mark.parametrize("main", IN_REAL_TIME)
@pytest.mark.slow
def test_so_it_is_in_real_time(main: Callable[[], Any]) -> None:
    said = said_of(main)
    assert is_true(said.tasks, IN_REAL_TIME[main], main), said.tasks
    assert said.findings == ()


def test_no_program_stands_here_twice() -> None:
    assert not {*IN_SIMULATED_TIME, *IN_REAL_TIME} & {*TRUE, *ORDINARY, *(one[0] for one in WRONG)}


# Hostile programs: they do what they do, and the view says what can be said


class Hostile:
    """A coroutine of the program's, whose every other attribute raises."""

    def __init__(self, inner: Coroutine[Any, Any, None]) -> None:
        self._inner = inner.__await__()

    def __repr__(self) -> str:
        raise RuntimeError("hostile")

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("hostile")

    def send(self, value: Any) -> Any:
        return self._inner.send(value)

    def throw(self, *error: Any) -> Any:
        return self._inner.throw(*error)

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> "Hostile":
        return self


collections.abc.Coroutine.register(Hostile)


class HostileTask(asyncio.Task[Any]):
    """A task that says nothing of itself."""

    def get_name(self) -> str:
        raise RuntimeError("hostile")

    def get_coro(self) -> Any:
        raise RuntimeError("hostile")

    def __repr__(self) -> str:
        raise RuntimeError("hostile")


ODD_NAMES = ("\x1b[31mred", "a\nb\x00", "\ud800", "x" * 10_000, "<script>alert(1)</script>", "")


async def is_hostile() -> str:
    loop = asyncio.get_running_loop()

    async def named() -> None:
        await naps()

    named.__qualname__ = "\x1b[31m" + "q" * 5_000
    tasks: list[Any] = [loop.create_task(Hostile(naps())), HostileTask(named(), loop=loop)]
    tasks += [asyncio.create_task(named(), name=name) for name in ODD_NAMES]
    await pauses()
    await asyncio.wait(tasks)
    assert not any(asyncio.Future.exception(task) for task in tasks)
    return "over"


def test_a_hostile_program_runs_as_it_does_unwatched() -> None:
    recorder = Recorder()
    program = AsyncioProgram(Simulation(), recorder)
    program.run(is_hostile())
    assert program.value == "over"
    names = {event.detail["name"] for event in recorder if event.kind == "done" and event.detail}
    assert {"\\x1b[31mred", "a\\nb\\x00", "\\ud800", "<script>alert(1)</script>"} < names
    assert "(no name)" in {
        event.detail["name"] for event in recorder if event.kind == "step" and event.detail
    }
    assert max(map(len, names)) == 200


class OddDelay(float):
    """A number that cannot be shown."""

    def __format__(self, how: str) -> str:
        raise RuntimeError("hostile")


class OddLock(asyncio.Lock):
    """One that is equal to others, so that it has no hash."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("hostile")


class OddFuture(asyncio.Future[Any]):
    """The same of futures."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("hostile")


class OddQueue(asyncio.Queue[Any]):
    """A queue that keeps its things elsewhere."""

    @property
    def _queue(self) -> Any:
        raise RuntimeError("hostile")

    def _init(self, maxsize: int) -> None:
        self.kept: list[Any] = []

    def _get(self) -> Any:
        return self.kept.pop()

    def _put(self, item: Any) -> None:
        self.kept.append(item)

    def empty(self) -> bool:
        return not self.kept


async def has_odd_objects() -> str:
    lock, queue, future = OddLock(), OddQueue(), OddFuture()

    async def holds() -> None:
        async with lock:
            await asyncio.sleep(OddDelay(0.01))

    async def ends() -> None:
        await asyncio.sleep(Fraction(1, 100))
        future.set_result(None)
        await queue.put(1)

    async def awaits() -> None:
        await future

    asyncio.get_running_loop().call_exception_handler({"message": None})
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    await asyncio.gather(holds(), holds(), ends(), awaits(), queue.get())
    return "over"


@pytest.mark.parametrize("recorder", [None, Recorder()], ids=["unwatched", "watched"])
def test_objects_with_ideas_of_their_own_disturb_nobody(recorder: Recorder | None) -> None:
    program = AsyncioProgram(Simulation(), recorder)
    program.run(has_odd_objects())
    assert program.value == "over"


def test_a_sleep_without_end_is_shown_on_a_page() -> None:
    async def main() -> None:
        endless = asyncio.create_task(asyncio.sleep(math.inf))
        await pauses()
        frames.append(watch.frame(program.snapshot()))
        endless.cancel()

    frames: list[dict[str, Any]] = []
    watch = Watch()
    program = AsyncioProgram(Simulation(), watch)
    program.run(main())
    text = json.dumps([frames, tape(watch.entries())], allow_nan=False)
    assert "sleep inf s" in text


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are of 3.12")
def test_tasks_of_an_eager_factory_are_said_to_wait() -> None:
    async def eagerly() -> None:
        factory = asyncio.eager_task_factory  # type: ignore[attr-defined,unused-ignore]
        asyncio.get_running_loop().set_task_factory(factory)
        event = asyncio.Event()
        tasks = [asyncio.create_task(event.wait()) for _ in range(3)]
        asyncio.get_running_loop().call_later(LONGER, event.set)
        await pauses()
        await asyncio.gather(*tasks)

    said = said_of(partial(eagerly), Simulation())
    assert "3 x Event.wait: event.wait" in said.tasks
