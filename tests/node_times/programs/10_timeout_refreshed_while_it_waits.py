"""refresh() of a timer that waits: its whole delay begins again."""


def main(rt, log, block):
    def refresh(_):
        log("refresh")
        timer.refresh()

    timer = rt.set_timeout(80, lambda _: log("timer"))
    rt.set_timeout(50, refresh)
