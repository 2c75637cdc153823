"""One program, and its view in several places: two browsers, other views of one notebook."""

from collections.abc import Callable

import pytest

from .conftest import PATIENCE, Lab, Notebook
from .test_saved import ANSWERS_IN_TIME, ERRORS, TICKING, text_of_outputs

pytestmark = [pytest.mark.slow, pytest.mark.thorough, ANSWERS_IN_TIME]
ALL_ARE_RECORDED = """count => {
    const views = [...document.querySelectorAll(".minirt-live")];
    return views.length === count && views.every((view) => view.dataset.mode === "recorded");
}"""
DO = "name => jupyterapp.commands.execute(name).then(() => null)"  # and hand over no widget

Open = Callable[..., Notebook]


def test_a_program_is_watched_in_two_browsers_and_stopped_in_the_second(
    lab: Lab, open_notebook: Open
) -> None:
    name = lab.write("two_browsers", TICKING)
    first = open_notebook(name).run()
    first.save()
    second = open_notebook(name)
    second.wait_for_state("Running")
    second.button("Pause").click()
    for page in (first, second):
        page.wait_for_state("Paused")
    second.button("Stop").click()
    for page in (first, second):
        page.page.wait_for_function(ALL_ARE_RECORDED, arg=1, timeout=PATIENCE)
        assert not any(error in text_of_outputs(page) for error in ERRORS)


def test_a_view_of_the_output_and_a_second_view_of_the_notebook_go_on_too(
    lab: Lab, open_notebook: Open
) -> None:
    notebook = open_notebook(lab.write("other_views", TICKING)).run()
    notebook.wait_for_state("Running")
    notebook.page.evaluate(DO, "notebook:create-output-view")
    notebook.page.locator(".minirt-live").nth(1).wait_for(timeout=PATIENCE)
    notebook.page.evaluate(
        "() => jupyterapp.shell.activateById([...jupyterapp.shell.widgets('main')][0].id)"
    )
    notebook.page.evaluate(DO, "docmanager:clone")
    notebook.page.locator(".minirt-live").nth(2).wait_for(timeout=PATIENCE)
    notebook.page.locator(".minirt-live [data-command=stop]:visible").first.click()
    notebook.page.wait_for_function(ALL_ARE_RECORDED, arg=3, timeout=PATIENCE)
    assert not any(error in text_of_outputs(notebook) for error in ERRORS)
