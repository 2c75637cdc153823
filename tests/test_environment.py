"""Do environment.yml, binder/, the workflow and pyproject.toml say the same?"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
WORKFLOW = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
REQUIREMENT = re.compile(r"([A-Za-z0-9_.-]+)\s*([^;\s]*)")


def pins(requirements: list[str]) -> dict[str, str]:
    """{name: version specifier}."""
    matches = [REQUIREMENT.match(requirement) for requirement in requirements]
    return {match[1].lower(): match[2] for match in matches if match}


def test_what_pyproject_asks_of_a_reader_stands_in_environment_yml_with_the_same_version() -> None:
    wanted = pins(PROJECT["dependencies"] + PROJECT["optional-dependencies"]["lab"])
    given = pins([entry for entry in ENVIRONMENT["dependencies"] if isinstance(entry, str)])
    assert {name: given.get(name) for name in wanted} == wanted


def test_every_version_in_environment_yml_has_a_reason() -> None:
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    pinned = [
        line for line in text.splitlines() if line.startswith("  - ") and re.search("[=<>]", line)
    ]
    assert pinned and all(" # " in line for line in pinned)


def test_binder_reads_the_same_file() -> None:
    link = ROOT / "binder" / "environment.yml"
    assert link.is_symlink()
    assert link.resolve() == ROOT / "environment.yml"


@pytest.mark.slow
@pytest.mark.skipif(find_spec("repo2docker") is None, reason="repo2docker is for Linux")
def test_binder_would_build_a_conda_image_of_our_environment() -> None:
    built = subprocess.run(
        [sys.executable, "-m", "repo2docker", "--no-build", "--debug", str(ROOT)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    said = built.stdout + built.stderr
    assert "Building conda environment for python=3.12" in said
    assert '--file "binder/environment.yml"' in said
    assert "RUN ./binder/postBuild" in said
    assert 'ENV R2D_ENTRYPOINT="${REPO_DIR}/binder/start"' in said


def test_a_home_that_can_be_written_to_stays_the_home(tmp_path: Path) -> None:
    """The other case is tested with a server, in tests/browser/test_binder.py."""
    said = subprocess.run(
        [ROOT / "binder" / "start", "printenv", "HOME"],
        env=os.environ | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == str(tmp_path)


def targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is no epoll to begin with")
def test_on_linux_the_tests_run_a_second_time_without_epoll() -> None:
    said = subprocess.run(
        ["make", "--dry-run", "test"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.replace("\\\n", " ")
    first, second = re.findall(r'^(.*) -m "not browser"(.*)$', said, re.MULTILINE)
    assert "MINIRT_POLL" not in first[0]
    assert second[0].strip().startswith("MINIRT_POLL=selectors ")
    left_out = re.findall(r"--ignore=(\S+)", second[1])
    assert left_out and all((ROOT / name).is_file() for name in left_out)


def test_each_step_of_the_workflow_is_a_make_target_that_exists() -> None:
    runs = [
        step["run"]
        for job in yaml.safe_load(WORKFLOW)["jobs"].values()
        for step in job["steps"]
        if "run" in step
    ]
    assert runs
    for run in runs:
        command, target, *_ = run.split()
        assert command == "make" and target in targets(), run


def test_ci_calls_the_command_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "make test" in script
    assert "make test" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["overrides.json", "jupyter_server_config.py"])
def test_lab_here_has_the_settings_of_the_one_on_binder(name: str) -> None:
    recipe = subprocess.run(
        ["make", "--dry-run", "lab"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    binder = (ROOT / "binder" / "postBuild").read_text(encoding="utf-8")
    assert f"cp binder/{name}" in recipe.stdout
    assert f"cp --remove-destination binder/{name}" in binder


@pytest.mark.slow
def test_post_build_works_in_a_fresh_environment(tmp_path: Path) -> None:
    """A copy of the checkout, an environment that sees this one's packages, and its own minirt."""
    checkout = tmp_path / "checkout"
    kept = shutil.ignore_patterns(".venv", ".git", ".*_cache", "__pycache__", "shots", "results")
    shutil.copytree(ROOT, checkout, symlinks=True, ignore=kept)
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True, system_site_packages=True)
    here = subprocess.run(
        [sys.executable, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    variables = os.environ | {
        "PATH": f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": here,
    }
    subprocess.run(
        [checkout / "binder" / "postBuild"], cwd=checkout, env=variables, check=True, timeout=300
    )
    settings = environment / "share" / "jupyter" / "lab" / "settings" / "overrides.json"
    assert "saveState" in settings.read_text(encoding="utf-8")
    server = environment / "etc" / "jupyter" / "jupyter_server_config.py"
    assert "contents_manager_class" in server.read_text(encoding="utf-8")


def test_lab_and_hub_have_the_settings_of_the_server_too() -> None:
    for target in ("lab", "hub"):
        said = subprocess.run(
            ["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        assert "cp binder/jupyter_server_config.py .venv/etc/jupyter/" in said
