"""Does minirt run things in Node's order?

`tests/node_order/` holds programs for Node, what Node printed, and a twin of each for minirt. Each
twin runs on the real system, and in simulated time where no socket of the outside is involved. The
JavaScript runs as well where there is a Node, so that what is recorded stays true.
"""

import io
import json
import shutil
import subprocess
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path

import pytest

from minirt import Runtime, Simulation

FOLDER = Path(__file__).parent / "node_order"
PROGRAMS = {
    Path(program["file"]).stem: program
    for program in json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))["programs"]
}
FIXED = sorted(name for name, program in PROGRAMS.items() if not program["nondeterministic"])
RACES = sorted(set(PROGRAMS) - set(FIXED))
WITHOUT_SOCKETS = [name for name in FIXED if "net" not in PROGRAMS[name]["needs"]]
ENOUGH = 300  # runs of a race, at most


def source(name: str) -> str:
    return (FOLDER / f"{name}.py").read_text(encoding="utf-8")


def options(name: str) -> dict[str, int]:
    """What a line such as `# runtime: threads=1` asks for."""
    for line in source(name).splitlines():
        if line.startswith("# runtime: "):
            return {key: int(value) for key, value in [line.removeprefix("# runtime: ").split("=")]}
    return {}


def order(name: str, system: Simulation | None = None) -> list[str]:
    """What the twin prints."""
    path = FOLDER / f"{name}.py"
    code = compile(source(name), str(path), "exec")
    printed = io.StringIO()
    with redirect_stdout(printed):
        Runtime(system=system, **options(name)).run(lambda: exec(code, {"__file__": str(path)}))
    return printed.getvalue().splitlines()


@cache
def node() -> str | None:
    """A Node of version 20 or newer, or None."""
    path = shutil.which("node")
    if path is None:
        return None
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    return path if int(version.strip().lstrip("v").split(".")[0]) >= 20 else None


def test_every_program_has_a_twin() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == set(PROGRAMS)


@pytest.mark.parametrize("name", FIXED)
@pytest.mark.slow
def test_the_twin_prints_what_node_printed(name: str) -> None:
    assert order(name) == PROGRAMS[name]["expected"]


@pytest.mark.parametrize("name", WITHOUT_SOCKETS)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.slow
def test_the_twin_prints_it_in_simulated_time_too(name: str, seed: int) -> None:
    assert order(name, Simulation(seed)) == PROGRAMS[name]["expected"]


@pytest.mark.parametrize("name", RACES)
@pytest.mark.slow
def test_a_race_ends_only_in_ways_that_node_showed(name: str) -> None:
    allowed = {tuple(lines) for lines in PROGRAMS[name]["allowed"]}
    seen = set()
    for _ in range(ENOUGH):
        seen.add(tuple(order(name)))
        if seen == allowed:
            break
    print(f"{name}: seen {sorted(seen)}")
    assert seen <= allowed


@pytest.mark.parametrize("name", RACES)
def test_the_seeds_of_a_simulation_show_every_way_a_race_can_end(name: str) -> None:
    allowed = {tuple(lines) for lines in PROGRAMS[name]["allowed"]}
    assert {tuple(order(name, Simulation(seed))) for seed in range(40)} == allowed


@pytest.mark.slow
@pytest.mark.parametrize("name", FIXED)
def test_what_is_recorded_is_what_node_prints_today(name: str) -> None:
    path = node()
    if path is None:
        pytest.skip("there is no Node of version 20 or newer on this machine")
    program = FOLDER / f"{name}.js"
    ran = subprocess.run([path, program], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.splitlines() == PROGRAMS[name]["expected"]
