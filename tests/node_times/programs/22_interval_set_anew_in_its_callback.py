"""An interval replaces itself in its callback: the new one counts from the moment it is set."""


def main(rt, log, block):
    left = 3

    def work(_):
        nonlocal left, interval
        log("interval")
        block(25)
        rt.clear_interval(interval)
        left -= 1
        if left:
            interval = rt.set_interval(50, work)

    interval = rt.set_interval(50, work)
