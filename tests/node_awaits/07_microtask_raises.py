"""An error in a microtask is told at once, and the microtasks go on."""

from minirt import Future, Runtime, Task, next_tick, queue_microtask


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


def one(_):
    print("one")
    raise ValueError("x")


async def f():
    await settled()
    print("await")


Runtime.current().on_uncaught = lambda error: print(f"uncaught {error}")
queue_microtask(one)
queue_microtask(lambda _: print("two"))
Task(f())
next_tick(lambda _: print("tick"))
