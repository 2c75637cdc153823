"""Which rows are there, who takes part in each, and what must minirt reach?

The goals are of two kinds. `faster(peer, ...)`: the peer's figure over minirt's is at least so
much. `costs(peer, ...)`: minirt's figure over the peer's is at most so much. `own(field, ...)`:
minirt's own figure is at most so much. `must` is what a change may not break; `aim` is what a good
one reaches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import aio, aio_viewed, awaiting, callbacks, memory, pool, sockets, startup, timers, viewed

AT_LEAST = ">="
AT_MOST = "<="
Program = Callable[[str, int], dict[str, Any]]  # (peer, how many) -> {"value": figure, ...}


@dataclass(frozen=True)
class Goal:
    sense: str  # AT_LEAST, AT_MOST
    must: float | None
    aim: float | None
    peer: str | None = None  # None: minirt's own figure
    field: str = "value"  # of the measurement


def faster(peer: str, must: float | None, aim: float | None = None) -> Goal:
    return Goal(AT_LEAST, must, aim, peer)


def costs(peer: str, must: float | None, aim: float | None = None) -> Goal:
    return Goal(AT_MOST, must, aim, peer)


def own(must: float, aim: float | None = None, field: str = "value") -> Goal:
    return Goal(AT_MOST, must, aim, None, field)


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    program: Program
    number: int  # how many callbacks, timers, requests ... a measurement makes
    peers: tuple[str, ...]
    goals: tuple[Goal, ...] = ()
    unit: str = "us"  # us, ms, B (bytes), %
    others: str | None = AT_LEAST  # how peers without a goal are compared; None: not at all
    fewer: Mapping[str, int] = field(default_factory=dict)  # peer -> by what its number is divided
    subject: str = "minirt"
    rounds: int | None = None  # where the figure is the same in every round
    quick: int | None = None  # the number of --quick, where a tenth makes no sense

    def number_for(self, peer: str, quick: bool = False) -> int:
        number = self.number // self.fewer.get(peer, 1)
        if not quick:
            return number
        return self.quick or max(1, number // 10)


def _on_asyncio(
    name: str, title: str, program: Program, number: int, must: float = 1, aim: float | None = None
) -> Row:
    """A row for minirt's asyncio loop, at least as fast as the standard one."""
    return Row(
        name,
        title,
        program,
        number,
        ("asyncio", "uvloop"),
        (faster("asyncio", must, aim),),
        subject="minirt-asyncio",
    )


def _viewed(name: str, title: str, program: Program, number: int) -> Row:
    """A row for what the live view adds to an asyncio program, beside what a recorder does."""
    return Row(
        name,
        title,
        program,
        number,
        (aio_viewed.ALONE, aio_viewed.RECORDED),
        (costs(aio_viewed.ALONE, 1.10, 1.05),),
        others=AT_MOST,
        fewer={aio_viewed.RECORDED: 20},
        subject=aio_viewed.VIEWED,
    )


def _awaiting(name: str, title: str, program: Program, number: int) -> Row:
    """A row for await on a Runtime, against the same program on asyncio."""
    return Row(name, title, program, number, ("asyncio", "uvloop"), (faster("asyncio", 1.3),))


ROWS = (
    # Callbacks: CPU time of one
    Row(
        "callbacks",
        "callbacks, 1,000 pending, steady",
        callbacks.steady,
        1_000_000,
        ("asyncio", "uvloop", "node", "gevent", "trio", "curio"),
        (faster("asyncio", 3, 4.5), faster("uvloop", 1.2, 1.7)),
        fewer={"trio": 4, "curio": 20},
    ),
    Row(
        "closures",
        "fresh closures, 1,000 pending",
        callbacks.fresh,
        1_000_000,
        ("asyncio", "uvloop", "node", "gevent"),
        (faster("asyncio", 2.3, 3), faster("uvloop", 1.1, 1.45)),
    ),
    Row(
        "fd-chain",
        "callback chain with a watched fd",
        callbacks.chain,
        400_000,
        ("asyncio", "uvloop", "node"),  # gevent runs the whole chain in one turn: not the same work
        (faster("asyncio", 1.6, 2.2), faster("uvloop", 0.55, 0.74)),
    ),
    # The live view at 30 Hz: what it adds to the row "callbacks", and what it sends
    Row(
        "view",
        "callbacks, a live view attached",
        viewed.watched,
        10_000_000,
        ("minirt",),
        (costs("minirt", 1.10, 1.05),),
        subject="minirt-viewed",
    ),
    Row(
        "frame",
        "a frame of the live view, 10,000 timers",
        viewed.frame,
        10_000,
        (),
        (own(20_000),),
        unit="B",
        rounds=1,
    ),
    # Timers: CPU time of one, then lateness
    Row(
        "timers",
        "timers set and fired, 100,000",
        timers.set_and_fired,
        100_000,
        ("asyncio", "uvloop", "node", "gevent"),
        (faster("asyncio", 5, 6.5), faster("uvloop", 4, 5), faster("node", 1, 2)),
    ),
    Row(
        "timers-million",
        "timers, 1,000,000",
        timers.set_and_fired,
        1_000_000,
        ("asyncio", "uvloop", "node"),
        (faster("asyncio", 7, 9), faster("uvloop", 4, 6), faster("node", 1, 1.2)),
    ),
    Row(
        "timers-cancelled",
        "timers set and cancelled, 1,000 pending",
        timers.set_and_cancelled,
        200_000,
        ("asyncio", "uvloop", "node"),
    ),
    Row(
        "lateness",
        "timer lateness, 1,000 timers over 50 ms",
        timers.lateness,
        1000,
        ("asyncio", "uvloop", "node", "gevent"),
        (own(0, 0, "early"), costs("asyncio", 1), Goal(AT_MOST, None, 250e-6)),
        others=None,
    ),
    # Pool: wall-clock time of one task
    Row(
        "pool-one",
        "pool, one in flight, pinned to one cpu",
        pool.one_in_flight,
        20_000,
        ("asyncio", "queues", "uvloop", "node", "gevent", "trio", "curio"),
        (faster("asyncio", 1.4, 2.7), costs("queues", None, 1.25)),
        fewer={"trio": 2},
    ),
    Row(
        "pool-nothing",
        "pool, no-op, 1,000 in flight",
        pool.nothing_in_flight,
        200_000,
        ("asyncio", "uvloop", "node", "gevent", "trio", "curio"),
        (faster("asyncio", 20, 35), faster("uvloop", 15, 25), faster("node", 5, 10)),
        fewer={"asyncio": 10, "uvloop": 10, "gevent": 20, "trio": 20, "curio": 20},
    ),
    Row(
        "pool-stat",
        "pool, os.stat, 1,000 in flight",
        pool.stat_in_flight,
        100_000,
        ("asyncio", "uvloop", "node", "gevent", "trio", "curio"),
        (faster("asyncio", 4, 6.5), faster("node", None, 1)),
        fewer={"asyncio": 5, "uvloop": 5, "gevent": 10, "trio": 10, "curio": 10},
    ),
    # Sockets: the server's CPU time of one request
    Row(
        "echo",
        "echo on net, 100 connections x 1 KiB",
        sockets.echo,
        60_000,
        ("epoll", "asyncio", "uvloop", "node", "gevent", "trio", "curio"),
        (costs("epoll", 1.15, 1.08), costs("asyncio", 1), costs("uvloop", None, 1)),
        others=AT_MOST,
        fewer={"asyncio": 2},
    ),
    Row(
        "echo-readiness",
        "echo on the bare registrator",
        sockets.echo_on_readiness,
        60_000,
        ("epoll", "asyncio", "uvloop", "gevent"),
        (costs("epoll", 1.15, 1.08), costs("asyncio", 1), costs("uvloop", None, 1)),
        others=AT_MOST,
    ),
    Row(
        "growth",
        "growth of echo latency, 10 -> 8,000 idle",
        sockets.growth,
        10_000,
        ("epoll", "uvloop"),
        (own(0.05, 0.02),),
        others=None,
        unit="%",
    ),
    # Memory: bytes held by one
    Row(
        "memory-callback",
        "memory: a pending callback",
        memory.pending_callback,
        100_000,
        ("asyncio", "uvloop", "node", "gevent"),
        (own(90, 80),),
        unit="B",
        rounds=1,
        others=AT_MOST,
    ),
    Row(
        "memory-timer",
        "memory: a pending timer",
        memory.pending_timer,
        100_000,
        ("asyncio", "uvloop", "node", "gevent"),
        (own(220, 160),),
        unit="B",
        rounds=1,
        others=AT_MOST,
    ),
    # Tracing: what it adds to the server of the row "echo"
    Row(
        "recorder-gone",
        "a recorder attached and gone (echo)",
        sockets.echo,
        120_000,
        ("minirt",),
        (costs("minirt", 1.02, 1),),
        subject="minirt-detached",
    ),
    Row(
        "recorder",
        "a recorder attached (echo)",
        sockets.echo,
        120_000,
        ("minirt",),
        (costs("minirt", 1.10, 1.07),),
        subject="minirt-recorded",
    ),
    # asyncio's loop on the core: CPU time of one, of the executor wall-clock time
    _on_asyncio("aio-burst", "asyncio: call_soon, in bursts", aio.burst, 500_000, 1.6),
    _on_asyncio("aio-chain", "asyncio: call_soon, one a turn", aio.chain, 200_000),
    _on_asyncio("aio-later", "asyncio: call_later, 100,000", aio.later, 100_000, 1.5),
    _on_asyncio("aio-cancelled", "asyncio: call_later, cancelled", aio.cancelled, 200_000),
    _on_asyncio("aio-yields", "asyncio: 1,000 tasks that sleep(0)", aio.yields, 300_000),
    _on_asyncio("aio-hand-over", "asyncio: tasks that wait for tasks", aio.hand_over, 200_000),
    _on_asyncio("aio-limits", "asyncio: timeout", aio.limits, 50_000),
    _on_asyncio("aio-executor", "asyncio: executor, 1,000 in flight", aio.executor, 50_000, 5),
    _on_asyncio("aio-streams", "asyncio: echo by streams", sockets.echo_on_streams, 60_000),
    _on_asyncio("aio-protocols", "asyncio: echo by protocols", sockets.echo, 60_000),
    # The live view at 30 Hz on an asyncio program that is always busy: CPU time of one
    _viewed("aio-view-tasks", "asyncio, viewed: short tasks", aio_viewed.tasks, 1_000_000),
    _viewed("aio-view-queue", "asyncio, viewed: a queue of workers", aio_viewed.queue, 2_000_000),
    _viewed("aio-view-echo", "asyncio, viewed: echo by streams", aio_viewed.echo, 150_000),
    _viewed("aio-view-crowd", "asyncio, viewed: 1,000 sleepers", aio_viewed.crowd, 800_000),
    # await on a Runtime: CPU time of one, of the pool wall-clock time
    _awaiting("await-turns", "await: 1,000 tasks that take turns", awaiting.turns, 100_000),
    _awaiting("await-tasks", "await: tasks made and gathered", awaiting.tasks, 50_000),
    _awaiting("await-sleeps", "await: 1,000 tasks that sleep", awaiting.sleeps, 10_000),
    _awaiting("await-pool", "await: the pool, 1,000 in flight", awaiting.in_pool, 10_000),
    # Import: wall-clock time in a fresh process
    Row(
        "import",
        "import minirt",
        startup.importing,
        3,
        ("asyncio", "trio"),
        (own(0.060, 0.040), own(0, 0, "notebook")),
        unit="ms",
        others=AT_MOST,
        quick=1,
    ),
)


def named(names: list[str]) -> list[Row]:
    """The rows of these names, in the order of the table; all of them for none."""
    unknown = set(names) - {row.name for row in ROWS}
    if unknown:
        known = ", ".join(row.name for row in ROWS)
        raise ValueError(f"no row is named {', '.join(sorted(unknown))}; there are: {known}")
    return [row for row in ROWS if not names or row.name in names]
