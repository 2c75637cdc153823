"""Same delay: registration order."""

from minirt import set_timeout

for number in range(1, 7):
    set_timeout(5, lambda _, number=number: print(f"t{number}"))
