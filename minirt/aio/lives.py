"""What happens to the tasks of a program that is watched, from their making to their end?

Each step in the life of a task is an event: made, sent on, waits, over. The book has what is known
of it, and what is wrong with it is looked for when it waits.

A loop is not told of everything. A task that begins eagerly has no handle, and queues and locks
have none at all. So these are looked at now and then.
"""

import asyncio
import sys
from collections.abc import Callable
from time import monotonic
from typing import Any

from minirt.aio.book import Book, Page
from minirt.aio.findings import Findings
from minirt.watching.labels import text_of

OFTEN = 0.05  # s: what no event tells is looked at so often, and before a long sleep,
DEAR = 20  # unless that takes more than a twentieth of the time in all,
ALLOWED = 0.02  # s: and this much besides
MOST_THINGS = 20
LOOKED_AT = 200  # tasks of a crowd: a view shows fewer
HAS_EAGER_TASKS = sys.version_info >= (3, 12)

Note = Callable[[str, int | None, dict[str, Any] | None], None]  # kind, identity, detail


class Lives:
    """Notes what happens to tasks, and how what they wait for changes."""

    def __init__(self, book: Book, findings: Findings, note: Note) -> None:
        self._book, self._findings, self._note = book, findings, note
        self._began = monotonic()
        self._looked_at = self._looking = 0.0  # s: when `look_around` was, and how long in all
        self._things: list[list[Any]] = []  # the queues and locks

    def open(self, task: "asyncio.Task[Any]", maker: Page | None) -> Page:
        """It was made."""
        page = self._book.open(task, maker)
        self._note("created", page.identity, self._book.detail(page))
        return page

    def begin_step(self, page: Page) -> None:
        """It is sent on."""
        is_first = page.waits is None and page.state == "ready"
        page.state, page.waits = "runs", None
        self._note("step" if is_first else "resumed", page.identity, self._book.detail(page))
        page.by = ""

    def end_step(self, page: Page, task: "asyncio.Task[Any]") -> None:
        """It waits, or is over."""
        book = self._book
        if not task.done():
            book.look(page, task)
            self._note("awaits", page.identity, book.detail(page))
            self._findings.awaits(page)
            return
        page.state = "done"
        detail = book.detail(page)
        if task.cancelled():
            self._note("cancelled", page.identity, detail)
        else:
            error = getattr(task, "_exception", None)  # to ask for it would count as hearing it
            if error is not None:
                detail["error"] = text_of(error)
            self._note("done", page.identity, detail)
        book.close(task)

    def catch_up(self, halfway: "asyncio.Task[Any] | None") -> None:
        """What tasks did in the rest of the round in which this began: nobody saw it.

        halfway: the one that was in the middle of a step.
        """
        for number, page in enumerate([*self._book.pages.values()]):
            task = page.task()
            if task is None:
                continue
            if task is halfway or task.done():
                self.end_step(page, task)
            elif number < LOOKED_AT and page.state == "waits" and self._book.look_again(page, None):
                self._note("awaits", page.identity, self._book.detail(page))
                self._findings.awaits(page)

    # What no handle tells

    def tell_the_lost(self) -> None:
        """Tasks that were destroyed wait no longer."""
        lost = self._book.lost
        while lost:
            self._note("dropped", lost.popleft(), {"why": "destroyed"})

    def look_before_a_sleep(self, timeout: float | None, loop: asyncio.AbstractEventLoop) -> None:
        """Who looks on sees this for a while."""
        is_long = timeout is None or timeout > OFTEN
        if is_long and self._looking < (monotonic() - self._began) / DEAR + ALLOWED:
            self.look_around(loop)

    def look_often(self, loop: asyncio.AbstractEventLoop) -> None:
        """A turn begins."""
        if monotonic() - self._looked_at > OFTEN:
            self.look_around(loop)

    def look_around(self, loop: asyncio.AbstractEventLoop) -> None:
        """Tasks that began eagerly, and how queues and locks are."""
        began = monotonic()
        all_tasks = asyncio.all_tasks(loop) if HAS_EAGER_TASKS else ()
        things = self._book.things(MOST_THINGS)
        self._looked_at = monotonic()
        self._looking += self._looked_at - began
        for task in all_tasks:  # the loop hears of an eager one when it is woken, and not before
            if self._book.page(task) is None:
                self.end_step(self.open(task, None), task)
        if things != self._things:
            self._things = things
            self._note("things", None, {"things": things})
