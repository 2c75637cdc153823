"""How do a chapter's cells run in a page, where there is no kernel?

In IPython's own shell, as everywhere. A kernel would send messages; here each output is handed to
the page as JSON, in the shape in which a notebook keeps it. The page calls `start` once, and
`run_cell` for each cell.
"""

import ast
import json
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from io import TextIOBase
from typing import Any, TypeAlias

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type

from minirt.lacking import ON_YOUR_MACHINE, NotInABrowser, refuse_what_is_lacking, sentence_of
from minirt.watching.tracebacks import sendable

DEFINES = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
Emit: TypeAlias = Callable[[str], object]  # hears one output, as JSON


class Stream(TextIOBase):
    """Standard output, or the errors: each line is an output."""

    def __init__(self, name: str, outputs: "Outputs") -> None:
        self._name = name
        self._outputs = outputs
        self._begun: list[str] = []  # a line that has no end yet

    encoding = "utf-8"

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._begun.append(text)
        if "\n" in text:
            self.flush()
        return len(text)

    def flush(self) -> None:
        if self._begun:
            text = "".join(self._begun)
            self._begun.clear()
            self._outputs.send({"output_type": "stream", "name": self._name, "text": text})


class Outputs:
    """Hands outputs to the page, in their order."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self.streams = [Stream(name, self) for name in ("stdout", "stderr")]

    def send(self, output: dict[str, Any]) -> None:
        """What was printed before it comes first."""
        self.flush()
        self._emit(sendable(json.dumps(output, ensure_ascii=False, default=str)))

    def flush(self) -> None:
        for stream in self.streams:
            stream.flush()


class Publisher(DisplayPublisher):
    """What `display` calls."""

    outputs: Outputs

    def publish(
        self,
        data: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        source: str = "",
        *,
        transient: dict[str, Any] | None = None,
        update: bool = False,
        **others: object,
    ) -> None:
        self.outputs.send(
            {
                "output_type": "update_display_data" if update else "display_data",
                "data": data,
                "metadata": metadata or {},
                "transient": transient or {},
            }
        )

    def clear_output(self, wait: bool = False) -> None:
        self.outputs.send({"output_type": "clear_output", "wait": wait})


class Hook(DisplayHook):
    """What shows the value of a cell's last line."""

    outputs: Outputs

    def start_displayhook(self) -> None:
        self._result: dict[str, Any] = {}

    def write_output_prompt(self) -> None:
        pass  # the number is a field of the output

    def write_format_data(
        self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None
    ) -> None:
        self._result = {"data": format_dict, "metadata": md_dict or {}}

    def finish_displayhook(self) -> None:
        if self._result.get("data"):
            count = self.prompt_count
            self.outputs.send(
                {"output_type": "execute_result", "execution_count": count, **self._result}
            )


class PageShell(InteractiveShell):
    """IPython for a page."""

    outputs: Outputs
    kernel = None  # as a shell that can display what is not text has one
    display_pub_class = Type(Publisher)
    displayhook_class = Type(Hook)

    def get_parent(self) -> dict[str, Any]:
        """What a kernel would say of the request that it works on."""
        return {"header": {"msg_type": "execute_request"}}

    def _showtraceback(self, etype: Any, evalue: Any, stb: list[str]) -> None:
        sentence = sentence_of(evalue)
        try:
            text = str(evalue)
        except Exception:  # code of the reader's own makes it
            text = ""
        self.outputs.send(
            {
                "output_type": "error",
                "ename": etype.__name__,
                "evalue": text,
                "traceback": [sentence] if sentence else stb,
            }
        )

    def system(self, cmd: str) -> None:
        raise NotInABrowser("processes")

    def enable_gui(self, gui: str | None = None) -> None:
        if gui is not None:
            raise UsageError(
                f"%gui {gui}: a page has no kernel that could be idle. {ON_YOUR_MACHINE}"
            )


async def start(emit: Emit) -> None:
    """Make the shell. Each output goes to `emit` as JSON: {"output_type": ...}."""
    refuse_what_is_lacking()
    shell: Any = PageShell.instance()
    outputs = Outputs(emit)
    for one in (shell, shell.display_pub, shell.displayhook):
        one.outputs = outputs
    sys.stdout, sys.stderr = outputs.streams


def pass_over(source: str, instead: str = "") -> bool:
    """A cell that cannot run here: what it imports and defines is there for those after it.

    instead: more that they need. It runs in the cell's place, and is not shown. Did it end well?
    """
    shell: Any = PageShell.instance()
    try:
        statements = ast.parse(source).body
    except SyntaxError:  # it begins with a magic
        statements = []
    for one in statements:
        if isinstance(one, DEFINES):
            with suppress(Exception):  # what it stands on cannot be here either
                exec(compile(ast.Module([one], []), "<passed over>", "exec"), shell.user_ns)
    try:
        exec(instead, shell.user_ns)
    except Exception:  # it needs what a reader has changed: who needs this in turn says so
        return False
    return True


def run_cell(source: str) -> bool | Coroutine[Any, Any, bool]:
    """Run one cell of a notebook to its end. Did it end well?

    The page awaits what this returns. A cell that awaits nothing is over by then: it runs outside
    of every task, so that it may run loops and tasks of its own.
    """
    shell: Any = PageShell.instance()
    failed = None
    try:
        cell = shell.transform_cell(source)
    except Exception:  # it is no Python: IPython shows where
        cell, failed = source, sys.exc_info()
    running = shell.run_cell_async(
        source, store_history=True, transformed_cell=cell, preprocessing_exc_tuple=failed
    )
    if shell.should_run_async(source, transformed_cell=cell, preprocessing_exc_tuple=failed):
        return _awaited(shell, running)
    try:
        running.send(None)
    except StopIteration as over:
        return _ended(shell, over.value)
    raise AssertionError("a cell without an await has waited")


async def _awaited(shell: Any, running: Coroutine[Any, Any, Any]) -> bool:
    return _ended(shell, await running)


def _ended(shell: Any, result: Any) -> bool:
    """What a kernel does after a cell."""
    shell.events.trigger("post_execute")
    shell.events.trigger("post_run_cell", result)
    shell.outputs.flush()
    return bool(result.success)
