"""Promise.all and gather: the values in order, one microtask after the last."""

from minirt import Future, Task, gather


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


async def f(n, k):
    for _ in range(k):
        await settled()
    print(f"f{n}")
    return n


async def both():
    print("all " + ",".join(map(str, await gather(f(1, 2), f(2, 1)))))


async def turns():
    for i in range(1, 6):
        await settled()
        print(f"turn {i}")


Task(both())
Task(turns())
