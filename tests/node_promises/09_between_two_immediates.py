"""Awaits are over before the next immediate of the same phase."""

from minirt import Future, set_immediate


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


async def f(n):
    print(f"immediate {n}")
    await settled()
    print(f"await {n}")


set_immediate(lambda _: f(1))
set_immediate(lambda _: f(2))
