"""refresh() of a timer that ran already: it runs once more."""


def main(rt, log, block):
    def refresh(_):
        log("refresh")
        timer.refresh()

    timer = rt.set_timeout(30, lambda _: log("timer"))
    rt.set_timeout(80, refresh)
