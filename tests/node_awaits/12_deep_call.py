"""A chain of async functions returns in as many microtasks as it has tasks."""

from minirt import Future, Task


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


async def deep(n):
    return "bottom" if n == 0 else await Task(deep(n - 1))


async def prints():
    print(await Task(deep(3)))


async def turns():
    for i in range(6):
        print(f"turn {i}")
        await settled()


Task(prints())
Task(turns())
