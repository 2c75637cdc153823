"""What does `%minirt check` say of an environment, and does it know what the chapters use?"""

import importlib.util
import os
import re
import select
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from minirt.magics import check
from tests.kernels import Kernel
from tests.notebooks import NOTEBOOKS

CHAPTERS = {
    path.name[:2]: "\n".join(
        cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"
    )
    for path in sorted(NOTEBOOKS.glob("*.ipynb"))
}
# How the code of a chapter shows that it uses something, by the name in the table of the check.
SIGNS = {
    "anywidget": r"\bpredict\(|^%%minirt(?!.*--sim)|\.play\(",
    "ipywidgets": r"\bpredict\(|^%%minirt(?!.*--sim)|\.play\(",
    "matplotlib": r"^ *import matplotlib",
    "h11": r"^ *import h11|^ *from h11|\bhttp\.get",
    "aiohttp": r"^ *from aiohttp",
    f"Node {check.OLDEST_NODE} or newer": r"^%%node\b",
    "One more thread": r"\bfs\.|\bThread\(|threadpool|\bRuntime\(|^%%minirt",
    "A port on 127.0.0.1": r"create_server\(|\bhttp\.get|\.connect\(",
    "A temporary folder": r"^ *(?:import tempfile|from tempfile)",
}
# Modules of Python's own that not every system has, and who says so.
OF_SOME_SYSTEMS = {"resource": check.WINDOWS, "epoll": check.NO_EPOLL}
ONLY_ON_SOME = re.compile(
    r"^ *(?:import|from) (resource|fcntl|termios|tty|pty|pwd|grp|syslog|msvcrt|winreg|_winapi)\b",
    re.MULTILINE,
)
IMPORTS = re.compile(r"^ *(?:import|from) +([a-zA-Z_]\w*)", re.MULTILINE)
DATA = re.compile(r"""["'](data/[\w./-]+)["']""")


def chapters_with(sign: str) -> tuple[str, ...]:
    return tuple(name for name, text in CHAPTERS.items() if re.search(sign, text, re.MULTILINE))


def named(chapters: tuple[str, ...]) -> tuple[str, ...]:
    """As in the table, where none means every one."""
    return chapters or tuple(CHAPTERS)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the chapters run."""
    monkeypatch.chdir(NOTEBOOKS)


# --- the table is what the notebooks say ---


@pytest.mark.parametrize("need", check.NEEDS, ids=lambda need: need.name)
def test_the_chapters_of_a_need_are_those_that_use_it(need: check.Need) -> None:
    assert named(need.chapters) == chapters_with(SIGNS[need.name])


def test_every_package_that_a_chapter_imports_is_known() -> None:
    known = {"minirt", *sys.stdlib_module_names, *(need.name for need in check.NEEDS)}
    for name, text in CHAPTERS.items():
        assert set(IMPORTS.findall(text)) <= known, f"add it to NEEDS: chapter {name}"


def test_what_only_some_systems_have_is_said() -> None:
    for name, text in CHAPTERS.items():
        for module in ONLY_ON_SOME.findall(text):
            assert f"chapter {name}" in OF_SOME_SYSTEMS[module]
    unguarded = [name for name, text in CHAPTERS.items() if "select.epoll()" in text]
    assert all(f"chapter {name}" in check.NO_EPOLL for name in unguarded)


def test_every_file_that_a_chapter_reads_is_known() -> None:
    read = {}
    for name, text in CHAPTERS.items():
        found = {path for path in DATA.findall(text) if (NOTEBOOKS / path).exists()}
        read.update(dict.fromkeys([name], found) if found else {})
    assert tuple(read) == check.READ_BY
    assert set().union(*read.values()) == set(check.DATA)


# --- what it says ---


def test_it_is_one_line_when_nothing_is_missing(here: None) -> None:
    if not hasattr(select, "epoll") or shutil.which("node") is None:
        pytest.skip("something is missing here, and that is said")
    assert check.report() == "Everything that the chapters use is here."


def without_package(name: str) -> Callable[[pytest.MonkeyPatch], None]:
    def take_away(monkeypatch: pytest.MonkeyPatch) -> None:
        find = importlib.util.find_spec
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda asked: None if asked == name else find(asked)
        )

    return take_away


def without_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")


def with_node(answer: str) -> Callable[[pytest.MonkeyPatch], None]:
    """The first `node` on the PATH does this."""

    def put(monkeypatch: pytest.MonkeyPatch) -> None:
        folder = Path(tempfile.mkdtemp(dir=os.environ["PYTEST_FOLDER"]))
        (folder / "node").write_text(answer)
        (folder / "node").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setattr(check, "PATIENCE", 0.2)

    return put


def refuse(error: Exception) -> Callable[..., Any]:
    def refused(*_: object, **__: object) -> Any:
        raise error

    return refused


def without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    full = refuse(RuntimeError("can't start new thread"))
    monkeypatch.setattr(threading.Thread, "start", full)


def without_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "create_server", refuse(PermissionError(13, "not allowed")))


def without_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse(FileNotFoundError(2, "no folder")))


@pytest.mark.parametrize(
    ("take_away", "chapters", "said"),
    [
        (without_package("anywidget"), "every chapter", "the live view"),
        (without_package("ipywidgets"), "every chapter", "the questions"),
        (without_package("matplotlib"), "chapters 02, 03, 04, 05 and 08", "pip install"),
        (without_package("h11"), "chapters 00, 07 and 09", "web pages"),
        (without_package("aiohttp"), "chapter 10", "pip install aiohttp"),
        (without_node, "chapters 01, 02, 03, 04, 05, 06, 07, 08, 09 and 10", "https://nodejs.org"),
        (with_node("#!/bin/sh\necho v6.17.1\n"), "chapters 01, 02", "Node 18 or newer"),
        (with_node("#!/bin/sh\nexit 3\n"), "chapters 01, 02", "https://nodejs.org"),
        (with_node("#!/bin/sh\nsleep 9\n"), "chapters 01, 02", "https://nodejs.org"),
        (with_node("no program"), "chapters 01, 02", "https://nodejs.org"),
        (without_threads, "every chapter", "ulimit -u"),
        (without_ports, "chapters 00, 03, 05, 07 and 09", "listen"),
        (without_temporary_folder, "chapters 03, 06 and 07", "TMPDIR"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_it_names_what_is_missing_and_who_misses_it(
    take_away: Callable[[pytest.MonkeyPatch], None],
    chapters: str,
    said: str,
    here: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    if os.name != "posix" and "Node" in said:
        pytest.skip("a script of POSIX")
    before = check.findings()
    monkeypatch.setenv("PYTEST_FOLDER", str(tmp_path))
    take_away(monkeypatch)
    (finding,) = [line for line in check.findings() if line not in before]
    assert chapters in finding and said in finding and "is missing" in finding


def test_it_says_plainly_what_works_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(shutil, "which", lambda _: None)  # since 3.12 it asks Windows itself
    assert "WSL" in check.report() and "Binder" in check.report()


def test_it_says_which_cells_are_passed_over_without_epoll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(select, "epoll", raising=False)
    assert "chapter 05" in check.report()


# --- the data ---


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, in an environment that knows no other."""
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def with_data(folder: Path) -> Path:
    for name in check.DATA:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("text")
    return folder


def test_data_that_is_not_here_is_named_with_its_chapters(elsewhere: Path) -> None:
    said = check.report()
    assert "data/notes.txt" in said and "chapters 00, 01, 02, 03, 05, 07 and 09" in said
    assert str(NOTEBOOKS) in said


def test_data_that_is_nowhere_is_said_to_be_missing(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "own_folder", lambda: elsewhere / "installed")
    assert check.go_to_the_data() == ""
    assert "Keep the folder `data` beside the notebooks" in check.report()


@pytest.mark.parametrize("place", [".", "notebooks", "../notebooks", "..", "../.."])
def test_a_copy_near_the_working_folder_is_found_first(
    place: str, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = elsewhere / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    folder = with_data(deep / place).resolve()
    said = check.go_to_the_data()
    assert Path.cwd().resolve() == folder
    assert said == ("" if place == "." else said) and (place == "." or str(Path.cwd()) in said)
    assert "notes.txt" not in check.report()
    assert check.go_to_the_data() == ""


@pytest.mark.parametrize("by", ["Jupyter Server", "the front end"])
def test_the_folder_of_the_notebook_that_runs_is_found(
    by: str, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = str(with_data(elsewhere / "copies") / "00_start_here.ipynb")
    if by == "Jupyter Server":
        monkeypatch.setenv("JPY_SESSION_NAME", notebook)
    check.go_to_the_data("" if by == "Jupyter Server" else notebook)
    assert Path.cwd().resolve() == (elsewhere / "copies").resolve()


def test_a_folder_that_cannot_be_looked_into_is_passed_over(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one of somebody else's; here its name is too long, which stops root as well."""
    monkeypatch.setenv("JPY_SESSION_NAME", f"{'x' * 300}/notebook.ipynb")
    folder = with_data(elsewhere / "notebooks").resolve()
    check.go_to_the_data()
    assert Path.cwd().resolve() == folder
    assert "notes.txt" not in check.report()


def test_a_working_folder_that_is_gone_is_left(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = elsewhere / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    if os.name == "posix":
        assert str(NOTEBOOKS) in check.go_to_the_data()
        assert Path.cwd() == NOTEBOOKS


@pytest.mark.slow
def test_a_program_reads_its_data_wherever_the_kernel_was_started(
    kernel_of_module: Kernel, tmp_path: Path
) -> None:
    kernel_of_module.run(f"import os; os.chdir({str(tmp_path)!r})")
    kernel_of_module.run("%load_ext minirt")
    said = kernel_of_module.run("%minirt check").out
    assert said == (
        "data/notes.txt, which chapters 00, 01, 02, 03, 05, 07 and 09 read, is not in "
        f"{tmp_path} but in {NOTEBOOKS}: relative paths begin there from now on.\n"
    )
    program = "%%minirt --sim\nfs.read('data/notes.txt', lambda v: print(v.into_string()))"
    assert kernel_of_module.run(program).out == "A loop sleeps until something is ready.\n"
    plain = "with open('data/notes.txt') as file: print(file.read())"
    assert kernel_of_module.run(plain).out == "A loop sleeps until something is ready.\n"
