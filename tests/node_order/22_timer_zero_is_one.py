"""setTimeout 1 then 0 keeps registration order: 0 means 1 ms."""

from minirt import set_timeout

set_timeout(1, lambda _: print("delay 1"))
set_timeout(0, lambda _: print("delay 0"))
