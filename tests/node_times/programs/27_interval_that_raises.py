"""A call of an interval takes long and then raises: it counts from before the call, as always."""


def main(rt, log, block):
    left = 3
    rt.on_uncaught = lambda error: log(str(error))

    def work(_):
        nonlocal left
        log("interval")
        block(30)
        left -= 1
        if not left:
            rt.clear_interval(interval)
        raise ValueError("uncaught")

    interval = rt.set_interval(80, work)
