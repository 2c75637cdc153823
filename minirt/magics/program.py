"""How does the text of a cell run as a program, with the names of the notebook?"""

import builtins
import linecache
import os
import sys
from asyncio import CancelledError
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

import minirt
from minirt import Recorder, Runtime, Simulation
from minirt.core.machine import HAS_THREADS
from minirt.magics.console import Console, Tee
from minirt.magics.interrupts import Insistent
from minirt.watching.attention import Attention
from minirt.watching.gate import Gate, checked_speed
from minirt.watching.play import run_and_show
from minirt.watching.player import IS_CLOSED, IS_STOPPING
from minirt.watching.stopping import end_tasks
from minirt.watching.tracebacks import show_only_the_program, tellable

if TYPE_CHECKING:
    from minirt.magics.of_asyncio import ProgramOfAsyncio

MOST_THREADS = 1024  # as in libuv


class ProgramRuntime(Runtime):
    """Runs a program, hears what it prints, and keeps what it raised.

    Its thread may outlive the cell: an interrupted cell does not wait for it.
    """

    __slots__ = ("console", "raised", "tee")

    console: Console
    tee: Tee
    raised: BaseException | None

    def run(self, main: Callable[[], object]) -> None:
        try:
            self.tee.hear(self.console, lambda: super(ProgramRuntime, self).run(main))
        except BaseException as error:
            self.raised = error
            raise

    def log(self, text: object) -> None:
        with self.console.aside():  # it notes the lines itself, without their "Thread: main"
            super().log(text)

    def _run(self, main: Callable[[], object]) -> None:
        try:
            super()._run(main)
        except KeyboardInterrupt:  # whoever interrupts does not wait for a task of the pool
            self._joins_threads = False
            end_tasks(self.loop.pool)
            raise
        finally:
            self.console.end()  # as long as there is a loop to note it


@dataclass(slots=True)
class Program:
    """A run of a `%%minirt` cell, and what is kept of it."""

    runtime: "ProgramRuntime | ProgramOfAsyncio"
    recorder: Recorder
    console: Console
    name: str = ""
    seed: int | None = None  # None: in real time, where there is one
    outcome: str = "running"

    def __repr__(self) -> str:
        name = f"{self.name}: " if self.name else ""
        closes = self.outcome != "running" and self.runtime.phase != "closed"
        dropped = self.recorder.dropped
        parts = (
            f"{name}{self.outcome}" + (", and not closed yet" if closes else ""),
            "real time"
            if self.seed is None and HAS_THREADS
            else f"simulated, seed {self.seed or 0}",
            f"turns {self.runtime.ticks}",
            f"events {self.recorder.recorded}" + (f" (dropped {dropped})" if dropped else ""),
            f"lines printed {len(self.console.lines)}",
        )
        return " · ".join(parts)

    def state(self) -> str:
        """The counters, as the runtime shows them now."""
        now = self.runtime.snapshot()
        return (
            f"phase {now.phase} · identity_token {now.identity_token} · "
            f"pending_events {now.pending_events} · "
            f"epoll_pending_events {now.epoll_pending_events} · "
            f"available_threads {now.available_threads} of {now.threads} · "
            f"waiting tasks {now.waiting_tasks}"
        )


def new_program(threads: int, seed: int | None, name: str, tee: Tee) -> Program:
    """A runtime to be run, with a recorder. `seed` None: in real time."""
    recorder = Recorder()
    system = None if seed is None else Simulation(seed)
    try:
        runtime = ProgramRuntime(threads=threads, system=system, trace=recorder)
    except ValueError as error:
        raise UsageError(f"%%minirt: {error}") from None
    runtime.tee, runtime.raised = tee, None
    runtime.console = Console(recorder, noting(runtime))
    return Program(runtime, recorder, runtime.console, name, seed)


def noting(runtime: "Runtime | ProgramOfAsyncio") -> Callable[[str, str, bool, str], object]:
    """A line that the program prints becomes an event, so that the view's console shows it."""

    def note(text: str, thread: str, is_over: bool, stream: str) -> None:
        # looked up for each line, since the loop has another `calls` once somebody watches
        runtime.loop.calls.printed(text, thread, is_over, stream)

    return note


async def play(
    program: Program, main: Callable[[], object], shell: InteractiveShell, **options: Any
) -> BaseException | None:
    """Run it to its end, beside the cell. Returns what it raised: an await lets not all out."""
    with ending(program, shell) as raised:
        await program.runtime.play(main, **options)
    return raised()


def run(
    program: Program, main: Callable[[], object], shell: InteractiveShell, speed: float
) -> BaseException | None:
    """Run it to its end, here and now. Returns what it raised."""
    with ending(program, shell) as raised:
        if speed != 1:
            Attention(program.runtime, None, Gate(speed))
        with Insistent():
            program.runtime.run(main)
    return raised()


def run_in_a_page(
    program: Program, main: Callable[[], object], shell: InteractiveShell, view: bool
) -> BaseException | None:
    """Run it to its end, and show its recording. Returns what it raised."""
    with ending(program, shell) as raised:
        run_and_show(program.runtime, main, view)
    return raised()


@contextmanager
def ending(
    program: Program, shell: InteractiveShell
) -> Iterator[Callable[[], BaseException | None]]:
    """A cell with a program. Yields what to ask afterwards: what was raised, ready to be shown?"""
    runtime = program.runtime
    errors: list[BaseException] = []
    runtime.tee.begin(program.console)
    try:
        yield lambda: errors[0] if errors else None
        program.outcome = "ended"
    except BaseException as error:
        own, runtime.raised = runtime.raised, None
        # a StopIteration leaves an await as the cause of another error
        raised = own if own is not None and error.__cause__ is own else error
        if isinstance(raised, CancelledError) and raised is not own:
            # of the cell: it was interrupted before `play` was there to hear it
            raised = KeyboardInterrupt(IS_CLOSED if runtime.phase == "closed" else IS_STOPPING)
        program.outcome = outcome_of(raised)
        show_only_the_program(raised, shell)
        errors.append(tellable(raised, shell))
    finally:
        runtime.tee.end(program.console, is_alone=runtime.phase != "closed")


def outcome_of(error: BaseException) -> str:
    """How a program has ended that raised this."""
    is_interrupt = isinstance(error, KeyboardInterrupt)
    return "interrupted" if is_interrupt else f"ended with {type(error).__name__}"


def main_of(text: str, filename: str, shell: InteractiveShell) -> Callable[[], object]:
    """A function that runs `text` with the notebook's names. `filename` is the cell's own."""
    remember_lines(text, filename)
    try:
        code: CodeType = shell.compile(text, filename, "exec")
    except SyntaxError as error:  # fine in a cell, but not in a function: `await`
        reason = f"{error.msg} (line {error.lineno})"
        hint = " Add --asyncio, if this is a program of asyncio's" if "await" in reason else ""
        raise UsageError(f"%%minirt: the cell is the body of main(), and {reason}.{hint}") from None
    supply_names(code, shell.user_ns)
    return lambda: exec(code, shell.user_ns)


def remember_lines(text: str, filename: str) -> None:
    """Tracebacks show the lines of `text` where they would show what the cell was rewritten to."""
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)


def supply_names(code: CodeType, namespace: dict[str, Any]) -> None:
    """Import from minirt what the program uses and nobody has defined."""
    for name in set(names_in(code)) & set(minirt.__all__):
        if name not in namespace and not hasattr(builtins, name):
            namespace[name] = getattr(minirt, name)


def names_in(code: CodeType) -> Iterator[str]:
    """The global names and attributes that this code uses, and the functions inside it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)


def is_repeated() -> bool:
    """Is the magic called by `%%timeit`, which repeats its cell a thousand times?"""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename != "<magic-timeit>":
        frame = frame.f_back
    return frame is not None


def cell_of_caller() -> str:
    """The name under which the cell that called the caller was compiled."""
    return sys._getframe(2).f_code.co_filename


def show_picture(program: Program) -> object:
    """The picture of what its recorder kept."""
    from minirt.views.picture import picture

    return picture(program.recorder)


def show(thing: object, shell: InteractiveShell) -> None:
    """Display it under the cell, as the value of a last line would be."""
    formatter: Any = shell.display_formatter
    data, metadata = formatter.format(thing)
    shell.display_pub.publish(data, metadata)


def check_together(options: Any, speed: float, threads: int) -> None:
    """Options of `%%minirt` that do not go together, or make no sense, are refused."""
    if threads > MOST_THREADS:
        raise UsageError(
            f"%%minirt: threads={threads}: a pool has 0 to {MOST_THREADS} threads. 4 is the usual "
            "number"
        )
    if options.asyncio and options.threads is not None:
        raise UsageError(
            "%%minirt: --asyncio takes no --threads, since asyncio chooses the size of its pool. "
            "Leave one of them out"
        )
    if options.seed is not None and options.seed < 0:
        raise UsageError(
            f"%%minirt: seed={options.seed}: a seed is a whole number from 0 up. One seed, one "
            "order"
        )
    if options.seed is not None and not options.sim:
        raise UsageError(
            "%%minirt: --seed belongs to --sim, since only a simulation can be repeated. "
            "Add --sim, or leave --seed out"
        )
    if options.sim and (options.paused or options.speed is not None):
        raise UsageError(
            "%%minirt: --sim takes neither --speed nor --paused, since simulated time passes at "
            "once. Leave them out, or leave --sim out"
        )
    try:
        checked_speed(speed)
    except (TypeError, ValueError) as error:
        raise UsageError(f"%%minirt: {error}; --paused begins without running") from None


def export(program: Program, name: str) -> str:
    """Write the recording to a file. Returns what to say about it."""
    path = Path(os.path.expanduser(name))
    write: dict[str, Callable[[Path], object]] = {
        ".json": program.recorder.write_chrome,
        ".jsonl": program.recorder.write_jsonl,
        ".html": lambda path: path.write_text(page_of(program), encoding="utf-8"),
    }
    if path.suffix not in write:
        raise UsageError(
            "%minirt export FILE: FILE ends with .json (ui.perfetto.dev), .jsonl, or .html (a page "
            "that plays the run)"
        )
    try:
        write[path.suffix](path)
    except (OSError, ValueError) as error:  # a name with a zero byte, or with half a character
        raise UsageError(f"%minirt export: {error}. Choose another name or folder") from None
    return f"{len(program.recorder)} events written to {path}"


def page_of(program: Program) -> str:
    """A page that plays the run."""
    from minirt.views.report import page

    outcome, _, error = program.outcome.partition(" with ")
    state = "failed" if error else outcome
    title = program.name or "A run on minirt"
    return page(program.recorder.events, title, state, error, program.recorder.dropped)
