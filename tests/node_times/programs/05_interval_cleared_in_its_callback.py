"""An interval that is cleared in its callback, after which its callback goes on."""


def main(rt, log, block):
    calls = 0

    def work(_):
        nonlocal calls
        log("interval")
        calls += 1
        if calls == 2:
            rt.clear_interval(interval)
            block(30)

    interval = rt.set_interval(40, work)
    rt.set_timeout(180, lambda _: log("much later"))
