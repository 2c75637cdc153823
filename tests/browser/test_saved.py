"""What does a notebook keep of a live view, and what does a reader see who opens it another day?"""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import ipykernel
import nbformat
import pytest

from minirt.views.saved import BOX

from .conftest import PATIENCE, Lab, Notebook, tool
from .test_gone import IS_OVER, KERNEL

SHORT = """
from minirt import Runtime
rt = Runtime()
def main():
    rt.set_timeout(20, lambda _: rt.log("later"))
    rt.log("main")
await rt.play(main)
"""
MANY_TIMERS = """
from minirt import Runtime
rt = Runtime()
def main():
    for number in range(300):
        rt.set_timeout(number * 3, lambda _, number=number: rt.log(f"timer {number}"))
await rt.play(main)
"""
TICKING = """
from minirt import Runtime
rt = Runtime()
def main():
    rt.set_interval(5, lambda _: rt.log("tick"))
await rt.play(main)
"""
MANAGER = "@jupyter-widgets/jupyterlab-manager:plugin"
ERRORS = "Error displaying widget", "Loading widget", "model not found"
VIEW = "application/vnd.jupyter.widget-view+json"
LANES_FIT = """() => {
    const lanes = document.querySelector(".mr-lanes");
    return lanes.clientWidth > 300
        && Math.abs(lanes.viewBox.baseVal.width - lanes.clientWidth) <= 2;
}"""

IS_7_0_TO_7_3 = (7, 0) <= ipykernel.version_info[:2] <= (7, 3)
ANSWERS_IN_TIME = pytest.mark.skipif(
    IS_7_0_TO_7_3,
    reason="these kernels answer a page that comes back when the cell is over",
)

Open = Callable[..., Notebook]


@pytest.fixture(
    params=["state is saved", pytest.param("state is not saved", marks=pytest.mark.thorough)]
)
def lab_with_setting(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Lab saves the state of widgets on Binder, where it is set so, and nowhere else."""
    lab.setting(MANAGER, json.dumps({"saveState": request.param == "state is saved"}))
    yield lab
    lab.setting(MANAGER, "{}")


def text_of_outputs(notebook: Notebook) -> str:
    return " ".join(notebook.page.locator(".jp-OutputArea").all_inner_texts())


def file_of(lab: Lab, name: str) -> Any:
    return nbformat.read(lab.folder / name, as_version=4)


@pytest.fixture
def lab_that_saves(lab: Lab) -> Iterator[Lab]:
    """Lab with the setting that leaves more in the file."""
    lab.setting(MANAGER, json.dumps({"saveState": True}))
    yield lab
    lab.setting(MANAGER, "{}")


def size_of_outputs(lab: Lab, name: str) -> int:
    """Bytes of the file besides its sources and what the program printed."""
    notebook = file_of(lab, name)
    outputs = [
        one for cell in notebook.cells for one in cell.outputs if one.output_type != "stream"
    ]
    return len(json.dumps([outputs, notebook.metadata.get("widgets", {})]))


def run_again(notebook: Notebook) -> None:
    notebook.page.evaluate("window.ran = false")
    notebook.run().wait_for_recording()


def wait_for_play(notebook: Notebook) -> None:
    """Until the box that replaced the view has drawn itself."""
    notebook.page.locator('.minirt-widget .minirt-live[data-mode="recorded"]').first.wait_for(
        timeout=PATIENCE
    )


def test_a_notebook_that_was_saved_shows_its_recording_when_it_is_opened_another_day(
    lab_with_setting: Lab, open_notebook: Open
) -> None:
    name = lab_with_setting.write("another_day", SHORT)
    notebook = open_notebook(name).run()
    notebook.wait_for_recording()
    wait_for_play(notebook)
    notebook.save()
    notebook.shut_down()
    assert VIEW not in str(file_of(lab_with_setting, name).cells)
    again = open_notebook(name)
    wait_for_play(again)
    again.button("First event").click()
    again.frames()
    assert again.text("position").startswith("1 / ")
    assert not any(error in text_of_outputs(again) for error in ERRORS)
    again.theme("JupyterLab Dark")  # while it changes, Lab hides everything
    again.page.wait_for_function(LANES_FIT, timeout=PATIENCE)


@pytest.mark.thorough
def test_a_notebook_that_is_not_trusted_shows_the_picture(lab: Lab, open_notebook: Open) -> None:
    name = lab.write("mine", SHORT)
    notebook = open_notebook(name).run()
    notebook.wait_for_recording()
    wait_for_play(notebook)
    notebook.save()
    notebook.shut_down()
    text = (lab.folder / name).read_text(encoding="utf-8")
    # another text than the one that was signed: a file that came from somebody else
    (lab.folder / "theirs.ipynb").write_text(text.replace("later", "theirs"), encoding="utf-8")
    theirs = open_notebook("theirs.ipynb")
    picture = theirs.page.locator(".jp-OutputArea img")
    picture.wait_for(timeout=PATIENCE)
    assert picture.evaluate("(image) => image.naturalWidth") > 300
    assert theirs.page.locator(".minirt-live").count() == 0
    assert not any(error in text_of_outputs(theirs) for error in ERRORS)


@ANSWERS_IN_TIME
def test_a_reload_in_the_middle_of_a_run_brings_the_view_back(
    lab_with_setting: Lab, open_notebook: Open
) -> None:
    notebook = open_notebook(lab_with_setting.write("in_the_middle", TICKING)).run()
    notebook.save()
    notebook.open()
    notebook.wait_for_state("Running")
    turn = notebook.text("turn")
    notebook.frames(30)
    assert notebook.text("turn") != turn
    notebook.button("Stop").click()
    wait_for_play(notebook)
    check_that_the_file_needs_no_kernel(notebook, "in_the_middle.ipynb", boxes=1)


@pytest.mark.parametrize("is_paused", [False, pytest.param(True, marks=pytest.mark.thorough)])
def test_a_notebook_that_was_saved_while_it_ran_says_so_when_it_is_opened_another_day(
    is_paused: bool, lab_that_saves: Lab, open_notebook: Open
) -> None:
    name = lab_that_saves.write("while_it_ran", TICKING)
    notebook = open_notebook(name).run()
    notebook.wait_for_state("Running")
    if is_paused:
        notebook.pause()
    notebook.save()
    notebook.shut_down()
    again = open_notebook(name)
    again.wait_for_state("Kernel gone")
    assert "was saved while this program ran" in again.text("error")
    assert not again.button("Stop").is_enabled()
    again.save()
    again.page.get_by_text("Run the cell again.").wait_for(timeout=PATIENCE)
    check_that_the_file_needs_no_kernel(again, name, boxes=0)
    again.run()
    again.wait_for_state("Running")
    again.stop()


@pytest.mark.thorough
def test_a_notebook_that_is_saved_when_its_kernel_was_restarted_says_so_another_day(
    lab_that_saves: Lab, open_notebook: Open
) -> None:
    name = lab_that_saves.write("restarted", TICKING)
    notebook = open_notebook(name).run()
    notebook.wait_for_state("Running")
    notebook.page.evaluate(f"() => {KERNEL}.restart()")
    notebook.page.wait_for_function(IS_OVER, timeout=PATIENCE)
    state = notebook.state()
    notebook.save()
    notebook.errors.clear()  # Lab's own, about the kernel
    again = open_notebook(name)
    if state == "Interrupted":  # it had the time to end the program
        wait_for_play(again)
    else:
        again.page.get_by_text("Run the cell again.").wait_for(timeout=PATIENCE)
    assert not any(error in text_of_outputs(again) for error in ERRORS)


IN_A_BOX = """
import ipywidgets
ipywidgets.HBox([view])
"""


@pytest.mark.thorough
def test_a_view_whose_run_is_over_may_be_put_into_a_box_of_widgets(
    lab: Lab, open_notebook: Open
) -> None:
    made = "from minirt.views.live import LiveView\nview = LiveView()\ndisplay(view)"
    runs = SHORT.replace("play(main)", "play(main, view=view)")
    notebook = open_notebook(lab.write("in_a_box", made, runs, IN_A_BOX)).run()
    notebook.wait_until_ran()
    boxed = notebook.page.locator('.widget-box .minirt-live[data-mode="recorded"]')
    boxed.wait_for(timeout=PATIENCE)  # it was made before the page had told that the view was gone
    notebook.wait_until_heard()
    notebook.page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 2")
    notebook.command("notebook:run-cell")
    boxed.wait_for(state="detached", timeout=PATIENCE)
    boxed.wait_for(timeout=PATIENCE)


def check_that_the_file_needs_no_kernel(notebook: Notebook, name: str, boxes: int) -> None:
    """What is saved of its views are boxes, and no widget.

    The page hears a moment after the end that a widget is closed: what it saves then counts.
    """
    give_up = time.monotonic() + PATIENCE / 1000
    while True:
        notebook.save()
        saved = file_of(notebook.lab, name)
        state = json.dumps(saved.metadata.get("widgets", {}))
        if len(state) < 200 or time.monotonic() > give_up:
            break
        notebook.frames()
    assert VIEW not in str(saved.cells)
    assert str(saved.cells).count(BOX) == boxes
    assert len(state) < 200


@pytest.mark.skipif(
    IS_7_0_TO_7_3,
    reason="these kernels may lose one of two messages that come at once: the file stays larger",
)
def test_a_cell_that_is_moved_or_copied_while_it_runs_keeps_the_recording(
    lab_that_saves: Lab, open_notebook: Open
) -> None:
    name = lab_that_saves.write("moved_and_copied", "1 + 1", TICKING)
    notebook = open_notebook(name).run()
    notebook.page.evaluate(
        """() => {
            const { content } = jupyterapp.shell.currentWidget;
            content.activeCellIndex = 1;
            content.moveCell(1, 0);
            content.activeCellIndex = 0;
        }"""
    )
    notebook.command("notebook:copy-cell")
    notebook.command("notebook:paste-cell-below")
    notebook.page.locator(".minirt-live").nth(1).wait_for(timeout=PATIENCE)
    notebook.wait_for_state("Running")
    notebook.button("Stop").click()
    notebook.page.locator(".minirt-widget .minirt-live").nth(1).wait_for(timeout=PATIENCE)
    check_that_the_file_needs_no_kernel(notebook, name, boxes=2)


def test_outputs_that_are_cleared_while_the_program_runs_leave_nothing_in_the_file(
    lab_that_saves: Lab, open_notebook: Open
) -> None:
    name = lab_that_saves.write("cleared", TICKING, "print('after')")
    notebook = open_notebook(name).run()
    notebook.command("notebook:clear-all-cell-outputs")
    notebook.page.locator(".minirt-live").wait_for(state="detached", timeout=PATIENCE)
    notebook.command("notebook:interrupt-kernel")
    notebook.wait_until_ran()
    notebook.wait_until_heard()
    check_that_the_file_needs_no_kernel(notebook, name, boxes=0)


@pytest.mark.thorough
def test_a_cell_that_runs_ten_times_leaves_as_much_in_the_file_as_one_that_ran_once(
    lab_that_saves: Lab, open_notebook: Open
) -> None:
    name = lab_that_saves.write("ten_times", SHORT)
    notebook = open_notebook(name).run()
    notebook.wait_for_recording()
    wait_for_play(notebook)
    check_that_the_file_needs_no_kernel(notebook, name, boxes=1)
    once = size_of_outputs(lab_that_saves, name)
    for _ in range(9):
        run_again(notebook)
        wait_for_play(notebook)
    check_that_the_file_needs_no_kernel(notebook, name, boxes=1)
    assert size_of_outputs(lab_that_saves, name) == pytest.approx(once, rel=0.05)
    notebook.command("notebook:clear-all-cell-outputs")
    notebook.save()
    assert size_of_outputs(lab_that_saves, name) < 200


@pytest.mark.thorough
def test_three_hundred_timers_take_less_than_sixty_kilobytes(
    lab_that_saves: Lab, open_notebook: Open
) -> None:
    name = lab_that_saves.write("many_timers", MANY_TIMERS)
    notebook = open_notebook(name).run()
    notebook.wait_for_recording()
    wait_for_play(notebook)
    check_that_the_file_needs_no_kernel(notebook, name, boxes=1)
    assert size_of_outputs(lab_that_saves, name) < 60_000


@pytest.mark.thorough
def test_a_page_of_nbconvert_plays_the_recording_and_shows_the_picture_without_scripts(
    lab: Lab, open_notebook: Open, browser: Any
) -> None:
    name = lab.write("exported", SHORT)
    notebook = open_notebook(name).run()
    notebook.wait_for_recording()
    wait_for_play(notebook)
    notebook.save()
    html, _ = tool("nbconvert").HTMLExporter().from_filename(lab.folder / name)
    path = lab.folder / "exported.html"
    path.write_text(html, encoding="utf-8")
    for scripts in (True, False):
        context = browser.new_context(java_script_enabled=scripts, offline=True)
        page = context.new_page()
        page.goto(path.as_uri(), wait_until="domcontentloaded")
        shown = page.locator(
            '.minirt-live[data-mode="recorded"]' if scripts else ".minirt-still img"
        )
        shown.first.wait_for(timeout=PATIENCE)
        context.close()
