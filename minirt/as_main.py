"""How does a file become the program, as in `python FILE.py`?

A program is `__main__`, and not something that was executed under this name: pickle, process pools,
typing and dataclasses look for its names in sys.modules["__main__"], also in its callbacks, when
its top level has long ended. `exec` in a dict of one's own leaves another module there, and
runpy.run_path takes the program's away when the top level ends. So the module here stays, as in
`python -m pdb`.
"""

import builtins
import os
import pkgutil
import runpy
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from io import BytesIO
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

PACKAGE = str(Path(__file__).parent)


class NoProgram(Exception):
    """What was named cannot be run; the message says why."""


def file_as_main(file: str, *arguments: str) -> Callable[[], object]:
    """What `python FILE ARGUMENTS` would run. NoProgram."""
    path = os.path.join(os.getcwd(), file)  # Python leaves a `..` in it
    holds_main = pkgutil.get_importer(path) is not None  # a folder or a zip file
    if holds_main:
        spec = PathFinder.find_spec("__main__", [path])
        if spec is None:
            raise NoProgram(f"there is no __main__.py in {file}. Name a Python file")
        loader: Any = spec.loader
        code, names = loader.get_code("__main__"), names_of(spec)
    else:
        code = code_of(file, path)
        loader = SourceFileLoader("__main__", path)
        names = {"__file__": path, "__cached__": None, "__loader__": loader}
    if not sys.flags.safe_path:
        del sys.path[0]  # the working folder, which `-m` put there
    if holds_main or not sys.flags.safe_path:
        sys.path.insert(0, path if holds_main else os.path.dirname(os.path.realpath(path)))
    return as_main(code, [file, *arguments], names)


def code_of(file: str, path: str) -> CodeType:
    """The code of a file, which may be compiled already. NoProgram.

    file: as the user wrote it. path: as a traceback shows it.
    """
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise NoProgram(
            f"there is no file {file}. Name a Python file, or none for the main example"
        ) from None
    except OSError as error:
        raise NoProgram(f"{file} cannot be read: {error.strerror}. Name another file") from None
    compiled: CodeType | None = pkgutil.read_code(BytesIO(content))
    return compiled or compile(content, path, "exec", dont_inherit=True)


def module_as_main(name: str, *arguments: str) -> Callable[[], object]:
    """What `python -m NAME ARGUMENTS` would run. NoProgram."""
    sys.argv = ["-m", *arguments]  # what a package sees that is imported on the way
    # Python's own answer, which pdb and trace ask for as well; there is no public name for it
    _, spec, code = runpy._get_module_details(name, NoProgram)  # type: ignore[attr-defined]
    return as_main(code, [spec.origin, *arguments], names_of(spec))


def names_of(spec: ModuleSpec) -> dict[str, object]:
    """What a module has from its spec."""
    return {
        "__file__": spec.origin,
        "__cached__": spec.cached,
        "__loader__": spec.loader,
        "__package__": spec.parent,
        "__spec__": spec,
    }


def as_main(
    code: CodeType | None, arguments: list[str], names: dict[str, object]
) -> Callable[[], object]:
    """A call that runs the code as `__main__`, which from now on is a new module with these names.

    arguments: for sys.argv.
    """
    if code is None:
        raise NoProgram(f"{arguments[0]} holds no Python code. Name another program")
    module = ModuleType("__main__")
    if sys.version_info < (3, 14):
        module.__annotations__ = {}
    vars(module).update(names, __builtins__=builtins)
    sys.modules["__main__"] = module
    sys.argv = arguments
    return lambda: exec(code, vars(module))


def show(error: BaseException) -> None:
    """Show it as `python FILE` does: from the program's first line on, or by the program's hook."""
    trace = error.__traceback__
    while trace and trace.tb_frame.f_code.co_filename.startswith((PACKAGE, "<frozen ")):
        trace = trace.tb_next
    if trace or isinstance(error, SyntaxError):  # the latter of the program's file itself
        error = error.with_traceback(trace)
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
    sys.excepthook(type(error), error, error.__traceback__)
