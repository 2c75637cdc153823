"""Doc example: start foo bar zoo baz."""

from minirt import next_tick, queue_microtask, set_immediate


def bar(_):
    print("bar")
    next_tick(lambda _: print("zoo"))


def start():
    print("start")
    set_immediate(lambda _: print("baz"))
    queue_microtask(bar)
    next_tick(lambda _: print("foo"))


start()
