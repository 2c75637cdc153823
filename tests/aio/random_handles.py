"""Programs of handles that nobody would write: what is called, and in what order?

A program decides what it does next by chance, from a seed, while it runs. So two loops that call in
the same order have the same program; where they differ, the two logs part. The clock is set by
hand, and something is ready in every round: neither loop ever sleeps.
"""

import asyncio
import os
import random
import selectors
import socket
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from functools import partial
from typing import Any

from minirt.aio import MinirtEventLoop

DELAYS = (0, -1, 1e-7, 5e-5, 1e-4, 2.4e-4, 2.5e-4, 2.6e-4, 1e-3, 1.1e-3, 0.01, 1e9, float("inf"))
STEPS = (0, 0, 1e-4, 2.5e-4, 3e-4, 1e-3, 1.25e-3, 5e-3)  # s from round to round
MOST_ACTS = 200  # then nothing new begins
LAST_WORD = ContextVar("LAST_WORD", default="-")

StandardLoop: Any = asyncio.SelectorEventLoop


class Standard(StandardLoop):  # type: ignore[misc]
    """asyncio's own loop, on the same kind of selector as minirt's poll."""

    seconds = 1000.0

    def __init__(self) -> None:
        polls = os.environ.get("MINIRT_POLL") == "selectors"
        super().__init__(selectors.PollSelector() if polls else None)

    def time(self) -> float:
        return self.seconds


class Ours(MinirtEventLoop):
    seconds = 1000.0

    def time(self) -> float:
        return self.seconds


AnyLoop = Standard | Ours


class HandleProgram:
    """One program on one loop. `run` gives its log."""

    def __init__(self, loop: AnyLoop, seed: int, rounds: int = 30) -> None:
        self.loop, self.chance, self.rounds = loop, random.Random(seed), rounds
        self.log: list[object] = []
        self.made = 0
        self.acts = 0
        self.handles: list[asyncio.Handle] = []
        self.futures: list[asyncio.Future[int]] = []
        self.contexts: list[Context] = []
        one, other, third, fourth = *socket.socketpair(), *socket.socketpair()
        self.ends = (one, other, third, fourth)
        for end in self.ends:
            end.setblocking(False)
        loop.set_exception_handler(self.hear)

    def run(self) -> list[object]:
        """Turn until the rounds are over, whatever leaves the loop meanwhile."""
        loop = self.loop
        loop.call_soon(self.begin_round)
        for _ in range(8):
            self.act_outside()
        while self.rounds > 0:
            try:
                loop.run_forever()
                self.log.append("stopped")
            except (KeyboardInterrupt, SystemExit) as error:
                self.log.append(type(error).__name__)
            if self.chance.random() < 0.3:
                self.act_outside()
        for end in self.ends:
            loop.remove_reader(end)
            loop.remove_writer(end)
            end.close()
        for future in self.futures:
            future.cancel()
        loop.set_exception_handler(None)
        loop.close()
        return self.log

    def begin_round(self) -> None:
        self.rounds -= 1
        self.loop.seconds += self.chance.choice(STEPS)
        self.log.append(f"round at {self.loop.seconds:.7f}")
        if self.rounds > 0:
            self.loop.call_soon(self.begin_round)
        else:
            self.loop.stop()

    def hear(self, loop: object, context: dict[str, Any]) -> None:
        self.log.append((context["message"][:22], repr(context.get("exception"))))
        if self.chance.random() < 0.1:
            raise OSError("the handler's own")

    def called(self, name: str, *arguments: object) -> None:
        """Every callback is this."""
        self.log.append((name, LAST_WORD.get(), *arguments))
        if self.chance.random() < 0.2:
            LAST_WORD.set(name)
        for _ in range(self.chance.choice((0, 1, 1, 2, 3))):
            self.act()

    def settled(self, name: str, future: "asyncio.Future[int]") -> None:
        is_cancelled = future.cancelled()
        self.called(name, "cancelled" if is_cancelled else repr(future.exception()))

    # What it does next

    def act(self) -> None:
        self.acts += 1
        if self.acts <= MOST_ACTS:
            name = self.chance.choices(tuple(ACTS), tuple(ACTS.values()))[0]
            self.log.append(f"  {name}")
            getattr(self, name)()

    def act_outside(self) -> None:
        """Between two runs: what is raised there leaves no loop."""
        try:
            self.act()
        except BaseException as error:
            self.log.append(repr(error))

    def some_callback(self, kind: str) -> tuple[Callable[..., None], tuple[object, ...]]:
        self.made += 1
        name, arguments = f"{kind} {self.made}", tuple(range(self.chance.choice((0, 0, 1, 2))))
        if self.chance.random() < 0.3:
            return partial(self.called, name), arguments
        return self.called, (name, *arguments)

    def some_context(self) -> Context | None:
        if self.chance.random() < 0.15:
            self.contexts.append(copy_context())
            self.contexts[-1].run(LAST_WORD.set, f"context {len(self.contexts)}")
        return self.chance.choice((None, None, None, *self.contexts[-2:]))

    def some_delay(self) -> float:
        """No two are equal: of those asyncio promises no order."""
        self.made += 1
        return self.chance.choice(DELAYS) + self.made * self.chance.choice((1.7e-9, 1e-6))

    def soon(self) -> None:
        callback, arguments = self.some_callback("soon")
        handle = self.loop.call_soon(callback, *arguments, context=self.some_context())
        self.handles.append(handle)

    def threadsafe(self) -> None:
        callback, arguments = self.some_callback("threadsafe")
        handle = self.loop.call_soon_threadsafe(callback, *arguments, context=self.some_context())
        self.handles.append(handle)

    def later(self) -> None:
        callback, arguments = self.some_callback("later")
        delay, context = self.some_delay(), self.some_context()
        self.handles.append(self.loop.call_later(delay, callback, *arguments, context=context))

    def at(self) -> None:
        callback, arguments = self.some_callback("at")
        when, context = 1000 + self.some_delay(), self.some_context()
        self.handles.append(self.loop.call_at(when, callback, *arguments, context=context))

    def cancel(self) -> None:
        if self.handles:
            self.chance.choice(self.handles[-8:]).cancel()

    def cancel_all(self) -> None:
        for handle in self.handles:
            handle.cancel()

    def reader(self) -> None:
        callback, arguments = self.some_callback("reader")
        end = self.chance.choice(self.ends)
        self.loop.add_reader(self.chance.choice((end, end.fileno())), callback, *arguments)

    def writer(self) -> None:
        callback, arguments = self.some_callback("writer")
        self.loop.add_writer(self.chance.choice(self.ends), callback, *arguments)

    def no_reader(self) -> None:
        self.log.append(self.loop.remove_reader(self.chance.choice(self.ends)))

    def no_writer(self) -> None:
        self.log.append(self.loop.remove_writer(self.chance.choice(self.ends)))

    def send(self) -> None:
        self.try_to(lambda end: end.send(b"12345"))

    def receive(self) -> None:
        self.try_to(lambda end: end.recv(self.chance.choice((1, 100))))

    def shut_down(self) -> None:
        self.try_to(lambda end: end.shutdown(socket.SHUT_WR))

    def try_to(self, use: Callable[[socket.socket], object]) -> None:
        try:
            self.log.append(use(self.chance.choice(self.ends)))
        except OSError as error:
            self.log.append(repr(error))

    def future(self) -> None:
        self.made += 1
        future: asyncio.Future[int] = self.loop.create_future()
        future.add_done_callback(partial(self.settled, f"done {self.made}"))
        self.futures.append(future)

    def settle(self) -> None:
        if self.futures:
            future = self.chance.choice(self.futures[-6:])
            fail = partial(future.set_exception, LookupError(self.made))
            try:
                self.chance.choice((future.cancel, fail, partial(future.set_result, 1)))()
            except asyncio.InvalidStateError:
                self.log.append("settled already")

    def stop(self) -> None:
        self.loop.stop()

    def fail(self) -> None:
        raise self.chance.choice((ValueError, asyncio.CancelledError))(self.made)

    def leave(self) -> None:
        raise self.chance.choice((KeyboardInterrupt, SystemExit))

    def debug(self) -> None:
        self.loop.set_debug(self.chance.random() < 0.5)

    def set_clock(self) -> None:
        self.loop.seconds += self.chance.choice((1e-4, 1e-3, -1e-3, -1e-4))


WEIGHTS = {
    8: "soon later cancel",
    5: "at reader send",
    4: "no_reader no_writer receive",
    3: "threadsafe writer settle",
    2: "future",
    1.5: "set_clock",
    1: "stop fail",
    0.5: "shut_down debug",
    0.4: "leave",
    0.3: "cancel_all",
}
ACTS = {act: weight for weight, acts in WEIGHTS.items() for act in acts.split()}
