"""A timer is due already when another one refreshes it: its whole delay begins again."""


def main(rt, log, block):
    def first(_):
        log("first")
        block(60)
        late.refresh()

    late = rt.set_timeout(50, lambda _: log("late"))
    rt.set_timeout(30, first)
