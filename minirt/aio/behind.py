"""Who sets a future that somebody awaits?

A task is one itself. `gather` and `shield` make a new one, and so does a function that runs on a
thread of another executor. What they left with the future, to hear when it is over, says so.
"""

import asyncio
from asyncio import futures, tasks
from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType
from typing import Any, NamedTuple

from minirt.aio.chain import TASKS, name_of
from minirt.watching.labels import type_name

of_tasks: Any = tasks
of_futures: Any = futures
DEEPEST = 10  # gather of gather of ...


class Behind(NamedTuple):
    """Who sets a future, or several of them."""

    tasks: tuple[Any, ...] = ()
    others: tuple[str, ...] = ()  # in words: "a Future"

    def __bool__(self) -> bool:
        return bool(self.tasks)


def behind(waiters: Iterable[Any]) -> Behind:
    """The tasks behind these futures, and what is behind the others."""
    found, others = [], []
    for one in waiters:
        for last in _ends(one, DEEPEST):
            if issubclass(type(last), TASKS):
                found.append(last)
            elif not is_over(last):
                others.append(_in_words(last))
    return Behind(tuple(dict.fromkeys(found)), tuple(others))


def words_of(known: Behind) -> str:
    """ "task fetch-3", "3 of 10 tasks", "2 tasks and a Future" """
    going = [one for one in known.tasks if not is_over(one)]
    if len(going) == 1 and len(known.tasks) == 1:
        words = f"task {name_of(going[0])}"
    elif len(known.tasks) != len(going):
        words = f"{len(going)} of {len(known.tasks)} tasks"
    else:
        words = f"{len(going)} tasks"
    others = list(dict.fromkeys(known.others))
    if not known.tasks:
        return " and ".join(others[:2])
    return f"{words} and {others[0]}" if others else words


def _ends(future: Any, deepest: int) -> Iterator[Any]:
    """Whom a future really waits for: itself, the children of a gather, what is shielded."""
    if deepest and issubclass(type(future), of_tasks._GatheringFuture):
        for child in future._children:
            yield from _ends(child, deepest - 1)
        return
    inner = _left_with(future, SHIELD, "inner") if deepest else None
    if inner is not None:
        yield from _ends(inner, deepest - 1)
    else:
        yield future


def _in_words(future: Any) -> str:
    if _left_with(future, CHAINED, "source") is not None:
        return "a function of an executor"
    return f"a {type_name(future)}"


def is_over(future: Any) -> bool:
    """Has it a result, or was it cancelled?"""
    return getattr(future, "_state", "PENDING") != "PENDING"


def _left_with(future: Any, code: CodeType | None, name: str) -> Any:
    """The variable `name` of the function with this code that hears when the future is over."""
    if code is None or type(future) not in FUTURES:
        return None
    for callback, _ in future._callbacks or ():
        if type(callback) is FunctionType and callback.__code__ is code:
            cells = dict(zip(code.co_freevars, callback.__closure__ or (), strict=True))
            return cells[name].cell_contents if name in cells else None
    return None


def inner_code(function: Any, name: str) -> CodeType | None:
    """The code of a function inside this one; None in a Python that does it in another way."""
    for constant in function.__code__.co_consts:
        if isinstance(constant, CodeType) and constant.co_name == name:
            return constant
    return None


FUTURES = (asyncio.Future, of_futures._PyFuture)
SHIELD = inner_code(asyncio.shield, "_outer_done_callback")
CHAINED = inner_code(of_futures._chain_future, "_call_check_cancel")
