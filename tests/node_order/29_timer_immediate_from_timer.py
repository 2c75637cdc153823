"""Inside a timer callback: immediate before nested 0 ms timer."""

from minirt import set_immediate, set_timeout


def timer(_):
    set_timeout(0, lambda _: print("timeout"))
    set_immediate(lambda _: print("immediate"))
    print("in timer")


set_timeout(5, timer)
