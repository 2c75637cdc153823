"""Chapter 10: who holds the loop, in a program of somebody else's?"""

import asyncio
import os
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from minirt.exercises.mechanism import Answer, Exercise, Wrong, WrongAnswer, check

TASK = """\
A program of somebody else's stutters: something in it holds the loop. Write `holder(main)`. It runs
`main()`, the program's `async def`, to its end, on an asyncio loop that you choose or write, and
returns the name of what held the loop longest in one call: of a callback its `__name__`, of a task
the `__name__` of its coroutine (`task.get_coro()`), whose steps are such calls. Who awaits holds
nobody, nor does a thread of the pool; many short calls are no long one. A callback may have been
asked for soon, later, from another thread, for a descriptor, or for the end of a future; and one
that raises has held the loop, too. The checks call `holder` on a thread on which no loop runs."""

STUB = '''\
import asyncio
import time

from minirt.aio import MinirtEventLoop


def holder(main):
    """The name of the callback, or of the task's coroutine, that held the loop longest."""
    ...
'''

OPENING = STUB[: STUB.index("def holder")]

ANSWER = (
    OPENING
    + '''\
class Timed(MinirtEventLoop):
    """Every callback that comes in is wrapped: it tells how long it took."""

    longest = (0.0, "nobody")

    def timed(self, callback):
        owner = getattr(callback, "__self__", None)  # of a task's step: the task
        named = owner.get_coro() if isinstance(owner, asyncio.Task) else callback
        name = getattr(named, "__name__", repr(named))

        def call(*args):
            began = time.perf_counter()
            try:
                return callback(*args)
            finally:
                self.longest = max(self.longest, (time.perf_counter() - began, name))

        return call

    def call_soon(self, callback, *args, context=None):
        return super().call_soon(self.timed(callback), *args, context=context)

    def call_soon_threadsafe(self, callback, *args, context=None):
        return super().call_soon_threadsafe(self.timed(callback), *args, context=context)

    def call_later(self, delay, callback, *args, context=None):
        return super().call_later(delay, self.timed(callback), *args, context=context)

    def call_at(self, when, callback, *args, context=None):
        return super().call_at(when, self.timed(callback), *args, context=context)

    def _add_reader(self, fd, callback, *args):
        return super()._add_reader(fd, self.timed(callback), *args)

    def _add_writer(self, fd, callback, *args):
        return super()._add_writer(fd, self.timed(callback), *args)


def holder(main):
    """The name of the callback, or of the task's coroutine, that held the loop longest."""
    with asyncio.Runner(loop_factory=Timed) as runner:
        runner.run(main())
        return runner.get_loop().longest[1]
'''
)

HOLD = 0.04  # s, in one call
HELD = f"{HOLD * 1000:g} ms"
SHORT = 0.004  # s, of a call that holds nobody up
ATTEMPTS = 3  # where a machine is busy, anybody may seem to hold the loop once

Main = Callable[[], Awaitable[object]]


def named(answer: Answer, main: Main) -> object:
    """What the answer says of this program."""
    found: list[Any] = []

    def on_a_thread() -> None:  # the notebook's own has Jupyter's loop
        try:
            found.append(answer["holder"](main))
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=on_a_thread, daemon=True)
    thread.start()
    thread.join()
    if isinstance(found[0], BaseException):
        raise found[0]
    if asyncio.iscoroutine(found[0]):
        found[0].close()
        raise Wrong("your holder gave a coroutine. It is a plain `def`, and runs a loop itself.")
    return found[0]


def check_named(answer: Answer, main: Main, name: str, what: str, advice: str) -> None:
    for _ in range(ATTEMPTS):
        found = named(answer, main)
        if found == name:
            return
    said = f"named {found!r}" if isinstance(found, str) else f"gave {found!r}, and no name"
    raise Wrong(f"{what}, and your holder {said}. {advice}")


def hold(seconds: float) -> None:
    """What this exercise is about."""
    time.sleep(seconds)


async def reads() -> None:
    began = time.perf_counter()
    while time.perf_counter() < began + SHORT:
        pass
    await asyncio.sleep(3 * HOLD / 2)


async def parses() -> None:
    await asyncio.sleep(SHORT)
    hold(HOLD)
    await asyncio.sleep(SHORT)


async def polls() -> None:
    for _ in range(12):  # all together longer than one that holds
        hold(SHORT)
        await asyncio.sleep(0)


@check("a task whose step holds the loop is named", seconds=5)
def a_task(answer: Answer) -> None:
    async def main() -> None:
        await asyncio.gather(reads(), parses(), reads())

    check_named(
        answer,
        main,
        "parses",
        f"three tasks, of which `parses` sleeps {HELD} with time.sleep in one step, and `reads` "
        f"computes {SHORT * 1000:g} ms and awaits {HOLD * 1500:g} ms",
        "Measure from the beginning of one call of the loop to its end, not of a coroutine, and "
        "name the coroutine of the task.",
    )


@check("many short calls are no long one", seconds=5)
def many_short(answer: Answer) -> None:
    async def main() -> None:
        await asyncio.gather(polls(), parses())

    check_named(
        answer,
        main,
        "parses",
        f"`polls` takes {SHORT * 1000:g} ms in each of 12 steps, `parses` {HELD} in one",
        "It is the longest call that others wait for, not the sum.",
    )


@check("the program's own main is looked at, too", seconds=5)
def main_itself(answer: Answer) -> None:
    async def main() -> None:
        hold(HOLD)
        await reads()

    check_named(
        answer,
        main,
        "main",
        f"main itself took {HELD} before its first await",
        "It is a task like any other, from its first step on.",
    )


@check("a thread of the pool holds nobody", seconds=5)
def threads(answer: Answer) -> None:
    def computes() -> None:
        time.sleep(3 * HOLD)

    async def asks() -> None:
        await asyncio.to_thread(computes)

    async def main() -> None:
        await asyncio.gather(asks(), parses())

    check_named(
        answer,
        main,
        "parses",
        f"`computes` took {HOLD * 3000:g} ms on a thread of the pool, `parses` {HELD} on the loop",
        "Who works elsewhere holds nobody, nor does who awaits it.",
    )


async def soon(holds: Callable[..., None]) -> None:
    asyncio.get_running_loop().call_soon(holds)


async def later(holds: Callable[..., None]) -> None:
    asyncio.get_running_loop().call_later(SHORT, holds)


async def at(holds: Callable[..., None]) -> None:
    loop = asyncio.get_running_loop()
    loop.call_at(loop.time() + SHORT, holds)


async def done(holds: Callable[..., None]) -> None:
    future = asyncio.get_running_loop().create_future()
    future.add_done_callback(holds)
    future.set_result(None)


async def thread(holds: Callable[..., None]) -> None:
    loop = asyncio.get_running_loop()
    threading.Thread(target=loop.call_soon_threadsafe, args=[holds]).start()


async def readable(holds: Callable[..., None]) -> None:
    reading, writing = os.pipe()
    loop = asyncio.get_running_loop()

    def ends() -> None:
        loop.remove_reader(reading)
        os.close(reading)
        os.close(writing)

    os.write(writing, b"x")
    loop.add_reader(reading, holds)
    loop.call_later(2 * SHORT, ends)


WAYS: tuple[tuple[str, Callable[[Callable[..., None]], Awaitable[None]]], ...] = (
    ("call_soon", soon),
    ("call_later", later),
    ("call_at", at),
    ("the add_done_callback of a future", done),
    ("call_soon_threadsafe, of another thread", thread),
    ("add_reader", readable),
)


@check("a callback is named, however it was asked for", seconds=8)
def callbacks(answer: Answer) -> None:
    for way, begin in WAYS:

        def holds(*args: object) -> None:
            time.sleep(HOLD)

        async def main(begin: Any = begin, holds: Any = holds) -> None:
            await begin(holds)
            await asyncio.sleep(4 * SHORT)

        check_named(
            answer,
            main,
            "holds",
            f"the callback `holds` was handed to {way}, and took {HELD}",
            "Each way into the loop has to be measured, or the one place that calls.",
        )


@check("one that raises has held the loop, too", seconds=5)
def raises(answer: Answer) -> None:
    def breaks() -> None:
        time.sleep(HOLD)
        raise ValueError("broken")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)
        loop.call_soon(breaks)
        await asyncio.sleep(SHORT)

    check_named(
        answer,
        main,
        "breaks",
        f"the callback `breaks` took {HELD} and raised then, which asyncio tells to its exception "
        "handler",
        "What is written down after a call is not written down when it raises.",
    )


BLAMING = Exercise(
    name="find_the_holder",
    chapter="10_run_asyncio_on_it",
    task=TASK,
    stub=STUB,
    checks=(a_task, many_short, main_itself, threads, callbacks, raises),
    hints=(
        (
            "Everything that a loop calls has come in through call_soon, call_soon_threadsafe, "
            "call_later, call_at, add_reader or add_writer; also a task's step, whose callback has "
            "the task as its `__self__`. What could a subclass hand on instead of the callback?"
        ),
        (
            "A function that looks at time.perf_counter(), calls the callback in a `try`, and in "
            "its `finally` keeps the name if it took longest. (The streams of asyncio use "
            "`_add_reader` and `_add_writer`; `add_reader` calls those.)"
        ),
    ),
    answer=ANSWER,
    wrong=(
        WrongAnswer(
            ANSWER.replace(
                "        return super().call_later(delay, self.timed(callback)",
                "        return super().call_later(delay, callback",
            ),
            says="handed to call_later",
        ),
        WrongAnswer(
            ANSWER.replace(
                "owner.get_coro() if isinstance(owner, asyncio.Task) else callback", "callback"
            ),
            says="name the coroutine of the task",
        ),
        WrongAnswer(
            ANSWER.replace(
                "            try:\n                return callback(*args)\n            finally:\n"
                "                self.longest",
                "            callback(*args)\n            self.longest",
            ),
            says="is not written down when it raises",
        ),
        WrongAnswer(
            ANSWER.replace("time.perf_counter()", "time.process_time()"),
            says="with time.sleep in one step",
        ),
    ),
)

EXERCISES = (BLAMING,)
