"""Run a program on what a chapter builds: its quotes, joined to the package's classes.

The quotes, and the imports of the other cells, are run in the notebook's order, then the program.
In a process of its own, because the quotes replace the methods of the package.
"""

import ast
import builtins
import dis
import json
import subprocess
import sys
from collections.abc import Iterator
from types import CodeType
from typing import Any

import nbformat

from tests.notebooks import NOTEBOOKS, ROOT
from tests.quotes import bindings, code_cells, parse_address, parse_cell


def read(chapter: str) -> Any:
    """The notebook, which other tests validate."""
    return nbformat.v4.reads((NOTEBOOKS / f"{chapter}.ipynb").read_text(encoding="utf-8"))


def is_quote(text: str) -> bool:
    address = parse_address(text)
    return address is not None and not address.is_draft


def imports(text: str) -> str:
    """What an ordinary cell imports."""
    tree = None if text.startswith("%") else parse_cell(text)
    return "\n".join(
        ast.unparse(node)
        for node in (tree.body if tree else ())
        if isinstance(node, ast.Import | ast.ImportFrom)
    )


def pieces(chapter: str) -> Iterator[tuple[str, str]]:
    """(where, text) of what makes the things that the chapter builds."""
    for number, cell in code_cells(read(chapter)):
        text = cell.source if is_quote(cell.source) else imports(cell.source)
        yield f"{chapter}, cell {number}", text


def unknown_names(chapter: str) -> list[str]:
    """Names that a quote uses and that no cell of the chapter binds: a NameError when it is called.

    An earlier edition built a runtime that could not run for that reason.
    """
    bound = set(dir(builtins))
    quotes = []
    for number, cell in code_cells(read(chapter)):
        tree = parse_cell(cell.source)
        bound |= {binding.name for binding in bindings(tree)} if tree else set()
        if is_quote(cell.source):
            quotes.append((f"{chapter}, cell {number}", cell.source))
    return [
        f"{where}: {name}"
        for where, text in quotes
        for name in sorted(globals_of(compile(text, where, "exec")) - bound)
    ]


def globals_of(code: CodeType) -> set[str]:
    """The names that the functions in it look up in their module."""
    found: set[str] = set()
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            found |= set(names_loaded(inner)) | globals_of(inner)
    return found


def names_loaded(code: CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname == "LOAD_GLOBAL":
            yield str(instruction.argval)


ALL_OF_IT = """
import json, sys
names = {"__name__": "__main__", "__file__": sys.argv[1]}
for where, text in json.load(sys.stdin):
    exec(compile(text, where, "exec"), names)
"""


def run(chapter: str, program: str) -> list[str]:
    """The lines that the program prints."""
    done = subprocess.run(
        [sys.executable, "-c", ALL_OF_IT, str(ROOT / "minirt/main_example.py")],
        input=json.dumps([*pieces(chapter), ("the program", program)]),
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
