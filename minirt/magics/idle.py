"""How does a runtime go on while the kernel has nothing to do?

After `%gui minirt` the kernel calls us whenever it is idle. We turn each runtime that has something
to do, and sleep until one has, or a message comes for the kernel. A cell that calls `set_timeout`
without a runtime gets one of its own: the cell is its main, and what it leaves behind goes on.

How does a call know its cell? By the context variable that also knows which runtime runs. While a
cell runs, a `Cell` stands there, and makes a runtime for the first who asks. The trap is that
IPython runs a plain cell in the kernel's own context, which is the same from cell to cell, and a
cell that awaits in a task, so in a copy. The event before a cell is fired in the cell's context,
and the event after it in the kernel's. So what stands in the kernel's context afterwards is taken
back, and what stands in a copy ends with the cell's tasks. Threads have contexts of their own.

What leaves a callback ends the runtime of its cell, and nothing else: not the other runtimes, and
not the kernel, which would not survive a SystemExit or a CancelledError.
"""

import asyncio
import selectors
import sys
import threading
import time
from collections.abc import Callable

from IPython.core.interactiveshell import InteractiveShell

from minirt import Runtime
from minirt.errors import NoRuntime
from minirt.magics.interrupts import Interrupts
from minirt.node.current import Here, current
from minirt.watching.labels import type_name
from minirt.watching.tracebacks import CellHere, own_frames, show_only_the_program, tellable

SLICE = 0.02  # s: the kernel's asyncio gets its turn at least this often
BEAT = 0.003  # s: between two turns while a cell awaits
NAP = 0.005  # s: the longest sleep where a poll has no descriptor to wait for


class Cell:
    """Stands in the context of a cell where a runtime would stand, and makes one when asked."""

    def __init__(self, idle: "Idle", before: Here) -> None:
        self.before = before  # what stood there, as the cell of a cell that runs cells
        self._idle = idle
        self._runtime: Runtime | None = None

    def make(self) -> Runtime:
        """The cell's own runtime. NoRuntime on another thread, or when `%gui minirt` is off."""
        self._idle.check_here()
        if self._runtime is None or self._runtime.phase == "closed":
            self._runtime = self._idle.start_one()
        return self._runtime


class Idle:
    """The runtimes that go on while the kernel is idle, each with its cell."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._thread = threading.get_ident()
        self._interrupts = Interrupts()
        self.runtimes: dict[Runtime, CellHere] = {}
        self._made: set[Runtime] = set()  # those that nobody else would close
        self._cell_runs = False
        self._last_cell = CellHere(shell)
        self._beat: asyncio.TimerHandle | None = None  # the next turn while a cell awaits
        self.is_on = False

    # On and off

    def switch_on(self) -> None:
        """From now on cells without a runtime get one, and started runtimes are turned."""
        if not self.is_on:
            self.is_on = True
            self._last_cell = CellHere(self._shell)
            self._shell.events.register("pre_run_cell", self.before_cell)
            self._shell.events.register("post_run_cell", self.after_cell)
            self._enter_cell()  # the cell that says `%gui minirt`

    def switch_off(self) -> None:
        """Undo `switch_on`. The runtimes stand still until it comes again."""
        if self.is_on:
            self.is_on = False
            self._shell.events.unregister("pre_run_cell", self.before_cell)
            self._shell.events.unregister("post_run_cell", self.after_cell)
            self._leave_cell()
            self._stop_beat()

    def close(self) -> None:
        """Close what was made here."""
        self.switch_off()
        for runtime in self._made:
            runtime.close()
        self.runtimes.clear()
        self._made.clear()

    # Cells

    def before_cell(self, info: object) -> None:
        """A cell begins. Its runtime is not the one of the cell before."""
        if threading.get_ident() == self._thread:  # a subshell has a thread of its own
            self._turn_once()  # in Run All there is no idle time between two cells
            self._last_cell = CellHere(self._shell)
            self._enter_cell()
            self._cell_runs = True
            self._beat_again()

    def after_cell(self, result: object) -> None:
        """A cell is over: go on with each started runtime that has a name in the notebook."""
        if threading.get_ident() == self._thread:
            self._leave_cell()
            self._stop_beat()
            for value in list(self._shell.user_ns.values()):
                # by its type: a proxy of the reader's may have a `__class__` of its own
                if issubclass(type(value), Runtime) and self._is_started_here(value):
                    self.runtimes.setdefault(value, CellHere(self._shell))

    def check_here(self) -> None:
        """NoRuntime where no cell gets a runtime."""
        if not self.is_on or threading.get_ident() != self._thread:
            raise NoRuntime

    def start_one(self) -> Runtime:
        """A runtime for the cell that runs. What the cell does is done in its main."""
        runtime = Runtime()
        runtime.start(_nothing)
        runtime.attach()  # for no trace: so a mistake is refused at the line that makes it
        self._made.add(runtime)
        self.runtimes[runtime] = CellHere(self._shell)
        return runtime

    def _enter_cell(self) -> None:
        current.set(Cell(self, current.get()))

    def _leave_cell(self) -> None:
        here = current.get()
        if isinstance(here, Cell):
            current.set(here.before)

    def _is_started_here(self, runtime: Runtime) -> bool:
        return runtime.phase not in ("new", "closed") and runtime.loop.thread == self._thread

    # Idle time

    def go_on(self, has_message: Callable[[], object], descriptor: int) -> None:
        """Turn the runtimes until the kernel has a message, or a slice of time is over."""
        if self._cell_runs or self._is_turning:  # a cell that awaits has a beat: see below
            return
        try:
            self._go_on(has_message, descriptor)
        except Exception as error:  # of a handler of a signal that came between two callbacks
            self._show(error, self._last_cell)

    def _go_on(self, has_message: Callable[[], object], descriptor: int) -> None:
        over = time.monotonic() + SLICE
        with selectors.DefaultSelector() as selector, self._interrupts:
            selector.register(descriptor, selectors.EVENT_READ)
            while True:
                wait = min(self._turn_all(selector), over - time.monotonic())
                if has_message() or time.monotonic() >= over:
                    return
                selector.select(max(0, wait))

    def _beat_again(self) -> None:
        """While a cell awaits, its asyncio must not be held up: turn from within, never sleep."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # the cell does not run in a loop, and so cannot await for long
            return
        self._beat = loop.call_later(BEAT, self._turn_in_between)

    def _stop_beat(self) -> None:
        self._cell_runs = False
        if self._beat is not None:
            self._beat.cancel()

    def _turn_in_between(self) -> None:
        try:
            self._turn_once()
        except KeyboardInterrupt:
            pass  # it came between two callbacks, and would end the kernel
        if self._cell_runs:
            self._beat_again()

    def _turn_once(self) -> None:
        if not self._is_turning:  # or a callback runs a cell
            with selectors.DefaultSelector() as selector, self._interrupts:
                self._turn_all(selector)

    @property
    def _is_turning(self) -> bool:
        return self._interrupts.turn_began is not None

    def _turn_all(self, selector: selectors.BaseSelector) -> float:
        """Turn each once, without sleeping. How long may we sleep now? (s)"""
        wait = SLICE
        for runtime, cell in tuple(self.runtimes.items()):
            try:
                rest = cell.run(self._turn, runtime, selector)  # what it closes may print, too
            except BaseException as error:  # SystemExit too: it is this program that ends
                rest = None
                self._end(runtime, error, cell)
            if rest is None:
                self.runtimes.pop(runtime, None)
                self._made.discard(runtime)
            else:
                wait = min(wait, rest)
        return wait

    def _turn(self, runtime: Runtime, selector: selectors.BaseSelector) -> float | None:
        """One turn. For how long has it nothing to do then (s)? None: it is over."""
        if runtime.phase == "closed":  # a cell closed it
            return None
        is_simulated = runtime.loop.poll.always_poll  # its sleep is a jump of the clock
        try:
            self._interrupts.turn_began = time.monotonic()
            if not runtime.tick(block=is_simulated):
                return None
        finally:
            self._interrupts.turn_began = None
        return 0 if is_simulated else rest_of(runtime, selector)

    def _end(self, runtime: Runtime, error: BaseException, cell: CellHere) -> None:
        """Show under its cell what left a callback, and close what the callback belongs to."""
        self._show(error, cell)
        try:
            cell.run(runtime.close)
        except BaseException as another:
            self._show(another, cell)

    def _show(self, error: BaseException, cell: CellHere) -> None:
        try:
            show_only_the_program(error, self._shell)
            # where IPython leaves it to Python, as for a group, this is what is shown
            trace = own_frames(error, self._shell) or error.__traceback__
            BaseException.with_traceback(error, trace)
            cell.show(tellable(error, self._shell), trace)
        except BaseException as failed:  # code of the program's own says how its error looks
            cell.run(
                sys.stderr.write,
                f"{type_name(error)} left a callback, and cannot be shown: to show it raises "
                f"{type_name(failed)}. Mend that first\n",
            )


def rest_of(runtime: Runtime, selector: selectors.BaseSelector) -> float:
    """How long it has nothing to do (s). What a thread brings meanwhile is seen by `selector`."""
    rest = runtime.loop.rest()
    descriptor = runtime.loop.poll.fileno()
    if descriptor is None:
        return NAP if rest is None else min(rest, NAP)
    if descriptor not in selector.get_map():
        selector.register(descriptor, selectors.EVENT_READ)
    return SLICE if rest is None else rest


def _nothing() -> None:
    """The main of a cell's runtime: the cell itself does what there is to do."""
