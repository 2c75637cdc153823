"""How does a cell that begins with `%%minirt` become a program, and still run as a normal cell?

By its text, before IPython reads it: a cell magic that ran the cell itself could not contain
`await`, and would fire the cell's events twice.

The trap: IPython also reads cells that it will run in one go, where an `await` is an error, as the
one below `%%time`, or those of a file. Nothing tells them apart but who asks. So only a cell that
is what a front end has asked the kernel to run becomes an `await`. All others stay what they are,
and IPython calls the magic itself.

IPython finds a magic in a cell's first line alone. A comment above it is no reason to refuse it.
"""

import ast
import warnings
from typing import Any

from IPython.core import inputtransformer2
from IPython.core.getipython import get_ipython

from minirt.magics.options import first_below

ROOM = 'get_ipython().magics_manager.registry["MinirtMagics"]'

FINISH = "__import__('minirt.magics.running').magics.running.finish"  # also when it was unloaded
OURS = ("%%minirt", "%%exercise", "%%node")


def rewrite(lines: list[str]) -> list[str]:
    """A transform for `ip.input_transformers_cleanup`: the lines of any cell, with their ends."""
    above = next((number for number, line in enumerate(lines) if is_code(line)), len(lines))
    ipython: Any = inputtransformer2  # has no types
    cell: list[str] = ipython.leading_indent(lines[above:])
    words = cell[0].split(None, 1) if cell else []
    if not words or words[0] not in OURS:
        return lines
    options = words[1].strip() if len(words) > 1 else ""
    if words[0] == "%%exercise":
        text = "".join(lines[:above] + commented(cell))
        return [*lines[:above], f"{ROOM}.begin({options!r}, {text!r})\n", *cell[1:]]
    is_below = first_below("".join(cell[1:])).startswith("%%")  # the magic itself says so
    if words[0] != "%%minirt" or is_below or not is_asked_for("".join(lines)):
        return lines[above:]
    magics = ipython.TransformerManager()
    program: list[str] = lines[:above] + magics.do_token_transforms(commented(cell))
    if not parses("".join(program)):
        return program  # IPython finds the error itself, and shows it as in any other cell
    # two statements: an exception such as StopIteration gets out of the second one only. Both in
    # the line of the magic, where %tb and the debugger find them
    play = f"await {ROOM}.program({options!r}, {''.join(program)!r})"
    return [*lines[:above], f"{play}; {FINISH}()\n"]


# IPython asks every transform without side effects whether a cell is complete. This one stays out
# of it, so that a terminal treats these cells as it does every other cell magic.
rewrite.has_side_effects = True  # type: ignore[attr-defined]


def is_code(line: str) -> bool:
    """Is it more than a blank line, or a comment?"""
    return bool(line.strip()) and not line.lstrip().startswith("#")


def is_asked_for(text: str) -> bool:
    """Is this the cell that a front end has asked for, in a kernel that can await?"""
    shell: Any = get_ipython()
    if getattr(shell, "kernel", None) is None or not shell.autoawait:
        return False
    runners = shell.loop_runner_map.items()  # those of %autoawait
    if any(name != "asyncio" and shell.loop_runner is runner for name, (runner, _) in runners):
        return False  # `%autoawait trio`: what awaits is trio's
    asked = shell.get_parent().get("content", {}).get("code")
    return isinstance(asked, str) and asked.strip() == text.strip()


def commented(cell: list[str]) -> list[str]:
    """The cell with its first line as a comment: Python, and every line at its place."""
    return ["# " + cell[0], *cell[1:]]


def parses(text: str) -> bool:
    """Would IPython take this as a cell?"""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they come again when it is compiled
        try:
            compile(text, "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        except (SyntaxError, ValueError):
            return False
    return True
