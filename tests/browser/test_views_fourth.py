"""The view by keyboard alone, whatever goes away meanwhile; what a long recording leaves out."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from minirt import Recorder, Runtime, Simulation, Task, sleep_ms
from minirt.views.report import page

from .conftest import PATIENCE, Lab, Notebook, a_page
from .test_compact import BEYOND_ITS_PANEL
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
LOOKS = ("31", "7", "44", "30;47", "7;32", "48;5;18", "38;5;208;44", "38;5;208;7", "1;4;41", "101")
TRANSPARENT = "rgba(0, 0, 0, 0)"
# Where each part is and how high it is (px), for every so many events of the recording
PLACES = """async () => {
    const view = document.querySelector(".minirt-live");
    const slider = view.querySelector(".mr-slider");
    const next = () => new Promise(requestAnimationFrame);
    const found = [];
    for (let at = 0; at <= slider.max; at += Math.ceil(slider.max / 40)) {
        slider.value = at;
        slider.dispatchEvent(new Event("input"));
        await next();
        await next();
        const top = view.getBoundingClientRect().top;
        found.push([...view.querySelectorAll(".mr-panel")]
            .map((part) => [part.ariaLabel, part.getBoundingClientRect()])
            .map(([name, box]) => [name, Math.round(box.top - top), Math.round(box.height)]));
    }
    return found;
}"""

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
    assert focus(held)[1] in ("Show", "First event")  # on a busy machine there is a warning


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


@contextmanager
def recorded(browser: Any, folder: Path, main: Any, **options: Any) -> Iterator[Any]:
    """A page with the recording of this program, in simulated time."""
    recorder = Recorder()
    runtime = Runtime(threads=1, system=Simulation(), trace=recorder)
    runtime.run(lambda: main(runtime))
    path = folder / "run.html"
    path.write_text(page(recorder, "A run", dropped=recorder.dropped), encoding="utf-8")
    context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
    shown = context.new_page()
    shown.goto(path.as_uri())
    shown.locator('.minirt-live[data-mode="recorded"]').wait_for(timeout=PATIENCE)
    shown.locator(".mr-event").first.wait_for(timeout=PATIENCE)
    yield shown
    context.close()


def test_a_recording_without_its_beginning_says_so(browser: Any, tmp_path: Path) -> None:
    def main(runtime: Runtime, left: int = 4_000) -> None:
        if left:
            runtime.set_timeout(1, lambda _: main(runtime, left - 1))

    with recorded(browser, tmp_path, main) as shown:
        shown.locator(".mr-bar-words", has_text="not recorded").wait_for(timeout=PATIENCE)
        told = shown.locator(".mr-events .mr-rest").text_content()
        assert re.fullmatch(r"[1-9]\d?,\d\d\d events before these: not kept", told)


@pytest.mark.parametrize("tasks", [3, 40])
def test_nothing_jumps_when_the_reader_moves_through_a_recording_with_tasks(
    tasks: int, browser: Any, tmp_path: Path
) -> None:
    def main(runtime: Runtime) -> None:
        async def job(number: int) -> None:
            await sleep_ms(10 * number)

        for number in range(tasks):
            runtime.set_timeout(number, lambda _, number=number: Task(job(number)))

    with recorded(browser, tmp_path, main) as shown:
        places = shown.evaluate(PLACES)
        assert len(places) > 20
        assert any("Tasks" in name for name, *_ in places[0])
        assert [place for place in places if place != places[0]] == []


def test_every_word_of_the_console_is_seen_in_forced_colours(browser: Any, tmp_path: Path) -> None:
    looks = [f"\x1b[{look}m a word \x1b[0m" for look in LOOKS]
    with recorded(
        browser, tmp_path, lambda rt: rt.log(" ".join(looks)), forced_colors="active"
    ) as shown:
        colours = shown.locator(".mr-lines span").evaluate_all(
            "words => words.map((word) => [word.textContent, getComputedStyle(word)])"
            ".map(([text, { color, backgroundColor }]) => [text, color, backgroundColor])"
        )
        ground = shown.locator(".mr-lines").evaluate(
            "lines => getComputedStyle(lines.closest('.minirt-live')).backgroundColor"
        )
        assert len(colours) == len(LOOKS)
        assert [word for word, ink, paper in colours if ink in (paper, TRANSPARENT)] == []
        assert [
            word for word, ink, paper in colours if paper == TRANSPARENT and ink == ground
        ] == []


@pytest.mark.parametrize("width", [1280, 400])
def test_a_run_of_hours_has_each_time_on_its_line(width: int, browser: Any, tmp_path: Path) -> None:
    def main(runtime: Runtime) -> None:
        runtime.set_timeout(20_000_000, lambda _: None)

    with recorded(browser, tmp_path, main) as shown:
        shown.set_viewport_size({"width": width, "height": 900})
        times = shown.locator(".mr-event:visible .mr-at")
        times.filter(has_text="20000.000 s").first.wait_for(timeout=PATIENCE)
        sizes = times.evaluate_all("times => times.map((time) => time.getClientRects()[0].height)")
        assert len(sizes) > 2 and max(sizes) < 25
        assert shown.locator(".minirt-live").evaluate(BEYOND_ITS_PANEL) == []
