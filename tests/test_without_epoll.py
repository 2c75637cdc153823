"""Can the chapters be read where there is no epoll, as on macOS?"""

import json
import os
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.notebooks import NOTEBOOKS, UNCHECKED_TAGS, comparison, execute, tags

pytestmark = pytest.mark.slow  # each runs a whole chapter

# Python reads a module of this name when it starts.
SITECUSTOMIZE = """
import os, select
for module in (select, os):
    for name in dir(module):
        if name.startswith(("epoll", "EPOLL", "eventfd", "EFD_")):
            delattr(module, name)
"""


@pytest.fixture
def no_epoll(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Python that is started from here on finds neither epoll nor eventfd."""
    (tmp_path / "sitecustomize.py").write_text(SITECUSTOMIZE, encoding="utf-8")
    paths = [str(tmp_path), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))


def differing(old: Any, new: Any) -> list[Any]:
    """The cells of `new` whose checked output is another one than in `old`."""
    same = comparison().same_outputs
    return [
        after
        for before, after in zip(old.cells, new.cells, strict=True)
        if after.cell_type == "code"
        and not tags(after) & UNCHECKED_TAGS
        and not same(before.outputs, after.outputs, is_ignored=False)
    ]


@pytest.mark.usefixtures("no_epoll")
@pytest.mark.parametrize("chapter", ["05_epoll", "06_the_event_loop"])
def test_a_chapter_on_epoll_runs_and_each_cell_that_needs_it_says_so(chapter: str) -> None:
    kept = nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=4)
    cells = differing(kept, execute(kept, NOTEBOOKS))  # an error that no tag announces is raised
    needing = [cell for cell in cells if "only Linux has" in cell.source]
    assert needing
    for cell in needing:
        assert "only Linux has" in json.dumps(cell.outputs), cell.source
    assert [cell.source for cell in cells if cell not in needing] == []


@pytest.mark.usefixtures("no_epoll")
@pytest.mark.parametrize("chapter", ["00_start_here", "07_modules"])
def test_another_chapter_prints_what_it_prints_on_linux(chapter: str) -> None:
    kept = nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=4)
    assert [cell.source for cell in differing(kept, execute(kept, NOTEBOOKS))] == []
