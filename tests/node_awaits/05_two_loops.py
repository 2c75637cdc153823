"""Two loops that await take turns, and a tick waits for both."""

from minirt import Future, Task, next_tick, queue_microtask


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


async def f(n):
    for i in range(3):
        print(f"{n}{i}")
        await settled()
    next_tick(lambda _: print(f"{n} tick"))


Task(f("a"))
Task(f("b"))
next_tick(lambda _: print("tick"))
queue_microtask(lambda _: print("micro"))
