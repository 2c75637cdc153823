"""A nextTick scheduled by a nextTick still beats waiting promises."""

from minirt import next_tick, queue_microtask


def tick1(_):
    print("tick1")
    next_tick(lambda _: print("tick2 (nested)"))


queue_microtask(lambda _: print("micro"))
next_tick(tick1)
