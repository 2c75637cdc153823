"""Which of the waiting tasks is next?

A task that is taken back must not be searched for, and the next one must not be, either. So the
tasks wait in a dict by identity, in the order in which they came; where another order is asked for,
each kind of task has such a dict, and there are few kinds.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import ClassVar, NamedTuple, TypeAlias

from minirt.core.callbacks import a_few
from minirt.values import Js


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

Schedule: TypeAlias = str | Callable[[Sequence[Task]], Task]


class Fifo:
    """First in, first out. `put` and `take` are single steps: no other thread can split them.

    waiting: {identity: task}, the oldest first.
    """

    learns = False

    def __init__(self) -> None:
        self.waiting: OrderedDict[int, Work] = OrderedDict()

    def put(self, task: Work) -> None:
        """Let `task` wait."""
        self.waiting[task[0]] = task

    def take(self) -> Work:
        """The next task, which waits no longer. KeyError when none does."""
        return self.waiting.popitem(False)[1]  # the first

    def remove(self, identity: int) -> bool:
        """Take one task back. False when it does not wait here."""
        return self.waiting.pop(identity, None) is not None

    def first(self, most: int) -> list[Work]:
        """The tasks that have waited longest, at most so many. Any thread may ask."""
        return a_few(self.waiting.values(), most)

    def learn(self, kind: TaskKind, seconds: float) -> None:
        """A task of this kind took this long."""

    def clear(self) -> None:
        """Nobody waits any more."""
        self.waiting.clear()


class Chosen(Fifo):
    """The next is what a function chooses from all waiting tasks, the oldest first."""

    def __init__(self, choose: Callable[[Sequence[Task]], Task]) -> None:
        super().__init__()
        self._choose = choose
        self._lock = threading.Lock()  # choosing is many steps, and several threads choose

    def take(self) -> Work:
        with self._lock:
            try:
                chosen = self._choose(tuple(map(Task._make, self.waiting.copy().values())))
                return self.waiting.pop(chosen[0])
            except BaseException:  # a choice that fails must not leave the tasks waiting for ever
                return super().take()


class ByKind(Fifo):
    """The kind with the lowest rank first; among equals the task that has waited longest."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._order = count()
        self._lines: dict[TaskKind, OrderedDict[int, int]] = {}  # kind -> identity -> its place

    def rank(self, kind: TaskKind) -> float:
        raise NotImplementedError

    def put(self, task: Work) -> None:
        with self._lock:
            super().put(task)
            self._lines.setdefault(task[1], OrderedDict())[task[0]] = next(self._order)

    def take(self) -> Work:
        with self._lock:
            kind = min(self._lines, key=self._place_of, default=None)
            if kind is None:
                raise KeyError("no task waits")
            return self._pop(kind, next(iter(self._lines[kind])))

    def remove(self, identity: int) -> bool:
        with self._lock:
            task = self.waiting.get(identity)
            if task is not None:
                self._pop(task[1], identity)
        return task is not None

    def clear(self) -> None:
        with self._lock:
            self._lines.clear()
            super().clear()

    def _place_of(self, kind: TaskKind) -> tuple[float, int]:
        return self.rank(kind), next(iter(self._lines[kind].values()))

    def _pop(self, kind: TaskKind, identity: int) -> Work:
        line = self._lines[kind]
        del line[identity]
        if not line:
            del self._lines[kind]
        return self.waiting.pop(identity)


class Priority(ByKind):
    """The kind with the highest priority first."""

    def rank(self, kind: TaskKind) -> float:
        return -kind.priority


class Shortest(ByKind):
    """The kind that took the shortest time so far first; one never seen counts as short."""

    learns = True

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[TaskKind, tuple[float, int]] = {}  # kind -> (seconds in all, tasks)

    def learn(self, kind: TaskKind, seconds: float) -> None:
        with self._lock:
            total, tasks = self._seen.get(kind, (0.0, 0))
            self._seen[kind] = (total + seconds, tasks + 1)

    def expected(self, kind: TaskKind) -> float:
        """Mean seconds that a task of this kind took."""
        total, tasks = self._seen.get(kind, (0.0, 1))
        return total / tasks

    rank = expected


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
