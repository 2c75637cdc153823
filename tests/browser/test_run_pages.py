"""Do the chapters' cells run in their pages, with nothing but the site?

Python runs here as it does for a reader: in Chromium, from a server that knows nothing of it. What
a chapter prints is compared with what its notebook keeps, by the rules of nbval. Each start of
Python takes seconds, so the tests of a chapter share a page, and put back what they change.
"""

import gzip
import re
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import nbformat
import pytest

from minirt.exercises.registry import exercise
from tests.in_page import NOT_HERE, Ran, fault

from .conftest import ROOT, Server, axe, leave_out
from .pages import THEMES, Window, window

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
START, LOOP = "00_start_here", "06_the_event_loop"
OTHERS = [path.stem for path in NOTEBOOKS if path.stem not in (START, LOOP)]
FIRST_RUN = 12_000_000  # bytes at most, at the first Run
OPENED = 150_000  # bytes at most of a page that is opened, as a server sends it that compresses
LONG = 120_000  # ms: a chapter, on a machine that others use, too
RESTS = """() => document.querySelector(".minirt-toolbar").dataset.kind !== "busy"
    && document.querySelector('.minirt-play[aria-label^="Stop"]') === null"""
IS_KEPT = "async (address) => Boolean(await caches.match(address))"
IN_THE_PAGE = """async (parts) => (await axe.run(
    { include: parts.filter((part) => document.querySelector(part)) },
    { resultTypes: ["violations"] })).violations"""
PARTS = [".minirt-toolbar", ".minirt-runnable", ".cell_output", ".minirt-why"]


class Running:
    """A chapter's page whose cells run."""

    def __init__(self, opened: Window, name: str) -> None:
        self.window, self.page, self.name = opened, opened.page, name
        self.open()

    def open(self) -> None:
        self.window.open(f"notebooks/{self.name}.html")

    def cell(self, number: str) -> Any:
        return self.page.locator(f'[data-cell="{number}"]')

    def find(self, line: str) -> Any:
        """The first cell that has this in its code now."""
        code = self.page.locator(".cell_input", has_text=line).first
        return self.cell(code.evaluate("(code) => code.closest('[data-cell]').dataset.cell"))

    @property
    def status(self) -> str:
        return str(self.page.locator(".minirt-status").inner_text())

    def button(self, name: str) -> Any:
        return self.page.locator(".minirt-toolbar").get_by_role("button", name=name, exact=True)

    def run(self, cell: Any) -> str:
        """Run it and what has not run above, and wait. Returns what the cell says below it."""
        cell.get_by_role("button", name=re.compile("^Run cell")).click()
        self.rest()
        return str(cell.locator(".minirt-said").text_content())

    def rest(self) -> None:
        self.page.wait_for_function(RESTS, timeout=LONG)

    def run_all(self) -> str:
        self.button("Run all").click()
        self.rest()
        return self.status

    def write(self, cell: Any, text: str) -> None:
        """As a reader writes, over what is there."""
        if not cell.locator(".cm-content").count():
            cell.locator(".cell_input pre").press("Enter")
        editor = cell.locator(".cm-content")
        editor.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(text)

    def code(self, cell: Any) -> str:
        return "\n".join(cell.locator(".cell_input :is(pre, .cm-content)").inner_text().split("\n"))

    def taken_away(self) -> Any:
        """The notebook that a reader takes away."""
        with self.page.expect_download() as download:
            self.button("Download as notebook").click()
        notebook = nbformat.read(download.value.path(), as_version=4)
        nbformat.validate(notebook)
        return notebook


@contextmanager
def running(browser: Any, server: Server, name: str, **options: Any) -> Iterator[Running]:
    """Without the service worker, whose requests nobody could see here."""
    with window(browser, server.origin, service_workers="block", **options) as opened:
        opened.page.add_init_script(path=axe())
        yield Running(opened, name)
    errors = [error for error in opened.errors if "blocked by Playwright" not in error]
    assert (errors, opened.outside) == ([], [])


@pytest.fixture(scope="module")
def server(site: Path, runtime: str) -> Iterator[Server]:
    if runtime:
        leave_out(f"the pages have no Run buttons: {runtime}")
    with closing(Server(site)) as one:
        yield one


@pytest.fixture(scope="module")
def start(browser: Any, server: Server) -> Iterator[Running]:
    """The first chapter, opened."""
    with running(browser, server, START) as chapter:
        yield chapter


@pytest.fixture(scope="module")
def loop(browser: Any, server: Server) -> Iterator[Running]:
    with running(browser, server, LOOP) as chapter:
        yield chapter


def differing(name: str, taken: Any) -> dict[int, str]:
    """{number: what is wrong} of the cells that ran, and of those that did not and should have."""
    wrong = {}
    kept = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    for number, (cell, own) in enumerate(zip(kept.cells, taken.cells, strict=True)):
        if cell.cell_type != "code" or NOT_HERE in cell.metadata.get("tags", []):
            continue
        failed = any(output.output_type == "error" for output in own.outputs)
        found = fault(cell, Ran("badly" if failed else "well", list(own.outputs)))
        if own.execution_count is None and cell.outputs:
            found = "did not run"
        if found:
            wrong[number] = found
    return wrong


# --- Opening, and the first Run ---


def test_a_page_that_is_opened_loads_nothing_that_runs(start: Running, server: Server) -> None:
    assert [path for path, _ in server.sent if "/run/" in path or "sw.js" in path] == []
    assert "The first Run loads Python from this site" in start.status
    assert "simulated time" in start.page.locator(".minirt-note").inner_text()


def test_a_page_that_is_opened_is_small(site: Path) -> None:
    lines = []
    for page in sorted(site.glob("notebooks/*.html")):
        html = page.read_text(encoding="utf-8")
        tags = re.findall(
            r'<(?:link rel="stylesheet"|script|img)[^>]*(?:src|href)="([^":]+)"', html
        )
        parts = [page, *(page.parent / address.partition("?")[0] for address in tags)]
        contents = [path.read_bytes() for path in parts]
        sent = sum(len(gzip.compress(content, 6)) for content in contents)
        lines.append((sent, f"{page.stem}: {sent:,} bytes, {sum(map(len, contents)):,} unpacked"))
    print("\n".join(line for _, line in lines))
    assert len(lines) >= 11
    assert [line for sent, line in lines if sent > OPENED] == []


def test_the_first_run_is_short_and_loads_little(start: Running, server: Server) -> None:
    server.sent.clear()
    began = time.perf_counter()
    said = start.run(start.find("%load_ext minirt"))
    first = time.perf_counter() - began
    loaded = sum(size for _, size in server.sent)
    print(f"the first Run: {loaded:,} bytes, {first:.1f} s to the first result")
    assert said.startswith("Ran") and start.status == "Ran 1 cell."
    assert 1_000_000 < loaded < FIRST_RUN


# --- A chapter ---


def test_the_first_chapter_prints_what_its_notebook_keeps(start: Running) -> None:
    assert start.run_all().startswith("Ran")
    assert differing(START, start.taken_away()) == {}


def test_the_chapter_of_the_loop_prints_what_its_notebook_keeps(loop: Running) -> None:
    assert loop.run_all().startswith("Ran")
    assert differing(LOOP, loop.taken_away()) == {}


@pytest.mark.thorough
@pytest.mark.parametrize("name", OTHERS)
def test_a_chapter_prints_what_its_notebook_keeps(browser: Any, server: Server, name: str) -> None:
    with running(browser, server, name) as chapter:
        assert chapter.run_all().startswith("Ran")
        assert differing(name, chapter.taken_away()) == {}


def test_a_cell_that_cannot_run_says_why_and_keeps_what_it_printed(loop: Running) -> None:
    passed_over = loop.page.locator("[data-why]")
    assert passed_over.count() >= 1
    for one in passed_over.all():
        assert one.locator(".minirt-why").inner_text().endswith("what it printed there.")
        assert len(one.get_attribute("data-why")) > 10
        assert one.get_by_role("button", name=re.compile("^Run")).count() == 0


def test_an_answer_stays_folded_when_its_cell_has_run(loop: Running) -> None:
    folded = loop.page.locator("[data-cell] details.hide")
    assert folded.count() >= 1
    assert folded.evaluate_all("(all) => all.filter((one) => one.open).length") == 0


def test_a_recorded_view_of_a_run_in_the_page_plays(loop: Running) -> None:
    view = loop.page.locator(".minirt-live").first
    view.get_by_role("button", name="First event").click()
    loop.window.frames()
    assert view.locator(".mr-position").inner_text().startswith("1 / ")


# --- Errors, Stop ---


def test_a_wrong_answer_is_told_so_and_a_right_one_too(loop: Running) -> None:
    asked = exercise("cap_per_turn")
    cell = loop.find("%%exercise cap_per_turn")
    loop.write(cell, f"%%exercise cap_per_turn\n{asked.wrong[0].text}")
    loop.run(cell)
    said = " ".join(cell.locator(".cell_output").inner_text().split())
    assert " ".join(asked.wrong[0].says.split()) in said
    loop.write(cell, f"%%exercise cap_per_turn\n{asked.answer}")
    loop.run(cell)
    assert "right, all" in cell.locator(".cell_output").inner_text()


@pytest.mark.thorough
@pytest.mark.parametrize("name", [path.stem for path in NOTEBOOKS])
def test_every_exercise_takes_its_answer_and_tells_a_wrong_one(
    browser: Any, server: Server, name: str
) -> None:
    with running(browser, server, name) as chapter:
        stubs = chapter.page.locator("[data-key]:not([data-why])", has_text="%%exercise")
        wrong = {}
        for cell in stubs.all():
            asked = exercise(chapter.code(cell).split()[1])
            first = asked.wrong[0]
            for text, words in ((first.text, first.says), (asked.answer, "right, all")):
                chapter.write(cell, f"%%exercise {asked.name}\n{text}")
                chapter.run(cell)
                said = " ".join(cell.locator(".cell_output").inner_text().split())
                if " ".join(words.split()) not in said:
                    wrong[asked.name, words] = said
        assert wrong == {}


def test_an_error_ends_what_waits_and_is_shown_as_a_kernel_shows_it(start: Running) -> None:
    first, second = start.page.locator(".minirt-runnable").locator("xpath=..").all()[:2]
    start.write(first, "def half(n):\n    return n / 0\n\nhalf(1)")
    assert "An error ended cell 1" in start.run_all()
    assert first.locator(".minirt-said").inner_text().startswith("An error")
    trace = first.locator(".output.traceback").inner_text()
    assert "ZeroDivisionError" in trace and "half(1)" in trace and "\x1b" not in trace
    assert second.locator(".minirt-said").inner_text() == "Not run: there was an error above"
    first.get_by_role("button", name="Reset cell").click()
    assert "Everything that the chapters use" in first.locator(".cell_output").inner_text()


def test_stop_ends_an_endless_loop_and_the_next_run_starts_anew(start: Running) -> None:
    first, second = start.page.locator(".minirt-runnable").locator("xpath=..").all()[:2]
    start.write(first, "kept = 1\nwhile True: print('on and on')")
    first.get_by_role("button", name=re.compile("^Run cell")).click()
    start.page.locator(".minirt-said", has_text="Runs for").first.wait_for(timeout=LONG)
    start.button("Stop").click()
    start.rest()
    assert start.status.startswith("Stopped. The names are gone")
    assert first.locator(".minirt-said").inner_text() == "Stopped"
    start.write(first, "print('kept' in globals())")
    start.write(second, "print('below')")
    assert start.run(second).startswith("Ran")  # and first what is above it
    assert first.locator(".cell_output").inner_text().strip() == "False"
    assert second.locator(".cell_output").inner_text().strip() == "below"


# --- What a reader writes ---


def test_a_page_that_runs_is_within_reach_of_everybody(start: Running) -> None:
    start.write(
        start.find("below"), "class Wheel:\n    '''Turns.'''\n    size = 3  # spokes\n1 / 0"
    )
    start.run(start.find("spokes"))
    found = {}
    for theme in THEMES:
        start.window.choose(theme)
        found[theme] = start.page.evaluate(IN_THE_PAGE, PARTS)
        start.window.shot(f"running_{theme}")
    assert found == {"light": [], "dark": []}
    start.page.set_viewport_size({"width": 400, "height": 900})
    start.window.frames()
    assert start.page.evaluate("document.documentElement.scrollWidth") == 400
    start.window.shot("running_narrow")
    start.page.set_viewport_size({"width": 1300, "height": 1000})


def test_the_keyboard_enters_a_cell_runs_it_and_leaves_it(start: Running) -> None:
    cell = start.find("spokes")
    cell.locator(".cm-content").press("ControlOrMeta+a")
    start.page.keyboard.insert_text("print('by key')")
    start.page.keyboard.press("ControlOrMeta+Enter")
    start.rest()
    assert cell.locator(".cell_output").inner_text().strip() == "by key"
    start.page.keyboard.press("Escape")
    start.page.keyboard.press("Tab")
    assert not cell.locator(".cm-content").evaluate("(one) => one === document.activeElement")


def test_what_a_reader_wrote_outlives_a_reload_until_it_is_reset(start: Running) -> None:
    assert start.taken_away().cells  # with the edits: it is a notebook
    start.open()
    cell = start.find("by key")
    assert start.code(cell).strip() == "print('by key')"
    cell.get_by_role("button", name="Reset cell").click()
    assert start.page.locator("[data-cell]", has_text="by key").count() == 0
    start.open()
    assert start.page.locator(".cell_input", has_text="by key").count() == 0


def test_two_tabs_keep_each_others_edits(start: Running) -> None:
    other = Running(Window(start.page.context.new_page(), start.window.origin), START)
    mine, its = start.find("set_timeout(2000"), other.find("IDENTITIES = ")
    start.write(mine, "'from the first tab'")
    other.write(its, "'from the second tab'")
    for tab in (start, other):
        tab.page.locator(".cell_input", has_text="from the first tab").wait_for()
        tab.page.locator(".cell_input", has_text="from the second tab").wait_for()
    other.page.close()
    start.page.once("dialog", lambda dialog: dialog.accept())
    start.button("Reset page").click()
    assert start.page.locator(".cell_input", has_text="tab'").count() == 0
    assert start.page.evaluate("Object.keys(localStorage).filter((k) => k.includes('edits'))") == []


# --- Where there is no network, no server, no WebAssembly ---


def test_after_the_first_run_the_site_runs_without_a_network(
    browser: Any, site: Path, server: Server
) -> None:
    with closing(Server(site)) as own, window(browser, own.origin) as opened:
        chapter = Running(opened, START)
        chapter.run(chapter.find("%load_ext minirt"))
        opened.page.wait_for_function(IS_KEPT, arg=f"{own.origin}pages.gzip")
        loaded = sum(size for _, size in own.sent)
        print(f"the first visit, all pages kept: {loaded:,} bytes")
        own.close()
        began = time.perf_counter()
        chapter.open()
        assert chapter.run(chapter.find("%load_ext minirt")).startswith("Ran")
        print(f"the second visit: 0 bytes, {time.perf_counter() - began:.1f} s to the first result")
        opened.open("notebooks/08_nodes_order.html")
        assert opened.page.title().startswith("08")


def test_a_page_that_was_opened_from_a_disk_says_that_it_needs_a_server(
    browser: Any, site: Path, server: Server
) -> None:
    with window(browser, site.as_uri() + "/") as opened:
        chapter = Running(opened, START)
        assert "not while it is opened from a disk" in chapter.status
        assert opened.page.get_by_role("button", name=re.compile("^Run")).count() == 0
    assert (opened.errors, opened.outside) == ([], [])


def test_a_browser_without_webassembly_is_told_so(browser: Any, server: Server) -> None:
    with window(browser, server.origin) as opened:
        opened.page.add_init_script("delete globalThis.WebAssembly")
        assert "this browser has no WebAssembly" in Running(opened, START).status


def test_a_network_that_fails_is_told_and_the_next_run_tries_again(
    browser: Any, server: Server
) -> None:
    with window(browser, server.origin, service_workers="block") as opened:
        chapter = Running(opened, START)
        opened.page.route("**/*.gzip", lambda route: route.abort())
        chapter.run(chapter.find("%load_ext minirt"))
        assert "The network is gone" in chapter.status
        opened.page.unroute("**/*.gzip")
        opened.page.route("**/*.gzip", lambda route: route.fulfill(status=404))
        chapter.run(chapter.find("%load_ext minirt"))
        assert "Reload it" in chapter.status
