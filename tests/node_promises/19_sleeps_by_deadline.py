"""Sleeps end by their deadlines."""

from minirt import Task, sleep_ms


async def f(ms):
    await sleep_ms(ms)
    print(ms)


Task(f(30))
Task(f(10))
Task(f(20))
