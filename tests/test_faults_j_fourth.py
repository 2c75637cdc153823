"""Faults J in Jupyter, found by who tried to break them a fourth time."""

from pathlib import Path

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


@pytest.mark.parametrize("head", ["%%minirt --trace logs", "%%minirt --asyncio --trace logs"])
def test_a_handler_of_logging_from_an_earlier_cell_is_in_the_views_console(
    cells: Kernel, head: str
) -> None:
    cells.run("import logging\nlogging.basicConfig(level='INFO', format='%(message)s', force=True)")
    cell = cells.run(f"{head}\nlogging.info('it begins')\nprint('it runs')")
    assert cell.err == "it begins\n" and cell.out.startswith("it runs\n")
    read = "%minirt trace logs\n[event.detail for event in one.recorder if event.kind == 'printed']"
    said = cells.run(f"one = {read}").shown[0]["text/plain"]
    assert "'text': 'it begins', 'stream': 'stderr'" in said and "'text': 'it runs'" in said
    after = cells.run("logging.info('after')\nimport sys\nprint('Ear' in repr(sys.stderr.write))")
    assert after.err == "after\n" and after.out == "False\n"


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
    assert cells.run("print('after')").out == "after\n"
    assert cells.run("%%minirt\nprint('another')").out == "another\n"
    assert cells.run(NEXT).out == "next OutStream\n"


# --- J1: where a program is that hears no interrupt ---


def test_a_place_in_another_file_is_told_with_its_name(cells: Kernel, tmp_path: Path) -> None:
    (tmp_path / "slow_to_import.py").write_text("print('busy')\n\n\n\ngo.wait(20)\n")
    cells.run(
        "import builtins, sys, threading\nbuiltins.go = threading.Event()\n"
        f"sys.path.insert(0, {str(tmp_path)!r})"
    )
    cell = interrupted(cells, "%%minirt\nimport slow_to_import")
    assert "is still at line 5 of <module> in slow_to_import.py" in cell.traceback
    cells.run("go.set()\ndel sys.path[0], builtins.go")


# --- J2, J4: what is shown of an error ---

GROUPS = {
    "a group": "raise ExceptionGroup('several', [ValueError('one'), KeyError('two')])",
    "one that a group led to": (
        "\n    try: raise ExceptionGroup('several', [ValueError('one')])"
        "\n    except* ValueError as group: raise RuntimeError('worse') from group"
    ),
}


@pytest.mark.parametrize("head", ["%%minirt", "%%time\n%%minirt"])
@pytest.mark.parametrize("body", GROUPS.values(), ids=GROUPS)
def test_of_a_group_the_readers_frames_are_shown_alone(cells: Kernel, body: str, head: str) -> None:
    cell = cells.run(f"{head}\n\ndef fail(_):\n    {body}\nset_timeout(1, fail)")
    assert "several" in cell.err and "in fail" in cell.err
    assert "minirt/" not in cell.err and "IPython/" not in cell.err
    assert cell.err.count("def fail(_)") == 0, "that line has raised nothing"


@pytest.mark.parametrize("above", ["", "# above\n"])
def test_the_traceback_of_the_last_error_has_no_line_that_did_not_run(
    cells: Kernel, above: str
) -> None:
    cells.run(f"{above}%%minirt\ndef fail(_):\n    1 / 0\nset_timeout(1, fail)")
    last = cells.run("%tb").traceback
    assert "----> " in last and "1 / 0" in last
    assert "def fail(_):" not in [line[8:] for line in last.splitlines() if "-->" in line]


# --- J9: cells that another library awaits ---


def test_a_program_runs_where_cells_await_something_else(cells: Kernel) -> None:
    pytest.importorskip("trio")
    cells.run("%autoawait trio")
    cell = cells.run("%%minirt\nset_timeout(1, lambda _: print('ran'))")
    cells.run("%autoawait asyncio")
    assert cell.out == "ran\n" and cell.traceback == ""
    assert "runs to its end without the live view" in cell.err


# --- J20: objects that are called ---


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_an_object_whose_call_makes_a_generator_is_refused_at_the_readers_line(
    cells: Kernel, kind: str
) -> None:
    cell = cells.run(
        f"%%minirt\nclass Steps:\n    {kind} __call__(self, value):\n        yield 1\n"
        "set_timeout(1, Steps())"
    )
    assert "----> 5 set_timeout(1, Steps())" in cell.traceback
    assert "__call__ (line 3) has a `yield`" in cell.traceback


# --- J1: the line at which an asyncio program was ---

AT_WORK = {
    "a main": "async def main():\n    print('busy')\n    while True: pass\nasyncio.run(main())",
    "the cell": "await asyncio.sleep(0)\nprint('busy')\nwhile True: pass",
    "no loop": "print('busy')\nwhile True: pass",
}


@pytest.mark.parametrize("head", ["%%minirt --asyncio", "%%minirt --asyncio --sim"])
@pytest.mark.parametrize("text", AT_WORK.values(), ids=AT_WORK)
def test_the_line_at_which_an_asyncio_program_was_is_shown(
    cells: Kernel, text: str, head: str
) -> None:
    cell = interrupted(cells, f"{head}\nimport asyncio\n{text}")
    shown = [line for line in cell.traceback.splitlines() if "-->" in line]
    assert shown and shown[-1].endswith("while True: pass")
    assert "the program was stopped" in cell.traceback
    assert cells.run(NEXT).out == "next OutStream\n"


@pytest.mark.parametrize("head", ["%%minirt", "%%minirt --asyncio", "%%minirt --sim"])
def test_an_interrupt_that_comes_before_the_program_begins_is_said_to_be_one(
    cells: Kernel, head: str
) -> None:
    cells.run(
        "import signal\ndef interrupt(info):\n"
        "    get_ipython().events.unregister('pre_run_cell', interrupt)\n"
        "    signal.raise_signal(signal.SIGINT)"
    )
    cells.run("get_ipython().events.register('pre_run_cell', interrupt)")
    cell = cells.run(f"{head}\nwhile True: pass")
    assert "KeyboardInterrupt: the program was " in cell.traceback
    assert "CancelledError" not in cell.traceback and "minirt/" not in cell.traceback
    assert cells.run("%minirt").out.startswith("interrupted")
    assert cells.run(NEXT).out == "next OutStream\n"
