"""How do threads and processes stay on the cpu that they were given?

Two that hand work to each other run on one cpu or on two as the system likes, and change while they
run. Each change costs more than most hand-overs, so that the same program gives figures that are
twice as high from one minute to the next.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_cpu() -> Iterator[bool]:
    """All threads and processes made within share one cpu; False where the system cannot (macOS)."""
    with on_cpu(0) as pinned:
        yield pinned


@contextmanager
def on_cpu(order: int) -> Iterator[bool]:
    """This thread, and what it makes within, stays on one cpu: of those it may use, number `order`."""
    if not hasattr(os, "sched_setaffinity"):
        yield False
        return
    before = os.sched_getaffinity(0)
    cpus = sorted(before)
    os.sched_setaffinity(0, {cpus[order % len(cpus)]})
    try:
        yield True
    finally:
        os.sched_setaffinity(0, before)
