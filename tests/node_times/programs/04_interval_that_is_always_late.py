"""Every call of an interval takes longer than it."""


def main(rt, log, block):
    left = 4

    def work(_):
        nonlocal left
        log("interval")
        block(60)
        left -= 1
        if not left:
            rt.clear_interval(interval)

    interval = rt.set_interval(40, work)
