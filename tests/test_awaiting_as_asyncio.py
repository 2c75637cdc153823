"""Cancellation and time limits have asyncio's rules: each program does the same on both.

Written once, with the words of both: `Words` has them for asyncio, and for minirt. Only what begins
at once here, and one turn later there, is kept out of the programs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, NamedTuple

import pytest

from minirt import Cancelled, Future, Runtime, Simulation, Task, gather, sleep_ms, timeout_ms
from minirt.awaiting.book import book_here


class Words(NamedTuple):
    """What the programs use."""

    sleep: Callable[[float], Awaitable[Any]]  # ms
    limit: Callable[[float], Any]  # ms
    gather: Callable[..., Awaitable[Any]]
    task: Callable[[Coroutine[Any, Any, Any]], Any]
    future: Callable[[], Any]
    current: Callable[[], Any]
    cancelled: type[BaseException]


ASYNCIO = Words(
    sleep=lambda ms: asyncio.sleep(ms / 1000),
    limit=lambda ms: asyncio.timeout(ms / 1000),
    gather=asyncio.gather,
    task=lambda coroutine: asyncio.create_task(coroutine),
    future=lambda: asyncio.get_running_loop().create_future(),
    current=asyncio.current_task,
    cancelled=asyncio.CancelledError,
)
MINIRT = Words(
    sleep=sleep_ms,
    limit=timeout_ms,
    gather=gather,
    task=Task,
    future=Future,
    current=lambda: book_here().running,
    cancelled=Cancelled,
)


async def outcome(awaitable: Awaitable[Any]) -> Any:
    """Its value, or the name of its error."""
    try:
        return await awaitable
    except (Cancelled, asyncio.CancelledError):
        return "cancelled"
    except Exception as error:
        return type(error).__name__


async def two_limits_of_one_time(words: Words) -> Any:
    async def inner() -> str:
        async with words.limit(20):
            await words.sleep(1000)
        return "in time"

    async with words.limit(20):
        return await outcome(inner()), await outcome(words.sleep(5))


async def the_outer_limit_is_the_shorter(words: Words) -> Any:
    seen: list[str] = []

    async def both() -> None:
        async with words.limit(10):
            try:
                async with words.limit(300):
                    await words.sleep(1000)
            except words.cancelled:
                seen.append("cancelled inside")
                raise

    return await outcome(both()), seen, words.current().cancelling()


async def the_inner_limit_is_over_and_then_the_outer(words: Words) -> Any:
    seen: list[Any] = []

    async def inner() -> None:
        async with words.limit(10):
            await words.sleep(1000)

    async def both() -> None:
        async with words.limit(60):
            seen.append(await outcome(inner()))
            await words.sleep(1000)

    return await outcome(both()), seen, words.current().cancelling()


async def a_refusal_goes_on_and_the_limit_is_told_at_the_end(words: Words) -> Any:
    seen: list[str] = []

    async def refuses() -> None:
        async with words.limit(10):
            try:
                await words.sleep(1000)
            except words.cancelled:
                seen.append("refused")
            await words.sleep(1)
            seen.append("went on")

    return await outcome(refuses()), seen, words.current().cancelling()


async def another_error_hides_the_limit(words: Words) -> Any:
    async def fails() -> None:
        async with words.limit(10):
            try:
                await words.sleep(1000)
            finally:
                raise ValueError

    return await outcome(fails()), words.current().cancelling()


async def a_limit_of_nothing(words: Words) -> Any:
    seen: list[str] = []

    async def waits() -> None:
        async with words.limit(0):
            seen.append("inside")
            await words.sleep(1000)

    async def does_not() -> None:
        async with words.limit(0):
            seen.append("no await")

    return await outcome(waits()), await outcome(does_not()), seen, words.current().cancelling()


async def a_cancellation_before_the_limit(words: Words) -> Any:
    async def waits() -> None:
        async with words.limit(1000):
            await words.sleep(2000)

    task = words.task(waits())
    await words.sleep(1)
    task.cancel()
    return await outcome(task), task.cancelling()


async def a_second_cancellation_while_it_cleans_up(words: Words) -> Any:
    seen: list[str] = []

    async def cleans() -> None:
        try:
            await words.sleep(1000)
        finally:
            seen.append(await outcome(words.sleep(500)))

    task = words.task(cleans())
    await words.sleep(1)
    task.cancel()
    await words.sleep(1)
    task.cancel()
    return await outcome(task), seen


async def two_cancellations_at_once(words: Words) -> Any:
    seen: list[str] = []

    async def waits() -> None:
        for _ in range(2):
            try:
                await words.sleep(5)
                seen.append("slept")
            except words.cancelled:
                seen.append("cancelled")

    task = words.task(waits())
    await words.sleep(1)
    task.cancel()
    task.cancel()
    return await outcome(task), seen, task.cancelling()


async def one_that_cancels_itself(words: Words) -> Any:
    async def returns() -> str:
        words.current().cancel()
        return "a value"

    async def fails() -> None:
        words.current().cancel()
        raise ValueError

    async def refuses() -> str:
        words.current().cancel()
        try:
            await words.sleep(0)
        except words.cancelled:
            return "refused"
        return "slept"

    return [await outcome(words.task(one())) for one in (returns, fails, refuses)]


async def one_that_awaits_a_task(words: Words) -> Any:
    seen: list[str] = []

    async def inner() -> None:
        try:
            await words.sleep(1000)
        finally:
            seen.append("inner")

    async def outer() -> None:
        try:
            await awaited
        finally:
            seen.append("outer")

    awaited = words.task(inner())
    task = words.task(outer())
    await words.sleep(1)
    task.cancel()
    return await outcome(task), awaited.cancelled(), seen


async def one_whose_awaited_task_refuses(words: Words) -> Any:
    async def inner() -> str:
        try:
            await words.sleep(1000)
        except words.cancelled:
            return "refused"
        return "slept"

    async def outer() -> str:
        value: str = await awaited
        return value

    awaited = words.task(inner())
    task = words.task(outer())
    await words.sleep(1)
    task.cancel()
    return await outcome(task), task.cancelling()


async def who_shares_a_future(words: Words) -> Any:
    shared = words.future()

    async def waits() -> None:
        await shared

    one, other = words.task(waits()), words.task(waits())
    await words.sleep(1)
    one.cancel()
    return await outcome(one), await outcome(other), shared.cancelled()


async def what_was_settled_just_before(words: Words) -> Any:
    future = words.future()

    async def waits() -> None:
        await future

    task = words.task(waits())
    await words.sleep(1)
    future.set_result(1)
    task.cancel()
    return await outcome(task), future.cancelled()


async def what_is_done(words: Words) -> Any:
    async def returns() -> int:
        return 1

    task = words.task(returns())
    await task
    return task.cancel(), task.cancelled(), task.cancelling(), await outcome(task)


async def a_gather_one_of_whose_members_is_cancelled(words: Words) -> Any:
    async def sleeps() -> None:
        await words.sleep(1000)

    async def waits() -> None:
        await words.gather(member, words.sleep(10))

    member = words.task(sleeps())
    task = words.task(waits())
    await words.sleep(1)
    member.cancel()
    return await outcome(task)


async def a_gather_with_a_member_that_refuses(words: Words) -> Any:
    async def refuses() -> str:
        try:
            await words.sleep(1000)
        except words.cancelled:
            pass
        return "refused"

    async def waits() -> None:
        await words.gather(refuses(), words.sleep(1000))

    task = words.task(waits())
    await words.sleep(1)
    task.cancel()
    return await outcome(task)


async def an_error_awaited_twice(words: Words) -> Any:
    async def fails() -> None:
        await words.sleep(1)
        raise StopAsyncIteration

    task = words.task(fails())
    return await outcome(task), await outcome(task)


PROGRAMS = [
    *(two_limits_of_one_time, the_outer_limit_is_the_shorter),
    *(the_inner_limit_is_over_and_then_the_outer, another_error_hides_the_limit),
    *(a_refusal_goes_on_and_the_limit_is_told_at_the_end, a_limit_of_nothing),
    *(a_cancellation_before_the_limit, a_second_cancellation_while_it_cleans_up),
    *(two_cancellations_at_once, one_that_cancels_itself, one_that_awaits_a_task),
    *(one_whose_awaited_task_refuses, who_shares_a_future, what_was_settled_just_before),
    *(what_is_done, a_gather_one_of_whose_members_is_cancelled),
    *(a_gather_with_a_member_that_refuses, an_error_awaited_twice),
]


@pytest.mark.parametrize("program", PROGRAMS, ids=[program.__name__ for program in PROGRAMS])
def test_it_ends_as_with_asyncio(program: Callable[[Words], Coroutine[Any, Any, Any]]) -> None:
    there = asyncio.run(outcome(program(ASYNCIO)))
    for system in (Simulation(1), None):
        rt = Runtime(system=system)
        assert rt.run(partial(program, MINIRT)) == there
        assert rt.pending_events == 0
