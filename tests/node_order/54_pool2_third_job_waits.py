"""Pool of two: the short third job waits for the medium one."""

# runtime: threads=2
from minirt import crypto

for name, iterations in (("long", 2_000_000), ("medium", 200_000), ("short", 1)):
    crypto.pbkdf2("p", "s", iterations, lambda _, name=name: print(name))
