"""Who settles goes on first."""

from minirt import Future, Task, next_tick, set_timeout

p = Future()


async def f():
    print(f"got {await p}")


def settle(_):
    p.set_result("value")
    print("settled")
    next_tick(lambda _: print("tick"))


Task(f())
set_timeout(1, settle)
