"""An asyncio program in the live view: its tasks as a tree, what they await, and what is wrong."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from minirt import Recorder, Simulation
from minirt.aio.program import AsyncioProgram
from minirt.views.report import page
from minirt.views.saved import saved_run
from minirt.views.tape import pack, tape

from ..test_timeline import LEFT_ALONE
from .conftest import PATIENCE, Lab, Notebook, a_page
from .test_compact import LAPTOP, WATCH_PARTS, WIDER_THAN_THE_VIEW

WORKERS = """
%load_ext minirt
"""
PROGRAM = """
%%minirt --asyncio
import asyncio, time

async def fetch(n):
    await asyncio.sleep(0.05 * (n % 4 + 1))
    if n == 3:
        time.sleep(0.12)
    return n

async def worker(queue, done):
    while True:
        await done.put(await fetch(await queue.get()))
        queue.task_done()

async def main():
    queue, done = asyncio.Queue(4), asyncio.Queue()
    async with asyncio.TaskGroup() as group:
        workers = [group.create_task(worker(queue, done), name=f"worker-{n}") for n in range(3)]
        stop = asyncio.Event()
        group.create_task(asyncio.wait_for(stop.wait(), 3600), name="watch the door")
        for n in range(10_000):
            await queue.put(n)

await main()
"""
MANY = """
%%minirt --asyncio
import asyncio

async def client(n):
    await asyncio.sleep(600 + n)

async def server():
    await asyncio.Event().wait()

async def main():
    async with asyncio.TaskGroup() as group:
        for n in range(1_000):
            group.create_task(client(n), name=f"client-{n}")
        group.create_task(server(), name="the server")

await main()
"""

OF_ASYNCIO = ["tasks", "ready callbacks", "timers", "descriptors", "executor jobs", "free threads"]

Open = Callable[..., Notebook]


@pytest.fixture(scope="module")
def opened(lab: Lab, browser: Any) -> Iterator[Notebook]:
    """The program of workers, opened once; each test goes on where the one before has stopped."""
    with a_page(browser, lab, lab.write("asyncio", WORKERS, PROGRAM), viewport=LAPTOP) as notebook:
        notebook.run()
        notebook.view.evaluate(WATCH_PARTS)
        yield notebook


def wait_for_text(notebook: Notebook, part: str, text: str) -> None:
    notebook.page.wait_for_function(
        "([part, text]) => document.querySelector(`.minirt-live .mr-${part}`)"
        "?.textContent.includes(text)",
        arg=[part, text],
        timeout=PATIENCE,
    )


def test_a_task_is_a_line_with_what_it_awaits(opened: Notebook) -> None:
    wait_for_text(opened, "task-list", "worker-2")
    wait_for_text(opened, "task-list", "queue.put")
    wait_for_text(opened, "task-list", "await queue.put(n)")
    wait_for_text(opened, "task-list", "await asyncio.sleep(0.05 * (n % 4 + 1))")
    wait_for_text(opened, "things", "4 of 4")


def test_what_holds_the_loop_is_said_while_it_runs(opened: Notebook) -> None:
    wait_for_text(opened, "found", "time.sleep(0.12)")


def test_the_running_view_fits_a_laptop(opened: Notebook) -> None:
    opened.frames()
    opened.shot("asyncio-light")
    heights = opened.page.evaluate("window.heights")
    assert max(heights) <= 560
    assert opened.view.evaluate(WIDER_THAN_THE_VIEW) == []


def test_it_pauses_and_takes_one_step(opened: Notebook) -> None:
    opened.pause()
    opened.frames()
    before = opened.text("turn"), opened.text("run")
    opened.frames()
    assert (opened.text("turn"), opened.text("run")) == before
    opened.button("Step").click()
    opened.page.wait_for_function(
        "before => document.querySelector('.minirt-live .mr-run').textContent !== before",
        arg=before[1],
        timeout=PATIENCE,
    )
    opened.choose_theme("JupyterLab Dark")
    opened.shot("asyncio-dark")
    opened.button("Resume").click()
    opened.wait_for_state("Running")


def test_the_recording_shows_the_same_tasks_and_follows_one(opened: Notebook) -> None:
    opened.stop()
    opened.view.locator(".mr-slider").evaluate(
        "slider => { slider.value = Math.floor(slider.max / 2);"
        " slider.dispatchEvent(new Event('input')); }"
    )
    opened.frames()
    opened.view.locator(".mr-task-list .mr-link", has_text="worker-1").click()
    opened.frames()
    life = opened.text("biography")
    assert "worker-1: worker" in life
    assert "awaits sleep" in life
    assert "woken by" in life
    assert "held the loop" in opened.text("warnings:not(.mr-found)")
    opened.shot("asyncio-recorded")
    assert opened.errors == []


def test_a_thousand_tasks_come_in_groups_and_one_is_found(lab: Lab, open_notebook: Open) -> None:
    notebook = open_notebook(lab.write("many", WORKERS, MANY), viewport=LAPTOP).run()
    wait_for_text(notebook, "task-list", "1,000 ×")
    notebook.view.get_by_label("Find tasks").fill("client-777")
    wait_for_text(notebook, "task-list", "client-777")
    notebook.shot("asyncio-many")
    notebook.stop()
    assert notebook.errors == []


def test_an_exported_page_plays_without_a_kernel(browser: Any, tmp_path: Path) -> None:
    async def worker() -> None:
        await asyncio.sleep(0.5)

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(worker(), name="the worker")

    recorder = Recorder()
    AsyncioProgram(Simulation(), recorder).run(main())
    with opened_page(browser, tmp_path, page(recorder, "A run")) as shown:
        shown.locator(".mr-slider").evaluate(
            "slider => { slider.value = Math.floor(slider.max / 4);"
            " slider.dispatchEvent(new Event('input')); }"
        )
        row = shown.locator(".mr-task-list li[title^='the worker']")
        row.wait_for(timeout=PATIENCE)
        assert "1 step; at work for" in str(row.get_attribute("title"))
        assert row.locator(".mr-task-work").inner_text().startswith("1 × ")
        counters = shown.locator(".mr-counter")
        assert counters.locator(".mr-label").all_inner_texts() == OF_ASYNCIO
        assert counters.locator(".mr-value").all_inner_texts()[:3] == ["2", "0", "1"]


def test_what_is_not_recorded_is_said_in_words(browser: Any, tmp_path: Path) -> None:
    box = saved_run("", pack(tape(LEFT_ALONE)), {"state": "ended", "error": ""})
    with opened_page(browser, tmp_path, f"<!doctype html><title>A run</title>{box}") as shown:
        assert shown.locator(".mr-bar-words").text_content() == "not recorded: 3.0 s"


@contextmanager
def opened_page(browser: Any, folder: Path, html: str) -> Iterator[Any]:
    """The page, from a file, without any network, when its recording is shown."""
    file = folder / "run.html"
    file.write_text(html)
    context = browser.new_context(offline=True)
    shown = context.new_page()
    errors: list[str] = []
    shown.on("pageerror", lambda error: errors.append(str(error)))
    shown.goto(file.as_uri())
    shown.locator('.minirt-live[data-mode="recorded"]').wait_for(timeout=PATIENCE)
    yield shown
    context.close()
    assert errors == []
