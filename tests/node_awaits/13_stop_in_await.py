"""An immediate that is cleared while a task awaits does not run."""

from minirt import Future, Task, clear_immediate, clear_timeout, set_immediate, set_timeout


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


async def clears():
    await settled()
    clear_immediate(immediate)
    clear_timeout(timer)
    print("cleared")


Task(clears())
immediate = set_immediate(lambda _: print("never"))
timer = set_timeout(1, lambda _: print("never"))
set_immediate(lambda _: print("immediate"))
