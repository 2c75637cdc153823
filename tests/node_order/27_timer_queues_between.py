"""Ticks and microtasks run between two timers of one batch (Node >= 11)."""

from minirt import next_tick, queue_microtask, set_timeout


def timer(number):
    print(f"t{number}")
    next_tick(lambda _: print(f"tick{number}"))
    queue_microtask(lambda _: print(f"micro{number}"))


set_timeout(5, lambda _: timer(1))
set_timeout(5, lambda _: timer(2))
