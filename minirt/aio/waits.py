"""What does a task await, and in which line of the reader's?

A coroutine that waits knows whom it awaits, and that one knows the next, down to a future. Between
the reader's frame and the future there may be a dozen of the library's: `queue.get` is a coroutine
of asyncio's with a future inside. So the whole chain is read, from outside to inside. The last
frame of the reader's gives the line. What is below it says what is awaited: a queue, a lock, a
timer with its deadline.

Nothing here runs code of the program's. Frames are only read, and the variables only of asyncio's
own frames, which are known by their code.
"""

import asyncio
import gc
import linecache
import re
from asyncio import base_events, streams, taskgroups, tasks
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from types import (
    AsyncGeneratorType,
    BuiltinMethodType,
    CodeType,
    CoroutineType,
    FrameType,
    GeneratorType,
    MappingProxyType,
    MethodType,
)
from typing import Any, NamedTuple

from minirt.watching.event import printable
from minirt.watching.labels import type_name
from minirt.watching.stopping import is_inside

DEEPEST = 200  # coroutines inside each other
SOURCE = 80  # characters of the reader's line
MOST_TASKS = 8  # of those that one task awaits

NAMES = MappingProxyType(  # attributes: frame, whom it awaits
    {
        CoroutineType: ("cr_frame", "cr_await"),
        GeneratorType: ("gi_frame", "gi_yieldfrom"),
        AsyncGeneratorType: ("ag_frame", "ag_await"),
    }
)


class Await(NamedTuple):
    """What a task awaits."""

    what: str  # in words: "sleep", "queue.get", "task fetch-3"
    kind: str  # timer, task, queue, lock, semaphore, condition, event, descriptor, pool, future
    file: str
    line: int
    source: str  # the line itself
    until: float | None = None  # s, on the loop's clock
    thing: Any = None  # the queue, the lock
    tasks: tuple[Any, ...] = ()  # whom it awaits


def task_of(callback: Any) -> "asyncio.Task[Any] | None":
    """The task whose step a handle would call; None for another callback."""
    if type(callback) not in STEPS:
        return None
    owner = callback.__self__
    return owner if issubclass(type(owner), TASKS) else None


def _step_types() -> frozenset[type]:
    """What asyncio hands to `call_soon` for a step of a task."""
    given: list[Any] = []

    async def nothing() -> None: ...

    loop: Any = asyncio.BaseEventLoop()  # a whole one wants sockets, which a web page has not
    loop.call_soon = lambda callback, *args, context=None: given.append(callback)
    coroutine = nothing()
    task = asyncio.Task(coroutine, loop=loop, name="none of the program's")
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    coroutine.close()
    loop.close()
    return frozenset((*map(type, given), BuiltinMethodType, MethodType))


TASKS = (asyncio.Task, tasks._PyTask)  # type: ignore[attr-defined]
STEPS = _step_types()


# The chain


def frames_of(coroutine: Any) -> list[FrameType]:
    """The frames of a coroutine that waits, and of whom it awaits: the outermost first."""
    found: list[FrameType] = []
    one = coroutine
    for _ in range(DEEPEST):
        names = NAMES.get(type(one)) or NAMES.get(type(one := _wrapped(one)))
        if names is None:
            break
        frame = getattr(one, names[0])
        if frame is not None:
            found.append(frame)
        one = getattr(one, names[1])
    return found


def _wrapped(one: Any) -> Any:
    """What a step of an async generator, or the iterator of a coroutine, goes on with."""
    if type(one).__module__ == "builtins":
        for inner in gc.get_referents(one):
            if type(inner) in NAMES:
                return inner
    return one


def own_frame(frames: Iterable[FrameType]) -> FrameType | None:
    """The innermost frame of the reader's; of an installed package if there is none."""
    packaged = None
    for frame in reversed(tuple(frames)):
        file = frame.f_code.co_filename
        if not is_inside(file):
            if "site-packages" not in file:
                return frame
            packaged = packaged or frame
    return packaged


def frames_up(frame: FrameType | None) -> list[FrameType]:
    """The frames of a thread that is at work: the outermost first."""
    found: list[FrameType] = []
    while frame is not None and len(found) < DEEPEST:
        found.append(frame)
        frame = frame.f_back
    return found[::-1]


def source_of(file: str, line: int) -> str:
    """The text of a line, as far as it is known."""
    return printable(linecache.getline(file, line).strip(), SOURCE)


# What is awaited


def look(task: "asyncio.Task[Any]", jobs: MutableMapping[Any, str]) -> Await:
    """What this task awaits. jobs: {future: what a thread of the pool does for it}"""
    coroutine = task.get_coro()
    frames = frames_of(coroutine)
    waiter: Any = getattr(task, "_fut_waiter", None)
    own = own_frame(frames) or (frames[0] if frames else None)
    file, line = ("", 0) if own is None else (own.f_code.co_filename, own.f_lineno)
    place = (file, line, source_of(file, line) if file else "")
    below = frames[frames.index(own) + 1 :] if own in frames else []
    for frame in (own, *below) if own is not None else ():
        known = KNOWN.get(frame.f_code)
        if known is not None and (found := known(frame)) is not None:
            what, kind, more = found
            return Await(_named(what, kind, place[2]), kind, *place, **more)
    job = jobs.get(waiter) if issubclass(type(waiter), asyncio.Future) else None
    if job is not None:
        return Await(job, "pool", *place)
    if waiter is None:
        return Await("the next round", "soon", *place)
    awaited = tuple(_tasks_of(waiter))
    if awaited:
        return Await(words_of_tasks(awaited), "task", *place, tasks=awaited)
    what = _in_words(below[0].f_code, place[2]) if below else f"a {type_name(waiter)}"
    return Await(printable(what), "future", *place)


def _tasks_of(waiter: Any) -> Iterator[Any]:
    """The tasks behind a future: itself, or the children of a gather."""
    if issubclass(type(waiter), TASKS):
        yield waiter
    elif issubclass(type(waiter), tasks._GatheringFuture):  # type: ignore[attr-defined]
        yield from (one for one in waiter._children if issubclass(type(one), TASKS))


def words_of_tasks(awaited: Iterable[Any]) -> str:
    """ "task fetch-3", "3 of 10 tasks" """
    known = tuple(awaited)
    going = [one for one in known if not one.done()]
    if len(going) == 1:
        return f"task {printable(going[0].get_name())}"
    return (
        f"{len(going)} of {len(known)} tasks" if len(known) != len(going) else f"{len(going)} tasks"
    )


def _in_words(code: CodeType, source: str) -> str:
    """A function of a library by its name; a method that no line calls by what stands in its place:
    "session.get(address)" of `async with session.get(address) as answer:`."""
    pattern = UNCALLED.get(code.co_name)
    found = pattern and re.search(pattern, source)
    return found[1] if found else code.co_qualname


AFTER_WITH = r"async with\s+(\S.*?)(?:\s+as\s.*|:\s*)$"
AFTER_IN = r"async for\s.+?\sin\s+(\S.*?)(?::\s*|\])$"
UNCALLED = MappingProxyType(
    {
        "__aenter__": AFTER_WITH,
        "__aexit__": AFTER_WITH,
        "__aiter__": AFTER_IN,
        "__anext__": AFTER_IN,
    }
)
VARIABLE = r"([A-Za-z_][\w.]*(?:\[[^\]]*\])?)"


def _named(what: str, kind: str, source: str) -> str:
    """A queue, a lock and so on by the name that it has in the reader's line."""
    if kind not in THINGS:
        return what
    method = what.rpartition(".")[2]
    found = re.search(rf"{VARIABLE}\.{method}\b", source) or re.search(
        rf"async with\s+{VARIABLE}", source
    )
    if found is None:
        return what
    return (
        f"{found[1]}.{method}" if kind in ("queue", "event", "condition") else f"{kind} {found[1]}"
    )


THINGS = frozenset(("queue", "lock", "semaphore", "condition", "event", "barrier"))
Known = tuple[str, str, dict[str, Any]] | None  # what, kind, and fields of Await


def _a_thing(kind: str, method: str) -> Callable[[FrameType], Known]:
    return lambda frame: (f"{kind}.{method}", kind, {"thing": frame.f_locals.get("self")})


def _sleep(frame: FrameType) -> Known:
    handle = frame.f_locals.get("h")
    if handle is None:
        return "the next round", "soon", {}
    return f"sleep {frame.f_locals.get('delay'):g} s", "timer", {"until": handle.when()}


def _all_of(name: str) -> Callable[[FrameType], Known]:
    def known(frame: FrameType) -> Known:
        awaited = frame.f_locals.get(name)
        several = awaited if isinstance(awaited, set | list | tuple) else (awaited,)
        found = tuple(one for one in several if issubclass(type(one), TASKS))
        return (words_of_tasks(found), "task", {"tasks": found}) if found else None

    return known


def _group(frame: FrameType) -> Known:
    group: Any = frame.f_locals.get("self")
    found = tuple(group._tasks)
    return f"its TaskGroup: {words_of_tasks(found)}", "task", {"tasks": found}


def _stream(verb: str) -> Callable[[FrameType], Known]:
    def known(frame: FrameType) -> Known:
        stream: Any = frame.f_locals.get("self")
        number = getattr(getattr(stream, "_transport", None), "_sock_fd", None)
        where = f"descriptor {number}" if isinstance(number, int) else "a stream"
        return f"{verb} {where}", "descriptor", {}

    return known


def _socket(verb: str) -> Callable[[FrameType], Known]:
    def known(frame: FrameType) -> Known:
        sock: Any = frame.f_locals.get("sock")
        return f"{verb} descriptor {sock.fileno()}", "descriptor", {}

    return known


def _words(what: str, kind: str) -> Callable[[FrameType], Known]:
    return lambda frame: (what, kind, {})


def _known() -> dict[CodeType, Callable[[FrameType], Known]]:
    selector: Any = asyncio.selector_events.BaseSelectorEventLoop
    process: Any = asyncio.subprocess.Process
    functions: list[tuple[Any, Callable[[FrameType], Known]]] = [
        (asyncio.sleep, _sleep),
        (asyncio.Queue.get, _a_thing("queue", "get")),
        (asyncio.Queue.put, _a_thing("queue", "put")),
        (asyncio.Queue.join, _a_thing("queue", "join")),
        (asyncio.Lock.acquire, _a_thing("lock", "acquire")),
        (asyncio.Semaphore.acquire, _a_thing("semaphore", "acquire")),
        (asyncio.Condition.wait, _a_thing("condition", "wait")),
        (asyncio.Event.wait, _a_thing("event", "wait")),
        (asyncio.Barrier.wait, _a_thing("barrier", "wait")),
        (tasks._wait, _all_of("fs")),  # type: ignore[attr-defined]
        (asyncio.wait_for, _all_of("fut")),
        (taskgroups.TaskGroup.__aexit__, _group),
        (asyncio.StreamReader._wait_for_data, _stream("data from")),  # type: ignore[attr-defined]
        (streams.FlowControlMixin._drain_helper, _stream("room to write to")),  # type: ignore[attr-defined]
        (selector.sock_recv, _socket("data from")),
        (selector.sock_recv_into, _socket("data from")),
        (selector.sock_sendall, _socket("room to write to")),
        (selector.sock_accept, _socket("a connection at")),
        (selector.sock_connect, _socket("the connection of")),
        (base_events.Server.serve_forever, _words("connections", "descriptor")),
        (base_events.Server.wait_closed, _words("the server to close", "descriptor")),
        (process.wait, _words("a subprocess to end", "process")),
        (process.communicate, _words("a subprocess", "process")),
    ]
    return {function.__code__: known for function, known in functions}


KNOWN = MappingProxyType(_known())
