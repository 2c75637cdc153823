"""Faults J in Jupyter, found by who tried to break them a fourth time."""

import pytest

from tests.kernels import Kernel, interrupted

pytestmark = pytest.mark.slow  # real kernels

NEXT = "import sys\nprint('next', type(sys.stdout).__name__)"


# --- J6: what a program puts in place of the output ---

AROUND = """%%minirt
import sys
class Twice:
    def __init__(self): self.stream, self.also = sys.stdout, []
    def write(self, text):
        self.also.append(text)
        return self.stream.write(text)
    def flush(self): self.stream.flush()
    def __getattr__(self, name): return getattr(self.stream, name)
before = sys.stdout
sys.stdout = twice = Twice()
print('one')
"""
LATER = {
    "it stays there": ("print('between')", "one between two after"),
    "it is taken away in a later cell": ("sys.stdout = before; print('between')", "one"),
}


@pytest.mark.parametrize(("between", "also"), LATER.values(), ids=LATER)
def test_what_a_program_puts_around_the_output_may_stay_there(
    cells: Kernel, between: str, also: str
) -> None:
    cells.run("import sys\nkernels = sys.stdout")
    assert cells.run(AROUND).out == "one\n"
    assert cells.run(between).out == "between\n"
    for head in ("%%minirt --trace two", "%%time\n%%minirt", "%%minirt --asyncio"):
        cell = cells.run(f"{head}\nprint('two')")
        assert cell.status == "ok" and cell.out.startswith("two\n")
    noted = cells.run("two = %minirt trace two\nprint(two.console.texts())")
    assert noted.out == "['two']\n", "once"
    assert cells.run("print('after')").out == "after\n"
    heard = cells.run("print(*''.join(twice.also).split()); sys.stdout = kernels")
    assert heard.out.split()[0] == "one" and set(also.split()) <= set(heard.out.split())


def test_a_program_that_is_left_alone_does_not_keep_the_output_of_other_cells(
    cells: Kernel,
) -> None:
    cells.run("import contextlib, io, threading\ngo = threading.Event()")
    cell = interrupted(
        cells,
        "%%minirt\nprint('busy')\nwith contextlib.redirect_stdout(io.StringIO()):\n"
        "    try: go.wait(20)\n    except KeyboardInterrupt: print('its last words')",
    )
    assert 'thread "main" is still at line' in cell.traceback
    assert cells.run(NEXT).out == "next OutStream\n"
    cells.run("go.set()")
    cells.hear(cell, "its last words")  # under its own cell
    assert cells.run("%%minirt\nprint('another')").out == "another\n"
    assert cells.run("print('after')").out == "after\n"
