"""In simulated time: a program that is busy by `time.sleep`, or by looking at a clock all the time.

Both are what a reader writes to let a timer become due, and in simulated time neither would do it.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from minirt.core.simulation import Simulation

PATIENT = 1000  # readings of the same time: nobody but a loop that waits for it to pass
GLANCE = 0.001  # s: what each reading takes from then on
CLOCKS = ("monotonic", "perf_counter", "time")


class Glances:
    """The simulated time, which passes for whoever keeps looking at it."""

    def __init__(self, simulation: Simulation) -> None:
        self._clock = simulation.clock
        self._read = simulation.clock.now
        self._last = -1.0
        self._same = 0

    def now(self) -> float:
        """Seconds, as `Clock.now`."""
        self._same = self._same + 1 if self._read() == self._last else 0
        if self._same > PATIENT:
            self._clock.spend(GLANCE)
        self._last = self._read()
        return self._last


@contextmanager
def real_time_is(simulation: Simulation, names: dict[str, Any]) -> Iterator[None]:
    """In this thread `time.sleep` and the clocks of `time` are those of the simulation.

    `names` are the program's globals: what it took by `from time import sleep` is there.
    """
    here = threading.get_ident()
    glances = Glances(simulation)

    def instead(real: Callable[..., Any], simulated: Callable[..., Any]) -> Callable[..., Any]:
        def stand_in(*args: Any) -> Any:
            return (simulated if threading.get_ident() == here else real)(*args)

        return stand_in

    stand_ins = {name: instead(getattr(time, name), glances.now) for name in CLOCKS}
    stand_ins["sleep"] = instead(time.sleep, simulation.clock.sleep)
    taken = {
        name: stand_ins[one]
        for name, value in names.items()
        for one in stand_ins
        if value is getattr(time, one)
    }
    with ExitStack() as stack:
        stack.enter_context(patch.dict(names, taken))
        stack.enter_context(patch.object(simulation.clock, "now", glances.now))
        stack.enter_context(patch.dict(vars(time), stand_ins))
        yield
