"""Where does work run that would hold the loop up?

On a few threads. Each has an inbox; the free ones stand on a stack, so that the thread which was
freed last, whose memory is still in the processor's cache, works next. When none is free a task
waits, and the next thread that finishes takes it without asking the loop. Results go back through
one door, `finished`, and the loop is woken.

libuv has one queue that all threads share, and a lock around it. Here a thread is handed its task
directly, and the shared queue is touched only when more tasks come than threads are free: a task
alone reaches its thread through one `SimpleQueue`, which is the cheapest hand-over that Python has
(3.4 times cheaper than `queue.Queue`). Threads start as they are needed: a program with one task at
a time needs one, and pays for one.

Three races decide the order of the lines below. A thread must be free *before* its result is sent,
or a callback that the result wakes finds no free thread. A thread that becomes free must look once
more whether a task came in between; and who lets a task wait must look once more whether a thread
became free: either of them sees the other. And the loop is woken after the result was added, never
before.

A task can raise anything, `SystemExit` included: that ends no thread, and comes to its callback as
an `Error`. Each task runs in its own copy of the context in which the program was started, so what
one task sets is no news for the next.
"""

import threading
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import Context
from queue import SimpleQueue
from typing import Any, TypeAlias

from minirt.clock import Clock
from minirt.core.policies import Fifo, Schedule, Task, TaskKind, Work, policy_for
from minirt.errors import NotAJs, NoThread, NotTaken, TooManyWaiting
from minirt.values import JS_TYPES, Error, Js, Undefined

# What a thread sends back: identity, thread, result
Finished: TypeAlias = tuple[int, int, Any]

CLOSE: Work = Task(-1, TaskKind.CLOSE, Undefined)  # what a pool that is watched says it gets last

# Called on the pool's thread with "started" or "finished", the thread, the task, and its result
Observer: TypeAlias = Callable[[str, int, Work, Any], None]


def run_task(task: Work) -> Js:
    """The result of the task, or what it raised as an `Error`: no task takes its thread with it."""
    try:
        result = task[2]()
    except BaseException as error:  # SystemExit too: it would end the thread, and nobody would hear
        return Error(error)
    return result if type(result) in JS_TYPES else Error(NotAJs(result))


def check_size(threads: int) -> None:
    """Raise now for what is no number of threads: ValueError."""
    if threads < 0 or isinstance(threads, bool):
        raise ValueError(
            f"threads={threads!r}: a pool has 0 or more threads. 4 is the usual number"
        )


class ThreadPool:
    """A fixed number of threads, started as they are needed, and the tasks that wait for one.

    `wake` is called after each result. `perform` makes a result of a task; it may not raise.
    """

    def __init__(
        self,
        threads: int,
        wake: Callable[[], None],
        clock: Clock,
        schedule: Schedule = "fifo",
        max_waiting: int | None = None,
        perform: Callable[[Work], Any] = run_task,
        name: str = "pool",
    ) -> None:
        check_size(threads)
        self.finished: deque[Finished] = deque()
        self.free = list(range(threads))  # a stack: the last one works next
        self.observer: Observer | None = None  # may not raise
        # what a task runs in that has no thread of its own: it may not do what the loop may
        self.apart: Callable[[], AbstractContextManager[None]] = nullcontext
        self._wake = wake
        self._clock = clock
        self._context = Context()
        self._perform, self._name = perform, name
        self._schedule, self._max_waiting = schedule, max_waiting
        self._taken: set[int] = set()  # threads that the program took for itself
        self._begin_anew(threads)

    def _begin_anew(self, threads: int) -> None:
        """Nobody works and nothing waits. Also after a fork: the old locks may be held for ever."""
        self._lock = threading.Lock()
        self._policy: Fifo = policy_for(self._schedule)
        self._running: dict[int, Work] = {}  # thread -> what it works on
        self._threads: dict[int, threading.Thread] = {}  # those that were needed so far
        self._inboxes: list[SimpleQueue[Work | None]] = [SimpleQueue() for _ in range(threads)]
        self._ended = [threading.Event() for _ in range(threads)]

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

    def waiting(self, most: int) -> list[Work]:
        """The tasks that no thread has taken yet, the oldest first, at most so many."""
        return self._policy.first(most)

    def count_waiting(self) -> int:
        """How many tasks no thread has taken yet."""
        return len(self._policy.waiting)

    def running(self) -> dict[int, Work]:
        """What each busy thread works on: {thread: task}."""
        return self._running.copy()

    def busy(self) -> list[threading.Thread]:
        """The threads that work on a task. Any thread may ask."""
        return [self._threads[number] for number in self.running() if number in self._threads]

    # Threads in the program's own hand

    def take_free(self) -> int | None:
        """The number of a free thread, which gets no task from now on; None when all are busy."""
        number = self._pop_free()
        if number is not None:
            self._taken.add(number)
        return number

    def give_back(self, number: int) -> None:
        """The thread may get tasks again. NotTaken when `take_free` did not give this number."""
        if number not in self._taken:
            raise NotTaken(number)
        self._taken.discard(number)
        with self._lock:
            self.free.append(number)
        self._match()

    # Tasks

    def check_room(self) -> None:
        """Raise now if a task could not be taken: NoThread, or TooManyWaiting."""
        if self.free:
            return
        if len(self._taken) == self.size:
            raise NoThread(self.size)
        if self._max_waiting is not None and len(self._policy.waiting) >= self._max_waiting:
            raise TooManyWaiting(self._max_waiting)

    def submit(self, task: Work) -> None:
        """Give `task` to a free thread, or let it wait for one. See `check_room` for refusals."""
        number = self._pop_free() if self.free else None
        if number is not None:
            self._hand_over(number, task)
            return
        self.check_room()
        self._policy.put(task)
        if self.free:
            self._match()

    def cancel(self, identity: int) -> bool:
        """Take back a task that has not started. False when it has."""
        return self._policy.remove(identity)

    def seen(self, thread: int) -> None:
        """The loop has seen this thread's result: of the free ones, it works next."""
        with self._lock:
            if thread in self.free:
                self.free.remove(thread)
                self.free.append(thread)

    def _pop_free(self) -> int | None:
        with self._lock:
            return self.free.pop() if self.free else None

    def _match(self) -> None:
        """A thread ran out of work just before a task began to wait, and neither saw the other."""
        with self._lock:
            if not self.free:
                return
            try:
                task = self._policy.take()
            except KeyError:  # another thread was faster
                return
            number = self.free.pop()
        self._hand_over(number, task)

    def _hand_over(self, number: int, task: Work) -> None:
        self._running[number] = task
        if number not in self._threads:
            self._start(number)
        self._inboxes[number].put(task)

    def _start(self, number: int) -> None:
        thread = threading.Thread(
            target=self._live, args=(number,), name=f"{self._name}{number}", daemon=True
        )
        self._threads[number] = thread  # first: an interrupt may come while it starts
        try:
            thread.start()
        except Exception:  # the system gives no more threads
            del self._threads[number]
            with self._lock:
                del self._running[number]
                self.free.append(number)
            raise

    # On a thread of the pool

    def _live(self, thread: int) -> None:
        inbox, policy = self._inboxes[thread], self._policy
        try:
            while (task := inbox.get()) is not None:
                while task is not None:
                    if self.observer is None and not policy.learns:
                        result = self._context.copy().run(self._perform, task)
                    else:
                        result = self._observed(thread, task)
                    task, result = self._finish(thread, task, result), None  # nothing is kept
        finally:
            self._ended[thread].set()

    def _observed(self, thread: int, task: Work) -> Any:
        started = self._begin(thread, task)
        # no name holds the result: a traceback of an error in it has this frame behind its own
        return self._tell(thread, task, self._context.copy().run(self._perform, task), started)

    def _begin(self, thread: int, task: Work) -> float:
        """Tell the observer; the time for a policy that learns (s)."""
        observer = self.observer  # one look: the loop's thread may take it away meanwhile
        if observer is not None:
            observer("started", thread, task, None)
        return self._clock.now()

    def _tell(self, thread: int, task: Work, result: Any, started: float) -> Any:
        observer = self.observer
        if observer is not None:
            observer("finished", thread, task, result)
        self._policy.learn(task[1], self._clock.now() - started)
        return result

    def _finish(self, thread: int, task: Work, result: Any) -> Work | None:
        """Send the result back. Return the task that this thread goes on with, if one waits."""
        report = (task[0], thread, result)
        following = None
        if self._policy.waiting:
            try:
                following = self._policy.take()
                self.finished.append(report)
            except KeyError:  # another thread was faster
                pass
        if following is None:
            following = self._retire(thread, report)
        if following is not None:
            self._running[thread] = following
        self._wake()
        return following

    def _retire(self, thread: int, report: Finished) -> Work | None:
        """Become free, then send the report; look once more: a task may have come in between."""
        following = None
        with self._lock:
            self._running.pop(thread, None)
            self.free.append(thread)
            if self._policy.waiting:
                try:
                    following = self._policy.take()
                    self.free.remove(thread)
                except KeyError:  # another thread was faster
                    pass
            self.finished.append(report)
        return following

    # The end

    def close(self, wait: bool = True) -> None:
        """Send None to each thread, and wait until it has ended. Waiting tasks are dropped.

        After a KeyboardInterrupt the rest are waited for still; a second one ends the wait. Each
        step can be done again, so that a close which was interrupted goes on when it is called
        once more. wait=False: the threads end when their tasks do, and nobody waits.
        """
        self._policy.clear()
        for number in self._threads:
            self._inboxes[number].put(None)
        interrupts = self._wait_for_all() if wait else []
        self._let_go()
        try:
            if interrupts:
                raise interrupts[0]
        finally:
            interrupts.clear()  # or its traceback, which has this frame, would keep the pool

    def _wait_for_all(self) -> list[KeyboardInterrupt]:
        """Until each thread has ended, or somebody interrupts twice. Returns the interrupts."""
        interrupts: list[KeyboardInterrupt] = []
        while self._threads:
            number = min(self._threads)
            try:
                if self._threads[number].ident is not None:  # or it was never started
                    # not join() alone: before 3.13, interrupted, it calls a living thread dead
                    while not self._ended[number].is_set():
                        self._ended[number].wait()
                    self._threads[number].join()
                del self._threads[number]
            except KeyboardInterrupt as interrupt:
                interrupts.append(interrupt)
                if len(interrupts) == 2:
                    self._threads.clear()  # nobody waits for them any more
        return interrupts

    def end(self, wait: bool = False) -> None:
        """The threads end as soon as no task waits. Nothing is dropped, and nobody is woken.

        wait=True: return when they have ended.
        """
        self._let_go()
        end_threads(self._threads, self._inboxes, wait)

    def outlive(self) -> None:
        """The interpreter does not end before the tasks that this pool was given."""
        weakref.finalize(self, end_threads, self._threads, self._inboxes, True)

    def _let_go(self) -> None:
        """Nothing here keeps the loop or the program alive any more."""
        self._wake, self.observer, self._context = _nobody, None, Context()
        self.apart = nullcontext

    def abandon(self) -> None:
        """Forget the threads: after a fork they are the parent's.

        If it was a task that forked, its thread is here as well, and ends with the task.
        """
        for inbox in self._inboxes:
            inbox.put(None)
        self._threads.clear()  # for `outlive`, which has this dict
        self._begin_anew(self.size)


def end_threads(
    threads: dict[int, threading.Thread], inboxes: list[SimpleQueue[Work | None]], wait: bool
) -> None:
    """Each thread ends when it has done what it was given, and what waits."""
    for number in threads:
        inboxes[number].put(None)
    here = threading.current_thread()  # a thread that ends may be the last that had the pool
    for thread in tuple(threads.values()):
        if wait and thread is not here and thread.ident is not None:  # or it was never started
            thread.join()


def _nobody() -> None:
    """There is no loop left to wake."""
