"""Each timer works, then sets the next: a chain is late by its work."""


def main(rt, log, block):
    left = 4

    def following(_):
        nonlocal left
        log("timer")
        block(15)
        left -= 1
        if left:
            rt.set_timeout(40, following)

    rt.set_timeout(40, following)
