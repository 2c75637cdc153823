"""Do the extension and the view work on the ipykernel that a reader has?

    python -m tests.other_kernels [--versions "6.31.* 7.3.*"] [--part kernel|view] [PYTEST FLAG ...]

Runs the tests of both on each version, and prints a table at the end. Status 1 when a test failed.
Each version is in a folder of its own, which the tests and their kernels search first: the
environment keeps the ipykernel that it has.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = ("6.31.*", "7.3.*", "7.4.*")
# 6.31 needs it, and nothing else that an environment with a newer one lacks.
ALSO = "nest-asyncio"
PARTS = {
    "kernel": (
        *("-n", "auto", "--maxprocesses=4", "--dist=worksteal"),
        *("tests/test_extension.py", "tests/test_gui.py", "tests/test_live.py"),
        *("tests/test_clicks.py", "tests/test_kernel.py", "tests/test_faults_j_magics.py"),
        *("tests/test_faults_j_program.py", "tests/test_faults_j_again.py"),
        "tests/test_faults_j_third.py",
        "tests/test_faults_j_fourth.py",
        *("tests/test_idle.py", "tests/test_of_asyncio.py"),
    ),
    "view": (
        *("-n", "2", "--dist=loadfile", "-m", "not thorough"),
        *("tests/browser/test_view.py", "tests/browser/test_start_here.py"),
        *("tests/browser/test_saved.py", "tests/browser/test_gone.py"),
    ),
}


NOTHING = {"passed": 0, "failed": 0, "skipped": 0}


class Outcome(NamedTuple):
    """One part on one version."""

    version: str  # as ipykernel itself says it
    part: str
    counts: dict[str, int]  # {"passed": 360, "failed": 1, "skipped": 2}
    seconds: float

    @property
    def is_good(self) -> bool:
        return self.counts["passed"] > 0 and not self.counts["failed"]

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {name}" for name, count in self.counts.items() if count)
        return f"{self.version:<8} {self.part:<7} {counts} ({self.seconds:.0f} s)"


def installed(version: str) -> Path:
    """The folder with this ipykernel alone; made when it is not there."""
    folder = Path(sys.prefix) / "ipykernels" / version.removesuffix(".*")
    if not folder.is_dir():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        wanted = ["--no-deps", "--target", folder, f"ipykernel=={version}", ALSO]
        subprocess.run([*pip, *wanted], check=True)
    return folder


def tried(version: str, part: str, flags: Sequence[str]) -> Outcome:
    """Run a part of the tests on this version. What pytest prints is shown."""
    environment = {**os.environ, "PYTHONPATH": str(installed(version))}
    named = "import ipykernel; print(ipykernel.__version__)"
    python = [sys.executable, "-c", named]
    told = subprocess.run(python, env=environment, capture_output=True, text=True, check=True)
    print(f"\nipykernel {told.stdout.strip()}: {part}", flush=True)
    began = time.monotonic()
    with TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *PARTS[part]]
        subprocess.run([*command, *flags], env=environment, cwd=ROOT, check=False)
        counts = counted(report.read_text(encoding="utf-8")) if report.exists() else NOTHING
    return Outcome(told.stdout.strip(), part, counts, time.monotonic() - began)


def counted(report: str) -> dict[str, int]:
    """The counts in a report of pytest's. What went wrong around a test has failed, too."""
    suite = next(ElementTree.fromstring(report).iter("testsuite"))
    number = {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    failed = number["failures"] + number["errors"]
    passed = number["tests"] - failed - number["skipped"]
    return {"passed": passed, "failed": failed, "skipped": number["skipped"]}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.other_kernels", description=__doc__)
    parser.add_argument("--versions", default="", help=f"else {' '.join(VERSIONS)}")
    parser.add_argument("--part", choices=PARTS, help="else both")
    asked, flags = parser.parse_known_args(arguments)
    outcomes = [
        tried(version, part, flags)
        for version in asked.versions.split() or VERSIONS
        for part in ([asked.part] if asked.part else PARTS)
    ]
    print("\nipykernel", *outcomes, sep="\n")
    return 0 if all(outcome.is_good for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
