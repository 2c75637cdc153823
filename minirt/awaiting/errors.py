"""What can go wrong with a future or a task, and what should the reader do next?"""

from minirt.errors import MinirtError, StateError, short_repr
from minirt.watching.tracebacks import trace_of


class Cancelled(BaseException):
    """The task, or what it awaited, was cancelled. Not an Exception: `except Exception` lets it go.

    Clean up in `finally`, which may await, and let it pass.
    """


class AlreadySettled(StateError):
    def __init__(self, what: object) -> None:
        super().__init__(
            f"{short_repr(what)} is settled already, and a future is settled once. "
            "Ask done() first, or make a new Future()"
        )


class NotSettled(StateError):
    def __init__(self, what: object) -> None:
        super().__init__(f"{short_repr(what)} has no result yet. Await it, or ask done() first")


class NotAnException(MinirtError, TypeError):
    def __init__(self, error: object) -> None:
        super().__init__(
            f"got {short_repr(error)}, expected an instance of an exception that is no "
            "StopIteration: set_exception(ValueError('why'))"
        )


class NotACoroutine(MinirtError, TypeError):
    def __init__(self, got: object) -> None:
        super().__init__(
            f"got {short_repr(got)}, expected a coroutine that was not started yet. "
            "Call the async function: Task(function())"
        )


class NotForThePool(MinirtError, TypeError):
    def __init__(self, function: object) -> None:
        super().__init__(
            f"{short_repr(function)} is an async function, and would not begin on a thread. "
            "Await it here: await function()"
        )


class NotAwaitable(MinirtError, TypeError):
    def __init__(self, got: object) -> None:
        super().__init__(
            f"{short_repr(got)} cannot be awaited on a Runtime. Await a coroutine, a Future or a "
            "Task of minirt; what belongs to asyncio runs on minirt.aio"
        )


class OfAnotherRuntime(StateError):
    def __init__(self, what: object) -> None:
        super().__init__(
            f"{short_repr(what)} belongs to another Runtime. "
            "Settle and await a future in the program that made it"
        )


class NoTask(StateError):
    def __init__(self) -> None:
        super().__init__(
            "no task is running here. Use timeout_ms inside an async function that a task runs"
        )


class EnteredTwice(StateError):
    def __init__(self) -> None:
        super().__init__(
            "a time limit is for one block, and this one was entered before. "
            "Make one for each block: async with timeout_ms(100)"
        )


class NeverSettled(StateError):
    def __init__(self, what: object) -> None:
        super().__init__(
            f"the program is over, and {short_repr(what)} waits for what nothing can bring. "
            "Settle the future that it awaits, or keep the loop alive until then"
        )


def without_this_frame(error: Exception) -> Exception:
    """An error that was just caught: its traceback begins after the frame that caught it.

    That frame has the task, the task has the error, and only the collector would free them.
    """
    trace = trace_of(error)  # its class may answer something else
    return BaseException.with_traceback(error, trace and trace.tb_next)
