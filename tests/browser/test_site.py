"""Do the chapters read well as pages, with no kernel and no network?

The site is built once. Then each page is opened once, at night and by day, wide and narrow, and the
tests look at what was found there. Whatever is not the site itself is out of reach of the browser.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import nbformat
import pytest

from .conftest import ROOT, axe
from .pages import THEMES, Window, window

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
WORD = "debounce"  # of chapter 04
START = "notebooks/00_start_here.html"
JUDGED = ("00_start_here", "06_the_event_loop", "09_from_callbacks_to_await")  # of the chapters
SHOWN = ("index", "00_start_here", "06_the_event_loop")  # pictures for a person to look at
WIDTHS = (1300, 400)
OUT_OF_REACH = """() => [...document.querySelectorAll("article pre")].filter((code) =>
    code.scrollWidth > code.clientWidth && code.tabIndex !== 0).map((code) => code.outerHTML)"""


@pytest.fixture
def reader(browser: Any, origin: str) -> Iterator[Window]:
    """A window for one test; at the end it may have had no error and asked nobody outside."""
    with window(browser, origin) as opened:
        yield opened
    assert (opened.errors, opened.outside) == ([], [])


# --- Each page once ---


@dataclass
class Visit:
    """What was found on one page."""

    errors: list[str]
    outside: list[str]
    views: int  # live views that have their recording
    questions: int
    before: str | None  # the page that its "previous" leads to, and its "next"
    after: str | None
    sideways: dict[int, int]  # width of the window -> by how much the page is wider
    out_of_reach: list[str]  # code that scrolls in a narrow window, and no key gets there
    faults: dict[str, list[str]]  # theme -> what axe-core found


def visit(opened: Window, path: str, is_judged: bool) -> Visit:
    errors, outside = len(opened.errors), len(opened.outside)
    page = opened.open(path).page
    faults = {}
    for theme, rules in THEMES.items() if is_judged else ():
        opened.choose(theme)
        faults[theme] = opened.faults(rules)
        if Path(path).stem in SHOWN:
            name = "_".join(Path(path).with_suffix("").parts)  # two pages are called index
            opened.shot(f"{name}_{theme}")
    sideways = {}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 1000})
        opened.frames()
        sideways[width] = page.evaluate("document.documentElement.scrollWidth") - width
    out_of_reach = page.evaluate(OUT_OF_REACH)
    page.set_viewport_size({"width": WIDTHS[0], "height": 1000})
    return Visit(
        errors=opened.errors[errors:],
        outside=opened.outside[outside:],
        views=page.locator('.minirt-live[data-mode="recorded"]').count(),
        questions=page.locator(".minirt-quiz-box").count(),
        before=leads_to(page, "a.prev-page"),
        after=leads_to(page, "a.next-page"),
        sideways=sideways,
        out_of_reach=out_of_reach,
        faults=faults,
    )


def leads_to(page: Any, link: str) -> str | None:
    found = page.locator(link)
    return Path(urlsplit(found.evaluate("(a) => a.href")).path).stem if found.count() else None


@pytest.fixture(scope="session")
def visits(browser: Any, site: Path, origin: str) -> dict[str, Visit]:
    """{path: what was found there}, of every page, but of the listings of code only some"""
    pages = sorted(site.rglob("*.html"))
    listings = [page for page in pages if site / "minirt" in page.parents]
    # a listing is code in a frame, one as the other: the longest and the shortest are judged, and
    # of those between them some are opened
    listings.sort(key=lambda page: page.stat().st_size)
    alike = set(listings[1:-1])
    pages = [page for page in pages if page not in alike or page in listings[1:-1:10]]
    with window(browser, origin) as opened:
        opened.page.add_init_script(path=axe())
        return {
            page.relative_to(site).as_posix(): visit(
                opened,
                page.relative_to(site).as_posix(),
                page not in alike and (page.parent.name != "notebooks" or page.stem in JUDGED),
            )
            for page in pages
        }


def test_every_chapter_has_its_page(visits: dict[str, Visit]) -> None:
    chapters = {f"notebooks/{path.stem}.html" for path in NOTEBOOKS}
    assert len(chapters) >= 9
    assert {"index.html", "search.html", *chapters} <= set(visits)


def test_no_page_has_an_error(visits: dict[str, Visit]) -> None:
    assert {path: seen.errors for path, seen in visits.items() if seen.errors} == {}


def test_no_page_asks_another_host(visits: dict[str, Visit]) -> None:
    assert {path: seen.outside for path, seen in visits.items() if seen.outside} == {}


def test_a_request_to_another_host_would_be_noticed(browser: Any, origin: str) -> None:
    with window(browser, origin) as opened:
        opened.open("index.html")
        opened.page.evaluate("fetch('https://example.com/').catch(() => null)")
        assert opened.outside == ["https://example.com/"]


def test_no_page_scrolls_sideways(visits: dict[str, Visit]) -> None:
    found = {path: seen.sideways for path, seen in visits.items()}
    assert {path: wider for path, wider in found.items() if max(wider.values()) > 0} == {}


def test_code_that_scrolls_is_in_reach_of_the_keyboard(visits: dict[str, Visit]) -> None:
    assert {path: seen.out_of_reach for path, seen in visits.items() if seen.out_of_reach} == {}


@pytest.mark.parametrize("theme", THEMES)
def test_no_page_violates_wcag_aa(theme: str, visits: dict[str, Visit]) -> None:
    found = {path: seen.faults[theme] for path, seen in visits.items() if seen.faults}
    assert len(found) > len(JUDGED) + 3
    assert {path: faults for path, faults in found.items() if faults} == {}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_saved_view_plays_and_every_question_answers(
    path: Path, visits: dict[str, Visit]
) -> None:
    notebook = nbformat.read(path, as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    html = [output.get("data", {}).get("text/html", "") for output in outputs]
    seen = visits[f"notebooks/{path.stem}.html"]
    assert seen.views == sum('data-kind="minirt.views.live.LiveView"' in one for one in html) >= 1
    assert seen.questions == sum('data-kind="minirt.exercises.quiz"' in one for one in html) >= 1


# --- The recorded view ---


def position(view: Any) -> tuple[int, int]:
    """(the event that is shown, how many there are)"""
    at, count = view.locator(".mr-position").inner_text().split(" / ")
    return int(at), int(count)


def test_the_recorded_view_shows_another_moment(reader: Window) -> None:
    view = reader.open(START).page.locator(".minirt-live")
    _, count = position(view)
    assert view.locator(".mr-state").inner_text() == "Ended"
    at_the_end = view.inner_text()
    view.get_by_label("Event of the recording").fill(str(count // 2))
    reader.frames()
    assert position(view) == (count // 2 + 1, count)
    assert view.locator(".mr-state").inner_text() == "Recorded"
    time = view.locator(".mr-time").inner_text()
    assert 0 < float(time.split()[0]) < 3
    assert time in view.locator(".mr-events [aria-current]").inner_text()
    view.get_by_role("button", name="Last event").click()
    reader.frames()
    assert view.inner_text() == at_the_end


def test_the_recorded_view_plays_to_its_end(reader: Window) -> None:
    view = reader.open(START).page.locator(".minirt-live")
    _, count = position(view)
    view.get_by_role("button", name="First event").click()
    view.get_by_label("Playback speed").select_option("4")
    view.get_by_role("button", name="Play", exact=True).click()
    passed = reader.page.evaluate(
        """count => new Promise((done) => {
            const seen = new Set();
            const look = () => {
                const [at] = document.querySelector(".mr-position").textContent.split(" / ");
                seen.add(Number(at));
                if (Number(at) === count) done([...seen]); else requestAnimationFrame(look);
            };
            look();
        })""",
        count,
    )
    assert passed == sorted(passed) and len(passed) > 2  # fewer on a busy machine
    assert view.locator(".mr-state").inner_text() == "Ended"


def test_an_identity_is_followed_through_its_life(reader: Window) -> None:
    view = reader.open(START).page.locator(".minirt-live")
    view.get_by_label("Event of the recording").fill(str(position(view)[1] // 2))
    reader.frames()
    view.locator("[aria-label=Timers] .mr-link").first.click()
    reader.frames()
    kinds = view.locator(".mr-biography .mr-kind").all_inner_texts()
    assert kinds[:3] == ["identity", "boxed", "queued"]


def test_every_control_of_the_view_is_within_a_narrow_page(reader: Window) -> None:
    reader.page.set_viewport_size({"width": WIDTHS[1], "height": 1000})
    view = reader.open(START).page.locator(".minirt-live")
    reader.frames()
    cut_off = view.evaluate(
        """(view) => {
            const { left, right } = view.getBoundingClientRect();
            const parts = [...view.querySelectorAll("button, input, select, .mr-position")];
            return parts.filter((one) => {
                const box = one.getBoundingClientRect();
                return box.width > 0 && (box.left < left || box.right > right);
            }).map((one) => one.outerHTML);
        }"""
    )
    assert cut_off == []


def test_the_first_page_opens_in_the_midst_of_the_run(reader: Window) -> None:
    view = reader.open("index.html").page.locator(".minirt-live")
    view.locator('.mr-header[data-state="recorded"]').wait_for()
    at, count = position(view)
    assert count // 2 < at < count


def test_a_run_is_shown_once_as_a_view_and_not_again_as_a_picture(reader: Window) -> None:
    page = reader.open(START).page
    pictures = [
        text
        for cell in nbformat.read(NOTEBOOKS[0], as_version=4).cells
        for output in cell.get("outputs", [])
        if '"minirt-picture"><img' in (text := output.get("data", {}).get("text/html", ""))
    ]
    assert page.locator(".minirt-picture img").count() == len(pictures)
    hidden = page.locator(".minirt-widget .minirt-picture img")
    assert hidden.count() == 1 and not hidden.is_visible()
    assert page.locator(".minirt-picture img:visible").count() == len(pictures) - 1


def test_without_scripts_the_picture_and_the_folded_answers_are_there(
    browser: Any, origin: str
) -> None:
    with window(browser, origin, java_script_enabled=False) as opened:
        opened.page.goto(origin + START)
        picture = opened.page.locator(".minirt-widget .minirt-picture img")
        assert picture.is_visible()
        assert "turns of the loop" in picture.get_attribute("alt")
        answers = opened.page.locator(".minirt-widget details", has_text="Waiting overlaps")
        answers.locator("summary").click()
        assert "Right, “" in answers.locator("p").inner_text()


def test_a_question_answers_what_is_chosen_and_its_code_does_not_tell_it(reader: Window) -> None:
    page = reader.open(START).page
    assert "predict(" not in page.locator("article").inner_text()
    question = page.locator(".minirt-quiz-box")
    question.get_by_role("button", name="The loop reads faster").click()
    assert question.get_by_role("status").inner_text().startswith("✗ Not that one")
    question.get_by_role("button", name="Waiting overlaps").click()
    assert question.get_by_role("status").inner_text().startswith("✓ Right after 2 tries")


def test_an_answer_is_folded_until_a_reader_has_chosen(reader: Window) -> None:
    page = reader.open("notebooks/01_identity.html").page
    folded = page.locator("details.hide")
    answer = folded.first.get_by_text("two questions, 1 callback waits")
    assert folded.count() >= 4 and not answer.is_visible()
    page.locator(".minirt-quiz-box").first.get_by_role("button", name="2").click()
    assert answer.is_visible()
    assert not folded.nth(1).get_by_text("is it taken?").is_visible()
    folded.nth(1).locator("summary").click()
    assert folded.nth(1).get_by_text("is it taken?").is_visible()


def test_the_appendix_is_folded_and_a_link_into_it_unfolds_it(reader: Window) -> None:
    page = reader.open("notebooks/02_callback_boxing.html").page
    inside = page.get_by_role("heading", name="A phase that was left in the middle")
    assert not inside.is_visible()
    page.get_by_role("link", name="appendix").first.click()
    assert inside.is_visible()


def test_the_first_page_leads_to_the_glossary(reader: Window) -> None:
    page = reader.open("index.html").page
    page.get_by_role("link", name="glossary").click()
    reader.wait()
    assert page.locator("section#glossary li", has_text="microtask").first.is_visible()


def test_a_page_that_was_opened_from_a_disk_plays_too(browser: Any, site: Path) -> None:
    with window(browser, site.as_uri() + "/") as opened:
        view = opened.open(START).page.locator(".minirt-live")
        view.get_by_role("button", name="First event").click()
        opened.frames()
        assert position(view)[0] == 1
        opened.page.get_by_role("link", name="Next").click()
        opened.wait()
        assert opened.page.title().startswith("01 · Identity")
        assert (opened.errors, opened.outside) == ([], [])


# --- Finding one's way ---


def test_search_finds_a_word_and_leads_to_its_page(reader: Window) -> None:
    page = reader.open("index.html").page
    page.get_by_role("searchbox").or_(page.get_by_placeholder("Search")).first.fill(WORD)
    page.keyboard.press("Enter")
    page.locator("#search-results li a").first.wait_for()
    assert f"search.html?q={WORD}" in page.url
    result = page.locator("#search-results li a").first
    title = result.inner_text()
    result.click()
    reader.wait()
    assert page.locator("h1").first.inner_text().startswith(title)
    assert WORD in page.locator("article").inner_text().lower()


def test_next_and_previous_lead_through_all_chapters(visits: dict[str, Visit]) -> None:
    names = [path.stem for path in NOTEBOOKS]
    seen = [visits["index.html"], *(visits[f"notebooks/{name}.html"] for name in names)]
    assert [one.after for one in seen[:-1]] == names
    assert [one.before for one in seen] == [None, "index", *names[:-1]]


def test_a_link_in_the_text_leads_to_its_chapter(reader: Window) -> None:
    page = reader.open(START).page
    page.locator("article table").get_by_role("link", name="05 epoll").click()
    reader.wait()
    assert page.locator("h1").inner_text().startswith("05 · epoll")


def test_a_link_to_the_package_leads_to_that_file(reader: Window) -> None:
    page = reader.open("notebooks/05_epoll.html").page
    page.locator("article").get_by_role("link", name="epoll.py").first.click()
    reader.wait()
    source = (ROOT / "minirt" / "core" / "epoll.py").read_text(encoding="utf-8")
    assert page.locator("article pre").inner_text().strip() == source.strip()


def test_the_choice_of_light_or_dark_holds_and_the_view_follows(reader: Window) -> None:
    page = reader.open(START).page

    def grounds() -> tuple[str, str]:
        return tuple(  # type: ignore[return-value]
            page.locator(place).first.evaluate("(part) => getComputedStyle(part).backgroundColor")
            for place in ("body", ".minirt-live")
        )

    reader.choose("light")
    light = grounds()
    reader.choose("dark")
    dark = grounds()
    assert all(
        sum(channels(one)) < 150 < 600 < sum(channels(other))
        for one, other in zip(dark, light, strict=True)
    )
    reader.open("notebooks/01_identity.html")
    assert grounds() == dark


def channels(colour: str) -> list[int]:
    """[red, green, blue]"""
    return [int(part) for part in re.findall(r"\d+", colour)[:3]]


# --- Links ---


class Page(HTMLParser):
    """The addresses that a page names, and the anchors that it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name in ("href", "src", "action") and value:
                self.addresses.append(value)
            elif name in ("id", "name") and value:
                self.anchors.add(value)


def broken(page: Path, address: str, pages: dict[Path, Page]) -> bool:
    parts = urlsplit(address)
    if parts.scheme == "data":
        return False
    if parts.scheme or parts.netloc:
        return not (parts.scheme == "https" and "." in parts.netloc and " " not in address)
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    anchors = pages[target].anchors if target in pages else set()
    return not target.is_file() or (bool(parts.fragment) and unquote(parts.fragment) not in anchors)


def test_every_link_leads_somewhere(site: Path) -> None:
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    named = [(path, address) for path, page in pages.items() for address in page.addresses]
    assert len(named) > 1000
    assert [(path.name, address) for path, address in named if broken(path, address, pages)] == []


def test_every_address_in_a_style_sheet_is_there(site: Path) -> None:
    named = [
        (sheet, address)
        for sheet in site.rglob("*.css")
        for address in re.findall(r"url\(([^)]*)\)", sheet.read_text(encoding="utf-8"))
    ]
    missing = [
        (sheet.name, address)
        for sheet, address in named
        if not address.strip("\"'").startswith("data:")
        and not (sheet.parent / urlsplit(address.strip("\"'")).path).is_file()
    ]
    assert missing == []


def test_the_command_says_where_the_site_is_and_how_to_serve_it(built: tuple[Path, str]) -> None:
    folder, printed = built
    assert (folder / "index.html").is_file()
    assert str(folder / "index.html") in printed
    assert f"-m http.server --bind 127.0.0.1 --directory {folder}" in printed


def test_make_site_runs_what_is_tested_here() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^site: .*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert recipe and "$(BIN)/python site/build.py" in recipe[1]
