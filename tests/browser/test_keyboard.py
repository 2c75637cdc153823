"""The view with the Tab key alone: where is the focus, and what does it tell?"""

from collections.abc import Callable
from itertools import dropwhile
from typing import Any

import pytest

from .conftest import Lab, Notebook

NARROW = {"width": 800, "height": 1400}
LONG_NAMES = """
from minirt import Runtime, Task, sleep_ms
rt = Runtime(threads=1)
def a_callback_with_a_name_that_no_column_has_room_for(_): pass
async def again(n):
    while True: await sleep_ms(100 + n)
def main():
    rt.set_interval(100, a_callback_with_a_name_that_no_column_has_room_for)
    for n in range(2):
        Task(again(n), name=f"task {n}, which has a name that is too long for its column")
await rt.play(main)
"""
LOCKS_AND_GROUPS = """
%%minirt --asyncio
import asyncio
lock, queue = asyncio.Lock(), asyncio.Queue()
async def a_coroutine_with_a_name_that_is_too_long_for_its_column_in_a_group():
    await lock.acquire()
async with asyncio.TaskGroup() as group:
    await lock.acquire()
    group.create_task(queue.get(), name="somebody with a long name who waits for the queue")
    for n in range(40):
        group.create_task(a_coroutine_with_a_name_that_is_too_long_for_its_column_in_a_group())
"""
# [is it in the view?, how it is called, how its focus is shown, what stands below it]
STOP = """() => {
    const element = document.activeElement;
    const { outlineStyle, outlineWidth, outlineColor, backgroundColor } = getComputedStyle(element);
    const whole = document.querySelector(".minirt-live .mr-all-of-it");
    return [
        element.closest(".minirt-live") !== null,
        element.ariaLabel ?? element.textContent,
        outlineStyle === "solid" && outlineWidth === "2px" && outlineColor !== backgroundColor,
        whole.hidden ? "" : whole.textContent,
    ];
}"""
TO_THE_FIRST = """() => {
    const parts = document.querySelectorAll(".minirt-live :is(button, select, input)");
    [...parts].find((part) => part.checkVisibility() && !part.disabled).focus();
}"""
MOST_STOPS = 40

Open = Callable[..., Notebook]


def walk(notebook: Notebook) -> list[list[Any]]:
    """Each stop of the Tab key in the view, from the first to the last."""
    notebook.page.evaluate(TO_THE_FIRST)
    notebook.page.keyboard.press("Shift+Tab")
    stops: list[list[Any]] = []
    for _ in range(MOST_STOPS):
        notebook.page.keyboard.press("Tab")
        stop = notebook.page.evaluate(STOP)
        if not stop[0]:
            return stops
        stops.append(stop)
    raise AssertionError(f"it never left the view: {stops}")


def test_the_tab_key_goes_through_the_view_and_out_and_tells_what_has_no_room(
    lab: Lab, open_notebook: Open
) -> None:
    notebook = open_notebook(lab.write("long_names", LONG_NAMES), viewport=NARROW).run()
    notebook.part("task-name").wait_for()
    notebook.view.locator("[aria-label=Timers] .mr-link").nth(1).wait_for()
    notebook.pause()
    live = walk(notebook)
    names = [name for _, name, _, _ in live]
    assert names[:4] == ["Resume", "Step", "Speed of the program", "Stop"]
    assert names[-1] == "Console"
    assert all(is_seen for _, _, is_seen, _ in live)
    whole = {name: text for _, name, _, text in live if text}
    tasks = [name for name in names if "too long for its column" in name]
    assert [whole[name].partition(" · ")[0] for name in tasks] == tasks and len(tasks) == 2
    assert any(
        "a_callback_with_a_name_that_no_column_has_room_for" in text for text in whole.values()
    )

    notebook.page.keyboard.press("Shift+Tab")
    while not (text := notebook.page.evaluate(STOP)[3]):
        notebook.page.keyboard.press("Shift+Tab")
    notebook.page.keyboard.press("Escape")
    assert notebook.page.evaluate(STOP)[3] == "" != text

    notebook.stop()
    notebook.part("event").wait_for()
    recorded = walk(notebook)
    # on a busy machine something may have been found: the buttons that show it stand above
    names = list(dropwhile("Show".__eq__, (name for _, name, _, _ in recorded)))
    assert names[0] == "First event" and names[-1] == "Console"
    assert all(is_seen for _, _, is_seen, _ in recorded)


@pytest.mark.thorough
def test_the_tab_key_comes_to_queues_and_locks_and_to_groups_of_tasks_as_to_other_rows(
    lab: Lab, open_notebook: Open
) -> None:
    name = lab.write("locks", "%load_ext minirt", LOCKS_AND_GROUPS)
    notebook = open_notebook(name, viewport=NARROW).run()
    notebook.view.locator(".mr-thing").filter(has_text="1 to get: somebody").wait_for()
    notebook.view.locator(".mr-thing").filter(has_text="40 wait").wait_for()
    notebook.view.locator(".mr-grouped").wait_for()
    notebook.pause()
    stops = walk(notebook)
    things = [text for _, name, _, text in stops if name.startswith(("queue", "lock"))]
    assert len(things) == 2
    assert any("1 to get: somebody with" in text for text in things)
    whole = [text for _, _, _, text in stops]
    assert any(text.startswith("40 × · a_coroutine_with_a_name") for text in whole)
    assert all(is_seen for _, _, is_seen, _ in stops)
    notebook.stop()
