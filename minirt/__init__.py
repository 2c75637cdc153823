"""minirt: a Node-style runtime that you can read, run and watch.

    from minirt import Runtime, set_timeout

    Runtime().run(lambda: set_timeout(100, lambda _: print("later")))
"""

from minirt.clock import ManualClock, MonotonicClock
from minirt.epoll import Interest
from minirt.runtime import (
    Runtime,
    clear_immediate,
    clear_interval,
    clear_timeout,
    next_tick,
    queue_microtask,
    set_immediate,
    set_interval,
    set_timeout,
)
from minirt.simulation import Simulation
from minirt.threadpool import TaskKind
from minirt.values import Bytes, Error, Int, Js, String, Undefined
