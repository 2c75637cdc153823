"""minirt: a Node-style runtime that you can read, run and watch.

from minirt import Runtime, set_timeout

Runtime().run(lambda: set_timeout(100, lambda _: print("later")))
"""

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from minirt.clock import ManualClock, MonotonicClock
from minirt.core.policies import TaskKind
from minirt.core.polls import Interest, Ready
from minirt.node.ambient import (
    clear_immediate,
    clear_interval,
    clear_timeout,
    log,
    next_tick,
    queue_microtask,
    set_immediate,
    set_interval,
    set_timeout,
)
from minirt.node.runtime import Runtime
from minirt.values import Bytes, Error, Int, Js, String, Undefined

if TYPE_CHECKING:
    from minirt.awaiting.coroutines import Task
    from minirt.awaiting.errors import Cancelled
    from minirt.awaiting.futures import Future
    from minirt.awaiting.groups import gather, race
    from minirt.awaiting.waiting import in_pool, sleep_ms, timeout_ms
    from minirt.core.simulation import Simulation
    from minirt.modules import crypto, fs, http, net
    from minirt.watching.trace import Recorder


__version__ = "0.1.0"  # the build takes it from this line


WHEN_ASKED_FOR = MappingProxyType(
    {
        "Cancelled": "minirt.awaiting.errors",
        "Future": "minirt.awaiting.futures",
        "Recorder": "minirt.watching.trace",
        "Simulation": "minirt.core.simulation",
        "Task": "minirt.awaiting.coroutines",
        "crypto": "minirt.modules",
        "fs": "minirt.modules",
        "gather": "minirt.awaiting.groups",
        "http": "minirt.modules",
        "in_pool": "minirt.awaiting.waiting",
        "net": "minirt.modules",
        "race": "minirt.awaiting.groups",
        "sleep_ms": "minirt.awaiting.waiting",
        "timeout_ms": "minirt.awaiting.waiting",
    }
)


def __getattr__(name: str) -> object:
    """What a program may do without is imported when it is first asked for: half of the time."""
    if name not in WHEN_ASKED_FOR:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    where = WHEN_ASKED_FOR[name]
    if where == "minirt.modules":
        found: object = import_module(f"{where}.{name}")
    else:
        found = getattr(import_module(where), name)
    globals()[name] = found  # the next time it is simply there
    return found


def __dir__() -> list[str]:
    """With the names that are not imported yet, so that a completer finds them."""
    return sorted({*globals(), *WHEN_ASKED_FOR})


def load_ipython_extension(ipython: Any) -> None:
    """`%load_ext minirt`. IPython is imported only then."""
    from minirt.extension import load_ipython_extension as load

    load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """`%unload_ext minirt`."""
    from minirt.extension import unload_ipython_extension as unload

    unload(ipython)


__all__ = [
    "Bytes",
    "Cancelled",
    "Error",
    "Future",
    "Int",
    "Interest",
    "Js",
    "ManualClock",
    "MonotonicClock",
    "Ready",
    "Recorder",
    "Runtime",
    "Simulation",
    "String",
    "Task",
    "TaskKind",
    "Undefined",
    "clear_immediate",
    "clear_interval",
    "clear_timeout",
    "crypto",
    "fs",
    "gather",
    "http",
    "in_pool",
    "log",
    "net",
    "next_tick",
    "queue_microtask",
    "race",
    "set_immediate",
    "set_interval",
    "set_timeout",
    "sleep_ms",
    "timeout_ms",
]
