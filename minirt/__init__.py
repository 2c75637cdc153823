"""minirt: a Node-style runtime that you can read, run and watch.

from minirt import Runtime, set_timeout

Runtime().run(lambda: set_timeout(100, lambda _: print("later")))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from minirt.clock import ManualClock, MonotonicClock
from minirt.core.policies import TaskKind
from minirt.core.polls import Interest, Ready
from minirt.core.simulation import Simulation
from minirt.modules import crypto, fs, net
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
from minirt.watching.trace import Recorder

if TYPE_CHECKING:
    from minirt.modules import http


__version__ = "0.1.0"  # the build takes it from this line


def __getattr__(name: str) -> object:
    """`http` is imported when it is first asked for: its parser takes as long as all the rest."""
    if name == "http":
        return import_module("minirt.modules.http")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """With `http`, so that a completer finds it."""
    return sorted({*globals(), "http"})


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
    "Error",
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
    "TaskKind",
    "Undefined",
    "clear_immediate",
    "clear_interval",
    "clear_timeout",
    "crypto",
    "fs",
    "http",
    "log",
    "net",
    "next_tick",
    "queue_microtask",
    "set_immediate",
    "set_interval",
    "set_timeout",
]
