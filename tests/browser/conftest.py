"""A real JupyterLab on loopback, the site, and the system's Chromium, for every test of a page."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import nbformat
import pytest
from nbformat.sign import NotebookNotary
from nbformat.v4 import new_code_cell, new_notebook

from tests.once import once
from tests.ports import free_port

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SIZE = {"width": 1000, "height": 2100}  # of a window, where a test wants no other
SHOTS = HERE / "shots"  # where the tests leave pictures for a person to look at
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HOW_TO_GET_CHROMIUM = (
    "these tests drive the system's Chromium, and there is none. Debian: apt install chromium; "
    "macOS: brew install --cask chromium. Or leave them out: pytest -m 'not browser'"
)
HOW_TO_GET_TOOLS = "the browser tests need {}: pip install -e '.[lab,test]'"
PATIENCE = 40_000  # ms: a shared machine is slow at times
KERNEL_IS_IDLE = """() => {
    const session = window.jupyterapp?.shell.currentWidget?.sessionContext?.session;
    return session?.kernel?.status === "idle";
}"""
ASK = """async () => {
    const { kernel } = jupyterapp.shell.currentWidget.sessionContext.session;
    await kernel.requestKernelInfo();
    return null;
}"""
FORGET_VIEWS = "document.querySelectorAll('.minirt-live').forEach((view) => view.remove())"
RUN_ALL = """() => {
    window.ran = false;
    jupyterapp.commands.execute("notebook:run-all-cells").then(() => { window.ran = true; });
    return null;
}"""
RAN_ALL = """() => {
    const cells = jupyterapp.shell.currentWidget.content.model.sharedModel.cells;
    return cells.every((cell) => cell.cell_type !== "code" || !cell.source.trim()
        || (cell.execution_count ?? 0) > 0);
}"""
CELLS = """() => jupyterapp.shell.currentWidget.content.model.sharedModel.cells.map((cell) => [
    (cell.metadata.tags ?? []).includes("raises-exception"),
    JSON.parse(JSON.stringify(cell.outputs ?? []))])"""
OUTPUTS = """() => jupyterapp.shell.currentWidget.content.model.sharedModel.cells.map(
    (cell) => JSON.parse(JSON.stringify(cell.outputs ?? [])))"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(300))  # s; the first one builds the site


def chromium() -> str:
    """The path of a Chromium, or the test is skipped; in continuous integration it fails."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = [path for path in map(shutil.which, names) if path]
    return found[0] if found else leave_out(HOW_TO_GET_CHROMIUM)


def tool(module: str) -> Any:
    """A module of the tests' tools, or the test is skipped; in continuous integration it fails."""
    try:
        return import_module(module)
    except ImportError:
        leave_out(HOW_TO_GET_TOOLS.format(module.partition(".")[0]))


def leave_out(why: str) -> NoReturn:
    """Skip the test. In continuous integration nobody would notice, so there it fails."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


def wait_for_server(server: Any) -> None:
    """Until it answers; fails with its log when it does not."""
    until = time.monotonic() + 60
    while time.monotonic() < until and server.process.poll() is None:
        try:
            urllib.request.urlopen(server.url("api"), timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"JupyterLab did not start:\n{server.log.read_text()[-2000:]}")


class Lab:
    """A JupyterLab that serves one temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "notebooks"
        self.folder.mkdir()
        self.token = secrets.token_hex(16)
        self.port = free_port()
        self.log = folder / "lab.log"
        self._quiet(folder / "settings")
        environment = {
            **os.environ,
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
            "IPYTHONDIR": str(folder / "ipython"),
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self._command(), env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        wait_for_server(self)

    def _command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            *("--expose-app-in-browser", "--ServerApp.ip=127.0.0.1"),
            *(f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0"),
            *(f"--IdentityProvider.token={self.token}", f"--ServerApp.root_dir={self.folder}"),
        ]

    @staticmethod
    def _quiet(settings: Path) -> None:
        """Lab asks about its news in a box that covers the page."""
        folder = settings / "@jupyterlab" / "apputils-extension"
        folder.mkdir(parents=True)
        chosen = {"fetchNews": "false", "checkForUpdates": False}
        (folder / "notification.jupyterlab-settings").write_text(json.dumps(chosen))

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}?token={self.token}"

    def setting(self, plugin: str, chosen: str) -> None:
        """Set what a page that is opened from now on finds in its settings."""
        body = json.dumps({"raw": chosen}).encode()
        request = urllib.request.Request(
            self.url(f"lab/api/settings/{plugin}"), data=body, method="PUT"
        )
        urllib.request.urlopen(request, timeout=20).close()

    def write(self, name: str, *sources: str) -> str:
        """A notebook of these cells."""
        cells = [new_code_cell(source.strip("\n")) for source in sources]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel})
        nbformat.write(notebook, self.folder / f"{name}.ipynb")
        return f"{name}.ipynb"

    def copy(self, path: Path) -> str:
        shutil.copy(path, self.folder / path.name)
        return path.name

    def trust(self, name: str) -> None:
        """Lab shows its outputs as those of a notebook that the reader ran."""
        notary = NotebookNotary(data_dir=str(self.folder.parent / "data"))
        notary.sign(nbformat.read(self.folder / name, as_version=4))

    def copy_folder(self, path: Path) -> None:
        shutil.copytree(path, self.folder / path.name, dirs_exist_ok=True)

    def close(self) -> None:
        end(self.process)


def end(process: "subprocess.Popen[bytes]") -> None:
    """Ask it to end, and see to it."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Notebook:
    """One notebook, open in one page."""

    def __init__(self, page: Any, lab: Lab, name: str) -> None:
        self.page = page
        page.set_default_timeout(PATIENCE)
        self.lab = lab
        self._name = name
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self._hear(str(error)))
        page.on("console", lambda said: said.type == "error" and self._hear(said.text))
        self.open("&reset")

    def _hear(self, error: str) -> None:
        # no workspace yet; its debugger, and what it asked the kernel for, after a restart
        of_lab = ("404", "debugger state", "Canceled future for create_subshell_request")
        if not any(words in error for words in of_lab):
            self.errors.append(error)

    def open(self, more: str = "") -> None:
        self.page.goto(self.lab.url(f"doc/tree/{self._name}") + more)
        self.page.wait_for_function("window.jupyterapp !== undefined", timeout=PATIENCE)

    def run(self) -> "Notebook":
        """Run all cells, and go on as soon as the view is there."""
        self.page.wait_for_function(KERNEL_IS_IDLE, timeout=PATIENCE)
        self.page.evaluate(FORGET_VIEWS)  # the recording of an earlier run is not waited for
        self.page.evaluate(RUN_ALL)
        self.page.locator(".minirt-live .mr-turn").first.wait_for(timeout=PATIENCE)
        return self

    def wait_until_ran(self) -> None:
        self.page.wait_for_function("window.ran === true", timeout=PATIENCE)

    def wait_until_all_ran(self) -> None:
        """Lab's own promise is kept early where a cell raises an exception on purpose."""
        self.page.wait_for_function(RAN_ALL, timeout=4 * PATIENCE)

    def wait_until_heard(self) -> None:
        """Until the kernel has read what the page had sent, and the page the answer."""
        self.page.evaluate(ASK)

    def command(self, name: str, arguments: dict[str, Any] | None = None) -> None:
        self.page.evaluate(
            "([name, arguments]) => jupyterapp.commands.execute(name, arguments)",
            [name, arguments or {}],
        )

    def outputs(self, cell: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.page.evaluate(OUTPUTS)[cell]
        return found

    def cells(self) -> list[tuple[bool, list[dict[str, Any]]]]:
        """(may it raise an exception?, its outputs) of each cell"""
        found: list[tuple[bool, list[dict[str, Any]]]] = self.page.evaluate(CELLS)
        return found

    def surprises(self) -> list[str]:
        """The errors that no tag of their cell announces."""
        return [
            output["evalue"]
            for allowed, outputs in self.cells()
            for output in outputs
            if output["output_type"] == "error" and not allowed
        ]

    def printed(self, cell: int) -> str:
        return "".join(o["text"] for o in self.outputs(cell) if o["output_type"] == "stream")

    @property
    def view(self) -> Any:
        return self.page.locator(".minirt-live").first

    def part(self, name: str) -> Any:
        return self.view.locator(f".mr-{name}").first

    def text(self, name: str) -> str:
        return str(self.part(name).text_content())

    def button(self, name: str) -> Any:
        return self.view.get_by_role("button", name=name, exact=True).first

    def state(self) -> str:
        return self.text("state")

    def wait_for_state(self, state: str) -> None:
        self.page.wait_for_function(
            "state => document.querySelector('.minirt-live .mr-state')?.textContent === state",
            arg=state,
            timeout=PATIENCE,
        )

    def frames(self, count: int = 12) -> None:
        """Let this many pictures of the page go by."""
        self.page.evaluate(
            """count => new Promise((done) => {
                const next = () => (count-- > 0 ? requestAnimationFrame(next) : done());
                next();
            })""",
            count,
        )

    def pause(self) -> None:
        self.button("Pause").click()
        self.wait_for_state("Paused")

    def stop(self) -> None:
        """Stop the program and wait for the recording."""
        self.button("Stop").click()
        self.wait_for_recording()

    def wait_for_recording(self) -> None:
        self.page.locator('.minirt-live[data-mode="recorded"]').first.wait_for(timeout=PATIENCE)
        self.wait_until_ran()

    def save(self) -> None:
        """Save it, and wait until it is saved."""
        self.page.evaluate("() => jupyterapp.commands.execute('docmanager:save').then(() => null)")

    def shut_down(self) -> None:
        """End its kernel, and wait until it has ended."""
        self.page.evaluate(
            "() => jupyterapp.shell.currentWidget.sessionContext.shutdown().then(() => null)"
        )

    def theme(self, name: str) -> None:
        """Choose a theme, once Lab is all there."""
        self.page.wait_for_function(KERNEL_IS_IDLE, timeout=PATIENCE)
        self.choose_theme(name)

    def choose_theme(self, name: str) -> None:
        self.command("apputils:change-theme", {"theme": name})
        self.page.wait_for_function(
            "name => document.body.dataset.jpThemeName === name", arg=name, timeout=PATIENCE
        )

    def shot(self, name: str) -> None:
        SHOTS.mkdir(exist_ok=True)
        self.view.screenshot(path=SHOTS / f"{name}.png", animations="disabled")


@contextmanager
def a_page(browser: Any, lab: Lab, name: str, **options: Any) -> Iterator[Notebook]:
    """The notebook in a page of its own, which several tests may share."""
    context = browser.new_context(**{"viewport": SIZE, **options})
    notebook = Notebook(context.new_page(), lab, name)
    yield notebook
    notebook.shut_down()
    context.close()


def axe() -> Path:
    """The script of axe-core."""
    return Path(tool("axe_playwright_python.base").AXE_FILE_PATH)


def lines_of(violations: list[dict[str, Any]]) -> list[str]:
    """What axe-core found, one line a fault."""
    return [
        f"{fault['impact']} {fault['id']}: {node['html'][:160]} {node['failureSummary']}"
        for fault in violations
        for node in fault["nodes"]
    ]


def violations(
    notebook: Notebook, where: Any, options: dict[str, Any], least: int = 6
) -> list[str]:
    """What axe-core finds there, one line a fault. least: how many rules must have been passed."""
    notebook.page.evaluate(f"() => {{ {axe().read_text(encoding='utf-8')} }}")
    results: dict[str, Any] = notebook.page.evaluate(
        "([where, options]) => axe.run(where, options)", [where, options]
    )
    assert len(results["passes"]) >= least, "axe-core looked at nothing"
    return lines_of(results["violations"])


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    chromium()
    served = Lab(tmp_path_factory.mktemp("lab"))
    yield served
    served.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    path = chromium()
    api = tool("playwright.sync_api")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


# --- The site ---


class Server(ThreadingHTTPServer):
    """A server of one folder, as simple as one can be, that counts what it sends."""

    def __init__(self, folder: Path) -> None:
        self.sent: list[tuple[str, int]] = []  # (path, bytes) of each answer
        super().__init__(("127.0.0.1", 0), partial(Quiet, directory=folder))
        self.origin = f"http://127.0.0.1:{self.server_port}/"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Nobody answers there any longer."""
        self.shutdown()
        self.server_close()


class Quiet(SimpleHTTPRequestHandler):
    server: Server

    def log_message(self, *words: Any) -> None:
        """Requests are not news."""

    def send_header(self, keyword: str, value: str) -> None:
        if keyword == "Content-Length":
            self.server.sent.append((self.path, int(value)))
        super().send_header(keyword, value)


@pytest.fixture(scope="session")
def runtime() -> str:
    """Empty, or why the site's pages have no Run buttons. Fetches what runs them, once."""
    command = [sys.executable, ROOT / "site" / "runtime.py"]
    ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=280)
    return ran.stderr if ran.returncode else ""


@pytest.fixture(scope="session")
def built(runtime: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """(the folder of the site, what the command printed)"""
    tool("myst_nb")
    return once(tmp_path_factory, "site", partial(build, runtime))


def build(runtime: str, folder: Path) -> str:
    command = [sys.executable, ROOT / "site" / "build.py", folder]
    ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=280)
    assert ran.returncode == 0 and (ran.stderr == "" or runtime), ran.stderr
    return ran.stdout


@pytest.fixture(scope="session")
def site(built: tuple[Path, str]) -> Path:
    return built[0]


@pytest.fixture(scope="session")
def origin(site: Path) -> Iterator[str]:
    with closing(Server(site)) as server:
        yield server.origin


@pytest.fixture
def open_notebook(lab: Lab, browser: Any) -> Iterator[Any]:
    """Opens a notebook in a page of its own; at the end no page may have had an error."""
    opened: list[tuple[Any, Notebook]] = []

    def open_one(name: str, **options: Any) -> Notebook:
        context = browser.new_context(**{"viewport": SIZE, **options})
        notebook = Notebook(context.new_page(), lab, name)
        opened.append((context, notebook))
        return notebook

    yield open_one
    errors = [error for _, notebook in opened for error in notebook.errors]
    for context, notebook in opened:
        notebook.page.evaluate(
            """() => window.jupyterapp?.shell.currentWidget?.sessionContext.shutdown()
                .catch(() => null)"""
        )
        context.close()
    assert errors == []
