"""What becomes of a callback that is an async function?

It returns a coroutine, and that is run as a task, whose first step is taken at once: so an async
callback begins exactly where a plain one would be called.
"""

from collections.abc import Callable
from functools import wraps
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from minirt.awaiting.book import book_of
from minirt.awaiting.coroutines import Task, task_of
from minirt.awaiting.errors import Cancelled, NeverSettled
from minirt.core.signatures import is_async

if TYPE_CHECKING:
    from minirt.node.runtime import Runtime


def adopt(runtime: "Runtime", coroutine: "CoroutineType[Any, Any, Any]") -> Task[Any]:
    """Run what an async callback returned."""
    return task_of(coroutine, book_of(runtime))


def plain(callback: Callable[[Any], object], runtime: "Runtime") -> Callable[[Any], object]:
    """The callback, or one that runs it as a task. For modules, which call handlers themselves."""
    if not is_async(callback):
        return callback

    @wraps(callback)
    def begin(value: Any) -> None:
        adopt(runtime, callback(value))  # type: ignore[arg-type]

    return begin


def last_word(
    handler: Callable[[Exception], object], runtime: "Runtime"
) -> Callable[[Exception], object]:
    """An async `on_uncaught`, of which this is true as of a plain one: what it raises leaves `run`.

    In Node it would be told of its own error, and so on for ever.
    """

    @wraps(handler)
    async def tell(error: Exception) -> None:
        try:
            await handler(error)  # type: ignore[misc]
        except BaseException:
            runtime.loop.on_uncaught = None
            raise

    return tell


def value_of(main: Task[Any], was_stopped: bool) -> Any:
    """What an async main returned. None after a stop, or when on_uncaught was told its error."""
    if main.state == "done":
        return main.result()
    if main.state == "cancelled":
        raise Cancelled
    if main.state == "pending" and not was_stopped:
        raise NeverSettled(main)
    return None
