"""refresh() in an interval's own callback: the time before the callback counts all the same."""


def main(rt, log, block):
    left = 3

    def work(_):
        nonlocal left
        log("interval")
        block(25)
        interval.refresh()
        block(10)
        left -= 1
        if not left:
            rt.clear_interval(interval)

    interval = rt.set_interval(70, work)
