"""Can a callback be called with the one value that it will get?

A function that takes none, or two, is called on the loop much later, and what Python says then has
no line of the program in it. So its signature is read where the function is handed over. Nothing of
the program runs for that, and what cannot be read is let through.

The calls that a program makes by the million look only when they are watched, as in a notebook:
one more look costs a set_immediate a tenth. There the call itself fails, and `mended` says it in
one sentence.
"""

from collections.abc import Callable
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from minirt.errors import NotAMain, NotCallable, WrongArguments

OF_THE_CALL = ("takes ", "missing ", "expected ")  # what Python says when a call itself fails
VARARGS = 0x04  # of a code object: it has *args
COROUTINE = 0x80  # and: it is that of an async function


def check_arguments(callback: Callable[..., object]) -> None:
    """Raise WrongArguments unless `callback` takes one value, as far as can be read."""
    code = callback.__code__ if type(callback) is FunctionType else None
    if code is not None and code.co_argcount == 1 and not code.co_kwonlyargcount:
        return
    reason = misfit(callback, 1)
    if reason:
        raise WrongArguments(reason)


def check_main(main: object) -> None:
    """Raise unless `main` can be called without arguments, as far as can be read."""
    if not callable(main):
        raise NotAMain(main)
    reason = misfit(main, 0)
    if reason:
        raise WrongArguments(reason, given=0)


def check_action(action: object, example: str) -> None:
    """Raise NotCallable for what cannot be called at all. example: how it is handed over."""
    if not callable(action):
        raise NotCallable(action, "without arguments", example)


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
        return f"{type(function).__name__} says: {error}" if _is_of_bind(error) else ""
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
    while isinstance(function, partial):
        function = function.func
    code = getattr(function, "__code__", None)
    return bool(getattr(code, "co_flags", 0) & COROUTINE)


def mended(error: Exception) -> Exception:
    """The error of a callback, or WrongArguments in place of it where the call itself failed."""
    trace = error.__traceback__
    if type(error) is not TypeError or trace is None or trace.tb_next is not None:
        return error
    if not any(words in str(error) for words in OF_THE_CALL):
        return error
    told = WrongArguments(str(error)).with_traceback(trace)
    told.__suppress_context__ = True  # it says the same
    return told
