"""After a read comes the check phase, then timers."""

from minirt import Future, Task, fs, set_immediate, set_timeout


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


async def f():
    await fs.read(__file__)
    print("read")
    set_timeout(1, lambda _: print("timer"))
    set_immediate(lambda _: print("immediate"))
    await settled()
    print("await")


Task(f())
