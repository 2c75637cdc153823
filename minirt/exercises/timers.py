"""Chapter 04: a deadline that moves, a timing wheel, debounce and throttle."""

from collections.abc import Callable, Sequence
from typing import Any

from minirt.core.simulation import Simulation
from minirt.errors import RuntimeClosed
from minirt.exercises.mechanism import Answer, Exercise, Wrong, WrongAnswer, check
from minirt.node.runtime import Runtime
from minirt.values import Js

# 1. refresh

REFRESH_TASK = """\
`Alarms` keeps deadlines in a heap. `set` and `clear` are there. Write `refresh`, which moves an
alarm to a later deadline, and `due`. An alarm that was cleared, or has rung, is not refreshed. Do
not search the heap for the old entry: leave it where it is, and let `due` see that it is stale."""

REFRESH_STUB = '''\
import heapq

class Alarms:
    def __init__(self):
        self.heap = []  # (deadline, order, identity)
        self.order = 0
        self.deadlines = {}  # identity -> deadline, of those that wait

    def set(self, deadline, identity):
        self.order += 1
        self.deadlines[identity] = deadline
        heapq.heappush(self.heap, (deadline, self.order, identity))

    def clear(self, identity):
        self.deadlines.pop(identity, None)

    def refresh(self, deadline, identity):
        """`identity` rings at `deadline` instead of its old one, which was earlier."""
        ...

    def due(self, now):
        """A list of the identities that ring at `now` or before. They leave."""
        ...
'''

REFRESH_HEAD = REFRESH_STUB[: REFRESH_STUB.index("    def refresh")]

MOVING = """\
    def refresh(self, deadline, identity):
        if identity in self.deadlines:
            self.set(deadline, identity)

"""

RINGING = """\
    def due(self, now):
        found = []
        while self.heap and self.heap[0][0] <= now:
            deadline, _, identity = heapq.heappop(self.heap)
            if self.deadlines.get(identity) == deadline:
                del self.deadlines[identity]
                found.append(identity)
        return found
"""


def ring(alarms: Any, now: float) -> list[int]:
    """What the reader's `due` says, as a list."""
    found = alarms.due(now)
    if not isinstance(found, list):
        raise Wrong(f"due({now}) gave {found!r}, and not a list of identities.")
    return found


@check("alarms ring once, at their deadline, the earliest first")
def rings_in_order(answer: Answer) -> None:
    alarms = answer["Alarms"]()
    for deadline, identity in ((30, 1), (10, 2), (20, 3), (20, 4)):
        alarms.set(deadline, identity)
    early = ring(alarms, 9)
    if early:
        raise Wrong(f"at 9 your due gave {early}, and the first deadline is 10.")
    at_ten = ring(alarms, 10)
    if at_ten != [2]:
        raise Wrong(f"at 10 your due gave {at_ten}. Alarm 2 has the deadline 10: it is due.")
    rest = ring(alarms, 99)
    if rest != [3, 4, 1]:
        raise Wrong(f"3 and 4 ring at 20, 1 at 30, and your due gave {rest}.")


@check("a refreshed alarm rings once, at its new deadline")
def rings_at_the_new_one(answer: Answer) -> None:
    alarms = answer["Alarms"]()
    alarms.set(10, 1)
    alarms.refresh(20, 1)
    alarms.refresh(30, 1)
    for now in (10, 20):
        if ring(alarms, now):
            raise Wrong(f"alarm 1 was refreshed to 30, and rang at {now}, its old deadline.")
    at_thirty = ring(alarms, 30)
    rung = at_thirty + ring(alarms, 99)
    if rung == [1] and not at_thirty:
        raise Wrong("alarm 1 was refreshed to 30, and at 30 it did not ring, but later.")
    if rung != [1]:
        times = "never rang" if not rung else f"rang {len(rung)} times"
        raise Wrong(f"alarm 1 was refreshed to 30, and from 30 on it {times}.")


@check("an alarm that was cleared is not refreshed")
def stays_cleared(answer: Answer) -> None:
    alarms = answer["Alarms"]()
    alarms.set(10, 1)
    alarms.clear(1)
    alarms.refresh(20, 1)
    if ring(alarms, 99):
        raise Wrong("alarm 1 was cleared, and refresh brought it back.")


@check("nor is one that has rung")
def rings_no_more(answer: Answer) -> None:
    alarms = answer["Alarms"]()
    alarms.set(10, 1)
    ring(alarms, 10)
    alarms.refresh(20, 1)
    if ring(alarms, 99):
        raise Wrong("alarm 1 had rung, and refresh made it ring again. Does it leave `deadlines`?")


@check("an alarm called 0, and one for the moment 0, are alarms like others")
def zero_is_no_exception(answer: Answer) -> None:
    for deadline, identity in ((0, 1), (10, 0)):
        alarms = answer["Alarms"]()
        alarms.set(deadline, identity)
        alarms.refresh(20, identity)
        early, rung = ring(alarms, 19), ring(alarms, 20)
        if early or rung != [identity]:
            raise Wrong(
                f"alarm {identity} was set for {deadline} and refreshed to 20; your due gave "
                f"{early} at 19 and {rung} at 20. Is a 0 taken for nothing?"
            )


@check(
    "nothing is searched for",
    seconds=1,
    hangs="20,000 alarms were refreshed. Does each of them go through the whole heap?",
)
def does_not_search(answer: Answer) -> None:
    alarms = answer["Alarms"]()
    for identity in range(20_000):
        alarms.set(identity, identity)
    for identity in range(20_000):
        alarms.refresh(identity + 100_000, identity)
    rung = len(ring(alarms, 200_000))
    if rung != 20_000:
        raise Wrong(f"20,000 alarms were refreshed, and {rung} rang.")


# 2. A timing wheel

WHEEL_TASK = """\
A timing wheel is a ring of lists, here eight. A hand moves on by one list at each step. A timer
lies in the list of its deadline: deadline 11 in list 3, and so does deadline 3, one round earlier.
Write `schedule` and `advance`."""

WHEEL_STUB = '''\
class Wheel:
    def __init__(self):
        self.now = 0  # steps
        self.slots = [[] for _ in range(8)]  # of (deadline, identity)

    def schedule(self, delay, identity):
        """`identity` is due in `delay` steps: 1 or more."""
        ...

    def advance(self, steps):
        """Move on by `steps`: a list of the identities due meanwhile, in order."""
        ...
'''

WHEEL_HEAD = WHEEL_STUB[: WHEEL_STUB.index("    def schedule")]

PLACING = """\
    def schedule(self, delay, identity):
        deadline = self.now + delay
        self.slots[deadline % 8].append((deadline, identity))

"""

TURNING = """\
    def advance(self, steps):
        found = []
        for _ in range(steps):
            self.now += 1
            slot = self.slots[self.now % 8]
            found += [identity for deadline, identity in slot if deadline == self.now]
            slot[:] = [entry for entry in slot if entry[0] != self.now]
        return found
"""


class Hand:
    """The reader's wheel, and the step that it is at."""

    def __init__(self, answer: Answer) -> None:
        self.wheel = answer["Wheel"]()
        self.step = 0

    def moves(self, steps: int, expected: list[str]) -> None:
        """Advance, and judge what came due."""
        found = self.wheel.advance(steps)
        self.step += steps
        if not isinstance(found, list):
            raise Wrong(f"advance({steps}) gave {found!r}, and not a list of identities.")
        told = f"at step {self.step}, after advance({steps}), "
        for identity in found:
            if identity not in expected:
                raise Wrong(f"{told}{identity!r} came: too early, or once more.")
        for identity in expected:
            if identity not in found:
                raise Wrong(f"{told}{identity!r} was due, and did not come.")
        if found != expected:
            raise Wrong(f"{told}these came: {found}. Their order is {expected}.")


@check("a timer comes after its delay, and once")
def comes_in_time(answer: Answer) -> None:
    hand = Hand(answer)
    hand.wheel.schedule(3, "in 3")
    hand.moves(2, [])
    hand.moves(1, ["in 3"])
    hand.moves(8, [])


@check("the delay counts from now")
def counts_from_now(answer: Answer) -> None:
    hand = Hand(answer)
    hand.moves(5, [])
    hand.wheel.schedule(2, "set at step 5")
    hand.moves(1, [])
    hand.moves(1, ["set at step 5"])


@check("a timer of more than one round waits for its round")
def waits_its_turn(answer: Answer) -> None:
    hand = Hand(answer)
    hand.wheel.schedule(11, "in 11")
    hand.wheel.schedule(8, "in 8")
    hand.wheel.schedule(3, "in 3")
    hand.moves(3, ["in 3"])
    hand.moves(5, ["in 8"])
    hand.moves(3, ["in 11"])


@check("a jump of several steps loses none")
def loses_none(answer: Answer) -> None:
    hand = Hand(answer)
    for delay in (4, 2, 3, 1):
        hand.wheel.schedule(delay, f"in {delay}")
    hand.moves(4, ["in 1", "in 2", "in 3", "in 4"])


@check("a jump of several rounds keeps the order of the deadlines")
def keeps_order(answer: Answer) -> None:
    hand = Hand(answer)
    for delay in (20, 9, 10, 2):
        hand.wheel.schedule(delay, f"in {delay}")
    hand.moves(30, ["in 2", "in 9", "in 10", "in 20"])


@check("of several timers with one deadline none is lost")
def loses_none_of_equals(answer: Answer) -> None:
    hand = Hand(answer)
    names = ["the first of four", "the second", "the third", "the last of four"]
    for name in names:
        hand.wheel.schedule(5, name)
    hand.wheel.schedule(13, "a round later")
    hand.moves(5, names)
    hand.moves(8, ["a round later"])


@check("a timer lies in the list of its deadline")
def lies_in_its_slot(answer: Answer) -> None:
    hand = Hand(answer)
    hand.moves(5, [])
    hand.wheel.schedule(6, "at 11")
    filled = [number for number, slot in enumerate(hand.wheel.slots) if slot]
    if filled != [3]:
        raise Wrong(f"a timer with deadline 11 lies in list 3, and yours filled {filled}.")


# 3. Debounce, 4. throttle

DEBOUNCE_TASK = """\
Somebody types, and a search starts with each letter. Write `debounce(ms, function)`. It returns a
function of one value. When that was called and then left alone for `ms` milliseconds, it calls
`function` once, with the last value."""

DEBOUNCE_STUB = '''\
from minirt import clear_timeout, set_timeout

def debounce(ms, function):
    """A function that calls `function(value)` once it was left alone for `ms`."""
    ...
'''

DEBOUNCE_HEAD = DEBOUNCE_STUB.replace("    ...\n", "")

DEBOUNCE_ANSWER = """\
    timer = None

    def called(value):
        nonlocal timer
        clear_timeout(timer)
        timer = set_timeout(ms, lambda _: function(value))

    return called
"""

THROTTLE_TASK = """\
A window is dragged, and each step draws it anew. Write `throttle(ms, function)`. It returns a
function of one value, which calls `function(value)` at once, but not more often than every `ms`
milliseconds. Of the values that come too early the last one is not lost: `function` gets it as soon
as the time is over."""

THROTTLE_STUB = '''\
from minirt import set_timeout

def throttle(ms, function):
    """A function that calls `function(value)`, but at most once in `ms`."""
    ...
'''

THROTTLE_HEAD = THROTTLE_STUB.replace("    ...\n", "")

THROTTLE_ANSWER = """\
    is_open = True
    held = []  # the last value that came too early, if one did

    def open_again(_):
        nonlocal is_open
        is_open = True
        if held:
            called(held.pop())

    def called(value):
        nonlocal is_open
        if is_open:
            is_open = False
            set_timeout(ms, open_again)
            function(value)
        else:
            held[:] = [value]

    return called
"""

Calls = Sequence[tuple[int, object]]  # (ms, value)

TOLERANCE = 4  # ms: a simulated turn takes its time, too


def played(answer: Answer, name: str, *timetables: Calls) -> list[list[tuple[int, object]]]:
    """Call the reader's function at those times, each timetable on a function of its own."""
    rt = Runtime(system=Simulation(seed=1))
    heard: list[list[tuple[int, object]]] = [[] for _ in timetables]

    def main() -> None:
        began = rt.clock.now()
        for calls, ears in zip(timetables, heard, strict=True):

            def function(
                value: object, ears: list[tuple[int, object]] = ears, began: float = began
            ) -> None:
                ears.append((round((rt.clock.now() - began) * 1000), value))

            made = answer[name](50, function)
            if not callable(made):
                raise Wrong(f"{name}(50, function) gave {made!r}, and no function.")
            for ms, value in calls:
                rt.set_timeout(ms, calling(made, value))

    try:
        rt.run(main)
    except RuntimeClosed:
        raise Wrong(
            f"your {name} used a timer that belonged to another function, in a program that had "
            "ended. Has each one a timer of its own?"
        ) from None
    return heard


def calling(function: Callable[[object], object], value: object) -> Callable[[Js], object]:
    return lambda _: function(value)


def story(calls: Calls) -> str:
    return ", ".join(f"{value!r} at {ms}" for ms, value in calls) or "none"


def compare(calls: Calls, heard: Calls, expected: Calls, why: str) -> None:
    """Wrong, with the whole story, unless `function` was called as expected."""
    same = len(heard) == len(expected) and all(
        value == wanted and abs(ms - at) <= TOLERANCE
        for (ms, value), (at, wanted) in zip(heard, expected, strict=True)
    )
    if not same:
        raise Wrong(
            f"with 50 ms and these calls: {story(calls)}, function was called with: "
            f"{story(heard)}. Expected: {story(expected)}. {why}"
        )


def expect(answer: Answer, name: str, calls: Calls, expected: Calls, why: str) -> None:
    compare(calls, played(answer, name, calls)[0], expected, why)


@check("one call comes 50 ms later")
def debounced_once(answer: Answer) -> None:
    why = "It waits until it was left alone for the whole time."
    expect(answer, "debounce", [(100, "a")], [(150, "a")], why)


@check("of a burst only the last value comes")
def debounced_burst(answer: Answer) -> None:
    calls = [(100, "a"), (130, "b"), (160, "c")]
    why = "Each call starts the time anew, and nothing remains of the calls before it."
    expect(answer, "debounce", calls, [(210, "c")], why)


@check("every value counts, also one that is false, or the same once more")
def debounced_all(answer: Answer) -> None:
    values = ("a", "a", "", 0, None)
    calls = [(100 * n, value) for n, value in enumerate(values, start=1)]
    why = "Who types a letter, takes it back and types it again wants a search for it."
    expect(answer, "debounce", calls, [(ms + 50, value) for ms, value in calls], why)


@check("the next burst comes, too")
def debounced_twice(answer: Answer) -> None:
    calls = [(100, "a"), (130, "b"), (300, "c")]
    why = "After a quiet time it works once more."
    expect(answer, "debounce", calls, [(180, "b"), (350, "c")], why)


@check("two debounced functions do not disturb each other")
def debounced_apart(answer: Answer) -> None:
    one, two = [(100, "a")], [(120, "b")]
    heard = played(answer, "debounce", one, two)
    why = "A second debounced function was called at 120. Has each one a timer of its own?"
    compare(one, heard[0], [(150, "a")], why)
    compare(two, heard[1], [(170, "b")], why)


@check(
    "the first call goes through at once",
    seconds=2,
    hangs="Does what was held back go through again and again?",
)
def throttled_first(answer: Answer) -> None:
    why = "There is nothing to wait for."
    expect(answer, "throttle", [(100, "a")], [(100, "a")], why)


@check(
    "of those that come too early the last one comes, in time",
    seconds=2,
    hangs="Does what was held back go through again and again?",
)
def throttled_burst(answer: Answer) -> None:
    calls = [(100, "a"), (110, "b"), (120, "c"), (130, "d")]
    why = "The last value must not get lost, and those before it are out of date."
    expect(answer, "throttle", calls, [(100, "a"), (150, "d")], why)


@check(
    "never more often than every 50 ms",
    seconds=2,
    hangs="Does what was held back go through again and again?",
)
def throttled_steadily(answer: Answer) -> None:
    calls = [(100, "a"), (120, "b"), (160, "c"), (190, "d")]
    why = "After a value that was held back, the 50 ms begin again."
    expect(answer, "throttle", calls, [(100, "a"), (150, "b"), (200, "d")], why)


@check(
    "after a quiet time a call goes through at once again",
    seconds=2,
    hangs="Does what was held back go through again and again?",
)
def throttled_again(answer: Answer) -> None:
    calls = [(100, "a"), (110, "b"), (300, "c")]
    why = "At 300 the last call was long ago."
    expect(answer, "throttle", calls, [(100, "a"), (150, "b"), (300, "c")], why)


@check(
    "0, None and the empty text are values, too",
    seconds=2,
    hangs="Does what was held back go through again and again?",
)
def throttled_nothing(answer: Answer) -> None:
    for nothing in (0, None, ""):
        calls = [(100, "a"), (110, nothing)]
        why = f"{nothing!r} was held back, and got lost. How do you tell that a value is held?"
        expect(answer, "throttle", calls, [(100, "a"), (150, nothing)], why)


@check(
    "two throttled functions do not disturb each other",
    seconds=2,
    hangs="Does what was held back go through again and again?",
)
def throttled_apart(answer: Answer) -> None:
    one, two = [(100, "a")], [(120, "b")]
    heard = played(answer, "throttle", one, two)
    why = "Another throttled function was called at 100. Has each one a window of its own?"
    compare(one, heard[0], [(100, "a")], why)
    compare(two, heard[1], [(120, "b")], why)


EXERCISES = (
    Exercise(
        name="timers_refresh",
        chapter="04_timers",
        task=REFRESH_TASK,
        stub=REFRESH_STUB,
        checks=(
            rings_in_order,
            rings_at_the_new_one,
            stays_cleared,
            rings_no_more,
            zero_is_no_exception,
            does_not_search,
        ),
        hints=(
            (
                "`deadlines` says what is true now, and the heap may hold what was true once. How "
                "does `due` tell the one from the other?"
            ),
            (
                "refresh: if the identity is in `deadlines`, `set` it again. due: while the first "
                "entry of the heap is due, pop it; if its deadline is the one in `deadlines`, it "
                "rings, and leaves `deadlines`. Otherwise it is stale: pass it over."
            ),
        ),
        answer=REFRESH_HEAD + MOVING + RINGING,
        wrong=(
            WrongAnswer(  # the old entry rings, too
                REFRESH_HEAD
                + MOVING
                + RINGING.replace(
                    "self.deadlines.get(identity) == deadline", "identity in self.deadlines"
                ),
                says="and rang at 10, its old deadline",
            ),
            WrongAnswer(  # no entry for the new deadline
                REFRESH_HEAD
                + MOVING.replace(
                    "self.set(deadline, identity)", "self.deadlines[identity] = deadline"
                )
                + RINGING,
                says="from 30 on it never rang",
            ),
            WrongAnswer(  # sets whatever it is given
                REFRESH_HEAD
                + """\
    def refresh(self, deadline, identity):
        self.set(deadline, identity)

"""
                + RINGING,
                says="was cleared, and refresh brought it back",
            ),
            WrongAnswer(  # too late by one look
                REFRESH_HEAD + MOVING + RINGING.replace("<= now", "< now"),
                says="Alarm 2 has the deadline 10: it is due",
            ),
            WrongAnswer(  # stays among those that wait
                REFRESH_HEAD
                + MOVING
                + RINGING.replace("                del self.deadlines[identity]\n", ""),
                says="had rung, and refresh made it ring again",
            ),
            WrongAnswer(  # searches for the old entry
                REFRESH_HEAD
                + MOVING.replace(
                    "            self.set",
                    "            self.heap = [one for one in self.heap if one[2] != identity]\n"
                    "            heapq.heapify(self.heap)\n"
                    "            self.set",
                )
                + RINGING,
                says="Does each of them go through the whole heap?",
            ),
            WrongAnswer(  # gives nothing back
                REFRESH_HEAD + MOVING + RINGING.replace("        return found\n", ""),
                says="gave None, and not a list",
            ),
        ),
    ),
    Exercise(
        name="timers_wheel",
        chapter="04_timers",
        task=WHEEL_TASK,
        stub=WHEEL_STUB,
        checks=(
            comes_in_time,
            counts_from_now,
            waits_its_turn,
            loses_none,
            loses_none_of_equals,
            keeps_order,
            lies_in_its_slot,
        ),
        hints=(
            (
                "The list of a deadline is the rest of a division by 8. Several deadlines share "
                "it: what in an entry tells you whether its turn has come?"
            ),
            (
                "Move the hand one step at a time, also when `steps` is 30. At each step look at "
                "one list only: the entries whose deadline is `self.now` come due and leave it, "
                "the others stay."
            ),
        ),
        answer=WHEEL_HEAD + PLACING + TURNING,
        wrong=(
            WrongAnswer(  # everything in the list comes
                WHEEL_HEAD
                + PLACING
                + TURNING.replace(" if deadline == self.now", "").replace(
                    "slot[:] = [entry for entry in slot if entry[0] != self.now]", "slot.clear()"
                ),
                says="at step 3, after advance(3), 'in 11' came: too early",
            ),
            WrongAnswer(  # looks only where the hand stops
                WHEEL_HEAD
                + PLACING
                + TURNING.replace("        for _ in range(steps):\n", "        if True:\n").replace(
                    "self.now += 1", "self.now += steps"
                ),
                says="'in 1' was due, and did not come",
            ),
            WrongAnswer(  # takes from the list that it goes through
                WHEEL_HEAD
                + PLACING
                + """\
    def advance(self, steps):
        found = []
        for _ in range(steps):
            self.now += 1
            slot = self.slots[self.now % 8]
            for entry in slot:
                if entry[0] == self.now:
                    slot.remove(entry)
                    found.append(entry[1])
        return found
""",
                says="'the second' was due, and did not come",
            ),
            WrongAnswer(  # counts from the beginning
                WHEEL_HEAD + PLACING.replace("self.now + delay", "delay") + TURNING,
                says="'set at step 5' was due, and did not come",
            ),
            WrongAnswer(  # looks before the hand moves
                WHEEL_HEAD
                + PLACING
                + TURNING.replace("            self.now += 1\n", "").replace(
                    "        return found",
                    "            self.now += 1\n        return found",
                ),
                says="'in 3' was due, and did not come",
            ),
            WrongAnswer(  # nothing leaves
                WHEEL_HEAD
                + PLACING
                + TURNING.replace("== self.now]", "<= self.now]").replace(
                    "            slot[:] = [entry for entry in slot if entry[0] != self.now]\n", ""
                ),
                says="at step 11, after advance(8), 'in 3' came: too early, or once more",
            ),
            WrongAnswer(  # list by list
                WHEEL_HEAD
                + PLACING
                + """\
    def advance(self, steps):
        begin, self.now = self.now, self.now + steps
        found = []
        for step in range(1, min(steps, 8) + 1):
            slot = self.slots[(begin + step) % 8]
            found += [identity for deadline, identity in slot if deadline <= self.now]
            slot[:] = [entry for entry in slot if entry[0] > self.now]
        return found
""",
                says="Their order is ['in 2', 'in 9', 'in 10', 'in 20']",
            ),
            WrongAnswer(  # one list for all
                WHEEL_HEAD
                + PLACING.replace("deadline % 8", "0")
                + TURNING.replace("self.now % 8", "0"),
                says="lies in list 3, and yours filled [0]",
            ),
        ),
    ),
    Exercise(
        name="timers_debounce",
        chapter="04_timers",
        task=DEBOUNCE_TASK,
        stub=DEBOUNCE_STUB,
        checks=(debounced_once, debounced_burst, debounced_twice, debounced_all, debounced_apart),
        hints=(
            (
                "Each call sets a timer. What must become of the timer that the call before it "
                "set, and where do you keep it in between?"
            ),
            (
                "Keep the timer in a variable of `debounce`, None at first, which the inner "
                "function changes with `nonlocal`. In each call: clear_timeout(timer), which takes "
                "None as well, then set a new one that calls function(value)."
            ),
        ),
        answer=DEBOUNCE_HEAD + DEBOUNCE_ANSWER,
        wrong=(
            WrongAnswer(  # nothing is cleared
                DEBOUNCE_HEAD + DEBOUNCE_ANSWER.replace("        clear_timeout(timer)\n", ""),
                says="function was called with: 'a' at 150, 'b' at 180, 'c' at 210",
            ),
            WrongAnswer(  # the time does not begin again
                DEBOUNCE_HEAD
                + """\
    timer = last = None

    def called(value):
        nonlocal timer, last
        last = value
        if timer is None:
            timer = set_timeout(ms, rings)

    def rings(_):
        nonlocal timer
        timer = None
        function(last)

    return called
""",
                says="function was called with: 'b' at 150, 'c' at 210",
            ),
            WrongAnswer(  # at the beginning of a burst
                DEBOUNCE_HEAD
                + """\
    timer = None

    def called(value):
        nonlocal timer
        if timer is None:
            function(value)
        clear_timeout(timer)
        timer = set_timeout(ms, quiet)

    def quiet(_):
        nonlocal timer
        timer = None

    return called
""",
                says="function was called with: 'a' at 100. Expected: 'a' at 150",
            ),
            WrongAnswer(  # the timer's own value
                DEBOUNCE_HEAD + DEBOUNCE_ANSWER.replace("lambda _: function(value)", "function"),
                says="function was called with: Undefined() at 150",
            ),
            WrongAnswer(  # one timer for all
                DEBOUNCE_HEAD.replace("def debounce", "timer = None\n\ndef debounce")
                + DEBOUNCE_ANSWER.replace("    timer = None\n", "").replace(
                    "nonlocal timer", "global timer"
                ),
                says="Has each one a timer of its own?",
            ),
            WrongAnswer(  # hands out nothing
                DEBOUNCE_HEAD + DEBOUNCE_ANSWER.replace("    return called\n", ""),
                says="debounce(50, function) gave None, and no function",
            ),
        ),
    ),
    Exercise(
        name="timers_throttle",
        chapter="04_timers",
        task=THROTTLE_TASK,
        stub=THROTTLE_STUB,
        checks=(
            throttled_first,
            throttled_burst,
            throttled_steadily,
            throttled_again,
            throttled_nothing,
            throttled_apart,
        ),
        hints=(
            (
                "Think of a door: a call goes through and shuts it, and a timer opens it again. "
                "What happens when the door opens and a value stands before it?"
            ),
            (
                "Keep two things: is the door open, and the last value that came while it was shut "
                "(in a list, so that None is a value, too). When the timer opens the door and a "
                "value is held, let that one through as if it came now: it shuts the door again."
            ),
        ),
        answer=THROTTLE_HEAD + THROTTLE_ANSWER,
        wrong=(
            WrongAnswer(  # drops what comes too early
                THROTTLE_HEAD + THROTTLE_ANSWER.replace("held[:] = [value]", "pass"),
                says="function was called with: 'a' at 100. Expected: 'a' at 100, 'd' at 150",
            ),
            WrongAnswer(  # keeps the first of them
                THROTTLE_HEAD
                + THROTTLE_ANSWER.replace("held[:] = [value]", "held[1:] = [value]").replace(
                    "held.pop()", "held.pop(0)"
                ),
                says="'a' at 100, 'b' at 150",
            ),
            WrongAnswer(  # lets everything through, later
                THROTTLE_HEAD
                + """\
    return lambda value: set_timeout(ms, lambda _: function(value))
""",
                says="function was called with: 'a' at 150. Expected: 'a' at 100",
            ),
            WrongAnswer(  # what was held back shuts no door
                THROTTLE_HEAD
                + THROTTLE_ANSWER.replace("called(held.pop())", "function(held.pop())"),
                says="'b' at 150, 'c' at 160",
            ),
            WrongAnswer(  # 0 is no value
                THROTTLE_HEAD + THROTTLE_ANSWER.replace("if held:", "if held and held[0]:"),
                says="0 was held back, and got lost",
            ),
            WrongAnswer(  # asks a real clock
                THROTTLE_HEAD
                + """\
    import time
    last = -1.0

    def called(value):
        nonlocal last
        if time.monotonic() - last >= ms / 1000:
            last = time.monotonic()
            function(value)

    return called
""",
                says="The last value must not get lost",
            ),
            WrongAnswer(  # one door for all
                THROTTLE_HEAD.replace("def throttle", "is_open, held = True, []\n\ndef throttle")
                + THROTTLE_ANSWER.replace("    is_open = True\n    held", "    #", 1).replace(
                    "nonlocal is_open", "global is_open"
                ),
                says="Has each one a window of its own?",
            ),
        ),
    ),
)
