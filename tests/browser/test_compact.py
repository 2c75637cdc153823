"""How much room does the view take, does all of it have room there, and does anything jump?"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from minirt import Recorder, Runtime, Simulation
from minirt.views.report import page

from .conftest import PATIENCE, SHOTS, Lab, Notebook, a_page
from .test_saved import LANES_FIT
from .test_start_here import MAIN_EXAMPLE

LAPTOP = {"width": 1280, "height": 720}
SIZES = {1280: 560, 800: 760}  # width of the window -> how high the view may be (px)
WIDER_THAN_THE_VIEW = """(view) => [...view.querySelectorAll("*")].filter((element) =>
    !element.closest(".mr-hidden, svg")
    && element.getBoundingClientRect().right > view.getBoundingClientRect().right + 1)
    .map((element) => element.className)"""
# What is drawn beyond the panel that it belongs to, and not cut off there
BEYOND_ITS_PANEL = """(view) => [...view.querySelectorAll(".mr-panel, .mr-counter")]
    .flatMap((panel) => [...panel.querySelectorAll(":not(svg *)")].filter((element) =>
        element.checkVisibility()
        && element.getBoundingClientRect().right > panel.getBoundingClientRect().right
    ).map((element) => `${panel.ariaLabel ?? panel.className}: ${element.className}`))"""
HEIGHT = """(view) => view.querySelector(".mr-lines").getBoundingClientRect().bottom
    - view.querySelector(".mr-header").getBoundingClientRect().top"""
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
    for n in range(1, 12):
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
MUCH_OF_EVERYTHING = """
import socket, time
from minirt import Interest, Runtime, TaskKind, Undefined
rt = Runtime(threads=40)
a_long_name = "a_name_" * 28
pairs = [socket.socketpair() for _ in range(12)]
def work():
    time.sleep(0.5)
    return Undefined()
def callback(_=None):
    rt.log("a line of words that goes on and on " * 8)
    rt.register_event_threadpool(work, TaskKind(a_long_name), callback)
callback.__qualname__ = a_long_name
def main():
    rt.identity_token = 2**64 - 5000
    for n in range(2_000):
        rt.set_timeout(60_000 + n, callback)
    for n in range(80):
        rt.register_event_threadpool(work, TaskKind(a_long_name), callback)
    for here, there in pairs:
        token = rt.generate_cb_identity()
        rt.epoll_registrator.register(here, token, Interest.READABLE)
        rt.register_event_epoll(token, callback, persistent=True)
    rt.set_interval(200, callback)
await rt.play(main)
"""
MUCH_OF_ASYNCIO = """
%%minirt --asyncio
import asyncio, time
lock = asyncio.Lock()
async def job(n):
    while True:
        async with lock:
            await asyncio.sleep(0.05)
        time.sleep(0.02 if n else 0.09)
        await asyncio.to_thread(time.sleep, 0.3)
        print("a line of words that goes on and on " * 6)
async def short():
    time.sleep(0.12)
loop = asyncio.get_running_loop()
for n in range(20):
    loop.call_later(500 + n, print)
locks = [asyncio.Lock() for _ in range(12)]
for one in locks:
    await one.acquire()
waiting = [asyncio.create_task(one.acquire()) for one in locks]
async with asyncio.TaskGroup() as group:
    for n in range(12):
        group.create_task(job(n), name=f"a job {n} " * 20)
    while True:
        await asyncio.create_task(short())
        await asyncio.sleep(0.3)
"""

Open = Callable[..., Notebook]


@pytest.mark.parametrize(("width", "most"), SIZES.items())
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


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([MUCH_OF_EVERYTHING], ["26 of 40 threads", "18,446,744,07", "and 1,995 more"]),
        (["%load_ext minirt", MUCH_OF_ASYNCIO], ["time.sleep(0.12)", "pool1", " over", "lock"]),
    ],
    ids=["Node's", "asyncio's"],
)
def test_a_running_view_with_much_in_it_fits_and_nothing_lies_over_its_neighbour(
    cells: list[str], words: list[str], lab: Lab, open_notebook: Open
) -> None:
    notebook = open_notebook(lab.write("much", *cells), viewport=LAPTOP).run()
    for word in words:
        notebook.page.wait_for_function(
            "word => document.querySelector('.minirt-live').textContent.includes(word)",
            arg=word,
            timeout=PATIENCE,
        )
    for width in (640, 400, 1280, 800):
        notebook.page.set_viewport_size({"width": width, "height": 720})
        notebook.frames(3)
        assert notebook.view.evaluate(WIDER_THAN_THE_VIEW) == [], width
        assert 300 < notebook.view.evaluate(HEIGHT) <= SIZES.get(width, 1800), width
        assert notebook.view.evaluate(BEYOND_ITS_PANEL) == [], width
    notebook.stop()
    assert notebook.view.evaluate(WIDER_THAN_THE_VIEW) == []
    assert notebook.view.evaluate(BEYOND_ITS_PANEL) == []


# It gets narrower, is hidden in the moment in which it is drawn anew, and is there again before
# anybody has looked: so it is while Lab changes its theme.
NARROWER_AND_HIDDEN_WHEN_DRAWN = """() => {
    const place = document.querySelector(".minirt-live").parentElement;
    const next = window.requestAnimationFrame;
    window.requestAnimationFrame = (draw) => {
        window.requestAnimationFrame = next;
        return next((now) => {
            place.hidden = true;
            draw(now);
            place.hidden = false;
        });
    };
    place.style.width = "560px";
}"""


def test_a_view_that_was_hidden_when_it_was_drawn_has_the_width_of_its_place(
    browser: Any, tmp_path: Path
) -> None:
    recorder = Recorder()
    rt = Runtime(system=Simulation(), trace=recorder)
    rt.run(lambda: [rt.set_timeout(each, lambda _: None) for each in range(50)])
    path = tmp_path / "hidden.html"
    path.write_text(page(recorder, "Hidden"), encoding="utf-8")
    shown = browser.new_page(viewport={"width": 640, "height": 900})
    shown.goto(path.as_uri())
    shown.locator('.minirt-live[data-mode="recorded"]').wait_for(timeout=PATIENCE)
    shown.wait_for_function(LANES_FIT, timeout=PATIENCE)
    shown.evaluate(NARROWER_AND_HIDDEN_WHEN_DRAWN)
    shown.wait_for_function(LANES_FIT, timeout=PATIENCE)
    assert shown.locator(".mr-lanes").bounding_box()["width"] < 560
    shown.close()


def test_a_number_of_many_turns_fits_into_the_ring(browser: Any, tmp_path: Path) -> None:
    recorder, left = Recorder(capacity=1_000), iter(range(12_345))
    runtime = Runtime(system=Simulation(), trace=recorder)

    def again(_: object = None) -> None:
        if next(left, None) is not None:
            runtime.set_immediate(again)

    runtime.run(again)
    (tmp_path / "run.html").write_text(page(recorder, "A run"), encoding="utf-8")
    shown = browser.new_page()
    shown.goto((tmp_path / "run.html").as_uri())
    turn = shown.locator(".mr-turn", has_text="12,3")
    turn.wait_for(timeout=PATIENCE)
    inside = 75  # px that the ring leaves free
    assert turn.bounding_box()["width"] < inside
    shown.close()


@pytest.mark.parametrize("width", [1280, pytest.param(400, marks=pytest.mark.thorough)])
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


def test_on_a_laptop_no_heading_and_no_identity_is_cut_off(ended: Notebook) -> None:
    ended.page.set_viewport_size(LAPTOP)
    ended.frames()
    seen = ended.view.evaluate(
        """(view) => [...view.querySelectorAll(".mr-link, .mr-title, .mr-label, .mr-soon span")]
            .filter((part) => part.checkVisibility())
            .map((part) => [part.textContent,
                !part.clientWidth || part.scrollWidth <= part.clientWidth])"""
    )
    assert ["Encrypt", True] in seen and len(seen) > 15
    assert [text for text, is_whole in seen if not is_whole] == []


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (800, 720), (400, 720), (640, 360)])
def test_the_events_and_the_slider_stay_in_sight_while_the_rest_is_looked_at(
    width: int, height: int, ended: Notebook
) -> None:
    notebook, size = ended, {"width": width, "height": height}  # the last one: 200 % zoom
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
    if width < 900:  # the tape is above the rest, and leaves it most of the room
        tape: Any = notebook.part("tape").bounding_box()
        assert tape["height"] < 0.4 * height
    notebook.page.screenshot(path=SHOTS / f"in-sight-{width}.png")
