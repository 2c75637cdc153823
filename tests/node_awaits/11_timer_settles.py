"""Of two timers of one time, what the first settles goes on before the second."""

from minirt import Future, Runtime, Task, next_tick, set_timeout


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


p = Future()


async def g(n):
    print(f"{n} {await p}")
    await settled()
    print(f"{n} again")


def settle(_):
    p.set_result("value")
    next_tick(lambda _: print("tick"))


Task(g("a"))
Task(g("b"))
set_timeout(1, settle)
set_timeout(1, lambda _: print("second timer"))
Runtime.current().clock.sleep(0.020)
