"""Do tasks and awaits run in Node's order?

`tests/node_promises/` and `tests/node_awaits/` hold programs for Node, what Node printed, and a
twin of each for minirt.
"""

import io
import shutil
import subprocess
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from minirt import Recorder, Runtime, Simulation

FOLDERS = [Path(__file__).parent / folder for folder in ("node_promises", "node_awaits")]
PROGRAMS = {path.stem: path for folder in FOLDERS for path in sorted(folder.glob("*.js"))}


def expected(name: str) -> list[str]:
    return PROGRAMS[name].with_suffix(".expected").read_text(encoding="utf-8").splitlines()


def order(name: str, **options: object) -> list[str]:
    """What the twin prints."""
    path = PROGRAMS[name].with_suffix(".py")
    code = compile(path.read_text(encoding="utf-8"), str(path), "exec")
    printed = io.StringIO()
    with redirect_stdout(printed):
        Runtime(**options).run(lambda: exec(code, {"__file__": str(path)}))  # type: ignore[arg-type]
    return printed.getvalue().splitlines()


def test_there_are_at_least_forty_and_each_has_a_twin() -> None:
    assert len(PROGRAMS) >= 40
    assert {path.stem for folder in FOLDERS for path in folder.glob("*.py")} == set(PROGRAMS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_twin_prints_what_node_printed(name: str) -> None:
    assert order(name) == expected(name)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_twin_prints_it_in_simulated_time_and_watched_too(name: str) -> None:
    assert order(name, system=Simulation(1), trace=Recorder()) == expected(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_recorded_is_what_node_prints_today(name: str) -> None:
    path = shutil.which("node")
    if path is None:
        pytest.skip("there is no Node on this machine")
    ran = subprocess.run(
        [path, PROGRAMS[name]], capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.splitlines() == expected(name)
