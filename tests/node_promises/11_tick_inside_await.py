"""A tick made after an await waits until the microtasks are over."""

from minirt import Future, Task, next_tick, queue_microtask


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


async def f():
    await settled()
    next_tick(lambda _: print("tick"))
    await settled()
    print("await 2")


Task(f())
queue_microtask(lambda _: print("micro"))
