"""The view by keyboard alone, whatever goes away meanwhile; what a long recording leaves out."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from minirt import Recorder, Runtime, Simulation
from minirt.views.report import page

from .conftest import PATIENCE, Lab, Notebook, a_page
from .test_saved import wait_for_play

QUESTION = """
from minirt.exercises.quiz import predict
predict("1 + 1?", {"2": "One more than one.", "3": "It is one more."}, "2")
"""
COMES_AND_GOES = """
from minirt import Runtime
rt = Runtime()
def main():
    rt.set_timeout(60, lambda _: rt.log("a timer"))
    rt.set_timeout(120, lambda _: rt.log("a timer"))
await rt.play(main)
"""
PAUSED = """
%%minirt --paused --speed 3
set_timeout(10, lambda _: log("the first"))
set_timeout(20, lambda _: log("the second"))
set_interval(60_000, lambda _: None)
"""
# [the view or the question that has the focus, what there has it]
FOCUS = """() => {
    const element = document.activeElement;
    const place = element.closest(".minirt-live, .minirt-quiz-box");
    return [place?.dataset.mode ?? place?.className, element.ariaLabel ?? element.textContent];
}"""
CELLS = "jupyterapp.shell.currentWidget.content.widgets.length"
HAS_FOCUS = """mode => document.activeElement.closest(".minirt-live")?.dataset.mode === mode"""
OF_LAB = ("ArrowDown", "ArrowUp", "x", "j", "k", "b", "m", "y", "Shift+M")  # its shortcuts

Open = Callable[..., Notebook]


@pytest.fixture(scope="module")
def ended(lab: Lab, browser: Any) -> Iterator[Notebook]:
    """A question; and a run that is over."""
    name = lab.write("by_keyboard", QUESTION, COMES_AND_GOES, "2 + 2")
    with a_page(browser, lab, name) as notebook:
        notebook.run().wait_for_recording()
        wait_for_play(notebook)
        yield notebook


@pytest.fixture(scope="module")
def held(lab: Lab, browser: Any) -> Iterator[Notebook]:
    """A program whose timers wait, since it is paused. Its speed is none of the list's."""
    name = lab.write("held", "%load_ext minirt", PAUSED, "2 + 2")
    with a_page(browser, lab, name) as notebook:
        notebook.run().wait_for_state("Paused")
        notebook.button("Step").click()  # main
        timers(notebook).nth(2).wait_for(timeout=PATIENCE)
        yield notebook


def timers(notebook: Notebook) -> Any:
    return notebook.view.locator("[aria-label=Timers] .mr-link:visible")


def focus(notebook: Notebook) -> tuple[str, str]:
    place, name = notebook.page.evaluate(FOCUS)
    return place, name


@pytest.mark.parametrize(
    "stop", [".mr-lines", ".mr-event", ".mr-player button", ".mr-player input", ".mr-select"]
)
def test_the_keys_of_the_notebook_do_nothing_in_the_view(stop: str, ended: Notebook) -> None:
    cells = ended.page.evaluate(CELLS)
    ended.view.locator(stop).first.focus()
    before = focus(ended)
    for key in OF_LAB:
        ended.page.keyboard.press(key)
        assert focus(ended)[0] == before[0] == "recorded", key
    assert ended.page.evaluate(CELLS) == cells


def test_the_slider_hears_all_arrows(ended: Notebook) -> None:
    ended.view.locator(".mr-slider").focus()
    ended.page.keyboard.press("End")
    last = int(ended.text("position").split()[0])
    for key, event in (("ArrowDown", last - 1), ("ArrowLeft", last - 2), ("ArrowUp", last - 1)):
        ended.page.keyboard.press(key)
        ended.frames(3)
        assert int(ended.text("position").split()[0]) == event


def test_the_keys_of_the_notebook_do_nothing_in_a_question(ended: Notebook) -> None:
    cells = ended.page.evaluate(CELLS)
    ended.page.locator(".minirt-quiz-box button").first.focus()
    before = focus(ended)
    for key in OF_LAB:
        ended.page.keyboard.press(key)
    assert focus(ended) == before
    assert ended.page.evaluate(CELLS) == cells


def test_a_row_that_goes_in_the_recording_leaves_the_focus_in_the_view(ended: Notebook) -> None:
    ended.button("First event").click()
    row = timers(ended).last
    while not row.is_visible():
        ended.button("Next event").click()
        ended.frames(2)
    row.focus()
    ended.page.keyboard.press("Home")
    ended.frames(3)
    assert ended.text("position").startswith("1 ") and focus(ended)[0] == "recorded"
    ended.page.keyboard.press("End")
    ended.frames(3)
    assert not ended.text("position").startswith("1 ")


def test_the_speed_that_a_program_began_with_is_shown(held: Notebook) -> None:
    speed = held.view.get_by_label("Speed of the program")
    assert speed.input_value() == "3"
    assert speed.locator("option").all_text_contents()[-3:] == ["2×", "3×", "4×"]


def test_the_focus_stays_in_the_view_when_rows_go_and_when_the_run_ends(held: Notebook) -> None:
    timers(held).nth(2).focus()
    held.button("Step").evaluate("step => step.click()")  # which leaves the focus where it is
    timers(held).nth(2).wait_for(state="detached", timeout=PATIENCE)
    held.frames(3)
    assert focus(held)[0] == "live"
    held.button("Stop").focus()
    held.page.keyboard.press("Enter")
    held.wait_for_recording()
    wait_for_play(held)
    held.page.wait_for_function(HAS_FOCUS, arg="recorded", timeout=PATIENCE)
    assert focus(held)[1] == "First event"


def test_who_left_the_view_is_not_called_back_when_the_run_ends(
    lab: Lab, open_notebook: Open
) -> None:
    notebook = open_notebook(lab.write("left", "%load_ext minirt", PAUSED, "2 + 2")).run()
    notebook.view.locator(".mr-lines").focus()
    notebook.page.locator(".jp-Cell .cm-content").last.click()
    notebook.button("Stop").evaluate("stop => stop.click()")
    notebook.wait_for_recording()
    wait_for_play(notebook)
    notebook.frames(6)
    assert focus(notebook) == (None, "2 + 2")


def test_a_recording_without_its_beginning_says_so(browser: Any, tmp_path: Path) -> None:
    recorder, left = Recorder(), iter(range(4_000))
    runtime = Runtime(system=Simulation(), trace=recorder)

    def again(_: object = None) -> None:
        if next(left, None) is not None:
            runtime.set_timeout(1, again)

    runtime.run(again)
    (tmp_path / "run.html").write_text(page(recorder, "A long run"), encoding="utf-8")
    shown = browser.new_page(viewport={"width": 1280, "height": 720})
    shown.goto((tmp_path / "run.html").as_uri())
    shown.locator('.minirt-live[data-mode="recorded"]').wait_for(timeout=PATIENCE)
    shown.locator(".mr-bar-words", has_text="not recorded").wait_for(timeout=PATIENCE)
    told = f"{len(recorder) - 12_000:,} events before these: not kept"
    assert shown.locator(".mr-events .mr-rest").text_content() == told
    shown.close()
