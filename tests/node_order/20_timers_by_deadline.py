"""Timers fire by deadline, not by registration."""

from minirt import set_timeout

set_timeout(60, lambda _: print("60"))
set_timeout(20, lambda _: print("20"))
set_timeout(40, lambda _: print("40"))
