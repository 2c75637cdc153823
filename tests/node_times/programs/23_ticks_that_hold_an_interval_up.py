"""Ticks and microtasks work after an interval's callback: it counts from before all that."""


def main(rt, log, block):
    left = 3

    def work(_):
        nonlocal left
        log("interval")
        rt.next_tick(lambda _: block(20))
        rt.queue_microtask(lambda _: block(20))
        left -= 1
        if not left:
            rt.clear_interval(interval)

    interval = rt.set_interval(70, work)
