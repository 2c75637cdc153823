"""Chapter 03: a line of bounded length, and a policy under which nobody starves."""

from collections.abc import Callable, Sequence
from typing import Any

from minirt.core.policies import Task, TaskKind
from minirt.core.simulation import Simulation
from minirt.errors import TooManyWaiting
from minirt.exercises.mechanism import Answer, Exercise, Wrong, WrongAnswer, check
from minirt.node.runtime import Runtime
from minirt.values import UNDEFINED, Error, Int, Js

# 1. Bounded waiting

WAITING_TASK = """\
Write `submit_all(rt, functions, done)`. It runs each function as a task of kind TaskKind.ENCRYPT on
the pool of `rt`, and calls `done(results)` once, when all have finished, with their results in the
order of `functions` (with no function at all: `done([])`). The line of `rt` is short:
`rt.register_event_threadpool` raises TooManyWaiting when it is full. Keep what was refused, and try
again when a task finishes. Keep every thread busy."""

WAITING_STUB = '''\
from minirt import TaskKind
from minirt.errors import TooManyWaiting

def submit_all(rt, functions, done):
    """Run each function on the pool, then call done(results), in their order."""
    ...
'''

WAITING_HEAD = WAITING_STUB.replace("    ...\n", "")

WAITING_ANSWER = """\
    rest = list(enumerate(functions))
    results = {}

    def submit_more():
        while rest:
            number, function = rest[0]
            def finished(result, number=number):
                results[number] = result
                if len(results) == len(functions):
                    done([results[number] for number in range(len(functions))])
                else:
                    submit_more()
            try:
                rt.register_event_threadpool(function, TaskKind.ENCRYPT, finished)
            except TooManyWaiting:
                return
            rest.pop(0)

    if rest:
        submit_more()
    else:
        done([])
"""

PATIENCE = 500  # refusals: nobody is refused so often who waits for a task to finish


class Refusing(Runtime):
    """A runtime that counts how often it said no."""

    refusals = 0

    def register_event_threadpool(
        self, task: Callable[[], Js], kind: TaskKind, cb: Callable[[Js], object]
    ) -> int:
        if kind is not TaskKind.ENCRYPT:
            raise Wrong(
                f"your submit_all hands over {kind.name} as the kind of a task. It should be "
                "TaskKind.ENCRYPT."
            )
        try:
            return super().register_event_threadpool(task, kind, cb)
        except TooManyWaiting:
            self.refusals += 1
            if self.refusals > PATIENCE:
                raise Wrong(
                    f"your submit_all was refused {PATIENCE} times. Trying again at once, or every "
                    "few milliseconds, is in vain: there is room when a task finishes, and its "
                    "callback tells you."
                ) from None
            raise


class Trial:
    """One run of the reader's submit_all, in simulated time."""

    def __init__(self, answer: Answer, seconds: Sequence[float], max_waiting: int | None) -> None:
        self.begun: list[int] = []  # numbers of the functions, in the order in which they ran
        self.done: list[Any] = []  # what done was called with, each time
        self.rt = Refusing(2, system=Simulation(seed=1), max_waiting=max_waiting)
        functions = [self.function(number, long) for number, long in enumerate(seconds)]

        def main() -> None:
            answer["submit_all"](self.rt, functions, self.done.append)

        try:
            self.rt.run(main)
        except TooManyWaiting:
            raise Wrong(
                f"TooManyWaiting left your submit_all, and {len(functions) - len(self.begun)} of "
                f"{len(functions)} functions never ran. Catch it, and keep what was refused."
            ) from None
        self.seconds = self.rt.clock.now()

    def function(self, number: int, seconds: float) -> Callable[[], Js]:
        def run() -> Js:
            self.begun.append(number)
            self.rt.clock.sleep(seconds)
            if number == 7:
                raise ValueError("function 7 fails")
            return Int(number)

        return run

    def results(self, count: int) -> list[Js]:
        """What `done` was given, judged as far as it holds for every trial."""
        for number in range(count):
            times = self.begun.count(number)
            if times != 1:
                ran = "never ran" if times == 0 else f"ran {times} times"
                raise Wrong(f"of {count} functions, function {number} {ran}.")
        if not self.done:
            raise Wrong(
                f"all {count} functions ran, and done was never called. Who counts how many have "
                "finished? A callback that looks at a variable of your loop finds what the loop "
                "left in it, for every function the same: def finished(result, number=number)."
            )
        first = self.done[0]
        if not isinstance(first, list):
            raise Wrong(f"done was called with {first!r}, and not with a list of results.")
        if len(first) != count:
            raise Wrong(f"done was called with {len(first)} results of {count}: too early.")
        if len(self.done) > 1:
            raise Wrong(f"done was called {len(self.done)} times, and not once.")
        return first


def in_order(results: list[Js]) -> None:
    for place, result in enumerate(results):
        if place == 7:
            if not isinstance(result, Error):
                raise Wrong(f"function 7 raised, and its result is {result!r} and no Error.")
        elif not isinstance(result, Error | Int):
            raise Wrong(
                f"at place {place} of your results stands {result!r}, and no result at all. Did "
                "the callback put it elsewhere? It looks at the variables of your loop when it "
                "runs, and by then they have moved on: def finished(result, number=number)."
            )
        elif result != Int(place):
            raise Wrong(
                f"at place {place} of your results stands {result!r}, and not that of function "
                f"{place}. Is it the order in which they finished?"
            )


FALLING = tuple(0.12 - number / 100 for number in range(12))  # s: who comes later is faster


@check("runs every function when there is room for all")
def runs_all(answer: Answer) -> None:
    in_order(Trial(answer, FALLING, None).results(12))


@check(
    "loses none when one task may wait",
    seconds=2,
    hangs="While your code tries again and again, the loop cannot turn, and no task finishes.",
)
def loses_none(answer: Answer) -> None:
    in_order(Trial(answer, FALLING, 1).results(12))


@check("keeps both threads busy")
def keeps_busy(answer: Answer) -> None:
    trial = Trial(answer, [0.1] * 20, 1)
    trial.results(20)
    if trial.seconds > 1.2:
        raise Wrong(
            f"20 tasks of 0.1 s took {trial.seconds:.1f} s, and two threads can do them in 1.0 s. "
            "Does the next one wait for the one before?"
        )


@check("tries again when a task finishes, and not all the time")
def tries_when_it_helps(answer: Answer) -> None:
    trial = Trial(answer, [0.1] * 20, 1)
    if trial.rt.refusals > 60:
        raise Wrong(
            f"for 20 functions your submit_all was refused {trial.rt.refusals} times. There is "
            "room when a task finishes, and its callback tells you: no timer is needed."
        )


@check("calls done([]) when there is nothing to do")
def nothing_to_do(answer: Answer) -> None:
    done = Trial(answer, [], 1).done
    if done != [[]]:
        said = "was not called" if not done else f"was called with {done!r}"
        raise Wrong(f"with no function, done {said}. It should be called once, with [].")


@check("a function that stands there three times runs three times")
def one_of_them_twice(answer: Answer) -> None:
    done: list[Any] = []
    calls: list[int] = []

    def same() -> Js:
        calls.append(len(calls))
        return Int(calls[-1])

    rt = Refusing(1, system=Simulation(seed=1), max_waiting=1)
    rt.run(lambda: answer["submit_all"](rt, [same] * 3, done.append))
    if done != [[Int(0), Int(1), Int(2)]]:
        raise Wrong(
            "one function, which counts its calls, stood there three times. done should get "
            f"[Int(0), Int(1), Int(2)] once, and got {done}. Is a result kept under its function?"
        )


# 2. Priority without starving

FAIR_TASK = """\
Write `fair()`. It makes and returns a function for `schedule=`: that is called with the waiting
tasks, the oldest first, and returns the one that is next. The highest `task.kind.priority` goes
first, and among equals the oldest. But the oldest task of all may be passed over five times only:
then it is next, whatever its priority."""

FAIR_STUB = '''\
def fair():
    """A function that chooses from the waiting tasks, and lets none wait for ever."""
    ...
'''

FAIR_ANSWER = """\
def fair():
    oldest = None  # the identity of the oldest task
    passed_over = 0  # how often it was passed over

    def choose(waiting):
        nonlocal oldest, passed_over
        first = waiting[0]
        if first.identity != oldest:
            oldest, passed_over = first.identity, 0
        if passed_over == 5:
            return first
        passed_over += 1
        return max(waiting, key=lambda task: task.kind.priority)

    return choose
"""

LOW, HIGH = TaskKind("Low"), TaskKind("High", priority=2)


def nothing() -> Js:
    return UNDEFINED


def low(identity: int) -> Task:
    return Task(identity, LOW, nothing)


def high(identity: int) -> Task:
    return Task(identity, HIGH, nothing)


class Line:
    """Waiting tasks, and the reader's function that chooses from them."""

    def __init__(self, answer: Answer, *tasks: Task) -> None:
        self.choose = answer["fair"]()
        if not callable(self.choose):
            raise Wrong(f"fair() gave {self.choose!r}, and no function that can choose.")
        self.waiting = list(tasks)

    def take(self) -> Task:
        chosen = self.choose(tuple(self.waiting))
        if not isinstance(chosen, Task):
            raise Wrong(f"your function chose {chosen!r}. It should return one of the tasks.")
        if chosen not in self.waiting:
            raise Wrong(f"your function chose task {chosen.identity}, which does not wait.")
        self.waiting.remove(chosen)
        return chosen

    def until_low(self, first_new: int) -> int:
        """How many tasks go before a low one, when high ones keep coming."""
        for passes in range(50):
            self.waiting.append(high(first_new + passes))
            if self.take().kind is LOW:
                return passes
        return 50


@check("chooses one of the tasks that wait")
def chooses_a_task(answer: Answer) -> None:
    Line(answer, low(1001)).take()
    Line(answer, low(1001), high(1002), low(1003)).take()


@check("the highest priority goes first, and among equals the oldest")
def highest_first(answer: Answer) -> None:
    line = Line(answer, low(1), high(2), high(3), low(4))
    order = [line.take().identity for _ in range(4)]
    if order != [2, 3, 1, 4]:
        raise Wrong(
            f"1 and 4 had priority 0, 2 and 3 had priority 2, and they went as {order}. "
            "They should go as [2, 3, 1, 4]."
        )


@check("the oldest is passed over five times, and then goes")
def nobody_starves(answer: Answer) -> None:
    passes = Line(answer, low(201)).until_low(202)
    if passes == 50:
        raise Wrong("a task of priority 0 was passed over 50 times, and waits still: it starves.")
    if passes != 5:
        raise Wrong(f"the oldest task went after it was passed over {passes} times, and not 5.")


@check("then the next oldest begins to count")
def counts_anew(answer: Answer) -> None:
    line = Line(answer, low(301))
    line.until_low(302)
    line.waiting = [low(400), high(401), high(402)]
    if line.take().kind is LOW:
        raise Wrong(
            "after one task had been passed over five times, the next one, which had just come, "
            "went before tasks of higher priority. Does the count begin again?"
        )


@check("the count begins when a task becomes the oldest")
def counts_as_the_oldest(answer: Answer) -> None:
    line = Line(answer, low(601), low(602))
    line.until_low(603)
    passes = line.until_low(700)
    if passes != 5:
        raise Wrong(
            "602 waited behind 601, which was passed over five times and went. Then 602 was the "
            f"oldest, and it went after {passes} passes instead of 5: what went before it while it "
            "was not the oldest does not count."
        )


@check("only a pick that passes it over counts")
def counts_passes(answer: Answer) -> None:
    line = Line(answer, high(801))
    line.take()
    line.waiting = [low(802)]
    passes = line.until_low(803)
    if passes != 5:
        raise Wrong(
            "801 was the oldest and the highest: it went, and nobody was passed over. Then the "
            f"oldest was 802, and it went after {passes} passes instead of 5. Do you count picks?"
        )


@check("two pools do not count together")
def no_shared_count(answer: Answer) -> None:
    one = Line(answer, low(501), *(high(identity) for identity in range(502, 510)))
    for _ in range(4):
        one.take()
    passes = Line(answer, low(501)).until_low(502)
    if passes != 5:
        raise Wrong(
            f"four were taken from one line, and then the oldest of another pool's line went after "
            f"{passes} passes instead of 5. Each call of fair() needs a count of its own."
        )


@check("works in a runtime")
def works_in_a_runtime(answer: Answer) -> None:
    ran: list[Js] = []
    rt = Runtime(1, system=Simulation(seed=1), schedule=answer["fair"]())

    def main() -> None:
        for number in range(20):
            rt.register_event_threadpool(nothing, HIGH if number % 3 else LOW, ran.append)

    rt.run(main)
    if len(ran) != 20:
        raise Wrong(f"of 20 tasks {len(ran)} ran.")


EXERCISES = (
    Exercise(
        name="pool_bounded_waiting",
        chapter="03_thread_pool",
        task=WAITING_TASK,
        stub=WAITING_STUB,
        checks=(
            runs_all,
            loses_none,
            keeps_busy,
            tries_when_it_helps,
            nothing_to_do,
            one_of_them_twice,
        ),
        hints=(
            (
                "Who knows that there is room again? A task's callback runs when the task has "
                "finished, and it may submit, too."
            ),
            (
                "Keep a list of what is still to be submitted. One function submits from it until "
                "the list is empty or TooManyWaiting comes; call it at the start, and in each "
                "callback. Take a function off the list only after it was accepted, and put each "
                "result under its number: they finish in another order."
            ),
        ),
        answer=WAITING_HEAD + WAITING_ANSWER,
        wrong=(
            WrongAnswer(  # no TooManyWaiting in sight
                WAITING_HEAD + WAITING_ANSWER.replace("except TooManyWaiting:", "except KeyError:"),
                says="TooManyWaiting left your submit_all, and 10 of 12 functions never ran",
            ),
            WrongAnswer(  # drops what was refused
                WAITING_HEAD
                + WAITING_ANSWER.replace("                return\n", "                pass\n"),
                says="function 3 never ran",
            ),
            WrongAnswer(  # tries again at once
                WAITING_HEAD
                + WAITING_ANSWER.replace("                return\n", "                continue\n"),
                says="was refused 500 times",
            ),
            WrongAnswer(  # in the order in which they finish
                WAITING_HEAD
                + WAITING_ANSWER.replace(
                    "done([results[number] for number in range(len(functions))])",
                    "done(list(results.values()))",
                ),
                says="Is it the order in which they finished?",
            ),
            WrongAnswer(  # all callbacks share the number of the last function
                WAITING_HEAD
                + """\
    results = [None] * len(functions)
    rest = list(range(len(functions)))
    left = len(functions)

    def submit_more():
        while rest:
            number = rest[0]
            def finished(result):
                nonlocal left
                results[number] = result
                left -= 1
                done(results) if left == 0 else submit_more()
            try:
                rt.register_event_threadpool(functions[number], TaskKind.ENCRYPT, finished)
            except TooManyWaiting:
                return
            rest.pop(0)

    submit_more() if rest else done([])
""",
                says="def finished(result, number=number)",
            ),
            WrongAnswer(  # one at a time
                WAITING_HEAD
                + """\
    results = []

    def submit_next():
        rt.register_event_threadpool(functions[len(results)], TaskKind.ENCRYPT, finished)

    def finished(result):
        results.append(result)
        if len(results) == len(functions):
            done(results)
        else:
            submit_next()

    if functions:
        submit_next()
    else:
        done([])
""",
                says="20 tasks of 0.1 s took 2.0 s, and two threads can do them in 1.0 s",
            ),
            WrongAnswer(  # looks every five milliseconds
                WAITING_HEAD
                + WAITING_ANSWER.replace(
                    "                return\n",
                    "                rt.set_timeout(5, lambda _: submit_more())\n"
                    "                return\n",
                ).replace(
                    "                else:\n                    submit_more()\n",
                    "",
                ),
                says="no timer is needed",
            ),
            WrongAnswer(  # done when the last one was submitted
                WAITING_HEAD
                + WAITING_ANSWER.replace(
                    "if len(results) == len(functions)", "if not rest"
                ).replace("for number in range(len(functions))", "for number in sorted(results)"),
                says="too early",
            ),
            WrongAnswer(  # forgets the empty list
                WAITING_HEAD + WAITING_ANSWER.replace("        done([])\n", "        pass\n"),
                says="with no function, done was not called",
            ),
        ),
    ),
    Exercise(
        name="pool_fair",
        chapter="03_thread_pool",
        task=FAIR_TASK,
        stub=FAIR_STUB,
        checks=(
            chooses_a_task,
            highest_first,
            nobody_starves,
            counts_anew,
            counts_as_the_oldest,
            counts_passes,
            no_shared_count,
            works_in_a_runtime,
        ),
        hints=(
            (
                "The oldest task is `waiting[0]`. What must `fair` remember about it from one call "
                "to the next, and where can a function keep that? (Chapter 02: closures.)"
            ),
            (
                "Remember the identity of the oldest and how often it was passed over, in two "
                "variables of `fair` that the inner function changes with `nonlocal`. Another "
                "oldest: begin at 0. Five: return it. Otherwise count, and return "
                "max(waiting, key=...), which gives the first of several equals."
            ),
        ),
        answer=FAIR_ANSWER,
        wrong=(
            WrongAnswer(  # priority alone
                "def fair():\n"
                "    return lambda waiting: max(waiting, key=lambda task: task.kind.priority)\n",
                says="was passed over 50 times, and waits still: it starves",
            ),
            WrongAnswer(  # fifo
                "def fair():\n    return lambda waiting: waiting[0]\n",
                says="they went as [1, 2, 3, 4]",
            ),
            WrongAnswer(  # a place instead of a task
                FAIR_ANSWER.replace("return first", "return 0").replace(
                    "return max(waiting, key=lambda task: task.kind.priority)",
                    "return max(range(len(waiting)), key=lambda n: waiting[n].kind.priority)",
                ),
                says="It should return one of the tasks",
            ),
            WrongAnswer(  # the newest among equals
                FAIR_ANSWER.replace(
                    "max(waiting, key=lambda task: task.kind.priority)",
                    "sorted(waiting, key=lambda task: task.kind.priority)[-1]",
                ),
                says="they went as [3, 2,",
            ),
            WrongAnswer(  # one too many
                FAIR_ANSWER.replace("passed_over == 5", "passed_over > 5"),
                says="passed over 6 times, and not 5",
            ),
            WrongAnswer(  # never begins again
                FAIR_ANSWER.replace(
                    "oldest, passed_over = first.identity, 0", "oldest = first.identity"
                ),
                says="Does the count begin again?",
            ),
            WrongAnswer(  # every sixth pick
                """\
def fair():
    picks = 0

    def choose(waiting):
        nonlocal picks
        picks += 1
        if picks % 6 == 0:
            return waiting[0]
        return max(waiting, key=lambda task: task.kind.priority)
    return choose
""",
                says="Do you count picks?",
            ),
            WrongAnswer(  # counts for each task from the day it came
                """\
def fair():
    passed_over = {}

    def choose(waiting):
        chosen = max(waiting, key=lambda task: task.kind.priority)
        if passed_over.get(waiting[0].identity) == 5:
            chosen = waiting[0]
        for task in waiting:
            if task is not chosen:
                passed_over[task.identity] = min(5, passed_over.get(task.identity, 0) + 1)
        passed_over.pop(chosen.identity, None)
        return chosen
    return choose
""",
                says="while it was not the oldest does not count",
            ),
            WrongAnswer(  # one count for all
                """\
passed_over = {}

def fair():
    def choose(waiting):
        first = waiting[0]
        count = passed_over.get(first.identity, 0)
        if count == 5:
            del passed_over[first.identity]
            return first
        passed_over[first.identity] = count + 1
        return max(waiting, key=lambda task: task.kind.priority)
    return choose
""",
                says="Each call of fair() needs a count of its own",
            ),
            WrongAnswer(  # hands out what it should make
                FAIR_ANSWER.replace("    return choose\n", ""),
                says="and no function that can choose",
            ),
        ),
    ),
)
