"""Do the suites of other people run here, and is a difference told? See `make peers`."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.peers.compare import Outcome, counts, differing, known, reason
from tests.peers.run import has_its_tests

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


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.skipif(
    not has_its_tests(sys.executable), reason="this Python came without test.test_asyncio"
)
def test_a_part_of_cpythons_own_tests_passes_as_on_the_standard_loop() -> None:
    """Loops, tasks, futures' waits, locks, queues, streams; `make peers` runs all of it."""
    parts = ("test_base_events", "test_locks", "test_queues", "test_runners", "test_streams")
    command = [sys.executable, "-m", "tests.peers.run", "cpython"]
    for part in (*parts, "test_taskgroups", "test_timeouts", "test_waitfor"):
        command += ["--part", f"test.test_asyncio.{part}"]
    answer = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
