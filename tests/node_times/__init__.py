"""When do things happen? Programs for Node, the times that Node measured, and a twin of each.

A program is `programs/NAME.js`, with `log` and `block` from `given.js`. Its twin is `NAME.py`,
with one function `main(rt, log, block)`: `log(label)` notes the time, `block(ms)` keeps the loop
busy. `rt` is a Runtime in real time, one in simulated time, or the model of `tests/model.py`.

Node's times are in `manifest.json`; `python -m tests.node_times --record` measures them again.
A time is right when

    it is not before the time of the rule by more than EARLY, and
    it is as far from Node's median as a shared machine makes it: LATE, or SHARE of the median.

An interval that is armed again after its callback misses that by far: `tests/test_node_times.py`
looks for that as well.
"""

import json
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from minirt import Runtime, Simulation
from tests.model import Model

FOLDER = Path(__file__).parent / "programs"
MANIFEST = FOLDER.parent / "manifest.json"
NAMES = sorted(path.stem for path in FOLDER.glob("[0-9]*.js"))

EARLY = 1.0  # ms before the time of the rule: Node counts in whole milliseconds
LATE = 6.0  # ms from Node's median
SHARE = 0.02  # of Node's median

Lines: TypeAlias = list[tuple[str, float]]  # (label, ms since the program began)


def main_of(name: str) -> Callable[..., object]:
    """The function `main` of a twin."""
    path = FOLDER / f"{name}.py"
    names: dict[str, Any] = {"__name__": f"twin_{name}", "__file__": str(path)}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
    main: Callable[..., object] = names["main"]
    return main


def run(name: str, rt: Any, now: Callable[[], float], block: Callable[[float], object]) -> Lines:
    """Run a twin on `rt`; `now` gives milliseconds."""
    lines: Lines = []
    main = main_of(name)

    def begin() -> None:
        start = now()
        main(rt, lambda label: lines.append((label, now() - start)), block)

    rt.run(begin)
    return lines


def real(name: str) -> Lines:
    """What the twin logs in real time. A sleep blocks the loop as work does, and no other loop."""
    return run(name, Runtime(), lambda: time.monotonic() * 1000, lambda ms: time.sleep(ms / 1000))


def simulated(name: str, seed: int = 0) -> Lines:
    """What the twin logs in simulated time, where work is time that the clock is told of."""
    system = Simulation(seed)
    clock = system.clock
    rt = Runtime(system=system)
    return run(name, rt, lambda: clock.now() * 1000, lambda ms: clock.advance(ms / 1000))


def ruled(name: str, rearms_after: bool = False) -> Lines:
    """What the rule says, to the millisecond; or what the wrong rule of intervals would say."""
    model = Model(rearms_after=rearms_after)
    return run(name, model, lambda: model.now, model.block)


def measured(name: str, node: str = "node") -> Lines:
    """What Node logs today."""
    command = [node, str(FOLDER / f"{name}.js")]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    found = [re.fullmatch(r"(.+) ([\d.]+)", line) for line in ran.stdout.splitlines()]
    return [(match[1], float(match[2])) for match in found if match is not None]


def recorded() -> dict[str, Lines]:
    """{program: what Node logged, each time the median of many runs}."""
    manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))
    return {
        program["name"]: [(line["label"], line["median"]) for line in program["lines"]]
        for program in manifest["programs"]
    }


def faults(lines: Lines, node: Lines, rule: Lines) -> list[str]:
    """What is wrong with the times of one run; nothing, if they are right."""
    if [label for label, _ in lines] != [label for label, _ in node]:
        return [f"the order is {lines}, and Node's is {node}"]
    found = []
    for (label, at), (_, median), (_, earliest) in zip(lines, node, rule, strict=True):
        if at < earliest - EARLY:
            found.append(f"{label} at {at:.1f} ms, and the rule says {earliest:.0f}: too early")
        if abs(at - median) > max(LATE, SHARE * median):
            found.append(f"{label} at {at:.1f} ms, and Node at {median:.1f}")
    return found
