"""How much room does the view take, and does anything jump?"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .conftest import PATIENCE, SHOTS, Lab, Notebook, a_page
from .test_start_here import MAIN_EXAMPLE

LAPTOP = {"width": 1280, "height": 720}
WIDER_THAN_THE_VIEW = """(view) => [...view.querySelectorAll("*")].filter((element) =>
    !element.closest(".mr-hidden, svg")
    && element.getBoundingClientRect().right > view.getBoundingClientRect().right + 1)
    .map((element) => element.className)"""
# In every picture of the running view: where each part is, and how high all of it is, from the
# top of the controls to the end of the console (px)
WATCH_PARTS = """(view) => {
    window.seen = {};
    window.heights = [];
    const box = (part) => part.getBoundingClientRect();
    const look = () => {
        if (view.dataset.mode !== "live" || !view.isConnected) return;  // a box has its place now
        const top = box(view.querySelector(".mr-header")).top;
        window.heights.push(box(view.querySelector(".mr-lines")).bottom - top);
        for (const part of view.querySelectorAll(".mr-panel, .mr-top, .mr-lists")) {
            const name = part.getAttribute("aria-label") ?? part.className;
            const place = [box(part).top - top, box(part).height].map(Math.round);
            (window.seen[name] ??= []).push(place);
        }
        requestAnimationFrame(look);
    };
    look();
    return null;
}"""
COMES_AND_GOES = """
from minirt import Runtime, Simulation, TaskKind, Undefined
rt = Runtime(threads=2)
def work():
    rt.clock.sleep(0.05)
    return Undefined()
def begin(_=None):
    for n in range(3):
        rt.set_timeout(40 + 40 * n, lambda _: rt.log("a timer"))
        rt.register_event_threadpool(work, TaskKind.ENCRYPT, lambda _: rt.log("a task"))
def main():
    begin()
    for n in range(1, 6):
        rt.set_timeout(300 * n, begin)
await rt.play(main)
"""
ONLY_TIMERS = """
from minirt import Runtime
rt = Runtime()
def main():
    rt.set_interval(20, lambda _: rt.log("tick"))
await rt.play(main)
"""

Open = Callable[..., Notebook]


@pytest.mark.parametrize(("width", "most"), [(1280, 560), (800, 760)])
def test_the_running_view_of_the_first_program_fits(
    width: int, most: int, lab: Lab, open_notebook: Open
) -> None:
    size = {"width": width, "height": 720}
    notebook = open_notebook(lab.write("fits", MAIN_EXAMPLE), viewport=size).run()
    notebook.view.evaluate(WATCH_PARTS)
    notebook.wait_for_recording()
    heights = notebook.page.evaluate("window.heights")
    assert len(heights) > 8
    assert 300 < max(heights) <= most
    assert notebook.view.evaluate(WIDER_THAN_THE_VIEW) == []


@pytest.mark.parametrize("width", [1280, 400])
def test_nothing_shrinks_or_moves_up_when_a_row_goes(
    width: int, lab: Lab, open_notebook: Open
) -> None:
    size = {"width": width, "height": 720}
    notebook = open_notebook(lab.write("jumps", COMES_AND_GOES), viewport=size).run()
    notebook.view.evaluate(WATCH_PARTS)
    notebook.wait_for_recording()
    seen: dict[str, list[list[int]]] = notebook.page.evaluate("window.seen")
    assert len(seen["Timers"]) > 8
    for name, places in seen.items():
        tops, heights = zip(*places, strict=True)
        assert list(tops) == sorted(tops), name
        assert list(heights) == sorted(heights), name


def test_a_list_that_stays_empty_is_one_line(lab: Lab, open_notebook: Open) -> None:
    notebook = open_notebook(lab.write("empty", ONLY_TIMERS), viewport=LAPTOP).run()
    notebook.page.wait_for_function(
        "document.querySelector('.mr-lines').textContent.includes('tick')", timeout=PATIENCE
    )

    def heights() -> dict[str, float]:
        found: dict[str, float] = notebook.view.evaluate(
            """(view) => Object.fromEntries([...view.querySelectorAll(".mr-list-panel")].map(
                (list) => [list.ariaLabel, list.getBoundingClientRect().height]))"""
        )
        return found

    for _ in range(2):  # while the program runs, and after it
        found = heights()
        assert len(found) == 4
        assert found["Thread pool"] == found["Watched descriptors"] < 40
        assert found["Timers"] == found["Callback queue"]
        assert 50 < found["Timers"] < 90  # one row
        if notebook.state() == "Running":
            notebook.stop()


@pytest.fixture(scope="module")
def ended(lab: Lab, browser: Any) -> Iterator[Notebook]:
    """The view of the first program, recorded; the tests choose their window."""
    with a_page(browser, lab, lab.write("ended", MAIN_EXAMPLE), viewport=LAPTOP) as notebook:
        notebook.run().wait_for_recording()
        yield notebook


def test_on_a_narrow_page_it_is_one_column(ended: Notebook) -> None:
    ended.page.set_viewport_size({"width": 400, "height": 720})
    ended.frames()
    lefts = ended.view.evaluate(
        """(view) => [...view.querySelectorAll(".mr-panel, .mr-loop, .mr-numbers")]
            .filter((part) => part.checkVisibility())
            .map((part) => Math.round(part.getBoundingClientRect().left))"""
    )
    assert len(lefts) > 7
    assert len(set(lefts)) == 1
    assert ended.view.evaluate(WIDER_THAN_THE_VIEW) == []


@pytest.mark.parametrize("width", [1280, 800, 400])
def test_the_events_and_the_slider_stay_in_sight_while_the_rest_is_looked_at(
    width: int, ended: Notebook
) -> None:
    notebook, size = ended, {"width": width, "height": 720}
    notebook.page.set_viewport_size(size)
    notebook.frames()
    notebook.view.locator(".mr-summary").evaluate("e => e.scrollIntoView({ block: 'nearest' })")
    notebook.frames()
    for part in (".mr-slider", ".mr-events [aria-current]", ".mr-summary"):
        box: Any = notebook.view.locator(part).bounding_box()
        assert 0 < box["y"] < size["height"], part
    over = notebook.view.evaluate(
        """(view) => {
            const slider = view.querySelector(".mr-slider").getBoundingClientRect();
            const { left, top, width, height } = slider;
            return document.elementFromPoint(left + width / 2, top + height / 2)?.className;
        }"""
    )
    assert over == "mr-slider"
    notebook.page.screenshot(path=SHOTS / f"in-sight-{width}.png")
