"""The first step of an async function runs at once."""

from minirt import Future, Task


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


async def f():
    print("in")
    await settled()
    print("after")


print("a")
Task(f())
print("b")
