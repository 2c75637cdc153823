"""How does a call end that does not come to its end?

From another thread it gets a KeyboardInterrupt, as Ctrl-C raises one in the main thread. The thread
hears it between two steps of Python: an endless loop ends so. A call into C is no such step: a
sleep, a lock, a long sum. Nothing ends that from outside, and the KeyboardInterrupt is raised when
it is over. So whoever asks is told where the thread is, and goes on without it.

The trap is the last moment. The interrupt is noted in the thread, and comes a little later: it
could come where the call is over, and what must still be done is not. So the door is shut behind
the call, and an interrupt that was noted and not heard is heard there.
"""

import ctypes
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from minirt.core.threadpool import ThreadPool
from minirt.watching.places import cell_of

PACKAGE = str(Path(__file__).parent.parent)
LIBRARY = str(Path(threading.__file__).parent)  # Python's own


class Interruptible:
    """A call on one thread that other threads can interrupt."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread = 0  # where the call is at work; 0 before and after it
        self.was_interrupted = False

    def run(self, call: Callable[[], object]) -> BaseException | None:
        """What `call` raised; None when it came back. Not interrupted any more afterwards."""
        error: BaseException | None = None
        try:
            try:
                self._thread = threading.get_ident()
                call()
            except BaseException as raised:
                error = raised
            self._shut()
        except KeyboardInterrupt as late:  # it came between two of these lines
            error = late if error is None else error
            self._shut()
        return error

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the call, if it is at work. Any thread may call this."""
        with self._lock:
            if self._thread:
                self.was_interrupted = True
                raise_in(self._thread, KeyboardInterrupt)

    def _shut(self) -> None:
        with self._lock:
            self._thread = 0
        if self.was_interrupted:
            hear_what_is_noted()


def raise_in(thread: int, kind: type[BaseException]) -> None:
    """Raise an exception of this kind in a thread soon."""
    note = ctypes.pythonapi.PyThreadState_SetAsyncExc
    note(ctypes.c_ulong(thread), ctypes.py_object(kind))


def hear_what_is_noted() -> None:
    """What was noted in this thread and did not come yet comes here, and goes no further.

    To take the note back would be shorter, and CPython 3.11 would look for it for ever: every step
    of every thread costs more from then on, and `sys.settrace` hangs.
    """
    try:
        raise_in(threading.get_ident(), KeyboardInterrupt)  # in place of the note, if there is one
        while True:
            pass
    except KeyboardInterrupt:
        pass


def end_tasks(pool: ThreadPool) -> None:
    """End what the threads of this pool work on. Theirs is SystemExit: it ends a thread quietly."""
    for thread in pool.busy():
        if thread.ident is not None:  # or it was never started
            raise_in(thread.ident, SystemExit)


def where_is(thread: threading.Thread) -> str:
    """The thread, and the line of the program at which it is: 'thread "main" is at line 3, ...'."""
    frame = sys._current_frames().get(thread.ident or 0)
    for own in _frames(frame):
        code = own.f_code
        if not is_inside(code.co_filename):
            file = "" if cell_of(code.co_filename) else f" in {Path(code.co_filename).name}"
            place = f"line {own.f_lineno} of {code.co_name}{file}"
            return f'thread "{thread.name}" is still at {place}'
    return f'thread "{thread.name}" is still at work'


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def is_inside(file: str) -> bool:
    """Is it a file of the package, or of Python's own library?"""
    return file.startswith((PACKAGE, "<frozen")) or (
        file.startswith(LIBRARY) and "site-packages" not in file
    )
