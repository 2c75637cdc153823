"""How does a runtime look at one moment?

Counts, and the first few of what may be many. Any thread may ask, thirty times a second, so nothing
is sorted, copied or counted one by one here.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minirt.core.loop import Loop


@dataclass(frozen=True)
class Snapshot:
    """What a runtime looks like at one moment: counts, and the first few of what may be many."""

    time: float  # s, on the loop's clock
    phase: str
    ticks: int
    identity_token: int
    pending_events: int
    epoll_pending_events: int
    callbacks: int
    immediates: int
    next_ticks: int
    microtasks: int
    threads: int
    available_threads: int
    waiting_tasks: int
    queues: tuple[tuple[str, int], ...]  # (what is waited for, how many)
    timers: tuple[tuple[float, int], ...]  # (deadline in s, identity), the nearest first
    running: tuple[tuple[int, int, str], ...]  # (thread, identity, kind)
    waiting: tuple[tuple[int, str], ...]  # (identity, kind), the oldest first
    watched: tuple[tuple[int, int, str], ...]  # (descriptor, identity, interest)
    callback_identities: tuple[int, ...]


def snapshot(loop: "Loop", most: int) -> Snapshot:
    """The loop now, with at most `most` of each list."""
    callbacks, pool = loop.callbacks, loop.pool
    by_kind = callbacks.by_kind()
    return Snapshot(
        time=loop.clock.now(),
        phase=loop.phase,
        ticks=loop.turns,
        identity_token=callbacks.identities.token,
        pending_events=callbacks.count(),
        epoll_pending_events=callbacks.waits_for_readiness(),
        callbacks=sum(by_kind.values()),
        immediates=by_kind["immediate"],
        next_ticks=len(loop.next_ticks),
        microtasks=len(loop.microtasks),
        threads=pool.size,
        available_threads=pool.available,
        waiting_tasks=pool.count_waiting(),
        queues=tuple(by_kind.items()),
        timers=tuple(loop.timers.nearest(most)),
        running=tuple(
            (thread, identity, str(kind)) for thread, (identity, kind, _) in pool.running().items()
        ),
        waiting=tuple((identity, str(kind)) for identity, kind, _ in pool.waiting(most)),
        watched=tuple(loop.poll.first(most)),
        callback_identities=tuple(callbacks.first(most)),
    )
