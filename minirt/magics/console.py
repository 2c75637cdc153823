"""What did a program print, and which of its callbacks printed it?

While a program runs, a tee stands in place of `sys.stdout`. It notes what is written in the
program's own context, on any of its threads; the output of other code is handed on, and not noted.
"""

import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from minirt.watching.trace import Event, Recorder


@dataclass(frozen=True, slots=True)
class Line:
    """One printed line."""

    text: str
    recorded: int  # events so far, when it was begun
    thread: str


@dataclass(eq=False)
class Console:
    """The lines of one program, in order."""

    recorder: Recorder
    said: Callable[[str, str], object] | None = None  # called with each line and its thread
    lines: list[Line] = field(default_factory=list)
    _begun: dict[int, tuple[str, int]] = field(default_factory=dict)  # thread -> text, recorded

    def write(self, text: str) -> None:
        """Note some text, which may be a part of a line or many."""
        thread = threading.current_thread()
        key = thread.ident or 0
        before, recorded = self._begun.pop(key, ("", self.recorder.recorded))
        *complete, rest = (before + text).split("\n")
        for line in complete:
            self.lines.append(Line(line, recorded, thread.name))
            if self.said is not None:
                self.said(line, thread.name)
        if rest:
            self._begun[key] = (rest, recorded)

    def end(self) -> None:
        """The program is over: text without an end of line is a line, too."""
        for text, recorded in self._begun.values():
            self.lines.append(Line(text, recorded, ""))
        self._begun.clear()

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
    """Stands in place of `sys.stdout` while programs run."""

    def __init__(self) -> None:
        self._console: ContextVar[Console | None] = ContextVar("minirt_console", default=None)
        self._lock = threading.Lock()
        self._heard: list[Console] = []  # of the programs whose cells are not over yet
        self._stdout: Any = sys.stdout

    def hear(self, console: Console, call: Callable[[], None]) -> None:
        """What `call` prints, and what runs in copies of its context, goes there too."""
        token = self._console.set(console)
        try:
            call()
        finally:
            self._console.reset(token)

    def begin(self, console: Console) -> None:
        """A cell begins whose program has this console."""
        as_stdout: Any = self
        with self._lock:
            self._heard.append(console)
            if len(self._heard) == 1:
                self._stdout, sys.stdout = sys.stdout, as_stdout

    def end(self, console: Console) -> None:
        """That cell is over. Its program may be still at work: what it prints is nobody's."""
        as_stdout: Any = self
        console.end()
        with self._lock:
            if console in self._heard:
                self._heard.remove(console)
                if not self._heard and sys.stdout is as_stdout:
                    sys.stdout = self._stdout

    def write(self, text: str) -> int:
        console = self._console.get()
        if console is not None:
            text = writable(text, self._stdout)
            console.write(text)
        self._stdout.write(text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stdout, name)


def writable(text: str, stream: Any) -> str:
    """The text, with a number in place of what this stream could not show, as half a character."""
    if text.isascii():
        return text
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
