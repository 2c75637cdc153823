"""What a reader sees first: the notebook 00, run from its first cell to its last; the README."""

from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import SHOTS, Lab, Notebook

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
MAIN_EXAMPLE = """
from minirt import Runtime
from minirt.main_example import main
await Runtime().play(main)
"""
WIDE = {"width": 1068, "height": 2100}  # the view is then 900 wide

Open = Callable[..., Notebook]


@pytest.fixture
def start(lab: Lab, open_notebook: Open) -> Notebook:
    """The notebook 00, with the folder that it reads from."""
    lab.copy_folder(NOTEBOOKS / "data")
    return open_notebook(lab.copy(NOTEBOOKS / "00_start_here.ipynb"))


def test_all_of_the_first_notebook_runs_without_an_error(start: Notebook) -> None:
    start.run()
    values = set()
    while start.state() == "Running":  # three and a half seconds
        values.add(start.text("counters"))
        start.frames(4)
    assert len(values) > 3, "the counters stood still while the first program ran"
    start.wait_until_all_ran()
    start.wait_for_recording()
    assert start.surprises() == []
    start.view.scroll_into_view_if_needed()  # Lab draws what is in sight
    start.frames()
    assert "500 ms more are over" in start.view.inner_text()


def test_the_picture_of_the_readme(lab: Lab, open_notebook: Open) -> None:
    """`python -m tests.browser.readme_picture` puts it where the README shows it."""
    notebook = open_notebook(lab.write("readme", MAIN_EXAMPLE), viewport=WIDE)
    notebook.theme("JupyterLab Light")
    notebook.run().wait_for_recording()
    events = notebook.view.get_by_label("Filter the events")
    events.fill("started read")
    notebook.frames()
    notebook.button("Previous event").click()  # the third read begins: every panel is alive
    notebook.frames()
    events.fill("")
    events.blur()
    notebook.frames()
    notebook.shot("live_view")
    assert (SHOTS / "live_view.png").stat().st_size < 150_000
