"""Chapter 08: a quiz of ten programs, the phases in order, a program that tells loops apart."""

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from html import escape
from itertools import pairwise
from types import MappingProxyType
from typing import TypeAlias
from unittest.mock import patch

from minirt.core.loop import Loop
from minirt.core.simulation import Simulation
from minirt.exercises.busy import real_time_is
from minirt.exercises.knobs import (
    ImmediatesUntilEmpty,
    Program,
    order_of,
    printed_by,
    program,
)
from minirt.exercises.mechanism import Answer, Exercise, Wrong, WrongAnswer, check
from minirt.modules import fs
from minirt.node.ambient import set_timeout
from minirt.node.runtime import Runtime
from minirt.values import UNDEFINED, Callback
from minirt.views.orders import Orders

Say: TypeAlias = Callable[[str], Callback]
Main: TypeAlias = Callable[[Say], None]

# The quiz


class Guess:
    """What a reader expects of a program, beside what minirt and Node print."""

    def __init__(self, asked: Program, lines: Sequence[str]) -> None:
        self._asked = asked
        self._lines = list(lines)
        minirt = order_of(asked)
        node = list(asked.orders[0])
        self._answer = Orders({"minirt": minirt, "Node": node})
        self._overlaid = Orders({"you": self._lines, "minirt": minirt, "Node": node})
        self.is_untouched = self._lines == shuffled(asked)
        self.is_right = self._overlaid.first_difference is None

    def __repr__(self) -> str:
        if self.is_untouched:
            return self._verdict
        return f"{self._verdict}\n\n{self._overlaid.text}"

    def _repr_html_(self) -> str:
        if self.is_untouched:
            return (
                f"<p>{escape(self._verdict)}</p><details><summary>What minirt and Node print"
                f"</summary>{self._answer._repr_html_()}<p>{escape(self._rule)}</p></details>"
            )
        return f"<p>{escape(self._verdict)}</p>{self._overlaid._repr_html_()}"

    @property
    def _rule(self) -> str:
        return f"The rule: {self._asked.why}."

    @property
    def _verdict(self) -> str:
        number = self._asked.name.partition("_")[0]
        if self.is_untouched:
            return f"{number}: put the lines in the order that you expect, and run the cell again."
        if self.is_right:
            return f"✓ {number}: right. {self._rule}"
        other = sorted(set(self._asked.orders[0]) ^ set(self._lines))
        if other:
            return f"✗ {number}: these lines are not those of the program: {', '.join(other)}."
        return f"✗ {number}: not this order. {self._rule}"


def expect(number: str, lines: str) -> Guess:
    """What do you expect of this program? One line of `lines` for each that it prints."""
    return Guess(program(number), [line.strip() for line in lines.strip().splitlines()])


def shuffled(asked: Program) -> list[str]:
    """The lines of a program in an order that is not the right one."""
    right = list(asked.orders[0])
    lines = sorted(right)
    draw = random.Random(asked.name)
    while lines == right:
        draw.shuffle(lines)
    return lines


# The order of the phases

PHASES_TASK = """\
Write the turn of a loop. The seven phases are methods of `Loop` already: `pending_phase`,
`idle_phase`, `prepare_phase`, `poll_phase`, `check_phase`, `close_phase` and `timers_phase`, and
each may be called when it has nothing to do. Call them in Node's order, and tell `poll_phase`
whether it may sleep: `block`. The checks let programs of this chapter judge."""

PHASES_STUB = """\
from minirt.core.loop import Loop


class OwnLoop(Loop):
    def turn(self, block=True):
        self.turns += 1
        if self.turns == 1:
            self.timers_phase()  # once on entry
        ...
"""

PHASES_OPENING = PHASES_STUB[: PHASES_STUB.index("        ...")]
MANY_TURNS = 200
BUSY = 0.01  # s


def turn_of(phases: str) -> str:
    """An answer that calls these phases."""
    calls = "".join(f"        self.{name}_phase()\n" for name in phases.split())
    return PHASES_OPENING + calls.replace("poll_phase()", "poll_phase(block)")


PHASES_ANSWER = turn_of("pending idle prepare poll check close timers")


def on_own_loop(answer: Answer) -> type[Runtime]:
    """A runtime that makes the reader's loop."""
    loop = answer["OwnLoop"]
    if not (isinstance(loop, type) and issubclass(loop, Loop)):
        raise Wrong(f"your OwnLoop is {loop!r}. Let it be a class, and a subclass of Loop.")

    class OnOwnLoop(Runtime):
        make_loop = loop

    return OnOwnLoop


def order_on(answer: Answer, main: Main) -> list[str]:
    """What `main(say)` says on the reader's loop, in simulated time."""
    rt = on_own_loop(answer)(system=Simulation())
    said: list[str] = []

    def say(text: str) -> Callback:
        return lambda _: said.append(text)

    rt.start(lambda: main(say))
    for _ in range(MANY_TURNS):
        if not rt.tick():
            return said
    rt.close()
    missing = [
        name
        for name in ("immediate", "close", "timeout", "pending", "message", "file")
        if name in EXPECTED[main] and name not in said
    ]
    raise Wrong(
        f"after {MANY_TURNS} turns a program was not over. Still waiting: "
        f"{', '.join(missing) or 'nothing that it prints'}. Which phase is never entered?"
    )


def from_a_file(say: Say) -> None:
    """The callback of a file sets one of each, and is busy until the timer is due."""

    def done(_: object) -> None:
        rt = Runtime.current()
        say("file")(UNDEFINED)
        rt.set_timeout(1, say("timeout"))
        rt.call_in_close_phase(say("close"))
        rt.set_immediate(say("immediate"))
        rt.clock.sleep(BUSY)

    fs.stat(".", done)


def from_a_timer(say: Say) -> None:
    def due(_: object) -> None:
        rt = Runtime.current()
        rt.set_immediate(say("immediate"))
        rt.call_from_thread(say("message"))
        rt.call_in_pending_phase(say("pending"))

    set_timeout(5, due)


EXPECTED: Mapping[Main, tuple[str, ...]] = MappingProxyType(
    {
        from_a_file: ("file", "immediate", "close", "timeout"),
        from_a_timer: ("pending", "message", "immediate"),
    }
)


def compared(answer: Answer, main: Main, where: str) -> None:
    said = order_on(answer, main)
    expected = list(EXPECTED[main])
    if said != expected:
        raise Wrong(
            f"{where}, Node's loop calls {', '.join(expected)}. Yours called {', '.join(said)}."
        )


@check("after a file's callback come immediates, close callbacks, timers")
def after_the_poll(answer: Answer) -> None:
    compared(answer, from_a_file, "after a file's callback that set one of each")


@check("after a timer come pending callbacks, messages, immediates")
def after_the_timers(answer: Answer) -> None:
    compared(answer, from_a_timer, "after a timer that set one of each")


@check("the programs 28, 29, 32, 40, 47 and 71 print what Node prints")
def recorded_programs(answer: Answer) -> None:
    for number in ("28", "29", "32", "40", "47", "71"):
        one = program(number)
        lines = order_of(one, on_own_loop(answer))
        if tuple(lines) not in one.orders:
            raise Wrong(
                f"{one.name}: Node prints {', '.join(one.orders[0])}; on your loop it printed "
                f"{', '.join(lines)}. The rule: {one.why}."
            )


ORDER = ("pending", "idle", "prepare", "poll", "check", "close", "timers")


@check("a turn enters each phase once, and the poll sleeps only if it may")
def each_phase_once(answer: Answer) -> None:
    for block in (True, False):
        entered: list[str] = []
        told: list[object] = []
        turn_with_spies(answer, block, entered, told)
        first = entered.index("pending") if "pending" in entered else 0  # timers on entry
        entered = entered[first:]
        for name in ORDER:
            times = entered.count(name)
            if times != 1:
                said = "never enters" if times == 0 else f"enters {times} times"
                raise Wrong(f"one turn of your loop {said} the phase {name}, and not once.")
        swapped = next(
            ((one, other) for one, other in pairwise(ORDER) if not follows(entered, one, other)),
            None,
        )
        if swapped is not None:
            raise Wrong(
                f"your turn enters {swapped[1]} before {swapped[0]}. Whoever watches a socket "
                "prepares the poll right before it, and idle handles come earlier."
            )
        if told != [block]:
            raise Wrong(
                f"turn(block={block}) was called, and your poll_phase was told {told[0]}. Hand "
                "`block` on: a turn that may not sleep must come back at once."
            )


def follows(entered: Sequence[str], one: str, other: str) -> bool:
    return entered.index(one) < entered.index(other)


def turn_with_spies(answer: Answer, block: bool, entered: list[str], told: list[object]) -> None:
    """One turn of the reader's loop, which tells what it enters and what the poll is told."""
    runtime = on_own_loop(answer)(system=Simulation())
    runtime.start(lambda: None)
    loop = runtime.loop
    with ExitStack() as stack:
        for name in ORDER:

            def spy(block: bool = True, name: str = name) -> None:
                entered.append(name)
                if name == "poll":
                    told.append(block)

            stack.enter_context(patch.object(type(loop), f"{name}_phase", staticmethod(spy)))
        loop.turn(block)
    runtime.close()


PHASES = Exercise(
    name="phase_order",
    chapter="08_nodes_order",
    task=PHASES_TASK,
    stub=PHASES_STUB,
    checks=(after_the_poll, after_the_timers, recorded_programs, each_phase_once),
    hints=(
        "The table at the top of the chapter has one row a phase. Each row is one line of yours.",
        (
            "self.pending_phase(), self.idle_phase(), self.prepare_phase(), "
            "self.poll_phase(block), then three more. The timers had a turn on entry: where in the "
            "circle is their place?"
        ),
    ),
    answer=PHASES_ANSWER,
    wrong=(
        WrongAnswer(  # timers before the immediates
            turn_of("pending idle prepare poll timers check close"),
            says="Yours called file, timeout, immediate, close",
        ),
        WrongAnswer(  # close before check
            turn_of("pending idle prepare poll close check timers"),
            says="Yours called file, close, immediate, timeout",
        ),
        WrongAnswer(  # close at the very end
            turn_of("pending idle prepare poll check timers close"),
            says="Yours called file, immediate, timeout, close",
        ),
        WrongAnswer(  # check before the poll
            turn_of("pending idle prepare check poll close timers"),
            says="Yours called file, close, timeout, immediate",
        ),
        WrongAnswer(  # no close phase: the loop stays alive
            turn_of("pending idle prepare poll check timers"),
            says="Still waiting: close",
        ),
        WrongAnswer(  # no check phase
            turn_of("pending idle prepare poll close timers"),
            says="Still waiting: immediate",
        ),
        WrongAnswer(  # pending after the poll
            turn_of("idle prepare poll pending check close timers"),
            says="Yours called message, pending, immediate",
        ),
        WrongAnswer(  # the immediates until none is left
            PHASES_ANSWER.replace(
                "        self.check_phase()\n",
                "        while self.immediates.callbacks:\n            self.check_phase()\n",
            ),
            says="71_immediate_breeds_timer_between: Node prints i1, timeout, i2",
        ),
    ),
)


# The program that tells two loops apart

TELLING_TASK = """\
`ImmediatesUntilEmpty` runs an immediate that is set by an immediate in the same phase; Node's loop
waits a turn. Program 40, A B C, prints the same on both. Write the `main` of a program that tells
them apart: it prints the same lines on both loops, in another order, and on each loop the same
order with every seed. It runs in simulated time, where `Runtime.current().clock.sleep(0.01)` is a
callback that is busy for 10 ms."""

TELLING_STUB = '''\
from minirt import Runtime, set_immediate, set_timeout


def main():
    """Prints its lines in one order on Node's loop, in another on ImmediatesUntilEmpty."""
    ...
'''

TELLING_OPENING = TELLING_STUB[: TELLING_STUB.index("    ...")]

TELLING_ANSWER = """\
    def breed(_):
        set_timeout(1, lambda _: print("timeout"))
        set_immediate(lambda _: print("bred"))
        Runtime.current().clock.sleep(0.01)

    set_immediate(breed)
"""

SEEDS = range(12)


def told(answer: Answer, loop: Callable[..., Runtime]) -> list[list[str]]:
    """What the reader's program prints on this loop with each seed."""
    main = answer["main"]
    printed = []
    for seed in SEEDS:
        simulation = Simulation(seed)
        with real_time_is(simulation, getattr(main, "__globals__", {})):
            printed.append(printed_by(main, loop(system=simulation)))
    return printed


FOR_EVER = (
    "Does your program breed immediates for ever? On the loop that goes on until none is left, the "
    "phase never ends. Let it stop after a few."
)


@check("the program ends on both loops, and prints", seconds=2, hangs=FOR_EVER)
def ends(answer: Answer) -> None:
    told(answer, ImmediatesUntilEmpty)
    if not told(answer, Runtime)[0]:
        raise Wrong("your program printed nothing: nobody can tell anything by it.")


@check("on each loop the order is the same with every seed", seconds=2, hangs=FOR_EVER)
def no_race(answer: Answer) -> None:
    for loop, name in ((Runtime, "Node's loop"), (ImmediatesUntilEmpty, "ImmediatesUntilEmpty")):
        orders = told(answer, loop)
        other = next((order for order in orders if order != orders[0]), None)
        if other is not None:
            raise Wrong(
                f"on {name} your program prints {', '.join(orders[0])} with one seed and "
                f"{', '.join(other)} with another: a race. It tells seeds apart, not loops."
            )


@check("the two loops print the same lines in another order", seconds=2, hangs=FOR_EVER)
def differ(answer: Answer) -> None:
    node, until_empty = told(answer, Runtime)[0], told(answer, ImmediatesUntilEmpty)[0]
    if node == until_empty:
        raise Wrong(
            f"both loops print {', '.join(node)}. What else could run between an immediate and the "
            "one that it sets? And is it due by then? (To be busy is "
            "Runtime.current().clock.sleep(0.01).)"
        )
    if sorted(node) != sorted(until_empty):
        raise Wrong(
            f"Node's loop prints {', '.join(node)}, the other {', '.join(until_empty)}: these are "
            "other lines, not another order. Print what ran, and nothing about the loop."
        )


TELLING = Exercise(
    name="tell_apart",
    chapter="08_nodes_order",
    task=TELLING_TASK,
    stub=TELLING_STUB,
    checks=(ends, no_race, differ),
    hints=(
        (
            "Between two check phases lie close, timers and poll. Something of theirs has to be "
            "ready when the first immediate is over."
        ),
        (
            "In an immediate: set a timer of 1 ms and another immediate, then be busy until the "
            "timer is due. Which of the two comes first on each loop?"
        ),
    ),
    answer=TELLING_OPENING + TELLING_ANSWER,
    wrong=(
        WrongAnswer(  # program 40
            TELLING_OPENING
            + "    def first(_):\n"
            + '        print("A")\n'
            + '        set_immediate(lambda _: print("C"))\n'
            + "\n"
            + "    set_immediate(first)\n"
            + '    set_immediate(lambda _: print("B"))\n',
            says="both loops print A, B, C",
        ),
        WrongAnswer(  # the timer is not due yet
            TELLING_OPENING
            + TELLING_ANSWER.replace("        Runtime.current().clock.sleep(0.01)\n", ""),
            says="both loops print bred, timeout",
        ),
        WrongAnswer(  # the timer comes in the phase before
            TELLING_OPENING
            + '    set_timeout(0, lambda _: print("timeout"))\n'
            + "    Runtime.current().clock.sleep(0.01)\n"
            + '    set_immediate(lambda _: print("immediate"))\n',
            says="both loops print timeout, immediate",
        ),
        WrongAnswer(  # a race of the main script
            TELLING_OPENING
            + '    set_timeout(0, lambda _: print("timeout"))\n'
            + '    set_immediate(lambda _: print("immediate"))\n',
            says="It tells seeds apart, not loops",
        ),
        WrongAnswer(  # counts turns
            TELLING_OPENING
            + "    def breed(_):\n"
            + '        set_immediate(lambda _: print("turn", Runtime.current().ticks))\n'
            + "\n"
            + "    set_immediate(breed)\n",
            says="not another order",
        ),
        WrongAnswer(  # keeps it to itself
            TELLING_OPENING
            + TELLING_ANSWER.replace('print("timeout")', "None").replace('print("bred")', "None"),
            says="printed nothing",
        ),
        WrongAnswer(  # breeds for ever
            TELLING_OPENING
            + "    def breed(_):\n"
            + '        print("bred")\n'
            + "        set_immediate(breed)\n"
            + "\n"
            + "    set_immediate(breed)\n"
            + "    set_timeout(5, lambda _: Runtime.current().stop())\n",
            says="breed immediates for ever",
        ),
    ),
)

EXERCISES = (PHASES, TELLING)
