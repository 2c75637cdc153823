"""Awaits that never end hold timers and immediates back (bounded to 1000)."""

from minirt import Future, Task, set_immediate


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


n = 0


async def f():
    global n  # noqa: PLW0603
    while n < 1000:
        n += 1
        await settled()


set_immediate(lambda _: print(f"immediate sees n={n}"))
Task(f())
