"""What would happen, if time were an argument?

The same bundle as the real system, in simulated time. Nothing sleeps: when the loop would, the
clock jumps to the next thing that can happen. One seed gives one order, every time; another seed
may give another order that the real system could have shown as well.
"""

import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import Any, TypeVar

from minirt.clock import Clock, ManualClock
from minirt.core.callbacks import Listener
from minirt.core.policies import Schedule, Work
from minirt.core.polls import READ, WRITE, Poll, Watch
from minirt.core.selector import check_pollable
from minirt.core.simulated_net import SimulatedFile
from minirt.core.system import Answer, Place
from minirt.core.threadpool import ThreadPool
from minirt.errors import OnlySimulated, SimulationStuck
from minirt.values import Callback, Js

THREAD_LATENCY = 0.0005  # s, at most: from submitting a task to its first line
NETWORK_LATENCY = 0.0005  # s, at most: one way
TURN = 0.00001  # s: what a turn that does not sleep takes
# s: a look at a clock that stands still, after so many of them; a loop sets a timer with each
LOOK, MOST_LOOKS, MOST_LOOKS_OF_TASK = 0.0001, 1_000_000, 1_000
ENTRY_DELAY = 0.002  # s, at most: from the end of main to the first turn

SERVER: Place = ("slowserver", 80)  # where `serve` answers
AnyClock = TypeVar("AnyClock")


def nothing(until: float) -> None:
    """Nothing happens meanwhile."""


class SimulatedClock(ManualClock):
    """The loop's time, and a time of its own for a task while it runs.

    Who computes until some moment looks at the clock again and again. Time that stood still would
    never let that end, so after many looks in one moment it goes on with each of them.
    """

    def __init__(self) -> None:
        super().__init__()
        self._of_task: float | None = None  # seconds
        self._looks = MOST_LOOKS  # that may still be taken at this moment
        self.meanwhile: Callable[[float], object] = nothing  # does what happens until then (s)

    def now(self) -> float:
        self._looks -= 1
        if self._looks < 0:
            self.advance(LOOK)
            self._looks = 0
        return self._now if self._of_task is None else self._of_task

    def advance(self, seconds: float) -> float:
        """Time passes for whoever calls. While the loop works, threads and network do as well."""
        if self._of_task is not None:
            self._of_task += seconds
            return self._of_task
        until = self._now + seconds
        if seconds > 0:
            self.meanwhile(until)
            self.jump(until)
            return self._now
        return super().advance(seconds)  # which refuses to go back

    @property
    def is_in_task(self) -> bool:
        """Does a task of the pool run now?"""
        return self._of_task is not None

    def jump(self, time: float) -> None:
        """Go on to `time` (seconds), or stay if that is past."""
        self._now = max(self._now, time)
        self._looks = MOST_LOOKS

    def run_task(self, run: Callable[[], None]) -> float:
        """Call `run` with a clock of its own that starts now; return the time when it ended."""
        self._of_task, self._looks = self._now, MOST_LOOKS_OF_TASK
        try:
            run()
            return self._of_task
        finally:
            self._of_task, self._looks = None, MOST_LOOKS


class Agenda:
    """What will happen when: a heap of (time, order, action)."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self._order = count()
        self._heap: list[tuple[float, int, Callable[[], object]]] = []

    def add(self, time: float, action: Callable[[], object]) -> None:
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

    def run_until(self, limit: float) -> None:
        """Do everything that comes by `limit` (seconds)."""
        while self.run_next(limit):
            pass

    def clear(self) -> None:
        self._heap.clear()


class SimulatedPool(ThreadPool):
    """The pool without threads: a task runs when its turn comes in simulated time."""

    simulation: "Simulation"
    _steps: dict[int, Callable[[], None]]  # thread -> what it does next: begin its task, or end it

    def _hand_over(self, number: int, task: Work, after: float | None = None) -> None:
        self._running[number] = task
        given = self.simulation.clock.now() if after is None else after
        at = given + self.simulation.random.uniform(0, THREAD_LATENCY)
        self._plan(at, number, partial(self._perform_on, number, task))

    def _plan(self, at: float, number: int, step: Callable[[], None]) -> None:
        self._steps[number] = step
        self.simulation.agenda.add(at, partial(self._take_step, number, step))

    def _take_step(self, number: int, step: Callable[[], None]) -> None:
        if self._steps.get(number) is step:  # or this is the child of a fork
            del self._steps[number]
            step()

    def _perform_on(self, number: int, task: Work) -> None:
        started = self._begin(number, task)
        results: list[Any] = []
        with interrupts() as interrupted, self.apart():
            ended = self.simulation.clock.run_task(
                lambda: results.append(self._context.copy().run(self._perform, task))
            )
        if number in self._running:  # or the task forked, and this is the child
            self._plan(ended, number, partial(self._end, number, task, started, results, ended))
        if interrupted:
            raise KeyboardInterrupt  # a real one: it was for the program, not for the task

    def _end(
        self, number: int, task: Work, started: float, results: list[Any], ended: float
    ) -> None:
        result = results.pop()
        self._tell(number, task, result, started)
        following = self._finish(number, task, result)
        if following is not None:
            self._hand_over(number, following, ended)

    def close(self, wait: bool = True) -> None:
        """What a thread has got it does to its end, as in reality."""
        self._policy.clear()
        while self._steps:
            self._take_step(*next(iter(self._steps.items())))
        self.simulation.arrive_all()
        self._let_go()

    def end(self, wait: bool = False) -> None:
        """Who waits for a thread gets one, here too."""
        while self._steps:
            self._take_step(*next(iter(self._steps.items())))
        self._let_go()

    def abandon(self) -> None:
        super().abandon()
        self._steps.clear()


@contextmanager
def interrupts() -> Iterator[list[int]]:
    """Is it Ctrl-C that ends a task on this thread, or did the task raise KeyboardInterrupt itself?

    A thread of a real pool never gets the first; a simulated one may, since it is the program's.
    """
    heard: list[int] = []
    before = signal.getsignal(signal.SIGINT)
    if (
        before is not signal.default_int_handler
        or threading.current_thread() is not threading.main_thread()
    ):
        yield heard
        return

    def hear(number: int, frame: object) -> None:
        heard.append(number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, hear)
    try:
        yield heard
    finally:
        signal.signal(signal.SIGINT, before)


class SimulatedConnection(SimulatedFile):
    """One end of a connection; the other end is a function, its peer."""

    def __init__(self, simulation: "Simulation", number: int, answer: Answer, place: Place) -> None:
        self._simulation = simulation
        self._number = number
        self._place = place  # of the peer
        self._answer: Answer | None = answer
        self._sent = bytearray()
        self._arrived = bytearray()
        self._ended = False

    def __repr__(self) -> str:
        return f"<simulated connection {self._number}>"

    def send(self, data: bytes) -> int:
        self._sent += data
        chunks = self._answer(bytes(self._sent)) if self._answer is not None else None
        if chunks is not None:
            self._answer = None
            latency = self._simulation.random.uniform(0, NETWORK_LATENCY)
            start = self._simulation.clock.now() + latency
            for delay, chunk in chunks:
                self._simulation.agenda.add(start + delay, partial(self._arrive, chunk))
            self._simulation.agenda.add(
                start + max((delay for delay, _ in chunks), default=0.0), self._end
            )
        return memoryview(data).nbytes

    def recv(self, size: int) -> bytes:
        if not self._arrived and not self._ended:
            raise BlockingIOError
        data = bytes(self._arrived[:size])
        del self._arrived[:size]
        return data

    def getsockname(self) -> Place:
        return ("simulation", self._number)

    def getpeername(self) -> Place:
        return self._place

    def shutdown(self, how: int) -> None:
        """The peer has heard enough: it answers to what was sent, not to an end."""

    @property
    def readiness(self) -> int:
        return WRITE | READ if self._arrived or self._ended else WRITE

    def _arrive(self, chunk: bytes) -> None:
        self._arrived += chunk
        self._simulation.poll.changed(self._number)

    def _end(self) -> None:
        self._ended = True
        self._simulation.poll.changed(self._number)


class SimulatedPoll(Poll):
    """A poll whose sleep is a jump of the clock."""

    always_poll = True  # or a program that only breeds immediates would stop time

    def __init__(self, simulation: "Simulation") -> None:
        super().__init__()
        self._simulation = simulation
        self._woken = False
        self._candidates: dict[
            int, None
        ] = {}  # descriptors that may be ready: nobody else is asked

    def poll(self, timeout: float | None) -> list[tuple[Listener, Js]]:
        clock, agenda = self._simulation.clock, self._simulation.agenda
        # round: a sum of floats may miss a deadline by its last bit, and would never reach it
        limit = float("inf") if timeout is None else round(clock.now() + timeout, 9)
        while not (self._woken or self._events()) and agenda.run_next(limit):
            pass
        agenda.run_until(clock.now())
        events = self._events()
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

    def changed(self, number: int) -> None:
        """Something arrived there, or ended."""
        self._candidates[number] = None

    def close(self) -> None:
        super().close()
        self._simulation.agenda.clear()
        self._simulation.clock.meanwhile = nothing

    def is_open(self, watch: Watch) -> bool:
        return True  # a number is given once

    def _events(self) -> list[tuple[Listener, Js]]:
        events: list[tuple[Listener, Js]] = []
        for number in tuple(self._candidates):
            watch = self.watched.get(number)
            bits = 0
            if watch is not None and isinstance(watch.fileobj, SimulatedFile):
                bits = watch.fileobj.readiness & watch.mask
            if bits and watch is not None:
                self._answers(watch, bits, events)
            else:
                del self._candidates[number]
        return events

    def _tell_kernel(self, watch: Watch, before: int, after: int) -> None:
        if after and not isinstance(watch.fileobj, SimulatedFile):
            check_pollable(watch)
            raise OnlySimulated(watch.fileobj)
        self.changed(watch.number)


class Simulation:
    """Clock, pool and poll in simulated time. `seed` decides every delay that real life would.

    Serves one Runtime: Runtime(system=Simulation(seed=7)).
    """

    def __init__(self, seed: int = 0) -> None:
        self.clock = SimulatedClock()
        self.random = random.Random(seed)
        self.agenda = Agenda(self.clock)
        self.clock.meanwhile = self.agenda.run_until
        self._peers: dict[tuple[str, int], Answer] = {}
        self._descriptors = count(1_000_000)  # far from real ones
        self._order = count()
        self._on_their_way: dict[int, Callable[[], object]] = {}  # messages of tasks
        self.poll = SimulatedPoll(self)

    def open_poll(self) -> SimulatedPoll:
        self.poll = SimulatedPoll(self)
        return self.poll

    def open_pool(
        self,
        threads: int,
        wake: Callable[[], None],
        schedule: Schedule,
        max_waiting: int | None,
        name: str = "pool",
    ) -> SimulatedPool:
        pool = SimulatedPool(threads, wake, self.clock, schedule, max_waiting, name=name)
        pool.simulation = self
        pool._steps = {}
        return pool

    def add_peer(self, host: str, port: int, answer: Answer) -> None:
        """Whoever connects to (host, port) from now on talks to `answer`."""
        self._peers[host, port] = answer

    def addresses(self, host: str) -> list[str] | None:
        """Here a name is as good as an address."""
        return [host]

    def look_up(self, host: str) -> list[str]:
        return [host]

    def listen(self, place: Place, start: Callable[[], Any]) -> Any:
        """A real socket, for which no simulation waits: see `OnlySimulated`."""
        return start()

    def connect(self, address: str, port: int) -> Any:
        answer = self._peers.get((address, port))
        if answer is None:
            raise ConnectionRefusedError(
                f"nobody listens on {address}:{port} in this simulation. Use add_peer()"
            )
        return SimulatedConnection(self, next(self._descriptors), answer, (address, port))

    def serve(self, answer: Answer, start: Callable[[], Place]) -> Place:
        """Where somebody answers as `answer` says: a peer, so that nothing has to be started."""
        self.add_peer(*SERVER, answer)
        return SERVER

    def later(self, action: Callable[[], object], after: float = 0.0) -> float:
        """Do it when it has come through the network, and not before `after` (s). Returns when."""
        time = self.clock.now() + self.random.uniform(0, NETWORK_LATENCY)
        time = max(time, after)
        self.agenda.add(time, action)
        return time

    def changed(self, number: int) -> None:
        """Something arrived at this descriptor, or ended."""
        self.poll.changed(number)

    def new_number(self) -> int:
        """A descriptor's, far from real ones."""
        return next(self._descriptors)

    def deliver(self, receive: Callable[[Callback], object], message: Callback) -> None:
        """A task hands the loop a message: it is there when the task's own clock is so far."""
        if not self.clock.is_in_task:
            receive(message)
            return
        number = next(self._order)
        self._on_their_way[number] = partial(receive, message)
        self.agenda.add(self.clock.now(), partial(self._arrive, number))

    def arrive_all(self) -> None:
        """The loop closes: what is still on its way is there now, and is dropped with the rest."""
        for number in tuple(self._on_their_way):
            self._arrive(number)

    def _arrive(self, number: int) -> None:
        arrive = self._on_their_way.pop(number, None)
        if arrive is not None:
            arrive()

    def paced(self, pace: Callable[[Clock], AnyClock]) -> AnyClock | None:
        """None: simulated time stands still on its own while nothing happens."""
        return None

    def enter_loop(self) -> None:
        """main took some time: whether a timer of 1 ms is due on entry is a race, here too."""
        self.clock.jump(self.clock.now() + self.random.uniform(0, ENTRY_DELAY))
