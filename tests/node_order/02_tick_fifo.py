"""nextTick queue is FIFO."""

from minirt import next_tick

for number in (1, 2, 3):
    next_tick(lambda _, number=number: print(f"tick{number}"))
