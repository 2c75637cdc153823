"""An async callback begins where a plain one would."""

from minirt import Future, next_tick, queue_microtask, set_immediate


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


async def late(_):
    print("in")
    await settled()
    print("after")


async def tick(_):
    print("tick")
    await settled()
    print("after tick")


set_immediate(late)
set_immediate(lambda _: print("plain"))
next_tick(tick)
queue_microtask(lambda _: print("micro"))
