"""How does an ordinary asyncio program become something that can be watched, paused and stopped?

It is run on a thread, as it is. What it needs from outside is a loop. So on this thread, and only
there, `asyncio.run` and `asyncio.new_event_loop` give a `MinirtEventLoop`, for as long as the
program runs. A program that runs several loops, one after the other, gets several; each is watched
like the first.

To stop it is to cancel its tasks, as Ctrl-C does it under `asyncio.run`: `finally` blocks run, and
`async with` is left in order. A program that asked to hear of SIGINT hears of it instead.
"""

import asyncio
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import CoroutineType
from typing import Any

from minirt.aio.event_loop import MinirtEventLoop
from minirt.aio.surroundings import loops_made_here, outside_of_loops, warnings_heard
from minirt.aio.watched_loop import WatchedLoop
from minirt.core.system import System
from minirt.errors import AlreadyRan, MinirtError
from minirt.watching.gate import Gate, PacedClock
from minirt.watching.stopping import end_tasks
from minirt.watching.trace import Sink
from minirt.watching.tracebacks import chain

HEARD = (signal.SIGINT, signal.SIGTERM)  # what a stop may be taken for
refused: list[object] = []  # coroutines that refused to end: when one is dropped, Python complains


class NoProgramOfAsyncio(MinirtError, TypeError):
    """Something was to be played that is no coroutine."""

    def __init__(self, main: object) -> None:
        super().__init__(
            f"got {main!r}, expected a coroutine: await play(main()), where main is an async def"
        )


class AsyncioProgram(WatchedLoop):
    """One run of one program of asyncio's.

    system: a Simulation for simulated time. trace: gets all its events.
    """

    def __init__(self, system: System | None = None, trace: Sink | None = None) -> None:
        super().__init__(MinirtEventLoop(system))
        self._system = system
        self._loops = [self.event_loop]
        self._is_given = False  # the first of them, to the program
        self._handlers: dict[int, Callable[[], object]] = {}  # of signals
        self._is_asked_to_stop = False
        self._is_interrupted = False
        self._has_run = False
        self.value: Any = None  # what its main has returned
        if trace is not None:
            self.attach(trace)

    # What is asked of a runtime, too

    def check_new(self, main: object) -> None:
        """Raise unless `main` can be run, and nothing has run here yet."""
        if not (callable(main) or isinstance(main, CoroutineType)):
            self._close()
            raise NoProgramOfAsyncio(main)
        if self._has_run:
            raise AlreadyRan

    def call_from_thread(self, cb: Callable[[Any], object]) -> None:
        """Call it on the loop. RuntimeError when that is closed."""
        self.event_loop.call_soon_threadsafe(cb, None)

    def stop(self) -> None:
        """End it: its tasks are cancelled. Any thread may call this."""
        self._is_asked_to_stop = True
        try:
            self.event_loop.call_soon_threadsafe(self._stop_here)
        except RuntimeError:
            pass  # it is over

    # Its run

    def run(self, main: Any) -> None:
        """Run it to its end, here. main: a coroutine, or a call of what may run loops itself.

        What `main` returns is then in `value`, and what it raises is raised.
        """
        self.check_new(main)
        self._has_run = True
        if isinstance(self.loop.clock, PacedClock):  # a gate has put it there
            self.paced = self.loop.clock
            self._pace()
        try:
            with (
                outside_of_loops(),
                loops_made_here(self._next_loop),
                warnings_heard(self.findings.never_awaited),
            ):
                self.findings.watchdog.start()
                try:
                    self.value = self._run(main)
                finally:
                    self.findings.watchdog.stop()
        except asyncio.CancelledError as error:
            # told to stop and then interrupted, it is cancelled on its way out
            for interrupt in chain(error):
                if isinstance(interrupt, KeyboardInterrupt):
                    self._is_interrupted = True
                    end_tasks(self.loop.pool)
                    raise interrupt from None
            if not self._is_asked_to_stop:
                raise
        except KeyboardInterrupt:  # whoever interrupts does not wait for the pool
            self._is_interrupted = True
            end_tasks(self.loop.pool)
            raise
        except BaseException as error:  # a loop that was cut off in a round may be stuck then
            self._is_interrupted = any(isinstance(one, KeyboardInterrupt) for one in chain(error))
            raise
        finally:
            self._close_for_certain()

    async def play(
        self, main: Any, view: Any = None, speed: float = 1.0, paused: bool = False
    ) -> Any:
        """Run it in a thread of its own while the cell awaits; see `minirt.aio.play`."""
        from minirt.watching.play import play

        await play(self, main, view, Gate(speed, paused))
        return self.value

    def _run(self, main: Any) -> Any:
        if callable(main):
            asyncio.set_event_loop(self.event_loop)  # for programs of the older style
            try:
                main = main()
            finally:
                asyncio.set_event_loop(None)
        if not isinstance(main, CoroutineType):
            return main
        with asyncio.Runner(loop_factory=self._next_loop) as runner:
            return runner.run(main)

    def _next_loop(self) -> Any:
        """The loop that was made beforehand; after it new ones."""
        if self._is_given:
            self._add_loop()
        self._is_given = True
        event_loop = self.event_loop
        if threading.current_thread() is not threading.main_thread():
            event_loop.add_signal_handler = self._keep_handler
            event_loop.remove_signal_handler = lambda number: bool(self._handlers.pop(number, 0))
        handler = event_loop.call_exception_handler

        def complain(context: dict[str, Any]) -> None:
            self.findings.complaint(context)
            handler(context)

        event_loop.call_exception_handler = complain
        if self._is_asked_to_stop:
            self.stop()
        return event_loop

    def _add_loop(self) -> None:
        watching = self._watching
        before = self.loop
        self.detach()
        self.event_loop = MinirtEventLoop(self._system)
        self.loop.turns = before.turns + 1  # a view counts on
        self.loop.next_identity = self.book.next_identity
        self.event_loop._next_key = self.book.next_identity
        self._loops.append(self.event_loop)
        self._pace()
        if watching is not None:
            self.attach(*watching)

    def _pace(self) -> None:
        """Its time is that of the gate."""
        if self.paced is not None:
            self.event_loop._now = self.paced.now
            self.loop.clock = self.event_loop.clock_of_its_core()
        self.book.now = self.event_loop.time

    def _keep_handler(self, number: int, callback: Callable[..., object], *args: Any) -> None:
        """Python hears signals in its main thread alone. A stop is told to this handler."""
        self._handlers[number] = lambda: callback(*args)

    def _stop_here(self) -> None:
        """On the loop."""
        handler = next((self._handlers[one] for one in HEARD if one in self._handlers), None)
        if handler is not None:
            handler()
            return
        for task in asyncio.all_tasks(self.event_loop):
            with suppress(RecursionError):  # tasks that wait for each other in a circle
                task.cancel()

    def _give_up_tasks(self) -> None:
        """End what an interrupt left, here: dropped later, it would complain in another cell."""
        for event_loop in self._loops:
            event_loop.set_exception_handler(_say_nothing)
            for task in asyncio.all_tasks(event_loop):
                coroutine: Any = task.get_coro()
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                with suppress(BaseException):  # it may refuse to end
                    coroutine.close()
                if getattr(coroutine, "cr_frame", None) is not None:
                    refused.append(coroutine)

    def _close_for_certain(self) -> None:
        """An interrupt may split `_close` in two: then it is called once more."""
        try:
            self._close()
        except BaseException:
            self._close()
            raise

    def _close(self) -> None:
        if self._is_interrupted:
            self._give_up_tasks()
        if self.loop.is_watched:
            self.loop.calls.ending()
        for event_loop in self._loops:
            if not event_loop.is_closed():
                event_loop.close()
            # each keeps the program, which keeps it
            for name in ("call_exception_handler", "add_signal_handler", "remove_signal_handler"):
                event_loop.__dict__.pop(name, None)


def _say_nothing(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """In place of asyncio's handler of exceptions."""
