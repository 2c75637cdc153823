"""An error that nobody hears is told after ticks and microtasks."""

from minirt import Runtime, Task, next_tick, queue_microtask, set_immediate


async def bad():
    raise ValueError("x")


def micro(_):
    print("micro")
    next_tick(lambda _: print("tick 2"))


Runtime.current().on_uncaught = lambda error: print(f"unheard {error}")
Task(bad())
next_tick(lambda _: print("tick"))
queue_microtask(micro)
set_immediate(lambda _: print("immediate"))
