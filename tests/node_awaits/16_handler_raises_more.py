"""An error that is heard by one who fails is told once, as the other's."""

from minirt import Future, Runtime, Task, set_immediate


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


async def fails():
    await settled()
    raise ValueError("a")


async def fails_too():
    try:
        await a
    except ValueError as error:
        raise ValueError(f"b of {error}") from error


Runtime.current().on_uncaught = lambda error: print(f"unheard {error}")
a = Task(fails())
Task(fails_too())
set_immediate(lambda _: print("immediate"))
