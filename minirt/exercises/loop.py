"""Chapter 06: a turn that calls no more than so many callbacks, and the program that spins."""

from collections.abc import Callable
from functools import partial
from typing import Any

from minirt.core.simulation import Simulation
from minirt.exercises.mechanism import Answer, Exercise, Wrong, WrongAnswer, check
from minirt.node.ambient import (
    clear_interval,
    next_tick,
    set_immediate,
    set_interval,
    set_timeout,
)
from minirt.node.runtime import Runtime

# A cap on the callbacks of one turn

CAP_TASK = """\
A thousand immediates in one turn keep every socket and every timer waiting. Write a check phase
that calls at most `most` immediates a turn, the oldest first; the others wait for the next turn,
and are called before those that were set meanwhile. As in Node, an immediate that is set by an
immediate waits for the next turn, even if there was room for it in this one. One that raises ends
the phase: its exception leaves `phase()`, and the others wait for the next turn, none lost."""

CAP_STUB = '''\
class CappedCheck:
    def __init__(self, most):
        self.most = most
        self.immediates = []  # what waits, the oldest first

    def set_immediate(self, callback):
        self.immediates.append(callback)

    def phase(self):
        """Call at most `most` of what waited when the phase began."""
        ...
'''

CAP_OPENING = CAP_STUB[: CAP_STUB.index("    def phase")]

CAP_ANSWER = """\
    def phase(self):
        for _ in range(min(self.most, len(self.immediates))):
            callback = self.immediates.pop(0)
            callback()
"""


class Checked:
    """A check phase of the reader's, and what it called."""

    def __init__(self, answer: Answer, most: int) -> None:
        self.check: Any = answer["CappedCheck"](most)
        self.called: list[str] = []

    def add(self, name: str, inside: Callable[[], object] | None = None) -> None:
        def callback(value: object = None) -> None:  # with a value or without
            self.called.append(name)
            if inside is not None:
                inside()

        self.check.set_immediate(callback)

    def phase(self) -> list[str]:
        """What the next phase calls."""
        self.called = []
        self.check.phase()
        return self.called


@check("calls what waits, the oldest first")
def in_order(answer: Answer) -> None:
    on = Checked(answer, most=10)
    for name in "abc":
        on.add(name)
    called = on.phase()
    if called == ["c", "b", "a"]:
        raise Wrong(
            "a, b and c were set in this order, and you called c first: last in, first out."
        )
    if called != ["a", "b", "c"]:
        raise Wrong(f"a, b and c waited, and your phase called {called}.")
    if on.phase():
        raise Wrong(f"in the next turn nothing waited, and your phase called {on.called} again.")


@check("calls no more than `most` in one turn, and the others later")
def capped(answer: Answer) -> None:
    on = Checked(answer, most=2)
    for name in "abcde":
        on.add(name)
    turns = [on.phase() for _ in range(3)]
    if len(turns[0]) != 2:
        raise Wrong(f"with most=2 your first turn called {len(turns[0])}: {turns[0]}.")
    if turns != [["a", "b"], ["c", "d"], ["e"]]:
        raise Wrong(f"five waited, two a turn, and your turns called {turns}: not each one once.")


@check("leaves an immediate that an immediate sets to the next turn")
def nested_waits(answer: Answer) -> None:
    on = Checked(answer, most=3)
    on.add("a", inside=lambda: on.add("set by a"))
    first, second = on.phase(), on.phase()
    if first != ["a"]:
        raise Wrong(
            "`a` set another immediate, and you called it in the same turn: two that set each "
            "other would use up every turn's share, and a mended loop would still starve."
        )
    if second != ["set by a"]:
        raise Wrong(
            "`a` set another immediate while it ran, and yours was never called: it is lost."
        )


@check("puts what is left over before what is new")
def leftovers_first(answer: Answer) -> None:
    on = Checked(answer, most=2)
    on.add("a", inside=lambda: on.add("set by a"))
    for name in "bc":
        on.add(name)
    on.phase()
    second = on.phase()
    if second != ["c", "set by a"]:
        raise Wrong(
            f"`c` was left over from the turn before, and your next turn called {second}. The "
            "oldest comes first, or it could wait for ever."
        )


class Failure(Exception):
    """What a callback of a check raises."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in a callback: the program of a notebook may go on after it."""


@check("loses none when a callback raises")
def survives(answer: Answer) -> None:
    for raised, what in ((Failure, "raised"), (Interrupted, "was interrupted by Ctrl-C")):
        on = Checked(answer, most=3)
        on.add("a", inside=partial(fail, raised))
        on.add("b")
        try:
            on.phase()
        except raised:
            pass
        else:
            raise Wrong(
                "`a` raised, and your phase kept the exception to itself: nobody will know."
            )
        if "b" in on.called:
            raise Wrong(
                f"`a` {what}, and you called `b` in the same turn. The exception ends the phase: "
                "`b` waits for the next turn."
            )
        try:
            called = on.phase()
        except raised:
            raise Wrong(
                f"`a` {what}, and your next turn called it again: a callback is called once."
            ) from None
        if called != ["b"]:
            raise Wrong(
                f"`a` {what}, and `b`, which waited behind it, was never called: it is lost."
            )


def fail(error: type[BaseException]) -> None:
    raise error


CAP = Exercise(
    name="cap_per_turn",
    chapter="06_the_event_loop",
    task=CAP_TASK,
    stub=CAP_STUB,
    checks=(in_order, capped, nested_waits, leftovers_first, survives),
    hints=(
        (
            "How many will you call? That number is fixed when the phase begins: two numbers limit "
            "it. And when should a callback leave the list, before its call or after?"
        ),
        (
            "for _ in range(min(self.most, len(self.immediates))): take the first one out with "
            "pop(0), then call it. What is set meanwhile is appended behind, and range() does not "
            "look again."
        ),
    ),
    answer=CAP_OPENING + CAP_ANSWER,
    wrong=(
        WrongAnswer(  # last in, first out
            CAP_OPENING + CAP_ANSWER.replace("pop(0)", "pop()"),
            says="you called c first: last in, first out",
        ),
        WrongAnswer(  # never takes them out
            CAP_OPENING
            + "    def phase(self):\n"
            + "        for callback in self.immediates[: self.most]:\n"
            + "            callback()\n",
            says="in the next turn nothing waited",
        ),
        WrongAnswer(  # no cap
            CAP_OPENING
            + CAP_ANSWER.replace("min(self.most, len(self.immediates))", "len(self.immediates)"),
            says="with most=2 your first turn called 5",
        ),
        WrongAnswer(  # the swap of the package, without the rest
            CAP_OPENING
            + "    def phase(self):\n"
            + "        batch, self.immediates = self.immediates, []\n"
            + "        for callback in batch[: self.most]:\n"
            + "            callback()\n",
            says="not each one once",
        ),
        WrongAnswer(  # new ones join in
            CAP_OPENING
            + "    def phase(self):\n"
            + "        called = 0\n"
            + "        while self.immediates and called < self.most:\n"
            + "            called += 1\n"
            + "            self.immediates.pop(0)()\n",
            says="you called it in the same turn",
        ),
        WrongAnswer(  # cuts the list after the calls
            CAP_OPENING
            + "    def phase(self):\n"
            + "        for callback in self.immediates[: self.most]:\n"
            + "            callback()\n"
            + "        self.immediates = self.immediates[self.most :]\n",
            says="yours was never called: it is lost",
        ),
        WrongAnswer(  # what is left over goes behind
            CAP_OPENING
            + "    def phase(self):\n"
            + "        batch, self.immediates = self.immediates, []\n"
            + "        for callback in batch[: self.most]:\n"
            + "            callback()\n"
            + "        self.immediates += batch[self.most :]\n",
            says="`c` was left over from the turn before",
        ),
        WrongAnswer(  # swaps, and puts the rest back too late
            CAP_OPENING
            + "    def phase(self):\n"
            + "        batch, self.immediates = self.immediates, []\n"
            + "        for callback in batch[: self.most]:\n"
            + "            callback()\n"
            + "        self.immediates = batch[self.most :] + self.immediates\n",
            says="`b`, which waited behind it, was never called",
        ),
        WrongAnswer(  # takes it out after the call
            CAP_OPENING
            + CAP_ANSWER.replace("immediates.pop(0)", "immediates[0]").replace(
                "            callback()\n",
                "            callback()\n            self.immediates.pop(0)\n",
            ),
            says="your next turn called it again",
        ),
        WrongAnswer(  # swallows the error
            CAP_OPENING
            + CAP_ANSWER.replace(
                "            callback()\n",
                "            try:\n"
                "                callback()\n"
                "            except Exception:\n"
                "                pass\n",
            ),
            says="kept the exception to itself",
        ),
    ),
)


# The program that spins

SPIN_TASK = """\
A loop spins when it turns and turns and never sleeps. Write `spins`: it starts `main` on `rt`, a
new Runtime in simulated time, turns its loop with `rt.tick()`, and says True as soon as a tenth of
a second of the program's time (`rt.clock.now()`) has taken more than 1,000 turns. When the program
ends, or one second of its time has passed, it says False. An interval of 1 ms makes 100 turns in a
tenth of a second: it does not spin."""

SPIN_STUB = '''\
def spins(rt, main):
    """Does the loop of this program turn without ever sleeping?"""
    rt.start(main)
    ...
'''

SPIN_ANSWER = """\
def spins(rt, main):
    rt.start(main)
    began = window = rt.clock.now()
    turns = 0
    while rt.clock.now() < began + 1 and rt.tick():
        turns += 1
        if turns > 1000:
            return True
        if rt.clock.now() > window + 0.1:
            window, turns = rt.clock.now(), 0
    return False
"""


ENOUGH = 5_000  # turns


def ends_at_once() -> None:
    pass


def a_few_timers() -> None:
    for ms in (5, 50, 500):
        set_timeout(ms, lambda _: None)


def waits_actively() -> None:
    """Asks in each turn whether a timer has fired."""
    done: list[object] = []
    set_timeout(400, done.append)

    def ask(_: object) -> None:
        if not done:
            set_immediate(ask)

    set_immediate(ask)


def spins_for_ever() -> None:
    if Runtime.current().ticks > ENOUGH:
        raise Wrong(
            f"your spins looked at {ENOUGH:,} turns of a program that spins, and had not said so. "
            "One that spins never ends by itself: say it as soon as you know."
        )
    set_immediate(lambda _: spins_for_ever())


def beats_for_ever() -> None:
    set_interval(10, lambda _: None)


def beats_fast() -> None:
    """900 turns of 1 ms: many, and between any two of them it sleeps."""
    interval = set_interval(1, lambda _: None)
    set_timeout(900, lambda _: clear_interval(interval))


def beats_fast_for_long() -> None:
    set_interval(1, lambda _: None)
    set_timeout(3000, lambda _: None)


def busy_in_parts() -> None:
    """400 turns at once, then rest until 100 ms are over, and again: never 1,000 in a tenth."""

    def ask(left: int) -> None:
        if left:
            set_immediate(lambda _: ask(left - 1))

    set_interval(100, lambda _: ask(400))


def one_long_callback() -> None:
    """200 immediates in one turn, and 5,000 ticks after one callback: much work, two turns."""
    for _ in range(200):
        set_immediate(lambda _: None)

    def tick(left: int) -> None:
        if left:
            next_tick(lambda _: tick(left - 1))

    tick(5000)


def spins_late() -> None:
    """Quiet for 600 ms, then busy for 50."""
    done: list[object] = []

    def ask(_: object) -> None:
        if not done:
            set_immediate(ask)

    def begin(_: object) -> None:
        set_timeout(50, done.append)
        ask(None)

    set_timeout(600, begin)


def judged(answer: Answer, main: Callable[[], object]) -> tuple[bool, Runtime]:
    rt = Runtime(system=Simulation())
    try:
        verdict = answer["spins"](rt, main)
    finally:
        rt.close()
    if verdict is None:
        raise Wrong("your spins gave None. Does every way out `return` True or False?")
    return bool(verdict), rt


@check("a program that ends does not spin")
def quiet(answer: Answer) -> None:
    for main, what in ((ends_at_once, "does nothing"), (a_few_timers, "sets three timers")):
        if judged(answer, main)[0]:
            raise Wrong(f"a program that {what} and ends was said to spin.")


@check(
    "a program that asks in every turn does spin",
    seconds=4,
    hangs="One that spins never ends by itself: say True as soon as you know.",
)
def spinning(answer: Answer) -> None:
    if not judged(answer, waits_actively)[0]:
        raise Wrong(
            "an immediate set itself again until a timer of 400 ms had fired, 40,000 turns, and "
            "your spins said False."
        )
    if not judged(answer, spins_for_ever)[0]:
        raise Wrong("a program whose immediate sets itself again for ever was said not to spin.")


@check(
    "a program with an interval does not spin",
    seconds=2,
    hangs="A program with an interval never ends: give up after one second of its time.",
)
def beating(answer: Answer) -> None:
    if judged(answer, beats_for_ever)[0]:
        raise Wrong("an interval of 10 ms was said to spin.")
    if judged(answer, beats_fast)[0]:
        raise Wrong(
            "an interval of 1 ms was said to spin. 900 turns in 900 ms are many, but the loop "
            "slept before each of them."
        )
    spins, rt = judged(answer, beats_fast_for_long)
    if spins:
        raise Wrong(
            "an interval of 1 ms was said to spin after a second: you counted all its turns, not "
            "those in a tenth of a second."
        )
    if judged(answer, busy_in_parts)[0]:
        raise Wrong(
            "a program made 400 turns every 100 ms, and was said to spin: you counted all its "
            "turns, not those in a tenth of a second. Does your count begin again?"
        )
    if rt.clock.now() > 1.5:
        raise Wrong(f"you looked at {rt.clock.now():.1f} s of the program; one second is enough.")


@check("much work in one turn is no spinning")
def working(answer: Answer) -> None:
    if judged(answer, one_long_callback)[0]:
        raise Wrong("200 immediates in one turn were said to spin: count turns, not callbacks.")


@check("notices a program that begins to spin late")
def late(answer: Answer) -> None:
    if not judged(answer, spins_late)[0]:
        raise Wrong(
            "a program was quiet for 600 ms, then took 5,000 turns in 50 ms, and your spins said "
            "False. An average over the whole time hides it: look at one tenth of a second after "
            "the other."
        )


SPIN = Exercise(
    name="find_the_spin",
    chapter="06_the_event_loop",
    task=SPIN_TASK,
    stub=SPIN_STUB,
    checks=(quiet, spinning, beating, working, late),
    hints=(
        (
            "`rt.tick()` is one turn, and says whether there will be another. Between two turns "
            "you can look at `rt.clock.now()`: what does it do while the loop sleeps, and what "
            "while it spins?"
        ),
        (
            "Keep the time at which the present tenth of a second began, and the turns since then. "
            "More than 1,000 turns: return True. More than 0.1 s: begin a new tenth, with no "
            "turns. Leave the loop when tick() is False or a second has passed: return False."
        ),
    ),
    answer=SPIN_ANSWER,
    wrong=(
        WrongAnswer(  # looks at the whole run
            "def spins(rt, main):\n"
            "    rt.start(main)\n"
            "    turns = 0\n"
            "    while rt.tick():\n"
            "        turns += 1\n"
            "    return turns > 1000\n",
            says="and had not said so. One that spins never ends by itself",
        ),
        WrongAnswer(  # waits for the end of a program that never ends
            SPIN_ANSWER.replace("rt.clock.now() < began + 1 and rt.tick()", "rt.tick()"),
            says="A program with an interval never ends",
        ),
        WrongAnswer(  # counts all turns
            "def spins(rt, main):\n"
            "    rt.start(main)\n"
            "    while rt.clock.now() < 2 and rt.tick():\n"
            "        if rt.ticks > 1000:\n"
            "            return True\n"
            "    return False\n",
            says="you counted all its turns",
        ),
        WrongAnswer(  # an average
            "def spins(rt, main):\n"
            "    rt.start(main)\n"
            "    while rt.clock.now() < 1 and rt.tick():\n"
            "        pass\n"
            "    return rt.ticks > 10_000 * rt.clock.now()\n",
            says="your spins looked at 5,000 turns",
        ),
        WrongAnswer(  # an average, earlier
            "def spins(rt, main):\n"
            "    rt.start(main)\n"
            "    began = rt.clock.now()\n"
            "    while rt.clock.now() < 1 and rt.tick():\n"
            "        if rt.ticks > 1000 and rt.ticks > 10_000 * (rt.clock.now() - began):\n"
            "            return True\n"
            "    return False\n",
            says="An average over the whole time hides it",
        ),
        WrongAnswer(  # alive is not the same as busy
            "def spins(rt, main):\n"
            "    rt.start(main)\n"
            "    while rt.clock.now() < 1:\n"
            "        if not rt.tick():\n"
            "            return False\n"
            "    return True\n",
            says="an immediate set itself again until a timer of 400 ms had fired",
        ),
        WrongAnswer(  # too strict
            SPIN_ANSWER.replace("turns > 1000", "turns > 50"),
            says="an interval of 1 ms was said to spin. 900 turns",
        ),
        WrongAnswer(  # the other way round
            SPIN_ANSWER.replace("return True", "return").replace("return False", "return True"),
            says="a program that does nothing and ends was said to spin",
        ),
        WrongAnswer(  # forgets one of the ways out
            SPIN_ANSWER.replace("    return False\n", ""),
            says="Does every way out `return` True or False?",
        ),
    ),
)

EXERCISES = (CAP, SPIN)
