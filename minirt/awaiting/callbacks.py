"""What becomes of a callback that is an async function?

It returns a coroutine, and that is run as a task, whose first step is taken at once: so an async
callback begins exactly where a plain one would be called.
"""

from types import CoroutineType
from typing import TYPE_CHECKING, Any

from minirt.awaiting.book import book_of
from minirt.awaiting.coroutines import ITS_OWN_LINE, Task, check_coroutine, task_of
from minirt.awaiting.errors import Cancelled, NeverSettled

if TYPE_CHECKING:
    from minirt.node.runtime import Runtime


def adopt(
    runtime: "Runtime", coroutine: "CoroutineType[Any, Any, Any]", by_handler: bool = False
) -> Task[Any]:
    """Run what an async callback returned. by_handler: it was `on_uncaught`."""
    check_coroutine(coroutine)
    made = coroutine.cr_code, ITS_OWN_LINE
    begun = last_word(coroutine, runtime) if by_handler else coroutine
    return task_of(begun, book_of(runtime), coroutine.__name__, made)


async def last_word(coroutine: "CoroutineType[Any, Any, Any]", runtime: "Runtime") -> None:
    """What a handler of errors raises leaves `run`, whether it is async or not.

    In Node an async one is told of its own error, and so on for ever.
    """
    try:
        await coroutine
    except BaseException:
        runtime.loop.on_uncaught = None
        raise


def value_of(main: Task[Any], was_stopped: bool) -> Any:
    """What an async main returned. None after a stop, or when on_uncaught was told its error."""
    if main.state == "done":
        return main.result()
    if main.state == "cancelled":
        raise Cancelled
    if main.state == "pending" and not was_stopped:
        raise NeverSettled(main)
    return None
