"""Does what we would publish hold all that a user, and a packager, need of it?"""

import os
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

import pytest
import yaml

import minirt
from tests import release
from tests.release import Built, build, missing, unpacked

ROOT = Path(__file__).resolve().parent.parent

# --- the version, in one place ---


def test_the_package_says_its_version() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+([a-z.]+\d+)?", minirt.__version__)
    assert release.version_of(ROOT) == minirt.__version__
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "version" not in project and "version" in project["dynamic"]


def test_the_citation_is_one_that_github_can_read() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "type", "license", "abstract"} <= set(citation)
    assert citation["version"] == minirt.__version__
    dates = re.findall(r"^## \[.+\] - (.+)$", changelog(), re.MULTILINE)
    assert citation["date-released"] == dates[0]


def changelog() -> str:
    return (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_changelog_has_the_kinds_of_keep_a_changelog() -> None:
    assert "\n## [Unreleased]\n" in changelog()
    kinds = set(re.findall(r"^### (.+)$", changelog(), re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_dir_names_all_that_the_package_offers() -> None:
    assert {*minirt.__all__, "__version__"} <= set(dir(minirt))
    assert dir(minirt) == sorted(dir(minirt))


def test_a_name_that_the_package_lacks_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'minirt' has no attribute 'https'"):
        _ = minirt.https  # type: ignore[attr-defined]


# --- what has to be done before a release ---


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project that may be tagged as 1.2.0."""
    files = {
        "minirt/__init__.py": '__version__ = "1.2.0"  # a comment\n',
        "CHANGELOG.md": "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-12-01\n\n- More.\n",
        "CITATION.cff": 'version: "1.2.0"\ndate-released: "2026-12-01"\n',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "add", ".")
    author = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
    git(folder, *author, "commit", "--quiet", "--message", "all")


def test_a_project_that_is_ready_lacks_nothing(project: Path) -> None:
    assert missing(project) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "sentence"),
    [
        ("CHANGELOG.md", "[Unreleased]\n", "[Unreleased]\n\n### Added\n", "entries under Unrel"),
        ("CHANGELOG.md", "[1.2.0] - 2026", "[1.2.0] 2026", "no dated section for 1.2.0"),
        ("CITATION.cff", '"1.2.0"', '"1.1.0"', "CITATION.cff names another version"),
        ("CITATION.cff", "12-01", "12-02", 'Write version: "1.2.0" and date-released: "2026-12-01'),
    ],
)
def test_what_is_missing_is_said_in_a_sentence(
    project: Path, file: str, old: str, new: str, sentence: str
) -> None:
    path = project / file
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    commit(project)
    (said,) = missing(project)
    assert sentence in said


def test_a_version_is_tagged_once_and_with_everything_committed(project: Path) -> None:
    git(project, "tag", "v1.2.0")
    (project / "more.txt").write_text("more", encoding="utf-8")
    assert [said.partition(". ")[2] for said in missing(project)] == [
        "Commit them first",
        "Raise __version__ in minirt/__init__.py",
    ]


def test_what_is_no_checkout_is_not_tagged(project: Path, tmp_path: Path) -> None:
    (project / ".git").rename(tmp_path / "elsewhere")
    assert missing(project) == [
        "this folder is not a git repository, so nothing can be tagged. Use a checkout"
    ]


# --- what is built ---

SLOW = pytest.mark.slow


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def sdist(both: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a packager unpacks."""
    return unpacked(both.sdist, tmp_path_factory.mktemp("sdist"))


def files_below(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if not path.is_dir() and "__pycache__" not in path.parts
    }


@SLOW
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="git knows which files are the project's")
def test_the_sdist_holds_every_file_of_the_repository(sdist: Path) -> None:
    list_files = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(list_files, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    present = {name for name in listed.split("\0") if name and os.path.lexists(ROOT / name)}
    assert present <= files_below(sdist)


@SLOW
def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(
    both: Built, sdist: Path
) -> None:
    with zipfile.ZipFile(both.wheel) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == {name for name in files_below(sdist) if name.startswith("minirt/")}
    assert {"minirt/py.typed", "minirt/views/static/live.js", "minirt/notes.txt"} <= held


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as held:
        (name,) = [one for one in held.namelist() if one.endswith(".dist-info/METADATA")]
        return HeaderParser().parsestr(held.read(name).decode())


@SLOW
def test_the_wheel_names_version_license_and_python(both: Built) -> None:
    says = metadata(both.wheel)
    assert says["Version"] == minirt.__version__
    assert says["License-Expression"] == "MIT"
    assert says["Requires-Python"] == ">=3.11"
    assert "Typing :: Typed" in says.get_all("Classifier", [])


@SLOW
def test_the_index_can_show_what_was_built(both: Built) -> None:
    check = [sys.executable, "-m", "twine", "check", "--strict", *map(str, both)]
    ran = subprocess.run(check, capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr


# They need no kernel, and most of them read other files of the project.
QUICK = "errors identity values readme environment binder_link quotes architecture notebook_tags"
LEFT_OUT = "not make_knows_the_target"  # calls make forty times


@SLOW
@pytest.mark.timeout(300)
def test_the_tests_of_the_sdist_run_in_it(sdist: Path) -> None:
    tests = [f"tests/test_{name}.py" for name in QUICK.split()]
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-m", "not slow and not browser"),
            *("-k", LEFT_OUT),
            *tests,
        ],
        cwd=sdist,
        env=os.environ | {"PYTHONPATH": str(sdist), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert ran.returncode == 0, ran.stdout


# --- what a user of the wheel has ---


@pytest.fixture(scope="module")
def python(both: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel in it, and neither this checkout nor what minirt requires."""
    folder = tmp_path_factory.mktemp("user")
    venv.create(folder, symlinks=os.name == "posix")
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    install = ["-m", "pip", "--quiet", "--python", str(python), "install", "--no-deps", both.wheel]
    subprocess.run([sys.executable, *install], check=True, timeout=120)
    return python


PROGRAM = """
from minirt import Error, Js, Runtime, Simulation, String, set_timeout


def later(value: Js) -> None:
    match value:
        case String(text):
            print(text.upper())
        case Error(exception):
            raise exception
    print("later")


def main() -> None:
    rt = Runtime.current()
    timeout = rt.set_timeout(100, later)
    reveal_type(timeout)
    timeout.cancel()
    set_timeout(100, later)
    set_timeout("100", later)  # wrong
    rt.set_timeout(100, later())  # wrong
    rt.set_timeouts(100, later)  # wrong
    later("a str")  # wrong
    return 1  # wrong


Runtime(system=Simulation(seed=7)).run(main)
"""


@SLOW
@pytest.mark.timeout(300)
def test_the_types_of_the_wheel_reach_a_users_mypy(python: Path, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    said = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--config-file="),
            *("--python-executable", str(python), "program.py"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    ).stdout
    found = {int(line) for line in re.findall(r"^program.py:(\d+): error:", said, re.MULTILINE)}
    wrong = {n for n, line in enumerate(PROGRAM.splitlines(), 1) if line.endswith("# wrong")}
    assert found == wrong, said
    assert re.search(r'note: Revealed type is "minirt\.[\w.]+\.Timeout"', said), said


@SLOW
def test_the_wheel_runs_a_program_of_the_users(python: Path, tmp_path: Path) -> None:
    program = "\n".join(
        line
        for line in PROGRAM.splitlines()
        if not line.endswith("# wrong") and "reveal_type" not in line
    )
    (tmp_path / "program.py").write_text(program, encoding="utf-8")
    ran = subprocess.run(
        [python, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ran.stdout, ran.stderr) == ("later\n", "")
