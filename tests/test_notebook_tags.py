"""Is every cell whose output is not checked listed in notebook_tags.md, with its reason?"""

from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TAGS = {"nbval-ignore-output", "nbval-skip", "raises-exception", "nbval-raises-exception"}

Entry = tuple[str, str, str]  # notebook, first line of the cell, tag


def tagged(path: Path) -> list[Entry]:
    """The cells of a notebook that strict nbval does not compare, or expects to fail."""
    return [
        (path.stem, cell.source.partition("\n")[0].strip(), tag)
        for cell in nbformat.read(path, as_version=4).cells
        for tag in sorted(set(cell.metadata.get("tags", ())) & TAGS)
    ]


def listed() -> dict[Entry, str]:
    """{entry: reason}, as notebook_tags.md says."""
    found = {}
    for line in (Path(__file__).parent / "notebook_tags.md").read_text("utf-8").splitlines():
        if line.startswith("- "):
            notebook, first_line, tag, reason = line.removeprefix("- ").split(" · ", 3)
            found[notebook, first_line.strip("`"), tag] = reason
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_tagged_cell_is_listed(path: Path) -> None:
    missing = set(tagged(path)) - set(listed())
    assert not missing, f"add to tests/notebook_tags.md, with the reason: {sorted(missing)}"


def test_nothing_is_listed_that_is_not_there() -> None:
    there = {entry for path in NOTEBOOKS for entry in tagged(path)}
    assert not set(listed()) - there, "take these off tests/notebook_tags.md"


def test_every_entry_has_a_reason() -> None:
    assert all(len(reason) > 10 for reason in listed().values())


MOST, SHARE = 8, 0.15  # of a chapter's code cells


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_few_cells_are_left_unchecked(path: Path) -> None:
    """Also not of Node, which is not on every machine (tests/test_node_cells.py asks it)."""
    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    unchecked = sum(bool(TAGS & set(cell.metadata.get("tags", ()))) for cell in code)
    assert unchecked <= MOST and unchecked / len(code) <= SHARE, (unchecked, len(code))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_of_our_own_programs_at_most_five_are_left_unchecked(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    ours = [cell for cell in cells if not cell.source.startswith("%%node")]
    assert sum(bool(TAGS & set(cell.metadata.get("tags", ()))) for cell in ours) <= 5
