"""What would happen, if time were an argument?

The same bundle as the real system, in simulated time. Nothing sleeps: when the loop would, the
clock jumps to the next thing that can happen. One seed gives one order, every time; another seed
may give another order that the real system could have shown as well.
"""

import random
from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import TypeAlias

from minirt.clock import ManualClock
from minirt.core.epoll import Poll, Ready, Watch
from minirt.errors import OnlySimulated, SimulationStuck
from minirt.core.threadpool import Schedule, ThreadPool, Work, run_task
from minirt.values import Int, Js

THREAD_LATENCY = 0.0005  # s, at most: from submitting a task to its first line
NETWORK_LATENCY = 0.0005  # s, at most: one way
TURN = 0.00001  # s: what a turn that does not sleep takes
ENTRY_DELAY = 0.002  # s, at most: from the end of main to the first turn

# What a peer answers to all that it has received: None while the request is incomplete,
# else its chunks as (seconds from now, bytes). After the last one it closes.
Answer: TypeAlias = Callable[[bytes], list[tuple[float, bytes]] | None]


class SimulatedClock(ManualClock):
    """The loop's time, and a time of its own for a task while it runs."""

    def __init__(self) -> None:
        super().__init__()
        self._of_task: float | None = None  # seconds

    def now(self) -> float:
        return self._now if self._of_task is None else self._of_task

    def advance(self, seconds: float) -> float:
        if self._of_task is None:
            return super().advance(seconds)
        self._of_task += seconds
        return self._of_task

    def jump(self, time: float) -> None:
        """Go on to `time` (seconds), or stay if that is past."""
        self._now = max(self._now, time)

    def run_task(self, run: Callable[[], None]) -> float:
        """Call `run` with a clock of its own that starts now; return the time when it ended."""
        self._of_task = self._now
        try:
            run()
            return self._of_task
        finally:
            self._of_task = None


class Agenda:
    """What will happen when: a heap of (time, order, action)."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self._order = count()
        self._heap: list[tuple[float, int, Callable[[], None]]] = []

    def add(self, time: float, action: Callable[[], None]) -> None:
        """Do `action` at `time` (seconds)."""
        heappush(self._heap, (time, next(self._order), action))

    def run_next(self, limit: float) -> bool:
        """Do what comes next, if it comes by `limit` (seconds). False when nothing does."""
        if not self._heap or self._heap[0][0] > limit:
            return False
        time, _, action = heappop(self._heap)
        self._clock.jump(time)
        action()
        return True

    def clear(self) -> None:
        self._heap.clear()


class SimulatedPool(ThreadPool):
    """The pool without threads: a task runs when its turn comes in simulated time."""

    simulation: "Simulation"

    def _hand_over(self, number: int, task: Work) -> None:
        at = self.simulation.clock.now() + self.simulation.random.uniform(0, THREAD_LATENCY)
        self._running[number] = task
        self.simulation.agenda.add(at, lambda: self._perform(number, task))

    def _perform(self, number: int, task: Work) -> None:
        clock = self.simulation.clock
        started = self._begin(number, task)
        results: list[Js] = []
        ended = clock.run_task(lambda: results.append(self._context.copy().run(run_task, task)))
        self.simulation.agenda.add(ended, lambda: self._end(number, task, started, results))

    def _end(self, number: int, task: Work, started: float, results: list[Js]) -> None:
        following = self._finish(number, task, results.pop(), started)
        if following is not None:
            self._hand_over(number, following)


class SimulatedConnection:
    """One end of a connection; the other end is a function, its peer."""

    def __init__(self, simulation: "Simulation", number: int, answer: Answer) -> None:
        self._simulation = simulation
        self._number = number
        self._answer: Answer | None = answer
        self._sent = bytearray()
        self._arrived = bytearray()
        self._ended = False

    def __repr__(self) -> str:
        return f"<simulated connection {self._number}>"

    def fileno(self) -> int:
        return self._number

    def send(self, data: bytes) -> int:
        self._sent += data
        chunks = self._answer(bytes(self._sent)) if self._answer is not None else None
        if chunks is not None:
            self._answer = None
            latency = self._simulation.random.uniform(0, NETWORK_LATENCY)
            start = self._simulation.clock.now() + latency
            for delay, chunk in chunks:
                self._simulation.agenda.add(start + delay, partial(self._arrived.extend, chunk))
            self._simulation.agenda.add(
                start + max((delay for delay, _ in chunks), default=0.0), self._end
            )
        return len(data)

    def recv(self, size: int) -> bytes:
        if not self._arrived and not self._ended:
            raise BlockingIOError
        data = bytes(self._arrived[:size])
        del self._arrived[:size]
        return data

    def getsockopt(self, level: int, option: int) -> int:
        return 0

    def close(self) -> None:
        self._number = -1

    def readiness(self) -> Ready:
        """What a poll would say of it now."""
        readable = Ready.READABLE if self._arrived or self._ended else Ready(0)
        return readable | Ready.WRITABLE

    def _end(self) -> None:
        self._ended = True


class SimulatedPoll(Poll):
    """A poll whose sleep is a jump of the clock."""

    always_poll = True  # or a program that only breeds immediates would stop time

    def __init__(self, simulation: "Simulation") -> None:
        super().__init__()
        self._simulation = simulation
        self._woken = False

    def poll(self, timeout: float | None) -> list[tuple[int, Int]]:
        clock, agenda = self._simulation.clock, self._simulation.agenda
        # round: a sum of floats may miss a deadline by its last bit, and would never reach it
        limit = float("inf") if timeout is None else round(clock.now() + timeout, 9)
        while not (self._woken or self._ready()) and agenda.run_next(limit):
            pass
        while agenda.run_next(clock.now()):
            pass
        events = self._ready()
        if timeout == 0:
            clock.advance(TURN)
        elif not self._woken and not events:
            if timeout is None:
                raise SimulationStuck(len(self.watched))
            clock.jump(limit)
        self._woken = False
        return events

    def wake(self) -> None:
        self._woken = True

    def close(self) -> None:
        self._simulation.agenda.clear()

    def _ready(self) -> list[tuple[int, Int]]:
        events: list[tuple[int, Int]] = []
        for number, watch in self.watched.items():
            assert isinstance(watch.fileobj, SimulatedConnection)
            bits = watch.fileobj.readiness() & int(watch.interest)
            if bits:
                self._answers(number, int(bits), events)
        return events

    def _tell_kernel(self, number: int, before: Watch | None, after: Watch | None) -> None:
        if after is not None and not isinstance(after.fileobj, SimulatedConnection):
            raise OnlySimulated(after.fileobj)


class Simulation:
    """Clock, pool and poll in simulated time. `seed` decides every delay that real life would.

    Serves one Runtime: Runtime(system=Simulation(seed=7)).
    """

    def __init__(self, seed: int = 0) -> None:
        self.clock = SimulatedClock()
        self.random = random.Random(seed)
        self.agenda = Agenda(self.clock)
        self._peers: dict[tuple[str, int], Answer] = {}
        self._descriptors = count(1_000_000)  # far from real ones

    def open_poll(self) -> SimulatedPoll:
        return SimulatedPoll(self)

    def open_pool(
        self, threads: int, wake: Callable[[], None], schedule: Schedule, max_waiting: int | None
    ) -> SimulatedPool:
        pool = SimulatedPool(threads, wake, self.clock, schedule, max_waiting)
        pool.simulation = self
        return pool

    def add_peer(self, host: str, port: int, answer: Answer) -> None:
        """Whoever connects to (host, port) from now on talks to `answer`."""
        self._peers[host, port] = answer

    def connect(self, host: str, port: int) -> SimulatedConnection:
        answer = self._peers.get((host, port))
        if answer is None:
            raise ConnectionRefusedError(
                f"nobody listens on {host}:{port} in this simulation. Use add_peer()"
            )
        return SimulatedConnection(self, next(self._descriptors), answer)

    def enter_loop(self) -> None:
        """main took some time: whether a timer of 1 ms is due on entry is a race, here too."""
        self.clock.advance(self.random.uniform(0, ENTRY_DELAY))
