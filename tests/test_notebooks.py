"""Are the committed notebooks clean: run in order, free of one machine's paths, well linked?"""

import base64
import copy
import platform
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from minirt.views.saved import LIVE_VIEW, STATIC, code_of, coded, saved, uncoded
from tests import notebooks
from tests.notebooks import (
    NOTEBOOKS,
    RAISES_TAGS,
    ROOT,
    comparison,
    make,
    normalise,
    renew_player,
    tags,
    widget_views,
)

PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))

OF_A_MACHINE = re.compile(
    r"(?<![\w.])(?:/home/\w|/Users/\w|/root\b|/tmp/\w|/var/folders/|/private/|/opt/\w)"
    r"|(?<![\w.])(?:/usr/lib/python|[A-Z]:\\\\?\w)"
    r"|(?<![\w/])~/\w"
    r"|(?<!\.\.\.)/(?:site|dist)-packages/"
)
BASE64 = re.compile(r"base64,[A-Za-z0-9+/=]+")
FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
INLINE_CODE = re.compile(r"`[^`\n]*`")
MARKDOWN_LINK = re.compile(r"\]\(\s*<?([^)\s>]+)")
HTML_LINK = re.compile(r"""(?:href|src)\s*=\s*["']([^"']+)["']""")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*$", re.MULTILINE)


def faults(name: str, notebook: Any, folder: Path = NOTEBOOKS) -> list[str]:
    """One sentence for each thing that a reader on another machine would stumble over."""
    found = [*path_faults(notebook), *run_faults(notebook), *link_faults(notebook, folder)]
    normal = copy.deepcopy(notebook)
    normalise(normal, name)
    if normal != notebook:
        found.append(
            "is not in its normal form. Run `python -m tests.notebooks --no-run`, or `make "
            "notebooks`."
        )
    return [f"{name}: {fault}" for fault in found]


def path_faults(notebook: Any) -> Iterator[str]:
    places = [("the metadata", notebook.metadata)]
    for number, cell in enumerate(notebook.cells, start=1):
        places.append((f"cell {number}", cell.source if cell.cell_type == "code" else ""))
        places.append((f"the metadata of cell {number}", cell.metadata))
        places += [(f"an output of cell {number}", output) for output in cell.get("outputs", [])]
    for where, content in places:
        for text in strings(content):
            match = OF_A_MACHINE.search(BASE64.sub("base64,", text))
            if match:
                around = text[max(0, match.start() - 20) : match.end() + 40]
                yield f"{where} holds a path of one machine: {around!r}"
                break


def strings(content: Any) -> Iterator[str]:
    """Every text in it, pictures left out."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        for key, value in content.items():
            if key not in {"image/png", "image/jpeg", "buffers"}:
                yield from strings(value)
    elif isinstance(content, list):
        for value in content:
            yield from strings(value)


def run_faults(notebook: Any) -> Iterator[str]:
    expected = 1
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        if cell.execution_count != expected:
            yield (
                f"cell {number} has run as number {cell.execution_count} and not as {expected}. "
                "Run the notebook from top to bottom: `make notebooks`."
            )
            return
        expected += 1
        yield from number_faults(cell)
        errors = [output for output in cell.outputs if output.output_type == "error"]
        if errors and not tags(cell) & RAISES_TAGS:
            yield f"cell {number} ends in {errors[0].ename} without the tag `raises-exception`."


def number_faults(cell: Any) -> Iterator[str]:
    """The number of a cell stands beside its result, and in the traceback of its error."""
    count = cell.execution_count
    for output in cell.outputs:
        if output.get("execution_count", count) != count:
            yield f"the result of cell [{count}] says [{output.execution_count}]."
        traceback = "".join(output.get("traceback", []))
        if "In[" in traceback and f"In[{count}]" not in traceback:
            yield f"the traceback below cell [{count}] is of another run."


def link_faults(notebook: Any, folder: Path) -> Iterator[str]:
    own = anchors(notebook)
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type != "markdown":
            continue
        for target in links(cell.source):
            complaint = link_fault(target, own, folder, cell.get("attachments", {}))
            if complaint:
                yield f"cell {number} links to {target}: {complaint}"


def links(markdown: str) -> list[str]:
    prose = INLINE_CODE.sub("", FENCED.sub("", markdown))
    return [*MARKDOWN_LINK.findall(prose), *HTML_LINK.findall(prose)]


def link_fault(target: str, own: set[str], folder: Path, attachments: dict[str, Any]) -> str | None:
    if re.match(r"[a-z][a-z0-9+.-]*:", target) and not target.startswith("attachment:"):
        return None  # the web's own
    if target.startswith("attachment:"):
        return (
            None
            if target.removeprefix("attachment:") in attachments
            else "there is no such attachment."
        )
    name, _, anchor = unquote(target).partition("#")
    if not name:
        return None if anchor in own else "no heading of this notebook has that anchor."
    path = folder / name
    if not path.exists():
        return "there is no such file."
    if not path.resolve().is_relative_to(ROOT) and not path.resolve().is_relative_to(folder):
        return "it leads out of the project."
    if (
        anchor
        and path.suffix == ".ipynb"
        and anchor not in anchors(nbformat.read(path, as_version=4))
    ):
        return "no heading of that notebook has that anchor."
    return None


def anchors(notebook: Any) -> set[str]:
    """The identities that JupyterLab gives to headings: their text with dashes for blanks."""
    found = set()
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for heading in HEADING.findall(FENCED.sub("", cell.source)):
                found.add(re.sub(r"[`*_]", "", heading).replace(" ", "-"))
            found.update(re.findall(r"""<a\s+(?:id|name)\s*=\s*["']([^"']+)["']""", cell.source))
    return found


@pytest.mark.slow
def test_the_committed_notebooks_are_clean() -> None:
    found = [
        fault for path in PATHS for fault in faults(path.name, nbformat.read(path, as_version=4))
    ]
    assert not found, "\n" + "\n".join(found)


def test_what_a_chapter_shows_needs_no_widget_when_it_is_opened_another_day() -> None:
    for path in PATHS:
        notebook = nbformat.read(path, as_version=4)
        assert "widgets" not in notebook.metadata, path.name
        views = [cell for cell in notebook.cells if any(widget_views(cell.get("outputs", [])))]
        assert not views, path.name


def test_the_links_of_the_readme_work() -> None:
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    local = [target for target in links(text) if not target.startswith("#")]
    found = [(target, link_fault(target, set(), ROOT, {})) for target in local]
    assert not [fault for fault in found if fault[1]]


# --- the checks themselves ---


def clean(*cells: Any, **metadata: Any) -> Any:
    notebook = new_notebook(cells=list(cells), metadata=metadata)
    count = 0
    for cell in notebook.cells:
        if cell.cell_type == "code":
            count += 1
            cell.execution_count = count
    normalise(notebook, "04.ipynb")
    return notebook


def only_fault(notebook: Any, folder: Path = NOTEBOOKS) -> str:
    found = faults("04.ipynb", notebook, folder)
    assert len(found) == 1, found
    return found[0]


def printed(text: str) -> Any:
    return new_code_cell("print()", outputs=[new_output("stream", text=text)])


def test_a_clean_notebook_has_no_fault() -> None:
    notebook = clean(
        new_markdown_cell(
            "# Timers\nSee [the top](#Timers), `[no](link)`, [the "
            "web](https://example.org/~/home/x)."
        ),
        printed("read /proc/self/fdinfo/4 and minirt/core/timers.py, 1/2"),
        minirt={"modules": ["minirt/core/timers.py"]},
    )
    assert faults("04.ipynb", notebook) == []


@pytest.mark.parametrize(
    "text",
    [
        "File /home/ann/minirt/x.py",
        "File ~/minirt/x.py:3",
        "'/root/x'",
        "C:\\Users\\ann",
        "/x/lib/site-packages/h11",
    ],
)
def test_a_path_of_a_machine_is_found_in_an_output(text: str) -> None:
    assert "an output of cell 1 holds a path" in only_fault(clean(printed(text)))


def test_a_path_of_a_machine_is_found_in_code_and_in_metadata() -> None:
    assert "cell 1 holds a path" in only_fault(clean(new_code_cell("open('/home/ann/x')")))
    assert "the metadata holds a path" in only_fault(clean(minirt={"made_in": "/tmp/x"}))


def test_a_picture_is_not_searched_for_paths() -> None:
    data = {"image/png": "/tmp/x", "text/html": '<img src="data:image/svg+xml;base64,ab/tmp/x">'}
    cell = new_code_cell("1", outputs=[new_output("display_data", data=data)])
    assert faults("04.ipynb", clean(cell)) == []


def test_an_error_has_to_be_announced() -> None:
    error = new_output("error", ename="KeyError", evalue="2", traceback=[])
    assert "cell 1 ends in KeyError" in only_fault(clean(new_code_cell("{}[2]", outputs=[error])))
    for tag in RAISES_TAGS:
        cell = new_code_cell("{}[2]", outputs=[error], metadata={"tags": [tag]})
        assert faults("04.ipynb", clean(cell)) == []


def test_the_cells_have_run_in_order() -> None:
    notebook = clean(new_code_cell("1"), new_code_cell(""), new_code_cell("2"))
    assert "cell 3 has run as number 3 and not as 2" in only_fault(notebook)
    notebook.cells[2].execution_count = None
    assert "number None" in only_fault(notebook)


def test_a_result_has_the_number_of_its_cell() -> None:
    result = new_output("execute_result", data={"text/plain": "1"}, execution_count=38)
    notebook = clean(new_code_cell("1", outputs=[result]))
    assert faults("04.ipynb", notebook) == []
    notebook.cells[0].outputs[0].execution_count = 38
    assert "the result of cell [1] says [38]" in "".join(faults("04.ipynb", notebook))


@pytest.mark.parametrize(("count", "found"), [(1, 0), (24, 1)])
def test_a_traceback_names_the_cell_that_it_stands_below(count: int, found: int) -> None:
    lines = [f"Cell \x1b[32mIn[{count}]\x1b[39m, line 1", "KeyError: 2"]
    error = new_output("error", ename="KeyError", evalue="2", traceback=lines)
    cell = new_code_cell("{}[2]", outputs=[error], metadata={"tags": ["raises-exception"]})
    assert len(faults("04.ipynb", clean(cell))) == found


@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        ("[x](05_epoll.ipynb)", "there is no such file"),
        ('<img src="no.svg">', "there is no such file"),
        ("[x](#Nowhere)", "no heading of this notebook"),
        ("[x](03.ipynb#Nowhere)", "no heading of that notebook"),
        ("![x](attachment:a.png)", "no such attachment"),
    ],
)
def test_a_dead_link_is_found(link: str, sentence: str, tmp_path: Path) -> None:
    nbformat.write(clean(new_markdown_cell("## The `pool`, measured")), tmp_path / "03.ipynb")
    assert sentence in only_fault(clean(new_markdown_cell(link)), tmp_path)
    assert (
        faults("04.ipynb", clean(new_markdown_cell("[x](03.ipynb#The-pool,-measured)")), tmp_path)
        == []
    )


def test_a_notebook_out_of_its_normal_form_is_told_the_command() -> None:
    notebook = clean(new_code_cell("1"))
    notebook.cells[0].metadata["execution"] = {"iopub.status.busy": "now"}
    assert "python -m tests.notebooks --no-run" in only_fault(notebook)


# --- the normal form ---


def with_widgets(*identities: str) -> Any:
    """A box that holds a slider, and a widget that nobody shows."""
    box, slider, unseen = identities
    state = {
        unseen: {"model_name": "LayoutModel", "state": {}},
        slider: {"model_name": "SliderModel", "state": {"_esm": "draw", "value": 3}},
        box: {"model_name": "BoxModel", "state": {"children": [f"IPY_MODEL_{slider}"]}},
    }
    data = {
        "text/plain": "box",
        notebooks.WIDGET_VIEW: {"model_id": box, "version_major": 2, "version_minor": 0},
    }
    cell = new_code_cell("box", outputs=[new_output("display_data", data=data)])
    return clean(
        cell,
        widgets={notebooks.WIDGET_STATE: {"state": state, "version_major": 2, "version_minor": 0}},
    )


def test_widgets_are_numbered_by_their_appearance_and_what_nobody_shows_is_dropped() -> None:
    notebook = with_widgets("9f", "3a", "7c")
    assert notebook == with_widgets("1d", "2e", "0f")
    states = notebooks.widget_states(notebook)
    assert states["04-0001"]["state"]["children"] == ["IPY_MODEL_04-0002"]
    assert [states[name]["model_name"] for name in states] == ["BoxModel", "SliderModel"]
    again = copy.deepcopy(notebook)
    normalise(again, "04.ipynb")
    assert again == notebook


def test_the_metadata_of_the_machine_and_the_editor_is_gone() -> None:
    cell = new_code_cell(
        "1", metadata={"tags": ["x"], "scrolled": True, "execution": {}, "jupyter": {"y": 1}}
    )
    notebook = clean(
        cell,
        new_code_cell("1"),
        language_info={"name": "python", "version": "3.99", "more": 1},
        kernelspec={"name": "mine", "display_name": "Mine"},
    )
    assert "more" not in notebook.metadata.language_info
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.cells[0].metadata == {"tags": ["x"], "jupyter": {"y": 1}}
    assert notebook.cells[0]["id"] != notebook.cells[1]["id"]


def test_a_notebook_says_which_python_wrote_it_first() -> None:
    """Or JupyterLab shows it as modified when it is opened: tests/browser/test_opening.py."""
    info = {"language_info": {"name": "python", "version": "3.99.1"}}
    assert clean(new_code_cell("1"), **info).metadata.language_info.version == "3.99.1"
    new = clean(new_code_cell("1")).metadata.language_info
    assert new.version == platform.python_version()


def test_tracebacks_name_files_from_the_project_on() -> None:
    line = f"{ROOT}/minirt/core/timers.py:3, /x/python3.11/asyncio/x.py:1, ~/x/site-packages/h11.py"
    shown = "minirt/core/timers.py:3, .../python3.11/asyncio/x.py:1, .../site-packages/h11.py"
    assert notebooks.without_paths(line) == shown
    assert notebooks.without_paths(shown) == shown


# --- what is kept ---


def kept(old: Any, new: Any) -> Any:
    comparison().keep_unchecked(old, new)
    return new


def test_an_output_that_differs_only_in_what_is_sanitised_is_kept() -> None:
    old = clean(printed("<Timers at 0x7f00aa11bb22> on 127.0.0.1:40001"))
    assert kept(old, clean(printed("<Timers at 0x7fffffffffff> on 127.0.0.1:50002"))) == old
    new = clean(printed("<Timer at 0x7fffffffffff>"))
    assert kept(old, copy.deepcopy(new)) == new


def test_a_measured_output_is_kept_when_its_cell_says_so() -> None:
    old, new = printed("took 3 ms"), printed("took 4 ms")
    assert kept(clean(old), clean(copy.deepcopy(new))).cells[0].outputs[0].text == "took 4 ms"
    old.metadata["tags"] = new.metadata["tags"] = ["nbval-ignore-output"]
    assert kept(clean(old), clean(copy.deepcopy(new))).cells[0].outputs[0].text == "took 3 ms"
    new.source = "print(1)"
    assert kept(clean(old), clean(copy.deepcopy(new))).cells[0].outputs[0].text == "took 4 ms"


def test_a_widget_s_state_is_kept_until_its_code_changes() -> None:
    old, new = with_widgets("a", "b", "c"), with_widgets("d", "e", "f")
    notebooks.widget_states(new)["04-0002"]["state"]["value"] = 4
    assert kept(old, copy.deepcopy(new)) == old
    notebooks.widget_states(new)["04-0002"]["state"]["_esm"] = "draw better"
    assert kept(old, copy.deepcopy(new)) == new


@pytest.mark.slow
def test_a_notebook_that_runs_twice_stays_as_it_is(tmp_path: Path) -> None:
    cells = [
        new_markdown_cell("# Twice"),
        new_code_cell("import ipywidgets\nipywidgets.IntSlider(3)"),
        new_code_cell(
            "import sys\nprint(object(), flush=True)\nprint('more', file=sys.stderr)\nprint('most')"
        ),
        new_code_cell(
            "import numbers, fractions\nfractions.Fraction('x')",
            metadata={"tags": ["nbval-raises-exception"]},
        ),
        new_code_cell("import time\ntime.time()", metadata={"tags": ["nbval-ignore-output"]}),
    ]
    path = tmp_path / "04.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    path.write_text(make(path), encoding="utf-8")
    once = path.read_text(encoding="utf-8")
    assert make(path) == once
    notebook = nbformat.reads(once, as_version=4)
    assert faults("04.ipynb", notebook, tmp_path) == []
    assert "04-0001" in notebooks.widget_states(notebook)
    assert "0x" in once and make(path, fresh=True) != once


def box(code: str) -> str:
    return saved(LIVE_VIEW, "<p>a still</p>", {"recordings": 1}, {"recording": b"events"}, code)


def test_a_saved_view_is_drawn_by_the_code_of_today_and_keeps_what_it_shows() -> None:
    today = code_of(STATIC / "live.js")
    repacked = base64.b64encode(zlib.compress(uncoded(today).encode(), 1)).decode()
    for before, after in ((coded("// of last year", ""), today), (repacked, repacked)):
        output = new_output("display_data", {"text/html": box(before)})
        renew_player(output)
        assert output.data["text/html"] == box(after)
