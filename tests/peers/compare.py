"""What differs between two runs of a suite, and which differences are allowed?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

KNOWN = Path(__file__).parent / "known.md"


@dataclass(frozen=True)
class Outcome:
    outcome: str  # passed, failed, skipped; "" when the run did not come to it
    drove: bool = False  # a MinirtEventLoop was made in it
    detail: str = ""


MISSING = Outcome("")
Run = Mapping[str, Outcome]


def read(path: Path, only: str = "") -> dict[str, Outcome]:
    """The outcomes of a run, by the name of the test; a test that ran twice counts by its worst."""
    found: dict[str, Outcome] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if only in entry["test"] and found.get(entry["test"], MISSING).outcome != "failed":
            found[entry["test"]] = Outcome(entry["outcome"], entry["drove"], entry["detail"])
    return found


def differing(standard: Run, ours: Run) -> list[str]:
    """The tests whose outcome is not the same, in order of their names."""
    return sorted(
        test
        for test in {*standard, *ours}
        if standard.get(test, MISSING).outcome != ours.get(test, MISSING).outcome
    )


def counts(run: Run) -> str:
    """ "3 passed, 1 skipped" """
    found = Counter(outcome.outcome for outcome in run.values())
    return ", ".join(f"{found[which]:,} {which}" for which in ("passed", "failed", "skipped"))


def known(text: str) -> list[tuple[str, str, str, str]]:
    """The rows of the table in known.md: suite, Python, test, why. The first three are patterns."""
    rows = [
        [cell.strip(" `") for cell in line.strip(" |").split("|")] for line in text.splitlines()
    ]
    return [
        (row[0], row[1], row[2], row[3])
        for row in rows
        if len(row) == 4 and row[0] != "suite" and not set(row[0]) <= {"-", ":"}
    ]


def reason(test: str, suite: str, python: str, rows: Sequence[tuple[str, str, str, str]]) -> str:
    """Why this test may differ; "" when it may not."""
    for suites, pythons, tests, why in rows:
        if all(map(fnmatchcase, (suite, python, test), (suites, pythons, tests))):
            return why
    return ""
