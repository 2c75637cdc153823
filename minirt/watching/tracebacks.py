"""What does a reader need to see of an exception in a notebook?

The lines of the program, and not the two dozen frames of the loop that called them. And the text
of an exception is the program's: it may hold what no message of a kernel can, or the code that
makes it may fail. Then nobody would be told anything, not even that the cell is over. So such an
exception is raised as one of its class with a text that can be sent.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

from minirt.errors import MinirtError
from minirt.watching.labels import text_of, type_name
from minirt.watching.stopping import PACKAGE, is_inside

T = TypeVar("T")
ASKED = (
    "__class__",
    "__traceback__",
    "__cause__",
    "__context__",
    "__notes__",
    "_render_traceback_",
)  # of an error
MOST = 3  # frames of the package, where they are the last ones


class CellHere:
    """The cell that runs when this is made: an error that comes later can be shown under it.

    Since ipykernel 7 the context says which cell that is. Before, one cell, the one that runs, was
    everybody's, and IPython's display hook has to be told.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._context = copy_context()
        told = getattr(type(shell.displayhook), "parent_header", None)
        self._is_told = told is not None and not isinstance(told, property)  # before ipykernel 7
        self._cell: Any = shell.get_parent() if self._is_told else None

    def run(self, call: Callable[..., T], *arguments: object) -> T:
        """Call it as if this cell called it. Returns what it returns."""
        hook = self._shell.displayhook
        now = getattr(hook, "parent_header", None)
        if self._is_told:
            hook.set_parent(self._cell)
        try:
            return self._context.run(call, *arguments)
        finally:
            if self._is_told:
                hook.parent_header = now

    def show(self, error: BaseException, trace: TracebackType | None) -> None:
        """IPython's way to show an error."""
        # of compiled code, so that a SyntaxError shows the program's lines
        show = partial(self._shell.showtraceback, running_compiled_code=True)
        self.run(show, (type(error), error, trace))


def show_only_the_program(error: BaseException, shell: Any) -> None:
    """IPython asks an exception how it wants to be shown: without the frames of the runtime.

    shell: IPython's, which knows which files are cells.
    """
    from IPython.core.error import UsageError  # a terminal needs no IPython

    if not issubclass(type(error), SyntaxError | UsageError):
        for one in chain(error):
            BaseException.with_traceback(one, own_frames(one, shell))
        show_as(error, Rendering(error, shell, trace_of(error), shell.execution_count))


def show_the_call_too(error: MinirtError, shell: Any) -> None:
    """The same for a call that is refused: at the line of the cell that made it."""
    show_as(error, Rendering(error, shell))


def rendered(error: BaseException, trace: TracebackType | None, shell: Any) -> list[str]:
    """The lines that IPython shows."""
    if trace is not None or not issubclass(type(error), KeyboardInterrupt | MinirtError):
        lines: list[str] = shell.InteractiveTB.structured_traceback(
            type(error), error, trace, tb_offset=0
        )
        return lines
    cause = error.__cause__
    before = [] if cause is None else rendered(cause, cause.__traceback__, shell)
    return [*before, f"{type(error).__name__}: {error}".removesuffix(": ")]


class Rendering:
    """What IPython calls to show an error: in the cell of this number with this traceback.

    In a later one with the reader's frames of the traceback that the error has then: somebody has
    raised it once more.
    """

    def __init__(
        self,
        error: BaseException,
        shell: Any,
        trace: TracebackType | None = None,
        cell: int | None = None,
    ) -> None:
        self._error, self._shell = error, shell
        self._trace, self._cell = trace, cell

    def __call__(self) -> list[str]:
        return [sendable(line) for line in rendered(self._error, self.trace(), self._shell)]

    def trace(self) -> TracebackType | None:
        """The frames that are shown."""
        is_here = self._shell.execution_count == self._cell
        return self._trace if is_here else own_frames(self._error, self._shell)

    def __reduce__(self) -> tuple[Any, ...]:
        """An error that is pickled, or copied, is shown as it was."""
        return partial, (list, self())


def show_as(error: BaseException, rendering: Rendering) -> None:
    """Have IPython show it in that way."""
    # past the error's own __setattr__, which in a frozen dataclass refuses
    with suppress(AttributeError):  # its class has another, and `tellable` finds that out
        object.__setattr__(error, "_render_traceback_", rendering)


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and those that led to it."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = _before(one)


def is_a_circle(error: BaseException) -> bool:
    """Did one of those that led to it lead to itself?"""
    *_, first = chain(error)
    return _before(first) is not None


def own_frames(error: BaseException, shell: Any) -> TracebackType | None:
    """The traceback with the reader's frames alone; None when there are none.

    The last ones may be of the package, if it was there that something went wrong: three of them.
    But an exception of minirt says what to do about it, and an interrupt came from outside.
    """
    kept: list[TracebackType] = []
    inner: list[TracebackType] = []  # of the package, and what the package called
    traces = list(_frames(trace_of(error)))
    are_cells = [
        bool(shell.compile.format_code_name(one.tb_frame.f_code.co_filename)) for one in traces
    ]
    first = are_cells.index(True) if True in are_cells else 0  # before it are IPython's
    for trace, is_cell in zip(traces[first:], are_cells[first:], strict=True):
        file = trace.tb_frame.f_code.co_filename
        is_machinery = not is_cell and is_inside(file)
        if is_machinery and (inner or not kept or file.startswith(PACKAGE)):
            inner.append(trace)
        else:
            inner.clear()
            kept.append(trace)
    if issubclass(type(error), MinirtError | KeyboardInterrupt):
        inner.clear()
    if issubclass(type(error), KeyboardInterrupt):  # nor is it Python's library that is asked about
        while len(kept) > 1 and is_inside(kept[-1].tb_frame.f_code.co_filename):
            kept.pop()
    return joined(kept + inner[-MOST:])


def files_of(error: BaseException) -> Iterator[str]:
    """The file of each frame of its traceback."""
    for trace in _frames(trace_of(error)):
        yield trace.tb_frame.f_code.co_filename


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


def sendable(text: str) -> str:
    """The text, with a number in place of half a character, which UTF-8 has no bytes for."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def tellable(error: BaseException, shell: Any) -> BaseException:
    """The error, or one of its class in its place, so that a kernel can send it."""
    if not is_a_circle(error) and all(map(_can_be_told, chain(error))):  # all of them are shown
        return error
    name, text = type_name(error), sendable(_text_or_repr(error))
    bases = (Exception,) if issubclass(type(error), SyntaxError) else (type(error), Exception)
    for base in bases:  # what a SyntaxError shows is no text of its own
        try:
            told: Any = type(name, (base,), {"__str__": lambda _: text})
            stand_in: BaseException = told.__new__(told, text)
            BaseException.with_traceback(stand_in, trace_of(error))
            show_only_the_program(stand_in, shell)
        except BaseException:  # its class does not want to be inherited from
            continue
        if _can_be_told(stand_in):
            return stand_in
    return RuntimeError(text)


def _text_or_repr(error: BaseException) -> str:
    try:
        return str.__str__(str(error))
    except BaseException:  # code of the program's own makes the text
        return text_of(error)


def _can_be_told(error: BaseException) -> bool:
    try:
        for name in ASKED:
            getattr(error, name, None)
        notes = getattr(error, "__notes__", ())
        for text in (error, *(notes if isinstance(notes, list) else ())):
            str(text).encode()
        if isinstance(error, SyntaxError) and not _says_where(error):
            return False
        parts = getattr(error, "exceptions", ()) if isinstance(error, BaseExceptionGroup) else ()
        return bool(error) and all(map(_can_be_told, parts))  # IPython asks for its truth
    except BaseException:  # code of the program's own answers
        return False


def _says_where(error: SyntaxError) -> bool:
    """Is its place one that can be shown? A program may have made it by hand."""
    texts, numbers = (error.msg, error.filename, error.text), (error.lineno, error.offset)
    "".join(text for text in texts if text is not None).encode()
    return all(number is None or isinstance(number, int) for number in numbers)


# Past what the program's own class says of itself


def trace_of(error: BaseException) -> TracebackType | None:
    """Its traceback."""
    whole: Any = BaseException
    trace: TracebackType | None = whole.__traceback__.__get__(error)
    return trace


def _before(error: BaseException) -> BaseException | None:
    """What led to it."""
    whole: Any = BaseException
    before: BaseException | None = whole.__cause__.__get__(error)
    return before if before is not None else whole.__context__.__get__(error)
