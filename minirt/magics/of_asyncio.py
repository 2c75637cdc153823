"""How does a cell run that is an ordinary asyncio program?

There are three kinds, and the text tells them apart. One awaits at its top level, as cells do: it
is a coroutine, and runs on the loop. One starts a loop itself, with `asyncio.run(main())`: it runs
beside the loop that it starts. And one does neither, but makes a task, as cells do: it runs on the
loop as well. A cell may even do the first and the second in turn: then each part runs in its way.
"""

import ast
import asyncio
import inspect
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from minirt import Recorder, Simulation
from minirt.aio.program import AsyncioProgram
from minirt.magics.console import Console, Tee
from minirt.magics.program import Program, names_in, noting, remember_lines

# whoever calls one of these runs a loop of its own
STARTS_A_LOOP = frozenset(
    ("run", "Runner", "run_until_complete", "run_forever", "run_app", "new_event_loop")
)


class ProgramOfAsyncio(AsyncioProgram):
    """A program whose prints are heard, and that keeps what it raised."""

    console: Console
    tee: Tee
    raised: BaseException | None = None

    def run(self, main: Any) -> None:
        try:
            self.tee.hear(self.console, lambda: super(ProgramOfAsyncio, self).run(main))
        except BaseException as error:
            self.raised = error
            raise

    def _run(self, main: Any) -> Any:
        try:
            return super()._run(main)
        finally:
            self.console.end()  # as long as there is a loop to note it


def new_program_of_asyncio(seed: int | None, name: str, tee: Tee) -> Program:
    """A program to be run, with a recorder. `seed` None: in real time."""
    recorder = Recorder()
    runtime = ProgramOfAsyncio(None if seed is None else Simulation(seed), recorder)
    runtime.tee = tee
    runtime.console = Console(recorder, noting(runtime))
    return Program(runtime, recorder, runtime.console, name, seed)


def main_of_asyncio(text: str, filename: str, shell: InteractiveShell) -> Callable[[], object]:
    """A call that runs `text` with the notebook's names, or returns a coroutine that does."""
    remember_lines(text, filename)
    names = shell.user_ns
    try:
        parts = list(parts_of(text, filename, shell))
    except SyntaxError as error:
        reason = f"{error.msg} (line {error.lineno})"
        raise UsageError(f"%%minirt --asyncio: {reason}") from None
    if len(parts) > 1:
        return lambda: run_in_turn(parts, names)
    (part,) = parts
    if is_coroutine(part) or STARTS_A_LOOP & set(names_in(part)):
        return lambda: eval(part, names)

    async def main() -> None:
        exec(part, names)
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)

    return main


def parts_of(text: str, filename: str, shell: InteractiveShell) -> Iterator[CodeType]:
    """The cell as one piece of code; in pieces if it awaits here, and starts a loop there."""
    whole = code_of(text, filename, shell)
    if not is_coroutine(whole) or not STARTS_A_LOOP & set(names_in(whole)):
        yield whole
        return
    tree = ast.parse(text, filename)
    statements: list[ast.stmt] = []  # that run on the loop, one after the other
    for statement in tree.body:
        code = code_of(ast.Module([statement], []), filename, shell)
        if is_coroutine(code) or not any(map(starts_a_loop, ast.walk(statement))):
            statements.append(statement)
            continue
        if statements:
            yield code_of(ast.Module(statements, []), filename, shell)
            statements = []
        yield code
    if statements:
        yield code_of(ast.Module(statements, []), filename, shell)


def starts_a_loop(node: ast.AST) -> bool:
    """Is this `asyncio.run(...)`, or the like?"""
    match node:
        case ast.Call(func=ast.Name(id=name)):
            return name in STARTS_A_LOOP
        case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=name)):
            return name in STARTS_A_LOOP and (owner == "asyncio" or name not in ("run", "Runner"))
    return False


def code_of(text: str | ast.Module, filename: str, shell: InteractiveShell) -> CodeType:
    compiler: Any = shell.compile
    with compiler.extra_flags(ast.PyCF_ALLOW_TOP_LEVEL_AWAIT):
        code: CodeType = compiler(text, filename, "exec")
    return code


def is_coroutine(code: CodeType) -> bool:
    return bool(code.co_flags & inspect.CO_COROUTINE)


def run_in_turn(parts: list[CodeType], names: dict[str, Any]) -> None:
    """Each part in its way."""
    for part in parts:
        if is_coroutine(part):
            asyncio.run(eval(part, names))
        else:
            exec(part, names)
