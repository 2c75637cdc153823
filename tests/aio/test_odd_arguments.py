"""What is asked wrongly is answered as by asyncio's own loop: the same class, the same words.

Each question is asked of both loops. Where the answers may differ the reason is in ON_PURPOSE.
"""

import asyncio
import concurrent.futures
import gc
import logging
import math
import re
import signal
import socket
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from decimal import Decimal
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import Any, TypeAlias

import pytest

from tests.aio.conftest import LOOPS

# What is asked of a loop; what it opens is closed with the stack
Question: TypeAlias = Callable[[Any, ExitStack], object]
Make: TypeAlias = Callable[[ExitStack], Any]

ON_PURPOSE = {
    "add_?????? [regular]*": "the same class of error, and it says what to do instead",
    "again add_??????*": "the standard loop listens to what was closed, and never says so",
    "*call_at [None]*": "a longer sentence",
    "*call_later [None]*": "a longer sentence",
    "call_at [-10**400]*": "the standard loop ends with an OverflowError; here it is long due",
    # the standard loop takes these, and ends with a TypeError in its next turn
    "call_at [x]*": "refused where it is asked",
    "call_at [[]]*": "refused where it is asked",
    "call_at [1j]*": "refused where it is asked",
    "call_at [object]*": "refused where it is asked",
    "call_at [Decimal]*": "refused where it is asked",
    "call_later [1j]*": "refused where it is asked",
    "call_later callback*, debug": "the standard loop names call_at(), which nobody called",
    "executor [StopIteration]*": "the standard loop's future waits for ever, before 3.12",
    "shutdown_default_executor*": "a timeout is taken on each Python, and is looked at first",
}
PATTERNS = [re.sub(r"\[", "[[]", one) for one in ON_PURPOSE]  # "[" is no class of characters


class Odd:
    """An object whose `fileno()` answers this, or raises it."""

    def __init__(self, answer: object) -> None:
        self._answer = answer

    def __repr__(self) -> str:
        return "Odd()"

    def fileno(self) -> object:
        if isinstance(self._answer, BaseException):
            raise self._answer
        return self._answer


def an_end(stack: ExitStack, timeout: float = 0) -> socket.socket:
    """One of a pair of sockets that hear each other."""
    one, _ = map(stack.enter_context, map(closing, socket.socketpair()))
    one.settimeout(timeout)
    return one


def closed(stack: ExitStack) -> socket.socket:
    one = an_end(stack)
    one.close()
    return one


def fixed(value: object) -> Make:
    return lambda _: value


# What a loop may be given in place of a descriptor, a time, a callback, a socket

FILES: dict[str, Make] = {
    **{repr(value): fixed(value) for value in (-1, None, "x", b"3", 1.5, 9999, 2**31, 10**30)},
    "object": fixed(object()),
    "class": fixed(socket.socket),
    "closed": closed,
    "number of a closed one": lambda stack: an_end(stack).detach() + 500,
    "regular": lambda stack: stack.enter_context(open(__file__)),  # noqa: SIM115
    "text of a number": lambda stack: Odd(str(an_end(stack).fileno())),
    "float of a number": lambda stack: Odd(float(an_end(stack).fileno())),
    **{f"answers {answer!r}": fixed(Odd(answer)) for answer in (None, "x", -1, -7, 10**30, 9999)},
    **{
        f"raises {kind.__name__}": fixed(Odd(kind("why")))
        for kind in (ValueError, TypeError, AttributeError, OSError, RuntimeError)
    },
}
SOME: list[Any] = [None, "x", math.nan, math.inf, -math.inf, 1e300, 10**18]
MORE: list[Any] = [True, -5, -0.0, [], 1j]
ODD: list[Any] = [None, 5, "x", []]
TIMES: dict[str, Any] = {
    **{str(value): value for value in SOME},
    **{str(value): value for value in MORE},
    "10**400": 10**400,
    "-10**400": -(10**400),
    **{type(odd).__name__: odd for odd in (Fraction(1, 1000), Decimal("0.001"), object())},
}
SOCKETS: dict[str, Make] = {
    **{str(value): fixed(value) for value in (None, 5)},
    "closed": closed,
    "usual": an_end,
    "blocking": lambda stack: an_end(stack, 0.001),
}
LONG = 10.0  # s: more than any answer takes
SOON, TIMED = ("call_soon", "call_soon_threadsafe"), ("call_later", "call_at")
LISTENING = ("add_reader", "add_writer", "remove_reader", "remove_writer")


def raising(error: type[BaseException]) -> Callable[[], None]:
    def function() -> None:
        raise error("why")

    return function


# The questions


def call(method: str, *arguments: Any, **more: Any) -> Question:
    return lambda loop, _: getattr(loop, method)(*arguments, **more)


def call_on(method: str, make: Make, *arguments: Any) -> Question:
    return lambda loop, stack: getattr(loop, method)(make(stack), *arguments)


def await_on(method: str, make: Make | None, *arguments: Any, seconds: float) -> Question:
    def ask(loop: Any, stack: ExitStack) -> object:
        async def main() -> object:
            made = getattr(loop, method)(*(() if make is None else (make(stack),)), *arguments)
            is_awaited = asyncio.iscoroutine(made) or asyncio.isfuture(made)
            return await asyncio.wait_for(made, seconds) if is_awaited else type(made)

        return loop.run_until_complete(main())

    return ask


def when_closed(question: Question) -> Question:
    def ask(loop: Any, stack: ExitStack) -> object:
        loop.close()
        return question(loop, stack)

    return ask


def of_descriptors() -> Iterator[tuple[str, Question]]:
    def again(method: str, by_number: bool, *callback: object) -> Question:
        def ask(loop: Any, stack: ExitStack) -> object:
            """It was closed while somebody listened."""
            one = an_end(stack)
            file: Any = one.fileno() if by_number else one
            loop.add_reader(one, print)
            one.close()
            return [answer(lambda: getattr(loop, method)(file, *callback)) for _ in range(2)]

        return ask

    def two_sides(loop: Any, stack: ExitStack) -> object:
        one = an_end(stack)
        loop.add_reader(one.fileno(), print)
        loop.add_reader(one, print)
        answers = [loop.remove_writer(one), loop.remove_reader(one.fileno())]
        return [*answers, loop.remove_reader(one)]

    yield "of two sides one has a listener", two_sides
    for method in ("add_reader", "add_writer", "remove_reader", "remove_writer"):
        callback = (print,) if "add" in method else ()
        for name, make in FILES.items():
            yield f"{method} [{name}]", call_on(method, make, *callback)
        yield f"again {method}", again(method, False, *callback)
        yield f"again {method} by number", again(method, True, *callback)
        yield f"closed {method}", when_closed(call(method, -1, *callback))


def of_callbacks() -> Iterator[tuple[str, Question]]:
    for method in TIMED:
        for name, time in TIMES.items():
            yield f"{method} [{name}]", run(method, time, len, ())
            yield f"closed {method} [{name}]", when_closed(call(method, time, print))
    for method in (*SOON, *TIMED):
        first = (0,) if method in TIMED else ()
        for odd in ODD:
            yield f"{method} callback {odd!r}", run(method, *first, odd)
            yield f"{method} context {odd!r}", run(method, *first, len, (), context=odd)
        yield f"{method} of nothing", call(method)
        yield f"{method} of more", call(method, *first, len, x=1)


def of_the_executor() -> Iterator[tuple[str, Question]]:
    async def coroutine() -> None:
        """Not for a thread."""

    def after_shutdown(function: object) -> Question:
        return lambda loop, _: (
            loop.run_until_complete(loop.shutdown_default_executor()),
            loop.run_in_executor(None, function),
        )

    calls: dict[str, tuple[object, ...]] = {
        **{f"[{odd!r}]": (odd, len, ()) for odd in ODD[1:]},
        **{f"calls {odd!r}": (None, odd) for odd in (None, 5, "x")},
        **{f"of {count}": (None,) * count for count in (0, 1)},
        "of a coroutine function": (None, coroutine),
        **{
            f"[{error.__name__}]": (None, raising(error))
            for error in (
                *(StopIteration, StopAsyncIteration, GeneratorExit, asyncio.CancelledError),
                *(concurrent.futures.CancelledError, concurrent.futures.InvalidStateError),
                *(TimeoutError, concurrent.futures.BrokenExecutor, RecursionError),
            )
        },
    }
    for name, arguments in calls.items():
        seconds = 0.01 if name == "[StopIteration]" else LONG
        yield f"executor {name}", await_on("run_in_executor", None, *arguments, seconds=seconds)
    for function in (print, None):
        yield f"closed executor {function}", when_closed(call("run_in_executor", None, function))
        yield f"executor after the shutdown {function}", after_shutdown(function)
    for timeout in ("x", 0, -1):
        method = "shutdown_default_executor"
        yield f"{method} {timeout!r}", await_on(method, None, timeout, seconds=LONG)


def of_sockets() -> Iterator[tuple[str, Question]]:
    for method in (
        *("sock_recv", "sock_recv_into", "sock_recvfrom", "sock_sendall", "sock_sendto"),
        *("sock_connect", "sock_accept", "sock_sendfile"),
    ):
        for name, make in SOCKETS.items():
            for more in ((), (10,), (b"x",), (None,)):
                question = await_on(method, make, *more, seconds=0.001)
                yield f"{method} {name} {more}", question


def of_everything_else() -> Iterator[tuple[str, Question]]:
    def signals(number: object, callback: object) -> Question:
        return lambda loop, _: [
            answer(lambda: loop.add_signal_handler(number, callback)),
            answer(lambda: loop.remove_signal_handler(number)),
            answer(lambda: loop.remove_signal_handler(number)),
        ]

    for odd in (*ODD, print):
        for method in (
            *("set_exception_handler", "set_task_factory", "set_default_executor", "set_debug"),
            *("call_exception_handler", "create_task", "create_future", "getnameinfo", "stop"),
            *("connect_read_pipe", "connect_write_pipe", "subprocess_exec", "subprocess_shell"),
            *("create_connection", "create_server", "create_datagram_endpoint", "start_tls"),
            *("create_unix_server", "create_unix_connection", "connect_accepted_socket"),
            *("sendfile", "close", "run_forever", "run_until_complete", "time", "is_running"),
        ):
            for count in (1, 3):
                question = await_on(method, None, *[odd] * count, seconds=LONG)
                yield f"{method} {count} x {odd!r}", question
        for number in (0, -1, 9999, signal.SIGKILL, signal.SIGUSR1, "x", 1.5):
            yield f"signal {number!r} {odd!r}", signals(number, odd)
    for method in ("close", "run_forever", "get_debug", "is_running"):
        yield f"closed {method}", when_closed(call(method))


# Asking


def run(method: str, *arguments: Any, **more: Any) -> Question:
    """What is told of a callback when the loop has gone on for some turns?"""

    def ask(loop: Any, _: ExitStack) -> object:
        told: list[str] = []

        def hear(_: object, context: Mapping[str, object]) -> None:
            error = context["exception"]
            told.append(f"{context['message']}: {type(error).__name__}: {error}")

        loop.set_exception_handler(hear)
        handle = getattr(loop, method)(*arguments, **more)
        loop.run_until_complete(asyncio.sleep(0.002))
        return handle.cancelled(), told

    return ask


def answer(question: Callable[[], object]) -> str:
    """The result, or what is raised, in words that name neither loop nor place."""
    try:
        said = repr(question())
    except (Exception, asyncio.CancelledError, GeneratorExit) as error:
        kinds = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"]
        said = f"{kinds[0]}: {error}"
    said = re.sub(r"0x[0-9a-f]+|fd=\d+|\w*EventLoop\.|(?:[\w.]+\.)?\w*EventLoop", "_", said)
    return re.sub(r"\b\d{2,}\b", "N", said)


def asked(question: Question, which: str, debug: bool) -> str:
    loop: Any = LOOPS[which]()
    with ExitStack() as stack, closing(loop):
        loop.set_debug(debug)
        return answer(lambda: question(loop, stack))


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is told of what these programs leave behind, on either loop."""
    logging.disable(logging.CRITICAL)
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
        gc.collect()
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize(
    ("questions", "debug"),
    [
        *((of, False) for of in (of_descriptors, of_callbacks, of_the_executor, of_sockets)),
        *((of, True) for of in (of_callbacks, of_the_executor, of_sockets)),
        (of_everything_else, False),
    ],
)
@pytest.mark.slow
def test_odd_arguments_are_answered_as_by_the_standard_loop(
    questions: Callable[[], Iterator[tuple[str, Question]]], debug: bool, quiet: None
) -> None:
    differ = []
    for short, question in questions():
        name = f"{short}{', debug' * debug}"
        standard, ours = (asked(question, which, debug) for which in LOOPS)
        if standard != ours and not any(fnmatchcase(name, one) for one in PATTERNS):
            differ.append(f"{name}\n  standard: {standard}\n  minirt:   {ours}")
    assert not differ, "\n".join(differ)
