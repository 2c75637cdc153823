"""A timer that is set after some work counts from that moment."""


def main(rt, log, block):
    def first(_):
        log("first")
        block(40)
        rt.set_timeout(30, lambda _: log("second"))
        block(20)

    rt.set_timeout(30, first)
