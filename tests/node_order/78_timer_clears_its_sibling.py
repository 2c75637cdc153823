"""A timer clears one that is due in the same batch."""

from minirt import clear_timeout, set_timeout


def first(_):
    print("a")
    clear_timeout(sibling)


set_timeout(5, first)
sibling = set_timeout(5, lambda _: print("b"))
set_timeout(5, lambda _: print("c"))
