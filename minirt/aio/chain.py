"""Whom does a coroutine await, and whom that one, down to a future?

A coroutine that waits knows whom it awaits, and that one knows the next. Between the reader's frame
and the future there may be a dozen of the library's. So the whole chain is read, from outside to
inside. Nothing here runs code of the program's: frames are only read.
"""

import asyncio
import gc
import linecache
from asyncio import tasks
from collections.abc import Iterable
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
from typing import Any

from minirt.watching.event import printable
from minirt.watching.labels import asked, type_name
from minirt.watching.stopping import is_inside

NO_NAME = "(no name)"
DEEPEST = 200  # coroutines inside each other
SOURCE = 80  # characters of the reader's line

NAMES = MappingProxyType(  # attributes: frame, whom it awaits
    {
        CoroutineType: ("cr_frame", "cr_await"),
        GeneratorType: ("gi_frame", "gi_yieldfrom"),
        AsyncGeneratorType: ("ag_frame", "ag_await"),
    }
)


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


def name_of(task: "asyncio.Task[Any]") -> str:
    """Its name, as text on one line. A subclass may have its own idea of `get_name`."""
    kind = next(one for one in TASKS if isinstance(task, one))
    return printable(kind.get_name(task)) or NO_NAME


def coroutine_of(task: "asyncio.Task[Any]") -> Any:
    """What it runs: an object of the program's, if somebody has written such a class."""
    return next(one for one in TASKS if isinstance(task, one)).get_coro(task)


def code_of(coroutine: Any) -> CodeType | None:
    """Its code, if that is known."""
    code = asked(coroutine, "cr_code")
    return code if type(code) is CodeType else None


def qualname_of(coroutine: Any) -> str:
    """What it is called, as text on one line."""
    name = asked(coroutine, "__qualname__")
    return printable(name if isinstance(name, str) else type_name(coroutine))


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
