"""Which callback holds the loop, and in which line?

While a callback runs, no other does, and no timer and no answer is heard. Afterwards it is too late
to ask where it was. So a thread looks, again and again, whether one callback has run for long, and
takes its stack meanwhile.

A busy machine may stop the whole process for a moment, and then each callback looks slow. So the
time alone is no proof. A callback that holds the loop used the processor itself for that long, or
it was seen twice at a call that waits. What the watching itself costs is nobody's fault, and does
not count. Nor does what Python's garbage collector takes: it comes to any line, and the events that
are kept make it slower.
"""

import gc
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from time import monotonic
from types import CodeType, FrameType
from typing import NamedTuple

from minirt.aio.waits import frames_up, own_frame, source_of
from minirt.core.machine import HAS_THREADS

# in a web page, which has one thread, it is that of the process
thread_time: Callable[[], float] = getattr(time, "thread_time", time.process_time)

HELD = 0.050  # s
LOOK = 0.015  # s between two looks
IDLE = 5  # a callback that waits uses the processor for less than this part of its time
EARLY = 0.020  # s: from then on a callback is looked at


class Held(NamedTuple):
    """A callback that took long."""

    took: float  # s
    file: str  # the reader's line that was at work, as far as it was seen
    line: int
    source: str
    blocks: str  # the call in it that waits: "time.sleep"; "" for one that computes


class Watchdog:
    """Looks at one thread. around: the code that calls the callbacks."""

    def __init__(self, around: CodeType) -> None:
        self._around = around
        self._thread = 0  # the loop's
        self._began = 0.0  # s, on a clock of its own; 0 between two callbacks
        self._used = 0.0  # s of the processor, until then
        self._noting = 0.0  # s that were spent on watching and on collecting since then
        self._collects = 0.0  # s, since when the garbage collector is at work
        self._number = 0  # of callbacks
        # of the callback with this number: how often it was seen where
        self._seen: tuple[int, Counter[tuple[str, int, str]]] = (0, Counter())
        self._over = threading.Event()
        self._watcher = threading.Thread()

    def start(self) -> None:
        """Look at the thread that calls this."""
        if not HAS_THREADS:
            return
        self._over.clear()
        self._thread = threading.get_ident()
        gc.callbacks.append(self._collector)
        self._watcher = threading.Thread(target=self._watch, name="minirt watchdog", daemon=True)
        self._watcher.start()

    def stop(self) -> None:
        self._over.set()
        if self._collector in gc.callbacks:
            gc.callbacks.remove(self._collector)
        if self._watcher.is_alive():
            self._watcher.join()

    def begin(self) -> None:
        """A callback is called."""
        self._number += 1
        self._noting = 0.0
        self._used = thread_time()
        self._began = monotonic()

    def excuse(self, since: float) -> None:
        """From that moment (s, monotonic) until now something was noted."""
        self._noting += monotonic() - since

    def _collector(self, phase: str, about: object) -> None:
        if phase == "start":
            self._collects = monotonic()
        elif threading.get_ident() == self._thread:
            self.excuse(self._collects)

    def end(self) -> Held | None:
        """It came back. What there is to say of it, if it held the loop."""
        took, self._began = monotonic() - self._began - self._noting, 0.0
        if took <= max(HELD, self._noting):  # the rest of the time is no proof
            return None
        number, places = self._seen
        times, (file, line, blocks) = 0, ("", 0, "")
        if number == self._number and places:
            times = places.total()
            (file, line, blocks), _ = places.most_common(1)[0]
        used = thread_time() - self._used
        is_waiting = times > 1 and (blocks or used < took / IDLE)
        if used - self._noting <= HELD and not is_waiting:
            return None
        return Held(took, file, line, source_of(file, line) if file else "", blocks)

    def _watch(self) -> None:
        while not self._over.wait(LOOK):
            began, number = self._began, self._number
            if began and monotonic() - began > EARLY:
                frame = sys._current_frames().get(self._thread)
                self._look(number, frames_up(frame))
                del frame

    def _look(self, number: int, frames: Sequence[FrameType]) -> None:
        codes = [frame.f_code for frame in frames]
        if self._around not in codes:
            return
        inside = frames[len(codes) - codes[::-1].index(self._around) :]
        outside = outside_of_import(inside)
        own = own_frame(outside)
        if self._seen[0] != number:
            self._seen = (number, Counter())
        if own is None:
            self._seen[1]["", 0, ""] += 1
        else:
            file, line = own.f_code.co_filename, own.f_lineno
            is_import = len(outside) < len(inside)
            blocks = "an import" if is_import else blocking_call(inside, file, line)
            self._seen[1][file, line, blocks] += 1


# (a part of the file's name, functions in it, how to call it); no functions: any
BLOCKING: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("/requests/", (), "requests"),
    ("/httpx/", ("request", "get", "post"), "httpx"),
    ("/urllib3/", (), "urllib3"),
    ("urllib/request.py", (), "urlopen"),
    ("http/client.py", (), "http.client"),
    ("socket.py", ("getaddrinfo", "create_connection", "readinto"), "a socket"),
    ("ssl.py", ("do_handshake", "read"), "a socket"),
    ("subprocess.py", (), "subprocess"),
    ("queue.py", ("get", "put", "join"), "a queue of threads"),
    ("threading.py", ("wait", "join", "acquire"), "a thread"),
    ("concurrent/futures/_base.py", ("result", "exception"), "a result of a thread"),
)
IMPORTS = "<frozen importlib"
IN_THE_LINE = ("time.sleep(", "sleep(", "input(", "os.system(", "getaddrinfo(", "gethostbyname(")
FILES = ("open(", ".read(", ".write(", ".read_text(", ".write_text(", ".read_bytes(")


def outside_of_import(frames: Sequence[FrameType]) -> Sequence[FrameType]:
    """Those that lead to an import: what the module does meanwhile is done by its line."""
    for at, frame in enumerate(frames):
        if frame.f_code.co_filename.startswith(IMPORTS):
            return frames[:at]
    return frames


def blocking_call(frames: Sequence[FrameType], file: str, line: int) -> str:
    """The call that blocks: of a library's function that is at work, or of one in the line."""
    for frame in frames:
        name, function = frame.f_code.co_filename, frame.f_code.co_name
        for part, functions, words in BLOCKING:
            if part in name and (not functions or function in functions):
                return words
    source = source_of(file, line)
    if "await" in source:
        return ""
    for call in IN_THE_LINE:
        if call in source:
            return "time.sleep" if call == "sleep(" else call.rstrip("(")
    return "a file" if any(call in source for call in FILES) else ""
