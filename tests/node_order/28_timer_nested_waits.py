"""A 0 ms timer made inside a timer never joins the running batch."""

from minirt import set_timeout


def first(_):
    print("a")
    set_timeout(0, lambda _: print("c (nested)"))


set_timeout(1, first)
set_timeout(1, lambda _: print("b"))
