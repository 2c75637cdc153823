"""An error goes to the await, not to the loop."""

from minirt import Future, Task


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


async def bad():
    await settled()
    raise ValueError("x")


async def f():
    try:
        await Task(bad())
    except ValueError as error:
        print(f"caught {error}")
    finally:
        print("finally")


Task(f())
print("main")
