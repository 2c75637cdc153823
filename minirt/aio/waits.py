"""What does a task await, and in which line of the reader's?

The last frame of the reader's gives the line. What is below it says what is awaited: `queue.get` is
a coroutine of asyncio's with a future inside, and its frame has the queue. Where no frame is left,
the future itself may say who sets it.

Nothing here runs code of the program's. Frames are only read, and the variables only of asyncio's
own frames, which are known by their code.
"""

import asyncio
import re
from asyncio import base_events, streams, taskgroups, tasks
from collections.abc import Callable, MutableMapping, Sequence
from math import isfinite
from types import CodeType, FrameType, MappingProxyType
from typing import Any, NamedTuple

from minirt.aio.behind import Behind, behind, inner_code, is_over, words_of
from minirt.aio.chain import coroutine_of, frames_of, own_frame, source_of
from minirt.watching.event import printable
from minirt.watching.stopping import is_inside


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


# What is awaited


def look(task: "asyncio.Task[Any]", jobs: MutableMapping[Any, str]) -> Await:
    """What this task awaits. jobs: {future: what a thread of the pool does for it}"""
    frames = frames_of(coroutine_of(task))
    waiter: Any = getattr(task, "_fut_waiter", None)
    own = own_frame(frames)  # there is none in a task that is a library's from its beginning
    file, line = ("", 0) if own is None else (own.f_code.co_filename, own.f_lineno)
    source = source_of(file, line) if file else ""
    place = (file, line, source)
    below = frames if own is None else frames[frames.index(own) + 1 :]
    for at, frame in enumerate(below):
        known = KNOWN.get(frame.f_code)
        if known is not None and (found := known(frame)) is not None:
            what, kind, more = found
            return Await(_named(what, kind, source, below[:at]), kind, *place, **more)
    job = jobs.get(waiter) if issubclass(type(waiter), asyncio.Future) else None
    if job is not None:
        return Await(job, "pool", *place)
    if waiter is None or is_over(waiter):
        return Await("the next round", "soon", *place)
    found_behind = behind([waiter])
    if found_behind:
        return Await(words_of(found_behind), "task", *place, tasks=found_behind.tasks)
    what = _in_words(below[0].f_code, source) if below and own else words_of(found_behind)
    return Await(printable(what), "future", *place)


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
ENTERED = rf"async with\s+{VARIABLE}\s*(?:as\s[^,:]*)?:"  # one thing, and no call


def _named(what: str, kind: str, source: str, between: Sequence[FrameType]) -> str:
    """A queue, a lock and so on by the name that it has in the reader's line.

    between: the frames from that line to asyncio's. A library may have things of its own there.
    """
    if kind not in THINGS:
        return what
    method = what.rpartition(".")[2]
    found = re.search(rf"{VARIABLE}\.{method}\b", source)
    if found is None and kind == "condition":
        found = re.search(rf"{VARIABLE}\.wait_for\b", source)
    if found is None and all(is_inside(frame.f_code.co_filename) for frame in between):
        found = re.search(ENTERED, source)
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
    delay, until = frame.f_locals["delay"], handle.when()
    until = until if isfinite(until) else None  # a page knows no number for "never"
    return f"sleep {float(delay):g} s", "timer", {"until": until}


def _all_of(name: str) -> Callable[[FrameType], Known]:
    def known(frame: FrameType) -> Known:
        awaited = frame.f_locals.get(name)
        several = awaited if isinstance(awaited, set | list | tuple) else (awaited,)
        found = behind(tuple(several))
        if not found and not found.others:
            return None
        return words_of(found), "task" if found else "future", {"tasks": found.tasks}

    return known


def _group(frame: FrameType) -> Known:
    group: Any = frame.f_locals.get("self")
    found = Behind(tuple(group._tasks))
    return f"its TaskGroup: {words_of(found)}", "task", {"tasks": found.tasks}


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
    by_code = {function.__code__: known for function, known in functions}
    next_one = _next_one()
    if next_one is not None:
        by_code[next_one] = _words("the next one of as_completed", "future")
    return by_code


def _next_one() -> CodeType | None:
    """What one awaits that comes out of `as_completed`."""
    iterator: Any = getattr(tasks, "_AsCompletedIterator", None)  # since 3.13
    if iterator is not None:
        code: CodeType = iterator._wait_for_one.__code__
        return code
    return inner_code(asyncio.as_completed, "_wait_for_one")


KNOWN = MappingProxyType(_known())
