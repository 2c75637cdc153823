"""What does a program do, when, and in which order? A slow model in which each rule is one line.

It has a Runtime's names, and a time that jumps. It searches where a loop may not, it sorts where a
loop keeps a heap, and it knows nothing of threads, descriptors, traces or speed: it is there to be
checked by reading. Times are milliseconds. Nothing takes time but the delay of a timer, `block`,
and a task that sleeps.

Where two events come so close that real life decides their order it raises `Race`, and where no
rule says what happens `Unsaid`: then there is nothing to compare.
"""

from collections.abc import Callable
from typing import TypeAlias

from minirt import Error, Int, Js, Undefined
from minirt.errors import IdentityTaken, TooManyWaiting

IDENTITIES = 2**64
Callback: TypeAlias = Callable[[Js], object]


class Race(BaseException):
    """Which of two events comes first is not fixed."""


class Unsaid(BaseException):
    """No rule says what happens here."""


class Timer:
    """A timeout or an interval, and the handle of it."""

    def __init__(self, model: "Model", delay: float, callback: Callback, repeats: bool) -> None:
        self.model, self.delay, self.callback, self.repeats = model, delay, callback, repeats
        self.identity = model.generate_cb_identity()
        self.is_ref, self.is_cancelled, self.is_running, self.waits = True, False, False, False
        self.deadline, self.order, self.moment = 0.0, 0, 0
        self.arm(model.now)

    def arm(self, start: float) -> None:
        """Wait for `delay` milliseconds from `start`, behind all that has the same deadline."""
        model = self.model
        self.waits = False  # it does not race with itself
        self.deadline, self.order, self.moment = start + self.delay, model.count(), model.moment
        model.look_for_races(self.deadline, self.tie)
        self.waits = True

    @property
    def tie(self) -> object:
        """Two timers of one callback with one delay are due together: that is no race."""
        return (self.moment, self.delay)

    @property
    def is_alive(self) -> bool:
        return self.waits or (self.repeats and self.is_running and not self.is_cancelled)

    def cancel(self) -> None:
        self.is_cancelled, self.waits = True, False

    def refresh(self) -> "Timer":
        if not self.is_cancelled:
            if not self.is_alive and self.model.is_taken(self.identity):
                raise Unsaid("the identity of a timer that ran has a new owner")
            self.arm(self.model.now)
        return self

    def ref(self) -> "Timer":
        self.is_ref = True
        return self

    def unref(self) -> "Timer":
        self.is_ref = False
        return self


class Task:
    """Work for the pool. What it does is found out when it starts, and known when it ends."""

    def __init__(self, identity: int, function: Callable[[], Js], callback: Callback) -> None:
        self.identity, self.function, self.callback = identity, function, callback
        self.seconds = 0.0
        self.ends = 0.0  # ms
        self.messages: list[Callback] = []
        self.result: Js = Undefined()


class Model:
    """One run of one program.

    gap: events that are this close in time (ms) are a Race; unless they are two timers of one
    callback with one delay, and `ties` are no race: in real time even these can be taken apart.
    rearms_after: the wrong rule, an interval that is armed again from the end of its callback.
    """

    def __init__(
        self,
        threads: int = 4,
        max_waiting: int | None = None,
        gap: float = 0.0,
        ties: bool = True,
        rearms_after: bool = False,
    ) -> None:
        self.threads, self.max_waiting = threads, max_waiting
        self.gap, self.ties, self.rearms_after = gap, ties, rearms_after
        self.now = 0.0  # ms
        self.moment = 0  # which callback runs
        self.identity_token = 0
        self.on_uncaught: Callable[[Exception], object] | None = None
        self.is_stopped = False
        self._count = 0
        self._task: Task | None = None  # the one whose function is being looked at
        self.timers: list[Timer] = []
        self.immediates: list[tuple[int, Callback]] = []
        self.checking: list[tuple[int, Callback]] = []
        self.cleared_immediates: set[int] = set()
        self.ticks: list[Callback] = []
        self.microtasks: list[Callback] = []
        self.messages: list[Callback] = []
        self.boxed: dict[int, Callback] = {}
        self.events: dict[int, tuple[Callback, bool]] = {}  # (callback, persistent)
        self.waiting: list[Task] = []  # for a thread
        self.running: list[Task] = []
        self.finished: list[Task] = []

    # The run

    def run(self, main: Callable[[], object]) -> None:
        """Main; then turns, until nothing is alive. What is left is dropped."""
        self.call(lambda _: main(), Undefined())
        if self.is_alive():
            self.timers_phase()  # once on entry
        while self.is_alive() and not self.is_stopped:
            self.poll_phase()
            self.check_phase()
            self.timers_phase()

    def is_alive(self) -> bool:
        return bool(
            any(timer.is_alive and timer.is_ref for timer in self.timers)
            or self.immediates
            or self.messages
            or self.events
            or (self.waiting or self.running or self.finished)
        )

    def poll_phase(self) -> None:
        """Sleep; then what is readable, then messages, then the results that are there by now."""
        if not (self.immediates or self.messages or self.events or self.finished):
            times = [time for time, _ in self.timed()]
            if self.is_alive() and times:
                self.now = max(self.now, min(times))
        for token in list(self.events):
            if token in self.events:
                self.call(self.take_event(token), Int(1))
        self.work_until(self.now)
        results = len(self.finished)  # counted first: a task's messages precede its result
        messages, self.messages = self.messages, []
        for callback in messages:
            self.call(callback, Undefined())
        for _ in range(results):
            task = self.finished.pop(0)
            self.call(task.callback, task.result)

    def check_phase(self) -> None:
        """The immediates that wait now; an immediate's immediate waits one turn."""
        self.checking, self.immediates = self.immediates, []
        while self.checking:
            self.call(self.checking.pop(0)[1], Undefined())

    def timers_phase(self) -> None:
        """All that is due now, in order of deadlines, and equal ones in order of registration."""
        due = [timer for timer in self.timers if timer.waits and timer.deadline <= self.now]
        orders = [(timer.deadline, timer.order, timer) for timer in due]
        for _, order, timer in sorted(orders, key=lambda entry: entry[:2]):
            if timer.waits and timer.order == order:  # neither cleared nor moved meanwhile
                self.fire(timer)

    def fire(self, timer: Timer) -> None:
        """An interval is armed again from the moment just before its callback ran."""
        if self.is_stopped:
            return
        start = self.now
        timer.waits, timer.is_running = False, True
        self.moment += 1
        try:
            timer.callback(Undefined())
        except Exception as error:
            self.report(error)
        finally:
            timer.is_running = False
        if timer.repeats and not timer.is_cancelled:
            self.moment += 1  # its deadline and one that the callback set are no tie
            timer.arm(self.now if self.rearms_after else start)
        self.drain()

    def call(self, callback: Callback, value: Js) -> None:
        """One callback, then all ticks and microtasks. After stop() nothing is called."""
        self.moment += 1
        self.call_only(callback, value)
        self.drain()

    def call_only(self, callback: Callback, value: Js) -> None:
        if not self.is_stopped:
            try:
                callback(value)
            except Exception as error:
                self.report(error)

    def drain(self) -> None:
        """All ticks, then all microtasks, until both are empty."""
        while (self.ticks or self.microtasks) and not self.is_stopped:
            while self.ticks:
                self.call_only(self.ticks.pop(0), Undefined())
            while self.microtasks:
                self.call_only(self.microtasks.pop(0), Undefined())

    def report(self, error: Exception) -> None:
        if self.on_uncaught is None:
            raise error
        self.on_uncaught(error)

    def stop(self) -> None:
        self.is_stopped = True

    close = stop  # from a callback

    # Time

    def count(self) -> int:
        self._count += 1
        return self._count

    def block(self, ms: float) -> None:
        """The callback takes this long."""
        self.now += ms
        self.look_for_races(self.now, None)

    def sleep(self, ms: float) -> None:
        """The task takes this long."""
        assert self._task is not None
        self._task.seconds += ms / 1000

    def timed(self) -> list[tuple[float, object]]:
        """All that happens at a time which is known: (ms, what it is tied to)."""
        timers = [(timer.deadline, timer.tie) for timer in self.timers if timer.waits]
        return timers + [(task.ends, task) for task in self.running]

    def look_for_races(self, time: float, tie: object) -> None:
        for other, its_tie in self.timed():
            if abs(other - time) < self.gap and not (self.ties and its_tie == tie):
                raise Race(f"something happens at {other} ms, and something else at {time} ms")

    # The pool

    def work_until(self, now: float) -> None:
        """Threads finish what they work on, in order, and go on with what waits."""
        while self.running and min(task.ends for task in self.running) <= now:
            task = min(self.running, key=lambda task: task.ends)
            self.running.remove(task)
            self.messages += task.messages
            self.finished.append(task)
            if self.waiting:
                self.start(self.waiting.pop(0), task.ends)

    def start(self, task: Task, now: float) -> None:
        self._task = task
        try:
            task.result = task.function()
        except BaseException as error:
            task.result = Error(error)
        finally:
            self._task = None
        task.ends = now + task.seconds * 1000
        self.look_for_races(task.ends, task)
        self.running.append(task)

    @property
    def available_threads(self) -> int:
        return self.threads - len(self.running)

    def register_event_threadpool(self, task: Callable[[], Js], kind: object, cb: Callback) -> int:
        self.work_until(self.now)
        identity = self.generate_cb_identity()
        work = Task(identity, task, cb)
        if len(self.running) < self.threads:
            self.start(work, self.now)
        elif self.max_waiting is not None and len(self.waiting) >= self.max_waiting:
            raise TooManyWaiting(self.max_waiting)
        else:
            self.waiting.append(work)
        return identity

    def cancel_task(self, identity: int) -> bool:
        self.work_until(self.now)
        cancelled = [task for task in self.waiting if task.identity == identity]
        self.waiting = [task for task in self.waiting if task not in cancelled]
        return bool(cancelled)

    # The queues

    def set_timeout(self, ms: float, cb: Callback) -> Timer:
        self.timers.append(Timer(self, max(ms, 1), cb, repeats=False))
        return self.timers[-1]

    def set_interval(self, ms: float, cb: Callback) -> Timer:
        self.timers.append(Timer(self, max(ms, 1), cb, repeats=True))
        return self.timers[-1]

    def clear_timeout(self, timer: Timer | int) -> None:
        """A number means the timer that has it now."""
        for each in self.timers:
            if each is timer or (each.identity == timer and each.is_alive):
                each.cancel()

    clear_interval = clear_timeout

    def set_immediate(self, cb: Callback) -> int:
        identity = self.generate_cb_identity()
        self.immediates.append((identity, cb))
        return identity

    def clear_immediate(self, identity: int) -> None:
        for queue in (self.immediates, self.checking):
            for entry in [entry for entry in queue if entry[0] == identity]:
                queue.remove(entry)
                self.cleared_immediates.add(identity)

    def next_tick(self, cb: Callback) -> None:
        self.ticks.append(cb)

    def queue_microtask(self, cb: Callback) -> None:
        self.microtasks.append(cb)

    def call_from_thread(self, cb: Callback) -> None:
        (self.messages if self._task is None else self._task.messages).append(cb)

    def add_callback(self, ident: int, cb: Callback) -> None:
        if self.is_taken(ident):
            raise IdentityTaken(ident)
        self.boxed[ident] = cb

    def register_ready(self, token: int, cb: Callback, persistent: bool) -> None:
        """Something that is readable from the next poll on."""
        self.events[token] = (cb, persistent)

    def take_event(self, token: int) -> Callback:
        callback, persistent = self.events[token]
        if not persistent:
            del self.events[token]
        return callback

    def deregister_event_epoll(self, token: int) -> None:
        self.events.pop(token, None)

    # Identities

    def is_taken(self, identity: int) -> bool:
        tasks = self.waiting + self.running + self.finished
        return (
            any(timer.identity == identity and timer.is_alive for timer in self.timers)
            or any(identity == number for number, _ in self.immediates + self.checking)
            or any(identity == task.identity for task in tasks)
            or identity in self.boxed
            or identity in self.events
        )

    def is_left_over(self, identity: int) -> bool:
        """Cleared before its time, or being called: a loop may or may not call it free yet."""
        return identity in self.cleared_immediates or any(
            timer.identity == identity
            and not timer.is_alive
            and (timer.is_running or timer.deadline >= self.now)
            for timer in self.timers
        )

    def generate_cb_identity(self) -> int:
        """The next number that no waiting callback has; after the last comes 0."""
        while True:
            self.identity_token = (self.identity_token + 1) % IDENTITIES
            if self.is_taken(self.identity_token):
                continue
            if self.is_left_over(self.identity_token):
                raise Unsaid("an identity that is on its way to be free")
            return self.identity_token
