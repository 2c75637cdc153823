"""An unref'd interval runs as long as a timer keeps the loop alive."""


def main(rt, log, block):
    def work(_):
        log("interval")
        block(10)

    rt.set_interval(40, work).unref()
    rt.set_timeout(150, lambda _: log("last"))
