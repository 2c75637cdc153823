"""Is the answer to a prediction folded in JupyterLab until the reader has chosen?"""

from collections.abc import Callable
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.notebooks import APPENDIX, normalise

from .conftest import KERNEL_IS_IDLE, PATIENCE, Lab, Notebook

QUESTION = """
from minirt.exercises.quiz import predict
predict("How many?", {"one": "There is one.", "two": "There is no second."}, answer="one")
"""
IN_LAB = ".jp-OutputArea-output", "the answer is one"

pytestmark = pytest.mark.slow

Open = Callable[..., Notebook]


@pytest.fixture
def chapter(lab: Lab, open_notebook: Open) -> Notebook:
    """A saved chapter: a question, its answer, and an appendix."""
    answer = new_code_cell(
        "print('the answer is one')",
        outputs=[new_output("stream", text="the answer is one\n")],
    )
    cells = [
        new_code_cell(QUESTION.strip()),
        new_markdown_cell("Now run it."),
        answer,
        new_markdown_cell(APPENDIX),
        new_markdown_cell("Only for the curious: a detail."),
    ]
    notebook: Any = nbformat.from_dict(new_notebook(cells=cells))
    normalise(notebook, "folded.ipynb")
    nbformat.write(notebook, lab.folder / "folded.ipynb")
    opened = open_notebook("folded.ipynb")
    opened.page.wait_for_function(KERNEL_IS_IDLE, timeout=PATIENCE)
    return opened


def shown_answer(notebook: Notebook) -> Any:
    return notebook.page.locator(IN_LAB[0], has_text=IN_LAB[1])


def test_the_answer_opens_when_the_reader_has_chosen(chapter: Notebook) -> None:
    chapter.command("notebook:run-cell")
    question = chapter.page.locator(".minirt-quiz-box")
    question.wait_for(timeout=PATIENCE)
    assert chapter.page.locator(".jp-OutputPlaceholder").is_visible()
    assert not shown_answer(chapter).is_visible()
    first_line = chapter.page.locator(".jp-PlaceholderText", has_text=IN_LAB[1])
    assert not first_line.is_visible()
    question.get_by_role("button", name="two").click()
    shown_answer(chapter).wait_for(timeout=PATIENCE)
    question.get_by_role("button", name="one").click()  # a second choice folds nothing
    chapter.frames()
    assert shown_answer(chapter).is_visible()


def test_the_answer_opens_with_a_click(chapter: Notebook) -> None:
    chapter.page.locator(".jp-OutputPlaceholder").click()
    shown_answer(chapter).wait_for(timeout=PATIENCE)


def test_the_answer_opens_when_its_cell_runs_and_the_appendix_when_it_is_asked_for(
    chapter: Notebook,
) -> None:
    chapter.page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")
    shown_answer(chapter).wait_for(timeout=PATIENCE)
    detail = chapter.page.locator(".jp-RenderedMarkdown", has_text="a detail")
    assert not detail.is_visible()
    chapter.page.locator(".jp-showHiddenCellsButton:visible").click()
    detail.wait_for(timeout=PATIENCE)
