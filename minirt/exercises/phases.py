"""Chapter 08: a function that says what Node's loop would do, without a loop."""

import copy
import random
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import TypeAlias

from minirt.core.simulation import Simulation
from minirt.exercises.mechanism import Answer, Exercise, Wrong, WrongAnswer, check
from minirt.node.runtime import Runtime
from minirt.values import Callback

Plan: TypeAlias = Mapping[str, Sequence[tuple[str, str]]]  # who sets what: (kind, name)

KINDS = ("tick", "microtask", "immediate", "close", "timer")
BUSY = 0.002  # s: longer than the shortest timer
DRAWN = 50  # programs
LARGEST = 9  # callbacks of one of them

LEFT_OVER = "Is something left in a queue that is never emptied?"

TASK = """\
Predict a program without running it. `program` says what each callback sets, as pairs of kind and
name: {"main": [("immediate", "A"), ("tick", "B")], "A": [("timer", "C")]}. The kinds are "tick",
"microtask", "immediate", "close" (a callback of the close phase) and "timer". Each timer is one of
1 ms, and each callback is busy for 2 ms, so a timer is due as soon as the timers have their turn
again. Write `order`: it gives the names in the order in which Node's loop calls them, "main" first.
Every rule that it needs is in this chapter. The checks run each program on minirt's loop, and
compare."""

STUB = '''\
def order(program):
    """The names of the callbacks, in the order in which they are called."""
    ...
'''

ANSWER = '''\
from collections import deque


def order(program):
    """The names of the callbacks, in the order in which they are called."""
    called = []
    waiting = {kind: deque() for kind in ("tick", "microtask", "immediate", "close", "timer")}

    def call(name):
        called.append(name)
        for kind, other in program.get(name, ()):
            waiting[kind].append(other)

    def drain():
        while waiting["tick"] or waiting["microtask"]:
            for kind in ("tick", "microtask"):
                while waiting[kind]:
                    call(waiting[kind].popleft())

    def phase(kind):
        for _ in range(len(waiting[kind])):
            call(waiting[kind].popleft())
            drain()

    call("main")
    drain()
    phase("timer")  # once on entry
    while any(waiting.values()):
        phase("immediate")
        phase("close")
        phase("timer")
    return called
'''


def on_the_loop(program: Plan) -> list[str]:
    """What minirt's loop calls, in simulated time."""
    rt = Runtime(system=Simulation())
    called: list[str] = []
    setters: dict[str, Callable[[Callback], object]] = {
        "tick": rt.next_tick,
        "microtask": rt.queue_microtask,
        "immediate": rt.set_immediate,
        "close": rt.call_in_close_phase,
        "timer": partial(rt.set_timeout, 1),
    }

    def call(name: str) -> None:
        called.append(name)
        for kind, other in program.get(name, ()):
            setters[kind](partial(called_back, other))
        rt.clock.sleep(BUSY)

    def called_back(name: str, _: object) -> None:
        call(name)

    rt.run(lambda: call("main"))
    return called


def drawn(seed: int) -> Plan:
    """A program at random: each callback is set by one of those before it."""
    draw = random.Random(seed)
    program: dict[str, list[tuple[str, str]]] = {}
    names = ["main"]
    for name in "ABCDEFGHI"[: draw.randint(3, LARGEST)]:
        program.setdefault(draw.choice(names), []).append((draw.choice(KINDS), name))
        names.append(name)
    return program


@cache
def programs_drawn() -> tuple[tuple[Plan, tuple[str, ...]], ...]:
    """Those of the check, the smallest first, each with its order."""
    found = sorted(map(drawn, range(DRAWN)), key=lambda one: sum(map(len, one.values())))
    return tuple((one, tuple(on_the_loop(one))) for one in found)


def compared(answer: Answer, program: Plan, expected: Sequence[str], rule: str = "") -> None:
    given = answer["order"](copy.deepcopy(program))
    if given is None:
        raise Wrong("your order gave None. Does it `return` the names?")
    if not isinstance(given, list | tuple):
        raise Wrong(f"your order gave {given!r:.60}, and not a list of names.")
    if list(given) == list(expected):
        return
    told = f"for {program} the loop calls {', '.join(expected)}; your order says "
    told += ", ".join(map(str, given)) or "nothing"
    missing, more = set(expected) - set(given), [one for one in given if given.count(one) > 1]
    if missing:
        told += f". Never called: {', '.join(sorted(missing))}"
    elif more:
        told += f". Called more than once: {more[0]}"
    raise Wrong(f"{told}. {rule}".rstrip())


@check("main first, then its ticks, then its microtasks", seconds=1, hangs=LEFT_OVER)
def after_main(answer: Answer) -> None:
    compared(answer, {}, ["main"], "Even a program that sets nothing has its main.")
    program = {"main": [("microtask", "A"), ("tick", "B"), ("microtask", "C"), ("tick", "D")]}
    compared(answer, program, ["main", "B", "D", "A", "C"], "All ticks, then all microtasks.")


@check("a tick that a microtask sets waits for the other microtasks", seconds=1, hangs=LEFT_OVER)
def both_until_empty(answer: Answer) -> None:
    program = {
        "main": [("microtask", "A"), ("microtask", "B")],
        "A": [("tick", "C")],
        "C": [("microtask", "D")],
    }
    compared(answer, program, ["main", "A", "B", "C", "D"], "One queue until it is empty.")


@check("after the poll immediates, then close callbacks, then timers", seconds=1, hangs=LEFT_OVER)
def around(answer: Answer) -> None:
    program = {
        "main": [("immediate", "A")],
        "A": [("timer", "B"), ("close", "C"), ("immediate", "D")],
    }
    rule = "Begin at the poll, and go round the circle."
    compared(answer, program, ["main", "A", "C", "B", "D"], rule)


@check("the timers have their turn on entry, too", seconds=1, hangs=LEFT_OVER)
def entry(answer: Answer) -> None:
    program = {"main": [("immediate", "A"), ("timer", "B")], "B": [("immediate", "C")]}
    rule = "main was busy for 2 ms: what is due when the loop enters?"
    compared(answer, program, ["main", "B", "A", "C"], rule)


@check("ticks and microtasks follow each callback of a phase", seconds=1, hangs=LEFT_OVER)
def after_each(answer: Answer) -> None:
    for kind in ("immediate", "timer", "close"):
        program = {
            "main": [(kind, "A"), (kind, "B")],
            "A": [("microtask", "C"), ("tick", "D")],
        }
        rule = f"A and B are of one phase ({kind}), and C and D belong to A."
        compared(answer, program, ["main", "A", "D", "C", "B"], rule)


@check("what a phase adds to itself waits until it comes again", seconds=1, hangs=LEFT_OVER)
def batches(answer: Answer) -> None:
    for kind, between in (("immediate", "timer"), ("timer", "immediate"), ("close", "timer")):
        program = {"main": [("tick", "A")], "A": [(kind, "B")], "B": [(kind, "C"), (between, "D")]}
        rule = f"B and C are of one phase ({kind}): C is set when that phase has begun."
        compared(answer, program, ["main", "A", "B", "D", "C"], rule)


@check("fifty programs drawn at random", seconds=1, hangs=LEFT_OVER)
def at_random(answer: Answer) -> None:
    for program, expected in programs_drawn():
        compared(answer, program, expected)


PHASES = Exercise(
    name="phase_order",
    chapter="08_nodes_order",
    task=TASK,
    stub=STUB,
    checks=(after_main, both_until_empty, around, entry, after_each, batches, at_random),
    hints=(
        (
            "Which queues are there, and when is each of them emptied? Two are emptied after every "
            "callback, three in their phase. And what does a phase look at when it begins?"
        ),
        (
            "A deque for each kind. call(name) notes the name and puts what it sets into the "
            "deques. drain() empties ticks and microtasks, phase(kind) calls as many as waited "
            "when it began, with drain() after each. Then: main, the timers once, and round and "
            "round."
        ),
    ),
    answer=ANSWER,
    wrong=(
        WrongAnswer(  # one queue
            "def order(program):\n"
            "    called, waiting = [], ['main']\n"
            "    while waiting:\n"
            "        name = waiting.pop(0)\n"
            "        called.append(name)\n"
            "        waiting += [other for _, other in program.get(name, ())]\n"
            "    return called\n",
            says="All ticks, then all microtasks",
        ),
        WrongAnswer(  # a tick comes before the next microtask
            ANSWER.replace("while waiting[kind]:", "if waiting[kind]:"),
            says="your order says main, B, A, D, C",
        ),
        WrongAnswer(  # asks for ticks after each microtask
            ANSWER.replace(
                '            for kind in ("tick", "microtask"):\n'
                "                while waiting[kind]:\n"
                "                    call(waiting[kind].popleft())\n",
                '            kind = "tick" if waiting["tick"] else "microtask"\n'
                "            call(waiting[kind].popleft())\n",
            ),
            says="One queue until it is empty",
        ),
        WrongAnswer(  # forgets the entry
            ANSWER.replace('    phase("timer")  # once on entry\n', ""),
            says="what is due when the loop enters?",
        ),
        WrongAnswer(  # drains after the phase
            ANSWER.replace(
                "            call(waiting[kind].popleft())\n            drain()\n",
                "            call(waiting[kind].popleft())\n        drain()\n",
            ),
            says="C and D belong to A",
        ),
        WrongAnswer(  # a phase goes on until its queue is empty
            ANSWER.replace("for _ in range(len(waiting[kind])):", "while waiting[kind]:"),
            says="your order says main, A, D, C, B. Begin at the poll",
        ),
        WrongAnswer(  # close before check
            ANSWER.replace(
                '        phase("immediate")\n        phase("close")\n',
                '        phase("close")\n        phase("immediate")\n',
            ),
            says="your order says main, A, B, C, D. Begin at the poll",
        ),
        WrongAnswer(  # forgets a kind
            ANSWER.replace('        phase("close")\n', "").replace(
                "while any(waiting.values()):",
                'while waiting["immediate"] or waiting["timer"]:',
            ),
            says="Never called: C",
        ),
        WrongAnswer(  # gives nothing
            ANSWER.replace("    return called\n", ""),
            says="your order gave None",
        ),
        WrongAnswer(  # knows no callback that sets nothing
            ANSWER.replace("program.get(name, ())", "program[name]"),
            says="your code raised KeyError: 'main'",
        ),
    ),
)

EXERCISES = (PHASES,)
