"""An error in a tick: the other ticks still come before what awaits."""

from minirt import Future, Runtime, Task, next_tick, set_immediate


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


async def f():
    await settled()
    print("await")


def one(_):
    print("one")
    raise ValueError("x")


Runtime.current().on_uncaught = lambda error: print(f"uncaught {error}")
Task(f())
next_tick(one)
next_tick(lambda _: print("two"))
set_immediate(lambda _: print("immediate"))
