"""Two calls of an interval take longer than it: it never bursts."""


def main(rt, log, block):
    calls = 0

    def work(_):
        nonlocal calls
        log("interval")
        calls += 1
        if calls in (2, 4):
            block(120)
        if calls == 6:
            rt.clear_interval(interval)

    interval = rt.set_interval(50, work)
