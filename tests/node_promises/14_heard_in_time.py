"""A handler attached in the same turn is in time."""

from minirt import Runtime, Task, next_tick, queue_microtask


async def bad():
    raise ValueError("x")


Runtime.current().on_uncaught = lambda error: print(f"unheard {error}")
p = Task(bad())
queue_microtask(lambda _: next_tick(lambda _: p.add_done_callback(lambda _: print("heard"))))
