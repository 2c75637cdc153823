"""Immediates that work, one after the other: the interval comes in between."""


def main(rt, log, block):
    left = 3

    def busy(_):
        nonlocal left
        log("immediate")
        block(35)
        left -= 1
        if left:
            rt.set_immediate(busy)
        else:
            rt.set_timeout(70, lambda _: rt.clear_interval(interval))

    interval = rt.set_interval(50, lambda _: log("interval"))
    rt.set_timeout(30, lambda _: rt.set_immediate(busy))
