"""Two tasks take turns at each await."""

from minirt import Future, Task


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


async def f(n):
    for i in range(3):
        print(f"{n}{i}")
        await settled()


Task(f("a"))
Task(f("b"))
