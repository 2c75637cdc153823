"""What does a reader need to see of an exception in a notebook?

The lines of the program, and not the two dozen frames of the loop that called them.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from minirt.errors import MinirtError

STOPPED = "KeyboardInterrupt: the program was stopped, and everything that it had is closed"
PACKAGE = str(Path(__file__).parent.parent)


def show_only_the_program(error: BaseException, shell: Any) -> None:
    """IPython asks an exception how it wants to be shown: without the frames of the runtime.

    shell: IPython's, which knows which files are cells.
    """
    from IPython.core.error import UsageError  # a terminal needs no IPython

    trace = own_frames(error, shell)
    if trace is None and isinstance(error, KeyboardInterrupt | asyncio.CancelledError):
        error._render_traceback_ = lambda: [STOPPED]  # type: ignore[union-attr]
    elif trace is not None and not isinstance(error, SyntaxError | UsageError):
        error._render_traceback_ = lambda: shell.InteractiveTB.structured_traceback(  # type: ignore[attr-defined]
            type(error), error, trace, tb_offset=0
        )


def own_frames(error: BaseException, shell: Any) -> TracebackType | None:
    """The traceback from the first frame of a cell on, or else of a reader's file; None for none.

    An exception of minirt says what to do about it, so its own last frames are left out as well.
    """
    frames = list(_frames(error.__traceback__))
    files = [frame.tb_frame.f_code.co_filename for frame in frames]
    starts = [at for at, file in enumerate(files) if shell.compile.format_code_name(file)]
    if not starts and isinstance(error, Exception):
        starts = [at for at, file in enumerate(files) if not file.startswith(PACKAGE)]
    if not starts:
        return None
    end = len(frames)
    while isinstance(error, MinirtError) and files[end - 1].startswith(PACKAGE):
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
