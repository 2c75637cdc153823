"""Awaits, then timers and immediates."""

from minirt import Future, Task, set_immediate, set_timeout


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


async def f():
    await settled()
    print("await")


def fired(_):
    print("timer")
    set_immediate(lambda _: print("immediate"))
    Task(f())


set_timeout(1, fired)
Task(f())
