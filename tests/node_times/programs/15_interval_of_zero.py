"""An interval of 0 ms, each call of which takes twenty: it is always due."""


def main(rt, log, block):
    left = 4

    def begin(_):
        def work(_):
            nonlocal left
            log("interval")
            block(20)
            left -= 1
            if not left:
                rt.clear_interval(interval)

        interval = rt.set_interval(0, work)

    rt.set_timeout(20, begin)
