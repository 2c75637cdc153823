"""The error of who loses a race is heard."""

from minirt import Future, Runtime, Task, race, set_immediate


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


async def bad():
    raise ValueError("x")


async def main():
    print(await race(settled("won"), bad()))
    set_immediate(lambda _: print("nothing was unheard"))


Runtime.current().on_uncaught = lambda error: print(f"unheard {error}")
Task(main())
