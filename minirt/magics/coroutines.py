"""What is said when an `async def` stands where nobody runs what it returns?

An async callback is run as a task. But whoever else calls a function of the program's, as a policy
of the pool or `at_close`, drops what it returns. Python warns when the coroutine is dropped, and
names the line that dropped it: one of the package, and only once. In a notebook that warning
becomes a sentence on the reader's function, in each run, and no call costs more for it.
"""

import linecache
from pathlib import Path
from typing import Any, TextIO

import minirt
from minirt.watching.places import cell_of
from minirt.watching.unawaited import Hearing, dropped_coroutine

PACKAGE = str(Path(minirt.__file__).parent)


class Rewriter:
    """Stands in place of `warnings.showwarning`."""

    def __init__(self) -> None:
        self._hearing = Hearing(self.show, "minirt")
        self.begin, self.end = self._hearing.begin, self._hearing.end

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
            message, lineno = sentence(dropped.__name__), code.co_firstlineno
            line = linecache.getline(code.co_filename, lineno)
            filename = cell_of(code.co_filename) or code.co_filename
        self._hearing.before(message, category, filename, lineno, file, line)


def sentence(name: str) -> str:
    """What to say of a function of this name."""
    return (
        f"{name} is an async def: its call made a coroutine, which nobody awaits here. "
        f"Hand over a function that starts it: lambda value: Task({name}(value))"
    )
