"""The first error of many."""

from minirt import Future, Task, gather


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


async def bad(n):
    for _ in range(n):
        await settled()
    raise ValueError(f"e{n}")


async def f():
    try:
        await gather(bad(3), bad(1))
    except ValueError as error:
        print(error)


Task(f())
