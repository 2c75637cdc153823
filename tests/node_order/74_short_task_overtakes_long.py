"""Two threads: a short task overtakes a long one."""

from minirt import crypto

for name, iterations in (("long", 1_000_000), ("short", 1)):
    crypto.pbkdf2("p", "s", iterations, lambda _, name=name: print(name))
