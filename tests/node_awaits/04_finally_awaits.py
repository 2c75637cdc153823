"""A finally that awaits lets others go on before the error is seen."""

from minirt import Future, Task, next_tick


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


async def f(n):
    try:
        await settled()
        raise ValueError(n)
    finally:
        print(f"{n} cleans")
        await settled()
        print(f"{n} is clean")


async def catches(n):
    try:
        await Task(f(n))
    except ValueError as error:
        print(f"caught {error}")


for n in ("a", "b"):
    Task(catches(n))
next_tick(lambda _: print("tick"))
