"""setImmediate is FIFO."""

from minirt import set_immediate

for number in (1, 2, 3):
    set_immediate(lambda _, number=number: print(f"i{number}"))
