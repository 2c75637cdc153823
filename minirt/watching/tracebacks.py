"""What does a reader need to see of an exception in a notebook?

The lines of the program, and not the two dozen frames of the loop that called them.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from minirt.errors import MinirtError

PACKAGE = str(Path(__file__).parent.parent)


def show_only_the_program(error: BaseException, shell: Any) -> None:
    """IPython asks an exception how it wants to be shown: without the frames of the runtime.

    shell: IPython's, which knows which files are cells.
    """
    from IPython.core.error import UsageError  # a terminal needs no IPython

    trace = own_frames(error, shell)
    if trace is None and isinstance(error, KeyboardInterrupt):
        text = f"KeyboardInterrupt: {error}" if error.args else "KeyboardInterrupt"
        show_as(error, lambda: [text])
    elif trace is not None and not isinstance(error, SyntaxError | UsageError):
        show_as(
            error,
            lambda: shell.InteractiveTB.structured_traceback(
                type(error), error, trace, tb_offset=0
            ),
        )


def show_as(error: BaseException, render: Callable[[], list[str]]) -> None:
    """Have IPython show the lines of `render`."""
    # past the error's own __setattr__, which in a frozen dataclass refuses
    object.__setattr__(error, "_render_traceback_", render)


def own_frames(error: BaseException, shell: Any) -> TracebackType | None:
    """The traceback from the first frame of a cell on, or else of a reader's file; None for none.

    An exception of minirt says what to do about it, and an interrupt came from outside: their last
    frames, which are in the package, are left out as well.
    """
    frames = list(_frames(error.__traceback__))
    files = [frame.tb_frame.f_code.co_filename for frame in frames]
    starts = [at for at, file in enumerate(files) if shell.compile.format_code_name(file)]
    if not starts and isinstance(error, Exception):
        starts = [at for at, file in enumerate(files) if not file.startswith(PACKAGE)]
    if not starts:
        return None
    end = len(frames)
    while isinstance(error, MinirtError | KeyboardInterrupt) and files[end - 1].startswith(PACKAGE):
        end -= 1
    return joined(frames[starts[0] : end])


def _frames(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def joined(frames: list[TracebackType]) -> TracebackType | None:
    """These frames as a traceback of their own."""
    following: TracebackType | None = None
    for frame in reversed(frames):
        following = TracebackType(following, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return following
