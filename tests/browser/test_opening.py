"""Does opening a chapter change anything?

JupyterLab compares what a notebook says of its kernel and its language with the kernel that it
starts, and marks the notebook as modified when the two differ. Then it saves it, and a reader who
has done nothing finds each chapter changed.
"""

import json
import platform
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from difflib import unified_diff
from pathlib import Path
from typing import Any

import pytest

from .conftest import KERNEL_IS_IDLE, PATIENCE, Lab, Notebook, a_page, chromium

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
WHAT_IS_THERE = """async () => {
    const panel = jupyterapp.shell.currentWidget;
    const { context, sessionContext } = panel;
    await context.ready;
    await sessionContext.session.kernel.info;
    await sessionContext.session.kernel.spec;
    await new Promise((done) => { setTimeout(done, 0); });  // who waited for them as well is done
    return {
        dirty: context.model.dirty,
        mark: panel.title.className.includes("jp-mod-dirty"),
        content: context.model.toJSON(),
    };
}"""

OF_MAKE_LAB = Path(sys.prefix, "etc", "jupyter", "jupyter_server_config.py")
IS_MARKED = "jupyterapp.shell.currentWidget.title.className.includes('jp-mod-dirty')"

# Widgets are saved as on Binder, and each cell is drawn at once, as if all had been read
SETTINGS = {
    "@jupyter-widgets/jupyterlab-manager:plugin": {"saveState": True},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}
# Open a notebook with the kernel of the one that is open already, wait for all that Lab does
# by itself, save it, and close it again.
OPEN_AND_SAVE = """async path => {
    const { shell, commands } = jupyterapp;
    const { kernel } = shell.currentWidget.sessionContext.session;
    const { id, name } = kernel;
    const panel = await commands.execute(
        "docmanager:open", { path, factory: "Notebook", kernel: { id, name } });
    const { context, sessionContext, content } = panel;
    await context.ready;
    await sessionContext.ready;
    await sessionContext.session.kernel.info;
    await panel.revealed;
    const isThere = (cell) => cell.isAttached && !cell.isPlaceholder();
    while (!content.widgets.every(isThere)) await new Promise(requestAnimationFrame);
    for (let frame = 0; frame < 10; frame += 1) await new Promise(requestAnimationFrame);
    const dirty = context.model.dirty;
    await context.save();
    panel.close();
    return [dirty, sessionContext.session?.kernel?.id === id];
}"""

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

Open = Callable[..., Notebook]


def opened(notebook: Notebook) -> Any:
    """What JupyterLab holds when the kernel of the notebook is there."""
    notebook.page.wait_for_function(KERNEL_IS_IDLE, timeout=4 * PATIENCE)
    there = notebook.page.evaluate(WHAT_IS_THERE)
    notebook.frames()
    return there


class OurLab(Lab):
    """As `make lab` starts it, and Binder."""

    def _command(self) -> list[str]:
        return [*super()._command(), f"--config={ROOT / 'binder' / 'jupyter_server_config.py'}"]

    @staticmethod
    def _quiet(settings: Path) -> None:
        Lab._quiet(settings)
        for plugin, chosen in SETTINGS.items():
            file = settings / f"{plugin.replace(':', '/')}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(chosen), encoding="utf-8")


@pytest.fixture(scope="module")
def our_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    chromium()
    served = OurLab(tmp_path_factory.mktemp("our-lab"))
    yield served
    served.close()


@pytest.fixture
def open_in(browser: Any) -> Iterator[Open]:
    """Opens a notebook in a page of its own, in any Lab."""
    with ExitStack() as pages:
        yield lambda lab, name: pages.enter_context(a_page(browser, lab, name))


def by_another(path: Path) -> str:
    """The text of a notebook that another Python has written."""
    text = path.read_text(encoding="utf-8")
    changed = re.sub(r'"version": "3\.\d+\.\d+"', '"version": "3.11.99"', text, count=1)
    assert changed != text
    return changed


def test_all_chapters_say_the_same_of_their_kernel_and_their_language() -> None:
    """So what is true of one of them when it is opened is true of all."""
    said = []
    for path in CHAPTERS:
        metadata = json.loads(path.read_text(encoding="utf-8"))["metadata"]
        said.append((metadata["kernelspec"], metadata["language_info"]))
    assert said == [said[0]] * len(CHAPTERS)


@pytest.mark.parametrize("path", [CHAPTERS[0], CHAPTERS[-1]], ids=lambda path: path.stem)
def test_a_chapter_that_was_only_opened_is_not_modified(
    path: Path, our_lab: Lab, open_in: Open
) -> None:
    written = by_another(path)
    copy = our_lab.folder / path.name
    copy.write_text(written, encoding="utf-8")
    there = opened(open_in(our_lab, path.name))
    kept = json.loads(written)["metadata"]
    kept["language_info"]["version"] = there["content"]["metadata"]["language_info"]["version"]
    assert there["content"]["metadata"] == kept
    assert not there["dirty"] and not there["mark"]
    assert copy.read_text(encoding="utf-8") == written


def test_a_chapter_that_was_opened_and_saved_has_the_bytes_that_it_had(
    our_lab: Lab, open_in: Open
) -> None:
    written = {path.name: by_another(path) for path in CHAPTERS}
    for name, text in written.items():
        (our_lab.folder / name).write_text(text, encoding="utf-8")
    notebook = open_in(our_lab, our_lab.write("the_first", "1 + 1"))
    notebook.page.wait_for_function(KERNEL_IS_IDLE, timeout=4 * PATIENCE)
    for name, text in written.items():
        saved = notebook.page.evaluate(OPEN_AND_SAVE, name)
        assert saved == [False, True], name
        kept = (our_lab.folder / name).read_text(encoding="utf-8")
        assert kept == text, "\n".join(
            list(unified_diff(text.splitlines(), kept.splitlines(), name))[:9]
        )


def test_by_the_python_that_wrote_it_it_is_opened_unchanged_in_any_lab(
    lab: Lab, open_in: Open
) -> None:
    path = CHAPTERS[0]
    kept = json.loads(path.read_text(encoding="utf-8"))
    if kept["metadata"]["language_info"]["version"] != platform.python_version():
        pytest.skip("another Python wrote the chapters")
    there = opened(open_in(lab, lab.copy(path)))
    assert there["content"]["metadata"] == kept["metadata"]
    assert not there["dirty"] and not there["mark"]


@pytest.mark.skipif(OF_MAKE_LAB.exists(), reason="make lab has told this environment's Lab")
def test_lab_by_itself_calls_a_chapter_of_another_python_modified(lab: Lab, open_in: Open) -> None:
    """So the tests above would see it."""
    (lab.folder / "another.ipynb").write_text(by_another(CHAPTERS[0]), encoding="utf-8")
    notebook = open_in(lab, "another.ipynb")
    assert opened(notebook)["dirty"]
    notebook.page.wait_for_function(IS_MARKED, timeout=PATIENCE)
