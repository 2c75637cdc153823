"""How does a program run beside the cell that awaits it?

`Runtime.play` comes here. The `Player` does the work; here is what depends on where the cell is: in
a notebook, in a terminal, in a program of asyncio's, or nowhere, when a button was clicked. In a
web page nothing runs beside anything: there the program runs to its end, and then its recording is
shown.
"""

import asyncio
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from minirt.core.machine import HAS_THREADS
from minirt.errors import MinirtError
from minirt.watching.attention import Attention
from minirt.watching.gate import Gate
from minirt.watching.labels import text_of
from minirt.watching.player import Player
from minirt.watching.tracebacks import (
    CellHere,
    show_only_the_program,
    show_the_call_too,
    tellable,
)


class NotAView(MinirtError, TypeError):
    """A program was to be shown by something that shows none."""

    def __init__(self, view: object) -> None:
        super().__init__(
            f"got view={text_of(view)}, expected None for a new view, False for none, or a LiveView"
        )


MOMENT = 0.1  # s: who awaits a task hears of its end until then


async def play(runtime: Any, main: Callable[[], object], view: Any, gate: Gate) -> None:
    """Run `main` on `runtime`; see Runtime.play."""
    shell = notebook()
    is_seen = shell is None or go_to_a_cell(shell)
    check(runtime, main, view, shell)
    told: BaseException | None = None
    try:
        if not HAS_THREADS:
            run_and_show(runtime, main, shell is not None and view is not False)
            return
        with CtrlC() as ctrl_c:
            await _play(runtime, main, view, gate, shell, ctrl_c)
    except BaseException as error:
        if shell is not None:
            show_only_the_program(error, shell)
            if not is_seen or would_end_the_kernel(error):
                _under(shell)(error)
            else:
                show_if_nobody_does(_under(shell))
            if would_end_the_kernel(error):
                return
            told = tellable(error, shell)
        if told is None or told is error:
            raise
    if told is not None:  # not from the other: what a kernel cannot send would not let the cell end
        raise told


def go_to_a_cell(shell: Any) -> bool:
    """Does a cell run here? If not, what is shown from now on appears under the one that ran last.

    A button's callback has no cell, and what is displayed there appears nowhere.
    """
    parent = shell.get_parent()
    if parent.get("header", {}).get("msg_type") == "execute_request":
        return True
    magics = shell.magics_manager.registry.get("MinirtMagics")  # if the extension is loaded
    cell = getattr(magics, "last_cell", None)
    if cell is not None:
        getattr(shell, "set_thread_parent", shell.set_parent)(cell)
    return False


def would_end_the_kernel(error: BaseException) -> bool:
    """Asyncio lets these out of a task of the reader's own, and out of its loop."""
    return issubclass(type(error), SystemExit | KeyboardInterrupt) and not is_a_cells(task_here())


def show_if_nobody_does(show: Callable[[BaseException], object]) -> None:
    """Show what ends the reader's own task that runs here, unless somebody awaits it."""
    task = task_here()
    if task is None or is_a_cells(task):
        return

    def look() -> None:
        if getattr(task, "_log_traceback", False):  # asyncio would say so when it is dropped
            error = task.exception()
            if error is not None:
                show(error)

    task.add_done_callback(lambda _: task.get_loop().call_later(MOMENT, look))


def task_here() -> "asyncio.Task[Any] | None":
    """The task that runs here, if one does."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def is_a_cells(task: "asyncio.Task[Any] | None") -> bool:
    """Is it IPython's own, which shows what a cell raises?"""
    coroutine: Any = None if task is None else task.get_coro()
    return coroutine is None or "IPython" in coroutine.cr_code.co_filename


def check(runtime: Any, main: Callable[[], object], view: Any, shell: Any) -> None:
    """Raise now what would be raised on the program's thread: it cannot be run, or not this."""
    try:
        runtime.check_new(main)
        if not (view is None or isinstance(view, bool) or hasattr(view, "begin")):
            raise NotAView(view)
    except MinirtError as error:
        if shell is not None:
            show_the_call_too(error, shell)
        raise


async def _play(
    runtime: Any,
    main: Callable[[], object],
    view: Any,
    gate: Gate,
    shell: Any,
    ctrl_c: "CtrlC",
) -> None:
    if view is None or view is True:
        view = None if shell is None else _new_view()
    report = _as_a_thread if shell is None else _under(shell)
    player = Player(runtime, view or None, gate, report, _new_watch() if view else None)
    try:
        await player.play(main)
    except asyncio.CancelledError as error:
        if error is player.error or not ctrl_c.was_pressed:
            raise  # the reader's own program cancels it, as a timeout does
        raise player.farewell() from None


def run_and_show(runtime: Any, main: Callable[[], object], is_shown: bool = True) -> None:
    """Run `main` on `runtime` to its end, here and now; then show its recording."""
    if not is_shown:
        runtime.run(main)
        return
    from minirt.views.recorded import RecordedView  # a terminal needs no views

    view = RecordedView()
    Attention(runtime, view.watch, Gate())
    view.begin()
    said = ""
    try:
        runtime.run(main)
    except BaseException as error:
        said = text_of(error)
        raise
    finally:
        view.end(runtime.snapshot(), said)


class CtrlC:
    """While this lasts it is noted that somebody presses Ctrl-C, or interrupts the kernel.

    A kernel and `asyncio.run` cancel the await that runs here; so do others, and only this tells
    them apart. Elsewhere, as in IPython's terminal, Ctrl-C leaves asyncio's loop, and nobody would
    go on with the await: the program would run for ever. So there it is cancelled from here.
    """

    def __init__(self) -> None:
        self.was_pressed = False
        self._is_over = False
        is_main = threading.current_thread() is threading.main_thread()
        self._before: Any = signal.getsignal(signal.SIGINT) if is_main else None

    def __enter__(self) -> "CtrlC":
        if callable(self._before):
            self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
            signal.signal(signal.SIGINT, self._hear)
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over = True
        if callable(self._before) and signal.getsignal(signal.SIGINT) == self._hear:
            before = self._before
            while isinstance(other := getattr(before, "__self__", None), CtrlC) and other._is_over:
                before = other._before  # of a play that began earlier, and ended earlier too
            signal.signal(signal.SIGINT, before)

    def _hear(self, number: int, frame: object) -> None:
        self.was_pressed = True
        if self._before is not signal.default_int_handler:
            self._before(number, frame)
        elif self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)


def notebook() -> Any:
    """IPython's shell, where this is a notebook and something can be displayed; or None."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    return shell if hasattr(shell, "kernel") else None


def _under(shell: Any) -> Callable[[BaseException], object]:
    """Show an error under the cell that started its program."""
    cell = CellHere(shell)

    def report(error: BaseException) -> None:
        show_only_the_program(error, shell)
        cell.show(error, error.__traceback__)

    return report


def _as_a_thread(error: BaseException) -> None:
    """Show it as Python shows what leaves a thread."""
    thread = threading.current_thread()
    what = (type(error), error, error.__traceback__, thread)
    threading.excepthook(threading.ExceptHookArgs(what))


def _new_view() -> Any:
    from minirt.views.live import LiveView  # a terminal needs no widgets

    return LiveView(displays_itself=True)


def _new_watch() -> Any:
    from minirt.views import watch  # nor what makes its frames

    return watch.Watch()
