"""Chapter 10: a loop with one rule broken, and which of CPython's tests notices."""

import contextvars
import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from minirt.aio import MinirtEventLoop
from minirt.core.simulation import Simulation
from minirt.exercises.mechanism import Answer, Exercise, Wrong, WrongAnswer, check
from minirt.exercises.noticed import are_here, noticed

TASK = """\
`loop.call_later(delay, callback, *args, context=None)` keeps eight rules:

1. *arguments*: the callback is called with `args`;
2. *once*: it is called once;
3. *not early*: the delay is over then;
4. *not late*: it is called as soon as the delay is over, if the loop is free;
5. *order*: the earlier deadline goes first, and of equal ones the one that was asked for first;
6. *handle*: it returns a handle, and `cancel()` of it means that the callback is never called;
7. *not at once*: nothing is called before `call_later` has returned, whatever the delay;
8. *context*: the callback runs in `context`, or in a copy of the caller's.

Write `Bent`, a `MinirtEventLoop` whose `call_later` breaks exactly one of them, and break one that
CPython's tests notice: `NOTICED_BY` names the test that fails on your loop, as in
`"test_events.SelectEventLoopTests.test_call_later"`. Most rules can be broken without any of them
noticing. Everything else of the loop is as it was."""

STUB = '''\
from minirt.aio import MinirtEventLoop


class Bent(MinirtEventLoop):
    """Breaks one rule of call_later."""

    def call_later(self, delay, callback, *args, context=None):
        ...


NOTICED_BY = "test_events.SelectEventLoopTests.test_..."
'''

OPENING = STUB[: STUB.index("        ...")]
USUAL = '\n\nNOTICED_BY = "test_events.SelectEventLoopTests.test_call_later"\n'

ANSWER = (
    OPENING
    + """\
        def once_too_often():
            callback(*args)
            callback(*args)

        return super().call_later(delay, once_too_often, context=context)
"""
    + USUAL
)

MS = 0.001
HOUR = 3600.0
Bent = Callable[..., MinirtEventLoop]
Note = tuple[object, float, tuple[object, ...]]  # whose call, when, with which arguments


class Play:
    """One program on a loop of the answer's, in simulated time."""

    def __init__(self, kind: Bent) -> None:
        if not (isinstance(kind, type) and issubclass(kind, MinirtEventLoop)):
            raise Wrong("your Bent is no MinirtEventLoop. Write `class Bent(MinirtEventLoop):`.")
        self.loop = kind(Simulation())
        self.notes: list[Note] = []

    def note(self, name: object) -> Callable[..., None]:
        return lambda *args: self.notes.append((name, self.loop.time(), args))

    def later(self, delay: float, name: object = None, *args: object, **options: Any) -> Any:
        return self.loop.call_later(delay, self.note(name), *args, **options)

    def run(self) -> list[Note]:
        """What was called within two simulated hours, in order."""
        loop, errors = self.loop, []
        loop.set_exception_handler(lambda _, context: None)  # a callback's own mistake shows here

        def on_a_thread() -> None:  # the notebook's own has Jupyter's loop
            try:
                loop.call_at(loop.time() + 2 * HOUR, loop.stop)
                loop.run_forever()
            except BaseException as error:
                errors.append(error)
            finally:
                loop.close()

        thread = threading.Thread(target=on_a_thread, daemon=True)
        thread.start()
        thread.join()
        if errors:
            raise errors[0]
        return self.notes


# Each rule gives what the loop did against it, or "".


def arguments(bent: Bent) -> str:
    given: tuple[object, ...]
    for given in ((), ("hello",), ("a", 2), (None, [], 3)):
        play = Play(bent)
        play.later(0.1, None, *given)
        for _, _, args in play.run():
            if args != given:
                asked = ", ".join(["0.1", "callback", *map(repr, given)])
                return f"`call_later({asked})` called callback with {args}"
    return ""


def once(bent: Bent) -> str:
    play = Play(bent)
    for delay in (0, 0.1, 0.1, 2):
        play.later(delay, delay)
    names = [name for name, _, _ in play.run()]
    often = max(names.count(0), names.count(2), (names.count(0.1) + 1) // 2)
    return f"one callback was called {often} times" if often > 1 else ""


def first_calls(bent: Bent, delays: tuple[float, ...]) -> dict[int, float]:
    """When each of these timers, set at the beginning, was called first: in the order of that."""
    play = Play(bent)
    began = play.loop.time()
    for number, delay in enumerate(delays):
        play.later(delay, number)
    found: dict[int, float] = {}
    for name, when, _ in play.run():
        assert isinstance(name, int)
        found.setdefault(name, when - began)
    return found


DELAYS = (0.0, 0.004, 0.1, 0.25, 0.6, 1.0, 2.5, 60.0, HOUR)


def not_early(bent: Bent) -> str:
    for number, when in first_calls(bent, DELAYS).items():
        if when < DELAYS[number] - MS:
            return f"a delay of {DELAYS[number]:g} s was over after {when:g} s"
    return ""


def not_late(bent: Bent) -> str:
    found = first_calls(bent, DELAYS)
    for number, delay in enumerate(DELAYS):
        if number not in found:
            return f"the callback of a delay of {delay:g} s was never called"
        if found[number] > delay + 20 * MS:
            return f"a delay of {delay:g} s was over after {found[number]:g} s"
    return ""


def order(bent: Bent) -> str:
    called = list(first_calls(bent, (0.3, 0.1, 0.2, 0.1, 0, 0)))
    right = [number for number in (4, 5, 1, 3, 2, 0) if number in called]
    if called != right:
        names = "abcdef"
        return (
            "a to f with delays of 0.3, 0.1, 0.2, 0.1, 0 and 0 s were called in the order "
            + ", ".join(names[number] for number in called)
        )
    return ""


def handle(bent: Bent) -> str:
    calls = first_calls(bent, (0.1,))
    for part in (0, 0.5):  # of the time until it would be called
        play = Play(bent)
        given = play.later(0.1)
        if not hasattr(given, "cancel"):
            play.loop.close()
            return f"`call_later` returned {given!r}, and not a handle"
        wait = part * calls.get(0, 0)
        if wait > MS:
            play.loop.call_at(play.loop.time() + wait, given.cancel)
        else:
            given.cancel()
        if play.run():
            return "the handle was cancelled, and the callback was called all the same"
    return ""


def not_at_once(bent: Bent) -> str:
    for delay in (0, -1, 0.1):
        play = Play(bent)
        play.later(delay)
        is_called = bool(play.notes)
        play.run()
        if is_called:
            return f"`call_later({delay}, callback)` called callback before it returned"
    return ""


def context(bent: Bent) -> str:
    play = Play(bent)
    who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")
    found: dict[str, str] = {}
    other = contextvars.copy_context()
    other.run(who.set, "Ada")

    def sets() -> None:
        who.set("Grace")
        play.loop.call_later(0.1, lambda *args: found.setdefault("caller", who.get()))
        who.set("Edsger")

    contextvars.copy_context().run(sets)
    play.loop.call_later(0.1, lambda *args: found.setdefault("given", who.get()), context=other)
    play.run()
    if found.get("given", "Ada") != "Ada":
        return f"with `context=` in which a name is 'Ada', the callback read {found['given']!r}"
    if found.get("caller", "Grace") != "Grace":
        return f"the caller had set a name to 'Grace', and the callback read {found['caller']!r}"
    return ""


RULES: Mapping[str, Callable[[Bent], str]] = MappingProxyType(
    {
        "arguments": arguments,
        "once": once,
        "not early": not_early,
        "not late": not_late,
        "order": order,
        "handle": handle,
        "not at once": not_at_once,
        "context": context,
    }
)


@check("what is not call_later is as it was", seconds=5)
def elsewhere(answer: Answer) -> None:
    play = Play(answer["Bent"])
    began = play.loop.time()
    for name in "ab":
        play.loop.call_soon(play.note(name), name)
    play.loop.call_at(began + 2, play.note("d"), "d")
    play.loop.call_at(began + 1, play.note("c"), "c")
    called = [(name, round(when - began, 3), *args) for name, when, args in play.run()]
    if called != [("a", 0, "a"), ("b", 0, "b"), ("c", 1, "c"), ("d", 2, "d")]:
        raise Wrong(
            "a and b were called soon, c and d with call_at after 1 and 2 s, each with its name as "
            f"an argument. Your loop called: {called}. Only call_later may change."
        )


@check("exactly one rule is broken", seconds=5)
def one_rule(answer: Answer) -> None:
    bent = answer["Bent"]
    broken = {name: told for name, rule in RULES.items() if (told := rule(bent))}
    if not broken:
        raise Wrong(
            "your call_later keeps all eight rules. Which one did you want to break, and for which "
            "delays, arguments or handles does it show?"
        )
    if len(broken) > 1:
        told = "; ".join(f"{name}: {what}" for name, what in broken.items())
        raise Wrong(f"your call_later breaks {len(broken)} rules. {told}. Break one alone.")


@check("a test of CPython's notices", seconds=10)
def is_noticed(answer: Answer) -> None:
    test = answer["NOTICED_BY"]
    if not isinstance(test, str):
        raise Wrong(f"NOTICED_BY should be the name of a test, as a text, and it is {test!r}.")
    if not are_here():
        raise Wrong(
            "this Python came without CPython's tests, so nobody can notice anything here: see "
            "whether `python -m test.test_asyncio` runs. On Debian the package "
            "libpython3-testsuite brings them; the installers of python.org have them."
        )
    test = test.removeprefix("test.").removeprefix("test_asyncio.")
    sound, bent = noticed(test, "Bent", answer.text)
    if sound.outcome == "not found":
        raise Wrong(
            f"there is no test {test} in this Python. A name is FILE.CLASS.METHOD; "
            "`help('test.test_asyncio.test_events')` lists those of one file."
        )
    if sound.outcome == "not one":
        raise Wrong(f"{test} is not one test but {sound.detail}. Which of them notices?")
    if sound.outcome == "skipped":
        raise Wrong(f"{test} is skipped on this machine: {sound.detail}. Choose another one.")
    if sound.outcome != "passed":
        raise Wrong(f"{test} fails on a sound MinirtEventLoop, too, so it notices nothing.")
    if bent.outcome == "raised":
        raise Wrong(
            "the test runs in a Python of its own, and your cell alone raised there: "
            f"{bent.detail}. Import what it uses in the cell itself."
        )
    if bent.outcome == "endless":
        raise Wrong(
            f"{test} never ends on your loop. So something is wrong, and it cannot say what: "
            "break a rule so that a test fails."
        )
    if bent.outcome != "failed":
        raise Wrong(f"{test} passes on your Bent as well: it does not look at the rule you broke.")


def bent(body: str, noticed_by: str = USUAL) -> str:
    return OPENING + body + noticed_by


HALF = """\
        return super().call_later(delay / 2, callback, *args, context=context)
"""
TWO_TIMERS = """\
        super().call_later(delay, callback, *args, context=context)
        return super().call_later(delay, callback, *args, context=context)
"""

BENDING = Exercise(
    name="bend_a_rule",
    chapter="10_run_asyncio_on_it",
    task=TASK,
    stub=STUB,
    checks=(elsewhere, one_rule, is_noticed),
    hints=(
        (
            "Read `test_call_later` and `test_run_until_complete` of SelectEventLoopTests: which "
            "of the eight rules would have to be broken so that their last lines fail?"
        ),
        (
            "`test_call_later` compares a list of what was called. A function that calls "
            "`callback(*args)` twice, handed to `super().call_later`, breaks one rule and no other."
        ),
    ),
    answer=ANSWER,
    wrong=(
        WrongAnswer(
            bent("        return super().call_later(delay, callback, *args, context=context)\n"),
            says="keeps all eight rules",
        ),
        WrongAnswer(bent(TWO_TIMERS), says="breaks 2 rules. once: one callback was called 2 times"),
        WrongAnswer(bent(HALF), says="test_call_later passes on your Bent as well"),
        WrongAnswer(
            ANSWER.replace(".test_call_later", ".test_call_twice"), says="there is no test"
        ),
        WrongAnswer(ANSWER.replace(".test_call_later", ""), says="is not one test but"),
    ),
)

EXERCISES = (BENDING,)
