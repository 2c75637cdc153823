"""One call of an interval takes three and a half of it."""


def main(rt, log, block):
    calls = 0

    def work(_):
        nonlocal calls
        log("interval")
        calls += 1
        if calls == 2:
            block(350)
        if calls == 4:
            rt.clear_interval(interval)

    interval = rt.set_interval(100, work)
