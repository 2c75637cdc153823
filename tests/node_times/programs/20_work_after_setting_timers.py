"""A callback sets a timer and an interval, then works: what is due by then runs at once."""


def main(rt, log, block):
    left = 3

    def begin(_):
        def work(_):
            nonlocal left
            log("interval")
            left -= 1
            if not left:
                rt.clear_interval(interval)

        log("begin")
        rt.set_timeout(30, lambda _: log("timer"))
        interval = rt.set_interval(50, work)
        block(120)

    rt.set_timeout(20, begin)
