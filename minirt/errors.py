"""What can go wrong, and what should the reader do next?

Every exception of minirt, in one place. Each also is the built-in exception that a caller would
expect (TypeError, RuntimeError, ...), and each message ends with the next step.

An exception travels: from a process of a pool to its parent, or into a copy. Python makes the copy
by calling the class with `args`, the message, and a class below takes what the message is about: a
number, or a socket that cannot be pickled at all. So MinirtError has the copy made from the message
and the attributes, without the constructor. A new class needs nothing for that but MinirtError as
its first base.
"""

from errno import EPERM
from types import CoroutineType
from typing import Any


class MinirtError(Exception):
    """Base of every exception that minirt raises itself. Can be pickled and copied."""

    def __reduce__(self) -> tuple[Any, ...]:
        made: Any = super().__reduce__()
        kind, args, *state = made  # of an OSError, `args` with the name of the file
        return (_with_args, (kind, *args), *state)


def _with_args(kind: type[MinirtError], *args: object) -> MinirtError:
    """An exception of this kind whose own constructor was not called."""
    error = kind.__new__(kind, *args)
    super(MinirtError, error).__init__(*args)
    return error


def short_repr(value: object) -> str:
    """`repr(value)` in 100 characters at most, for a message. Never raises."""
    try:
        text = repr(value)
    except Exception:
        return f"<{type(value).__name__} whose repr raises>"
    return text if len(text) <= 100 else f"{text[:97]}..."


def leave_out(value: object) -> None:
    """A coroutine that is refused, and said to be so, is not warned of a second time."""
    if type(value) is CoroutineType and not (value.cr_suspended or value.cr_running):
        value.close()


# A runtime used at the wrong time or from the wrong place


class StateError(MinirtError, RuntimeError):
    """The runtime cannot do this now."""


class AlreadyRan(StateError):
    def __init__(self) -> None:
        super().__init__(
            "this Runtime has run already, and a Runtime runs once. "
            "Make a new one: Runtime().run(main)"
        )


class RuntimeClosed(StateError):
    def __init__(self) -> None:
        super().__init__(
            "this Runtime is closed: its threads and descriptors are gone. "
            "Make a new one: Runtime()"
        )


class NestedRuntime(StateError):
    def __init__(self) -> None:
        super().__init__(
            "a runtime is running in this thread already, and one loop cannot run inside "
            "another's callback. Register the work with the running one (Runtime.current()), "
            "or run the second in a thread of its own"
        )


class NoRuntime(StateError):
    def __init__(self) -> None:
        super().__init__(
            "no runtime is running here. Call this from main or from a callback of "
            "Runtime().run(main); from another thread, hand the loop a callback with "
            "rt.call_from_thread(cb)"
        )


class ForeignThread(StateError):
    def __init__(self) -> None:
        super().__init__(
            "a Runtime belongs to the thread that runs it, and this call came from another thread. "
            "Hand the loop a callback that makes the call: rt.call_from_thread(cb)"
        )


class ForkedRuntime(StateError):
    def __init__(self) -> None:
        super().__init__(
            "this process was forked from a callback: the runtime's threads stayed with the "
            "parent. In the child, leave with os._exit(), or make a new Runtime()"
        )


# Identities and callbacks


class IdentityTaken(MinirtError, ValueError):
    def __init__(self, identity: int) -> None:
        super().__init__(
            f"identity {identity} has a callback already. Ask generate_cb_identity() for a free one"
        )


class NotAnIdentity(MinirtError, ValueError):
    def __init__(self, identity: object) -> None:
        super().__init__(
            f"got {short_repr(identity)}, expected an identity: a whole number from 0 to "
            "2**64 - 1. "
            "Ask generate_cb_identity() for a free one"
        )


class AllIdentitiesTaken(MinirtError, OverflowError):
    def __init__(self, count: int) -> None:
        super().__init__(
            f"all {count} identities are taken. "
            "Let some callbacks run, or clear them, before adding more"
        )


class CalledTwice(StateError):
    def __init__(self, identity: int | None) -> None:
        name = "this callback" if identity is None else f"the callback with identity {identity}"
        super().__init__(
            f"{name} was called already, or was never there: a callback is called once. "
            "Register a new one"
        )


class NotCallable(MinirtError, TypeError):
    def __init__(
        self,
        callback: object,
        how: str = "with one argument",
        example: str = "set_timeout(100, done)",
    ) -> None:
        super().__init__(
            f"a callback must be callable {how}, and {short_repr(callback)} is not callable. "
            f"Pass the function itself, without parentheses: {example}"
        )
        leave_out(callback)


class WrongArguments(MinirtError, TypeError):
    def __init__(self, reason: str, given: int = 1, example: str = "") -> None:
        if given:
            message = (
                f"a callback is called with one argument, its value, and {reason}. "
                "Write it as def done(value), or as lambda value"
            )
        elif example:
            message = (
                f"in {example} the function is called without arguments, and {reason}. "
                "Give it what it needs beforehand, as in lambda: work(5)"
            )
        else:
            message = f"main is called without arguments, and {reason}. Write it as def main()"
        super().__init__(message)


class NeverRuns(MinirtError, TypeError):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} has a `yield`: its call makes a generator, and none of its lines runs. "
            "Take the `yield` out, or write async def and await"
        )


class NotAMain(MinirtError, TypeError):
    def __init__(self, main: object) -> None:
        super().__init__(
            "main must be a function that is called without arguments, and "
            f"{short_repr(main)} is not callable. "
            "Pass the function itself, without parentheses: run(main)"
        )
        leave_out(main)


class NotADelay(MinirtError, TypeError):
    def __init__(self, delay: object, example: str = "set_timeout(100, cb)") -> None:
        super().__init__(
            f"got {short_repr(delay)}, expected a delay as a number of milliseconds. "
            f"Write {example}"
        )


# The pool


class NotAJs(MinirtError, TypeError):
    def __init__(self, value: object) -> None:
        super().__init__(
            f"a task must return a Js value, and this one returned {short_repr(value)}. "
            "Wrap it: String(text), Int(n), Bytes(b), or Undefined() for nothing"
        )


class NoThread(StateError):
    def __init__(self, size: int) -> None:
        super().__init__(
            "this Runtime has no threads, so nobody could ever run the task. "
            "Make it with threads=1 or more"
            if size == 0
            else f"all {size} threads were taken with get_available_thread(), so nobody could ever "
            "run the task. Give one back first: rt.give_back_thread(number)"
        )


class NotTaken(MinirtError, ValueError):
    def __init__(self, number: object) -> None:
        super().__init__(
            f"got {number!r}, expected the number of a thread that get_available_thread() returned "
            "and that was not given back yet"
        )


class TooManyWaiting(MinirtError, RuntimeError):
    def __init__(self, limit: int) -> None:
        super().__init__(
            f"every thread is busy and {limit} tasks wait already (max_waiting={limit}); "
            "this task was refused. Submit it again from the callback of one that finishes, "
            "or raise max_waiting"
        )


# Descriptors


class NotPollable(MinirtError, PermissionError):
    errno = EPERM  # what epoll answers: programs look at the number

    def __init__(self, fileobj: object) -> None:
        super().__init__(
            f"{short_repr(fileobj)} cannot be watched: to the kernel a regular file is always "
            "ready. "
            "Read it on the pool instead: fs.read(path, cb)"
        )


class AlreadyRegistered(MinirtError, ValueError):
    def __init__(self, fileobj: object) -> None:
        super().__init__(
            f"{short_repr(fileobj)} is registered for this interest already. "
            "Use modify(), or deregister() it first"
        )


class NotRegistered(MinirtError, KeyError):
    def __init__(self, fileobj: object) -> None:
        super().__init__(
            f"{short_repr(fileobj)} is not registered. "
            "Call register(fileobj, token, Interest.READABLE) first"
        )

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would show the message in quotes


class NobodyReports(StateError):
    def __init__(self, *tokens: int) -> None:
        names = ", ".join(map(str, tokens[:5])) + (", ..." if len(tokens) > 5 else "")
        super().__init__(
            f"the program waits for the event of token {names}, and nothing can bring it: no "
            "descriptor is registered with that token. Call epoll_registrator.register(fileobj, "
            "token, Interest.READABLE), or deregister_event_epoll(token)"
        )


class DescriptorClosed(MinirtError, OSError):
    def __init__(self, token: int) -> None:
        super().__init__(
            f"the descriptor registered with token {token} was closed while it was watched, "
            "so it can never become ready. "
            "Call epoll_registrator.deregister(fileobj) before fileobj.close()"
        )


class OnlySimulated(MinirtError, ValueError):
    def __init__(self, fileobj: object) -> None:
        super().__init__(
            f"{short_repr(fileobj)} is real, and a Simulation waits only for what it simulates. "
            "Run this program on the real system: Runtime() without system=, a cell without --sim, "
            "or MinirtEventLoop() without a Simulation"
        )


class SimulationStuck(StateError):
    def __init__(self, count: int) -> None:
        super().__init__(
            f"the simulation has nothing left that could happen, and {count} registered events "
            "still wait. Deregister them, or give their connection a peer that answers: "
            "Simulation.add_peer(host, port, answer)"
        )


# The modules


class HttpError(MinirtError, OSError):
    """A request that got no usable answer; the message says which step failed."""


class HttpTimeout(HttpError, TimeoutError):
    """The answer was not complete within the caller's timeout."""


class ResponseTooLarge(HttpError):
    def __init__(self, limit: int) -> None:
        super().__init__(
            f"the response is larger than {limit} bytes. "
            "Ask for more with http.get(..., max_bytes=...)"
        )


class TooMuchUnsent(MinirtError, OSError):
    def __init__(self, where: str, limit: int) -> None:
        super().__init__(
            f"more than {limit} bytes wait to be sent in {where}: the peer does not read as fast "
            "as this program writes. When write() says False, wait for on_drain before the next one"
        )
