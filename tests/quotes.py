"""Quote and prove: the code that a chapter ends with is the package's, letter for letter.

A code cell whose first line is an address is a quote, and the rest of it is the package's text:

    # minirt/core/timers.py: imports                     every import of the module
    # minirt/core/timers.py: MAX_DELAY, Timers           whole definitions, decorators included
    # minirt/core/timers.py: Timers(__init__, schedule) a class with its fields, only these methods
    # minirt/core/timers.py: Timers.pop_due              a method as a function, joined to its class
    # draft of minirt/core/timers.py: Timers.pop_due    the naive version; the final one comes later

    python -m tests.quotes --write    fills the quotes from the source
    python -m tests.quotes --check    says what is wrong, as tests/test_quotes.py does

A notebook names the modules that it is about in its metadata:
{"minirt": {"modules": ["minirt/core/timers.py"]}}. Every public definition of these is quoted in
some notebook, or listed in tests/quotes_not_quoted.toml with a reason; what is listed may be
imported. A cell without an address defines no name of the package.
"""

import argparse
import ast
import builtins
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import nbformat

from tests.quoting import (
    Address,
    Item,
    Package,
    QuoteError,
    is_import,
    parse_address,
    quote,
    source_at,
    source_of,
)

ROOT = Path(__file__).resolve().parent.parent
NOT_QUOTED = Path(__file__).with_name("quotes_not_quoted.toml")

Notebooks = Mapping[str, Any]  # "04_timers.ipynb" -> a notebook of nbformat 4


# --- what an ordinary cell binds ---

# not "exercise": an answer is the reader's own, and may well be named as the package names it
PYTHON_CELL_MAGICS = ("minirt", "time", "timeit", "capture")


def parse_cell(text: str) -> ast.Module | None:
    """The cell's Python, magics and await allowed; None if it is another language or broken."""
    from IPython.core.inputtransformer2 import TransformerManager

    first_line, _, rest = text.partition("\n")
    if first_line.startswith("%%"):
        if first_line[2:].split(None, 1)[:1] not in [[magic] for magic in PYTHON_CELL_MAGICS]:
            return None
        text = rest
    try:
        return ast.parse(TransformerManager().transform_cell(text))
    except SyntaxError:
        return None


@dataclass(frozen=True)
class Binding:
    name: str
    origin: str = ""  # the module that it was imported from


def bindings(tree: ast.AST) -> Iterator[Binding]:
    """The names, and `name.attribute`s, that running the cell binds at its top level."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                yield Binding(name)
                continue
            case (
                ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp()
            ):
                continue
            case ast.Import(names=names):
                for alias in names:
                    yield Binding(alias.asname or alias.name.partition(".")[0], alias.name)
            case ast.ImportFrom(module=module, names=names):
                for alias in names:
                    yield Binding(alias.asname or alias.name, module or ".")
            case ast.Name(id=name, ctx=ast.Store()):
                yield Binding(name)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute, ctx=ast.Store()):
                yield Binding(f"{name}.{attribute}")
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
            ):
                yield Binding(name)
        yield from bindings(node)


# --- the proof ---


@dataclass(frozen=True)
class MarkedCell:
    notebook: str
    number: int  # among all cells of the notebook, from 1
    text: str
    address: Address

    @property
    def where(self) -> str:
        return f"{self.notebook}, cell {self.number}"


def code_cells(notebook: Any) -> Iterator[tuple[int, Any]]:
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "code":
            yield number, cell


def marked_cells(notebooks: Notebooks) -> Iterator[MarkedCell]:
    """Every quote and draft whose address can be read."""
    for name, notebook in notebooks.items():
        for number, cell in code_cells(notebook):
            try:
                address = parse_address(cell.source)
            except QuoteError:
                continue
            if address:
                yield MarkedCell(name, number, cell.source, address)


def chapter_modules(notebook: Any) -> list[str]:
    return list(notebook.metadata.get("minirt", {}).get("modules", []))


def faults(
    notebooks: Notebooks, package: Package, not_quoted: Mapping[str, Mapping[str, str]]
) -> list[str]:
    """One sentence for each thing that is not as it should be."""
    found = quote_faults(notebooks, package)
    for name, notebook in notebooks.items():
        found += ChapterCheck(name, notebook, package, not_quoted).faults()
    found += completeness_faults(notebooks, package, not_quoted)
    return found


def quote_faults(notebooks: Notebooks, package: Package) -> list[str]:
    """Addresses that lead nowhere, and quotes that differ from the package."""
    found = []
    for name, notebook in notebooks.items():
        for number, cell in code_cells(notebook):
            try:
                address = parse_address(cell.source)
            except QuoteError as error:
                found.append(f"{name}, cell {number}: {error}")
                continue
            if address:
                complaint = quote_fault(cell.source, address, package)
                if complaint:
                    found.append(f"{name}, cell {number}: {complaint}")
    return found


def quote_fault(cell_text: str, address: Address, package: Package) -> str | None:
    try:
        rendered = source_at(address, package).render(address)
    except QuoteError as error:
        return str(error)
    first_line, _, shown = cell_text.partition("\n")
    if address.is_draft or shown == rendered.text:
        return None
    difference = _first_difference(shown, rendered.text)
    return f"`{first_line}` differs from the package{difference}. Run `make quotes`."


def _first_difference(shown: str, text: str) -> str:
    for number, (here, there) in enumerate(
        zip(shown.split("\n"), text.split("\n"), strict=False), start=2
    ):
        if here != there:
            return f" in its line {number}: {here!r} should be {there!r}"
    return " in its length"


class ChapterCheck:
    """Reads one notebook from top to bottom and knows who bound each name last."""

    def __init__(
        self,
        name: str,
        notebook: Any,
        package: Package,
        not_quoted: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    ) -> None:
        self.name = name
        self.notebook = notebook
        self.package = package
        self.not_quoted = not_quoted
        self.own_modules = [path for path in chapter_modules(notebook) if path in package]
        self.cells = {cell.number: cell for cell in marked_cells({name: notebook})}
        self.bound: dict[str, str] = {}  # name -> "quote", "method", "draft", "import" or "code"
        self.found: list[str] = []

    def faults(self) -> list[str]:
        for path in chapter_modules(self.notebook):
            if path not in self.package:
                self.found.append(f"{self.name}: its metadata names {path}, which does not exist.")
        try:
            self.reserved = self._reserved_names()
            for number, cell in code_cells(self.notebook):
                self._read_cell(number, cell.source)
        except QuoteError as error:  # a module of the package is not Python
            self.found.append(f"{self.name}: {error}")
        return self.found

    def _reserved_names(self) -> dict[str, str]:
        """name -> its file: what the chapter is about, what it quotes, what `minirt` exports."""
        reserved = {}
        for name in exported_names(self.package):
            reserved[name] = "minirt/__init__.py"
        quoted = [
            cell.address.path for cell in self.cells.values() if cell.address.path in self.package
        ]
        for path in dict.fromkeys([*quoted, *self.own_modules]):
            source = source_of(path, self.package[path])
            for name in source.names:
                reserved[name] = path
                reserved.update({f"{name}.{member}": path for member in source.members(name)})
        return reserved

    def _read_cell(self, number: int, text: str) -> None:
        marked = self.cells.get(number)
        if marked is None:
            self._read_unmarked(number, text)
        elif marked.address.is_draft:
            self._read_draft(marked)
        else:
            self._read_quote(marked)

    def _say(self, number: int, sentence: str) -> None:
        self.found.append(f"{self.name}, cell {number}: {sentence}")

    def _read_unmarked(self, number: int, text: str) -> None:
        tree = parse_cell(text)
        for binding in bindings(tree) if tree else ():
            from_package = binding.origin.partition(".")[0] == "minirt"
            path = self.reserved.get(binding.name)
            if (
                path
                and from_package
                and path in self.own_modules
                and binding.name not in self.bound
                and binding.name not in self.not_quoted.get(path, {})
            ):
                self._say(
                    number,
                    f"imports {binding.name}, which this chapter builds. Quote it, or import its "
                    f"module, or say in tests/{NOT_QUOTED.name} why it is not quoted.",
                )
            elif path and not from_package:
                self._say(
                    number,
                    f"binds {binding.name}, a name of {path}, in a cell without an address. "
                    "Give the cell its address, or choose another name.",
                )
            self.bound[binding.name] = "import" if binding.origin else "code"

    def _read_draft(self, cell: MarkedCell) -> None:
        tree = parse_cell(cell.text)
        units = cell.address.units
        for binding in bindings(tree) if tree else ():
            is_named = binding.name in units or binding.name.partition(".")[0] in units
            if binding.name in self.reserved and not binding.origin and not is_named:
                self._say(
                    cell.number,
                    f"is a draft, and binds {binding.name}, which its address does not name.",
                )
            self.bound[binding.name] = "draft"
        for later in self.cells.values():
            is_quote = not later.address.is_draft and later.address.path == cell.address.path
            if later.number > cell.number and is_quote:
                units -= source_at(later.address, self.package).covered_units(later.address)
        if units:
            names = ", ".join(sorted(units))
            self._say(
                cell.number,
                f"is a draft of {names}, and no later cell of this notebook quotes the final code.",
            )

    def _read_quote(self, cell: MarkedCell) -> None:
        if cell.address.path not in self.package:
            return
        source = source_of(cell.address.path, self.package[cell.address.path])
        for item in cell.address.items:
            if item == Item("imports"):
                for piece in source.pieces:
                    if is_import(piece.node):
                        module = ast.Module([piece.node], [])
                        self.bound.update(
                            dict.fromkeys((b.name for b in bindings(module)), "import")
                        )
            elif item.member:
                self._read_joined_method(cell.number, item.name, item.member)
            else:
                self.bound[item.name] = "quote"

    def _read_joined_method(self, number: int, class_name: str, member: str) -> None:
        bound_class = self.bound.get(class_name)
        if bound_class not in {"quote", "import"}:
            because = (
                "only a draft of it is there" if bound_class == "draft" else "it is not there yet"
            )
            self._say(
                number,
                f"joins {member} to {class_name}, but {because}. "
                f"Quote `{class_name}(...)` before, or import the class.",
            )
        is_in_the_way = self.bound.get(member) in {"quote", "import", "code"}
        is_pythons_own = hasattr(builtins, member) and not member.startswith("__")
        if is_pythons_own or is_in_the_way:
            what = "Python's own" if is_pythons_own else "an earlier cell's"
            self._say(
                number,
                f"shows the method {member} as a plain function, which hides {what} {member}. "
                f"Quote it as `{class_name}({member})`.",
            )
        self.bound[member] = "method"


def exported_names(package: Package) -> list[str]:
    """`__all__` of the package, read without importing it."""
    tree = ast.parse(package.get("minirt/__init__.py", ""))
    for node in tree.body:
        match node:
            case ast.Assign(
                targets=[ast.Name(id="__all__")], value=ast.List() | ast.Tuple() as value
            ):
                return [
                    element.value for element in value.elts if isinstance(element, ast.Constant)
                ]
    return []


def completeness_faults(
    notebooks: Notebooks, package: Package, not_quoted: Mapping[str, Mapping[str, str]]
) -> list[str]:
    """Public definitions that no notebook quotes, and listed reasons without an object."""
    quoted: dict[str, set[str]] = {}
    for cell in marked_cells(notebooks):
        if not cell.address.is_draft and cell.address.path in package:
            try:
                units = source_of(cell.address.path, package[cell.address.path]).covered_units(
                    cell.address
                )
            except QuoteError:
                continue
            quoted.setdefault(cell.address.path, set()).update(units)
    found = []
    chapters = {
        path: name for name, notebook in notebooks.items() for path in chapter_modules(notebook)
    }
    for path, name in chapters.items():
        if path not in package:
            continue
        try:
            units = source_of(path, package[path]).public_units
        except QuoteError as error:
            found.append(f"{name}: {error}")
            continue
        excused = not_quoted.get(path, {})
        found += [
            f"{path}: {name} is about this module, but no notebook quotes {unit}. Quote it, or "
            "give a reason "
            f"in tests/{NOT_QUOTED.name}."
            for unit in units
            if unit not in quoted.get(path, set()) and unit not in excused
        ]
    for path, reasons in not_quoted.items():
        known = source_of(path, package[path]).public_units if path in package else ()
        for unit, reason in reasons.items():
            if unit not in known:
                found.append(
                    f"tests/{NOT_QUOTED.name}: {path} has no public {unit}. Take it off the list."
                )
            elif unit in quoted.get(path, set()):
                found.append(
                    f"tests/{NOT_QUOTED.name}: {unit} of {path} is quoted now. Take it off the "
                    "list."
                )
            elif len(reason.split()) < 3:
                found.append(
                    f"tests/{NOT_QUOTED.name}: say in a few words why {unit} of {path} is not "
                    "quoted."
                )
    return found


def write(notebooks: Notebooks, package: Package) -> tuple[set[str], list[str]]:
    """Fill each quote in place. Returns the notebooks that changed and what could not be filled."""
    changed, problems = set(), []
    for name, notebook in notebooks.items():
        for number, cell in code_cells(notebook):
            try:
                address = parse_address(cell.source)
                if address is None or address.is_draft:
                    continue
                text = quote(cell.source.partition("\n")[0], package)
            except QuoteError as error:
                problems.append(f"{name}, cell {number}: {error}")
                continue
            if cell.source != text:
                cell.source = text
                changed.add(name)
    return changed, problems


# --- files and the command ---


def read_package(root: Path = ROOT) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted((root / "minirt").rglob("*.py"))
    }


def read_notebooks(root: Path = ROOT) -> dict[str, Any]:
    return {
        path.name: nbformat.read(path, as_version=4)
        for path in sorted((root / "notebooks").glob("*.ipynb"))
    }


def read_not_quoted(path: Path = NOT_QUOTED) -> dict[str, dict[str, str]]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.quotes", description=(__doc__ or "").partition("\n")[0]
    )
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--write", action="store_true", help="fill the quote cells from the source")
    action.add_argument("--check", action="store_true", help="only say what is wrong (the default)")
    options = parser.parse_args(arguments)
    package, notebooks = read_package(), read_notebooks()
    if options.write:
        changed, _ = write(notebooks, package)
        for name in sorted(changed):
            nbformat.write(notebooks[name], ROOT / "notebooks" / name)
            print(f"filled {name}")
    found = faults(notebooks, package, read_not_quoted())
    for fault in found:
        print(fault, file=sys.stderr)
    quotes = sum(not cell.address.is_draft for cell in marked_cells(notebooks))
    print(f"{quotes} quotes in {len(notebooks)} notebooks, {len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
