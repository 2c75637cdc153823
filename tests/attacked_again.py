# ruff: noqa: E501 (the answers are texts)
"""Forty more attacks on the exercises of chapters 01 to 04, as in tests/unusual_answers.py.

Each was thought of with the exercise's text alone. Seven of them passed when they were written.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from tests.unusual_answers import Wrong, changed

RIGHT: Mapping[str, Sequence[str]] = MappingProxyType({})

WRONG: Mapping[str, Sequence[Wrong]] = MappingProxyType(
    {
        "identity_8_bits": (
            (  # zero is taken for none
                changed(
                    "identity_8_bits",
                    (
                        "while identity in self.taken:",
                        "while not identity or identity in self.taken:",
                    ),
                ),
                "One identity is free in each of these trials: 0, 1, 128 or 255. Does your",
            ),
            (  # one too early
                changed("identity_8_bits", ("len(self.taken) == 256", "len(self.taken) >= 255")),
                "255 of the 256 identities were taken, and yours raised",
            ),
            (  # the lowest that is free
                changed(
                    "identity_8_bits",
                    (
                        "        identity = self.generate_identity()\n        while identity in self.taken:\n            identity = self.generate_identity()\n        return identity\n",
                        "        self.token = min(set(range(256)) - self.taken)\n        return self.token\n",
                    ),
                ),
                "with 1, 2 and 3 taken the next is 4, and yours is",
            ),
            (  # a count of its own
                changed(
                    "identity_8_bits",
                    (
                        "        identity = self.generate_identity()\n        while identity in self.taken:\n            identity = self.generate_identity()\n        return identity\n",
                        "        identity = self.token\n        while True:\n            identity = (identity + 1) % 256\n            if identity not in self.taken:\n                return identity\n",
                    ),
                ),
                "after 4 comes 5, and yours gave 2, free since a moment ago. An identity",
            ),
        ),
        "identity_at_rest": (
            (  # counts what came back, not what was given
                changed(
                    "identity_at_rest",
                    ("                self.given += 1\n", ""),
                    (
                        "        self.back[identity] = self.given",
                        "        self.given += 1\n        self.back[identity] = self.given",
                    ),
                ),
                "1 came back, and six others were given since; rest is 1. Yours said that",
            ),
            (  # only the last one rests
                changed(
                    "identity_at_rest",
                    (
                        "        self.back[identity] = self.given",
                        "        self.back = {identity: self.given}",
                    ),
                ),
                "1, 2 and 3 came back a moment ago, one after the other, and yours gave 1",
            ),
            (  # rests from when it was given
                changed(
                    "identity_at_rest",
                    (
                        "                self.taken.add(self.token)\n",
                        "                self.taken.add(self.token)\n                self.back[self.token] = self.given\n",
                    ),
                    (
                        "        self.taken.discard(identity)\n        self.back[identity] = self.given",
                        "        self.taken.discard(identity)",
                    ),
                ),
                "1 was given long ago but came back only now, and yours gave it again at",
            ),
            (  # a full house is counted, with all that ever rested
                changed(
                    "identity_at_rest",
                    (
                        "    def generate(self):\n",
                        "    def generate(self):\n        if len(self.taken | set(self.back)) >= self.count:\n            raise OverflowError\n",
                    ),
                ),
                "1 came back, and six others were given since; rest is 1. Yours said that",
            ),
        ),
        "leaking_downloads": (
            (  # only the first of the three
                changed(
                    "leaking_downloads", ("self.waiting.pop(identity)", "self.waiting[identity]")
                ),
                "callback 1 has returned, and what it captured is still alive. Look at",
            ),
            (  # reports only those that went well
                changed(
                    "leaking_downloads",
                    (
                        '        self.finished.append(f"{identity} {callback.__name__}")\n        try:\n            callback(value)\n',
                        '        try:\n            callback(value)\n            self.finished.append(f"{identity} {callback.__name__}")\n',
                    ),
                ),
                "the report should be ['1 show', '2 show', 'ValueError'], and yours is ['1",
            ),
            (  # remembers the last one
                changed(
                    "leaking_downloads",
                    ("        try:\n", "        self.last = callback\n        try:\n"),
                ),
                "callback 1 has returned, and what it captured is still alive. Look at",
            ),
            (  # tries once more later
                changed(
                    "leaking_downloads",
                    (
                        "            self.failed.append(type(error).__name__)\n",
                        "            self.failed.append(type(error).__name__)\n            self.waiting[identity] = callback\n",
                    ),
                ),
                "callback 1 raised, and it is still in self.waiting: the line that removes",
            ),
        ),
        "box_with_origin": (
            (  # the file alone
                changed("box_with_origin", (":{frame.f_lineno}", "")),
                "the box was created at",
            ),
            (  # a weak reference
                changed(
                    "box_with_origin",
                    ("self.callback = callback\n", "self.callback = weakref.ref(callback)\n"),
                    ("import sys\n", "import sys\nimport weakref\n"),
                    ("return callback(value)", "return callback()(value) if callback() else None"),
                ),
                "two boxes were made, of a lambda that nobody else keeps and of a list that",
            ),
            (  # what is false was called
                changed("box_with_origin", ("if callback is None:", "if not callback:")),
                "two boxes were made, one of a lambda, one of a list that can be called,",
            ),
            (  # one callback for all boxes
                changed(
                    "box_with_origin",
                    ("        self.callback = callback\n", "        Box.callback = callback\n"),
                    (
                        "callback, self.callback = self.callback, None",
                        "callback, Box.callback = Box.callback, None",
                    ),
                ),
                "two boxes were made, one of a lambda, one of a list that can be called,",
            ),
        ),
        "pool_bounded_waiting": (
            (  # by function, and one stands there twice
                changed(
                    "pool_bounded_waiting",
                    (
                        "def finished(result, number=number):\n                results[number] = result",
                        "def finished(result, function=function):\n                results[function] = result",
                    ),
                    (
                        "[results[number] for number in range(len(functions))]",
                        "[results[function] for function in functions]",
                    ),
                ),
                "one function, which counts its calls, stood there three times. done should",
            ),
            (  # sleeps on the loop
                changed(
                    "pool_bounded_waiting",
                    (
                        "            except TooManyWaiting:\n                return\n",
                        "            except TooManyWaiting:\n                import time\n                time.sleep(0.01)\n                continue\n",
                    ),
                ),
                "While your code tries again and again, the loop cannot turn, and no task",
            ),
            (  # done is told twice
                changed(
                    "pool_bounded_waiting",
                    (
                        "                if len(results) == len(functions):\n",
                        "                if len(results) >= len(functions) - 1 and len(rest) == 0:\n",
                    ),
                    (
                        "done([results[number] for number in range(len(functions))])",
                        "done([results.get(number) for number in range(len(functions))])",
                    ),
                ),
                "done was called 2 times, and not",
            ),
            (  # one lot after the other
                """\
from minirt import TaskKind
from minirt.errors import TooManyWaiting

def submit_all(rt, functions, done):
    rest = list(enumerate(functions))
    results, under_way = {}, set()

    def lot():
        while rest:
            number, function = rest[0]

            def finished(result, number=number):
                results[number] = result
                under_way.remove(number)
                if not under_way:
                    lot()

            try:
                rt.register_event_threadpool(function, TaskKind.ENCRYPT, finished)
            except TooManyWaiting:
                return
            under_way.add(number)
            rest.pop(0)
        if len(results) == len(functions):
            done([results[number] for number in range(len(functions))])

    lot()
""",
                "20 tasks of 0.1 s took 1.3 s, and two threads can do them in 1.0 s. Does",
            ),
        ),
        "pool_fair": (
            (  # counts for each kind
                changed(
                    "pool_fair",
                    ("if first.identity != oldest:", "if first.kind != oldest:"),
                    (
                        "oldest, passed_over = first.identity, 0",
                        "oldest, passed_over = first.kind, 0",
                    ),
                ),
                "after one task had been passed over five times, the next one, which had",
            ),
            (  # takes it out of the list
                changed(
                    "pool_fair",
                    ("            return first\n", "            return waiting.pop(0)\n"),
                    (
                        "return max(waiting, key=lambda task: task.kind.priority)",
                        "chosen = max(waiting, key=lambda task: task.kind.priority)\n        waiting.remove(chosen)\n        return chosen",
                    ),
                ),
                "your code raised AttributeError: 'tuple' object has no attribute 'remove'",
            ),
            (  # the lowest first
                changed("pool_fair", ("return max(", "return min(")),
                "1 and 4 had priority 0, 2 and 3 had priority 2, and they went as [1, 4, 2,",
            ),
            (  # the oldest of the highest may be passed over, not of all
                """\
def fair():
    passed = {}

    def choose(waiting):
        highest = max(task.kind.priority for task in waiting)
        for task in waiting:
            if task.kind.priority < highest:
                passed[task.identity] = passed.get(task.identity, 0) + 1
                if passed[task.identity] > 5:
                    return task
        return next(task for task in waiting if task.kind.priority == highest)

    return choose
""",
                "602 waited behind 601, which was passed over five times and went. Then 602",
            ),
        ),
        "timers_refresh": (
            (  # before, not at
                changed("timers_refresh", ("self.heap[0][0] <= now", "self.heap[0][0] < now")),
                "at 10 your due gave []. Alarm 2 has the deadline 10: it is",
            ),
            (  # a stale entry ends the look
                changed(
                    "timers_refresh",
                    (
                        "                found.append(identity)\n",
                        "                found.append(identity)\n            else:\n                break\n",
                    ),
                ),
                "20,000 alarms were refreshed, and 0",
            ),
            (  # in the order of the identities
                changed("timers_refresh", ("return found", "return sorted(found)")),
                "3 and 4 ring at 20, 1 at 30, and your due gave [1, 3,",
            ),
            (  # zero is taken for none
                changed(
                    "timers_refresh",
                    ("if identity in self.deadlines:", "if self.deadlines.get(identity):"),
                ),
                "alarm 1 was set for 0 and refreshed to 20; your due gave [1] at 19 and []",
            ),
        ),
        "timers_wheel": (
            (  # rounds, one too many for a whole one
                """\
class Wheel:
    def __init__(self):
        self.now = 0  # steps
        self.slots = [[] for _ in range(8)]  # of [rounds, identity]

    def schedule(self, delay, identity):
        self.slots[(self.now + delay) % 8].append([delay // 8, identity])

    def advance(self, steps):
        found = []
        for _ in range(steps):
            self.now += 1
            slot = self.slots[self.now % 8]
            found += [identity for rounds, identity in slot if rounds == 0]
            slot[:] = [[rounds - 1, identity] for rounds, identity in slot if rounds]
        return found
""",
                "at step 8, after advance(5), 'in 8' was due, and did not",
            ),
            (  # begins anew each time
                changed(
                    "timers_wheel", ("        found = []\n", "        found, self.now = [], 0\n")
                ),
                "at step 3, after advance(1), 'in 3' was due, and did not",
            ),
            (  # one for each deadline
                changed(
                    "timers_wheel",
                    ("[[] for _ in range(8)]", "[{} for _ in range(8)]"),
                    ("].append((deadline, identity))", "][deadline] = identity"),
                    ("in slot if deadline", "in slot.items() if deadline"),
                    (
                        "slot[:] = [entry for entry in slot if entry[0] != self.now]",
                        "slot.pop(self.now, None)",
                    ),
                ),
                "at step 5, after advance(5), 'the first of four' was due, and did not",
            ),
            (  # in the order of the names
                changed("timers_wheel", ("return found", "return sorted(found)")),
                "at step 5, after advance(5), these came: ['the first of four', 'the last",
            ),
        ),
        "timers_debounce": (
            (  # at once, too
                changed(
                    "timers_debounce",
                    (
                        "        nonlocal timer\n",
                        "        nonlocal timer\n        if timer is None:\n            function(value)\n",
                    ),
                ),
                "with 50 ms and these calls: 'a' at 100, function was called with: 'a' at",
            ),
            (  # what is false is nothing
                changed(
                    "timers_debounce",
                    (
                        "        nonlocal timer\n",
                        "        nonlocal timer\n        if not value:\n            return\n",
                    ),
                ),
                "with 50 ms and these calls: 'a' at 100, 'a' at 200, '' at 300, 0 at 400,",
            ),
            (  # the same value again is nothing new
                changed(
                    "timers_debounce",
                    ("    timer = None\n", "    timer, last = None, []\n"),
                    (
                        "        nonlocal timer\n",
                        "        nonlocal timer\n        if last == [value]:\n            return\n        last[:] = [value]\n",
                    ),
                ),
                "with 50 ms and these calls: 'a' at 100, 'a' at 200, '' at 300, 0 at 400,",
            ),
            (  # once in its life
                changed(
                    "timers_debounce",
                    ("    timer = None\n", "    timer, over = None, []\n"),
                    (
                        "        nonlocal timer\n",
                        "        nonlocal timer\n        if over:\n            return\n",
                    ),
                    ("lambda _: function(value)", "lambda _: (over.append(1), function(value))"),
                ),
                "with 50 ms and these calls: 'a' at 100, 'b' at 130, 'c' at 300, function",
            ),
        ),
        "timers_throttle": (
            (  # None is taken for nothing
                changed(
                    "timers_throttle",
                    (
                        "        if held:\n            called(held.pop())",
                        "        if held and held[0] is not None:\n            called(held.pop())",
                    ),
                ),
                "with 50 ms and these calls: 'a' at 100, None at 110, function was called",
            ),
            (  # the first that came too early
                changed("timers_throttle", ("held[:] = [value]", "held[:] = held or [value]")),
                "with 50 ms and these calls: 'a' at 100, 'b' at 110, 'c' at 120, 'd' at",
            ),
            (  # counts from the one that came too early
                """\
from minirt import clear_timeout, set_timeout

def throttle(ms, function):
    is_open, timer = True, None

    def opens(_):
        nonlocal is_open
        is_open = True

    def late(value):
        opens(None)
        called(value)

    def called(value):
        nonlocal is_open, timer
        if timer is not None:
            clear_timeout(timer)
        if is_open:
            is_open = False
            timer = set_timeout(ms, opens)
            function(value)
        else:
            timer = set_timeout(ms, lambda _: late(value))

    return called
""",
                "with 50 ms and these calls: 'a' at 100, 'b' at 110, 'c' at 120, 'd' at",
            ),
            (  # every time it opens, it calls with the last value once more
                changed("timers_throttle", ("called(held.pop())", "called(held[0])")),
                "Does what was held back go through again and",
            ),
        ),
    }
)
