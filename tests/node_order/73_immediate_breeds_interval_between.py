"""Immediates that breed cannot keep an interval waiting."""

from minirt import Runtime, clear_interval, set_immediate, set_interval

left = 3


def breed(_):
    global left
    print("immediate")
    Runtime.current().clock.sleep(0.01)  # busy for 10 ms
    left -= 1
    if left:
        set_immediate(breed)
    else:
        clear_interval(interval)


def begin(_):
    global interval
    interval = set_interval(2, lambda _: print("interval"))
    set_immediate(breed)


set_immediate(begin)
