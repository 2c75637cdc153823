"""refresh() of an interval from outside: from then on it counts from there."""


def main(rt, log, block):
    left = 3

    def work(_):
        nonlocal left
        log("interval")
        left -= 1
        if not left:
            rt.clear_interval(interval)

    def refresh(_):
        log("refresh")
        interval.refresh()

    interval = rt.set_interval(80, work)
    rt.set_timeout(50, refresh)
