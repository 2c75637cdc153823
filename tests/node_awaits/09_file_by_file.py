"""Awaits one after the other: each file ends a turn, and its immediate comes before the next."""

from minirt import Task, fs, next_tick, set_immediate


async def f():
    for n in (1, 2, 3):
        await fs.read(__file__)
        print(f"file {n}")
        set_immediate(lambda _, n=n: print(f"immediate {n}"))
        next_tick(lambda _, n=n: print(f"tick {n}"))


Task(f())
