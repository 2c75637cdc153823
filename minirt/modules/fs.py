"""How does a program read a file without holding the loop up?

By doing it on the pool: for the kernel a regular file is always ready, so epoll cannot help. Every
function returns the identity of its callback at once; without a callback a `Future` of the plain
value, to be awaited. What goes wrong with the file comes to the callback as an `Error`, and is
raised by `await`; what is wrong with the arguments is raised at the caller's line.
"""

import os
from numbers import Real
from typing import Any, TypeAlias, overload

from minirt.awaiting.futures import Future
from minirt.awaiting.waiting import on_pool
from minirt.core.policies import TaskKind
from minirt.errors import short_repr
from minirt.node.runtime import Runtime
from minirt.values import UNDEFINED, Bytes, Callback, Int, Js, String

FilePath: TypeAlias = str | bytes | os.PathLike[str] | os.PathLike[bytes]

FILE_STAT = TaskKind("File stat", priority=1)


@overload
def read(path: FilePath, cb: Callback, delay: float = 0.0) -> int: ...
@overload
def read(path: FilePath, cb: None = None, delay: float = 0.0) -> Future[str]: ...
def read(path: FilePath, cb: Callback | None = None, delay: float = 0.0) -> Any:
    """Read a text file: `cb` receives its `String`.

    The content is read as UTF-8, and line ends stay as they are; what is not UTF-8 is an
    `Error(UnicodeDecodeError)`. `delay`: seconds that pass before the reading begins, on the
    runtime's clock, to play a slow disk.
    """
    runtime, place = Runtime.current(), os.fspath(path)
    check_seconds(delay)

    def task() -> Js:
        if delay:
            runtime.clock.sleep(delay)
        content = read_file(place)
        try:
            return String(content.decode("utf-8"))
        except UnicodeDecodeError as error:
            error.add_note(
                f"{short_repr(place)} is not text in UTF-8. "
                "For its bytes use fs.read_bytes(path, cb)"
            )
            raise

    return on_pool(task, TaskKind.FILE_READ, cb)


@overload
def read_bytes(path: FilePath, cb: Callback) -> int: ...
@overload
def read_bytes(path: FilePath, cb: None = None) -> Future[bytes]: ...
def read_bytes(path: FilePath, cb: Callback | None = None) -> Any:
    """Read a file as it is: `cb` receives its `Bytes`."""
    place = os.fspath(path)
    return on_pool(lambda: Bytes(read_file(place)), TaskKind.FILE_READ, cb)


@overload
def write(path: FilePath, text: str, cb: Callback) -> int: ...
@overload
def write(path: FilePath, text: str, cb: None = None) -> Future[None]: ...
def write(path: FilePath, text: str, cb: Callback | None = None) -> Any:
    """Write `text` as UTF-8, in place of what was there: `cb` receives `Undefined` afterwards."""
    place = os.fspath(path)
    if not isinstance(text, str):
        raise TypeError(
            f"got {short_repr(text)}, but fs.write writes a str. Decode or convert it first"
        )

    def task() -> Js:
        # before the file is emptied: a lone surrogate cannot be encoded
        content = text.encode("utf-8")
        with open(place, "wb") as file:
            file.write(content)
        return UNDEFINED

    return on_pool(task, TaskKind.FILE_WRITE, cb)


@overload
def stat(path: FilePath, cb: Callback) -> int: ...
@overload
def stat(path: FilePath, cb: None = None) -> Future[int]: ...
def stat(path: FilePath, cb: Callback | None = None) -> Any:
    """How large is the file? `cb` receives its size, an `Int` of bytes."""
    place = os.fspath(path)
    return on_pool(lambda: Int(os.stat(place).st_size), FILE_STAT, cb)


def read_file(path: str | bytes) -> bytes:
    """The whole content of a file. Blocks: for the pool."""
    with open(path, "rb") as file:
        return file.read()


def check_seconds(delay: object) -> None:
    """Raise now if `delay` is not a number of seconds from zero on."""
    if isinstance(delay, bool) or not isinstance(delay, Real):
        raise TypeError(
            f"got delay={short_repr(delay)}, expected a number of seconds: "
            "fs.read(path, cb, delay=0.5)"
        )
    if not 0 <= float(delay) < float("inf"):
        raise ValueError(f"got delay={short_repr(delay)}, expected zero or more seconds")
