"""Which addresses does a name have, and is this a place to connect to?

An address in digits needs no question. A name does, and the answer may take seconds: the pool asks.
"""

from typing import TypeAlias

from minirt.core.policies import TaskKind
from minirt.errors import short_repr
from minirt.node.runtime import Runtime
from minirt.values import Callback, String

Place: TypeAlias = tuple[str, int]  # host, port

DNS_LOOKUP = TaskKind("DNS lookup")


def look_up(runtime: Runtime, host: str, cb: Callback) -> int:
    """Ask the pool for every address of a name: `cb` receives a `String`, an address a line.

    They come in the order in which the system prefers them, for `addresses.Attempts` to try.
    """
    system = runtime.system
    return runtime.register_event_threadpool(
        lambda: String("\n".join(system.look_up(host))), DNS_LOOKUP, cb
    )


def check_place(host: object, port: object) -> None:
    """Raise now if this is no host and port."""
    if not isinstance(host, str) or isinstance(port, bool) or not isinstance(port, int):
        raise TypeError(f"got {short_repr((host, port))}, expected a host as str and a port as int")
    if not 0 <= port <= 65535:
        raise ValueError(f"got port {port}, but ports are 0 to 65535")
