"""clearImmediate on one due in the same pass."""

from minirt import clear_immediate, set_immediate


def first(_):
    print("a")
    clear_immediate(sibling)


set_immediate(first)
sibling = set_immediate(lambda _: print("b"))
set_immediate(lambda _: print("c"))
