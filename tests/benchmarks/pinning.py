"""How do threads and processes share one cpu?

Two that hand work to each other run on one cpu or on two as the system likes, and change while they
run. Each change costs more than most hand-overs, so that the same program gives figures that are
twice as high from one minute to the next. On one cpu only the work itself is left.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_cpu() -> Iterator[bool]:
    """All threads and processes made within share one cpu; False where the system cannot."""
    if not hasattr(os, "sched_setaffinity"):
        yield False
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield True
    finally:
        os.sched_setaffinity(0, before)
