"""Which address has a name, and is this a place to connect to?

An address in digits needs no question. A name does, and the answer may take seconds: the pool asks.
"""

import ipaddress
import socket
from typing import TypeAlias

from minirt.core.policies import TaskKind
from minirt.core.simulation import Simulation
from minirt.node.runtime import Runtime
from minirt.values import Callback, Js, String

Place: TypeAlias = tuple[str, int]  # host, port

DNS_LOOKUP = TaskKind("DNS lookup")


def is_address(host: str) -> bool:
    """Is `host` an address in digits, which needs no look-up?"""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def needs_lookup(runtime: Runtime, host: str) -> bool:
    """Must the pool ask for the address? In a simulation a name is as good as an address."""
    return not is_address(host) and not isinstance(runtime.system, Simulation)


def lookup(runtime: Runtime, host: str, cb: Callback) -> int:
    """Ask the pool for the address of a name: `cb` receives a `String`, IPv4 if there is one."""

    def task() -> Js:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        found.sort(key=lambda entry: entry[0] != socket.AF_INET)
        return String(str(found[0][4][0]))

    return runtime.register_event_threadpool(task, DNS_LOOKUP, cb)


def check_place(host: object, port: object) -> None:
    """Raise now if this is no host and port."""
    if not isinstance(host, str) or isinstance(port, bool) or not isinstance(port, int):
        raise TypeError(f"a place is a host (str) and a port (int), and not ({host!r}, {port!r})")
    if not 0 <= port <= 65535:
        raise ValueError(f"port {port} does not exist: ports are 0 to 65535")
