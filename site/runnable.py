"""How do the cells of a page get what runs them?

The folder `run` of the site has Python for the browser, what it imports, and an editor. A page asks
for them at its first Run, at its own site alone. The folder's name has the hash of all that is in
it: a browser may keep it for ever, and a site that was built anew has another one.

Files lie there compressed, under names that no web server knows: each sends them as they are, and
the page unpacks them. So any server will do, and no header is needed.
"""

import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import nbformat

from minirt.core.machine import IN_A_PAGE

HERE = Path(__file__).resolve().parent / "run"
NOT_HERE = "not-in-a-browser"  # the tag of a cell that keeps its recorded output
LEXER = re.compile(r"pygments/lexers/(?!_mapping|__init__)")
PAGES = (".css", ".html", ".js", ".png", ".svg")
CELL = re.compile(r'<div class="cell ([^"]*?)\btag_cell-(\d+) ([^"]*)"')

Notebook = Any  # nbformat's nodes have no types of their own


# --- A chapter ---


def number(notebook: Notebook) -> None:
    """Give each code cell a tag with its number. Sphinx makes it a class, and `marked` more."""
    for at, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            cell.metadata.setdefault("tags", []).append(f"cell-{at}")


def marks(notebook: Notebook) -> dict[int, str]:
    """{number: attributes} of each code cell, with what the page's script must know of it.

    data-cell: its number in the notebook; data-key: of its source, so that a chapter that changed
    does not get what a reader wrote into another cell; data-why: why it cannot run in a page.
    """
    seen: dict[str, int] = {}
    made = {}
    for at, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        key = hashlib.sha256(cell.source.encode()).hexdigest()[:10]
        seen[key] = seen.get(key, 0) + 1
        made[at] = f'data-cell="{at}" data-key="{key}-{seen[key]}"'
        if NOT_HERE in cell.metadata.get("tags", []):
            why = cell.metadata.get("minirt", {}).get("not_in_a_browser", "")
            made[at] += f' data-why="{escape(why)}"'
    return made


def marked(html: str, notebook: Notebook) -> str:
    """The page with these attributes in place of the class."""
    attributes = marks(notebook)
    return CELL.sub(
        lambda one: f'<div class="cell {one[1]}{one[3]}" {attributes[int(one[2])]}', html
    )


def bare(notebook: Notebook) -> bytes:
    """The notebook without its outputs: what the page runs, and what a reader takes away."""
    cells = [
        {**cell, "outputs": [], "execution_count": None} if cell.cell_type == "code" else cell
        for cell in notebook.cells
    ]
    text = json.dumps({**notebook, "cells": cells}, ensure_ascii=False, separators=(",", ":"))
    return text.encode()


# --- The site ---


@dataclass(frozen=True)
class Run:
    """All that the pages need to run."""

    fetched: Path  # the folder of runtime.py
    notebooks: dict[str, Notebook]  # name -> as it is in the project
    files: dict[str, bytes]  # name in the folder -> content

    @classmethod
    def gathered(cls, fetched: Path, root: Path) -> "Run":
        """root: of the project."""
        notebooks = {
            path.stem: nbformat.read(path, as_version=4)
            for path in sorted((root / "notebooks").glob("*.ipynb"))
        }
        pyodide = fetched / "node_modules" / "pyodide"
        lock = json.loads((pyodide / "pyodide-lock.json").read_text(encoding="utf-8"))
        compiled = read_compiled(fetched / "compiled.zip")
        contents = {
            "pyodide.asm.js": (pyodide / "pyodide.asm.mjs").read_bytes(),
            "pyodide.asm.wasm": (pyodide / "pyodide.asm.wasm").read_bytes(),
            "library.zip": library(pyodide / "python_stdlib.zip", compiled),
            # the wheels' modules in `packages`; minirt and the notebooks' data as in a checkout
            "packages.tar": tar([*packages(fetched / "wheels", compiled), *of_the_project(root)]),
        }
        files = {f"{name}.gzip": packed(content) for name, content in contents.items()}
        files |= {f"{name}.ipynb": bare(notebook) for name, notebook in notebooks.items()}
        files["pyodide.js"] = (pyodide / "pyodide.mjs").read_bytes().partition(b"\n//# source")[0]
        files["editor.js"] = bundled(fetched, "editor.js", "esm")
        no_packages = {"info": lock["info"], "packages": {}}
        files["worker.js"] = bundled(fetched, "worker.js", "esm", LOCK=no_packages)
        return cls(fetched, notebooks, files)

    @property
    def folder(self) -> str:
        """Its path below the site's."""
        digest = hashlib.sha256()
        for name, content in sorted(self.files.items()):
            digest.update(f"{name} {len(content)} ".encode() + content)
        return f"run/{digest.hexdigest()[:12]}/"

    def write_static(self, static: Path) -> None:
        """What a page loads when it is opened."""
        shutil.copy(HERE / "run.css", static)
        fetched_by_worker = {
            name: len(content) for name, content in self.files.items() if name.endswith(".gzip")
        }
        script = bundled(
            self.fetched,
            "main.js",
            "iife",
            RUN_FOLDER=self.folder,
            RUN_FILES=fetched_by_worker,
            SIMULATED=IN_A_PAGE,
        )
        (static / "run.js").write_bytes(script)

    def write(self, target: Path) -> None:
        """The folder; what the built pages say of their cells; and what keeps it all offline."""
        for name, notebook in self.notebooks.items():
            page = target / "notebooks" / f"{name}.html"
            page.write_text(marked(page.read_text(encoding="utf-8"), notebook), encoding="utf-8")
        pages = [
            (path.relative_to(target).as_posix(), path.read_bytes())
            for path in target.rglob("*")
            if path.suffix in PAGES
        ]
        (target / "pages.gzip").write_bytes(packed(tar(pages)))
        keeper = bundled(self.fetched, "sw.js", "iife", RUN_FOLDER=self.folder)
        (target / "sw.js").write_bytes(keeper)
        shutil.rmtree(target / "run", ignore_errors=True)  # of an older site
        (target / self.folder).mkdir(parents=True)
        for name, content in self.files.items():
            (target / self.folder / name).write_bytes(content)


# --- What Python imports ---


@cache
def imported() -> frozenset[str]:
    """The modules that a page needs in most of its cells, found by importing them here."""
    needed = "minirt.in_page, minirt.extension, pygments.lexers.python"  # the last for tracebacks
    code = f"import sys, {needed}; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    return frozenset(ran.stdout.decode().split())


def is_imported(path: str) -> bool:
    """path: of a module's file, from the folder where imports begin."""
    name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return name in imported() or name.startswith(("pyodide", "_pyodide"))


def read_compiled(path: Path) -> dict[str, bytes]:
    """{path: content} of those modules, compiled. A page would need seconds to do it."""
    with zipfile.ZipFile(path) as opened:
        names = [
            name
            for name in opened.namelist()
            if is_imported(name.partition("/")[2].removesuffix("c"))
        ]
        return {name: opened.read(name) for name in names}


def library(path: Path, compiled: dict[str, bytes]) -> bytes:
    """Python's own, and beside a module what it compiles to. Stored, it compresses better."""
    made = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            new.writestr(zipfile.ZipInfo(name), old.read(name))
            if f"library/{name}c" in compiled:
                new.writestr(zipfile.ZipInfo(f"{name}c"), compiled[f"library/{name}c"])
    return made.getvalue()


def packages(wheels: Path, compiled: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """The wheels' files, without the lexers of languages that no chapter is written in."""
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as opened:
            for name in opened.namelist():
                if not name.endswith("/") and (not LEXER.match(name) or is_imported(name)):
                    yield f"packages/{name}", opened.read(name)
    for path, content in compiled.items():
        kind, _, name = path.partition("/")
        if kind == "packages":
            folder, _, file = f"{kind}/{name}".rpartition("/")
            yield f"{folder}/__pycache__/{file[:-4]}.cpython-314.pyc", content


def of_the_project(root: Path) -> Iterator[tuple[str, bytes]]:
    for folder in (root / "minirt", root / "notebooks" / "data"):
        for path in folder.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(root).as_posix(), path.read_bytes()


# --- Files ---


def tar(files: Iterable[tuple[str, bytes]]) -> bytes:
    """Of {path: content}."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as opened:
        for path, content in sorted(files):
            info = tarfile.TarInfo(path)
            info.size = len(content)
            opened.addfile(info, io.BytesIO(content))
    return made.getvalue()


def packed(content: bytes) -> bytes:
    return gzip.compress(content, 9, mtime=0)


def bundled(fetched: Path, name: str, form: str, **defined: Any) -> bytes:
    """One script of this module of site/run and of what it imports. defined: {NAME: value}"""
    modules = fetched / "node_modules"
    command = [
        *(str(modules / ".bin" / "esbuild"), str(HERE / name), "--bundle", "--minify"),
        *(f"--format={form}", "--target=es2022", "--charset=utf8", "--legal-comments=none"),
        *("--external:./pyodide.js", "--log-level=warning"),
        *(f"--define:{name}={json.dumps(value)}" for name, value in defined.items()),
    ]
    environment = {**os.environ, "NODE_PATH": str(modules)}
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout
