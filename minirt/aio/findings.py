"""What is wrong with an asyncio program that runs, in words?

Each finding is a sentence with a line of the reader's. A program that is all right has none: so a
finding needs proof, and what many good programs do is none. Each place is told of once, and again
when it got twice as bad.
"""

import asyncio
import threading
import weakref
from collections import Counter, deque
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from minirt.aio.book import Book, Page
from minirt.aio.chain import (
    code_of,
    coroutine_of,
    name_of,
    own_frame,
    qualname_of,
    source_of,
    task_of,
)
from minirt.aio.held import Held
from minirt.aio.standstill import circle_of, sleeper_with
from minirt.aio.watchdog import Watchdog
from minirt.watching.event import printable
from minirt.watching.labels import place, text_of
from minirt.watching.stopping import is_inside

MANY = 1_000  # callbacks that are ready: fewer are no reason to worry
ROUNDS = 10  # that they grew in, one after the other
MOST = 100  # findings

ADVICE = MappingProxyType(
    {
        "time.sleep": "Use await asyncio.sleep()",
        "input": "Use await asyncio.to_thread(input)",
        "a file": "Use await asyncio.to_thread()",
        "an import": "Import it at the top of the program, before the loop runs",
    }
)
OTHERWISE = "Use await asyncio.to_thread(), or a library for asyncio"


class Findings:
    """Looks for what is wrong, and tells it."""

    def __init__(self, book: Book, watchdog: Watchdog) -> None:
        self._book = book
        self.watchdog = watchdog
        # while somebody watches: of which task, and the detail
        self.tell: Callable[[int | None, dict[str, Any]], object] | None = None
        self._untold: deque[tuple[int | None, dict[str, Any]]] = deque(maxlen=MOST)
        self._known: dict[tuple[str, str, int], float] = {}  # kind and line -> how bad
        self._lengths: deque[int] = deque(maxlen=ROUNDS)
        self._error = ""  # of the callback that runs
        # locks that were told of, by id: a lock of a program's own class may have no hash
        self._locks: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
        # the watchdog finds something, too; and while one thing is told, Python may collect another
        self._finding = threading.RLock()

    def found(
        self,
        kind: str,
        text: str,
        file: str,
        line: int,
        badness: float = 1.0,
        page: Page | None = None,
    ) -> None:
        """Tell it, unless it is known already. page: of the task that it is about."""
        key = (kind, file, line)
        with self._finding:
            if len(self._known) > MOST or badness < 2 * self._known.get(key, 0.0):
                return
            self._known[key] = badness
        detail = {"finding": kind, "text": printable(text), "file": printable(file), "line": line}
        self._untold.append((None if page is None else page.identity, detail))
        self.hand_over()

    def hand_over(self) -> None:
        """Tell what could not be told before."""
        tell = self.tell
        while self._untold and tell is not None:
            tell(*self._untold.popleft())

    def take_error(self) -> str:
        """What the last callback raised, if it did."""
        error, self._error = self._error, ""
        return error

    # What holds the loop

    def held(self, name: str, held: Held, place: Mapping[str, Any]) -> None:
        """A callback took long. place: where it was written, if nobody saw its line."""
        time = f"{held.took * 1000:.0f} ms" if held.took < 1 else f"{held.took:.1f} s"
        time = f"at least {time}" if held.is_least else time
        whose = "" if is_readers(held.file) else f" of {short_file(held.file)}"
        where = f" in line {held.line}{whose}: {held.source}" if held.line else ""
        text = f"{name} held the loop for {time}{where}."
        if not held.is_over:
            text = f"{name} has held the loop for {time} so far{where}."
        if held.blocks:
            advice = ADVICE.get(held.blocks, OTHERWISE)
            text += f" There {held.blocks} blocks every task. {advice}."
        file, line = held.file or place.get("file", ""), held.line or place.get("line", 0)
        self.found("blocking" if held.blocks else "held", text, file, line, held.took)

    def see_queue(self, ready: deque[Any]) -> None:
        """A round begins, with so much to call."""
        lengths = self._lengths
        if lengths and len(ready) <= lengths[-1]:
            lengths.clear()
        lengths.append(len(ready))
        if len(lengths) < ROUNDS or len(ready) < MANY:
            return
        lengths.clear()
        (name, file, line), often = Counter(map(_place_of, ready)).most_common(1)[0]
        text = (
            f"{len(ready)} callbacks are ready, more in each round: {often} times {name}. "
            "Whoever adds them is faster than the loop; let it await"
        )
        self.found("growth", f"{text}.", file, line, len(ready))

    # How tasks wait

    def awaits(self, page: Page) -> None:
        """A task waits. Is that the end of a circle, or for a lock that somebody sleeps with?"""
        waits = page.waits
        if waits is None:
            return
        if waits.tasks:
            circle = circle_of(page, self._book)
            if circle:
                names = ", ".join(one.name for one in circle)
                text = f"{names} wait for each other in a circle, in line {waits.line}: for ever."
                self.found("circle", text, waits.file, waits.line)
        elif waits.kind == "lock" and waits.thing is not None:
            lock = waits.thing()
            if lock is not None and self._locks.get(id(lock)) is not lock:
                self._look_for_the_sleeper(lock, page)

    def _look_for_the_sleeper(self, lock: Any, waiter: Page) -> None:
        page = sleeper_with(lock, self._book)
        waits = None if page is None else page.waits
        if page is not None and waits is not None:
            self._locks[id(lock)] = lock
            text = (
                f"{page.name} sleeps while it holds a lock, in line {waits.line}: "
                f"{waits.source}. {waiter.name} waits for the lock meanwhile. "
                "Release it before the sleep."
            )
            self.found("lock", text, waits.file, waits.line)

    # What asyncio itself complains about

    def complaint(self, context: dict[str, Any]) -> None:
        """What goes to the loop's exception handler."""
        message, error = str(context.get("message") or ""), context.get("exception")
        task = context.get("task") or context.get("future")
        if "never retrieved" in message and error is not None:
            file, line = line_of(error)
            who = name_of(task) if isinstance(task, asyncio.Task) else "a future"
            where = f" in line {line}" if line else ""
            text = f"{who} failed{where} with {text_of(error)}, and nobody awaits it."
            self.found("unretrieved", text, file, line)
        elif "destroyed but it is pending" in message and isinstance(task, asyncio.Task):
            self._destroyed(task)
        elif isinstance(error, BaseException) and "handle" in context:
            self._error = text_of(error)

    def _destroyed(self, task: "asyncio.Task[Any]") -> None:
        page = self._book.of_destroyed(task)
        waits = None if page is None else page.waits
        file, line = ("", 0) if page is None else (page.file, page.line)
        where = ""
        if waits is not None and waits.line:
            file, line = waits.file, waits.line
            where = f" while it awaited {waits.what} in line {line}"
        text = f"{name_of(task)} was destroyed{where}: nobody kept a reference to it."
        self.found("destroyed", f"{text} Keep it, or use a TaskGroup.", file, line, page=page)

    def never_awaited(self, coroutine: Any, file: str, line: int) -> None:
        """Python warns of a coroutine that was dropped, in this line."""
        code = code_of(coroutine)
        name = qualname_of(coroutine).rpartition("<locals>.")[2]
        if code is not None and not source_of(file, line).strip():
            file, line = code.co_filename, code.co_firstlineno
        source = source_of(file, line)
        said = f" in line {line}: {source}" if source else f", defined in line {line}"
        text = f"{name}() was called and never awaited{said}. Write await before the call."
        self.found("never awaited", text, file, line)


def _place_of(handle: Any) -> tuple[str, str, int]:
    task = task_of(handle._callback)
    if task is not None:
        code = code_of(coroutine_of(task))
        if code is not None:
            return code.co_name, code.co_filename, code.co_firstlineno
    where = place(handle._callback)
    return where["callback"], where.get("file", ""), where.get("line", 0)


def is_readers(file: str) -> bool:
    """Is it a file of the reader's own, and not of a library?"""
    return not (is_inside(file) or "site-packages" in file)


def short_file(file: str) -> str:
    """Its last folder and its name."""
    return "/".join(file.replace("\\", "/").split("/")[-2:])


def line_of(error: BaseException) -> tuple[str, int]:
    """The reader's innermost line of a traceback."""
    frames, lines = [], {}
    trace = error.__traceback__
    while trace is not None:
        frames.append(trace.tb_frame)
        lines[id(trace.tb_frame)] = trace.tb_lineno
        trace = trace.tb_next
    own = own_frame(frames)
    return ("", 0) if own is None else (own.f_code.co_filename, lines[id(own)])
