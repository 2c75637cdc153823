"""An unheard error is told before the next timer of the same time."""

from minirt import Future, Runtime, next_tick, set_immediate, set_timeout


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


async def first(_):
    print("first")
    await settled()
    next_tick(lambda _: print("tick"))
    raise ValueError("x")


Runtime.current().on_uncaught = lambda error: print(f"unheard {error}")
set_timeout(1, first)
set_timeout(1, lambda _: print("second"))
set_immediate(lambda _: print("immediate"))
Runtime.current().clock.sleep(0.020)
