"""What did a program print, and which of its callbacks printed it?

While a program runs, ears stand in place of `sys.stdout` and `sys.stderr`, and before the streams
themselves, which a handler of `logging` may have kept from an earlier cell. They note what is
written in the program's own context, on any of its threads; the output of other code is handed on,
and not noted. A thread that the program has started begins with an empty context, and is known by
who started it.
"""

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

from minirt.watching.trace import Event, Recorder

PACE = 0.1  # s: a line that is not over is told again after that long


@dataclass(frozen=True, slots=True)
class Line:
    """One printed line."""

    text: str
    recorded: int  # events so far, when it was begun
    thread: str


@dataclass(slots=True)
class Begun:
    """A line that is not over yet: what there is of it, in pieces."""

    recorded: int
    thread: str
    pieces: list[str] = field(default_factory=list)

    def line(self) -> Line:
        return Line("".join(self.pieces), self.recorded, self.thread)


@dataclass(eq=False)
class Console:
    """The lines of one program, in order. Those of standard error are told, and not kept."""

    recorder: Recorder
    # called with each line, its thread, whether the line is over, and its stream
    said: Callable[[str, str, bool, str], object] | None = None
    lines: list[Line] = field(default_factory=list)
    _begun: dict[tuple[int, str], Begun] = field(default_factory=dict)  # by thread and stream
    _aside: set[int] = field(default_factory=set)  # threads whose lines are not told
    _told_at: float = 0.0  # s: when somebody heard of a line that goes on

    def write(self, text: str, stream: str = "stdout") -> None:
        """Note some text, which may be a part of a line or many."""
        thread = threading.current_thread()
        key = thread.ident or 0, stream
        begun = self._begun.pop(key, None) or Begun(self.recorder.recorded, thread.name)
        *complete, rest = text.split("\n")
        for line in complete:
            begun.pieces.append(line)
            self._add(begun.line(), stream)
            begun.pieces.clear()
        if rest:
            begun.pieces.append(rest)
        if begun.pieces:
            self._begun[key] = begun
            if "\r" in text:  # a bar of progress is written over itself
                self.flush(stream)

    def flush(self, stream: str = "stdout") -> None:
        """The program wants a line to be seen that is not over yet."""
        begun = self._begun.get((threading.get_ident(), stream))
        if begun is not None and self.said is not None and monotonic() >= self._told_at + PACE:
            self._told_at = monotonic()
            line = begun.line()
            self.said(line.text, line.thread, False, stream)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What this thread prints meanwhile is told in another way; what it has begun is not."""
        thread = threading.get_ident()
        begun = self._begun.get((thread, "stdout"))
        if begun is not None and self.said is not None:
            line = begun.line()
            self.said(line.text, line.thread, True, "stdout")
        self._aside.add(thread)
        try:
            yield
        finally:
            self._aside.discard(thread)

    def end(self) -> None:
        """Text without an end of line is a line, too. Called once more, it does nothing."""
        for key in tuple(self._begun):
            begun = self._begun.pop(key, None)
            if begun is not None:
                self._add(begun.line(), key[1])

    def _add(self, line: Line, stream: str) -> None:
        if stream == "stdout":
            self.lines.append(line)
        if self.said is not None and threading.get_ident() not in self._aside:
            self.said(line.text, line.thread, True, stream)

    def texts(self) -> list[str]:
        return [line.text for line in self.lines]

    def origins(self) -> list[str]:
        """For each line who printed it: main, timer, immediate, tick, microtask, pool, epoll..."""
        events, dropped = self.recorder.events, self.recorder.dropped
        found = []
        for line in self.lines:
            if line.thread.startswith("pool"):
                found.append("task")
            else:
                before = events[: max(0, line.recorded - dropped)]
                found.append(_running(before))
        return found


def _running(events: Sequence[Event]) -> str:
    """Which sort of callback was at work after these events?"""
    for event in reversed(events):
        if event.kind == "run":
            if event.detail and "where" in event.detail:
                return str(event.detail["where"])
            if event.identity is None:
                return "main" if event.phase == "main" else "message"
            return _queue_of(event.identity, events)
    return "main"


def _queue_of(identity: int, events: Sequence[Event]) -> str:
    for event in reversed(events):
        if event.kind == "queued" and event.identity == identity and event.detail:
            return str(event.detail["where"])
    return "callback"


class Tee:
    """Hears what programs print, while one runs."""

    def __init__(self) -> None:
        self._console: ContextVar[Console | None] = ContextVar("minirt_console", default=None)
        self._threads: WeakKeyDictionary[threading.Thread, Console] = WeakKeyDictionary()
        self._lock = threading.Lock()
        self._heard: list[Console] = []  # of the programs whose cells are not over yet
        self._ears: list[Ear] = []
        self._passing: set[tuple[int, str]] = set()  # of all ears
        self._undo: Callable[[], None] = _nothing

    def hear(self, console: Console, call: Callable[[], None]) -> None:
        """What `call` prints, and what runs in copies of its context, goes there too."""
        token = self._console.set(console)
        try:
            call()
        finally:
            self._console.reset(token)

    def console(self) -> Console | None:
        """Of the program whose code runs here."""
        return self._console.get() or self._threads.get(threading.current_thread())

    def begin(self, console: Console) -> None:
        """A cell begins whose program has this console."""
        with self._lock:
            self._heard.append(console)
            if len(self._heard) == 1:
                self._hear_threads()
                # new ones: what a program has put around the last ones may be there still
                self._ears = [
                    Ear(name, self.console, self._passing) for name in ("stdout", "stderr")
                ]
                for ear in self._ears:
                    ear.open()

    def end(self, console: Console, is_alone: bool = False) -> None:
        """That cell is over. Its program may be still at work: what it prints is nobody's.

        is_alone: it is, so what it has put in place of a stream is in the way of other cells.
        """
        console.end()
        with self._lock:
            if console in self._heard:
                self._heard.remove(console)
                if not self._heard:
                    for ear in self._ears:
                        ear.shut(is_alone)
                    self._undo()

    def _hear_threads(self) -> None:
        """From now on a thread is noted that a program starts."""
        kind: Any = threading.Thread
        begin = kind.start

        def start(thread: threading.Thread) -> None:
            console = self.console()
            if console is not None:
                self._threads[thread] = console
            begin(thread)

        def undo() -> None:
            if kind.start is start:  # or somebody else stands there now
                kind.start = begin

        kind.start = start
        self._undo = undo


def _nothing() -> None:
    """Nothing was done yet."""


class Ear:
    """Stands in place of one of Python's streams. `console`: whose code runs here?

    A program may put something of its own around it, and leave that there. So an ear is opened
    once, and what comes through two of them is noted by the first.
    """

    def __init__(
        self, name: str, console: Callable[[], Console | None], passing: set[tuple[int, str]]
    ) -> None:
        self._name = name
        self._console = console
        self._passing = passing  # threads that hand on what was noted, and the names of the streams
        self._is_shut = False
        self._stream: Any = getattr(sys, name)
        while type(self._stream) is Ear and self._stream._is_shut:
            self._stream = self._stream._stream  # a program has put it back after its cell
        self._write: Any = None  # its own, before which an ear stands

    def open(self) -> None:
        """From now on."""
        setattr(sys, self._name, self)
        with suppress(
            AttributeError, TypeError
        ):  # there is none, or it lets nobody stand before it
            self._write = self._stream.write
            other = getattr(self._write, "__self__", None)
            if type(other) is Ear:  # both names are of one stream
                self._write = other._write
            else:
                self._stream.write = self.write

    def shut(self, is_alone: bool) -> None:
        """As it was, unless the program has put something else there, and is not at work there."""
        self._is_shut = True
        if getattr(self._stream, "write", None) == self.write:  # or somebody else stands there now
            self._stream.write = self._write
        if is_alone or getattr(sys, self._name) is self:
            setattr(sys, self._name, self._stream)

    def write(self, text: str) -> int:
        console = self._console()
        here = threading.get_ident(), self._name
        if console is None or here in self._passing or not issubclass(type(text), str):
            written: int = self._write(text)  # or it says what is wrong
            return written
        text = writable(str.__str__(text), self._stream)
        console.write(text, self._name)
        try:
            self._passing.add(here)  # in here: an interrupt may come right after it
            self._write(text)
        finally:
            self._passing.discard(here)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        console = self._console()
        if console is not None:
            console.flush(self._name)
        self._stream.flush()

    def close(self) -> None:
        """A program closes its own output, and not the kernel's."""
        self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def writable(text: str, stream: Any) -> str:
    """The text, with a number in place of what this stream could not show, as half a character."""
    if text.isascii():
        return text
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
