"""Does a reader who comes through Binder get what a reader at home gets?"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from tests.notebooks import widget_views

from .binder import PREFIX, ROOT, BinderServer
from .conftest import PATIENCE, SHOTS, Notebook, chromium

FIRST = "notebooks/00_start_here.ipynb"
MOST_MEMORY = 500  # MB for a kernel with its live view: Binder gives one to two GB for everything

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="Binder is Linux, and so is /proc"),
]


@pytest.fixture(scope="module")
def binder() -> Iterator[BinderServer]:
    chromium()
    with BinderServer() as server:
        yield server


class OnBinder(Notebook):
    """Opened by the address that the README's link leads to."""

    def open(self, more: str = "") -> None:
        self.page.goto(self.lab.url(f"lab/tree/{self._name}") + more)
        self.page.wait_for_function("window.jupyterapp !== undefined", timeout=PATIENCE)


@pytest.fixture(scope="module")
def start(binder: BinderServer, browser: Any) -> Iterator[OnBinder]:
    """The first notebook after all its cells have run."""
    context = browser.new_context(viewport={"width": 1400, "height": 2100})
    notebook = OnBinder(context.new_page(), binder, FIRST)
    notebook.run()
    notebook.wait_until_all_ran()
    notebook.wait_for_recording()
    yield notebook
    context.close()


def kernel_of(server: BinderServer) -> psutil.Process:
    children = psutil.Process(server.process.pid).children(recursive=True)
    (kernel,) = [child for child in children if "ipykernel_launcher" in child.cmdline()]
    return kernel


def test_the_server_is_not_root_and_may_write_to_the_checkout_only(binder: BinderServer) -> None:
    assert 0 not in psutil.Process(binder.process.pid).uids()
    assert binder.attempt("touch", binder.home / "x").returncode != 0
    assert binder.attempt("touch", binder.checkout / "x").returncode == 0


def test_the_address_has_a_prefix_and_needs_the_token(binder: BinderServer) -> None:
    assert binder.get("api/status")["kernels"] >= 0
    assert binder.status(binder.url("api/status").partition("?")[0]) == 403
    assert binder.status(binder.url("api/status").replace(PREFIX, "/")) == 404


def test_lab_has_the_settings_of_the_overrides(binder: BinderServer) -> None:
    widgets = binder.get("lab/api/settings/@jupyter-widgets/jupyterlab-manager:plugin")
    assert widgets["schema"]["properties"]["saveState"]["default"] is True
    news = binder.get("lab/api/settings/@jupyterlab/apputils-extension:notification")
    assert news["schema"]["properties"]["fetchNews"]["default"] == "false"


def test_the_first_notebook_runs_without_an_error(start: OnBinder) -> None:
    assert start.surprises() == []
    assert start.errors == []
    assert start.page.url.partition("?")[0].endswith(f"{PREFIX}lab/tree/{FIRST}")


def test_the_live_view_is_shown_and_recorded(start: OnBinder) -> None:
    start.view.scroll_into_view_if_needed()  # Lab draws what is in sight
    start.frames()
    assert start.view.is_visible()
    assert "500 ms more are over" in start.view.inner_text()
    events = start.text("position").split(" / ")[1]
    assert int(events) > 100
    start.page.screenshot(path=SHOTS / "binder.png")


def test_nothing_covers_the_page(start: OnBinder) -> None:
    assert start.page.locator(".jp-Dialog, .Toastify__toast").count() == 0


def test_a_saved_notebook_keeps_its_live_view(binder: BinderServer, start: OnBinder) -> None:
    start.command("docmanager:save")
    start.page.wait_for_function("() => !jupyterapp.shell.currentWidget.context.model.dirty")
    saved = nbformat.read(binder.checkout / FIRST, as_version=4)
    outputs = [output for cell in saved.cells for output in cell.get("outputs", [])]
    assert list(widget_views(outputs)) == []  # a widget would need this kernel
    html = [output.get("data", {}).get("text/html", "") for output in outputs]
    views = [one for one in html if 'data-kind="minirt.views.live.LiveView"' in one]
    committed = (ROOT / FIRST).read_text(encoding="utf-8")
    assert views and json.dumps(views[0])[1:-1] not in committed  # it is of this run


def test_the_kernel_takes_less_than_half_a_gigabyte(
    binder: BinderServer, start: OnBinder, capsys: pytest.CaptureFixture[str]
) -> None:
    kernel = kernel_of(binder)
    status = Path(f"/proc/{kernel.pid}/status").read_text(encoding="utf-8")
    most = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1000  # type: ignore[index]
    now = kernel.memory_full_info().pss / 1e6
    with capsys.disabled():
        print(f"\nthe kernel of notebook 00: {now:.0f} MB now (PSS), {most:.0f} MB at most (RSS)")
    assert now < MOST_MEMORY and most < MOST_MEMORY
