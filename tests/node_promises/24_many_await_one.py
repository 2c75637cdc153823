"""Many await one, in their order."""

from minirt import Future, Task, set_immediate


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


p = Future()


async def f(n):
    await p
    print(n)
    await settled()
    print(n + 10)


Task(f(1))
Task(f(2))
Task(f(3))
set_immediate(lambda _: p.set_result(None))
