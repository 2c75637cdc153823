"""Which suites are there, and what does each need?

A suite of the standard library needs nothing. The others get an environment of their own, made when
it is first asked for, in the system's folder for temporary files; a suite that its package does not
hold is taken from the source archive on PyPI.
"""

from __future__ import annotations

import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(tempfile.gettempdir()) / "minirt-peers"


@dataclass(frozen=True)
class Suite:
    name: str
    runner: str  # unittest, pytest
    tests: tuple[str, ...]  # what the runner is told to run,
    options: tuple[str, ...] = ()  # and how
    requirements: tuple[str, ...] = ()  # of its environment
    archive: str = ""  # the source archive that has the tests, "name==version"
    builds_with: tuple[str, ...] = ()  # what pip needs to read that archive
    only: str = ""  # a part of the name of each test that is run on the standard loop at all


SUITES = {
    suite.name: suite
    for suite in (
        Suite("cpython", "unittest", ("test.test_asyncio",)),
        Suite(  # 71 tests of sockets fail on both loops where /etc/hosts has no `::1 localhost`
            "anyio",
            "pytest",
            ("tests",),
            ("-k", "not trio and not uvloop", "--timeout=60"),
            (
                *("anyio==4.16.0", "blockbuster>=1.5.29", "coverage>=7", "hypothesis>=6"),
                *("psutil>=6", "pytest>=9", "pytest-mock>=3.14", "pytest-timeout>=2.4"),
                *("trustme>=1", "truststore>=0.9.1"),
            ),
            archive="anyio==4.16.0",
            builds_with=("setuptools>=77", "setuptools_scm>=6.4"),
        ),
        Suite(
            "tornado",
            "unittest",
            ("tornado.test.runtests.all",),
            ("quiet=tornado.access",),
            ("tornado==6.6.1",),
        ),
        Suite(
            "uvloop",
            "unittest",
            ("discover=tests",),
            requirements=(
                "uvloop==0.23.0",
                "aiohttp>=3.11",
                "psutil>=6",
                "pyOpenSSL>=24",
                "setuptools>=77",
            ),
            archive="uvloop==0.23.0",
            builds_with=("setuptools>=77", "Cython~=3.1"),
            only="AIO",  # the classes that ask uvloop's tests of asyncio's loop
        ),
        Suite(  # its reactor on asyncio: readers and writers by number, closed in any order
            "twisted",
            "unittest",
            tuple(
                f"twisted.internet.test.test_{part}"
                for part in (
                    *("asyncioreactor", "core", "fdset", "process", "socket", "stdio", "tcp"),
                    *("threads", "time", "udp", "unix"),
                )
            ),
            requirements=("Twisted[tls]==26.10.0", "PyHamcrest>=2", "hypothesis>=6"),
            only="Asyncio",  # the same tests ask its other reactors
        ),
        Suite(  # a run inside of a run: it takes the methods of the loop's class away
            "nest_asyncio",
            "unittest",
            ("tests.nest_test",),
            requirements=("nest_asyncio2==1.7.4",),
            archive="nest_asyncio2==1.7.4",
            builds_with=("setuptools>=77", "setuptools_scm>=6.4", "wheel"),
        ),
    )
}


def version_of(python: str) -> str:
    """ "3.12.1" for the interpreter `python`."""
    asked = "import platform; print(platform.python_version())"
    answer = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True)
    return answer.stdout.strip()


def prepared(suite: Suite, python: str) -> tuple[str, Path]:
    """The interpreter that runs the suite, and the folder in which it runs."""
    folder = CACHE / f"{suite.name}-{version_of(python)}"
    sources = folder / "sources"
    if not suite.requirements:
        sources.mkdir(parents=True, exist_ok=True)
        return python, sources
    inside = folder / "environment" / "bin" / "python"
    if not (folder / "complete").exists():
        sources.mkdir(parents=True, exist_ok=True)
        subprocess.run([python, "-m", "venv", "--clear", folder / "environment"], check=True)
        pip(inside, "install", *suite.requirements, *suite.builds_with)
        if suite.archive:
            unpack_tests(suite.archive, inside, folder)
        (folder / "complete").touch()
    return str(inside), sources


def pip(python: Path, *arguments: str | Path) -> None:
    command = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True)


def unpack_tests(archive: str, python: Path, folder: Path) -> None:
    """The folder `tests` of a source archive, alone: the package itself is installed."""
    options = ("--no-binary=:all:", "--no-deps", "--no-build-isolation")
    pip(python, "download", *options, "--dest", folder, archive)
    (packed,) = folder.glob("*.tar.gz")
    with tarfile.open(packed) as opened:
        root = packed.name.removesuffix(".tar.gz")
        inside: Sequence[tarfile.TarInfo] = [
            member
            for member in opened
            if member.name.startswith((f"{root}/tests/", f"{root}/pyproject.toml"))
        ]
        opened.extractall(folder / "unpacked", inside, filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    unpacked.rename(folder / "sources" / "it")
    for path in tuple((folder / "sources" / "it").iterdir()):
        path.rename(folder / "sources" / path.name)
