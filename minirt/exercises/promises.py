"""Chapter 09: which programs of promises were judged by Node, and what do they print on minirt?

Each has a twin in Python, with futures and tasks in place of promises and async functions.
"""

import ast
import json
from functools import cache
from importlib.resources import files
from typing import Any

from minirt.core.simulation import Simulation
from minirt.exercises.knobs import Program, printed_by
from minirt.node.runtime import Runtime


@cache
def promise_programs() -> tuple[Program, ...]:
    """Every recorded program; its twin is its `python`."""
    source = files("minirt.exercises") / "node_promises.json"
    return tuple(
        Program(one["name"], one["title"], "", one["program"], one["twin"], (tuple(one["order"]),))
        for one in json.loads(source.read_text(encoding="utf-8"))["programs"]
    )


def promise_program(number: str) -> Program:
    """One of them, by its number: "02"."""
    for one in promise_programs():
        if one.name.partition("_")[0] == number:
            return one
    raise KeyError(f"there is no program {number!r}. There are 01 to {len(promise_programs())}")


def printed_with(asked: Program, seed: int = 0, **instead: Any) -> list[str]:
    """What the twin prints in simulated time, with other classes in place of minirt's own.

    printed_with(one, Future=MyFuture): what it would import from minirt by these names is replaced.
    """
    tree = ast.parse(asked.python)
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "minirt":
            node.names = [alias for alias in node.names if alias.name not in instead] or [
                ast.alias("log")
            ]
    ast.fix_missing_locations(tree)
    code = compile(tree, f"<{asked.name}>", "exec")
    names = {"__name__": "__main__", "__file__": __file__, **instead}  # some read a file
    return printed_by(lambda: exec(code, names), Runtime(system=Simulation(seed)))
