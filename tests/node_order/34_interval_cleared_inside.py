"""clearInterval inside its own callback stops it at once."""

from minirt import clear_interval, set_interval, set_timeout


def once(_):
    print("once")
    clear_interval(interval)


interval = set_interval(3, once)
set_timeout(30, lambda _: print("later"))
