"""The reader's place in a run, whatever becomes of the cell: moved, hidden, cut, shown twice."""

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import KERNEL_IS_IDLE, PATIENCE, Lab, Notebook
from .test_recording import ENDS
from .test_saved import ERRORS, text_of_outputs, wait_for_play

# Many tasks, and a timer; it goes on until it is stopped
GOES_ON = """
from minirt import Runtime, Task, sleep_ms
rt = Runtime()
def a_timer(_): pass
async def again(n):
    while True: await sleep_ms(60_000 + n)
def main():
    rt.set_interval(100, a_timer)
    for n in range(3):
        Task(again(n), name=f"task {n}")
await rt.play(main)
"""
MOVE = """([from, to]) => {
    const { content } = jupyterapp.shell.currentWidget;
    content.activeCellIndex = from;
    content.moveCell(from, to);
}"""
DO = "name => jupyterapp.commands.execute(name).then(() => null)"  # and hand over no widget
# [the event, the filter, the speed, who is followed] of each recording
PLACES = """() => [...document.querySelectorAll('.minirt-live[data-mode="recorded"]')].map(
    (view) => [".mr-position", ".mr-events .mr-filter", ".mr-player .mr-select", ".mr-who"].map(
        (part) => view.querySelector(part)).map((part) => part.value ?? part.textContent))"""
IS_DRAWN_ANEW = """count => {
    const views = document.querySelectorAll('.minirt-live[data-mode="recorded"] .mr-position');
    return views.length === count && [...views].every((view) =>
        view.textContent && !view.closest("[data-before]"));
}"""
MARK_ALL = "document.querySelectorAll('.minirt-live').forEach((v) => { v.dataset.before = 1; })"

Open = Callable[..., Notebook]


def followed(notebook: Notebook) -> Any:
    return notebook.view.locator("[aria-label=Timers] .mr-followed")


def follow(notebook: Notebook, name: str) -> None:
    """Follow the timer of this name."""
    row = notebook.view.locator("[aria-label=Timers] tr").filter(has_text=name).first
    row.locator(".mr-link").click()
    followed(notebook).first.wait_for(timeout=PATIENCE)


def test_a_run_that_is_moved_while_it_goes_on_keeps_who_is_followed_and_what_is_looked_for(
    lab: Lab, open_notebook: Open
) -> None:
    notebook = open_notebook(lab.write("moved_live", "1 + 1", GOES_ON)).run()
    notebook.view.get_by_label("Find tasks").fill("task 1")
    follow(notebook, "a_timer")
    notebook.page.evaluate(MARK_ALL)
    notebook.page.evaluate(MOVE, [1, 0])
    notebook.page.locator(".minirt-live:not([data-before]) .mr-followed").first.wait_for(
        timeout=PATIENCE
    )
    assert notebook.view.get_by_label("Find tasks").input_value() == "task 1"
    notebook.stop()
    wait_for_play(notebook)
    notebook.page.wait_for_function(IS_DRAWN_ANEW, arg=1, timeout=PATIENCE)
    ((_, _, _, who),) = notebook.page.evaluate(PLACES)
    assert "a_timer" in who
    assert notebook.view.get_by_label("Find tasks").input_value() == "task 1"


@pytest.mark.parametrize(
    ("away", "back"),
    [
        ("delete-cell", "undo-cell-action"),
        pytest.param("cut-cell", "paste-cell-above", marks=pytest.mark.thorough),
    ],
)
def test_a_cell_that_comes_back_when_its_program_has_ended_shows_the_recording(
    away: str, back: str, lab: Lab, open_notebook: Open
) -> None:
    notebook = open_notebook(lab.write(away, "1 + 1", GOES_ON)).run()
    notebook.page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 1")
    notebook.page.evaluate(DO, f"notebook:{away}")
    notebook.page.locator(".minirt-live").wait_for(state="detached", timeout=PATIENCE)
    notebook.command("notebook:interrupt-kernel")
    notebook.page.wait_for_function(KERNEL_IS_IDLE, timeout=PATIENCE)
    notebook.wait_until_heard()
    notebook.page.evaluate(DO, f"notebook:{back}")
    wait_for_play(notebook)
    assert not any(error in text_of_outputs(notebook) for error in ERRORS)
    notebook.errors.clear()  # Lab's own, which looked for the widget before


@pytest.mark.thorough
def test_two_recordings_that_are_alike_keep_places_of_their_own(
    lab: Lab, open_notebook: Open
) -> None:
    notebook = open_notebook(lab.write("alike", ENDS, ENDS)).run()
    notebook.page.wait_for_function(IS_DRAWN_ANEW, arg=2, timeout=PATIENCE)
    notebook.wait_until_ran()
    views = notebook.page.locator(".minirt-live")
    for view, event, speed in ((views.nth(0), 40, "0.5"), (views.nth(1), 20, "2")):
        view.get_by_label("Event of the recording").fill(str(event))
        view.get_by_label("Playback speed").select_option(speed)
        view.get_by_label("Filter the events").fill("timer")
        notebook.frames(3)
        view.locator("[aria-label=Timers] .mr-link").first.click()
        notebook.frames(3)
    places = notebook.page.evaluate(PLACES)
    assert [place[0].partition(" / ")[0] for place in places] == ["41", "21"]
    assert all("a_timer" in who for _, _, _, who in places)

    for name in ("hide-all-cell-outputs", "show-all-cell-outputs"):
        notebook.page.evaluate(DO, f"notebook:{name}")
        notebook.frames(3)
    assert notebook.page.evaluate(PLACES) == places
    notebook.page.evaluate(MARK_ALL)
    for name in ("select-all", "cut-cell", "paste-cell-above"):
        notebook.page.evaluate(DO, f"notebook:{name}")
    notebook.page.wait_for_function(IS_DRAWN_ANEW, arg=2, timeout=PATIENCE)
    notebook.frames(3)
    assert notebook.page.evaluate(PLACES) == places


@pytest.mark.thorough
def test_a_second_run_on_one_view_follows_nobody_of_the_first(
    lab: Lab, open_notebook: Open
) -> None:
    box = "import ipywidgets\nfrom minirt.views.live import LiveView\nview = LiveView()\n"
    first = GOES_ON.replace("play(main)", "play(main, view=view)")
    second = first.replace("a_timer", "another_timer")
    shown = f"{box}ipywidgets.HBox([view])"
    notebook = open_notebook(lab.write("second_run", shown, first, second)).run()
    for name in ("a_timer", "another_timer"):
        rows = notebook.view.locator("[aria-label=Timers] tr")
        rows.filter(has_text=name).first.wait_for(timeout=PATIENCE)
        assert followed(notebook).count() == 0
        follow(notebook, name)
        notebook.button("Stop").click()
    notebook.wait_for_recording()


@pytest.mark.thorough
def test_a_recording_whose_cell_has_run_again_leaves_the_page(
    lab: Lab, open_notebook: Open
) -> None:
    notebook = open_notebook(lab.write("leaves", ENDS, "1 + 1")).run()
    notebook.wait_for_recording()
    wait_for_play(notebook)
    notebook.view.evaluate("view => { window.old = new WeakRef(view); }")
    for _ in range(2):
        notebook.run().wait_for_recording()
        wait_for_play(notebook)
    collect = notebook.page.context.new_cdp_session(notebook.page)
    for _ in range(5):
        collect.send("HeapProfiler.collectGarbage")
        notebook.frames(3)
    assert notebook.page.evaluate("window.old.deref() === undefined")
