"""Which addresses does a name have, and is this a place to connect to?

An address in digits needs no question. A name does, and the answer may take seconds: the pool asks.
"""

import socket
from typing import Any, TypeAlias

from minirt.core.policies import TaskKind
from minirt.core.simulation import Simulation
from minirt.modules.addresses import is_address
from minirt.node.runtime import Runtime
from minirt.values import Callback, Js, String

Place: TypeAlias = tuple[str, int]  # host, port

DNS_LOOKUP = TaskKind("DNS lookup")


def needs_lookup(runtime: Runtime, host: str) -> bool:
    """Must the pool ask for the address? In a simulation a name is as good as an address."""
    return not is_address(host) and not isinstance(runtime.system, Simulation)


def lookup_all(runtime: Runtime, host: str, cb: Callback) -> int:
    """Ask the pool for the addresses of a name: `cb` receives a `String`, one a line.

    They come in the order in which the system prefers them, for `addresses.Attempts` to try.
    """
    return runtime.register_event_threadpool(
        lambda: String("\n".join(addresses_of(host))), DNS_LOOKUP, cb
    )


def addresses_of(host: str) -> list[str]:
    """Each address of a name once, of both families. Blocks; OSError or ValueError for none."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(address_of(entry[4]) for entry in found))


def address_of(sockaddr: tuple[Any, ...]) -> str:
    """Of a socket's address the part that names the host; a local IPv6 one needs its zone."""
    zone = sockaddr[3] if len(sockaddr) == 4 else 0
    return f"{sockaddr[0]}%{zone}" if zone else str(sockaddr[0])


def lookup(runtime: Runtime, host: str, cb: Callback) -> int:
    """As `lookup_all`, but the first address only, IPv4 if there is one."""

    def task() -> Js:
        found = addresses_of(host)
        return String(min(found, key=lambda address: ":" in address))

    return runtime.register_event_threadpool(task, DNS_LOOKUP, cb)


def check_place(host: object, port: object) -> None:
    """Raise now if this is no host and port."""
    if not isinstance(host, str) or isinstance(port, bool) or not isinstance(port, int):
        types = f"{type(host).__name__}, {type(port).__name__}"
        raise TypeError(f"got ({types}), expected a host as str and a port as int")
    if not 0 <= port <= 65535:
        raise ValueError(f"got port {port}, but ports are 0 to 65535")
