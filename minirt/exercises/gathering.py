"""Chapter 09: wait for many, in order, and let no one behind."""

from minirt.awaiting.errors import Cancelled
from minirt.exercises.awaited import HOUR, SLACK, Play, Played
from minirt.exercises.mechanism import Answer, Exercise, Wrong, WrongAnswer, check

TASK = """\
Write your own `gather`: `await together(a(), b(), c())` runs all the coroutines at the same time
and returns the list of their values, in the order of the arguments; of none it is the empty list.
As soon as one of them fails, the others are cancelled, and its error is raised when all of them
are over: one that is cancelled may still tidy up, so ask it once, and pass over what it raises
then. Whoever is cancelled while they wait in `together` cancels all of them, and is cancelled
when they are over. `Task`, `Future`, `Cancelled` and `await` are all that it needs."""

STUB = '''\
from minirt import Cancelled, Future, Task


async def together(*coroutines):
    """The list of what they return. The first that fails cancels the others."""
    ...
'''

OPENING = STUB[: STUB.index("    ...")]

BODY = """\
    tasks = [Task(one) for one in coroutines]
    first = Future()  # of a task: the first that is not well, or the last of all

    def ended(task):
        is_well = not task.cancelled() and task.exception() is None
        if not first.done() and (not is_well or all(one.done() for one in tasks)):
            first.set_result(task)

    for task in tasks:
        task.add_done_callback(ended)
    try:
        if tasks:
            (await first).result()  # raises if it is not well
    finally:
        for task in tasks:
            task.cancel()  # does nothing to those that are over
        for task in tasks:
            await until_over(task)
    return [task.result() for task in tasks]


async def until_over(task):
    try:
        await task
    except (Exception, Cancelled):
        pass
"""

ANSWER = OPENING + BODY


def well(answer: Answer, play: Play, *coroutines: object, cancel_at: float | None = None) -> Played:
    return play.call(lambda: answer["together"](*coroutines), "together", cancel_at)


@check("the values come in the order of the arguments", seconds=3)
def in_order(answer: Answer) -> None:
    play = Play()
    coroutines = [
        play.works(name, ms, value)
        for name, ms, value in (("a", 30, "A"), ("b", 10, None), ("c", 20, 0), ("d", 0, "D"))
    ]
    played = well(answer, play, *coroutines)
    if played.error is not None:
        raise Wrong(f"four coroutines that all end well, and together {played.came}.")
    if played.value != ["A", None, 0, "D"]:
        raise Wrong(
            "the values should be ['A', None, 0, 'D'], in the order of the arguments; they ended "
            f"in the order D, b, c, a, and together returned {played.value!r}."
        )


@check("they run at the same time", seconds=3)
def at_once(answer: Answer) -> None:
    play = Play()
    played = well(answer, play, *(play.works(str(ms), ms) for ms in (30, 10, 20)))
    if played.at > 30 + SLACK:
        raise Wrong(
            f"sleeps of 30, 10 and 20 ms took {played.at} ms together. All of them should begin "
            "before the first is awaited."
        )
    if played.end > 30 + SLACK:
        raise Wrong(f"all were over after 30 ms, and the program only after {played.end} ms.")


@check("of none it is the empty list", seconds=3)
def of_none(answer: Answer) -> None:
    played = well(answer, Play())
    if played.error is not None or played.value != []:
        raise Wrong(f"together() of no coroutine should return [], and it {played.came}.")


@check("the first that fails cancels the others, at once", seconds=3)
def first_error(answer: Answer) -> None:
    play = Play()
    played = well(
        answer,
        play,
        play.works("a", HOUR),
        play.works("b", 10, ValueError("b is broken")),
        play.works("c", HOUR),
    )
    if not isinstance(played.error, ValueError):
        raise Wrong(f"b raised ValueError after 10 ms, and together {played.came}.")
    if played.at > 10 + SLACK:
        raise Wrong(
            f"b failed after 10 ms, and together noticed it after {played.at} ms: it was waiting "
            "for another one. Who tells it that any of them has ended?"
        )
    running = [name for name in "ac" if f"{name} is cancelled" not in play.said]
    if running or played.end > 10 + SLACK:
        raise Wrong(f"b failed, and {' and '.join(running) or 'something'} was not cancelled.")


@check("the error is raised when all are over, and nobody else's", seconds=3)
def all_over(answer: Answer) -> None:
    play = Play()

    async def breaks_while_tidying() -> None:
        try:
            await play.works("d", HOUR)
        finally:
            raise LookupError("while tidying up")

    played = well(
        answer,
        play,
        play.works("a", HOUR, tidy_ms=50),
        play.works("b", 10, ValueError("b is broken")),
        play.works("c", 10, KeyError("c is broken, too")),
        play.made(breaks_while_tidying()),
    )
    play.check_cancelled_once("a")
    if not isinstance(played.error, ValueError):
        raise Wrong(f"b was the first that failed, with ValueError, and together {played.came}.")
    if played.at < 60:
        raise Wrong(
            f"a was cancelled after 10 ms and needed 50 ms to tidy up; together raised after "
            f"{played.at} ms, when a was not over."
        )
    if played.unheard:
        raise Wrong(
            f"nobody heard {', '.join(played.unheard)}: an error of one of the others should be "
            "passed over, not be told to on_uncaught. Await each of them, or add a callback."
        )


@check("one that fails in its first step counts as well", seconds=3)
def at_the_start(answer: Answer) -> None:
    play = Play()
    played = well(answer, play, play.works("a", HOUR), play.works("b", 0, ValueError("at once")))
    if not isinstance(played.error, ValueError) or played.end > SLACK:
        raise Wrong(
            f"b raised ValueError in its first step, and together {played.came} after "
            f"{played.at} ms; the program was over after {played.end} ms."
        )


@check("whoever is cancelled while they wait cancels all", seconds=3)
def cancelled(answer: Answer) -> None:
    play = Play()
    played = well(
        answer, play, play.works("a", HOUR, tidy_ms=50), play.works("b", HOUR), cancel_at=10
    )
    play.check_cancelled_once("a")
    running = [name for name in "ab" if f"{name} is cancelled" not in play.said]
    if running:
        raise Wrong(
            "the one who awaited together was cancelled, and still running is "
            f"{' and '.join(running)}. Cancelled is no Exception: does your cleaning see it?"
        )
    if not isinstance(played.error, Cancelled):
        raise Wrong(f"the one who awaited was cancelled, and together {played.came}.")
    if played.at < 60:
        raise Wrong(
            f"a needed 50 ms to tidy up after 10 ms, and Cancelled was raised after {played.at} "
            "ms: wait until all of them are over here, too."
        )


GATHERING = Exercise(
    name="gather_and_cancel",
    chapter="09_from_callbacks_to_await",
    task=TASK,
    stub=STUB,
    checks=(in_order, at_once, of_none, first_error, all_over, at_the_start, cancelled),
    hints=(
        (
            "Make all the tasks first. Who awaits them one after the other learns too late that a "
            "later one has failed: await one future, which a callback of each task can settle."
        ),
        (
            "That future is settled by the first task that is not well, or by the last of all. "
            "Await it in a `try`, and in its `finally` cancel each task, then await each, passing "
            "over what it raises."
        ),
    ),
    answer=ANSWER,
    wrong=(
        WrongAnswer(  # one after the other
            OPENING + "    return [await one for one in coroutines]\n",
            says="took 60 ms together",
        ),
        WrongAnswer(  # as they end
            OPENING
            + "    values = []\n"
            + "    tasks = [Task(one) for one in coroutines]\n"
            + "    for task in tasks:\n"
            + "        task.add_done_callback(lambda task: values.append(task.result()))\n"
            + "    for task in tasks:\n"
            + "        await task\n"
            + "    return values\n",
            says="in the order of the arguments; they ended",
        ),
        WrongAnswer(  # nobody is cancelled
            OPENING
            + "    tasks = [Task(one) for one in coroutines]\n"
            + "    return [await task for task in tasks]\n",
            says="it was waiting for another one",
        ),
        WrongAnswer(  # does not wait for those that it cancelled
            OPENING
            + BODY.replace("        for task in tasks:\n            await until_over(task)\n", ""),
            says="when a was not over",
        ),
        WrongAnswer(  # only errors end the others
            ANSWER.replace("    finally:", "    except Exception:").replace(
                "            await until_over(task)\n",
                "            await until_over(task)\n        raise\n",
            ),
            says="Cancelled is no Exception",
        ),
        WrongAnswer(  # no task ever settles it
            ANSWER.replace(
                "        if tasks:\n            (await", "        if True:\n            (await"
            ),
            says="waits for ever",
        ),
        WrongAnswer(  # those that are over well are lost
            ANSWER.replace(
                "[task.result() for task in tasks]",
                "[task.result() for task in tasks if task.result()]",
            ),
            says="together returned ['A', 'D']",
        ),
        WrongAnswer(
            OPENING + "    import minirt\n\n    return await minirt.gather(*coroutines)\n",
            says="minirt's own answer",
        ),
    ),
)

EXERCISES = (GATHERING,)
