"""Chapter 09: a channel between tasks, in which whoever is faster has to wait."""

from collections.abc import Coroutine
from functools import partial
from typing import Any

from minirt.awaiting.coroutines import Task
from minirt.awaiting.waiting import sleep_ms
from minirt.exercises.awaited import Play
from minirt.exercises.mechanism import Answer, Exercise, Wrong, WrongAnswer, check
from minirt.node.ambient import set_timeout

TASK = """\
A channel takes values from tasks that are too fast to tasks that are too slow. It has room for
`room` values, one or more. `await channel.send(value)` waits as long as it is full, `await
channel.receive()` as long as it is empty; any number of tasks may do both. Values come out in the
order in which `send` was called, and each comes out once. Whoever waits is woken; nobody looks
again and again. A `send` that is cancelled while it waits has sent nothing. A `receive` that is
cancelled takes no value with it: what it would have got goes to the next one."""

STUB = '''\
from collections import deque

from minirt import Cancelled, Future


class Channel:
    def __init__(self, room):
        self.room = room

    async def send(self, value):
        """Wait until there is room for the value."""
        ...

    async def receive(self):
        """The oldest value; wait until there is one."""
        ...
'''

ANSWER = '''\
from minirt import Future


class Channel:
    def __init__(self, room):
        self.room = room
        self.sent = []  # (value, future of its sender), the oldest first
        self.receivers = []  # futures of those who wait

    async def send(self, value):
        """Wait until there is room for the value."""
        has_room = Future()
        self.sent.append((value, has_room))
        self.look()
        await has_room

    async def receive(self):
        """The oldest value; wait until there is one."""
        self.look()
        while not self.sent:
            is_there = Future()
            self.receivers.append(is_there)
            try:
                await is_there
            finally:
                self.look()  # if this one is cancelled now, another is woken
        value, _ = self.sent.pop(0)
        self.look()
        return value

    def look(self):
        """Let senders in, and wake one receiver."""
        self.sent = [one for one in self.sent if not one[1].cancelled()]
        for _, has_room in self.sent[: self.room]:
            if not has_room.done():
                has_room.set_result(None)
        self.receivers = [one for one in self.receivers if not one.done()]
        if self.sent and self.receivers:
            self.receivers[0].set_result(None)
'''

# A plain one, from which wrong answers are made: woken are all, and each looks for itself.
PLAIN = """\
from collections import deque

from minirt import Cancelled, Future


class Channel:
    def __init__(self, room):
        self.room = room
        self.values = deque()
        self.waiting = []

    async def send(self, value):
        while len(self.values) >= self.room:
            await self.change()
        self.values.append(value)
        self.changed()

    async def receive(self):
        while not self.values:
            await self.change()
        value = self.values.popleft()
        self.changed()
        return value

    def change(self):
        future = Future()
        self.waiting.append(future)
        return future

    def changed(self):
        waiting, self.waiting = self.waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)
"""

LONG = 10_000  # ms
STUCK = "Does somebody look again and again, and never give way? Await a future."


class Trial(Play):
    """A channel of the answer's, tasks that use it, and what they did."""

    def __init__(self, answer: Answer, room: int) -> None:
        super().__init__()
        self._make, self._room = answer["Channel"], room
        self.channel: Any = None
        self.sent: list[object] = []  # where send has returned
        self.received: list[object] = []
        self.failed: list[Exception] = []

    def task(self, coroutine: Coroutine[Any, Any, Any]) -> "Task[Any]":
        return Task(self.made(coroutine))

    async def send(self, *values: object) -> None:
        for value in values:
            await self.channel.send(value)
            self.sent.append(value)

    async def receive(self, count: int = 1) -> None:
        for _ in range(count):
            self.received.append(await self.channel.receive())

    def runs(self, *steps: tuple[float, Any]) -> None:
        """After so many ms each function is called, and coroutines that it gives are tasks."""

        def begin(step: Any, value: object) -> None:
            for coroutine in step() or ():
                self.task(coroutine)

        def main() -> None:
            self.channel = self._make(self._room)
            for ms, step in steps:
                set_timeout(ms, partial(begin, step))

        self.run(main)
        if self.played.unheard:
            raise Wrong(f"a send or a receive raised {', '.join(self.played.unheard)}.")


@check("values come out once, in the order in which they were sent", seconds=3, hangs=STUCK)
def in_order(answer: Answer) -> None:
    values = ["a", None, 0, "a", "b", "c", ""]
    for ends in ((1, 2), (2, 1)):
        trial = Trial(answer, 2)
        trial.runs(
            (ends[0], lambda trial=trial: [trial.send(*values)]),
            (ends[1], lambda trial=trial: [trial.receive(len(values))]),
        )
        if trial.received != values:
            first = "sender" if ends == (1, 2) else "receiver"
            raise Wrong(
                f"sent were {values}, the {first} came first, and received were {trial.received}."
            )


@check("a send waits as long as there is no room, and no longer", seconds=3, hangs=STUCK)
def back_pressure(answer: Answer) -> None:
    for room in (1, 2):
        trial = Trial(answer, room)
        returned: list[int] = []

        def look(trial: Trial = trial, returned: list[int] = returned) -> None:
            returned.append(len(trial.sent))

        trial.runs(
            (1, lambda trial=trial: [trial.send(*range(5))]),
            (20, look),
            (30, lambda trial=trial: [trial.receive()]),
            (40, look),
            (50, lambda trial=trial: [trial.receive(4)]),
            (60, look),
        )
        for received, sent in zip((0, 1, 5), returned, strict=True):
            may = min(5, room + received)
            if sent != may:
                raise Wrong(
                    f"in a channel with room for {room}, {received} of 5 values were received, and "
                    f"{sent} sends had returned; {may} should have. "
                    + ("Nobody holds the sender back." if sent > may else "Who wakes the sender?")
                )


@check("whoever waits is woken, and does not look again and again", seconds=3, hangs=STUCK)
def no_looking(answer: Answer) -> None:
    trial = Trial(answer, 1)
    turns: list[int] = []

    async def send_late() -> None:
        await sleep_ms(LONG)
        turns.append(trial.turns)
        await trial.send("late")

    trial.runs((1, lambda: [trial.receive(), send_late()]))
    if trial.received != ["late"]:
        raise Wrong(
            f"a receiver waited ten seconds for 'late', and received were {trial.received}."
        )
    if turns[0] > 100:
        raise Wrong(
            f"a receiver waited for ten seconds, and the loop turned {turns[0]} times: it "
            "looks again and again. Await a future that the next send settles."
        )


@check("with many who send and many who receive nothing is lost", seconds=3, hangs=STUCK)
def many(answer: Answer) -> None:
    trial = Trial(answer, 2)
    values = [f"{sender}{number}" for sender in "abc" for number in range(4)]
    trial.runs(
        (1, lambda: [trial.receive(4) for _ in range(2)]),
        (2, lambda: [trial.send(*values[at : at + 4]) for at in (0, 4, 8)]),
        (3, lambda: [trial.receive(2) for _ in range(2)]),
    )
    if sorted(map(str, trial.received)) != sorted(values):
        lost = [value for value in values if value not in trial.received]
        raise Wrong(
            f"three senders, four receivers, 12 values; received were {len(trial.received)}"
            + (f", and never came {', '.join(lost)}" if lost else "")
            + ". Does whoever is woken look whether there is still something?"
        )


@check("a sender does not overtake one that waits", seconds=3, hangs=STUCK)
def no_overtaking(answer: Answer) -> None:
    trial = Trial(answer, 1)
    trial.runs(
        (1, lambda: [trial.send(number) for number in (1, 2, 3)]),
        (20, lambda: [trial.receive(), trial.send(4)]),
        (30, lambda: [trial.receive(3)]),
    )
    if trial.received != [1, 2, 3, 4]:
        raise Wrong(
            "four tasks called send, of 1, 2, 3 and 4, and 4 came in the moment in which there was "
            f"room again; received were {trial.received}."
        )


@check("a receive that is cancelled takes no value with it", seconds=3, hangs=STUCK)
def cancelled_receiver(answer: Answer) -> None:
    for when, how in ((20, "before the value came"), (30, "in the moment in which it came")):
        trial = Trial(answer, 1)
        tasks: list[Task[Any]] = []

        def wait(trial: Trial = trial, tasks: "list[Task[Any]]" = tasks) -> None:
            tasks.extend(trial.task(trial.receive()) for _ in range(2))

        def give_up(tasks: "list[Task[Any]]" = tasks) -> None:
            tasks[0].cancel()

        def send(trial: Trial = trial, when: int = when, tasks: "list[Task[Any]]" = tasks) -> None:
            trial.task(trial.send("value"))
            if when == 30:
                tasks[0].cancel()

        steps = [(1, wait), (30, send)]
        trial.runs(*steps, *([(when, give_up)] if when == 20 else []))
        if trial.received != ["value"]:
            raise Wrong(
                f"two receivers waited, the first was cancelled {how}, and the second received "
                f"{trial.received}: what the first would have got should come to it."
            )


@check("a send that is cancelled while it waits has sent nothing", seconds=3, hangs=STUCK)
def cancelled_sender(answer: Answer) -> None:
    trial = Trial(answer, 1)
    tasks: list[Task[Any]] = []

    def send() -> None:
        tasks.extend(trial.task(trial.send(number)) for number in (1, 2, 3))

    def give_up() -> None:
        tasks[1].cancel()

    trial.runs(
        (1, send),
        (20, give_up),
        (30, lambda: [trial.receive(2)]),
        (40, lambda: [trial.send(4, 5)]),
        (50, lambda: [trial.receive(2)]),
    )
    if 2 in trial.received:
        raise Wrong(f"the send of 2 was cancelled while it waited; received were {trial.received}.")
    if trial.received != [1, 3, 4, 5]:
        raise Wrong(
            "1, 2 and 3 were sent, the send of 2 was cancelled while it waited, then 4 and 5 were "
            f"sent; received were {trial.received}: somebody waits for ever."
        )


CHANNEL = Exercise(
    name="channel_with_room",
    chapter="09_from_callbacks_to_await",
    task=TASK,
    stub=STUB,
    checks=(
        *(in_order, back_pressure, no_looking, many, no_overtaking),
        *(cancelled_receiver, cancelled_sender),
    ),
    hints=(
        (
            "Each task that waits has a future of its own. Whoever was woken may find that another "
            "one was faster: let it look once more. And the future of a task that was cancelled is "
            "`cancelled()`: settle it, and you get an error."
        ),
        (
            "Keep pairs of a value and a future of its sender, in the order of `send`: the first "
            "`room` of them are in the channel, and their futures are settled. One method looks: "
            "it drops pairs whose future is cancelled, settles those that have room now, and wakes "
            "one receiver if there is a value. Call it after every change, also when a receive is "
            "cancelled."
        ),
    ),
    answer=ANSWER,
    wrong=(
        WrongAnswer(  # no bound
            PLAIN.replace(
                "        while len(self.values) >= self.room:\n            await self.change()\n",
                "",
            ),
            says="Nobody holds the sender back",
        ),
        WrongAnswer(
            PLAIN.replace("popleft()", "pop()"),
            says="the sender came first, and received were",
        ),
        WrongAnswer(  # room for one more
            PLAIN.replace(">= self.room", "> self.room"),
            says="1 should have. Nobody holds the sender back",
        ),
        WrongAnswer(  # looks every millisecond
            PLAIN.replace(
                "while not self.values:\n            await self.change()",
                "while not self.values:\n            await sleep_ms(1)",
            ).replace("Cancelled, Future", "Cancelled, Future, sleep_ms"),
            says="it looks again and again",
        ),
        WrongAnswer(  # woken, and sure that there is something
            PLAIN.replace("while not self.values:", "if not self.values:"),
            says="a send or a receive raised IndexError",
        ),
        WrongAnswer(  # whoever comes in the right moment overtakes
            PLAIN,
            says="received were [1, 4, 2, 3]",
        ),
        WrongAnswer(  # the value is handed to the receiver's future
            ANSWER.replace(
                "        self.look()\n        while not self.sent:\n"
                "            is_there = Future()\n"
                "            self.receivers.append(is_there)\n"
                "            try:\n"
                "                await is_there\n"
                "            finally:\n"
                "                self.look()  # if this one is cancelled now, another is woken\n"
                "        value, _ = self.sent.pop(0)\n"
                "        self.look()\n"
                "        return value\n",
                "        is_there = Future()\n"
                "        self.receivers.append(is_there)\n"
                "        self.look()\n"
                "        return await is_there\n",
            ).replace(
                "self.receivers[0].set_result(None)",
                "self.receivers[0].set_result(self.sent.pop(0)[0])\n            self.look()",
            ),
            says="cancelled in the moment in which it came",
        ),
        WrongAnswer(  # what was cancelled stays in the line
            ANSWER.replace(
                "        self.sent = [one for one in self.sent if not one[1].cancelled()]\n", ""
            ),
            says="the send of 2 was cancelled while it waited; received",
        ),
    ),
)

EXERCISES = (CHANNEL,)
