"""Chapter 02: a leak found and mended; a box that tells where it was created."""

import gc
import sys
import weakref
from collections.abc import Callable
from typing import Any

from minirt.exercises.mechanism import Answer, Exercise, Wrong, WrongAnswer, check


class Photo:
    """Something large that a callback captures."""


# --- a leak ---

LEAK_TASK = """\
`Downloads` keeps the callback of each download until it is there. It leaks: long after a callback
has run, what it captured is still alive. Three things hold it. Rewrite `finish`, and what it needs:
a callback is called once with the value, and afterwards nothing here keeps it or what it captured,
whether it returned or raised. An identity that is not waiting is a KeyError.
`report()` keeps saying what it says."""

LEAK_STUB = '''\
class Downloads:
    def __init__(self):
        self.waiting = {}  # {identity: callback}
        self.finished = []  # for the report
        self.failed = []

    def add(self, identity, callback):
        self.waiting[identity] = callback

    def finish(self, identity, value):
        """Call the callback with `value`. What it raises is noted, no more."""
        # This leaks three times. Write your own below, and take it away:
        #     callback = self.waiting[identity]
        #     self.finished.append((identity, callback))
        #     try:
        #         callback(value)
        #     except Exception as error:
        #         self.failed.append(error)
        ...

    def report(self):
        """What finished, in order, by name; and how each failure was called."""
        names = [f"{number} {one.__name__}" for number, one in self.finished]
        return names + [type(error).__name__ for error in self.failed]
'''

LEAK_ANSWER = """\
class Downloads:
    def __init__(self):
        self.waiting = {}  # {identity: callback}
        self.finished = []  # for the report
        self.failed = []

    def add(self, identity, callback):
        self.waiting[identity] = callback

    def finish(self, identity, value):
        callback = self.waiting.pop(identity)
        self.finished.append(f"{identity} {callback.__name__}")
        try:
            callback(value)
        except Exception as error:
            self.failed.append(type(error).__name__)

    def report(self):
        return self.finished + self.failed
"""

LEAK_FIRST_HINT = """\
Who holds the callback after `finish`? Go through self.waiting, self.finished and self.failed, and
ask of each what it refers to. An exception refers to its traceback, that to frames, and these to
their variables."""

LEAK_SECOND_HINT = """\
self.waiting.pop(identity) takes the callback out before it is called. The report needs a name, not
a callback, and type(error).__name__, not an exception: keep these strings."""

AS_IT_WAS = LEAK_ANSWER.replace("waiting.pop(identity)", "waiting[identity]")
KEEPS_CALLBACKS = LEAK_ANSWER.replace(
    'f"{identity} {callback.__name__}")', "(identity, callback))"
).replace("self.finished +", '[f"{number} {one.__name__}" for number, one in self.finished] +')
KEEPS_ERRORS = LEAK_ANSWER.replace("append(type(error).__name__)", "append(error)").replace(
    "+ self.failed", "+ [type(error).__name__ for error in self.failed]"
)
KEEPS_BARE_ERRORS = KEEPS_ERRORS.replace("append(error)", "append(error.with_traceback(None))")
DELETES_AFTER = LEAK_ANSWER.replace("waiting.pop(identity)", "waiting[identity]").replace(
    "            callback(value)\n",
    "            callback(value)\n            del self.waiting[identity]\n",
)
DELETES_LAST = (
    LEAK_ANSWER.replace("waiting.pop(identity)", "waiting[identity]")
    .replace("        try:", "        try:", 1)
    .replace(
        "type(error).__name__)\n", "type(error).__name__)\n        del self.waiting[identity]\n", 1
    )
)
FORGETS_THE_REPORT = LEAK_ANSWER.replace(
    '        self.finished.append(f"{identity} {callback.__name__}")\n', ""
)
HOLDS_WEAKLY = """\
import weakref

class Downloads:
    def __init__(self):
        self.waiting = weakref.WeakValueDictionary()
        self.finished = []
        self.failed = []

    def add(self, identity, callback):
        self.waiting[identity] = callback

    def finish(self, identity, value):
        callback = self.waiting.pop(identity)
        self.finished.append(f"{identity} {callback.__name__}")
        try:
            callback(value)
        except Exception as error:
            self.failed.append(type(error).__name__)

    def report(self):
        return self.finished + self.failed
"""


def added(downloads: Any, identity: int, callback: Callable[[Any], object] | None = None) -> Any:
    """Add a callback that captures a Photo. Returns a weak reference to it."""
    photo = Photo()

    def show(value: object) -> None:
        if callback is not None:
            callback(value)
        str(photo)

    downloads.add(identity, show)
    return weakref.ref(photo)


def finish(downloads: Any, identity: int, value: str) -> None:
    """Finish one whose callback may raise: nothing of that leaves `finish`."""
    try:
        downloads.finish(identity, value)
    except Exception as error:
        raise Wrong(
            f"the callback of {identity} raised {type(error).__name__}, and it left your finish, "
            "which ends the program. What a callback raises is noted, no more, whatever it is."
        ) from None


def is_kept(reference: Any) -> bool:
    """Is it alive, and held by more than a circle of objects that nobody refers to any more?

    contextlib leaves such a circle behind since Python 3.12: the answer keeps nothing then.
    """
    if reference() is not None:
        gc.collect()
    return reference() is not None


def holder_of(downloads: Any, alive: Any) -> str:
    """The attribute that keeps it alive: without it, it is gone."""
    for name in list(vars(downloads)):
        delattr(downloads, name)
        if alive() is None:
            return f"self.{name}"
    return "what is outside of the object"


@check("calls the callback with the value")
def calls(answer: Answer) -> None:
    got: list[str] = []
    downloads = answer["Downloads"]()
    added(downloads, 7, got.append)
    try:
        downloads.finish(7, "sky")
    except KeyError:
        raise Wrong(
            "7 was added, and finish(7, ...) found no callback. Nothing but `waiting` holds it, so "
            "`waiting` must not hold it weakly."
        ) from None
    if got != ["sky"]:
        raise Wrong(f"after finish(7, 'sky') the callback had received {got}, not ['sky'].")


@check("says the same in its report")
def reports(answer: Answer) -> None:
    downloads = answer["Downloads"]()
    added(downloads, 1)
    added(downloads, 2, int)
    finish(downloads, 1, "x")
    finish(downloads, 2, "x")
    expected, report = ["1 show", "2 show", "ValueError"], downloads.report()
    if report != expected:
        raise Wrong(f"the report should be {expected}, and yours is {report}.")


@check("lets go of the callback once it has returned")
def lets_go(answer: Answer) -> None:
    downloads = answer["Downloads"]()
    photo = added(downloads, 1)
    downloads.finish(1, "x")
    if is_kept(photo):
        raise Wrong(
            "callback 1 has returned, and what it captured is still alive. Look at "
            f"{holder_of(downloads, photo)}."
        )


@check("lets go of it when it has raised, too")
def lets_go_of_failures(answer: Answer) -> None:
    downloads = answer["Downloads"]()
    photo = added(downloads, 1, int)
    finish(downloads, 1, "x")
    if not is_kept(photo):
        return
    if getattr(downloads, "waiting", None):
        raise Wrong(
            "callback 1 raised, and it is still in self.waiting: the line that removes it was "
            "passed over. Take it out before you call it."
        )
    raise Wrong(
        "callback 1 raised, and what it captured is still alive. The exception was kept, with its "
        "traceback, whose frames hold every variable."
    )


@check("keeps no error that another one came from, either")
def lets_go_of_contexts(answer: Answer) -> None:
    for link in ("__context__", "__cause__"):
        downloads, photo = answer["Downloads"](), Photo()
        alive = weakref.ref(photo)

        def show(value: str, photo: Photo = photo, link: str = link) -> None:
            try:
                int(value)
            except ValueError as error:
                if link == "__cause__":
                    raise LookupError(value) from error
                raise LookupError(value)  # noqa: B904 (its __context__ is the ValueError)

        downloads.add(1, show)
        del show, photo
        finish(downloads, 1, "x")
        if is_kept(alive):
            raise Wrong(
                "callback 1 caught an error and raised another, and what it captured is still "
                f"alive. The second one refers to the first by its {link}, and that has a "
                "traceback, too."
            )


@check("calls a callback once, even if it finishes itself again")
def once(answer: Answer) -> None:
    downloads = answer["Downloads"]()
    calls: list[str] = []

    def again(value: str) -> None:
        calls.append(value)
        if len(calls) < 3:
            downloads.finish(1, "again")

    downloads.add(1, again)
    try:
        downloads.finish(1, "first")
    except KeyError:
        pass
    if calls != ["first"]:
        raise Wrong(
            f"the callback called finish(1, ...) itself, and ran for {calls}. While it runs it is "
            "still in `waiting`: take it out before you call it."
        )
    try:
        downloads.finish(1, "late")
    except KeyError:
        return
    raise Wrong("a second finish(1, ...) should be a KeyError, and yours went through.")


# --- a box with an origin ---

ORIGIN_TASK = """\
"This callback was called already" does not say which. Write `Box`: it holds a callback, and its
`origin` is where the box was created, as "file:line". Calling it calls the callback with the value
and returns what that returns. A second call raises RuntimeError with the origin in its message.
When it was called, or its creator has returned, the box keeps nothing of them alive."""

ORIGIN_STUB = '''\
import sys

class Box:
    def __init__(self, callback):
        self.origin = "?"  # "file:line" of the line that says Box(...)
        ...

    def __call__(self, value):
        """Call the callback once; the second time, RuntimeError with the origin."""
        ...
'''

ORIGIN_ANSWER = """\
import sys

class Box:
    def __init__(self, callback):
        frame = sys._getframe(1)  # whoever called us
        self.origin = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        self.callback = callback

    def __call__(self, value):
        callback, self.callback = self.callback, None
        if callback is None:
            raise RuntimeError(f"the callback of the box made at {self.origin} was called already")
        return callback(value)
"""

ORIGIN_FIRST_HINT = """\
A running function has a frame, which knows its file and its line. sys._getframe(0) is your own
frame. Whose frame do you need, and at which moment?"""

ORIGIN_SECOND_HINT = """\
In __init__: frame = sys._getframe(1), then f"{frame.f_code.co_filename}:{frame.f_lineno}". Keep
that text, not the frame. In __call__: callback, self.callback = self.callback, None, then look."""

OWN_LINE = ORIGIN_ANSWER.replace("_getframe(1)", "_getframe(0)")
OF_THE_CALLBACK = ORIGIN_ANSWER.replace(
    "frame = sys._getframe(1)  # whoever called us", "code = callback.__code__"
).replace("{frame.f_code.co_filename}:{frame.f_lineno}", "{code.co_filename}:{code.co_firstlineno}")
OF_THE_CALL = ORIGIN_ANSWER.replace(
    "        callback, self",
    "        frame = sys._getframe(1)\n"
    '        self.origin = f"{frame.f_code.co_filename}:{frame.f_lineno}"\n'
    "        callback, self",
)
KEEPS_THE_FRAME = ORIGIN_ANSWER.replace("frame = sys", "self.frame = frame = sys")
BY_A_FLAG = """\
import sys

class Box:
    def __init__(self, callback):
        frame = sys._getframe(1)
        self.origin = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        self.callback = callback
        self.called = False

    def __call__(self, value):
        if self.called:
            raise RuntimeError(f"the callback of the box made at {self.origin} was called already")
        self.called = True
        return self.callback(value)
"""
EMPTIED_AFTER = """\
import sys

class Box:
    def __init__(self, callback):
        frame = sys._getframe(1)
        self.origin = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        self.callback = callback

    def __call__(self, value):
        if self.callback is None:
            raise RuntimeError(f"the callback of the box made at {self.origin} was called already")
        result = self.callback(value)
        self.callback = None
        return result
"""
DOES_NOT_RETURN = ORIGIN_ANSWER.replace("return callback(value)", "callback(value)")
ORIGIN_UNSAID = ORIGIN_ANSWER.replace(
    'f"the callback of the box made at {self.origin} was', '"it was'
)


def line() -> int:
    """The line that calls this."""
    return sys._getframe(1).f_lineno


def boxed(answer: Answer, callback: Callable[[Any], object]) -> tuple[Any, str]:
    """A box, and the "file:line" at which it was made."""
    box, here = answer["Box"](callback), f"{__file__}:{line()}"
    return box, here


def capturing() -> tuple[Callable[[object], None], Any]:
    """A callback, and a weak reference to the Photo that it captures."""
    photo = Photo()

    def show(value: object) -> None:
        str(photo)

    return show, weakref.ref(photo)


def double(value: int) -> int:
    return value * 2


@check("calls the callback, and returns what it returns")
def returns(answer: Answer) -> None:
    box, _ = boxed(answer, double)
    result = box(21)
    if result != 42:
        raise Wrong(f"a box around `double` was called with 21 and gave {result!r}, not 42.")


class NoNumbers(list[object]):
    """It can be called, and is false, as an empty list is."""

    def __call__(self, value: object) -> object:
        return value


@check("holds whatever can be called, each box its own")
def holds_its_own(answer: Answer) -> None:
    first, _ = boxed(answer, lambda value: ("first", value))  # nobody else keeps it
    second, _ = boxed(answer, NoNumbers())
    gc.collect()
    try:
        found = [first(1), second(2)]
    except RuntimeError as error:
        raise Wrong(
            "two boxes were made, one of a lambda, one of a list that can be called, which is "
            f"empty and so is false. Each was called once, and one raised RuntimeError: {error}"
        ) from None
    if found != [("first", 1), 2]:
        raise Wrong(
            "two boxes were made, of a lambda that nobody else keeps and of a list that can be "
            f"called. They should give [('first', 1), 2], and gave {found}. Each box has to keep "
            "its own callback until it is called."
        )


@check("knows where it was created")
def knows_its_origin(answer: Answer) -> None:
    box, here = boxed(answer, double)
    if box.origin == here:
        return
    own = f"{double.__code__.co_filename}:{double.__code__.co_firstlineno}"
    if box.origin == own:
        raise Wrong("origin is the line where the callback begins, not where the box was created.")
    if __file__ not in str(box.origin):
        raise Wrong(
            f"origin is {box.origin!r}, in a line of your own class, and should name the line that "
            "says Box(...). Go one frame up."
        )
    raise Wrong(f"the box was created at {here!r}, and its origin is {box.origin!r}.")


@check("raises RuntimeError with the origin at the second call")
def says_it(answer: Answer) -> None:
    box, here = boxed(answer, double)
    box(1)
    try:
        box(1)
    except RuntimeError as error:
        message = str(error)
    else:
        raise Wrong("the second call went through.")
    if here in message:
        return
    if __file__ in message:
        raise Wrong(
            "the message names the line of the second call. Remember the line in __init__ and "
            "leave it alone: one has the call in the traceback, but not the creation."
        )
    raise Wrong(f"the message of the second call is {message!r}, and does not say {here!r}.")


@check("is empty already while the callback runs")
def empty_at_once(answer: Answer) -> None:
    calls: list[int] = []

    def again(value: int) -> None:
        calls.append(value)
        if len(calls) < 3:
            box(value + 1)

    box, _ = boxed(answer, again)
    try:
        box(1)
    except RuntimeError:
        pass
    if calls != [1]:
        raise Wrong(
            f"the callback called its own box, and ran for {calls}. Empty the box before the call."
        )


@check("lets go of the callback once it was called")
def lets_the_callback_go(answer: Answer) -> None:
    show, alive = capturing()
    box, _ = boxed(answer, show)
    del show
    box(1)
    if is_kept(alive):
        raise Wrong(
            "the box was called, and what its callback captured is still alive: who needs it?"
        )


@check("does not keep its creator's variables alive")
def lets_the_creator_go(answer: Answer) -> None:
    def creator() -> tuple[Any, Any]:
        photo = Photo()
        box, _ = answer["Box"](double), photo
        return box, weakref.ref(photo)

    box, alive = creator()
    if is_kept(alive):
        held = [name for name, value in vars(box).items() if hasattr(value, "f_locals")]
        where = f"box.{held[0]} is a frame" if held else "something is kept of its frame"
        raise Wrong(
            f"the creator has returned, and its variables are still alive: {where}. Keep the text "
            "of the origin, and nothing else."
        )


EXERCISES = (
    Exercise(
        name="leaking_downloads",
        chapter="02_callback_boxing",
        task=LEAK_TASK,
        stub=LEAK_STUB,
        checks=(calls, reports, lets_go, lets_go_of_failures, lets_go_of_contexts, once),
        hints=(LEAK_FIRST_HINT, LEAK_SECOND_HINT),
        answer=LEAK_ANSWER,
        wrong=(
            WrongAnswer(AS_IT_WAS, "Look at self.waiting"),
            WrongAnswer(KEEPS_CALLBACKS, "Look at self.finished"),
            WrongAnswer(KEEPS_ERRORS, "The exception was kept, with its traceback"),
            WrongAnswer(KEEPS_BARE_ERRORS, "refers to the first by its __context__"),
            WrongAnswer(DELETES_AFTER, "the line that removes it was passed over"),
            WrongAnswer(DELETES_LAST, "ran for ['first', 'again', 'again']"),
            WrongAnswer(FORGETS_THE_REPORT, "the report should be"),
            WrongAnswer(HOLDS_WEAKLY, "must not hold it weakly"),
        ),
    ),
    Exercise(
        name="box_with_origin",
        chapter="02_callback_boxing",
        task=ORIGIN_TASK,
        stub=ORIGIN_STUB,
        checks=(
            returns,
            knows_its_origin,
            says_it,
            empty_at_once,
            holds_its_own,
            lets_the_creator_go,
            lets_the_callback_go,
        ),
        hints=(ORIGIN_FIRST_HINT, ORIGIN_SECOND_HINT),
        answer=ORIGIN_ANSWER,
        wrong=(
            WrongAnswer(OWN_LINE, "Go one frame up"),
            WrongAnswer(OF_THE_CALLBACK, "the line where the callback begins"),
            WrongAnswer(OF_THE_CALL, "the message names the line of the second call"),
            WrongAnswer(KEEPS_THE_FRAME, "box.frame is a frame"),
            WrongAnswer(BY_A_FLAG, "what its callback captured is still alive: who needs it?"),
            WrongAnswer(EMPTIED_AFTER, "Empty the box before the call"),
            WrongAnswer(DOES_NOT_RETURN, "gave None, not 42"),
            WrongAnswer(ORIGIN_UNSAID, "and does not say"),
        ),
    ),
)
