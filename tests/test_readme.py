"""Does each command of README.md and CONTRIBUTING.md do what it says there?"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.ports import free_port

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    name: (ROOT / name).read_text(encoding="utf-8")
    for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
}
TEXT = "\n".join(PAGES.values())
BLOCKS = re.findall(r"^```\w*\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
LINES = [line for block in BLOCKS for line in block.splitlines()]
COMMANDS = sorted({line.partition(" #")[0].strip() for line in LINES} - {""})
TARGETS = sorted(set(re.findall(r"\bmake ([a-z-]+)", "\n".join(COMMANDS))))

# Who runs what is not run below.
ELSEWHERE = {
    "make test": "this is it",
    "make quick": "a part of `make test`",
    "make lint": "the first step of `make test`",
    "make nbval": "the last step of `make test`",
    "make format": "it changes files; `make lint` finds what it would change",
    "make coverage": "the tests once more, with coverage",
    "make quotes": "tests/test_quotes.py calls it",
    "make architecture": "tests/test_architecture.py calls its parts",
    "make release": "tests/test_release.py calls its parts; it would write into dist",
    "make notebooks": "tests/test_notebooks.py calls it",
    "make bench": "tests/test_benchmarks.py calls it, with a tenth of the work",
    "make site": "tests/browser/test_site.py calls it",
    "make kernels": "the workflow's job of this name",
    "make page": "tests/test_in_page.py calls its parts",
    "make thorough": "the workflow's job of this name",
    "make peers": "tests/test_peers.py runs a part of it",
    "make binder-link": "tests/test_binder_link.py calls it, in other repositories",
    "make classroom": "tests/test_classroom.py has its parts; a class takes minutes",
    "make classroom STUDENTS=30": "the same",
    "make hub": "`make classroom` starts it",
}
# Theirs are root's rights or a secret of somebody's own.
BY_HAND = re.compile(r"sudo |MINIRT_CLASS_PASSWORD=")


def test_there_are_commands() -> None:
    assert {"make lab", "make test", "python -m minirt"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_somebody_runs_it(command: str) -> None:
    here = {"make lab", "python -m minirt", "python -m minirt --sim", "python -m minirt FILE.py"}
    assert command in here | ELSEWHERE.keys() or BY_HAND.match(command), command


@pytest.mark.parametrize("name", PAGES)
def test_each_file_that_is_named_exists(name: str) -> None:
    linked = re.findall(r"\]\((?!https?:)([^)#]+)", PAGES[name])
    named = re.findall(r"`((?:\w+/)+[\w.]*|\w+\.(?:py|md|toml|json|yml|ipynb))`", PAGES[name])
    made = {"build/site", "build/runtime", "build/site/index.html", "FILE.py"}
    places = (ROOT, ROOT / "tests", ROOT / "tests" / "node_order")
    lost = [
        path
        for path in {*linked, *named} - made
        if not any((place / path).exists() for place in places)
    ]
    assert lost == []


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
@pytest.mark.parametrize("target", TARGETS)
def test_make_knows_the_target(target: str) -> None:
    helped = make("help")
    assert re.search(rf"^make {target} ", helped, re.MULTILINE)
    make("--dry-run", target)


def make(*arguments: str) -> str:
    command = ["make", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def run(*arguments: str) -> str:
    command = [sys.executable, "-m", "minirt", *arguments]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    return ran.stdout


@pytest.mark.slow
def test_the_main_example_runs_in_a_terminal() -> None:
    said = run()
    assert {line.partition("Thread: ")[2][:4] for line in said.splitlines()} >= {"main", "pool"}
    assert "63245986" in said  # what 39 characters of notes.txt are encrypted to


@pytest.mark.slow
def test_in_simulated_time_it_prints_the_same_on_every_run() -> None:
    once = run("--sim")
    assert once == run("--sim")
    assert len(once.splitlines()) > 20


@pytest.mark.slow
def test_a_program_of_ones_own_runs(tmp_path: Path) -> None:
    program = tmp_path / "mine.py"
    program.write_text(
        "from minirt import set_timeout\nset_timeout(5, lambda _: print('after 5 ms'))\n"
    )
    assert run(str(program)) == "after 5 ms\n"


@pytest.mark.slow
@pytest.mark.skipif(
    not (ROOT / ".venv" / "installed-lab").exists(), reason="`make lab` would install first"
)
def test_make_lab_opens_the_first_notebook_and_leaves_its_port_free() -> None:
    port = free_port()
    flags = f"--port={port} --ServerApp.port_retries=0 --IdentityProvider.token=secret --no-browser"
    lab = subprocess.Popen(
        ["make", "lab", f"LAB_FLAGS={flags}"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,  # an interrupt goes to make and to Lab, as from a terminal
        text=True,
    )
    try:
        page = waited_for(f"http://127.0.0.1:{port}/lab/tree/notebooks/00_start_here.ipynb")
        assert "JupyterLab" in page
        contents = f"http://127.0.0.1:{port}/api/contents/notebooks/00_start_here.ipynb"
        assert '"type": "notebook"' in waited_for(contents)
        news = (
            f"http://127.0.0.1:{port}/lab/api/settings/@jupyterlab/apputils-extension:notification"
        )
        properties = json.loads(waited_for(news))["schema"]["properties"]
        assert properties["fetchNews"]["default"] == "false"  # no prompt covers the page
    finally:
        os.killpg(lab.pid, signal.SIGINT)  # once asks "Shutdown this server?", a second one is yes
        os.killpg(lab.pid, signal.SIGTERM)
        _, said = lab.communicate(timeout=30)
    assert "/lab/tree/notebooks/00_start_here.ipynb" in said
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5)


def waited_for(url: str) -> str:
    """The page, as soon as somebody serves it."""
    give_up = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"{url}?token=secret", timeout=10) as page:
                return str(page.read().decode())
        except OSError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.1)
