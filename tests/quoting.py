"""Where is the code that an address names, and how is it shown in a notebook's cell?

An address is the first line of a quote cell (tests/quotes.py lists its forms). The source is cut
into pieces of whole lines, each with its decorators and the comments that touch it. What is shown
is made of them.
"""

import ast
import difflib
import io
import re
import tokenize
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

Package = Mapping[str, str]  # "minirt/core/timers.py" -> its text


class QuoteError(Exception):
    """An address that cannot be followed; the message says why and what to write."""


# --- addresses ---


@dataclass(frozen=True)
class Item:
    """`name`, `name.member` or `name(members)`."""

    name: str
    member: str | None = None
    members: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Address:
    path: str
    items: tuple[Item, ...]
    is_draft: bool = False

    @property
    def units(self) -> set[str]:
        """What a draft of it promises: Timers(schedule) promises Timers and Timers.schedule."""
        found = set()
        for item in self.items:
            if item.member:
                found.add(f"{item.name}.{item.member}")
            else:
                found.add(item.name)
                found.update(f"{item.name}.{member}" for member in item.members or ())
        return found


ADDRESS = re.compile(r"# (?P<draft>draft of )?(?P<path>minirt/(?:\w+/)*\w+\.py): (?P<items>\S.*)")
MEANT_AS_ADDRESS = re.compile(r"#\s*(draft\s+of\b|(draft\s+of\s+)?minirt/)")
ITEM = re.compile(r"(?P<name>\w+)(?:\.(?P<member>\w+)|\((?P<members>[\w\s,]*)\))?")
COMMA_OUTSIDE_PARENTHESES = re.compile(r",\s*(?![^()]*\))")


def parse_address(cell_text: str) -> Address | None:
    """The address in the first line, or None for a cell that is not marked."""
    first_line = cell_text.partition("\n")[0].rstrip()
    if not MEANT_AS_ADDRESS.match(first_line):
        return None
    match = ADDRESS.fullmatch(first_line)
    if not match:
        raise QuoteError(
            f"`{first_line}` is no address. Write `# minirt/core/timers.py: Timers(__init__)`, "
            "with a colon and a "
            "blank after the file, or begin an ordinary comment with another word."
        )
    items = []
    for text in COMMA_OUTSIDE_PARENTHESES.split(match["items"]):
        found = ITEM.fullmatch(text.strip())
        if not found:
            raise QuoteError(
                f"`{text}` is neither `name` nor `Class.method` nor `Class(method, method)`."
            )
        members = found["members"]
        items.append(
            Item(
                found["name"],
                found["member"],
                None if members is None else tuple(re.findall(r"\w+", members)),
            )
        )
    return Address(match["path"], tuple(items), is_draft=bool(match["draft"]))


# --- the source, cut into pieces of whole lines ---

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Piece:
    """A statement with its decorators and the comments that touch it."""

    node: ast.stmt
    first: int  # its lines, counted from 1
    last: int
    names: tuple[str, ...]  # what it defines


@dataclass(frozen=True)
class Rendered:
    text: str
    lines: frozenset[int]  # of the source


class Source:
    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.lines = text.split("\n")
        try:
            self.tree = ast.parse(text)
        except SyntaxError as error:
            raise QuoteError(f"{path}, line {error.lineno}, is not Python: {error.msg}.") from None

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        return self._cut(self.tree.body, after=0)

    def _cut(self, body: Iterable[ast.stmt], after: int) -> tuple[Piece, ...]:
        cut = []
        for node in body:
            decorators = getattr(node, "decorator_list", [])
            first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
            while first - 1 > after and self._is_comment(
                first - 1, lambda column, n=node: column == n.col_offset
            ):
                first -= 1
            last = node.end_lineno or node.lineno
            while self._is_comment(last + 1, lambda column, n=node: column > n.col_offset):
                last += 1
            if not is_overload(node):
                cut.append(Piece(node, first, last, _defined_names(node)))
            after = last
        return tuple(cut)

    def _is_comment(self, number: int, fits: Callable[[int], bool]) -> bool:
        if not 1 <= number <= len(self.lines):
            return False
        line = self.lines[number - 1]
        return line.lstrip().startswith("#") and fits(len(line) - len(line.lstrip()))

    @cached_property
    def names(self) -> dict[str, list[Piece]]:
        """What the module defines at its top level; imports are not definitions."""
        found: dict[str, list[Piece]] = {}
        for piece in self.pieces:
            for name in piece.names:
                if name != "__all__":
                    found.setdefault(name, []).append(piece)
        return found

    def class_named(self, name: str) -> ast.ClassDef | None:
        pieces = self.names.get(name, [])
        node = pieces[-1].node if pieces else None
        return node if isinstance(node, ast.ClassDef) else None

    def class_pieces(self, node: ast.ClassDef) -> tuple[Piece, ...]:
        return self._cut(node.body, after=node.lineno)

    def members(self, class_name: str) -> dict[str, list[Piece]]:
        """Methods, nested classes, aliases (`__radd__ = __add__`). The rest is the header."""
        node = self.class_named(class_name)
        if node is None:
            return {}
        found: dict[str, list[Piece]] = {}
        for piece in self.class_pieces(node):
            if self._is_member(piece, found):
                for name in piece.names:
                    found.setdefault(name, []).append(piece)
        return found

    @staticmethod
    def _is_member(piece: Piece, members: Mapping[str, object]) -> bool:
        if isinstance(piece.node, Definition):
            return True
        if isinstance(piece.node, ast.If | ast.Try):
            return bool(piece.names)
        loaded = {node.id for node in ast.walk(piece.node) if isinstance(node, ast.Name)}
        return bool(piece.names) and not loaded.isdisjoint(set(members) - set(piece.names))

    @cached_property
    def inside_strings(self) -> frozenset[int]:
        """Lines that begin inside a string that is no docstring; to dedent them changes it."""
        inside: set[int] = set()
        opened: list[int] = []
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            kind = tokenize.tok_name[token.type]
            if kind == "STRING":
                inside.update(range(token.start[0] + 1, token.end[0] + 1))
            elif kind.endswith("STRING_START"):
                opened.append(token.start[0])
            elif kind.endswith("STRING_END"):
                inside.update(range(opened.pop() + 1, token.end[0] + 1))
        for node in ast.walk(self.tree):
            if isinstance(node, Definition) and ast.get_docstring(node, clean=False) is not None:
                docstring = node.body[0]
                inside.difference_update(range(docstring.lineno, (docstring.end_lineno or 0) + 1))
        return frozenset(inside)

    # --- rendering ---

    def render(self, address: Address) -> Rendered:
        """What the cell shows below the address."""
        text = ""
        shown: set[int] = set()
        before: tuple[int, bool] | None = (
            None  # (last line, is one simple statement) of the block above
        )
        for item in address.items:
            block, lines, simple = self._render_item(item)
            if before is not None:
                between = self.lines[before[0] : min(lines) - 1]
                if min(lines) > before[0] and not any(line.strip() for line in between):
                    text += "\n" * (len(between) + 1)
                else:
                    text += "\n" if simple and before[1] else "\n\n\n"
            text += block
            shown |= lines
            before = (max(lines), simple)
        return Rendered(text, frozenset(shown))

    def _render_item(self, item: Item) -> tuple[str, set[int], bool]:
        if item == Item("imports"):
            return self._render_imports()
        if item.member:
            return self._render_method(item.name, item.member)
        if item.members is not None:
            return self._render_class(item.name, item.members)
        pieces = self.names.get(item.name)
        if not pieces:
            raise QuoteError(self._not_found(item.name, self.names, "the module"))
        return *self._join(pieces), not isinstance(pieces[0].node, Definition | ast.If | ast.Try)

    def _join(self, pieces: Iterable[Piece]) -> tuple[str, set[int]]:
        """Several statements as they stand; where others lie between them, without these."""
        text = ""
        lines: set[int] = set()
        for piece in pieces:
            numbers = range(piece.first, piece.last + 1)
            if lines:
                text += "\n" * (self._blank_lines_above(piece.first) + 1)
            text += self._text(numbers)
            lines.update(numbers)
        return text, lines

    def _text(self, numbers: Iterable[int]) -> str:
        return "\n".join(self.lines[number - 1] for number in numbers)

    def _blank_lines_above(self, number: int) -> int:
        count = 0
        while number - 2 - count >= 0 and not self.lines[number - 2 - count].strip():
            count += 1
        return count

    def _render_imports(self) -> tuple[str, set[int], bool]:
        pieces = [piece for piece in self.pieces if is_import(piece.node)]
        if not pieces:
            raise QuoteError(f"{self.path} imports nothing.")
        for piece in pieces:
            for node in ast.walk(piece.node):
                if isinstance(node, ast.ImportFrom) and node.level:
                    raise QuoteError(
                        f"{self.path}, line {node.lineno}: a relative import cannot run in a "
                        "notebook. "
                        "Write the full name in the package."
                    )
        return *self._join(pieces), False

    def _render_class(self, name: str, wanted: tuple[str, ...]) -> tuple[str, set[int], bool]:
        node = self._class_or_error(name)
        members = self.members(name)
        for member in wanted:
            if member not in members:
                raise QuoteError(self._not_found(member, members, f"the class {name}"))
        chosen = {id(piece.node) for member in wanted for piece in members[member]}
        left_out = {id(piece.node) for pieces in members.values() for piece in pieces} - chosen
        body = self.class_pieces(node)
        kept = [piece for piece in body if id(piece.node) not in left_out]
        if not kept or node.body[0].lineno == node.lineno:
            raise QuoteError(f"{name}({', '.join(wanted)}) has no body left. Quote `{name}` whole.")
        whole = self.names[name][-1]
        head = range(whole.first, body[0].first - self._blank_lines_above(body[0].first))
        text, lines = self._join(kept)
        above = self._blank_lines_above(kept[0].first)
        return self._text(head) + "\n" * (above + 1) + text, lines | set(head), False

    def _render_method(self, name: str, member: str) -> tuple[str, set[int], bool]:
        self._class_or_error(name)
        members = self.members(name)
        if member not in members:
            raise QuoteError(self._not_found(member, members, f"the class {name}"))
        for piece in members[member]:
            self._refuse_what_needs_the_class(name, member, piece)
        _, lines = self._join(members[member])
        column = members[member][0].node.col_offset
        text = ""
        for piece in members[member]:
            if text:
                text += "\n" * (self._blank_lines_above(piece.first) + 1)
            text += "\n".join(
                self._dedented(number, column) for number in range(piece.first, piece.last + 1)
            )
        return f"{text}\n\n{name}.{member} = {member}", lines, False

    def _dedented(self, number: int, column: int) -> str:
        line = self.lines[number - 1]
        if number in self.inside_strings or not line.strip():
            return line
        return line.removeprefix(" " * column)

    def _refuse_what_needs_the_class(self, name: str, member: str, piece: Piece) -> None:
        for node in ast.walk(piece.node):
            reason = None
            match node:
                case ast.Call(func=ast.Name(id="super"), args=[]) | ast.Name(id="__class__"):
                    reason = "super() without arguments"
                case ast.Attribute(attr=attr) if attr.startswith("__") and not attr.endswith("__"):
                    reason = f"the private name {attr}"
            if reason:
                raise QuoteError(
                    f"{name}.{member} uses {reason}, which works only inside the class. "
                    f"Quote it as `{name}({member})`."
                )

    def _class_or_error(self, name: str) -> ast.ClassDef:
        node = self.class_named(name)
        if node is None:
            if name in self.names:
                raise QuoteError(
                    f"{name} in {self.path} is no class at the top level. Quote `{name}` whole."
                )
            raise QuoteError(self._not_found(name, self.names, "the module"))
        return node

    def _not_found(self, name: str, known: Iterable[str], where: str) -> str:
        close = difflib.get_close_matches(name, list(known), n=1)
        suggestion = f" Did you mean {close[0]}?" if close else ""
        return f"{self.path}: {where} defines no {name}.{suggestion}"

    # --- what there is to quote ---

    @cached_property
    def public_units(self) -> tuple[str, ...]:
        """Public functions, classes, constants; methods of public classes, `__init__` included."""
        found = []
        for name in self.names:
            if not name.startswith("_"):
                found.append(name)
                found += [
                    f"{name}.{member}" for member in self.members(name) if _is_public_member(member)
                ]
        return tuple(found)

    def covered_units(self, address: Address) -> set[str]:
        covered = address.units
        for item in address.items:
            if item.member is None and item.members is None:
                covered |= {f"{item.name}.{member}" for member in self.members(item.name)}
                for piece in self.names.get(item.name, ()):  # `READ, WRITE = ...` shows both
                    covered.update(piece.names)
        return covered


def _is_public_member(name: str) -> bool:
    return not name.startswith("_") or (name.startswith("__") and name.endswith("__"))


def _defined_names(node: ast.stmt) -> tuple[str, ...]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return (name,)
        case ast.Assign(targets=targets):
            stored = [
                n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)
            ]
            return tuple(stored)
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.AugAssign(target=ast.Name(id=name)):
            return (name,)
        case ast.If() | ast.Try() | ast.With():
            inner = [
                n for n in ast.iter_child_nodes(node) if isinstance(n, ast.stmt | ast.ExceptHandler)
            ]
            inner += [
                n
                for handler in inner
                if isinstance(handler, ast.ExceptHandler)
                for n in handler.body
            ]
            names = [name for n in inner if isinstance(n, ast.stmt) for name in _defined_names(n)]
            return tuple(dict.fromkeys(names))
    return ()


def is_overload(node: ast.stmt) -> bool:
    """A stub for type checkers. It is not shown: what runs is the definition below it."""
    return any(
        isinstance(decorator, ast.Name) and decorator.id == "overload"
        for decorator in getattr(node, "decorator_list", ())
    )


def is_import(node: ast.stmt) -> bool:
    """An import, or an `if` or `try` around imports and their replacements (`epoll = None`)."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return True
    if not isinstance(node, ast.If | ast.Try):
        return False
    inner = [n for n in ast.walk(node) if isinstance(n, ast.stmt) and n is not node]
    simple = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.Pass)
    return all(isinstance(n, simple) for n in inner) and any(
        isinstance(n, ast.Import | ast.ImportFrom) for n in inner
    )


@lru_cache(maxsize=256)
def source_of(path: str, text: str) -> Source:
    return Source(path, text)


def source_at(address: Address, package: Package) -> Source:
    if address.path not in package:
        close = difflib.get_close_matches(address.path, list(package), n=1)
        suggestion = f" Did you mean {close[0]}?" if close else ""
        raise QuoteError(f"there is no {address.path}.{suggestion}")
    return source_of(address.path, package[address.path])


def quote(address_line: str, package: Package) -> str:
    """The whole text of the quote cell that begins with `address_line`."""
    address = parse_address(address_line)
    if address is None:
        raise QuoteError(f"`{address_line}` is no address.")
    return f"{address_line.rstrip()}\n{source_at(address, package).render(address).text}"
