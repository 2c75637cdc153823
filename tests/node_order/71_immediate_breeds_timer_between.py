"""An immediate that breeds lets a due timer in between."""

from minirt import Runtime, set_immediate, set_timeout


def breed(_):
    print("i1")
    set_timeout(1, lambda _: print("timeout"))
    set_immediate(lambda _: print("i2"))
    Runtime.current().clock.sleep(0.01)  # a callback that is busy for 10 ms


set_immediate(breed)
