"""An interval is due already when another timer clears it: it does not run."""


def main(rt, log, block):
    def first(_):
        log("first")
        block(100)

    def second(_):
        log("second")
        rt.clear_interval(interval)

    interval = rt.set_interval(60, lambda _: log("interval"))
    rt.set_timeout(80, first)
    rt.set_timeout(100, second)
    rt.set_timeout(260, lambda _: log("last"))
