"""Chapter 07: a module of your own, and a timeout for a web request."""

import zlib
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any
from unittest.mock import patch

from minirt.core.simulation import Simulation
from minirt.errors import NoRuntime, NotAJs
from minirt.exercises.mechanism import Answer, Exercise, Wrong, WrongAnswer, check
from minirt.node.runtime import Runtime
from minirt.values import Bytes, Error, Js, String
from minirt.watching.trace import Recorder

# 1. A module

ZIP_TASK = """\
Write a module: `compress(content, cb)` and `decompress(content, cb)`. The work is that of
`zlib.compress` and `zlib.decompress`, and is done on the pool, as a task of kind `ZIP`. `cb`
receives `Bytes`, or an `Error` if the content cannot be decompressed. Both return the identity of
the callback. What is neither bytes nor bytearray is a TypeError at the caller's line. A bytearray
may change right after the call: what counts is its content at the call."""

ZIP_STUB = '''\
import zlib

from minirt import Bytes, Runtime, TaskKind

ZIP = TaskKind("Zip")


def compress(content, cb):
    """Compress on the pool: `cb` receives `Bytes`."""
    ...


def decompress(content, cb):
    """The way back: `cb` receives `Bytes`, or an `Error`."""
    ...
'''

ZIP_HEAD = ZIP_STUB[: ZIP_STUB.index("def compress")]

ZIP_ANSWER = """\
def compress(content, cb):
    return on_the_pool(zlib.compress, content, cb)


def decompress(content, cb):
    return on_the_pool(zlib.decompress, content, cb)


def on_the_pool(work, content, cb):
    if not isinstance(content, bytes | bytearray):
        raise TypeError(f"bytes are needed, and {content!r} are none")
    kept = bytes(content)
    return Runtime.current().register_event_threadpool(
        lambda: Bytes(work(kept)), ZIP, cb
    )
"""

TEXT = b"la " * 400


def no_bytes() -> dict[str, object]:
    """{as a message says it: what is handed over}"""
    handed_over = ("a text", 7, None, [1, 2])
    view = memoryview(b"la")
    return {**{repr(one): one for one in handed_over}, "memoryview(b'la')": view}


class Trial:
    """One call of the reader's function, in simulated time."""

    def __init__(self, name: str, function: Callable[..., Any], content: bytes | bytearray) -> None:
        self.name = name
        self.received: list[Any] = []
        self.identity: Any = None
        self._early = self._on_the_pool = False
        self._returned = False
        recorder = Recorder()

        def program() -> None:
            self.identity = function(content, self._callback)
            self._returned = True
            if isinstance(content, bytearray):
                content[:] = b"?" * len(content)

        Runtime(system=Simulation(seed=1), trace=recorder).run(program)
        queued = [e for e in recorder.events if e.kind == "queued" and e.detail]
        self.tasks = {
            e.identity: e.detail["kind"] for e in queued if e.detail and e.detail["where"] == "pool"
        }

    def _callback(self, *values: Any) -> None:
        try:
            Runtime.current()
        except NoRuntime:
            self._on_the_pool = True
        self._early = self._early or not self._returned
        self.received.append(values[0] if len(values) == 1 else values)

    def value(self) -> Any:
        """The one value that the callback received; Wrong for every other story."""
        if self._on_the_pool:
            raise Wrong(
                f"your {self.name} calls cb inside the task, so on the pool's thread. Return the "
                "value from the task: the loop calls cb."
            )
        if self._early:
            raise Wrong(
                f"your {self.name} called cb before it returned: the work is done on the loop, and "
                "everybody waits for it."
            )
        if not self.received:
            raise Wrong(f"the program is over, and the cb of your {self.name} was never called.")
        if len(self.received) > 1:
            raise Wrong(f"your {self.name} called cb {len(self.received)} times.")
        [value] = self.received
        if isinstance(value, Error) and isinstance(value.exception, NotAJs):
            raise Wrong(
                f"the task of your {self.name} returned something that is no Js value. Wrap the "
                "bytes: Bytes(...)"
            )
        return value

    def bytes(self) -> bytes:
        """The content of the `Bytes` that the callback received."""
        value = self.value()
        if not isinstance(value, Bytes):
            raise Wrong(f"the cb of your {self.name} received {value!r:.80}, and not Bytes.")
        return value.value


@check("compress gives cb the Bytes that zlib makes of the content")
def compresses(answer: Answer) -> None:
    trial = Trial("compress", answer["compress"], TEXT)
    if trial.bytes() != zlib.compress(TEXT):
        raise Wrong("your compress brought other bytes than zlib.compress(content) makes.")


@check("the work is done on the pool, as a task of kind Zip")
def on_the_pool(answer: Answer) -> None:
    compress, work, on_the_loop = answer["compress"], zlib.compress, []

    def watched(*arguments: Any, **options: Any) -> bytes:
        try:
            on_the_loop.append(Runtime.current())
        except NoRuntime:  # on a thread of the pool there is none
            pass
        return work(*arguments, **options)

    with patch.object(zlib, "compress", watched):
        trial = Trial("compress", compress, TEXT)
    if not trial.tasks:
        raise Wrong(
            "no task went to the pool. Your compress does its work on the loop, only a little "
            "later: every timer waits for it."
        )
    if on_the_loop:
        raise Wrong(
            "a task went to the pool, but zlib.compress had run before, on the loop. Call it "
            "inside the task."
        )
    kinds = list(trial.tasks.values())
    if kinds != ["Zip"]:
        raise Wrong(f"the console would say {', '.join(kinds)}: hand ZIP over as the kind.")


@check("both return the identity of the callback")
def identities(answer: Answer) -> None:
    for name, content in (("compress", TEXT), ("decompress", zlib.compress(TEXT))):
        trial = Trial(name, answer[name], content)
        trial.value()
        if trial.identity not in trial.tasks:
            raise Wrong(
                f"your {name} returned {trial.identity!r}, and the identity is "
                f"{min(map(str, trial.tasks), default='none')}. Without it nobody can "
                "cancel the task."
            )


@check("decompress brings the content back, and what is no zip as an Error")
def decompresses(answer: Answer) -> None:
    if Trial("decompress", answer["decompress"], zlib.compress(TEXT)).bytes() != TEXT:
        raise Wrong("what your decompress brought is not the text that was compressed.")
    try:
        value = Trial("decompress", answer["decompress"], b"no zip at all").value()
    except zlib.error:
        raise Wrong(
            "for content that is no zip your decompress raised zlib.error on the loop, which ends "
            "the program. A task may raise: its callback then receives the Error."
        ) from None
    if not isinstance(value, Error):
        raise Wrong(
            f"for content that is no zip cb received {value!r}, and not an Error: the failure "
            "passes unseen."
        )


@check("what is no bytes is a TypeError at the caller's line")
def refuses(answer: Answer) -> None:
    for name, said in product(("compress", "decompress"), no_bytes()):
        refused: list[bool] = []

        def program(name: str = name, said: str = said, refused: list[bool] = refused) -> None:
            try:
                answer[name](no_bytes()[said], lambda _: None)
            except TypeError:
                refused.append(True)
            except Exception as error:
                raise Wrong(
                    f"{name}({said}, cb) raised {type(error).__name__} at the call, and it "
                    "should be a TypeError: the type of what was handed over is wrong."
                ) from None

        Runtime(system=Simulation(seed=1)).run(program)
        if not refused:
            raise Wrong(
                f"{name}({said}, cb) raised no TypeError at the call. In a task the same "
                "mistake would show up later, and far from the line that made it."
            )


@check("the content counts as it was at the call")
def keeps(answer: Answer) -> None:
    try:
        found = zlib.decompress(Trial("compress", answer["compress"], bytearray(TEXT)).bytes())
        back = Trial("decompress", answer["decompress"], bytearray(zlib.compress(TEXT))).value()
    except TypeError as error:
        raise Wrong(
            f"a bytearray is content, too, and yours raised TypeError: {error!s:.60}..."
        ) from None
    if found != TEXT:
        raise Wrong(
            "a bytearray was changed right after the call, and your task compressed "
            f"{found[:4]!r}... instead of {TEXT[:4]!r}... What crosses a thread must not change: "
            "take a copy."
        )
    if back != Bytes(TEXT):
        raise Wrong(
            "a bytearray was changed right after the call of decompress, and cb received "
            f"{back!r:.60} instead of the text. There, too: take a copy."
        )


ZIP = Exercise(
    name="zip_module",
    chapter="07_modules",
    task=ZIP_TASK,
    stub=ZIP_STUB,
    checks=(compresses, on_the_pool, identities, decompresses, refuses, keeps),
    hints=(
        (
            "fs.read_bytes is the model: what is wrong with the arguments is found before the "
            "task, what is wrong with the content inside it. Which of the two threads may a "
            "bytearray belong to?"
        ),
        (
            "First: if not isinstance(content, bytes | bytearray): raise TypeError. Then "
            "kept = bytes(content), and return Runtime.current().register_event_threadpool("
            "lambda: Bytes(zlib.compress(kept)), ZIP, cb). Catch nothing in the task."
        ),
    ),
    answer=ZIP_HEAD + ZIP_ANSWER,
    wrong=(
        WrongAnswer(  # on the loop, at once
            ZIP_HEAD
            + "def compress(content, cb):\n    cb(Bytes(zlib.compress(content)))\n\n\n"
            + "def decompress(content, cb):\n    cb(Bytes(zlib.decompress(content)))\n",
            says="called cb before it returned",
        ),
        WrongAnswer(  # on the loop, a little later
            ZIP_HEAD
            + "from minirt import set_immediate\n\n\n"
            + "def compress(content, cb):\n"
            + "    return set_immediate(lambda _: cb(Bytes(zlib.compress(content))))\n",
            says="no task went to the pool",
        ),
        WrongAnswer(  # only the result goes to the pool
            ZIP_HEAD
            + ZIP_ANSWER.replace("kept = bytes(content)", "made = Bytes(work(content))").replace(
                "Bytes(work(kept))", "made"
            ),
            says="zlib.compress had run before, on the loop",
        ),
        WrongAnswer(  # bytes, and no Js
            ZIP_HEAD + ZIP_ANSWER.replace("Bytes(work(kept))", "work(kept)"),
            says="something that is no Js value",
        ),
        WrongAnswer(  # calls the callback itself
            ZIP_HEAD + ZIP_ANSWER.replace("lambda: Bytes", "lambda: cb(Bytes").replace("),", ")),"),
            says="calls cb inside the task",
        ),
        WrongAnswer(  # another module's kind
            ZIP_HEAD + ZIP_ANSWER.replace(" ZIP,", " TaskKind.ENCRYPT,"),
            says="the console would say Encrypt",
        ),
        WrongAnswer(  # forgets the identity
            ZIP_HEAD + ZIP_ANSWER.replace("return Runtime", "Runtime"),
            says="returned None, and the identity is 1",
        ),
        WrongAnswer(  # swallows the failure
            ZIP_HEAD
            + ZIP_ANSWER.replace(
                "on_the_pool(zlib.decompress, content",
                "on_the_pool(lenient, content",
            )
            + "\n\ndef lenient(content):\n"
            + "    try:\n"
            + "        return zlib.decompress(content)\n"
            + "    except zlib.error:\n"
            + '        return b""\n',
            says="the failure passes unseen",
        ),
        WrongAnswer(  # looks at the content on the loop
            ZIP_HEAD
            + ZIP_ANSWER.replace(
                "    return on_the_pool(zlib.decompress",
                "    zlib.decompress(content)  # is it a zip?\n"
                "    return on_the_pool(zlib.decompress",
            ),
            says="raised zlib.error on the loop",
        ),
        WrongAnswer(  # lets the task find out
            ZIP_HEAD
            + ZIP_ANSWER.replace(
                "    if not isinstance(content, bytes | bytearray):\n"
                '        raise TypeError(f"bytes are needed, and {content!r} are none")\n',
                "",
            ).replace("bytes(content)", "content"),
            says="raised no TypeError at the call",
        ),
        WrongAnswer(  # no copy
            ZIP_HEAD + ZIP_ANSWER.replace("bytes(content)", "content"),
            says="What crosses a thread must not change",
        ),
    ),
)

# 2. A timeout

WITHIN_TASK = """\
`http.get` takes a timeout, `http.get_slow` takes none. Write `get_slow_within(url, delay_ms,
seconds, cb)`. When `get_slow` answers within `seconds`, `cb` receives its answer, be it a page or
an Error, and the timer is gone, so that the program may end. Otherwise `cb` receives an `Error` of
a TimeoutError when the time is over; the answer that comes later is dropped. `cb` is called once. A
URL that `get_slow` refuses raises at the caller's line, and leaves nothing behind."""

WITHIN_STUB = '''\
from minirt import Error, http, set_timeout


def get_slow_within(url, delay_ms, seconds, cb):
    """`cb` receives the answer; after `seconds` an Error(TimeoutError)."""
    ...
'''

WITHIN_HEAD = WITHIN_STUB.replace("    ...\n", "")

WITHIN_ANSWER = """\
    is_over = False

    def finish(value):
        nonlocal is_over
        if not is_over:
            is_over = True
            timer.cancel()
            cb(value)

    def time_out(_):
        finish(Error(TimeoutError(f"{url}: no answer within {seconds} s")))

    http.get_slow(url, delay_ms, finish)
    timer = set_timeout(1000 * seconds, time_out)
"""

PAGE = "http://www.example.com/"
NOBODY = "http://127.0.0.1:9/"  # in a simulation nobody listens there


class Requests:
    """A program that asks with the reader's function, in simulated time."""

    def __init__(self, answer: Answer, *asked: tuple[str, float, float]) -> None:
        self.received: list[tuple[int, float, Any]] = []  # which request, when (s), what
        self.raised: list[Exception] = []  # at the caller's line
        rt = Runtime(system=Simulation(seed=1))
        ask = answer["get_slow_within"]

        def program() -> None:
            for number, (url, delay_ms, seconds) in enumerate(asked):

                def cb(value: Js, number: int = number) -> None:
                    self.received.append((number, rt.clock.now(), value))

                try:
                    ask(url, delay_ms, seconds, cb)
                except ValueError as error:
                    self.raised.append(error)

        try:
            rt.run(program)
        except TimeoutError:
            raise Wrong(
                "your timer raised TimeoutError, which left run() and ended the whole program. "
                "Hand it to cb, as a value: Error(...)"
            ) from None
        self.ended = rt.clock.now()

    def only(self) -> tuple[float, Any]:
        """When the one callback came, and with what."""
        if not self.received:
            raise Wrong("the program is over, and cb was never called.")
        if len(self.received) > 1:
            moments = " and ".join(f"after {when:.1f} s" for _, when, _ in self.received)
            raise Wrong(
                f"cb was called {len(self.received)} times, {moments}. Answer and timer both call "
                "it: who comes second must find that it is over."
            )
        _, when, value = self.received[0]
        return when, value


@check("an answer in time reaches cb")
def in_time(answer: Answer) -> None:
    when, value = Requests(answer, (PAGE, 100, 1)).only()
    if isinstance(value, Error) and isinstance(value.exception, TimeoutError):
        raise Wrong(
            f"the time was 1 s, and your timer ended the request after {1000 * when:.0f} ms. A "
            "timer counts milliseconds."
        )
    if not isinstance(value, String):
        raise Wrong(
            f"the answer needed 100 ms of 1 s, and after {1000 * when:.0f} ms cb received "
            f"{value!r:.120}."
        )


@check("when the time is over cb receives an Error of a TimeoutError")
def too_late(answer: Answer) -> None:
    asked = Requests(answer, (PAGE, 3000, 0.5))
    if not asked.received:
        raise Wrong("after 0.5 s without an answer cb was never called: not even later.")
    _, when, value = asked.received[0]
    if isinstance(value, TimeoutError):
        raise Wrong("cb received a bare TimeoutError. A callback receives a Js: Error(...)")
    if isinstance(value, String):
        raise Wrong(f"the time was over after 0.5 s, and after {when:.1f} s cb received the page.")
    if not isinstance(value, Error) or not isinstance(value.exception, TimeoutError):
        raise Wrong(f"cb received {value!r:.80}, and not an Error of a TimeoutError.")
    if not 0.49 < when < 0.51:
        raise Wrong(
            f"the time was over after 0.5 s, and your cb was told after {when:.1f} s: when the "
            "answer came. What if none ever comes? A timer must tell."
        )


@check("cb is called once: a late answer is dropped")
def once(answer: Answer) -> None:
    Requests(answer, (PAGE, 3000, 0.5)).only()


class Failure(KeyboardInterrupt):
    """What the cb of a check raises: a program goes on after an interrupt, as a notebook does."""


@check("cb is called once, also when it is interrupted")
def once_when_interrupted(answer: Answer) -> None:
    for delay_ms, seconds, first in ((100, 3, "the answer"), (1000, 0.5, "your timer")):
        calls: list[Js] = []

        def cb(value: Js, calls: list[Js] = calls) -> None:
            calls.append(value)
            raise Failure

        rt = Runtime(system=Simulation(seed=1))
        rt.start(partial(answer["get_slow_within"], PAGE, delay_ms, seconds, cb))
        is_alive = True
        while is_alive and rt.clock.now() < 5:
            try:
                is_alive = rt.tick()
            except Failure:
                pass
        rt.close()
        if len(calls) > 1:
            raise Wrong(
                f"{first} called cb, an interrupt ended cb, and cb was called again: what stands "
                "below cb(value) was never reached. Note first that it is over, and clear the "
                "timer; call cb last."
            )
        if rt.clock.now() > 2:
            raise Wrong(
                "the answer came, an interrupt ended cb, and the timer was still set: it kept the "
                "program alive. What stands below cb(value) was never reached: call cb last."
            )


@check("an answer takes its timer along, so that the program can end")
def clears(answer: Answer) -> None:
    for url, what in ((PAGE, "the page came soon"), (NOBODY, "the connection was refused")):
        asked = Requests(answer, (url, 100, 60))
        asked.only()
        if asked.ended > 1:
            raise Wrong(
                f"{what}, and the program went on for {asked.ended:.0f} s: the timer was "
                "still set, and kept the loop alive."
            )


@check("two requests do not get in each other's way")
def independent(answer: Answer) -> None:
    asked = Requests(answer, (PAGE, 100, 1), (PAGE, 3000, 0.5), (PAGE, 300, 1))
    found = {number: type(value) for number, _, value in asked.received}
    if found != {0: String, 1: Error, 2: String}:
        missing = sorted({0, 1, 2} - set(found))
        raise Wrong(
            "three requests at once, and "
            + (f"number {missing[0] + 1} was never told" if missing else "two were mixed up")
            + ". Whether it is over is a fact of one request: keep it inside the function."
        )


@check("a URL that get_slow refuses raises at the call, and leaves no timer")
def refuses_url(answer: Answer) -> None:
    asked = Requests(answer, ("https://www.example.com/", 100, 60))
    if not asked.raised:
        raise Wrong("an https:// URL raised no ValueError at the caller's line.")
    if asked.ended > 1 or asked.received:
        raise Wrong(
            "the call raised ValueError, and the timer that you had set before kept the program "
            "alive. Ask first, then set the timer: no callback comes before you return."
        )


WITHIN = Exercise(
    name="http_within",
    chapter="07_modules",
    task=WITHIN_TASK,
    stub=WITHIN_STUB,
    checks=(
        in_time,
        too_late,
        once,
        clears,
        once_when_interrupted,
        independent,
        refuses_url,
    ),
    hints=(
        (
            "Two may call cb, the answer and the timer, and only the first of them shall. Let both "
            "go through one function of yours. What must that function remember?"
        ),
        (
            "def finish(value): return if is_over (nonlocal); set it, timer.cancel(), cb(value). "
            "Give finish to http.get_slow, and set a timer of 1000 * seconds that calls "
            "finish(Error(TimeoutError(...)))."
        ),
    ),
    answer=WITHIN_HEAD + WITHIN_ANSWER,
    wrong=(
        WrongAnswer(  # nobody looks who was first
            WITHIN_HEAD + WITHIN_ANSWER.replace("if not is_over:", "if True:"),
            says="cb was called 2 times, after 0.5 s and after 3.0 s",
        ),
        WrongAnswer(  # the timer goes on
            WITHIN_HEAD + WITHIN_ANSWER.replace("            timer.cancel()\n", ""),
            says="the page came soon, and the program went on for 60 s",
        ),
        WrongAnswer(  # seconds for milliseconds
            WITHIN_HEAD + WITHIN_ANSWER.replace("1000 * seconds", "seconds"),
            says="your timer ended the request after 2 ms",
        ),
        WrongAnswer(  # an exception in a callback
            WITHIN_HEAD
            + WITHIN_ANSWER.replace(
                'finish(Error(TimeoutError(f"{url}: no answer within {seconds} s")))',
                "if not is_over:\n            raise TimeoutError(url)",
            ),
            says="which left run() and ended the whole program",
        ),
        WrongAnswer(  # not a Js
            WITHIN_HEAD
            + WITHIN_ANSWER.replace(
                'Error(TimeoutError(f"{url}: no answer within {seconds} s"))', "TimeoutError(url)"
            ),
            says="cb received a bare TimeoutError",
        ),
        WrongAnswer(  # the answer is looked at when it comes
            WITHIN_HEAD
            + "    rt = Runtime.current()\n"
            + "    began = rt.clock.now()\n\n"
            + "    def finish(value):\n"
            + "        late = rt.clock.now() - began > seconds\n"
            + "        cb(Error(TimeoutError(url)) if late else value)\n\n"
            + "    http.get_slow(url, delay_ms, finish)\n\n\nfrom minirt import Runtime\n",
            says="A timer must tell",
        ),
        WrongAnswer(  # get has a timeout, but it asks somebody else
            WITHIN_HEAD + "    http.get(url, cb, timeout=seconds)\n",
            says="cb received Error(exception=ConnectionRefusedError",
        ),
        WrongAnswer(  # an Error is no reason to stop the clock
            WITHIN_HEAD
            + WITHIN_ANSWER.replace(
                "            timer.cancel()\n",
                "            if not isinstance(value, Error):\n                timer.cancel()\n",
            ),
            says="the connection was refused, and the program went on for 60 s",
        ),
        WrongAnswer(  # one flag for all
            "is_over = False\n\n"
            + WITHIN_HEAD
            + WITHIN_ANSWER.replace("    is_over = False\n\n", "")
            .replace("nonlocal is_over", "global is_over")
            .replace("    http.get_slow", "    globals()['is_over'] = False\n    http.get_slow"),
            says="Whether it is over is a fact of one request",
        ),
        WrongAnswer(  # the timer first
            WITHIN_HEAD
            + WITHIN_ANSWER.replace("    http.get_slow(url, delay_ms, finish)\n", "")
            + "    http.get_slow(url, delay_ms, finish)\n",
            says="Ask first, then set the timer",
        ),
    ),
)

EXERCISES = (ZIP, WITHIN)
