"""Which coroutine did nobody await?

Python warns when such a coroutine is dropped, and names the line that dropped it, which is seldom
the line to look at. The coroutine itself says more, and it stands in a frame of the function that
warns.
"""

import sys
import warnings
from types import CoroutineType
from typing import Any, Protocol


class Show(Protocol):
    """As `warnings.showwarning` is called."""

    def __call__(
        self, message: Any, category: Any, filename: str, lineno: int, *more: Any
    ) -> object: ...


class Hearing:
    """Between `begin` and `end` every warning of Python's comes to `show`.

    module: whose coroutines are warned of each time, by the beginning of its name; "" for all.
    before: who showed warnings until then.
    """

    def __init__(self, show: Show, module: str = "") -> None:
        self.before: Any = warnings.showwarning
        self._show = show
        self._module = module
        self._filters: list[Any] = []

    def begin(self) -> None:
        """From now on."""
        python: Any = warnings
        self.before, python.showwarning = warnings.showwarning, self._show
        known = list(warnings.filters)
        # each time, or a program that is mended and still wrong would be told nothing
        text = "coroutine .* was never awaited"
        warnings.filterwarnings("always", text, RuntimeWarning, self._module)
        self._filters = [one for one in warnings.filters if one not in known]

    def end(self) -> None:
        """As it was, unless somebody else stands there now."""
        if warnings.showwarning == self._show:
            warnings.showwarning = self.before
        filters: Any = warnings.filters
        for one in self._filters:
            if one in filters:
                filters.remove(one)


def dropped_coroutine() -> "CoroutineType[Any, Any, Any] | None":
    """The coroutine that is being warned of; None where the warning is about something else."""
    frame = sys._getframe().f_back
    while frame is not None:
        if frame.f_code.co_name == "_warn_unawaited_coroutine":
            found = frame.f_locals.get("coro")
            return found if isinstance(found, CoroutineType) else None
        frame = frame.f_back
    return None
