"""An unheard error is told before the next immediate of the phase."""

from minirt import Future, Runtime, queue_microtask, set_immediate


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


async def first(_):
    print("first")
    await settled()
    queue_microtask(lambda _: print("micro"))
    raise ValueError("x")


Runtime.current().on_uncaught = lambda error: print(f"unheard {error}")
set_immediate(first)
set_immediate(lambda _: print("second"))
