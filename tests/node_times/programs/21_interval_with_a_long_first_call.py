"""The first call of an interval takes three and a half of it, and does not shift what follows."""


def main(rt, log, block):
    calls = 0

    def work(_):
        nonlocal calls
        log("interval")
        calls += 1
        if calls == 1:
            block(140)
        if calls == 4:
            rt.clear_interval(interval)

    interval = rt.set_interval(40, work)
