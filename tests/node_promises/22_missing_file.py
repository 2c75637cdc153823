"""A file that is not there raises at the await."""

from minirt import Future, Task, fs


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


async def f():
    try:
        await fs.read(__file__ + ".none")
    except FileNotFoundError:
        print("missing")
    await settled()
    print("goes on")


Task(f())
