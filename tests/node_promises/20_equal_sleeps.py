"""Equal sleeps: each goes on before the next timer of the batch."""

from minirt import Task, next_tick, sleep_ms


async def f(n):
    await sleep_ms(5)
    print(f"awake {n}")
    next_tick(lambda _: print(f"tick {n}"))


Task(f(1))
Task(f(2))
