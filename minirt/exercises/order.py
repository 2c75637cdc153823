"""Chapter 08: a quiz of ten programs, and a program that tells two loops apart."""

import random
from collections.abc import Callable, Sequence
from html import escape

from minirt.core.simulation import Simulation
from minirt.exercises.busy import real_time_is
from minirt.exercises.knobs import (
    ImmediatesUntilEmpty,
    ImmediatesUntilEmptyLoop,
    Program,
    order_of,
    printed_by,
    program,
)
from minirt.exercises.mechanism import Answer, Exercise, Wrong, WrongAnswer, check
from minirt.node.runtime import Runtime
from minirt.views.orders import Orders

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


class Disguised(Runtime):
    """`ImmediatesUntilEmpty` by another name: a program that asks what it runs on tells nothing."""

    make_loop = ImmediatesUntilEmptyLoop


Disguised.__name__ = Disguised.__qualname__ = Runtime.__name__


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
    if node != until_empty and node == told(answer, Disguised)[0]:
        raise Wrong(
            "your program asks for the name of the runtime that it runs on. Ask the order: on the "
            f"same loop by another name it prints {', '.join(node)}, too."
        )
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

EXERCISES = (TELLING,)
