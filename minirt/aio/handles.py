"""What is called in a round, and how?

A handle is one of asyncio's, since programs, debuggers and asyncio itself look at it. But it is
neither made nor called as asyncio does that. Its `__init__` is a Python function that fills seven
fields: filled from outside they cost less than half (108 ns for 244). And `context.run(callback,
*())` costs four times `context.run(callback)` (169 ns for 43), so the call is written three times,
for no argument, for one, and for more.
"""

import asyncio
import sys
from asyncio import format_helpers
from collections import deque
from contextvars import Context, copy_context
from typing import Any, TypeVar


class Handle(asyncio.Handle):
    """It comes empty: whoever makes one fills the fields."""

    __slots__ = ()
    __init__ = object.__init__


class TimerHandle(asyncio.TimerHandle):
    """The same with a deadline."""

    __slots__ = ()
    __init__ = object.__init__

    def cancel(self) -> None:
        """It is not called. In one step, where asyncio's own takes five calls."""
        fields: Any = self
        if not fields._cancelled:
            loop = fields._loop
            loop._timers.remove(fields._scheduled)
            fields._cancelled = True
            if loop._debug:
                fields._repr = repr(self)  # else nobody could tell what it was
            fields._callback = fields._args = None


AnyHandle = TypeVar("AnyHandle", bound=asyncio.Handle)


def filled(
    handle: AnyHandle,
    loop: Any,
    callback: Any,
    args: tuple[Any, ...],
    context: Context | None,
    origin: list[Any] | None,
) -> AnyHandle:
    """A new handle with its fields. origin: where it was made, in debug mode."""
    fields: Any = handle  # they are private to asyncio, and the same from 3.11 to 3.13
    fields._loop = loop
    fields._callback = callback
    fields._args = args
    fields._context = copy_context() if context is None else context
    fields._cancelled = False
    fields._repr = None
    fields._source_traceback = origin
    return handle


def made_here(depth: int) -> list[Any]:
    """The stack, `depth` calls up from who asks: where a handle was made."""
    stack: Any = format_helpers
    return list(stack.extract_stack(sys._getframe(depth + 1)))


def call_each(ready: deque[Any], count: int) -> None:
    """Call the first `count` handles. An error goes to the loop's exception handler."""
    take, handle = ready.popleft, None
    try:
        for _ in range(count):
            try:
                handle = take()
            except IndexError:
                break  # a nested run took the rest
            if handle._cancelled:
                continue
            args = handle._args
            try:
                if not args:
                    handle._context.run(handle._callback)
                elif len(args) == 1:
                    handle._context.run(handle._callback, args[0])
                else:
                    handle._context.run(handle._callback, *args)
            except (SystemExit, KeyboardInterrupt):
                raise  # they leave the loop; the rest of the round is called when it goes on
            except BaseException as error:
                report(handle, error)
    finally:
        handle = args = None  # or the traceback of what leaves would keep them


def call_each_timed(ready: deque[Any], count: int) -> None:
    """The same in debug mode: a callback that holds the loop up is told of."""
    from asyncio.base_events import _format_handle, logger  # type: ignore[attr-defined]

    while count and ready:
        count -= 1
        handle = ready.popleft()
        if handle._cancelled:
            continue
        loop, handle._loop._current_handle = handle._loop, handle
        try:
            began = loop.time()
            handle._run()
            took = loop.time() - began
            if took >= loop.slow_callback_duration:
                logger.warning("Executing %s took %.3f seconds", _format_handle(handle), took)
        finally:
            loop._current_handle = handle = None


def report(handle: Any, error: BaseException) -> None:
    """Tell the loop's exception handler what a callback raised."""
    formatted: Any = format_helpers
    source = formatted._format_callback_source(handle._callback, handle._args)
    context = {
        "message": f"Exception in callback {source}",
        "exception": error,
        "handle": handle,
    }
    if handle._source_traceback:
        context["source_traceback"] = handle._source_traceback
    handle._loop.call_exception_handler(context)


__all__ = ["Handle", "TimerHandle", "call_each", "call_each_timed", "filled", "made_here"]
