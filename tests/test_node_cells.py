"""Does the Node of this machine print what the chapters keep? nbval leaves that out."""

import re
import shutil
from typing import Any

import nbformat
import pytest

from minirt.magics.real_node import run_node
from tests.notebooks import NOTEBOOKS

ATTEMPTS = 3  # these programs have timers, and a busy machine may be late once
OF_THE_CLOCK = re.compile(r"took \d+ ms|first in \d+ of")  # what a cell measures on purpose

NODE = [
    pytest.param(cell, id=f"{path.stem}-{number}")
    for path in sorted(NOTEBOOKS.glob("*.ipynb"))
    for number, cell in enumerate(nbformat.read(path, as_version=4).cells)
    if cell.cell_type == "code" and cell.source.startswith("%%node")
]


def masked(text: str) -> str:
    return OF_THE_CLOCK.sub("…", text)


def kept(cell: Any) -> list[str]:
    """The lines that the notebook shows: Node's alone, or a table with minirt's beside them."""
    text = "".join(output.text for output in cell.outputs).partition("\n\nstderr:")[0]
    return masked(text).splitlines()


def now(cell: Any) -> list[str]:
    """What Node prints for the cell's program on this machine."""
    ran = run_node(cell.source.partition("\n")[2], seconds=20)
    assert not ran.ended, ran.errors
    return [masked(line) for line in ran.lines]


def is_shown(lines: list[str], shown: list[str]) -> bool:
    if shown and shown[0].split() == ["Node", "minirt"]:
        rows = shown[1 : shown.index("")]
        return [row.split()[1] for row in rows] == lines
    return lines == shown


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node on this machine")
@pytest.mark.parametrize("cell", NODE)
def test_node_prints_what_the_chapter_keeps(cell: Any) -> None:
    found: list[str] = []
    for _ in range(ATTEMPTS):
        found = now(cell)
        if is_shown(found, kept(cell)):
            return
    assert found == kept(cell)


def test_a_line_more_or_less_is_found() -> None:
    assert is_shown(["a", "b"], ["a", "b"])
    assert not is_shown(["a", "b"], ["a"])
    assert not is_shown(["a"], ["a", "b"])
    table = ["    Node   minirt", "  1 a      a", "  2 b      b", "", "The same lines"]
    assert is_shown(["a", "b"], table)
    assert not is_shown(["b", "a"], table)
