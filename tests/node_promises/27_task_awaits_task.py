"""Awaiting a task takes one microtask when it is over."""

from minirt import Future, Task


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


async def inner():
    print("inner")
    await settled()
    print("inner 2")
    return "value"


async def f():
    print(await Task(inner()))


async def turns():
    for i in range(1, 4):
        await settled()
        print(f"turn {i}")


Task(f())
Task(turns())
