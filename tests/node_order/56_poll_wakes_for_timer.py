"""The poll wait is cut short by the nearest timer."""

from minirt import crypto, set_timeout

crypto.pbkdf2("p", "s", 1_000_000, lambda _: print("hash"))
set_timeout(5, lambda _: print("timer"))
