"""An interval whose callback takes a part of it."""


def main(rt, log, block):
    left = 3

    def work(_):
        nonlocal left
        log("interval")
        block(30)
        left -= 1
        if not left:
            rt.clear_interval(interval)

    interval = rt.set_interval(100, work)
