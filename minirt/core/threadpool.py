"""Where does work run that would hold the loop up?

On a few threads. Each has an inbox; the free ones stand on a stack, so that the thread which was
freed last works next. When none is free a task waits, and the next thread that finishes takes it
without asking the loop. Results go back through one door, `finished`, and the loop is woken.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import Context
from dataclasses import dataclass
from queue import SimpleQueue
from typing import ClassVar, NamedTuple, TypeAlias

from minirt.clock import Clock
from minirt.errors import NotAJs, TooManyWaiting
from minirt.values import JS_TYPES, Error, Js, Undefined


@dataclass(frozen=True, slots=True)
class TaskKind:
    """What sort of work a task is: what is printed, and what the scheduling policies go by.

    A module makes its own: `TaskKind("Zip")`. With schedule="priority" the highest goes first.
    """

    name: str
    priority: int = 0

    FILE_READ: ClassVar["TaskKind"]
    FILE_WRITE: ClassVar["TaskKind"]
    ENCRYPT: ClassVar["TaskKind"]
    CLOSE: ClassVar["TaskKind"]

    def __str__(self) -> str:
        return self.name


TaskKind.FILE_READ = TaskKind("File read", priority=1)
TaskKind.FILE_WRITE = TaskKind("File write", priority=1)
TaskKind.ENCRYPT = TaskKind("Encrypt")
TaskKind.CLOSE = TaskKind("Close")


class Task(NamedTuple):
    """Work for a thread. What crosses a thread is frozen."""

    identity: int
    kind: TaskKind
    function: Callable[[], Js]


# A Task without the names: made in a tenth of the time, and the pool makes many
Work: TypeAlias = tuple[int, TaskKind, Callable[[], Js]]

# What a thread sends back: identity, thread, result
Finished: TypeAlias = tuple[int, int, Js]

CLOSE: Work = Task(-1, TaskKind.CLOSE, Undefined)  # what each thread gets last


def run_task(task: Work) -> Js:
    """The result of the task, or what it raised as an `Error`: no task takes its thread with it."""
    try:
        result = task[2]()
    except BaseException as error:  # SystemExit too: it would end the thread, and nobody would hear
        return Error(error)
    return result if type(result) in JS_TYPES else Error(NotAJs(result))


# Scheduling policies: which of the waiting tasks is next?

Schedule: TypeAlias = str | Callable[[Sequence[Task]], Task]


class Fifo:
    """First in, first out. `put` and `take` are the deque's own: no other thread can split them."""

    learns = False

    def __init__(self) -> None:
        self.waiting: deque[Work] = deque()
        self.put: Callable[[Work], None] = self.waiting.append
        self.take: Callable[[], Work] = self.waiting.popleft  # IndexError when none waits

    def remove(self, identity: int) -> bool:
        """Take one task back. False when it does not wait here."""
        for task in self.waiting.copy():
            if task[0] == identity:
                try:
                    self.waiting.remove(task)
                except ValueError:  # a thread was faster
                    return False
                return True
        return False

    def learn(self, kind: TaskKind, seconds: float) -> None:
        """A task of this kind took this long."""


class Chosen(Fifo):
    """The next is what a function chooses from the waiting tasks, the oldest first."""

    def __init__(self, choose: Callable[[Sequence[Task]], Task]) -> None:
        super().__init__()
        self._choose = choose
        self._lock = threading.Lock()  # choosing is many steps, and several threads choose
        self.take = self._take

    def _take(self) -> Work:
        with self._lock:
            try:
                task = self._choose(tuple(map(Task._make, self.waiting.copy())))
                self.waiting.remove(task)
            except BaseException:  # a choice that fails must not leave the tasks waiting for ever
                return self.waiting.popleft()
            return task


class Priority(Chosen):
    """The kind with the highest priority first; among equals the oldest."""

    def __init__(self) -> None:
        super().__init__(lambda waiting: max(waiting, key=lambda task: task.kind.priority))


class Shortest(Chosen):
    """The kind that took the shortest time so far first; one never seen counts as short."""

    learns = True

    def __init__(self) -> None:
        super().__init__(lambda waiting: min(waiting, key=lambda task: self.expected(task.kind)))
        self._seen: dict[TaskKind, tuple[float, int]] = {}  # kind -> (seconds in all, tasks)

    def learn(self, kind: TaskKind, seconds: float) -> None:
        with self._lock:
            total, count = self._seen.get(kind, (0.0, 0))
            self._seen[kind] = (total + seconds, count + 1)

    def expected(self, kind: TaskKind) -> float:
        """Mean seconds that a task of this kind took."""
        total, count = self._seen.get(kind, (0.0, 1))
        return total / count


def policy_for(schedule: Schedule) -> Fifo:
    """The policy for "fifo", "priority", "shortest", or for a function of the waiting tasks."""
    if callable(schedule):
        return Chosen(schedule)
    named = {"fifo": Fifo, "priority": Priority, "shortest": Shortest}
    if schedule not in named:
        raise ValueError(
            f"schedule={schedule!r} is unknown. "
            f"Use one of {', '.join(map(repr, named))}, or a function"
        )
    return named[schedule]()


# Called with "queued", "started", "finished" or "closed"; the thread, or None; the task; its result
Observer: TypeAlias = Callable[[str, int | None, Work, Js | None], None]


class ThreadPool:
    """A fixed number of threads, started as they are needed, and the tasks that wait for one.

    `wake` is called after each result. The tasks run in copies of one context (`run_in`).
    """

    def __init__(
        self,
        threads: int,
        wake: Callable[[], None],
        clock: Clock,
        schedule: Schedule = "fifo",
        max_waiting: int | None = None,
    ) -> None:
        if threads < 0 or isinstance(threads, bool):
            raise ValueError(
                f"threads={threads!r}: a pool has 0 or more threads. 4 is the usual number"
            )
        self.finished: deque[Finished] = deque()
        self._observer: Observer | None = None
        self._wake = wake
        self._clock = clock
        self._context = Context()
        self._policy = policy_for(schedule)
        self._attentive = self._policy.learns  # does anybody ask when a task began and ended?
        self._max_waiting = max_waiting
        self._lock = threading.Lock()
        self.free = list(range(threads))  # a stack: the last one works next
        self._running: dict[int, Work] = {}  # thread -> what it works on
        self._inboxes: list[SimpleQueue[Work | None]] = [SimpleQueue() for _ in range(threads)]
        self._threads: dict[int, threading.Thread] = {}  # those that were needed so far
        self._leaving: SimpleQueue[int] = SimpleQueue()  # each thread, when it ends
        self._gone: set[int] = set()  # those that were seen leaving

    @property
    def observer(self) -> Observer | None:
        """Who is told when a thread starts and finishes a task. Called on that thread."""
        return self._observer

    @observer.setter
    def observer(self, observer: Observer | None) -> None:
        self._observer = observer
        self._attentive = observer is not None or self._policy.learns

    @property
    def available(self) -> int:
        """How many threads are free."""
        return len(self.free)

    @property
    def size(self) -> int:
        """How many threads there are."""
        return len(self._inboxes)

    def run_in(self, context: Context) -> None:
        """Tasks run in copies of `context` from now on."""
        self._context = context

    def waiting(self) -> list[Work]:
        """The tasks that no thread has taken yet, the oldest first."""
        return list(self._policy.waiting.copy())

    def running(self) -> dict[int, Work]:
        """What each busy thread works on: {thread: task}."""
        return self._running.copy()

    def take_free(self) -> int | None:
        """The number of a free thread, which now counts as busy; None when all are."""
        with self._lock:
            return self.free.pop() if self.free else None

    def submit(self, task: Work) -> None:
        """Give `task` to a free thread, or let it wait for one. TooManyWaiting if it may not."""
        number = self.take_free() if self.free else None
        if number is not None:
            if self._observer is not None:
                self._observer("queued", number, task, None)
            self._hand_over(number, task)
            return
        policy = self._policy
        if self._max_waiting is not None and len(policy.waiting) >= self._max_waiting:
            raise TooManyWaiting(self._max_waiting)
        if self._observer is not None:
            self._observer("queued", None, task, None)
        policy.put(task)
        if self.free:
            self._match()

    def _match(self) -> None:
        """A thread ran out of work just before a task began to wait, and neither saw the other."""
        with self._lock:
            if not self.free or not self._policy.waiting:
                return
            try:
                task = self._policy.take()
            except IndexError:  # another thread was faster
                return
            number = self.free.pop()
        self._hand_over(number, task)

    def cancel(self, identity: int) -> bool:
        """Take back a task that has not started. False when it has."""
        return self._policy.remove(identity)

    def freed(self, thread: int) -> None:
        """The loop has seen this thread's result: of the free ones, it works next."""
        with self._lock:
            if thread in self.free:
                self.free.remove(thread)
                self.free.append(thread)

    def close(self) -> None:
        """Send Close to each thread and wait for it, in order. Waiting tasks are dropped.

        After a KeyboardInterrupt the rest are waited for still; a second one ends the wait.
        """
        self._policy.waiting.clear()
        for inbox in self._inboxes:
            inbox.put(None)
        interrupts: list[KeyboardInterrupt] = []
        for number in range(self.size):
            self._join(number, interrupts)
            if self._observer is not None:
                self._observer("closed", number, CLOSE, None)
        self._wake = _nobody
        if interrupts:
            raise interrupts[0]

    def abandon(self) -> None:
        """Forget the threads without a word: after a fork they are the parent's."""
        self._threads.clear()
        self._policy.waiting.clear()
        self._inboxes = [SimpleQueue() for _ in self._inboxes]
        self._lock = threading.Lock()

    def _join(self, number: int, interrupts: list[KeyboardInterrupt]) -> None:
        thread = self._threads.pop(number, None)
        while thread is not None and len(interrupts) < 2:
            try:
                # not join() alone: before 3.13, interrupted once, it calls a living thread dead
                while number not in self._gone:
                    self._gone.add(self._leaving.get())
                thread.join()
                return
            except KeyboardInterrupt as interrupt:
                interrupts.append(interrupt)

    def _hand_over(self, number: int, task: Work) -> None:
        self._running[number] = task
        if number not in self._threads:
            self._start(number)
        self._inboxes[number].put(task)

    def _start(self, number: int) -> None:
        context = self._context.copy()  # two threads cannot be in one context at once
        thread = threading.Thread(
            target=context.run, args=(self._live, number), name=f"pool{number}", daemon=True
        )
        try:
            thread.start()
        except BaseException:  # the system gives no more threads
            with self._lock:
                del self._running[number]
                self.free.append(number)
            raise
        self._threads[number] = thread

    def _live(self, thread: int) -> None:
        try:
            self._work(thread)
        finally:
            self._leaving.put(thread)

    def _work(self, thread: int) -> None:
        inbox = self._inboxes[thread]
        while (task := inbox.get()) is not None:
            while task is not None:
                started = self._begin(thread, task) if self._attentive else 0.0
                task = self._finish(thread, task, run_task(task), started)

    def _begin(self, thread: int, task: Work) -> float:
        """Tell the observer; the time for a policy that learns (s)."""
        observer = self._observer  # one look: the loop's thread may take it away meanwhile
        if observer is not None:
            observer("started", thread, task, None)
        return self._clock.now()

    def _finish(self, thread: int, task: Work, result: Js, started: float) -> Work | None:
        """Send the result back. Return the task that this thread goes on with, if one waits."""
        policy = self._policy
        if self._attentive:
            observer = self._observer
            if observer is not None:
                observer("finished", thread, task, result)
            policy.learn(task[1], self._clock.now() - started)
        following = None
        if policy.waiting:
            try:
                following = policy.take()
                self.finished.append((task[0], thread, result))
            except IndexError:  # another thread was faster
                pass
        if following is None:
            following = self._retire(thread, (task[0], thread, result))
        if following is not None:
            self._running[thread] = following
        self._wake()
        return following

    def _retire(self, thread: int, report: Finished) -> Work | None:
        """Become free, then send the report; look once more: a task may have come in between."""
        following = None
        with self._lock:
            del self._running[thread]
            self.free.append(thread)
            if self._policy.waiting:
                try:
                    following = self._policy.take()
                    self.free.remove(thread)
                except IndexError:  # another thread was faster
                    pass
            self.finished.append(report)
        return following


def _nobody() -> None:
    """There is no loop left to wake."""
