"""Programs of tasks that nobody would write: who goes on when, and with what?

As in random_handles.py, chance decides while the program runs, and a log says what it did.
"""

import asyncio
import random
import socket
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing
from contextvars import ContextVar
from typing import Any

from tests.aio.random_handles import AnyLoop

MAKER = ContextVar("MAKER", default="-")
SLEEPS = (0, 0, 0, 1e-4, 2.5e-4, 1e-3, 2e-3, 5e-3)
STEPS = (0, 1e-4, 2.5e-4, 1e-3)  # s from round to round
ROUNDS = 300  # from then on all tasks are cancelled, in each round
MOST_ACTS = 120
DEEPEST = 3


class Odd(Exception):
    """What goes wrong in a program."""


class Numbered(asyncio.Task):  # type: ignore[type-arg]
    """A task whose place in a set is no chance: a TaskGroup keeps one."""

    def __init__(self, coroutine: Any, number: int, **options: Any) -> None:
        self.number = number
        super().__init__(coroutine, **options)

    def __hash__(self) -> int:
        return self.number


class TaskProgram:
    """One program on one loop. `run` gives its log."""

    def __init__(self, loop: AnyLoop, seed: int) -> None:
        self.loop, self.chance = loop, random.Random(seed)
        self.log: list[object] = []
        self.made = self.acts = self.rounds = 0
        self.is_over = False
        self.tasks: list[Numbered] = []
        loop.set_debug(seed % 7 == 3)
        loop.set_task_factory(lambda _, coroutine, **options: self.task(coroutine, **options))
        if seed % 5 == 2 and sys.version_info >= (3, 12):
            loop.set_task_factory(asyncio.create_eager_task_factory(self.task))

    def task(self, coroutine: Any, loop: object = None, **options: Any) -> Numbered:
        self.made += 1
        made = Numbered(coroutine, self.made, loop=self.loop, **options)
        self.tasks.append(made)
        return made

    def run(self) -> list[object]:
        self.sends, self.receives = socket.socketpair()
        with self.sends, self.receives:
            self.sends.setblocking(False)
            self.receives.setblocking(False)
            self.loop.run_until_complete(self.main())
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()
        return self.log

    async def main(self) -> None:
        self.queue: asyncio.Queue[str] = asyncio.Queue(2)
        self.lock, self.event, self.condition = asyncio.Lock(), asyncio.Event(), asyncio.Condition()
        self.places, self.barrier = asyncio.Semaphore(2), asyncio.Barrier(2)
        self.futures = [self.loop.create_future() for _ in range(3)]
        self.itself = asyncio.current_task()
        self.loop.set_exception_handler(lambda _, told: self.log.append(told["message"][:30]))
        self.loop.call_soon(self.begin_round)
        for _ in range(6):
            self.begin(0)
        while others := [one for one in self.tasks if not (one.done() or one is self.itself)]:
            await asyncio.wait(others)
        self.is_over = True
        self.log += [repr(how_it_ended(task)) for task in self.tasks if task is not self.itself]
        self.loop.set_exception_handler(None)

    def begin_round(self) -> None:
        self.rounds += 1
        self.loop.seconds += self.chance.choice(STEPS)
        if self.rounds >= ROUNDS:
            for task in self.tasks:
                task is self.itself or task.cancel()
        if not self.is_over:
            self.loop.call_soon(self.begin_round)

    def begin(self, depth: int) -> "asyncio.Task[Any]":
        return asyncio.create_task(self.some_coroutine(depth))

    def some_coroutine(self, depth: int) -> Coroutine[Any, Any, Any]:
        if depth > DEEPEST:
            return asyncio.sleep(self.some_delay(), "slept")
        self.made += 1
        return self.body(f"body {self.made}", depth)

    def some_delay(self, *choice: float) -> float:
        """No two are equal: of those asyncio promises no order."""
        delay = self.chance.choice(choice or SLEEPS)
        self.made += 1
        return delay and delay + self.made * 1e-8

    async def body(self, name: str, depth: int) -> str:
        """Every coroutine is this."""
        self.log.append((name, "begins", MAKER.get()))
        MAKER.set(name)
        try:
            for _ in range(self.chance.choice((1, 2, 3, 4))):
                if self.acts < MOST_ACTS:
                    await self.act(name, depth)
        except (Exception, asyncio.CancelledError) as error:
            self.log.append((name, repr(error)[:80], repr(error.__cause__)[:30]))
            if self.chance.random() < 0.2:  # it refuses
                return name
            raise
        finally:
            if sys.exc_info()[0] is not GeneratorExit:
                await self.clean_up(name)
        return name

    async def act(self, name: str, depth: int) -> None:
        self.acts += 1
        act = self.chance.choices(tuple(ACTS), tuple(ACTS.values()))[0]
        self.log.append((name, act))
        value = await getattr(self, act)(depth + 1)
        self.log.append((name, act, repr(value)))

    async def clean_up(self, name: str) -> None:
        if self.chance.random() < 0.25:
            await asyncio.sleep(self.some_delay())
        task = asyncio.current_task()
        self.log.append((name, "ends", task and task.cancelling()))

    # What it does next

    async def sleep(self, depth: int) -> None:
        await asyncio.sleep(self.some_delay())

    async def wait_for_a_body(self, depth: int) -> Any:
        return await self.some_coroutine(depth)

    async def wait_for_a_task(self, depth: int) -> Any:
        return await self.begin(depth)

    async def leave_a_task(self, depth: int) -> None:
        self.begin(depth)

    async def cancel(self, depth: int) -> bool:
        task = self.chance.choice(self.tasks[-6:])
        return task is not self.itself and task.cancel()

    async def cancel_itself(self, depth: int) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel("itself")
        await asyncio.sleep(self.some_delay())

    async def fail(self, depth: int) -> None:
        raise Odd

    async def gather(self, depth: int) -> Any:
        some = [self.some_coroutine(depth) for _ in range(self.chance.choice((0, 2, 3)))]
        return await asyncio.gather(*some, return_exceptions=self.chance.random() < 0.4)

    async def cancel_a_gather(self, depth: int) -> Any:
        both = asyncio.gather(self.some_coroutine(depth), self.some_coroutine(depth))
        await asyncio.sleep(0)
        both.cancel()
        return await both

    async def wait(self, depth: int) -> tuple[int, int]:
        when = (asyncio.FIRST_COMPLETED, asyncio.FIRST_EXCEPTION, asyncio.ALL_COMPLETED)
        done, pending = await asyncio.wait(
            [self.begin(depth), self.begin(depth)],
            timeout=self.chance.choice((None, self.some_delay(1e-4, 2e-3))),
            return_when=self.chance.choice(when),
        )
        return len(done), len(pending)

    async def as_completed(self, depth: int) -> list[Any]:
        both = [self.begin(depth), self.begin(depth)]
        return [await one for one in asyncio.as_completed(both, timeout=self.some_delay(1, 2e-3))]

    async def wait_for(self, depth: int) -> Any:
        return await asyncio.wait_for(self.some_coroutine(depth), self.some_delay())

    async def shield(self, depth: int) -> Any:
        return await asyncio.shield(self.some_coroutine(depth))

    async def timeout(self, depth: int) -> Any:
        async with asyncio.timeout(self.some_delay(0, 1e-3, -1, 5e-3)) as limit:
            await self.some_coroutine(depth)
            if self.chance.random() < 0.2:
                limit.reschedule(self.loop.time() + self.some_delay())
            return await self.some_coroutine(depth)

    async def group(self, depth: int) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self.chance.choice((1, 2, 3))):
                group.create_task(self.some_coroutine(depth))
            await asyncio.sleep(self.some_delay())

    async def generate(self, depth: int) -> int:
        async def numbers() -> AsyncIterator[int]:
            try:
                for number in range(3):
                    await asyncio.sleep(self.some_delay())
                    yield number
            finally:
                await asyncio.sleep(0)
                self.log.append("closed")

        total = 0
        async with aclosing(numbers()) as generator:  # type: ignore[type-var]
            async for number in generator:
                total += number
                if self.chance.random() < 0.3:
                    break
        return total

    async def put(self, depth: int) -> None:
        await asyncio.wait_for(self.queue.put("something"), self.some_delay(5e-3))

    async def get(self, depth: int) -> str:
        return await asyncio.wait_for(self.queue.get(), self.some_delay(1e-3, 5e-3))

    async def hold_the_lock(self, depth: int) -> Any:
        async with self.lock:
            return await self.some_coroutine(depth)

    async def take_a_place(self, depth: int) -> Any:
        async with self.places:
            return await self.some_coroutine(depth)

    async def wait_for_the_event(self, depth: int) -> None:
        await asyncio.wait_for(self.event.wait(), self.some_delay(3e-3))

    async def set_the_event(self, depth: int) -> None:
        self.chance.choice((self.event.set, self.event.clear))()

    async def wait_for_the_condition(self, depth: int) -> None:
        async with self.condition:
            await asyncio.wait_for(self.condition.wait(), self.some_delay(4e-3))

    async def notify(self, depth: int) -> None:
        async with self.condition:
            self.condition.notify(self.chance.choice((1, 2)))

    async def meet(self, depth: int) -> int:
        async with asyncio.timeout(self.some_delay(3e-3)):
            return await self.barrier.wait()

    async def wait_for_a_future(self, depth: int) -> Any:
        future = self.chance.choice(self.futures)
        if self.chance.random() < 0.5:
            future = asyncio.shield(future)
        return await asyncio.wait_for(future, self.some_delay(3e-3))

    async def settle(self, depth: int) -> None:
        number = self.chance.randrange(3)
        future, self.futures[number] = self.futures[number], self.loop.create_future()
        if not future.done():
            self.chance.choice((future.cancel, lambda: future.set_result(1)))()

    async def receive(self, depth: int) -> bytes:
        coming = self.loop.sock_recv(self.receives, 10)
        return await asyncio.wait_for(coming, self.some_delay(2e-3))

    async def send(self, depth: int) -> None:
        await self.loop.sock_sendall(self.sends, b"hello")

    async def set_clock(self, depth: int) -> None:
        self.loop.seconds += 2e-3


WEIGHTS = {
    8: "sleep",
    3: "wait_for_a_task cancel gather wait_for timeout group",
    2: "wait",
    1: "wait_for_a_body leave_a_task cancel_itself fail cancel_a_gather shield as_completed"
    " generate put get hold_the_lock take_a_place wait_for_the_event set_the_event meet notify"
    " wait_for_the_condition wait_for_a_future settle receive send set_clock",
}
ACTS = {act: weight for weight, acts in WEIGHTS.items() for act in acts.split()}


def how_it_ended(task: "asyncio.Task[Any]") -> object:
    return "cancelled" if task.cancelled() else task.exception() or task.result()
