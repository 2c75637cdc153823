"""Chapter 10: a program that blocks the loop, and how it stops doing that."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from minirt.aio import run
from minirt.exercises.mechanism import Answer, Exercise, Wrong, WrongAnswer, check

TASK = """\
`digest(text)` blocks: it computes for a while, and whoever calls it on the loop holds everybody up.
Write `await digests(texts, digest)`: the list of the digests, in the order of the texts. Several
texts are computed at the same time, on threads, while the loop goes on. If one of them raises, that
error is raised, and no other error is left unheard. It runs on any loop of asyncio."""

STUB = '''\
import asyncio


async def digests(texts, digest):
    """The digest of each text, in their order. The loop is free meanwhile."""
    ...
'''

OPENING = STUB[: STUB.index("    ...")]

ANSWER = (
    OPENING
    + "    return await asyncio.gather(*(asyncio.to_thread(digest, one) for one in texts))\n"
)

PATIENCE = 0.5  # s: how long the first ones wait for the others
AT_ONCE = 3

Digest = Callable[[str], object]


def called(answer: Answer, texts: list[str], digest: Digest) -> tuple[Any, list[str]]:
    """What it returned or raised, and what the loop's exception handler was told."""
    told: list[str] = []

    async def main() -> object:
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: told.append(context["message"])
        )
        result: Awaitable[object] = answer["digests"](texts, digest)
        if not hasattr(result, "__await__"):
            raise Wrong("your digests gave something that cannot be awaited. Is it an async def?")
        try:
            return await result
        except Wrong:
            raise
        except Exception as error:
            return error

    found: list[Any] = []

    def on_a_thread() -> None:  # the notebook's own has Jupyter's loop
        try:
            found.append(run(main()))
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=on_a_thread, daemon=True)
    thread.start()
    thread.join()
    if isinstance(found[0], Wrong):
        raise found[0]
    return found[0], told


@check("the digests come in the order of the texts", seconds=5)
def in_order(answer: Answer) -> None:
    def digest(text: str) -> str:
        if text == "a":
            threading.Event().wait(0.05)  # the first is the last one to be ready
        return text.upper()

    for texts in (["a", "b", "b", "c"], []):
        result, _ = called(answer, texts, digest)
        if isinstance(result, Exception):
            raise Wrong(f"for the texts {texts} your digests raised {result!r}.")
        if result != [text.upper() for text in texts]:
            raise Wrong(
                f"for the texts {texts}, of which 'a' takes longest, with str.upper as digest, "
                f"your digests returned {result!r}."
            )


@check("the loop is free meanwhile", seconds=5)
def free(answer: Answer) -> None:
    on: list[int] = []
    of_the_loop: list[int] = []
    beats: list[bool] = []
    beat = threading.Event()

    def digest(text: str) -> str:
        on.append(threading.get_ident())
        beats.append(threading.get_ident() not in of_the_loop and beat.wait(PATIENCE))
        return text

    async def noted(texts: list[str], digest: Digest) -> object:
        of_the_loop.append(threading.get_ident())
        asyncio.get_running_loop().call_later(0.01, beat.set)
        return await answer["digests"](texts, digest)

    called(Answer({"digests": noted}), ["a", "b"], digest)
    if len(on) != 2:
        raise Wrong(f"digest should be called once for each of two texts, and was {len(on)} times.")
    if of_the_loop[0] in on:
        raise Wrong(
            "digest was called on the thread of the loop. As long as it computes nobody else runs: "
            "an async def around it does not change that."
        )
    if not all(beats):
        raise Wrong(
            "digest ran on a thread, and the loop stood still meanwhile: a timer of 10 ms did not "
            "come. What waits for the thread without an await?"
        )


@check("several are computed at the same time", seconds=5)
def at_once(answer: Answer) -> None:
    meeting = threading.Barrier(AT_ONCE)

    def digest(text: str) -> str:
        meeting.wait(PATIENCE)  # until so many are here
        return text

    result, _ = called(answer, list("abc"), digest)
    if isinstance(result, Exception):
        raise Wrong(
            "three texts, each of which waits until all three are computed: they never were at the "
            "same time. Who awaits one before the next is begun?"
        )


@check("an error is raised, and no other is left unheard", seconds=5)
def fails(answer: Answer) -> None:
    def digest(text: str) -> str:
        if text != "a":
            raise ValueError(text)
        return text

    result, told = called(answer, ["a", "b", "c"], digest)
    if not isinstance(result, ValueError):
        raise Wrong(f"the digest of b raised ValueError, and your digests gave {result!r}.")
    if told:
        raise Wrong(f"asyncio's exception handler was told: {told[0]!r}. Who awaits the others?")


HOLDING = Exercise(
    name="free_the_loop",
    chapter="10_run_asyncio_on_it",
    task=TASK,
    stub=STUB,
    checks=(in_order, free, at_once, fails),
    hints=(
        "Which of the six things that asyncio asks of a loop is for a function that blocks?",
        (
            "`asyncio.to_thread(digest, text)` is a coroutine. Begin all of them before you await "
            "the first: `asyncio.gather` does that, and keeps the order."
        ),
    ),
    answer=ANSWER,
    wrong=(
        WrongAnswer(
            OPENING + "    return [digest(text) for text in texts]\n",
            says="called on the thread of the loop",
        ),
        WrongAnswer(
            OPENING + "    return [await asyncio.to_thread(digest, text) for text in texts]\n",
            says="they never were at the same time",
        ),
        WrongAnswer(
            OPENING
            + "    tasks = [asyncio.to_thread(digest, text) for text in texts]\n"
            + "    return [await task for task in asyncio.as_completed(tasks)]\n",
            says="of which 'a' takes longest",
        ),
        WrongAnswer(
            OPENING
            + "    tasks = [asyncio.to_thread(digest, text) for text in texts]\n"
            + "    return await asyncio.gather(*tasks, return_exceptions=True)\n",
            says="raised ValueError, and your digests gave",
        ),
    ),
)

EXERCISES = (HOLDING,)
