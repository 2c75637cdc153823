"""An error that is awaited again and again is raised each time."""

from minirt import Task, queue_microtask


async def bad():
    raise ValueError("x")


async def f():
    for i in range(3):
        try:
            await p
        except ValueError as error:
            print(f"{error}{i}")


p = Task(bad())
Task(f())
queue_microtask(lambda _: print("micro"))
