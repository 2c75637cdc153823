"""Pool of one thread: completion order = submission order."""

# runtime: threads=1
from minirt import crypto

for name, iterations in (("long", 200_000), ("short1", 1), ("short2", 1)):
    crypto.pbkdf2("p", "s", iterations, lambda _, name=name: print(name))
