"""How do the chapters become pages that read well without a kernel, and run in a browser?

    python site/build.py [FOLDER]

Each notebook is copied with four changes, and Sphinx does the rest. A saved view or question loses
the code that draws it, which site.js has once for all; the code of a question is left out, as it
would tell the answer; what the notebook keeps folded is folded here too; and a link to a file of
the package leads to a page that shows that file.

The pages' cells run when npm and a network are there to fetch what runs them (runtime.py). Where
they are not, the pages are built all the same, without Run buttons.
"""

import json
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
import runnable
import runtime
from sphinx.application import Sphinx

from minirt.views.saved import BOX, LIVE_VIEW
from minirt.views.script import script

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
# What the pages can draw: its module and style, without the suffix.
WIDGETS = {
    LIVE_VIEW: ROOT / "minirt" / "views" / "static" / "live",
    "minirt.exercises.quiz": ROOT / "minirt" / "exercises" / "quiz",
}
LIST = "```{rst-class} minirt-list\n```\n"  # what follows looks like the list of chapters
# What axe-core finds in the theme's pages and in a table's empty corner: {found: mended}.
MENDED = {
    '<p class="caption" role="heading">': '<p class="caption" role="heading" aria-level="2">',
    '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="The site">',
    '<aside class="toc-drawer">': '<aside class="toc-drawer" aria-label="This page">',
    '<th class="head"><p></p></th>': "<td></td>",
    '<div id="search-results">': '<h1>Search</h1><div id="search-results">',
}
ON_RUNNING = re.compile(r"^% Where pages run\n(.*?)^% End\n", re.MULTILINE | re.DOTALL)
TO_THE_PACKAGE = re.compile(r"\]\(\.\./(minirt(?:/\w+)*)(\.py)?\)")
# JupyterLab's anchor is the heading as it is written, that of the pages has small letters.
TO_A_HEADING = re.compile(r"\]\(\w*(?:\.ipynb)?#[^)]+\)")

Notebook = Any  # nbformat's nodes have no types of their own
Cell = Any
Output = Any


def html_of(output: Output) -> str:
    return str(output.get("data", {}).get("text/html", ""))


def without_player(output: Output) -> Output:
    """A box brings the code that draws it: the page has that once."""
    html = html_of(output)
    if not html.startswith(BOX):
        return output
    kind = html.partition('data-kind="')[2].partition('"')[0]
    if kind not in WIDGETS:
        raise LookupError(
            f"the site cannot draw {kind}; WIDGETS in site/build.py names what it can."
        )
    own, _, _ = html.rpartition("<script>")
    return nbformat.v4.new_output("display_data", {"text/html": f"{own}</div>"})


# --- A chapter ---


@dataclass(frozen=True)
class Chapter:
    """A notebook, ready for Sphinx."""

    name: str  # "00_start_here"
    notebook: Notebook

    @classmethod
    def read(cls, path: Path) -> "Chapter":
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = [without_player(output) for output in cell.outputs]
                hidden = cell.metadata.get("jupyter", {})
                for part, tag in (("source", "remove-input"), ("outputs", "hide-output")):
                    if hidden.get(f"{part}_hidden"):
                        cell.metadata.setdefault("tags", []).append(tag)
            elif cell.cell_type == "markdown":
                cell.source = TO_THE_PACKAGE.sub(page_link, cell.source)
                cell.source = TO_A_HEADING.sub(lambda link: link[0].lower(), cell.source)
        runnable.number(notebook)
        return cls(path.stem, notebook)

    @property
    def _opening(self) -> list[str]:
        """The paragraphs of the first cell."""
        return [" ".join(part.split()) for part in self.notebook.cells[0].source.split("\n\n")]

    @property
    def title(self) -> str:
        return self._opening[0].removeprefix("# ")

    @property
    def about(self) -> str:
        """What the chapter says of itself before it says what you will be able to do."""
        return self._opening[1].partition(" After this ")[0]

    @property
    def minutes(self) -> str:
        found = re.search(r"\d+ minutes", " ".join(self._opening))
        return found.group() if found else ""

    @property
    def line(self) -> str:
        """Its entry on the first page."""
        return f"- [{self.title}](notebooks/{self.name}.ipynb) *{self.minutes}*\n\n  {self.about}\n"

    def live_view(self) -> str:
        """The box of its recorded live view."""
        kind = f'data-kind="{LIVE_VIEW}"'
        for cell in self.notebook.cells:
            for output in cell.get("outputs", []):
                if kind in html_of(output):
                    return html_of(output)
        raise LookupError(f"{self.name} has no saved live view: make notebooks FRESH=1")


# --- The files of the package that the chapters name ---


def page_link(link: re.Match[str]) -> str:
    """A file's page lies where the file does; a folder's files are on the list of all pages."""
    path, suffix = link.groups()
    return f"](../{path}.md)" if suffix else "](../minirt/index.md)"


def named_files(sources: list[str]) -> list[Path]:
    """The files of the package that these texts link to, alone or with their folder."""
    paths = {ROOT / (path + suffix) for s in sources for path, suffix in TO_THE_PACKAGE.findall(s)}
    inside = {file for path in paths if path.is_dir() for file in path.glob("[!_]*.py")}
    return sorted(inside | {path for path in paths if not path.is_dir()})


def package_pages(files: list[Path]) -> Iterator[tuple[Path, str]]:
    """(where, text) of a page for each file, and of the list of them."""
    pages = [file.relative_to(ROOT).with_suffix("") for file in files]
    for page, file in zip(pages, files, strict=True):
        code = file.read_text(encoding="utf-8").rstrip("\n")
        yield page, f"# {page}.py\n\n``````python\n{code}\n``````\n"
    lines = [
        f"- [`{page}.py`](/{page}.md)\n\n  {question(file)}\n"
        for page, file in zip(pages, files, strict=True)
    ]
    intro = (
        "# The package\n\nThe files that the chapters name, each with the question it answers.\n"
    )
    contents = toctree("", [f"/{page}" for page in pages])
    yield Path("minirt/index"), "\n".join([intro, LIST, *lines, contents])


def question(file: Path) -> str:
    """The question that a module answers: the first line of its docstring."""
    return file.read_text(encoding="utf-8").partition('"""')[2].partition("\n")[0].strip(' "')


# --- The site ---


def write_sources(folder: Path, do_pages_run: bool) -> None:
    """Everything that Sphinx reads."""
    paths = sorted((ROOT / "notebooks").glob("*.ipynb"))
    texts = [cell.source for path in paths for cell in nbformat.read(path, as_version=4).cells]
    chapters = [Chapter.read(path) for path in paths]
    (folder / "notebooks").mkdir()
    for chapter in chapters:
        nbformat.write(chapter.notebook, folder / "notebooks" / f"{chapter.name}.ipynb")
    for page, text in package_pages(named_files(texts)):
        (folder / page).parent.mkdir(parents=True, exist_ok=True)
        (folder / page).with_suffix(".md").write_text(text, encoding="utf-8")
    (folder / "index.md").write_text(first_page(chapters, do_pages_run), encoding="utf-8")
    (folder / "site").mkdir()
    for name in ("architecture.md", "architecture.svg"):
        shutil.copy(HERE / name, folder / "site")


def first_page(chapters: list[Chapter], do_pages_run: bool) -> str:
    text = (HERE / "index.md").read_text(encoding="utf-8")
    text = ON_RUNNING.sub(r"\1" if do_pages_run else "", text)
    lines = [chapter.line for chapter in chapters]
    view = f'<div data-moment="0.62">{chapters[0].live_view()}</div>'
    filled = text.replace("{{ live view }}", f"```{{raw}} html\n{view}\n```")
    filled = filled.replace("{{ chapters }}", "\n".join([LIST, *lines]))
    contents = toctree("Chapters", [f"notebooks/{chapter.name}" for chapter in chapters])
    return filled + contents + toctree("Code", ["site/architecture", "minirt/index"])


def toctree(caption: str, pages: list[str]) -> str:
    options = [":hidden:", *([f":caption: {caption}"] if caption else [])]
    return "\n".join(["", "```{toctree}", *options, "", *pages, "```", ""])


def write_widgets(folder: Path) -> None:
    """The widgets' modules, as text: a page that was opened from a disk may not load a module."""
    modules = {kind: script(path.with_suffix(".js")) for kind, path in WIDGETS.items()}
    (folder / "widgets.js").write_text(
        f"window.minirtWidgets = {json.dumps(modules, ensure_ascii=False)};\n", encoding="utf-8"
    )
    styles = [path.with_suffix(".css").read_text(encoding="utf-8") for path in WIDGETS.values()]
    (folder / "widgets.css").write_text("\n".join(styles), encoding="utf-8")


def mend(target: Path) -> None:
    for page in target.rglob("*.html"):
        html = page.read_text(encoding="utf-8")
        for found, mended in MENDED.items():
            html = html.replace(found, mended)
        page.write_text(html, encoding="utf-8")


def build(target: Path, fetched: Path | None) -> None:
    """The whole site, in this folder. A warning of Sphinx is an error.

    fetched: what runtime.py has fetched; None for pages that do not run.
    """
    run = runnable.Run.gathered(fetched, ROOT) if fetched else None
    with TemporaryDirectory() as made:
        sources, static, doctrees = (Path(made) / name for name in ("pages", "static", "doctrees"))
        sources.mkdir()
        static.mkdir()
        write_sources(sources, do_pages_run=run is not None)
        write_widgets(static)
        if run:
            run.write_static(static)
        app = Sphinx(
            sources,
            HERE,
            target,
            doctrees,
            "html",
            confoverrides={"html_static_path": ["static", str(static)]},
            status=None,
            warning=sys.stderr,
            freshenv=True,
            warningiserror=True,
            exception_on_warning=False,
        )
        if run:
            app.add_css_file("run.css")
            app.add_js_file("run.js", defer="defer")
        app.build(force_all=True)
        if app.statuscode:
            sys.exit(app.statuscode)
    mend(target)
    if run:
        run.write(target)


def what_runs_the_pages() -> Path | None:
    """What runtime.py fetches, if it can be had."""
    try:
        return runtime.fetched()
    except runtime.Missing as missing:
        print(f"The pages are built without Run buttons, since {missing}", file=sys.stderr)
        return None


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "site").resolve()
    build(folder, what_runs_the_pages())
    print(f"The site: {folder / 'index.html'}")
    print(
        f"To serve it: {sys.executable} -m http.server --bind 127.0.0.1 --directory {folder} 8000"
    )
    print(
        "To publish it: put the folder on any web server. It needs no headers, and no other host."
    )
