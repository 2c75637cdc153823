"""Can every chapter be read with a screen reader, and by somebody who sees little contrast?

axe-core looks at each chapter in JupyterLab as it is saved, and at two after all their cells have
run. It looks at what is ours: the rendered text and the outputs of the cells. What stands around
them (menus, toolbars, prompts, the editors of the cells) is JupyterLab's own. So are two things
inside: the link to itself that it puts behind each heading, and the `<img>` that it makes of a plot
and to which no output can give a text; therefore each plot is described in the text below it.
"""

import os
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

from .conftest import PATIENCE, SHOTS, Lab, Notebook, violations

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
CHAPTERS = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
# The pages of the site are judged all. In Lab these are, and all of them where a person asks for
# their pictures: what a chapter shows that no other does is drawn by the same code there.
PICTURES = bool(os.environ.get("MINIRT_PICTURES"))
IN_LAB = CHAPTERS if PICTURES else ["00_start_here", "04_timers", "08_nodes_order"]
RUN = ("00_start_here", "04_timers")
IN_DARK = ("00_start_here", "05_epoll", "06_the_event_loop", "08_nodes_order")
OURS = {
    "include": [[".jp-MarkdownOutput"], [".jp-OutputArea-output"]],
    "exclude": [
        [".jp-InternalAnchorLink"],
        [".jp-RenderedImage img"],
    ],
}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
JUST_COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}  # what a theme may change
LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"
DRAWN = """() => jupyterapp.shell.currentWidget.content.widgets.every(
    (cell) => cell.isAttached && cell.node.isConnected)"""
HEIGHT = """() => [...document.querySelectorAll(".jp-Notebook .jp-Cell")]
    .reduce((sum, cell) => sum + cell.offsetHeight, 0)"""
TO_THE_TOP = """() => { jupyterapp.shell.currentWidget.content.outerNode.scrollTop = 0; }"""
Open = Callable[..., Notebook]

pytestmark = [pytest.mark.slow, pytest.mark.thorough]


@pytest.fixture(scope="module", autouse=True)
def every_cell_is_drawn(lab: Lab) -> Iterator[None]:
    """Else Lab leaves out cells that are out of sight, and nobody would look at them."""
    lab.setting("@jupyterlab/notebook-extension:tracker", '{"windowingMode": "none"}')
    yield
    lab.setting("@jupyterlab/notebook-extension:tracker", "{}")


@pytest.fixture
def chapter(lab: Lab, open_notebook: Open) -> Callable[[str], Notebook]:
    """Opens a chapter as it is saved, and runs it where the questions, which need a kernel, are."""

    def open_one(name: str) -> Notebook:
        lab.copy_folder(NOTEBOOKS / "data")
        path = lab.copy(NOTEBOOKS / f"{name}.ipynb")
        lab.trust(path)
        notebook = open_notebook(path, viewport={"width": 1100, "height": 1400})
        if name in RUN:
            notebook.run()
            notebook.wait_until_all_ran()
        notebook.page.locator(".minirt-live .mr-turn").first.wait_for(timeout=PATIENCE)
        notebook.page.wait_for_function(DRAWN, timeout=PATIENCE)
        return notebook

    return open_one


def picture(notebook: Notebook, name: str) -> None:
    """All of the chapter, for a person to look at, who asks for it: it takes some seconds."""
    if not PICTURES:
        return
    height = 200 + int(notebook.page.evaluate(HEIGHT))
    notebook.page.set_viewport_size({"width": 1100, "height": height})
    notebook.page.evaluate(TO_THE_TOP)
    notebook.frames()
    notebook.page.screenshot(path=SHOTS / f"chapter_{name}.png")


@pytest.mark.parametrize("name", IN_LAB)
def test_a_chapter_can_be_read_by_everybody(name: str, chapter: Callable[[str], Notebook]) -> None:
    notebook = chapter(name)
    assert violations(notebook, OURS, RULES) == []
    picture(notebook, name)
    if name in IN_DARK:
        notebook.theme(DARK)
        found = violations(notebook, OURS, JUST_COLOURS, least=1)
        picture(notebook, f"{name}_dark")
        notebook.theme(LIGHT)  # Lab remembers it for the tests that follow
        assert found == []


@pytest.mark.parametrize("name", CHAPTERS)
def test_each_plot_is_described_in_the_text_below_it(name: str) -> None:
    cells = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells
    plots = [
        (cell.source, below.source)
        for cell, below in pairwise(cells)
        if any("image/png" in output.get("data", {}) for output in cell.get("outputs", []))
    ]
    for source, below in plots:
        assert below.startswith("*The figure:"), f"describe the plot of\n{source}"
        assert len(below.partition("\n\n")[0]) > 100
