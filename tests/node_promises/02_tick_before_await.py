"""A tick comes before an await goes on."""

from minirt import Future, Task, next_tick


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


async def f():
    await settled()
    print("await")


Task(f())
next_tick(lambda _: print("tick"))
