"""Ticks and microtasks run between two immediates of one turn (Node >= 11)."""

from minirt import next_tick, queue_microtask, set_immediate


def immediate(number):
    print(f"i{number}")
    queue_microtask(lambda _: print(f"micro{number}"))
    next_tick(lambda _: print(f"tick{number}"))


set_immediate(lambda _: immediate(1))
set_immediate(lambda _: immediate(2))
