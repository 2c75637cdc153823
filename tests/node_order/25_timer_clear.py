"""A cleared timer never fires and does not hold the loop."""

from minirt import Runtime, clear_timeout, set_timeout

never = set_timeout(10, lambda _: print("never"))
clear_timeout(never)
set_timeout(15, lambda _: print("other"))
Runtime.current().at_close(lambda: print("exit"))
