"""Programs of minirt's tasks that nobody would write.

Chance, from a seed, decides what a program does next while it runs, and a log says what it did. So
two runs that call in the same order have the same program; where they differ, the logs part.
"""

import random
from collections.abc import Callable, Coroutine
from typing import Any

from minirt import (
    Cancelled,
    Future,
    Runtime,
    Task,
    crypto,
    gather,
    in_pool,
    next_tick,
    queue_microtask,
    race,
    set_immediate,
    set_timeout,
    sleep_ms,
    timeout_ms,
)
from minirt.awaiting.book import Book, book_of

DELAYS = (0, 1, 1, 2, 3, 5, 10)  # ms
MOST_ACTS = 90
DEEPEST = 3
PATIENCE = 500.0  # ms: then all tasks are cancelled, again and again


class Odd(Exception):
    """What goes wrong in a program."""


class AwaitProgram:
    """One program. `main` runs it and gives its log."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.log: list[object] = []
        self.made = self.acts = 0
        self.tasks: list[Task[Any]] = []

    async def main(self) -> list[object]:
        self.runtime = Runtime.current()
        self.runtime.on_uncaught = lambda error: self.log.append(("uncaught", repr(error)))
        self.book: Book = book_of(self.runtime)
        self.futures: list[Future[int]] = [Future() for _ in range(3)]
        for _ in range(4):
            self.begin(0)
        began = self.runtime.clock.now()
        while self.living():
            await sleep_ms(7)
            if (self.runtime.clock.now() - began) * 1000 > PATIENCE:
                for task in self.living():
                    task.cancel()
        self.log += [how_it_ended(task) for task in self.tasks]
        for future in self.futures:  # the loser of a race may refuse, and await one
            future.cancel()
        await sleep_ms(200)  # what callbacks still do
        self.log.append(("waiting", self.runtime.loop.callbacks.by_kind()))
        self.log.append(("tasks", len(self.book.tasks)))
        return self.log

    def living(self) -> list[Task[Any]]:
        return [task for task in self.tasks if not task.done()]

    def begin(self, depth: int) -> Task[Any]:
        task = Task(self.some_coroutine(depth))
        self.tasks.append(task)
        if self.chance.random() < 0.3:
            task.add_done_callback(lambda one: self.log.append(("done", how_it_ended(one))))
        return task

    def some_coroutine(self, depth: int) -> Coroutine[Any, Any, Any]:
        self.made += 1
        return self.body(f"body {self.made}", depth)

    def some_awaitable(self, depth: int) -> Any:
        return sleep_ms(self.some_delay()) if depth > DEEPEST else self.some_coroutine(depth)

    def some_delay(self) -> int:
        return self.chance.choice(DELAYS)

    def some_task(self) -> Task[Any] | None:
        return self.chance.choice(self.tasks[-6:]) if self.tasks else None

    async def body(self, name: str, depth: int) -> str:
        """Every coroutine is this."""
        self.log.append((name, "begins"))
        try:
            for _ in range(self.chance.choice((1, 2, 3))):
                if self.acts < MOST_ACTS:
                    await self.act(name, depth)
        except (Exception, Cancelled) as error:
            self.log.append((name, repr(error)))
            if self.chance.random() < 0.2:  # it refuses
                return name
            raise
        finally:
            if self.chance.random() < 0.25 and self.runtime.phase != "closed":
                await sleep_ms(self.some_delay())
            self.log.append((name, "ends"))
        return name

    async def act(self, name: str, depth: int) -> None:
        self.acts += 1
        act = self.chance.choices(tuple(ACTS), tuple(ACTS.values()))[0]
        self.log.append((name, act))
        value = await getattr(self, act)(depth + 1)
        self.log.append((name, act, value if isinstance(value, int | str | list) else None))

    # What it does next

    async def sleep(self, depth: int) -> None:
        await sleep_ms(self.some_delay())

    async def wait_here(self, depth: int) -> Any:
        return await self.some_awaitable(depth)

    async def wait_for_a_task(self, depth: int) -> Any:
        return await self.begin(depth) if depth <= DEEPEST else None

    async def leave_a_task(self, depth: int) -> None:
        if depth <= DEEPEST:
            self.begin(depth)

    async def cancel(self, depth: int) -> bool:
        task = self.some_task()
        return task is not None and task.cancel()

    async def uncancel(self, depth: int) -> int:
        task = self.some_task()
        return 0 if task is None else task.uncancel()

    async def cancel_itself(self, depth: int) -> None:
        assert self.book.running is not None
        self.book.running.cancel()
        await sleep_ms(self.some_delay())

    async def gather(self, depth: int) -> Any:
        count = self.chance.choice((0, 2, 3))
        return await gather(*[self.some_awaitable(depth) for _ in range(count)])

    async def cancel_a_gather(self, depth: int) -> Any:
        both = gather(self.some_awaitable(depth), self.some_awaitable(depth))
        set_timeout(self.some_delay(), lambda _: both.cancel() and None)
        return await both

    async def race(self, depth: int) -> Any:
        return await race(*[self.some_awaitable(depth) for _ in range(self.chance.choice((1, 3)))])

    async def limit(self, depth: int) -> Any:
        async with timeout_ms(self.some_delay()):
            return await self.some_awaitable(depth)

    async def two_limits(self, depth: int) -> Any:
        delay = self.some_delay()
        async with timeout_ms(delay), timeout_ms(self.chance.choice((delay, 5))):
            return await self.some_awaitable(depth)

    async def pool(self, depth: int) -> int:
        seconds, fails = self.some_delay() / 1000, self.chance.random() < 0.2

        def work() -> int:
            self.runtime.clock.sleep(seconds)
            if fails:
                raise Odd("on the pool")
            return 7

        return await in_pool(work)

    async def module(self, depth: int) -> str:
        return await crypto.sha256("text")

    async def fail(self, depth: int) -> None:
        raise Odd

    async def share_a_future(self, depth: int) -> int:
        return await self.chance.choice(self.futures)

    async def settle(self, depth: int) -> None:
        number = self.chance.randrange(3)
        future, self.futures[number] = self.futures[number], Future()
        fail = Odd("settled so")
        settle: list[Callable[[], object]] = [future.cancel]
        settle += [lambda: future.set_result(1), lambda: future.set_exception(fail)]
        if not future.done():
            self.chance.choice(settle)()

    async def call_back(self, depth: int) -> None:
        for kind in (set_immediate, next_tick, queue_microtask):
            kind(lambda _, name=kind.__name__: self.log.append(name))

        async def later(_: object) -> None:
            await sleep_ms(1)
            self.log.append("an async callback")

        set_timeout(self.some_delay(), later)


WEIGHTS = {
    6: "sleep",
    2: "cancel limit gather race wait_for_a_task",
    1: "wait_here leave_a_task uncancel cancel_itself cancel_a_gather two_limits pool module fail"
    " share_a_future settle call_back",
}
ACTS = {act: weight for weight, acts in WEIGHTS.items() for act in acts.split()}


def how_it_ended(task: Task[Any]) -> str:
    return repr(task.exception()) if task.state == "failed" else task.state
