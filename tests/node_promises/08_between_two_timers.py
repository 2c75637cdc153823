"""Awaits are over before the next timer of the same batch."""

from minirt import Future, set_timeout


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


async def f(n):
    print(f"timer {n}")
    await settled()
    print(f"await {n}")


set_timeout(1, lambda _: f(1))
set_timeout(1, lambda _: f(2))
