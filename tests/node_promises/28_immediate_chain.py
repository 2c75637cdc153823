"""An immediate made after an await waits one turn."""

from minirt import Future, set_immediate


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


async def first(_):
    print("1")
    await settled()
    set_immediate(lambda _: print("3"))
    print("2")


set_immediate(first)
set_immediate(lambda _: print("same phase"))
