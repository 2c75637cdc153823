"""An immediate made by an immediate waits one loop turn."""

from minirt import set_immediate


def first(_):
    print("A")
    set_immediate(lambda _: print("C (nested)"))


set_immediate(first)
set_immediate(lambda _: print("B"))
