"""What does the site make of a notebook before Sphinx sees it?"""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from pygments.token import Token

from minirt.views.saved import coded, saved

pytest.importorskip("myst_nb", reason="make site needs more: pip install -e '.[site]'")
SITE = Path(__file__).resolve().parent.parent / "site"
sys.path.append(str(SITE))  # its modules import each other
PICTURE = '<div class="minirt-picture"><img src="data:," alt="A run."></div>'


def load(name: str) -> Any:
    """A module of site/; the folder is no package, as Python has a module of this name."""
    spec = importlib.util.spec_from_file_location(f"minirt_site_{name}", SITE / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


build, conf, runnable = load("build"), load("conf"), load("runnable")


def saved_output(kind: str, **values: Any) -> Any:
    """The box of what was saved in a notebook, as the package makes it."""
    html = saved(kind, PICTURE, values, {"recording": b"\0\1\2\xff"}, coded("draw()", "p {}"))
    return new_output("display_data", {"text/html": html, "text/plain": "<LiveView>"})


def chapter(tmp_path: Path, *cells: Any) -> Any:
    path = tmp_path / "09_more.ipynb"
    nbformat.write(new_notebook(cells=list(cells)), path)
    return build.Chapter.read(path)


def test_a_live_view_keeps_its_place_and_leaves_its_code(tmp_path: Path) -> None:
    printed = new_output("stream", name="stdout", text="done\n")
    outputs = [saved_output(build.LIVE_VIEW), printed]
    shown = chapter(tmp_path, new_code_cell("%%minirt", outputs=outputs))
    box, stream = shown.notebook.cells[0].outputs
    html = build.html_of(box)
    assert f'<div class="minirt-still">{PICTURE}</div>' in html
    assert html.count("<script") == 1 and "document.currentScript" not in html
    assert stream.text == "done\n"
    assert shown.live_view() == html


def test_another_output_stays_as_it_is(tmp_path: Path) -> None:
    picture = new_output("display_data", {"text/html": PICTURE, "text/plain": "<Picture>"})
    shown = chapter(tmp_path, new_code_cell("picture()", outputs=[picture]))
    assert [build.html_of(output) for output in shown.notebook.cells[0].outputs] == [PICTURE]


def test_the_box_holds_the_state_and_the_recording(tmp_path: Path) -> None:
    output = saved_output(build.LIVE_VIEW, frame={"state": "ended"})
    html = build.html_of(build.without_player(output))
    text = html.partition('<script type="application/json">')[2].partition("</script>")[0]
    assert json.loads(text) == {
        "values": {"frame": {"state": "ended"}},
        "buffers": {"recording": "AAEC/w=="},
    }


def test_what_a_program_printed_cannot_end_the_script() -> None:
    line = "</script><!-- <script>"
    output = saved_output(build.LIVE_VIEW, frame={"console": line})
    html = build.html_of(build.without_player(output))
    assert html.count("</script>") == 1 and "<!--" not in html
    text = html.partition('<script type="application/json">')[2].partition("</script>")[0]
    assert json.loads(text)["values"]["frame"]["console"] == line


def test_a_box_that_the_pages_cannot_draw_is_refused_by_its_name() -> None:
    with pytest.raises(LookupError, match=r"cannot draw minirt\.views\.other\.Thing"):
        build.without_player(saved_output("minirt.views.other.Thing"))


def test_the_code_of_a_question_is_left_out_and_other_code_is_not(tmp_path: Path) -> None:
    question = new_code_cell("predict()", metadata={"jupyter": {"source_hidden": True}})
    cells = chapter(tmp_path, question, new_code_cell("1 + 1")).notebook.cells
    assert [cell.metadata.get("tags", []) for cell in cells] == [
        ["remove-input", "cell-0"],
        ["cell-1"],
    ]


def test_links_into_the_package_lead_to_pages(tmp_path: Path) -> None:
    text = (
        "[a](../minirt/core/epoll.py) [b](../minirt/modules) [c](05_epoll.ipynb) [d](https://h.org)"
    )
    shown = chapter(tmp_path, new_markdown_cell(text))
    assert shown.notebook.cells[0].source == (
        "[a](../minirt/core/epoll.md) [b](../minirt/index.md) [c](05_epoll.ipynb) [d](https://h.org)"
    )
    files = [path.name for path in build.named_files([text])]
    assert {"epoll.py", "fs.py", "net.py"} <= set(files)
    assert "__init__.py" not in files


def test_the_list_of_the_package_asks_each_files_question() -> None:
    file = build.ROOT / "minirt" / "core" / "epoll.py"
    pages = {page.as_posix(): text for page, text in build.package_pages([file])}
    assert set(pages) == {"minirt/core/epoll", "minirt/index"}
    assert file.read_text(encoding="utf-8").startswith(f'"""{build.question(file)}')
    assert build.question(file).endswith("?") and build.question(file) in pages["minirt/index"]


def test_a_chapters_entry_has_its_title_its_minutes_and_what_it_is_about(tmp_path: Path) -> None:
    opening = (
        "# 09 · More\n\nOne thing\nis left. After this chapter you can\n\n- do it\n\n40 minutes."
    )
    assert chapter(tmp_path, new_markdown_cell(opening)).line == (
        "- [09 · More](notebooks/09_more.ipynb) *40 minutes*\n\n  One thing is left.\n"
    )


@pytest.mark.parametrize(
    ("source", "word", "kind"),
    [
        ("%%minirt --sim --seed 4\ndef main(): ...\n", "def", Token.Keyword),
        ("%%exercise timers_wheel\nclass Wheel: ...\n", "class", Token.Keyword),
        ("%%node\nconst one = 1;\n", "const", Token.Keyword.Declaration),
        ("%load_ext minirt\n", "load_ext", Token.Keyword),
        ("# minirt/core/timers.py: Timers.due\ndef due(self): ...\n", "def", Token.Keyword),
    ],
)
def test_a_cell_is_coloured_by_the_language_of_its_body(source: str, word: str, kind: Any) -> None:
    tokens = list(conf.CellLexer().get_tokens(source))
    assert (kind, word) in tokens
    assert "".join(text for _, text in tokens) == source


@pytest.mark.slow
def test_no_cell_of_the_chapters_puzzles_the_lexer() -> None:
    lexer = conf.CellLexer()
    puzzled = [
        (path.name, text)
        for path in sorted((build.ROOT / "notebooks").glob("*.ipynb"))
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code"
        for kind, text in lexer.get_tokens(cell.source)
        if kind in Token.Error
    ]
    assert puzzled == []


# --- What makes the pages run ---


def built_cell(number: int) -> str:
    """As Sphinx writes it."""
    return f'<div class="cell tag_hide-output tag_cell-{number} docutils container">'


def test_a_page_says_of_each_cell_what_its_script_must_know() -> None:
    why = {"not_in_a_browser": 'No "threads".'}
    cannot = new_code_cell("1", metadata={"tags": ["not-in-a-browser"], "minirt": why})
    notebook = new_notebook(cells=[new_markdown_cell("#"), new_code_cell("1"), cannot])
    plain, tagged = (runnable.marked(built_cell(n), notebook) for n in (1, 2))
    assert plain.startswith('<div class="cell tag_hide-output docutils container" data-cell="1"')
    assert tagged.endswith('data-why="No &quot;threads&quot;.">') and "data-why" not in plain
    # two cells with the same source keep their edits apart
    keys = {part for page in (plain, tagged) for part in page.split() if "data-key" in part}
    assert len(keys) == 2


def test_a_cell_that_changed_has_another_key() -> None:
    before, after = (new_notebook(cells=[new_code_cell(text)]) for text in ("1", "2"))
    assert runnable.marks(before)[0] != runnable.marks(after)[0]


def test_what_a_page_runs_has_no_outputs_and_is_a_notebook() -> None:
    printed = new_output("stream", name="stdout", text="done\n")
    notebook = new_notebook(cells=[new_code_cell("1", outputs=[printed], execution_count=3)])
    bare = nbformat.reads(runnable.bare(notebook).decode(), as_version=4)
    nbformat.validate(bare)
    assert (bare.cells[0].outputs, bare.cells[0].execution_count) == ([], None)
    assert notebook.cells[0].outputs == [printed]


@pytest.mark.slow
def test_a_page_gets_what_every_traceback_needs() -> None:
    assert runnable.is_imported("pygments/lexers/python.py")
    assert runnable.is_imported("IPython/__init__.py")
    assert not runnable.is_imported("pygments/lexers/haskell.py")


def test_without_node_the_site_is_built_to_be_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(build.runtime, "CACHE", tmp_path)
    assert build.what_runs_the_pages() is None
    assert "without Run buttons, since Node is not there" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("do_pages_run", [True, False])
@pytest.mark.slow
def test_the_first_page_tells_of_run_where_pages_run(tmp_path: Path, do_pages_run: bool) -> None:
    build.write_sources(tmp_path, do_pages_run)
    text = (tmp_path / "index.md").read_text(encoding="utf-8")
    assert ("press Run" in text) == do_pages_run
    assert "% " not in text


def test_every_pin_has_a_hash() -> None:
    wheels = [line for line in (SITE / "wheels.txt").read_text().splitlines() if line[:1] != "#"]
    assert len(wheels) >= 10
    assert [line for line in wheels if "==" not in line or "--hash=sha256:" not in line] == []
    lock = json.loads((SITE / "package-lock.json").read_text())
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert [name for name, one in packages.items() if "integrity" not in one] == []
    wanted = json.loads((SITE / "package.json").read_text())
    versions = {**wanted["dependencies"], **wanted["devDependencies"]}
    assert {name: packages[f"node_modules/{name}"]["version"] for name in versions} == versions
