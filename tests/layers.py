"""Which module may import which? The floors of the package, and the check that holds them.

Imports go only downward, and rooms on one floor do not import each other. The check reads the
source with `ast` and never imports it, so that imports inside functions and under TYPE_CHECKING
count as well.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

PACKAGE = "minirt"
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Floor:
    """Rooms are module names below the package, or patterns of them; "" is its own __init__."""

    rooms: tuple[str, ...]
    open_plan: bool = False  # rooms may import each other


# From the ground up. A room with an open plan has no circles either: tests/test_layers.py looks.
FLOORS = (
    Floor(("errors", "values", "clock", "identity"), open_plan=True),
    Floor(("core", "core.*"), open_plan=True),
    Floor(("watching", "watching.*"), open_plan=True),
    Floor(("views", "views.*"), open_plan=True),
    Floor(("watching.play",)),
    # awaiting knows a runtime by the ContextVar alone, so that a runtime may run tasks
    Floor(("node", "node.*", "awaiting", "awaiting.*"), open_plan=True),
    Floor(("modules", "modules.*", "aio", "aio.*"), open_plan=True),
    Floor(("",)),
    Floor(("main_example", "exercises", "exercises.*"), open_plan=True),
    Floor(
        (
            *("magics", "magics.*", "kernel", "kernel.*", "__main__", "as_main", "extension"),
            *("in_page", "lacking"),
        ),
        open_plan=True,
    ),
)

# Who may import nothing of the package but this, whatever lies below.
CONFINED = {
    "views": ("views.*",),
    # asyncio's loop stands on a core loop, never on a Runtime. A snapshot is one of such a loop
    "aio": ("aio.*",),
    "kernel.*": ("aio", "kernel.*"),
    "aio.*": ("aio.*", "core.*", "watching.*", "node.snapshot", "clock", "errors", "values"),
    # they draw a recording or a stream of it, never the loop's insides
    "views.*": ("watching.trace", "views.*"),
}

# (importer, imported) -> why this import may point upward.
LAZY_UPWARD = {
    ("", "extension"): "`%load_ext minirt` asks the package itself for load_ipython_extension",
}
TYPE_CHECKING_UPWARD: dict[tuple[str, str], str] = {}

# (module, name) -> why this module-level object may change.
STATE_WITH_A_REASON = {
    ("node.current", "current"): "the ContextVar that knows the running runtime",
    ("magics.running", "raised"): "an error on its way to the cell's next statement",
    ("aio.program", "refused"): "coroutines that refused to end: dropped, they would complain",
    ("aio.rounds", "alive"): "a WeakSet: a forked child must leave alone every loop of its parent",
}

# fmt: off
MUTABLE_CONSTRUCTORS = frozenset((
    "list", "dict", "set", "bytearray", "array", "deque", "defaultdict", "OrderedDict", "Counter",
    "ChainMap", "count", "cycle", "ContextVar", "local", "Lock", "RLock", "Condition", "Event",
    "Semaphore", "BoundedSemaphore", "Queue", "SimpleQueue", "LifoQueue", "PriorityQueue",
    "WeakSet", "WeakKeyDictionary", "WeakValueDictionary", "SimpleNamespace", "StringIO", "BytesIO",
    "Random",
))
# fmt: on
MUTABLE_LITERALS = (
    ast.List,
    ast.Dict,
    ast.Set,
    ast.ListComp,
    ast.DictComp,
    ast.SetComp,
    ast.GeneratorExp,
)
NEVER_CHANGED = frozenset({"__all__", "__slots__", "__match_args__", "__annotations__"})

Sources = Mapping[str, str]  # module name below the package -> its text


@dataclass(frozen=True)
class Import:
    module: str  # dotted, absolute
    line: int
    lazy: bool
    type_checking: bool


def read_sources(root: Path = ROOT) -> dict[str, str]:
    """The text of each module of the package below `root`."""
    folder = root / PACKAGE
    sources = {}
    for path in sorted(folder.rglob("*.py")):
        parts = list(path.relative_to(folder).with_suffix("").parts)
        if parts[-1] == "__init__":
            parts.pop()
        sources[".".join(parts)] = path.read_text(encoding="utf-8")
    return sources


def floor_of(module: str, floors: tuple[Floor, ...] = FLOORS) -> int | None:
    """The floor's number from the ground up; an exact name wins over a pattern."""
    for matches in (lambda room: room == module, lambda room: fnmatchcase(module, room)):
        for number, floor in enumerate(floors):
            if any(matches(room) for room in floor.rooms):
                return number
    return None


def faults(
    sources: Sources,
    floors: tuple[Floor, ...] = FLOORS,
    type_checking_upward: Mapping[tuple[str, str], str] = TYPE_CHECKING_UPWARD,
    lazy_upward: Mapping[tuple[str, str], str] = LAZY_UPWARD,
    state_with_a_reason: Mapping[tuple[str, str], str] = STATE_WITH_A_REASON,
) -> list[str]:
    """One sentence for each rule that is broken; none when the house stands."""
    found = []
    for module, text in sources.items():
        tree = ast.parse(text, filename=file_of(module))
        if floor_of(module, floors) is None:
            found.append(
                f"{file_of(module)} is on no floor. Say in tests/layers.py, FLOORS, what it may "
                "stand on and "
                "what may stand on it."
            )
        found += _import_faults(module, tree, sources, floors, type_checking_upward, lazy_upward)
        found += _state_faults(module, tree, state_with_a_reason)
    return found


def file_of(module: str) -> str:
    """The name to show to a human: the file that one would open first."""
    if not module:
        return f"{PACKAGE}/__init__.py"
    return f"{PACKAGE}/{module.replace('.', '/')}.py"


# --- imports ---


def imports(
    tree: ast.AST, is_lazy: bool = False, is_type_checking: bool = False
) -> Iterator[Import]:
    """Each import below `tree`, at any depth, and each import_module("a.b") of a literal name."""
    for node in ast.iter_child_nodes(tree):
        lazy = is_lazy or isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        type_checking = is_type_checking or (
            isinstance(tree, ast.If) and _asks_type_checking(tree.test) and node in tree.body
        )
        match node:
            case ast.Import():
                for alias in node.names:
                    yield Import(alias.name, node.lineno, lazy, type_checking)
            case ast.ImportFrom():
                base = "." * node.level + (node.module or "")
                for alias in node.names:
                    separator = "" if base.endswith(".") else "."
                    yield Import(f"{base}{separator}{alias.name}", node.lineno, lazy, type_checking)
            case ast.Call(func=func, args=[ast.Constant(value=str(name)), *_]) if _is_import_call(
                func
            ):
                yield Import(name, node.lineno, lazy, type_checking)
        yield from imports(node, lazy, type_checking)


def _asks_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _is_import_call(func: ast.expr) -> bool:
    name = (
        func.attr
        if isinstance(func, ast.Attribute)
        else func.id
        if isinstance(func, ast.Name)
        else ""
    )
    return name in {"import_module", "__import__"}


def imported_module(name: str, sources: Sources) -> str | None:
    """The module of the package that `name` reaches: `minirt.core.timers.Timers` reaches timers."""
    if name != PACKAGE and not name.startswith(PACKAGE + "."):
        return None
    inside = name[len(PACKAGE) + 1 :]
    while inside and inside not in sources:
        inside = inside.rpartition(".")[0]
    return inside


def _import_faults(
    module: str,
    tree: ast.Module,
    sources: Sources,
    floors: tuple[Floor, ...],
    type_checking_upward: Mapping[tuple[str, str], str],
    lazy_upward: Mapping[tuple[str, str], str],
) -> Iterator[str]:
    for found in imports(tree):
        where = f"{file_of(module)}, line {found.line}"
        if found.module.endswith(".*"):
            yield f"{where}: a star import hides where a name comes from. Spell the names out."
        if found.module.startswith("."):
            yield (
                f"{where}: a relative import cannot run when a notebook quotes it. "
                f"Write the full name, `from {PACKAGE}...`."
            )
            continue
        target = imported_module(found.module.removesuffix(".*"), sources)
        if target is None or target == module:
            continue
        if found.type_checking and (module, target) in type_checking_upward:
            continue
        if found.lazy and (module, target) in lazy_upward:
            continue
        complaint = _direction_fault(module, target, floors) or _confinement_fault(module, target)
        if complaint:
            hint = (
                f" If the type alone is needed, list ({module!r}, {target!r}) with its reason in "
                "TYPE_CHECKING_UPWARD of tests/layers.py."
                if found.type_checking
                else ""
            )
            yield f"{where}: {complaint}{hint}"


def _direction_fault(module: str, target: str, floors: tuple[Floor, ...]) -> str | None:
    here, there = floor_of(module, floors), floor_of(target, floors)
    if here is None or there is None or there < here:
        return None
    if there == here:
        if floors[here].open_plan:
            return None
        return (
            f"{file_of(module)} and {file_of(target)} are rooms on one floor and do not import "
            "each other. "
            "Move what both need one floor down, or hand it in as an argument."
        )
    what = f"the package itself, {file_of(target)}," if not target else file_of(target)
    return (
        f"imports go only downward, and {what} lies above {file_of(module)}. "
        "Import the name from the module that defines it, hand the object in as an argument, or "
        "move it down."
    )


def _confinement_fault(module: str, target: str) -> str | None:
    for pattern, allowed in CONFINED.items():
        if fnmatchcase(module, pattern) and not any(fnmatchcase(target, room) for room in allowed):
            return (
                f"{file_of(module)} may import only {' and '.join(allowed)} of the package, not "
                f"{target}. "
                "Put what it needs into the trace."
            )
    return None


def circles(sources: Sources) -> list[tuple[str, ...]]:
    """Modules that import each other in a circle, at any depth but for a type alone.

    The package itself does not count: it imports some of its modules when they are asked for.
    """
    wanted = {
        module: {
            target
            for found in imports(ast.parse(text))
            if not found.type_checking
            and (target := imported_module(found.module, sources)) not in (None, "", module)
        }
        for module, text in sources.items()
    }
    found = []
    for start in wanted:
        reached, ahead = {start: (start,)}, [start]
        while ahead:
            here = ahead.pop()
            for target in sorted(wanted[here]):
                path = reached[here]
                if target == start and start == min(path):
                    found.append(path)
                elif target not in reached:
                    reached[target] = (*path, target)
                    ahead.append(target)
    return found


# --- module-level state ---


def _state_faults(
    module: str, tree: ast.Module, with_a_reason: Mapping[tuple[str, str], str]
) -> Iterator[str]:
    for names, value, line in _bindings_outside_functions(tree):
        unexcused = [
            name
            for name in names
            if name not in NEVER_CHANGED and (module, name) not in with_a_reason
        ]
        kind = _mutable_kind(value)
        if unexcused and kind:
            yield (
                f"{file_of(module)}, line {line}: `{', '.join(unexcused)}` is shared by every "
                "runtime and "
                f"can change ({kind}). Make it a tuple, a frozenset or a MappingProxyType, or "
                "keep it in an "
                "object; if it must be, list it in STATE_WITH_A_REASON of tests/layers.py with "
                "the reason."
            )
    for node in ast.walk(tree):
        if isinstance(node, ast.Global) and not all(
            (module, name) in with_a_reason for name in node.names
        ):
            yield (
                f"{file_of(module)}, line {node.lineno}: `global {', '.join(node.names)}` makes "
                "module-level "
                "state. Keep it in an object."
            )


def _bindings_outside_functions(tree: ast.AST) -> Iterator[tuple[list[str], ast.expr, int]]:
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                continue
            case ast.Assign(targets=targets, value=value):
                names = [
                    n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)
                ]
                yield names, value, node.lineno
            case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is not None:
                yield [name], value, node.lineno
            case _:
                yield from _bindings_outside_functions(node)


def _mutable_kind(value: ast.expr) -> str | None:
    if isinstance(value, ast.Tuple):
        return next((kind for element in value.elts if (kind := _mutable_kind(element))), None)
    if isinstance(value, MUTABLE_LITERALS):
        return f"a {type(value).__name__.lower()}"
    if isinstance(value, ast.Call):
        func: ast.expr = value.func
        if isinstance(func, ast.Subscript):  # deque[int]()
            func = func.value
        name = (
            func.attr
            if isinstance(func, ast.Attribute)
            else func.id
            if isinstance(func, ast.Name)
            else ""
        )
        if name in MUTABLE_CONSTRUCTORS:
            return f"a {name}"
    return None
