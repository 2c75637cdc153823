"""Inside an I/O callback the immediate is always first."""

from minirt import fs, set_immediate, set_timeout


def done(_):
    set_timeout(0, lambda _: print("timeout"))
    set_immediate(lambda _: print("immediate"))


fs.read(__file__, done)
