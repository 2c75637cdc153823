"""Other people's tests on the standard loop and on minirt's: `python -m tests.peers.run SUITE`.

    python -m tests.peers.run SUITE [PYTHON] [--part NAME ...]

SUITE is cpython, anyio, tornado, uvloop, twisted or nest_asyncio. It runs twice in processes of its
own; then both counts are printed, and every test that differs. What differs is run once more,
alone, on both loops: a test that fails now and then on a busy machine is no difference. A
difference is allowed only if it stands in known.md; others end it with status 1. PYTHON is an
interpreter of another version, `python3.12` or a path; --part runs a part of a suite.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

if __package__ in (None, ""):  # python tests/peers/run.py
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.peers.compare import KNOWN, MISSING, Outcome, counts, differing, known, read, reason
from tests.peers.suites import SUITES, Suite, prepared, version_of

ROOT = Path(__file__).parents[2]
CHILD = Path(__file__).parent / "child.py"
LOOPS = ("standard", "minirt")
FEW = 60  # more tests that differ are not run a second time: something else is wrong


def run(
    suite: Suite, python: str, arguments: Sequence[str], scratch: Path
) -> dict[str, dict[str, Outcome]]:
    """The outcomes on both loops."""
    inside, folder = prepared(suite, python)
    path = scratch / "path"
    if not path.exists():
        path.mkdir()
        (path / "minirt").symlink_to(ROOT / "minirt")  # minirt alone, not its tests
    environment = {**os.environ, "PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"}
    found = {}
    for which in LOOPS:
        outcomes, log = scratch / f"{which}.jsonl", scratch / f"{which}.log"
        outcomes.write_text("")
        command = [inside, str(CHILD), which, suite.runner, str(outcomes), *arguments]
        began = time.monotonic()
        with log.open("w") as output:
            subprocess.run(
                command, cwd=folder, env=environment, stdout=output, stderr=output, check=False
            )
        found[which] = read(outcomes, suite.only)
        print(
            f"  {which:<9} {counts(found[which])}  ({time.monotonic() - began:.0f} s)", flush=True
        )
        if not found[which]:
            print(log.read_text()[-2000:])
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.peers.run", description=__doc__)
    parser.add_argument("suite", choices=SUITES)
    parser.add_argument("python", nargs="?", default=sys.executable)
    parser.add_argument("--part", action="append", default=[], metavar="NAME")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave logs and outcomes here")
    asked = parser.parse_args()
    suite, interpreter = SUITES[asked.suite], shutil.which(asked.python)
    if interpreter is None:
        parser.error(f"no interpreter {asked.python!r} is here. Give a path, or a name on PATH")
    python = str(Path(interpreter).absolute())  # each suite runs in a folder of its own
    version = version_of(python)
    if asked.suite == "cpython" and not has_its_tests(python):
        print(f"Python {version} came without its tests (test.test_asyncio): nothing to run.")
        return 0
    print(f"{suite.name} on Python {version}", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        scratch = asked.keep or Path(temporary)
        scratch.mkdir(parents=True, exist_ok=True)
        found = run(suite, python, part(suite, asked.part), scratch)
        different = differing(*found.values())
        drove = sum(outcome.drove for outcome in found["minirt"].values())
        print(f"  {drove:,} of these tests made a MinirtEventLoop; {len(different)} differ")
        if 0 < len(different) <= FEW:
            print("once more, those that differ:", flush=True)
            again = run(suite, python, part(suite, different), scratch)
            for which in LOOPS:
                found[which].update(again[which])
            different = differing(
                *({test: found[w].get(test, MISSING) for test in different} for w in LOOPS)
            )
    return judge(suite.name, version, different, found)


def has_its_tests(python: str) -> bool:
    return not subprocess.run(
        [python, "-c", "import test.test_asyncio"], capture_output=True, check=False
    ).returncode


def part(suite: Suite, names: Sequence[str]) -> list[str]:
    """The arguments for these tests, modules or classes of a suite; without names for all of it.

    unittest's names are those that a test has once the suite is loaded, which need not be names
    that can be imported.
    """
    if suite.runner == "pytest":
        return [*(names or suite.tests), *suite.options]
    return [*suite.tests, *suite.options, *(f"only={name}" for name in names)]


def judge(
    suite: str, version: str, different: Sequence[str], found: dict[str, dict[str, Outcome]]
) -> int:
    rows, unknown = known(KNOWN.read_text(encoding="utf-8")), 0
    for test in different:
        standard, ours = (found[which].get(test, MISSING) for which in LOOPS)
        why = reason(test, suite, version, rows)
        unknown += not why
        print(f"\n{test}\n  standard: {standard.outcome or 'not run'}, ", end="")
        print(f"minirt: {ours.outcome or 'not run'}")
        print(f"  allowed: {why}" if why else f"  {ours.detail or standard.detail}")
    print(f"\n{len(different)} differ, {unknown} of them not in known.md")
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
