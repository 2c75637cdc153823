"""An interval misses some of its times because of a timer: it runs once, and goes on from there."""


def main(rt, log, block):
    left = 4

    def work(_):
        nonlocal left
        log("interval")
        left -= 1
        if not left:
            rt.clear_interval(interval)

    def hold_up(_):
        log("timer")
        block(170)

    interval = rt.set_interval(50, work)
    rt.set_timeout(70, hold_up)
