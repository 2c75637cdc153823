"""Do tasks and awaits run in Node's order?

`tests/node_promises/` holds programs for Node, what Node printed, and a twin of each for minirt.
"""

import io
import shutil
import subprocess
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from minirt import Recorder, Runtime, Simulation

FOLDER = Path(__file__).parent / "node_promises"
NAMES = sorted(path.stem for path in FOLDER.glob("*.js"))


def expected(name: str) -> list[str]:
    return (FOLDER / f"{name}.expected").read_text(encoding="utf-8").splitlines()


def order(name: str, **options: object) -> list[str]:
    """What the twin prints."""
    path = FOLDER / f"{name}.py"
    code = compile(path.read_text(encoding="utf-8"), str(path), "exec")
    printed = io.StringIO()
    with redirect_stdout(printed):
        Runtime(**options).run(lambda: exec(code, {"__file__": str(path)}))  # type: ignore[arg-type]
    return printed.getvalue().splitlines()


def test_there_are_at_least_twenty_five_and_each_has_a_twin() -> None:
    assert len(NAMES) >= 25
    assert {path.stem for path in FOLDER.glob("*.py")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_twin_prints_what_node_printed(name: str) -> None:
    assert order(name) == expected(name)


@pytest.mark.parametrize("name", NAMES)
def test_the_twin_prints_it_in_simulated_time_and_watched_too(name: str) -> None:
    assert order(name, system=Simulation(1), trace=Recorder()) == expected(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_what_is_recorded_is_what_node_prints_today(name: str) -> None:
    path = shutil.which("node")
    if path is None:
        pytest.skip("there is no Node on this machine")
    ran = subprocess.run(
        [path, FOLDER / f"{name}.js"], capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.splitlines() == expected(name)
