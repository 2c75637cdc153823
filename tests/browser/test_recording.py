"""After the run: the page plays the recording back, with no kernel."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import KERNEL_IS_IDLE, PATIENCE, Lab, Notebook, a_page

HERE = Path(__file__).parent
ENDS = """
from minirt import Runtime, Simulation, TaskKind, Undefined
rt = Runtime(threads=1, system=Simulation(seed=1))
def task():
    rt.clock.sleep(0.2)
    return Undefined()
def a_timer(_):
    rt.log("a timer")
def done(_):
    rt.log("done")
def main():
    for n in range(1, 6):
        rt.set_timeout(100 * n, a_timer)
    for _ in range(2):
        rt.register_event_threadpool(task, TaskKind.ENCRYPT, done)
await rt.play(main)
"""


@pytest.fixture(scope="module")
def played(lab: Lab, browser: Any) -> Iterator[Notebook]:
    """A notebook whose program has run, saved."""
    with a_page(browser, lab, lab.write("ends", ENDS)) as notebook:
        notebook.run().wait_for_recording()
        notebook.save()
        yield notebook


@pytest.fixture
def ended(played: Notebook) -> Iterator[Notebook]:
    """The recording as it is when the notebook is opened."""
    played.open("&reset")
    played.page.locator('.minirt-live[data-mode="recorded"] .mr-event').first.wait_for()
    played.frames(3)
    yield played
    errors, played.errors[:] = played.errors[:], []
    assert errors == []


def position(notebook: Notebook) -> tuple[int, int]:
    """(the event that is shown, how many there are)"""
    at, count = notebook.text("position").split(" / ")
    return int(at), int(count)


def current(notebook: Notebook) -> str:
    """The event that is marked in the list of events."""
    return str(notebook.view.locator(".mr-events [aria-current]").inner_text())


def test_the_middle_of_the_recording_shows_that_moment(ended: Notebook) -> None:
    _, count = position(ended)
    ended.view.get_by_label("Event of the recording").fill(str(count // 2))
    ended.frames(3)
    assert position(ended) == (count // 2 + 1, count)
    time = float(ended.text("time").split()[0])
    assert 0 < time < 0.5
    assert f"{time:.3f} s" in current(ended)
    timers = ended.view.locator("[aria-label=Timers] .mr-count").first.inner_text()
    assert int(timers) == 5 - int(time / 0.1)
    ended.shot("scrubbed")


def test_it_works_without_a_kernel(ended: Notebook) -> None:
    ended.page.wait_for_function(KERNEL_IS_IDLE, timeout=PATIENCE)
    ended.shut_down()
    ended.button("First event").click()
    ended.frames(3)
    assert position(ended)[0] == 1
    assert "main" in ended.view.locator(".mr-events").inner_text()


def test_one_step_back_and_one_forward_is_the_same_moment(ended: Notebook) -> None:
    ended.view.get_by_label("Event of the recording").fill("40")
    ended.frames(3)
    before = ended.view.inner_text()
    ended.button("Previous event").click()
    ended.frames(3)
    assert position(ended)[0] == 40
    ended.button("Next event").click()
    ended.frames(3)
    assert ended.view.inner_text() == before


def test_play_runs_through_the_recording_to_its_end(ended: Notebook) -> None:
    ended.button("First event").click()
    ended.view.get_by_label("Playback speed").select_option("4")
    ended.button("Play").click()
    ended.page.wait_for_function(
        """() => {
            const [at, count] = document.querySelector(".mr-position").textContent.split(" / ");
            return at === count;
        }""",
        timeout=PATIENCE,
    )
    assert ended.state() == "Ended"


def test_the_filter_shows_only_what_matches_and_steps_through_it(ended: Notebook) -> None:
    ended.view.get_by_label("Filter the events").fill("run a_timer")
    ended.frames(3)
    assert ended.view.locator(".mr-events .mr-count").first.inner_text().startswith("5 of")
    ended.button("Previous event").click()
    ended.frames(3)
    assert "a_timer" in current(ended) and "0.500 s" in current(ended)


def test_the_biography_of_an_identity_has_its_life_and_its_source_line(ended: Notebook) -> None:
    ended.view.get_by_label("Event of the recording").fill("30")
    ended.frames(3)
    ended.view.locator("[aria-label=Timers] .mr-link").first.click()
    ended.frames(3)
    biography = ended.part("biography")
    assert "a_timer" in biography.inner_text()
    assert "def a_timer(_):" in biography.inner_text()
    kinds = biography.locator(".mr-kind").all_inner_texts()
    assert kinds == ["identity", "boxed", "queued", "run", "returned"]
    ended.part("biography").get_by_role("button", name="Next", exact=True).click()
    ended.frames(3)
    assert " a_timer" in current(ended)
    ended.shot("biography")


def test_a_warning_leads_to_its_event(ended: Notebook) -> None:
    warning = ended.view.get_by_label("Warnings").locator("li").first
    assert "waited because the only thread was busy" in warning.inner_text()
    warning.get_by_role("button").click()
    ended.frames(3)
    assert "queued" in current(ended)


def test_the_keyboard_alone_can_do_all_of_it(ended: Notebook) -> None:
    page = ended.page
    ended.button("Play").focus()
    page.keyboard.press("Home")
    ended.frames(3)
    assert position(ended)[0] == 1
    page.keyboard.press("ArrowRight")
    ended.frames(3)
    assert position(ended)[0] == 2
    page.keyboard.press("Tab")  # to the next button
    page.keyboard.press("Enter")
    ended.frames(3)
    assert position(ended)[0] == 3
    ended.view.get_by_label("Event of the recording").focus()
    page.keyboard.press("ArrowRight")
    ended.frames(3)
    assert position(ended)[0] == 4
    assert page.evaluate("document.querySelectorAll('.jp-Cell').length") == 1  # Lab heard none


def test_the_keyboard_controls_a_running_program(
    lab: Lab, open_notebook: Callable[..., Notebook]
) -> None:
    notebook = open_notebook(lab.copy(HERE / "live.ipynb")).run()
    notebook.button("Pause").focus()
    notebook.page.keyboard.press("Enter")
    notebook.wait_for_state("Paused")
    for key, expected in (("Tab", "Step"), ("Tab", "Speed of the program")):
        notebook.page.keyboard.press(key)
        label = "(document.activeElement.ariaLabel || document.activeElement.textContent)"
        assert notebook.page.evaluate(label) == expected
    notebook.page.keyboard.press("Tab")
    notebook.page.keyboard.press("Space")  # Stop
    notebook.wait_for_recording()
