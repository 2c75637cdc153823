"""Do the cells run in Firefox, too?"""

import time
from pathlib import Path

import pytest

from .conftest import leave_out
from .firefox import firefox

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(400)]
RESTS = """document.querySelector(".minirt-toolbar").dataset.kind !== "busy"
    && !document.querySelector('.minirt-play[aria-label^="Stop"]')"""
STATUS = 'document.querySelector(".minirt-status").textContent'
PRESS = 'document.querySelector("{}").click()'
TEXT = 'document.querySelector("[data-cell] {}").textContent'


def test_a_chapter_runs_and_stops_in_firefox(runtime: str, origin: str, tmp_path: Path) -> None:
    if runtime:
        leave_out(f"the pages have no Run buttons: {runtime}")
    with firefox(tmp_path) as page:
        page.open(f"{origin}notebooks/06_the_event_loop.html")
        began = time.perf_counter()
        page.says(PRESS.format(".minirt-play"))
        page.wait(RESTS)
        assert page.says(TEXT.format(".minirt-said")).startswith("Ran")
        print(f"Firefox: {time.perf_counter() - began:.1f} s to the first result")
        page.says(PRESS.format(".minirt-main"))
        page.wait(RESTS)
        assert page.says(STATUS).startswith("Ran")
        page.says(PRESS.format("[data-cell] pre"))
        page.wait("document.querySelector('.cm-content')")
        page.says(
            "getSelection().selectAllChildren(document.querySelector('.cm-content')),"
            "document.execCommand('insertText', false, 'while True: pass')"
        )
        page.says(PRESS.format(".minirt-play"))
        page.wait(f"{TEXT.format('.minirt-said')}.startsWith('Runs for')")
        page.says(PRESS.format(".minirt-play"))
        page.wait(RESTS)
        assert page.says(STATUS).startswith("Stopped. The names are gone")
        assert page.errors == []
