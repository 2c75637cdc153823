"""Can a callback be called with the one value that it will get?

A function that takes none, or two, is called on the loop much later, and what Python says then has
no line of the program in it. So its signature is read where the function is handed over. Nothing of
the program runs for that, and what cannot be read is let through.

The calls that a program makes by the million look only when they are watched, as in a notebook:
one more look costs a set_immediate a tenth. There the call itself fails, and `mended` says it in
one sentence.

A function with a `yield` in it can be called, and then nothing happens: its call makes a generator,
and none of its lines runs. That is a mistake too, wherever it is handed over.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    GeneratorType,
    MethodType,
    TracebackType,
)
from typing import Any

from minirt.errors import NeverRuns, NotAMain, NotCallable, WrongArguments

PACKAGE = str(Path(__file__).parents[1])
OF_THE_CALL = ("takes ", "missing ", "expected ")  # what Python says when a call itself fails
WITHOUT = ("(0 given)", "got 0")  # and when it was one without arguments
VARARGS = 0x04  # of a code object: it has *args
COROUTINE = 0x80  # and: it is that of an async function
YIELDS = 0x20 | 0x200  # and: that of a generator, or of an async one
GENERATORS = (GeneratorType, AsyncGeneratorType)


def check_arguments(callback: Callable[..., object]) -> None:
    """Raise WrongArguments or NeverRuns unless `callback` can be called with one value."""
    code = callback.__code__ if type(callback) is FunctionType else None
    if (
        code is not None
        and code.co_argcount == 1
        and not (code.co_kwonlyargcount or code.co_flags & YIELDS)
    ):
        return
    reason = misfit(callback, 1)
    if reason:
        raise WrongArguments(reason)
    check_yields(callback)


def check_main(main: object) -> None:
    """Raise unless `main` can be called without arguments, as far as can be read."""
    if not callable(main):
        raise NotAMain(main)
    reason = misfit(main, 0)
    if reason:
        raise WrongArguments(reason, given=0)
    check_yields(main)


def check_action(action: object, example: str) -> None:
    """Raise unless it can be called without arguments. example: how it is handed over."""
    if not callable(action):
        raise NotCallable(action, "without arguments", example)
    reason = misfit(action, 0)
    if reason:
        raise WrongArguments(reason, given=0, example=example)
    check_yields(action)


def check_yields(function: Callable[..., object]) -> None:
    """Raise NeverRuns for a function whose call makes a generator."""
    code = _code_of(function)
    if code is not None and code.co_flags & YIELDS:
        raise NeverRuns(f"{code.co_name} (line {code.co_firstlineno})")


def check_returned(returned: object) -> None:
    """Raise NeverRuns for a generator that was made just now, and that nobody will run."""
    code = getattr(returned, "gi_code", None) or getattr(returned, "ag_code", None)
    is_begun = getattr(returned, "gi_suspended", False) or getattr(returned, "ag_suspended", False)
    if code is not None and not is_begun and code.co_name != "<genexpr>":
        raise NeverRuns(f"{code.co_name} (line {code.co_firstlineno})")


def misfit(function: Callable[..., object], given: int) -> str:
    """Why it cannot be called with so many arguments; "" when it can, or when nobody knows."""
    bound = 0
    if type(function) is MethodType:
        function, bound = function.__func__, 1
    if type(function) is not FunctionType:
        return "" if bound else _misfit_of_another(function, given)
    code = function.__code__
    most = code.co_argcount - bound
    least = most - len(function.__defaults__ or ())
    names = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    missing = [name for name in names if name not in (function.__kwdefaults__ or {})]
    name = f"{function.__name__} (line {code.co_firstlineno})"
    if missing:
        return f"{name} wants {', '.join(missing)} by name"
    if given < least or (given > most and not code.co_flags & VARARGS):
        return f"{name} takes {_number(least, most)}"
    return ""


def _number(least: int, most: int) -> str:
    if most <= 0:
        return "none"
    return str(least) if least == most else f"{least} to {most}"


def _misfit_of_another(function: Callable[..., object], given: int) -> str:
    """Of a class, a partial, or an object with __call__.

    A function written in C is let through: to find its signature takes 50 us, if it has one.
    """
    if isinstance(function, BuiltinFunctionType):
        return ""
    from inspect import signature  # most programs hand over functions

    try:
        signature(function, follow_wrapped=False).bind(*range(given))
    except TypeError as error:
        kind = function if isinstance(function, type) else type(function)
        return f"{kind.__name__} says: {error}" if _is_of_bind(error) else ""
    except Exception:  # it has none, or code of the program's own answered
        return ""
    return ""


def _is_of_bind(error: TypeError) -> bool:
    """Did the signature refuse, and not the search for one?"""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_name == "_bind"


def is_async(function: Any) -> bool:
    """Does calling it give a coroutine, as far as can be read?"""
    code = _code_of(function)
    return code is not None and bool(code.co_flags & COROUTINE)


def _code_of(function: Any) -> CodeType | None:
    """The code that a call of it runs, as far as can be read without running any."""
    while type(function) is partial:
        function = function.func
    if type(function) is MethodType:
        function = function.__func__
    if type(function) is not FunctionType:
        classes = [cls for cls in type(function).__mro__ if "__call__" in vars(cls)]
        function = vars(classes[0])["__call__"] if classes else None
    return function.__code__ if type(function) is FunctionType else None


def mended(error: Exception) -> Exception:
    """The error of a callback, or WrongArguments in place of it where the call itself failed."""
    text = str(error) if type(error) is TypeError else ""
    if not any(words in text for words in OF_THE_CALL) or not _is_ours(error.__traceback__):
        return error
    given = 0 if any(words in text for words in WITHOUT) else 1
    told = WrongArguments(text, given).with_traceback(error.__traceback__)
    told.__suppress_context__ = True  # it says the same
    return told


def _is_ours(trace: TracebackType | None) -> bool:
    """Did no line of the program run?"""
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith(PACKAGE):
            return False
        trace = trace.tb_next
    return True
