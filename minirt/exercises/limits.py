"""Chapter 09: a time limit that leaves nothing behind."""

from minirt.awaiting.errors import Cancelled
from minirt.exercises.awaited import HOUR, SLACK, Play, Played
from minirt.exercises.mechanism import Answer, Exercise, Wrong, WrongAnswer, check

TASK = """\
Write your own time limit: `await within(100, work())` returns what the coroutine returns, or
raises what it raises, if it is over within 100 milliseconds. If it is not, it is cancelled, and
`within` raises `TimeoutError` as soon as it is over: it may still tidy up. Nothing is left behind
in any case: no timer, and nothing that still runs. Whoever is cancelled while they wait in
`within` stays cancelled, which is no TimeoutError, and the coroutine is cancelled as well.
`Task`, `Future`, `Cancelled`, `set_timeout` and `await` are all that it needs."""

STUB = '''\
from minirt import Cancelled, Future, Task, set_timeout


async def within(ms, coroutine):
    """What the coroutine returns. TimeoutError if it is not over within so many milliseconds."""
    ...
'''

OPENING = STUB[: STUB.index("    ...")]

BODY = """\
    task = Task(coroutine)
    is_late = False

    def expire(_):
        nonlocal is_late
        is_late = task.cancel()

    timer = set_timeout(ms, expire)
    try:
        return await task
    except Cancelled:
        if is_late:
            raise TimeoutError(f"not over within {ms} ms") from None
        raise
    finally:
        timer.cancel()
"""

ANSWER = OPENING + BODY

LOOKS = (
    "Does it look again and again whether it is over? Await the task: it wakes whoever awaits it."
)


def limited(
    answer: Answer, play: Play, ms: float, coroutine: object, cancel_at: float | None = None
) -> Played:
    return play.call(lambda: answer["within"](ms, coroutine), "within", cancel_at)


@check("in time: its value, and nothing is left", seconds=3, hangs=LOOKS)
def in_time(answer: Answer) -> None:
    for value in ("value", None):
        play = Play()
        played = limited(answer, play, HOUR, play.works("work", 10, value))
        if played.error is not None or played.value != value:
            raise Wrong(f"the work returned {value!r} after 10 ms, and within {played.came}.")
        if played.at > 10 + SLACK:
            raise Wrong(f"the work was over after 10 ms, and within after {played.at} ms.")
        if played.end > 10 + SLACK:
            raise Wrong(
                "the work was over after 10 ms of an hour, and the program lived on for "
                f"{played.end / 1000:g} s: the timer is left behind."
            )


@check("it fails in time: its error, and nothing is left", seconds=3, hangs=LOOKS)
def fails(answer: Answer) -> None:
    for ms in (10, 0):
        play = Play()
        played = limited(answer, play, HOUR, play.works("work", ms, ValueError("broken")))
        if not isinstance(played.error, ValueError):
            raise Wrong(f"the work raised ValueError after {ms} ms, and within {played.came}.")
        if played.end > 10 + SLACK:
            raise Wrong(
                f"the work raised ValueError after {ms} ms, and the program lived on for "
                f"{played.end / 1000:g} s: is the timer cleared on this way out, too?"
            )
        if played.unheard:
            raise Wrong(f"nobody heard {', '.join(played.unheard)}: who awaits the task?")


@check("late: it is cancelled, and TimeoutError is raised when it is over", seconds=3, hangs=LOOKS)
def late(answer: Answer) -> None:
    play = Play()
    played = limited(answer, play, 100, play.works("work", HOUR, tidy_ms=50))
    play.check_cancelled_once("work")
    if "work is cancelled" not in play.said:
        raise Wrong(f"the time was over after 100 ms, and the work went on; within {played.came}.")
    if not isinstance(played.error, TimeoutError):
        raise Wrong(f"the time was over, the work is cancelled, and within {played.came}.")
    if played.at < 150:
        raise Wrong(
            "the work was cancelled after 100 ms and needed 50 ms to tidy up; within raised after "
            f"{played.at} ms, when it was not over."
        )
    if not 150 <= played.at <= 150 + SLACK:
        raise Wrong(f"within 100 ms, and 50 ms to tidy up: it should not take {played.at} ms.")
    if played.unheard:
        raise Wrong(f"nobody heard {', '.join(played.unheard)}: who awaits the task?")


@check("what fails while it tidies up raises its own error", seconds=3, hangs=LOOKS)
def fails_late(answer: Answer) -> None:
    play = Play()

    async def breaks() -> None:
        try:
            await play.works("work", HOUR)
        finally:
            raise LookupError("while tidying up")

    played = limited(answer, play, 100, play.made(breaks()))
    if not isinstance(played.error, LookupError | TimeoutError):
        raise Wrong(f"the work raised LookupError while it tidied up, and within {played.came}.")
    if played.unheard:
        raise Wrong(f"nobody heard {', '.join(played.unheard)}: who awaits the task?")


@check("over just when the time is: one of the two, and no other error", seconds=3, hangs=LOOKS)
def at_the_same_moment(answer: Answer) -> None:
    play = Play()
    played = limited(answer, play, 100, play.works("work", 100, "value"))
    if played.value != "value" and not isinstance(played.error, TimeoutError):
        raise Wrong(f"the work was over just when the time was, and within {played.came}.")
    if played.unheard:
        raise Wrong(
            f"the work was over just when the time was, and on_uncaught was told "
            f"{', '.join(played.unheard)}. What settles twice?"
        )


@check("whoever is cancelled while they wait stays cancelled", seconds=3, hangs=LOOKS)
def cancelled(answer: Answer) -> None:
    play = Play()
    played = limited(answer, play, HOUR, play.works("work", HOUR, tidy_ms=50), cancel_at=10)
    play.check_cancelled_once("work")
    if "work is cancelled" not in play.said:
        raise Wrong("the one who awaited was cancelled after 10 ms, and the work went on.")
    if not isinstance(played.error, Cancelled):
        raise Wrong(
            f"the one who awaited was cancelled after 10 ms of an hour, and within {played.came}. "
            "Cancelled can come from two sides: from your timer, and from outside."
        )
    if played.end > 60 + SLACK:
        raise Wrong(
            f"the one who awaited was cancelled after 10 ms, and the program lived on for "
            f"{played.end / 1000:g} s: is the timer cleared on this way out, too?"
        )


LIMITS = Exercise(
    name="within_ms",
    chapter="09_from_callbacks_to_await",
    task=TASK,
    stub=STUB,
    checks=(in_time, fails, late, fails_late, at_the_same_moment, cancelled),
    hints=(
        (
            "There are four ways out: a value, an error, the time, a cancellation from outside. "
            "One statement of Python's is passed on all of them: the timer is cleared there."
        ),
        (
            "Make a task of the coroutine, and a timer that cancels the task and notes that it was "
            "late. Await the task. `Cancelled` becomes a TimeoutError if it was late, and goes on "
            "otherwise."
        ),
    ),
    answer=ANSWER,
    wrong=(
        WrongAnswer(  # the timer stays
            ANSWER.replace("    finally:\n        timer.cancel()\n", ""),
            says="the timer is left behind",
        ),
        WrongAnswer(  # cleared when all is well, and only then
            ANSWER.replace("    finally:\n        timer.cancel()\n", "").replace(
                "        return await task\n",
                "        value = await task\n        timer.cancel()\n        return value\n",
            ),
            says="the work raised ValueError after 10 ms, and the program lived on",
        ),
        WrongAnswer(  # two that race for one future, and the loser goes on
            OPENING
            + "    task, first = Task(coroutine), Future()\n"
            + "    timer = set_timeout(ms, lambda _: first.done() or first.set_result(None))\n"
            + "    task.add_done_callback(lambda _: first.done() or first.set_result(None))\n"
            + "    await first\n"
            + "    timer.cancel()\n"
            + "    if not task.done():\n"
            + "        raise TimeoutError\n"
            + "    return task.result()\n",
            says="and the work went on; within raised",
        ),
        WrongAnswer(  # cancelled, and not awaited
            OPENING
            + "    task, first = Task(coroutine), Future()\n"
            + "    timer = set_timeout(ms, lambda _: first.done() or first.set_result(None))\n"
            + "    task.add_done_callback(lambda _: first.done() or first.set_result(None))\n"
            + "    try:\n"
            + "        await first\n"
            + "    finally:\n"
            + "        timer.cancel()\n"
            + "    if task.cancel():\n"
            + "        raise TimeoutError\n"
            + "    return task.result()\n",
            says="when it was not over",
        ),
        WrongAnswer(  # every cancellation is its own
            ANSWER.replace("        if is_late:\n            raise", "        raise").replace(
                " from None\n        raise\n", " from None\n"
            ),
            says="from your timer, and from outside",
        ),
        WrongAnswer(  # no TimeoutError
            ANSWER.replace(
                "    except Cancelled:\n"
                "        if is_late:\n"
                '            raise TimeoutError(f"not over within {ms} ms") from None\n'
                "        raise\n",
                "",
            ),
            says="the work is cancelled, and within raised Cancelled()",
        ),
        WrongAnswer(  # looks once in a millisecond
            OPENING
            + "    from minirt import Runtime, sleep_ms\n\n"
            + "    task, end = Task(coroutine), Runtime.current().clock.now() + ms / 1000\n"
            + "    while not task.done():\n"
            + "        if Runtime.current().clock.now() >= end:\n"
            + "            task.cancel()\n"
            + "            raise TimeoutError\n"
            + "        await sleep_ms(1)\n"
            + "    return task.result()\n",
            says="who awaits the task?",
        ),
        WrongAnswer(
            OPENING
            + "    import minirt\n\n"
            + "    async with minirt.timeout_ms(ms):\n"
            + "        return await coroutine\n",
            says="timeout_ms is minirt's own answer",
        ),
    ),
)

EXERCISES = (LIMITS,)
