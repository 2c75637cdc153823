"""An interval works, then sets a timer, which counts from the moment it is set."""


def main(rt, log, block):
    left = 3

    def work(_):
        nonlocal left
        log("interval")
        block(20)
        rt.set_timeout(15, lambda _: log("timer"))
        left -= 1
        if not left:
            rt.clear_interval(interval)

    interval = rt.set_interval(60, work)
