"""What `make kernels` runs on other ipykernels, and what it says of it."""

import re
from pathlib import Path

import yaml

from tests.other_kernels import PARTS, VERSIONS, Outcome, counted

ROOT = Path(__file__).resolve().parent.parent
USES_KERNELS = re.compile("^from tests.kernels import", re.MULTILINE)
NOT_OF_THE_KERNEL = {
    "test_check.py": "what it looks for is the chapters', and its one kernel is any",
    "test_in_page.py": "its kernel is a web page's",
}
REPORT = """<?xml version="1.0" encoding="utf-8"?>
<testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="2" skipped="3"
tests="10" time="1.0"><testcase name="any"/></testsuite></testsuites>"""


def test_every_file_that_opens_a_kernel_is_run_on_the_others() -> None:
    opening = {
        path.name
        for path in (ROOT / "tests").glob("test_*.py")
        if USES_KERNELS.search(path.read_text(encoding="utf-8"))
    }
    run = {Path(word).name for word in PARTS["kernel"] if word.endswith(".py")}
    assert opening - run == set(NOT_OF_THE_KERNEL)
    assert all((ROOT / word).exists() for words in PARTS.values() for word in words if "/" in word)


def test_the_workflow_runs_the_same_versions() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    matrix = workflow["jobs"]["kernels"]["strategy"]["matrix"]
    assert tuple(matrix["ipykernel"]) == VERSIONS


def test_the_counts_are_those_of_pytests_report() -> None:
    assert counted(REPORT) == {"passed": 4, "failed": 3, "skipped": 3}


def test_a_line_of_the_table_says_what_failed_and_no_test_at_all_is_not_good() -> None:
    outcome = Outcome("7.3.0", "kernel", {"passed": 4, "failed": 3, "skipped": 0}, 61.2)
    assert str(outcome) == "7.3.0    kernel  4 passed, 3 failed (61 s)"
    assert not outcome.is_good
    assert not outcome._replace(counts={"passed": 0, "failed": 0, "skipped": 9}).is_good
    assert outcome._replace(counts={"passed": 4, "failed": 0, "skipped": 0}).is_good
