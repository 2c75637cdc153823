"""Is everything given back in the end, whatever line of the close an interrupt comes at?"""

import os
import threading
from itertools import count

import pytest

from minirt import Int, Interest, Recorder, Runtime, TaskKind
from minirt.core import callbacks, calls, epoll, polls, selector, threadpool, timers
from minirt.core.system import RealSystem
from minirt.node import registrator, runtime
from minirt.watching import calls as watched_calls
from tests.conftest import open_descriptors
from tests.interrupts import split_at
from tests.polls import IN_USE

MODULES = (callbacks, calls, epoll, polls, selector, threadpool, timers, registrator, runtime)


def busy_runtime(closed: list[str], **options: object) -> Runtime:
    """A started runtime with something of each kind."""
    rt = Runtime(threads=2, **options)  # type: ignore[arg-type]

    def main() -> None:
        rt.set_timeout(1000, print)
        rt.set_immediate(print)
        rt.register_event_threadpool(lambda: Int(1), TaskKind.ENCRYPT, print)
        ends = os.pipe()
        rt.epoll_registrator.register(ends[0], 77, Interest.READABLE)
        rt.register_event_epoll(77, print)
        rt.at_close(lambda: close_once(ends, closed))

    rt.start(main)
    return rt


def close_once(ends: tuple[int, int], closed: list[str]) -> None:
    if not closed:  # it may be called twice
        closed.append("closed")
        for number in ends:
            os.close(number)


@pytest.mark.parametrize("name", list(IN_USE))
@pytest.mark.parametrize("traced", [False, True], ids=["plain", "traced"])
@pytest.mark.slow
def test_a_close_that_an_interrupt_splits_can_be_done_again(
    name: str, traced: bool, no_leaks: None
) -> None:
    """A5: state stayed "running", and two threads and two descriptors were left."""
    modules = (*MODULES, watched_calls) if traced else MODULES
    for line in count(1):
        descriptors, threads = open_descriptors(), set(threading.enumerate())
        closed: list[str] = []
        rt = busy_runtime(
            closed,
            system=RealSystem(poll=IN_USE[name]),
            trace=Recorder() if traced else None,
        )
        was_split = split_at(line, rt.close, modules)
        rt.close()
        assert rt.phase == "closed" and rt.pending_events == 0, line
        assert closed == ["closed"], line
        assert open_descriptors() == descriptors, line
        assert set(threading.enumerate()) <= threads, line  # one of an earlier test may end
        if not was_split:
            break
    assert line > 100
