"""Two intervals, one of which holds the other up."""


def main(rt, log, block):
    left = 5

    def work(_):
        log("slow")
        block(30)

    def glance(_):
        nonlocal left
        log("quick")
        left -= 1
        if not left:
            rt.clear_interval(slow)
            rt.clear_interval(quick)

    slow = rt.set_interval(60, work)
    quick = rt.set_interval(40, glance)
