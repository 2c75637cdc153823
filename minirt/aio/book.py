"""What is known of the tasks of a program that is watched?

A page for each task: its name, who made it, what it awaits and since when. The book keeps no task
alive: it has weak references, and the page of a task leaves with it. The things that tasks wait for
together, queues and locks, have a number here as well.

The book outlasts the moments in which the program is left alone. Then it is read through anew.
"""

import asyncio
import weakref
from collections import deque
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from minirt.aio.chain import code_of, coroutine_of, name_of, qualname_of
from minirt.aio.waits import Await, look
from minirt.watching.event import printable, shortened
from minirt.watching.labels import place

MOST_THINGS = 2_000
GONE, MOST_LOST = 200, 10_000
WAITERS, WAITER = 3, 20  # names of those who wait, and characters of one
SOMETHING = Await("something", "future", "", 0, "")


class Page:
    """What is known of one task."""

    __slots__ = (
        *("by", "coroutine", "file", "identity", "line", "name", "parent", "since"),
        *("state", "task", "waits"),
    )

    def __init__(self, identity: int, task: "asyncio.Task[Any]", parent: int | None) -> None:
        coroutine = coroutine_of(task)
        code = code_of(coroutine)
        self.identity = identity
        self.task: Callable[[], asyncio.Task[Any] | None] = _nobody
        self.name = name_of(task)
        self.coroutine = (
            qualname_of(coroutine).rpartition("<locals>.")[2].replace("<module>", "top level")
        )
        self.file = "" if code is None else printable(code.co_filename)
        self.line = 0 if code is None else code.co_firstlineno
        self.parent = parent
        self.by = ""  # who woke it
        self.state = "ready"
        self.since = 0.0  # s, on the loop's clock
        self.waits: Await | None = None

    def place(self) -> dict[str, Any]:
        """Where its coroutine was written, for the event of a call."""
        if not self.file:
            return {"callback": self.coroutine}
        return {"callback": self.coroutine, "file": self.file, "line": self.line}


def awaited_by(task: "asyncio.Task[Any]", jobs: MutableMapping[Any, str]) -> Await:
    """What it awaits, as far as that can be said.

    A lock, a future or a delay may be of a class of the program's, and have ideas of its own.
    """
    try:
        return kept_weakly(look(task, jobs))
    except Exception:
        return SOMETHING


def kept_weakly(waits: Await) -> Await:
    """The same, which keeps nothing of the program's alive."""
    if waits.thing is not None:
        waits = waits._replace(thing=weakref.ref(waits.thing))
    if waits.tasks:
        waits = waits._replace(tasks=tuple(map(weakref.ref, waits.tasks)))
    return waits


def _nobody() -> None:
    return None


class Book:
    """The tasks of one program, and the things that they wait for."""

    def __init__(self, next_identity: Callable[[], int], now: Callable[[], float]) -> None:
        self.next_identity = next_identity
        self.now = now
        # what a reader understands, for names of coroutines and callbacks that say little
        self.words: Mapping[str, str] = {}
        self.pages: dict[int, Page] = {}  # by id(task)
        # tasks that were destroyed, and what id they had: their weak references end first
        self._gone: deque[tuple[int, Page | None]] = deque(maxlen=GONE)
        self.lost: deque[int] = deque(maxlen=MOST_LOST)  # their identities, until it is told
        # what a thread of the pool does for a future
        self.jobs: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
        self._things: dict[int, tuple[int, Any, str, str]] = {}  # identity, weak, kind, name

    def page(self, task: "asyncio.Task[Any]") -> Page | None:
        page = self.pages.get(id(task))
        return page if page is not None and page.task() in (task, None) else None

    def open(self, task: "asyncio.Task[Any]", parent: Page | None) -> Page:
        """A page for a new task."""
        key, pages, gone, lost = id(task), self.pages, self._gone, self.lost

        def leave(_: object) -> None:
            page = pages.pop(key, None)
            gone.append((key, page))
            if page is not None:  # it was not over
                lost.append(page.identity)

        page = Page(self.next_identity(), task, None if parent is None else parent.identity)
        page.task = weakref.ref(task, leave)
        page.coroutine = self.words.get(page.coroutine, page.coroutine)
        page.since = self.now()
        pages[key] = page
        return page

    def place(self, callback: object) -> dict[str, Any]:
        """Where a callback was written, and what it is called."""
        where = place(callback)
        where["callback"] = self.words.get(where["callback"], where["callback"])
        return where

    def close(self, task: "asyncio.Task[Any]") -> None:
        """It is over."""
        self.pages.pop(id(task), None)

    def of_destroyed(self, task: "asyncio.Task[Any]") -> Page | None:
        """The page of a task that is being destroyed."""
        kept = next((page for key, page in reversed(self._gone) if key == id(task)), None)
        return kept or self.pages.get(id(task))

    def look(self, page: Page, task: "asyncio.Task[Any]") -> None:
        """Write down what it awaits now."""
        page.name = name_of(task)
        page.waits = awaited_by(task, self.jobs)
        page.state, page.since = "waits", self.now()

    def read_through(
        self, loop: asyncio.AbstractEventLoop, most: int
    ) -> tuple[list[Page], list[Page]]:
        """Have a page for every task that there is, and write down what `most` of them await.

        Any thread may ask. Returns the pages of those, and of them those that await something else
        than before.
        """
        known, runs = asyncio.all_tasks(loop), asyncio.current_task(loop)
        for key, page in list(self.pages.items()):
            if page.task() not in known:
                self.pages.pop(key, None)
        for task in known:
            if self.page(task) is None:
                self.open(task, None)
        looked = list(self.pages.values())[:most]
        return looked, [page for page in looked if self.look_again(page, runs)]

    def look_again(self, page: Page, runs: "asyncio.Task[Any] | None") -> bool:
        """Write down what this task awaits, if it does. Is that something else than before?"""
        task, before = page.task(), page.waits
        if task is None:
            return False
        if task is runs:
            page.waits, page.state, page.since = None, "runs", self.now()
            return False
        page.state, page.waits = "waits", awaited_by(task, self.jobs)
        if before is not None and before[:4] == page.waits[:4]:
            return False
        page.since = self.now()
        return True

    def detail(self, page: Page) -> dict[str, Any]:
        """The task as the detail of an event."""
        said: dict[str, Any] = {"name": page.name, "coroutine": page.coroutine, **page.place()}
        if page.parent is not None:
            said["parent"] = str(page.parent)
        waits = page.waits
        if waits is not None and page.state == "waits":
            said |= {"awaits": waits.what, "what": waits.kind, "at": waits.line}
            said |= {"path": printable(waits.file), "source": waits.source}
            if waits.until is not None:
                said["until"] = waits.until
            thing = None if waits.thing is None else waits.thing()
            if thing is not None:
                said["thing"] = str(self.number_of(thing, waits.kind, waits.what))
            if awaited := [str(one.identity) for one in self.awaited(waits)]:
                said["tasks"] = awaited[:8]
        elif page.by:
            said["by"] = page.by
        return said

    def awaited(self, waits: Await) -> list[Page]:
        """The pages of the tasks that are awaited."""
        tasks = (kept() for kept in waits.tasks)
        found = (self.page(task) for task in tasks if task is not None)
        return [page for page in found if page is not None]

    # Queues, locks and so on

    def number_of(self, thing: Any, kind: str, what: str) -> int:
        """The identity of a thing for which somebody waits."""
        known = self._things.get(id(thing))
        if known is not None and known[1]() is thing:
            return known[0]
        key, things = id(thing), self._things
        if len(things) >= MOST_THINGS:
            return 0
        name = what.removeprefix(f"{kind} ").rpartition(".")[0] or what.removeprefix(f"{kind} ")
        kept = weakref.ref(thing, lambda _: things.pop(key, None))
        things[key] = (self.next_identity(), kept, kind, "" if name == kind else name)
        return things[key][0]

    def things(self, most: int) -> list[list[Any]]:
        """[identity, kind, name, how it is, who waits] of each thing. Any thread may ask."""
        waiting: dict[int, list[tuple[str, str]]] = {}
        for page in list(self.pages.values()):
            waits = page.waits
            if waits is not None and page.state == "waits" and waits.thing is not None:
                method = waits.what.rpartition(".")[2]
                waiting.setdefault(id(waits.thing()), []).append((page.name, method))
        rows = []
        for key, (identity, kept, kind, name) in list(self._things.items())[-most:]:
            thing = kept()
            if thing is not None:
                crowd = waiting.get(key, [])
                rows.append([str(identity), kind, name, how_it_is(thing, kind), who_waits(crowd)])
        return rows


def how_it_is(thing: Any, kind: str) -> str:
    """ "3 of 10", "locked" """
    try:
        if kind == "queue":
            size: int = len(thing._queue)
            return f"{size} of {thing._maxsize}" if thing._maxsize > 0 else f"{size} inside"
        if kind == "semaphore":
            return f"{thing._value} free"
        if kind == "event":
            return "set" if thing._value else "not set"
        if kind == "barrier":
            return f"{thing._count} of {thing._parties}"
        lock = thing if kind == "lock" else thing._lock
        return "locked" if lock._locked else "free"
    except Exception:  # a subclass that keeps it in another way
        return ""


def who_waits(crowd: list[tuple[str, str]]) -> str:
    """ "3 to get: Task-1, Task-2, Task-3", "1 waits: Task-7" """
    said = []
    for method in dict.fromkeys(method for _, method in crowd):
        names = [name for name, how in crowd if how == method]
        waits = "waits" if len(names) == 1 else "wait"
        to = f"to {method}" if method in ("get", "put", "join") else waits
        more = " …" if len(names) > WAITERS else ""
        first = ", ".join(shortened(name, WAITER) for name in names[:WAITERS])
        said.append(f"{len(names)} {to}: {first}{more}")
    return printable("; ".join(said))
