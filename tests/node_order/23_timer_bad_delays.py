"""Negative, NaN, missing, fractional and string delays."""

from minirt import set_timeout

set_timeout(-5, lambda _: print("-5"))
set_timeout(float("nan"), lambda _: print("NaN"))
set_timeout(0, lambda _: print("missing"))  # a delay cannot be left out here
set_timeout(1.9, lambda _: print("1.9"))
set_timeout(int("1"), lambda _: print("'1'"))  # a string is a TypeError here
set_timeout(1, lambda _: print("1"))
set_timeout(30, lambda _: print("30"))
