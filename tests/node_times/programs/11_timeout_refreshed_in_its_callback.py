"""refresh() in a timer's own callback: it counts from the call of refresh()."""


def main(rt, log, block):
    calls = 0

    def work(_):
        nonlocal calls
        log("timer")
        calls += 1
        block(20)
        if calls < 3:
            timer.refresh()
        block(10)

    timer = rt.set_timeout(50, work)
