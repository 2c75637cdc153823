"""Programs that nobody would write, for laws that hold for every program.

A program is data: bodies of callbacks, each a list of actions. `perform` runs one against anything
with a Runtime's names, a Runtime or the model, and notes what it does: which callback is called,
with what value, what nobody caught, what an operation answered.

Three things are not the same everywhere, and a `World` has them: how a callback is busy, how a task
takes its time, and how a descriptor becomes readable.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

from hypothesis import strategies as st

from minirt import Error, Int, Interest, Js, Runtime, Simulation, TaskKind, Undefined
from minirt.errors import IdentityTaken
from tests.model import IDENTITIES, Callback, Model

KIND = TaskKind("Random")
FUEL = 40  # callbacks that act; the ones after that only end what would go on for ever
MOST_LINES = 1000  # a program that does more than this does not end
PATIENCE = 3.0  # s: nor does one that takes longer

# What a program is


@dataclass(frozen=True)
class Spawn:
    """Register a callback, which runs the body `skip` bodies further on."""

    kind: str  # timeout, interval, immediate, tick, microtask, message, task, event
    skip: int = 0
    ms: int = 10  # the delay of a timer, the time that a task takes
    often: int = 1  # calls after which an interval or a persistent event ends itself
    dress: str = "function"
    outcome: str = "value"  # of a task


@dataclass(frozen=True)
class Touch:
    """Do something with a handle that was made before, dead or alive."""

    verb: str
    which: int  # counted round


@dataclass(frozen=True)
class Do:
    """raise, raise thorny, exit, stop, close, block, wrap."""

    verb: str


Action: TypeAlias = Spawn | Touch | Do


@dataclass(frozen=True)
class Program:
    """`bodies[0]` is main."""

    bodies: tuple[tuple[Action, ...], ...]
    hears_errors: bool = True  # is on_uncaught set?
    threads: int = 2


# Callables that are hard on whoever looks at them


class Falsy:
    """A callable that is false, and empty."""

    def __init__(self, function: Callback) -> None:
        self.function = function

    def __call__(self, value: Js) -> object:
        return self.function(value)

    def __bool__(self) -> bool:
        return False

    def __len__(self) -> int:
        return 0


class Thorny(Falsy):
    """A callable that can be called, and hurts whoever looks at it, prints it or compares it."""

    def _hurt(self, *_: object) -> Any:
        raise LookupError("hands off")

    __bool__ = __len__ = __eq__ = __ne__ = __repr__ = __str__ = __getattr__ = _hurt
    __hash__ = None  # type: ignore[assignment]


class Endless(BaseException):
    """The program does not end, and none of its own is endless."""


def _give_up(_: Js) -> None:
    raise Endless(f"it still runs after {PATIENCE} s")


class ThornyError(Exception):
    """Its own text raises."""

    def __repr__(self) -> str:
        raise LookupError("hands off")

    __str__ = __repr__


DRESSES: dict[str, Callable[[Callback], Callback]] = {
    "function": lambda function: function,
    "falsy": Falsy,
    "thorny": Thorny,
    "partial": lambda function: partial(lambda function, value: function(value), function),
    "method": lambda function: Falsy(function).__call__,
}


# Where a program runs


@dataclass
class World:
    """A Runtime or the model, and what differs between them."""

    rt: Any
    block: Callable[[float], object]  # ms
    sleep: Callable[[float], object]  # ms
    make_ready: Callable[[int, Callback, bool], object]
    now: Callable[[], float] = lambda: 0.0
    close: Callable[[], object] = lambda: None


def simulated(seed: int = 0, **options: Any) -> World:
    """A Runtime in simulated time, where nothing is ever readable."""
    system = Simulation(seed)

    def advance(ms: float) -> None:
        system.clock.advance(ms / 1000)

    def never(token: int, cb: object, persistent: bool) -> None:
        raise NotImplementedError

    rt = Runtime(system=system, **options)
    return World(rt, advance, advance, never, system.clock.now)


def real(**options: Any) -> World:
    """A Runtime in real time, where a pipe with one byte in it is readable."""
    rt = Runtime(**options)
    pipes: list[int] = []

    def sleep(ms: float) -> None:
        time.sleep(ms / 1000)

    def make_ready(token: int, cb: Callback, persistent: bool) -> None:
        reader, writer = os.pipe()
        pipes.extend((reader, writer))
        os.write(writer, b"!")
        rt.register_event_epoll(token, cb, persistent)
        rt.epoll_registrator.register(reader, token, Interest.READABLE)

    def close() -> None:
        watchdog.cancel()
        while pipes:
            os.close(pipes.pop())

    def give_up() -> None:
        rt.call_from_thread(_give_up)

    watchdog = threading.Timer(PATIENCE, give_up)
    watchdog.daemon = True
    watchdog.start()
    return World(rt, sleep, sleep, make_ready, close=close)


def modelled(gap: float, **options: Any) -> World:
    """The model."""
    model = Model(gap=gap, **options)
    return World(model, model.block, model.sleep, model.register_ready)


# How it runs


@dataclass
class Outcome:
    """What a program did."""

    lines: list[tuple[Any, ...]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)  # of the lines, where time is simulated
    error: tuple[str, object] | None = None  # what left `run`
    ticks: int = 0
    registered: Counter[str] = field(default_factory=Counter)  # by kind
    called: Counter[str] = field(default_factory=Counter)


class Performance:
    """One run of one program in one world."""

    def __init__(self, program: Program, world: World, counts: bool = False) -> None:
        self.program, self.world, self.rt = program, world, world.rt
        self.outcome = Outcome()
        self._counts = counts
        self._fuel = FUEL
        self._numbers = 0
        self._handles: list[tuple[str, Any]] = []  # (kind, a Timeout or an identity)
        self._owners: dict[int, int] = {}  # identity -> the handle that got it last

    def main(self) -> None:
        if self.program.hears_errors:
            self.rt.on_uncaught = self.hear
        self.act(0)

    def hear(self, error: Exception) -> None:
        self.note("uncaught", *named(error))

    def note(self, *line: object) -> None:
        if self._counts:
            line = (*line, self.rt.pending_events, self.rt.epoll_pending_events, self.rt.phase)
        self.outcome.lines.append(line)
        self.outcome.times.append(self.world.now())
        if len(self.outcome.lines) > MOST_LINES:
            raise Endless(self.outcome.lines[-1])

    # Actions

    def act(self, body: int) -> None:
        if body < len(self.program.bodies):
            for action in self.program.bodies[body]:
                match action:
                    case Spawn():
                        self.spawn(action, body)
                    case Touch(verb, which) if self._handles:
                        self.touch(verb, which % len(self._handles))
                    case Do(verb):
                        self.do(verb)

    def number(self) -> int:
        self._numbers += 1
        return self._numbers

    def callback(self, spawn: Spawn, body: int, end: Callable[[], object]) -> Any:
        """What is registered: it notes its call, then acts. `end` is called in its last call."""
        name, calls = f"{spawn.kind} {self.number()}", 0

        def called(value: Js) -> None:
            nonlocal calls
            calls += 1
            self.outcome.called[spawn.kind] += 1
            self.note(name, content(value))
            if calls >= spawn.often or not self._fuel:
                end()
            if self._fuel:
                self._fuel -= 1
                self.act(body + 1 + spawn.skip)

        return DRESSES[spawn.dress](called)

    def spawn(self, spawn: Spawn, body: int) -> None:
        rt, callback = self.rt, partial(self.callback, spawn, body)
        self.outcome.registered[spawn.kind] += 1
        match spawn.kind:
            case "timeout":
                self.keep("timer", rt.set_timeout(spawn.ms, callback(nothing)))
            case "interval":
                interval = rt.set_interval(spawn.ms, callback(lambda: rt.clear_interval(interval)))
                self.keep("timer", interval)
            case "immediate":
                self.keep("immediate", rt.set_immediate(callback(nothing)))
            case "tick":
                rt.next_tick(callback(nothing))
            case "microtask":
                rt.queue_microtask(callback(nothing))
            case "message":
                rt.call_from_thread(callback(nothing))
            case "task":
                task, callback = self.task(spawn, body), callback(nothing)
                self.keep("task", rt.register_event_threadpool(task, KIND, callback))
            case "event":
                token = rt.generate_cb_identity()
                callback = callback(lambda: rt.deregister_event_epoll(token))
                self.world.make_ready(token, callback, spawn.often > 1)
                self.keep("event", token)

    def task(self, spawn: Spawn, body: int) -> Callable[[], Js]:
        number, sleep = self.number(), self.world.sleep
        message = self.callback(Spawn("message of a task", spawn.skip), body, nothing)

        def task() -> Js:
            sleep(spawn.ms)
            match spawn.outcome:
                case "raise":
                    raise ValueError(number)
                case "raise thorny":
                    raise ThornyError(number)
                case "exit":
                    raise SystemExit(number)
                case "message":
                    self.rt.call_from_thread(message)  # RuntimeClosed, when it comes too late
                    self.outcome.registered["message of a task"] += 1
            return Int(number)

        return task

    def keep(self, kind: str, handle: Any) -> None:
        self._owners[identity_of(handle)] = len(self._handles)
        self._handles.append((kind, handle))

    def touch(self, verb: str, which: int) -> None:
        kind, handle = self._handles[which]
        if verb in ("cancel", "clear", "refresh", "ref", "unref"):
            if kind == "timer":
                self.touch_timer(verb, handle, which)
        else:
            self.touch_number(verb, identity_of(handle))

    def touch_timer(self, verb: str, handle: Any, which: int) -> None:
        if verb == "clear":
            self.rt.clear_timeout(handle)
        # a timer whose number went to somebody else: which one it has afterwards is nowhere said
        elif verb != "refresh" or self._owners[handle.identity] == which:
            getattr(handle, verb)()

    def touch_number(self, verb: str, identity: int) -> None:
        """Numbers of every kind go to operations of every kind."""
        rt = self.rt
        match verb:
            case "clear number":
                rt.clear_timeout(identity)
            case "clear immediate":
                rt.clear_immediate(identity)
            case "cancel task":
                self.note("cancel task", rt.cancel_task(identity))
            case "deregister":
                rt.deregister_event_epoll(identity)
            case "come round":
                rt.identity_token = (identity - 1) % IDENTITIES
            case "adopt":
                try:
                    rt.add_callback(identity, lambda value: self.note("adopted", content(value)))
                    self._owners[identity] = -1
                except IdentityTaken:
                    self.note("taken")

    def do(self, verb: str) -> None:
        match verb:
            case "raise":
                raise ValueError(self.number())
            case "raise thorny":
                raise ThornyError(self.number())
            case "exit":
                raise SystemExit(self.number())
            case "stop":
                self.rt.stop()
            case "close":
                self.rt.close()
            case "block":
                self.world.block(30)
            case "wrap":
                self.rt.identity_token = IDENTITIES - 2


def perform(
    program: Program,
    world: World,
    run: Callable[[Any, Callable[[], object]], object] | None = None,
    counts: bool = False,
) -> Outcome:
    """Run `program` in `world`, to its end. `run(rt, main)` runs it in another way."""
    performance = Performance(program, world, counts)
    try:
        if run is None:
            world.rt.run(performance.main)
        else:
            run(world.rt, performance.main)
    except (ValueError, ThornyError, SystemExit) as error:
        performance.outcome.error = named(error)
    finally:
        world.close()
    performance.outcome.ticks = getattr(world.rt, "ticks", 0) if world.rt else 0
    return performance.outcome


def nothing() -> None:
    """There is nothing to end."""


def named(error: BaseException) -> tuple[str, object]:
    return (type(error).__name__, error.args[0] if error.args else None)


def content(value: Js) -> object:
    match value:
        case Undefined():
            return "undefined"
        case Int(number):
            return number
        case Error(exception):
            return named(exception)
    return value


def identity_of(handle: Any) -> int:
    return handle if isinstance(handle, int) else handle.identity


# How they are drawn

QUEUES = ("immediate", "tick", "microtask", "message")
TIMED = ("timeout", "interval", "task")
VERBS = (
    *("cancel", "clear", "refresh", "ref", "unref", "clear number", "clear immediate"),
    *("cancel task", "deregister", "come round", "adopt"),
)
OUTCOMES = ("value", "raise", "raise thorny", "exit", "message")
DELAYS = (10, 20, 30, 50, 80, 130)  # ms


def spawns(kinds: tuple[str, ...], delays: tuple[int, ...]) -> st.SearchStrategy[Spawn]:
    return st.builds(
        Spawn,
        kind=st.sampled_from(kinds),
        skip=st.integers(0, 2),
        ms=st.sampled_from(delays),
        often=st.integers(1, 3),
        dress=st.sampled_from(tuple(DRESSES)),
        outcome=st.sampled_from(OUTCOMES),
    )


def programs(
    kinds: tuple[str, ...] = (*QUEUES, *TIMED),
    delays: tuple[int, ...] = DELAYS,
    verbs: tuple[str, ...] = VERBS,
    ends: tuple[str, ...] = ("raise", "raise thorny", "exit", "stop", "close", "block", "wrap"),
    bodies: int = 8,
) -> st.SearchStrategy[Program]:
    """Programs whose callbacks are of these kinds, and do these things."""
    spawn = spawns(kinds, delays)
    actions: list[st.SearchStrategy[Action]] = [spawn, spawn, spawn]  # three of five, as a rule
    if verbs:
        actions.append(st.builds(Touch, st.sampled_from(verbs), st.integers(0, 30)))
    if ends:
        actions.append(st.builds(Do, st.sampled_from(ends)))
    body = st.lists(st.one_of(actions), max_size=5).map(tuple)
    main = st.lists(spawn, min_size=2, max_size=6).map(tuple)
    return st.builds(
        Program,
        st.tuples(main, st.lists(body, min_size=2, max_size=bodies - 1)).map(
            lambda drawn: (drawn[0], *drawn[1])
        ),
        hears_errors=st.sampled_from((True, True, True, False)),
        threads=st.integers(1, 3),
    )
