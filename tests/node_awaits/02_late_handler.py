"""A handler that an immediate attaches is too late, one of a tick in time."""

from minirt import Runtime, Task, next_tick, set_immediate


async def bad(message):
    raise ValueError(message)


Runtime.current().on_uncaught = lambda error: print(f"unheard {error}")
a, b = Task(bad("a")), Task(bad("b"))
next_tick(lambda _: b.add_done_callback(lambda b: print(f"heard {b.exception()}")))
set_immediate(lambda _: a.add_done_callback(lambda a: print(f"late {a.exception()}")))
