"""What does a program call that should read like Node?

The methods of the running runtime, without `rt.`: `set_timeout(100, done)`. Which runtime that is
comes from a ContextVar, so that each thread and each notebook cell finds its own. Where none is
running, NoRuntime says what to do.
"""

from minirt.node.runtime import Runtime
from minirt.node.timeouts import Timeout
from minirt.values import Callback


def set_timeout(ms: float, cb: Callback) -> Timeout:
    """`Runtime.set_timeout` of the running runtime."""
    return Runtime.current().set_timeout(ms, cb)


def set_interval(ms: float, cb: Callback) -> Timeout:
    """`Runtime.set_interval` of the running runtime."""
    return Runtime.current().set_interval(ms, cb)


def clear_timeout(timeout: Timeout | int | None) -> None:
    """`Runtime.clear_timeout` of the running runtime."""
    Runtime.current().clear_timeout(timeout)


def clear_interval(interval: Timeout | int | None) -> None:
    """`Runtime.clear_interval` of the running runtime."""
    Runtime.current().clear_interval(interval)


def set_immediate(cb: Callback) -> int:
    """`Runtime.set_immediate` of the running runtime."""
    return Runtime.current().set_immediate(cb)


def clear_immediate(identity: int | None) -> None:
    """`Runtime.clear_immediate` of the running runtime."""
    Runtime.current().clear_immediate(identity)


def next_tick(cb: Callback) -> None:
    """`Runtime.next_tick` of the running runtime."""
    Runtime.current().next_tick(cb)


def queue_microtask(cb: Callback) -> None:
    """`Runtime.queue_microtask` of the running runtime."""
    Runtime.current().queue_microtask(cb)


def log(text: object) -> None:
    """`Runtime.log` of the running runtime."""
    Runtime.current().log(text)
