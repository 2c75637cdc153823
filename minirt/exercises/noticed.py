"""Does a test of CPython's own notice what is wrong with a loop?

    python -m minirt.exercises.noticed TEST NAME < CELL

CELL is the text that defines the loop's class NAME; TEST is as in `test_events.SelectEventLoopTests
.test_call_later`. The tests change what all of asyncio uses, so they run in a process of their own:
on minirt's loop first, then on that of the cell. One line of JSON tells what came of each run.
"""

import asyncio
import importlib.util
import json
import os
import subprocess
import sys
import threading
import unittest
from dataclasses import asdict, dataclass
from typing import Any

from minirt.aio import MinirtEventLoop

FOLDER = "test.test_asyncio"
LONGEST = 2.0  # s: a test that is about one timer takes a tenth of it


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one test on one loop."""

    outcome: str  # "passed", "failed", "skipped", "not found", "not one", "raised", "endless"
    detail: str = ""  # the last line of what it said


def are_here() -> bool:
    """Some distributions leave CPython's tests out."""
    try:
        return importlib.util.find_spec(FOLDER) is not None
    except ImportError:
        return False


def noticed(test: str, name: str, cell: str) -> tuple[Outcome, Outcome]:
    """What came of the test on minirt's loop, and on the class `name` that the cell defines."""
    command = [sys.executable, "-m", __name__, test, name]
    done = subprocess.run(command, input=cell, capture_output=True, text=True, check=False)
    sound, bent = (Outcome(**json.loads(line)) for line in done.stdout.splitlines())
    return sound, bent


def main(test: str, name: str) -> None:
    say(run(test, MinirtEventLoop))
    names: dict[str, Any] = {"__name__": "__main__"}
    try:
        exec(compile(sys.stdin.read(), "the cell", "exec"), names)
    except Exception as error:
        say(Outcome("raised", f"{type(error).__name__}: {error}"))
    else:
        threading.Timer(LONGEST, give_up).start()
        say(run(test, names[name]))
        os._exit(0)  # whatever the loop has left


def give_up() -> None:
    say(Outcome("endless"))
    os._exit(0)


def say(outcome: Outcome) -> None:
    sys.__stdout__.write(json.dumps(asdict(outcome)) + "\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]


def run(test: str, kind: type[MinirtEventLoop]) -> Outcome:
    use(kind)
    suite = unittest.defaultTestLoader.loadTestsFromName(f"{FOLDER}.{test}")
    found = list(suite)
    if any(type(one).__module__ == "unittest.loader" for one in found):
        return Outcome("not found")
    if suite.countTestCases() != 1:
        return Outcome("not one", str(suite.countTestCases()))
    result = unittest.TestResult()
    suite.run(result)
    if result.skipped:
        return Outcome("skipped", result.skipped[0][1])
    for _, text in result.failures + result.errors:
        return Outcome("failed", text.strip().splitlines()[-1])
    return Outcome("passed")


def use(kind: type[MinirtEventLoop]) -> None:
    """From now on a new loop is of this kind. The standard class is given a selector."""

    class Given(kind):  # type: ignore[valid-type, misc]
        def __init__(self, selector: Any = None) -> None:
            super().__init__()
            if selector is not None:
                selector.close()

    anything: Any = asyncio
    anything.SelectorEventLoop = Given
    if hasattr(asyncio, "EventLoop"):  # from 3.13 on
        anything.EventLoop = Given
    if hasattr(asyncio, "unix_events"):
        for name in ("_UnixDefaultEventLoopPolicy", "_DefaultEventLoopPolicy"):  # 3.14 has this
            if hasattr(anything.unix_events, name):
                getattr(anything.unix_events, name)._loop_factory = Given


if __name__ == "__main__":
    main(*sys.argv[1:])
