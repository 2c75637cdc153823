"""A microtask that re-queues itself holds back timers and immediates (bounded to 1000)."""

from minirt import queue_microtask, set_immediate

count = 0


def again(_):
    global count
    count += 1
    if count < 1000:
        queue_microtask(again)


set_immediate(lambda _: print(f"immediate sees n={count}"))
again(None)
