"""What is said when an `async def` stands where nobody runs what it returns?

An async callback is run as a task. But whoever else calls a function of the program's, as a policy
of the pool or `at_close`, drops what it returns. Python warns when the coroutine is dropped, and
names the line that dropped it: one of the package, and only once. In a notebook that warning
becomes a sentence on the reader's function, in each run, and no call costs more for it.
"""

import sys
import warnings
from pathlib import Path
from types import CoroutineType
from typing import Any, TextIO

import minirt

PACKAGE = str(Path(minirt.__file__).parent)


class Rewriter:
    """Stands in place of `warnings.showwarning`."""

    def __init__(self) -> None:
        self._before: Any = None
        self._filters: list[Any] = []

    def begin(self) -> None:
        """From now on."""
        self._before, warnings.showwarning = warnings.showwarning, self.show
        known = list(warnings.filters)
        # each time, or a cell that is mended and still wrong would be told nothing
        warnings.filterwarnings(
            "always", "coroutine .* was never awaited", RuntimeWarning, "minirt"
        )
        self._filters = [one for one in warnings.filters if one not in known]

    def end(self) -> None:
        """As it was, unless somebody else stands there now."""
        if warnings.showwarning == self.show:
            warnings.showwarning = self._before
        filters: Any = warnings.filters
        for one in self._filters:
            if one in filters:
                filters.remove(one)

    def show(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        """A warning of Python's, in our words where the package has called the function."""
        dropped = dropped_coroutine() if filename.startswith(PACKAGE) else None
        if dropped is not None:
            code: Any = dropped.cr_code
            message, line = sentence(dropped.__name__), None
            filename, lineno = code.co_filename, code.co_firstlineno
        self._before(message, category, filename, lineno, file, line)


def dropped_coroutine() -> "CoroutineType[Any, Any, Any] | None":
    """The coroutine that is being warned of; None where the warning is about something else."""
    frame = sys._getframe().f_back
    while frame is not None:
        if frame.f_code.co_name == "_warn_unawaited_coroutine":
            found = frame.f_locals.get("coro")
            return found if isinstance(found, CoroutineType) else None
        frame = frame.f_back
    return None


def sentence(name: str) -> str:
    """What to say of a function of this name."""
    return (
        f"{name} is an async def: its call made a coroutine, which nobody awaits here. "
        f"Hand over a function that starts it: lambda value: Task({name}(value))"
    )
