"""Runs one suite on one loop, and writes what came of each test.

    python child.py standard|minirt unittest|pytest OUTCOMES [argument ...]

A process of its own, with the Python of the suite, which has not this project's test tools. For
unittest the arguments are names to load, `discover=FOLDER`, `quiet=LOGGER` for what the suite's own
runner has silent, too, and `only=TEST`: of what was loaded, this test, or all of this module or
class; for pytest its own. OUTCOMES gets one line of JSON a test when it ends: {"test", "outcome",
"drove", "detail"}; `drove` says whether a MinirtEventLoop was made in it.
"""

import asyncio
import faulthandler
import json
import logging
import os
import signal
import sys
import unittest
from pathlib import Path
from typing import Any

PATIENCE = 1500  # s: longer than any of the suites
made = 0  # loops so far


def install() -> None:
    """From now on a new event loop is minirt's. Nothing of the suite is changed."""
    from asyncio import unix_events

    from minirt.aio import MinirtEventLoop

    class Loop(MinirtEventLoop):
        """The standard class takes a selector. This one has no use for it, and closes it."""

        def __init__(self, selector: Any = None) -> None:
            global made  # noqa: PLW0603
            made += 1
            super().__init__()
            if selector is not None:
                selector.close()

    Loop.__name__ = Loop.__qualname__ = "MinirtEventLoop"
    # It stands for a class of this module. uvloop's tests look at the name, to know whether the
    # transports are asyncio's: they are.
    Loop.__module__ = unix_events.__name__
    anything: Any = asyncio
    anything.SelectorEventLoop = anything.unix_events.SelectorEventLoop = Loop
    if hasattr(asyncio, "EventLoop"):  # from 3.13 on
        anything.EventLoop = anything.unix_events.EventLoop = Loop
    policy: Any = unix_events
    policy._UnixDefaultEventLoopPolicy._loop_factory = Loop


class Outcomes:
    """A file with one line a test."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "a", encoding="utf-8", buffering=1)  # noqa: SIM115 (to the end)
        self._made = 0

    def begin(self) -> None:
        self._made = made

    def end(self, test: str, outcome: str, detail: str = "") -> None:
        line = {"test": test, "outcome": outcome, "drove": made > self._made, "detail": detail}
        self._file.write(json.dumps(line) + "\n")


class Result(unittest.TestResult):
    """One outcome a test: what failed once, in a subtest or while it was tidied up, has failed."""

    def __init__(self, outcomes: Outcomes) -> None:
        super().__init__()
        self._outcomes = outcomes
        self._outcome, self._detail = "", ""

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        super().startTest(test)
        self._outcome, self._detail = "passed", ""
        self._outcomes.begin()

    def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        super().stopTest(test)
        self._outcomes.end(test.id(), self._outcome, self._detail)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802
        super().addSkip(test, reason)
        self._outcome, self._detail = "skipped", reason

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        super().addFailure(test, err)
        self._fail(test, self.failures[-1][1])

    def addError(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        super().addError(test, err)
        self._fail(test, self.errors[-1][1])

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:  # noqa: N802
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._fail(test, repr(err[1]))

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802
        super().addUnexpectedSuccess(test)
        self._fail(test, "unexpected success")

    def _fail(self, test: Any, text: str) -> None:
        self._outcome, self._detail = "failed", text[-3000:]
        if not isinstance(test, unittest.TestCase):  # a module or a class could not begin
            self._outcomes.end(str(test), "failed", self._detail)


def with_unittest(outcomes: Outcomes, arguments: list[str]) -> None:
    loader, suite, only = unittest.defaultTestLoader, unittest.TestSuite(), list[str]()
    for argument in arguments:
        kind, _, name = argument.partition("=")
        if kind == "quiet":
            logging.getLogger(name).setLevel(logging.CRITICAL)
        elif kind == "only":
            only.append(name)
        elif kind == "discover":
            suite.addTests(loader.discover(name))
        else:
            suite.addTests(loader.loadTestsFromName(argument))
    chosen(suite, only).run(Result(outcomes))


def chosen(suite: unittest.TestSuite, only: list[str]) -> unittest.TestSuite:
    """The tests with these names, or in modules and classes with these names; all without names."""
    if not only:
        return suite
    found = unittest.TestSuite()
    for one in suite:
        if isinstance(one, unittest.TestSuite):
            found.addTest(chosen(one, only))
        elif any(f"{one.id()}.".startswith(f"{name}.") for name in only):
            found.addTest(one)
    return found


class Plugin:
    """The same for pytest."""

    def __init__(self, outcomes: Outcomes) -> None:
        self._outcomes = outcomes
        self._outcome, self._detail = "", ""

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._outcome, self._detail = "passed", ""
        self._outcomes.begin()

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self._outcome, self._detail = "failed", report.longreprtext[-3000:]
        elif report.skipped and self._outcome == "passed":
            self._outcome, self._detail = "skipped", str(report.longrepr)[-300:]

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._outcomes.end(nodeid, self._outcome, self._detail)


def with_pytest(outcomes: Outcomes, arguments: list[str]) -> None:
    import pytest

    pytest.main(["-p", "no:cacheprovider", "-q", *arguments], plugins=[Plugin(outcomes)])


def main() -> None:
    which, runner, path, *arguments = sys.argv[1:]
    sys.path.remove(str(Path(__file__).parent))
    sys.path.insert(0, os.getcwd())
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # by a shell, in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    if which == "minirt":
        install()
    run = {"unittest": with_unittest, "pytest": with_pytest}[runner]
    run(Outcomes(path), arguments)
    sys.stdout.flush()
    os._exit(0)  # threads that a failed test left behind hold nobody up


if __name__ == "__main__":
    main()
