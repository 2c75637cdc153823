"""Promise.race and race: the first one."""

from minirt import Task, race, sleep_ms


async def sleep(ms, value):
    await sleep_ms(ms)
    return value


async def f():
    print(f"race {await race(sleep(30, 'slow'), sleep(5, 'fast'))}")


Task(f())
print("main")
