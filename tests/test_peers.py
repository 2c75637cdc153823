"""Do the suites of other people run here, and is a difference told? See `make peers`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.peers.compare import Outcome, counts, differing, known, read, reason
from tests.peers.run import CHILD, has_its_tests, part
from tests.peers.suites import Suite

ROOT = Path(__file__).parents[1]
PASSED, FAILED = Outcome("passed"), Outcome("failed")


def test_a_test_differs_when_its_outcome_does_or_when_it_did_not_run() -> None:
    standard = {"a": PASSED, "b": PASSED, "c": FAILED}
    assert differing(standard, {"a": PASSED, "b": FAILED, "d": PASSED}) == ["b", "c", "d"]


def test_outcomes_are_counted() -> None:
    assert counts({"a": PASSED, "b": FAILED, "c": PASSED}) == "2 passed, 1 failed, 0 skipped"


def test_a_known_difference_has_a_reason() -> None:
    rows = known(
        "| suite | Python | test | why |\n| --- | --- | --- | --- |\n"
        "| cpython | 3.12.* | `*.test_x` | it looks at a queue |\n"
    )
    assert reason("a.b.test_x", "cpython", "3.12.1", rows) == "it looks at a queue"
    assert not reason("a.b.test_x", "cpython", "3.13.0", rows)
    assert not reason("a.b.test_y", "cpython", "3.12.1", rows)


A_SUITE = """
import asyncio, unittest

class A(unittest.TestCase):
    def test_is_asyncio(self):
        loop = asyncio.new_event_loop()
        loop.close()
        self.assertRegex(repr(loop), "MinirtEventLoop")
        self.assertRegex(type(loop).__module__, "^asyncio[.]")

    def test_is_asyncio_too(self):
        pass

class B(unittest.TestCase):
    def test_it(self):
        self.fail("it is asked for by name")

    def test_another(self):
        pass
"""


def test_a_part_of_a_suite_has_the_names_that_its_tests_had(tmp_path: Path) -> None:
    """As when those that differ are run once more. `discover` takes another root than the import
    of a name, so that the names of what it found cannot be loaded."""
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "test_found.py").write_text(A_SUITE)
    outcomes = tmp_path / "outcomes"
    suite = Suite("some", "unittest", ("discover=inside",))
    names = ["test_found.A.test_is_asyncio", "test_found.B"]
    command = [sys.executable, str(CHILD), "minirt", "unittest", str(outcomes)]
    command += part(suite, names)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=tmp_path, check=True, env=environment)
    found = {test: outcome.outcome for test, outcome in read(outcomes).items()}
    assert found == {
        "test_found.A.test_is_asyncio": "passed",
        "test_found.B.test_it": "failed",
        "test_found.B.test_another": "passed",
    }


def test_a_part_of_a_suite_for_pytest_is_named_in_place_of_all_of_it() -> None:
    suite = Suite("some", "pytest", ("tests",), ("--timeout=60",))
    assert part(suite, []) == ["tests", "--timeout=60"]
    assert part(suite, ["tests/test_a.py::test_x"]) == ["tests/test_a.py::test_x", "--timeout=60"]


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.skipif(
    not has_its_tests(sys.executable), reason="this Python came without test.test_asyncio"
)
def test_a_part_of_cpythons_own_tests_passes_as_on_the_standard_loop() -> None:
    """Loops, tasks, futures' waits, locks, queues, streams; `make peers` runs all of it."""
    parts = ("test_base_events", "test_locks", "test_queues", "test_runners", "test_streams")
    command = [sys.executable, "-m", "tests.peers.run", "cpython"]
    for name in (*parts, "test_taskgroups", "test_timeouts", "test_waitfor"):
        command += ["--part", f"test.test_asyncio.{name}"]
    answer = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
