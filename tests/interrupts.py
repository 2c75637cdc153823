"""Ctrl-C, or a signal's handler, at a line of one's choice."""

import sys
from collections.abc import Callable, Collection
from types import FrameType, ModuleType
from typing import Any


def interrupt() -> None:
    raise KeyboardInterrupt


def split_at(
    line: int,
    call: Callable[[], object],
    modules: Collection[ModuleType],
    handler: Callable[[], object] = interrupt,
) -> bool:
    """Call, and let `handler` run before its `line`-th line in `modules`. False: it has fewer."""
    files, left = {module.__file__ for module in modules}, line

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in files or in_finalizer(frame):
            return None
        if event == "line":
            left -= 1
            if left == 0:
                handler()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
    return left <= 0


def in_finalizer(frame: FrameType | None) -> bool:
    """What leaves a finalizer reaches nobody."""
    while frame is not None:
        if frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False
