"""How does a runtime go on while the kernel has nothing to do?

After `%gui minirt` the kernel calls us whenever it is idle. We turn each runtime that has something
to do, and sleep until one has, or a message comes for the kernel. A cell that calls `set_timeout`
without a runtime gets one of its own: the cell is its main, and what it leaves behind goes on.
"""

import asyncio
import selectors
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context, copy_context
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from minirt import Runtime
from minirt.errors import ForeignThread, NoRuntime
from minirt.watching.tracebacks import show_only_the_program

SLICE = 0.02  # s: the kernel's asyncio gets its turn at least this often
BEAT = 0.003  # s: between two turns while a cell awaits
NAP = 0.005  # s: the longest sleep where the poll of a runtime has no descriptor to wait for


class Idle:
    """The runtimes that go on while the kernel is idle, each with the context of its cell."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._thread = threading.get_ident()
        self.runtimes: dict[Runtime, Context] = {}
        self._of_cell: Runtime | None = None  # what set_timeout in the running cell goes to
        self._made: list[Runtime] = []  # those that nobody else would close
        self._cell_runs = False
        self._beat: asyncio.TimerHandle | None = None  # the next turn while a cell awaits
        self.is_on = False

    # On and off

    def switch_on(self) -> None:
        """From now on cells without a runtime get one, and started runtimes are turned."""
        if not self.is_on:
            self.is_on = True
            self._current = Runtime.current
            Runtime.current = staticmethod(self.current)  # type: ignore[method-assign]
            self._shell.events.register("pre_run_cell", self.before_cell)
            self._shell.events.register("post_run_cell", self.after_cell)

    def switch_off(self) -> None:
        """Undo `switch_on`. The runtimes stand still until it comes again."""
        if self.is_on:
            self.is_on = False
            Runtime.current = staticmethod(self._current)  # type: ignore[method-assign]
            self._stop_beat()
            self._shell.events.unregister("pre_run_cell", self.before_cell)
            self._shell.events.unregister("post_run_cell", self.after_cell)

    def close(self) -> None:
        """Close what was made here."""
        self.switch_off()
        for runtime in self._made:
            runtime.close()
        self.runtimes.clear()
        self._made.clear()
        self._of_cell = None

    # Cells

    def current(self) -> Runtime:
        """The running runtime; in a cell without one, the cell's own."""
        try:
            return self._current()
        except NoRuntime:
            if threading.get_ident() != self._thread:
                raise
        if self._of_cell is None or self._of_cell.phase == "closed":
            self._of_cell = Runtime()
            self._of_cell.start(_nothing)
            self._made.append(self._of_cell)
            self.runtimes[self._of_cell] = copy_context()
        return self._of_cell

    def before_cell(self, info: object) -> None:
        """A cell begins. Its runtime is not the one of the cell before."""
        self._turn_once()  # in Run All there is no idle time between two cells
        self._of_cell = None
        self._cell_runs = True
        self._beat_again()

    def after_cell(self, result: object) -> None:
        """A cell is over: go on with each started runtime that has a name in the notebook."""
        self._stop_beat()
        for value in list(self._shell.user_ns.values()):
            if isinstance(value, Runtime) and value not in self.runtimes and _is_ours(value):
                self.runtimes[value] = copy_context()

    # Idle time

    def go_on(self, has_message: Callable[[], object], descriptor: int) -> None:
        """Turn the runtimes until the kernel has a message, or a slice of time is over."""
        if self._cell_runs:  # it awaits, and we have a beat: see below
            return
        over = time.monotonic() + SLICE
        with selectors.DefaultSelector() as selector, _interruptible():
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
        self._turn_once()
        if self._cell_runs:
            self._beat_again()

    def _turn_once(self) -> None:
        with selectors.DefaultSelector() as selector, _interruptible():
            self._turn_all(selector)

    def _turn_all(self, selector: selectors.BaseSelector) -> float:
        """Turn each once, without sleeping. How long may we sleep now? (s)"""
        wait = SLICE
        for runtime, context in tuple(self.runtimes.items()):
            if self._turn(runtime, context):
                wait = min(wait, _rest(runtime, selector))
            else:
                self._forget(runtime)
        return wait

    def _turn(self, runtime: Runtime, context: Context) -> bool:
        """One turn. False when the runtime is over; an error is shown under its own cell."""
        if runtime.phase == "closed":  # a cell closed it
            return False
        runtime.idle_hooks.append(_nothing)  # a loop with an idle hook does not sleep
        try:
            return runtime.tick()
        except (Exception, KeyboardInterrupt) as error:
            show_only_the_program(error, self._shell)
            context.run(self._shell.showtraceback, (type(error), error, error.__traceback__))
            return False
        finally:
            if _nothing in runtime.idle_hooks:
                runtime.idle_hooks.remove(_nothing)

    def _forget(self, runtime: Runtime) -> None:
        del self.runtimes[runtime]
        if runtime in self._made:
            self._made.remove(runtime)


def _rest(runtime: Runtime, selector: selectors.BaseSelector) -> float:
    """How long it has nothing to do (s). From here on, what a thread brings wakes us."""
    runtime._asleep = True  # wake() writes to its poll from now on
    if runtime.pool.finished or runtime.inbox or runtime.next_ticks or runtime.immediates:
        return 0
    timeout = runtime.timeout()
    rest = SLICE if timeout is None else timeout
    descriptor = _descriptor(runtime)
    if descriptor is None:
        return min(rest, NAP)
    if descriptor not in selector.get_map():
        selector.register(descriptor, selectors.EVENT_READ)
    return rest


def _descriptor(runtime: Runtime) -> int | None:
    """The descriptor of its poll, which is readable when the poll has something to say."""
    poll: Any = runtime.poll
    inner: Any = getattr(poll, "_epoll", None) or getattr(poll, "_selector", None)
    return int(inner.fileno()) if hasattr(inner, "fileno") else None


def _is_ours(runtime: Runtime) -> bool:
    """Was it started, in this thread, and is it not closed?"""
    if runtime.phase in ("new", "closed"):
        return False
    try:
        return runtime.epoll_registrator is not None
    except ForeignThread:
        return False


@contextmanager
def _interruptible() -> Iterator[None]:
    """An idle kernel ignores interrupts. A callback that never ends should hear them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _nothing() -> None:
    """What a cell's runtime starts with, and the idle hook that keeps a turn from sleeping."""
