"""A child process of a test."""

import os
from collections.abc import Callable


def in_child(does: Callable[[], object]) -> int:
    """Fork, call `does` there, and give what the child's exit says: 0 when it raised nothing."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            does()
            status = 0
        finally:
            os._exit(status)
    return exit_code(child)


def exit_code(child: int) -> int:
    """Wait until the child has ended."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
