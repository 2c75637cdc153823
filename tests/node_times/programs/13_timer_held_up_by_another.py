"""A timer is due while another one works: it runs as soon as it can."""


def main(rt, log, block):
    def first(_):
        log("first")
        block(70)

    rt.set_timeout(30, first)
    rt.set_timeout(60, lambda _: log("second"))
    rt.set_timeout(130, lambda _: log("third"))
