"""Awaits and microtasks share one queue, first come, first served."""

from minirt import Future, Task, queue_microtask


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


async def f(n):
    await settled()
    print(f"await {n}")


queue_microtask(lambda _: print("micro 1"))
Task(f(1))
queue_microtask(lambda _: print("micro 2"))
Task(f(2))
