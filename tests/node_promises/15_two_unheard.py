"""Two errors that nobody hears, in their order."""

from minirt import Runtime, Task, set_immediate


async def bad(n):
    raise ValueError(n)


Runtime.current().on_uncaught = lambda error: print(f"unheard {error}")
Task(bad("1"))
Task(bad("2"))
set_immediate(lambda _: print("immediate"))
