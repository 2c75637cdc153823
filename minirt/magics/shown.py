"""Which frames are shown of an error that went through the package, whichever cell it left?

`%%minirt` and `play` know what their program raised. `Runtime().run(main)` in a cell is a call like
any other, and what leaves it goes to IPython, which shows all of its frames. So IPython's own
method is asked through this one, which first takes ours out.
"""

import sys
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from minirt.watching.stopping import PACKAGE
from minirt.watching.tracebacks import (
    Rendering,
    chain,
    files_of,
    own_frames,
    show_only_the_program,
    tellable,
)

METHOD = "showtraceback"


class Shown:
    """Stands in place of the shell's `showtraceback`."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._of_the_shell: Any = None

    def begin(self) -> None:
        """From now on."""
        self._of_the_shell = getattr(self._shell, METHOD)
        setattr(self._shell, METHOD, self._show)

    def end(self) -> None:
        """As it was, unless somebody else stands there now."""
        if vars(self._shell).get(METHOD) == self._show:
            delattr(self._shell, METHOD)

    def _show(self, exc_tuple: Any = None, *more: Any, **options: Any) -> Any:
        _, error, trace = exc_tuple or sys.exc_info()
        try:
            rendering = getattr(error, "_render_traceback_", None)
            if isinstance(rendering, Rendering) and error is not None:
                # a group is shown in Python's own way, whoever says something
                BaseException.with_traceback(error, rendering.trace())
            elif error is not None and is_to_be_shortened(error):
                trace = own_frames(error, self._shell) or trace
                show_only_the_program(error, self._shell)
                BaseException.with_traceback(error, trace)  # where IPython does not ask the error
                error = tellable(error, self._shell)
                exc_tuple = type(error), error, trace
        except BaseException:  # code of the program's own says what the error is
            pass
        return self._of_the_shell(exc_tuple, *more, **options)


def is_to_be_shortened(error: BaseException) -> bool:
    """Did it go through the package, and does nobody else say how it is shown?"""
    if hasattr(error, "_render_traceback_"):
        return False
    return any(file.startswith(PACKAGE) for one in chain(error) for file in files_of(one))
