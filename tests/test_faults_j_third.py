"""Faults J in Jupyter, found by who tried to break them a third time."""

import pytest

from tests.kernels import Kernel, interrupted

pytestmark = pytest.mark.slow  # real kernels

NEXT = "import sys\nprint('next', type(sys.stdout).__name__)"


def indented(text: str) -> str:
    return text.replace("\n", "\n    ")


# --- J1: one interrupt, where a cell runs a runtime itself ---

POOL = "\nadd = Runtime.current().register_event_threadpool\nadd(f, TaskKind('Spin'), print)"
SWALLOWS = """    for _ in range(8):
        try:
            while True: sum(range(1000))
        except BaseException: pass
    while True: pass"""
SLEEPS_AGAIN = """    for _ in range(2):
        try: time.sleep(30)
        except BaseException: pass
    time.sleep(30)"""
HELD = {
    "a callback that swallows many": (SWALLOWS, "\nset_immediate(f)"),
    "one that sleeps again": (SLEEPS_AGAIN, "\nset_immediate(f)"),
    "an endless task of the pool": ("    while True: pass", POOL),
    "one that hears nothing": ("    go.wait(20)", POOL),
}
RUNS = {
    "a run": "def main():\n    {}\nRuntime().run(main)",
    "a run after an await": ("await asyncio.sleep(0)\ndef main():\n    {}\nRuntime().run(main)"),
    "turn by turn": "def main():\n    {}\nrt = Runtime()\nrt.start(main)\nwhile rt.tick(): pass",
}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize(("body", "start"), HELD.values(), ids=HELD)
def test_one_interrupt_ends_what_a_cell_runs_itself(
    cells: Kernel, body: str, start: str, run: str
) -> None:
    cells.run("import asyncio, threading, time\nfrom minirt import *\ngo = threading.Event()")
    program = f"def f(*_):\n    print('busy')\n{body}{start}"
    cell = interrupted(cells, run.format(indented(program)))
    assert "KeyboardInterrupt" in cell.traceback
    assert cell.traceback.count("minirt/") == 0
    assert cells.run(f"go.set()\n{NEXT}").out == "next OutStream\n"


@pytest.mark.parametrize(
    "body",
    [
        "print('busy'); time.sleep(30)",
        "Runtime().run(lambda: [print('busy'), time.sleep(30)] and None)",
        "Runtime().run(lambda: print('busy') or set_timeout(30_000, print))",
    ],
)
def test_one_interrupt_ends_the_wait_for_the_pool_after_what_was_interrupted(
    cells: Kernel, body: str
) -> None:
    cells.run("import threading, time\nfrom minirt import *\ngo = threading.Event()")
    cell = interrupted(
        cells,
        "with Runtime() as rt:\n"
        "    rt.start(lambda: rt.register_event_threadpool(go.wait, TaskKind('Wait'), print))\n"
        f"    {body}",
    )
    assert "KeyboardInterrupt" in cell.traceback
    assert cells.run(f"go.set()\n{NEXT}").out == "next OutStream\n"


CAUGHT = {
    "a sleep": "print('busy'); time.sleep(30)",
    "a run": "Runtime().run(lambda: [print('busy'), time.sleep(30)] and None)",
    "a run that waits": "Runtime().run(lambda: print('busy') or set_timeout(30_000, print))",
    "a run whose pool has worked": (
        "def main():\n"
        "    add = Runtime.current().register_event_threadpool\n"
        "    for _ in range(4): add(lambda: time.sleep(0.1), TaskKind('Short'), lambda _: None)\n"
        "    set_timeout(200, lambda _: [print('busy'), time.sleep(30)] and None)\n"
        "Runtime().run(main)"
    ),
    "turn by turn": (
        "rt = Runtime()\n"
        "rt.start(lambda: print('busy') or set_immediate(lambda _: time.sleep(30)))\n"
        "while rt.tick(): pass"
    ),
}
AFTERWARDS = {
    "one run": "Runtime().run(lambda: set_timeout(600, lambda _: print('cleaned up')))",
    "many that are short": (
        "until = time.monotonic() + 0.6\n"
        "while time.monotonic() < until: Runtime().run(lambda: None)\n"
        "print('cleaned up')"
    ),
    "turn by turn": (
        "rt = Runtime()\n"
        "rt.start(lambda: set_timeout(600, lambda _: print('cleaned up')))\n"
        "while rt.tick(): pass\n"
        "rt.close()"
    ),
    "a close that waits": (
        "with Runtime() as rt:\n"
        "    rt.start(lambda: rt.register_event_threadpool("
        "lambda: time.sleep(0.6), TaskKind('Wait'), print))\n"
        "print('cleaned up')"
    ),
}


@pytest.mark.parametrize(
    ("caught", "afterwards"),
    [
        ("a sleep", "many that are short"),
        ("a sleep", "a close that waits"),
        ("a run", "one run"),
        ("a run", "a close that waits"),
        ("a run whose pool has worked", "a close that waits"),
        ("a run that waits", "turn by turn"),
        ("turn by turn", "many that are short"),
        ("turn by turn", "one run"),
    ],
)
def test_an_interrupt_that_a_cell_catches_itself_comes_once(
    cells: Kernel, caught: str, afterwards: str
) -> None:
    """What it runs afterwards is another thing."""
    cell = interrupted(
        cells,
        "import time\nfrom minirt import *\n"
        f"try:\n    {indented(CAUGHT[caught])}\n"
        f"except KeyboardInterrupt:\n    {indented(AFTERWARDS[afterwards])}",
    )
    assert cell.traceback == ""
    assert cell.out.split() == ["busy", "cleaned", "up"]


def test_a_cell_that_hears_interrupts_in_its_own_way_hears_no_more_than_came(
    cells: Kernel,
) -> None:
    cell = interrupted(
        cells,
        "import signal, time\nheard = []\n"
        "try: print('busy'); time.sleep(30)\n"
        "except KeyboardInterrupt: pass\n"
        "before = signal.signal(signal.SIGINT, lambda *about: heard.append(about))\n"
        "until = time.monotonic() + 0.5\n"
        "while time.monotonic() < until: sum(range(1000))\n"
        "_ = signal.signal(signal.SIGINT, before)\nprint('heard', len(heard))",
    )
    assert cell.out.split() == ["busy", "heard", "0"]


@pytest.mark.parametrize("body", [SWALLOWS, SLEEPS_AGAIN])
def test_one_interrupt_ends_a_callback_while_the_kernel_is_idle(cells: Kernel, body: str) -> None:
    cells.run("%gui minirt\nimport time\nfrom minirt import *")
    cell = cells.run(f"def f(*_):\n    print('busy')\n{body}\n_ = set_timeout(1, f)")
    cells.hear(cell, "busy")
    cells.interrupt()
    cells.watch(lambda: "KeyboardInterrupt" in cell.traceback, seconds=5)
    assert cells.run(NEXT).out == "next OutStream\n"


def test_a_coroutine_that_refuses_to_end_complains_in_no_later_cell(cells: Kernel) -> None:
    cells.run("import asyncio, gc")
    cell = interrupted(
        cells,
        "%%time\n%%minirt --asyncio\nasync def main():\n    print('busy')\n    while True:\n"
        "        try: await asyncio.sleep(0.01)\n        except BaseException: pass\n"
        "asyncio.run(main())",
    )
    assert "KeyboardInterrupt" in cell.traceback
    later = cells.run("_ = gc.collect(); " + NEXT)
    assert (later.out, later.err) == ("next OutStream\n", "")


def test_checks_that_are_interrupted_are_said_to_be_in_one_sentence(cells: Kernel) -> None:
    cell = interrupted(
        cells,
        "%%exercise identity_8_bits\nclass Identities:\n"
        "    def __getattr__(self, name):\n        print('busy', flush=True)\n"
        "        while True: pass\n    def __init__(self, taken): self.any",
    )
    assert "identity_8_bits: its checks were interrupted. Run the cell again" in cell.out
    assert (cell.traceback, cell.err) == ("", "")
    assert cells.run(NEXT).out == "next OutStream\n"


# --- J2, J5, J11: an error that IPython cannot show, in whatever way it gets out ---

CANNOT_BE_SHOWN = {
    "its truth": "type('Odd', (Exception,), {'__bool__': lambda self: 1 / 0})('told')",
    "it is false": "type('Odd', (Exception,), {'__len__': lambda self: 0})('told')",
    "its notes": "type('Odd', (Exception,), {'__notes__': property(lambda self: 1 / 0)})('told')",
    "a note": "noted(ValueError('told'), '\\ud800')",
    "a circle": "circle(ValueError('told'), KeyError('other'))",
    "a part of a group": "ExceptionGroup('told', [ValueError('\\ud800')])",
    "a line that is no number": "SyntaxError('told', ('f.py', 'x', 'y', None))",
    "a file that is none": "SyntaxError('told', (5, 1, 1, 'x'))",
    "a text that cannot be sent": "SyntaxError('told', ('f.py', 1, 1, '\\ud800'))",
}
WAYS = {
    "play": "rt = Runtime()\nawait rt.play(lambda: rt.set_timeout(1, fail), view=False)",
    "a program": "get_ipython().run_cell_magic('minirt', '', 'set_timeout(1, fail)')",
    "idle": "_ = set_timeout(1, fail)",
}
MAKE = """from minirt import *
def noted(error, note):
    error.__notes__ = [note]
    return error
def circle(first, second):
    first.__context__, second.__context__ = second, first
    return first
"""


@pytest.mark.parametrize("error", CANNOT_BE_SHOWN.values(), ids=CANNOT_BE_SHOWN)
def test_an_error_that_cannot_be_shown_has_another_in_its_place(cells: Kernel, error: str) -> None:
    cells.run(f"%gui minirt\n{MAKE}")
    for way in WAYS.values():
        cell = cells.run(f"def fail(_):\n    raise {error}\n{way}")
        cells.watch(lambda cell=cell: "told" in cell.traceback)
        assert "    raise " in cell.traceback, "the reader's line"
        assert cell.traceback.count("minirt/") <= 3 and "cannot be shown" not in cell.err
        assert cells.run(NEXT).out == "next OutStream\n"


def test_a_cell_whose_own_run_raises_what_cannot_be_sent_comes_to_its_end(cells: Kernel) -> None:
    cell = cells.run(
        "import sys\nfrom minirt import *\n"
        "Runtime().run(lambda: set_timeout(1, lambda _: sys.exit('\\ud800')))"
    )
    assert cell.status == "error" and "SystemExit: \\ud800" in cell.traceback
    assert cells.run(NEXT).out == "next OutStream\n"


def test_a_syntax_error_of_a_callback_shows_the_readers_line_while_the_kernel_is_idle(
    cells: Kernel,
) -> None:
    cells.run("%gui minirt\nfrom minirt import *")
    cell = cells.run("def fail(_):\n    exec('x x')\n\n_ = set_timeout(1, fail)")
    cells.watch(lambda: "SyntaxError" in cell.traceback)
    assert "exec('x x')" in cell.traceback


# --- J9: a magic below another one ---


@pytest.mark.parametrize("between", ["", "\n# a comment\n"])
@pytest.mark.parametrize("head", ["%%minirt", "%%time\n%%minirt", "%%exercise identity_8_bits"])
def test_a_magic_below_one_of_ours_is_told_to_stand_above_it(
    cells: Kernel, head: str, between: str
) -> None:
    cell = cells.run(f"{head}\n{between}%%time\nprint('ran')")
    name = head.rpartition("\n")[2].split()[0]
    assert cell.err.startswith(f"UsageError: {name}: %%time stands below it")
    assert cell.err.count("\n") == 1 and "ran" not in cell.out and cell.traceback == ""


# --- J16: what play is shown by ---


def test_play_takes_true_for_a_new_view_and_says_what_else_it_takes(cells: Kernel) -> None:
    cells.run("from minirt import *")
    shown = cells.run("await Runtime().play(lambda: print('played'), view=True)")
    assert "minirt-widget" in shown.html() and shown.out == "played\n" and shown.err == ""
    for view in ("5", "'live'", "[]"):
        cell = cells.run(f"await Runtime().play(lambda: print('played'), view={view})")
        assert f"NotAView: got view={view}, expected None for a new view" in cell.traceback
        assert "minirt/" not in cell.traceback and cell.out == ""


# --- J18: unloaded in the middle of an answer ---


def test_an_answer_whose_cell_unloads_the_extension_rings_no_alarm_later(cells: Kernel) -> None:
    cells.run("%%exercise identity_8_bits\n%unload_ext minirt\nprint('ran')")
    left = cells.run("import signal\nprint(signal.getitimer(signal.ITIMER_REAL))")
    assert left.out == "(0.0, 0.0)\n"
    cells.run("%load_ext minirt")


# --- J11: an error that a play has raised is the reader's ---

SAVED = (
    "def fail(_): raise ValueError('first')\n"
    "try: await Runtime().play(lambda: set_timeout(1, fail), view=False)\n"
    "except ValueError as error: saved = error"
)


def test_an_error_that_is_raised_once_more_is_shown_with_its_new_lines(cells: Kernel) -> None:
    cells.run("from minirt import *")
    cells.run(SAVED)
    cell = cells.run("def later():\n    raise saved\nlater()")
    assert "----> 3 later()" in cell.traceback and "----> 2     raise saved" in cell.traceback
    assert "def fail(_): raise ValueError" in cell.traceback
    assert "minirt/" not in cell.traceback


def test_an_error_that_a_play_has_raised_can_be_pickled_and_copied(cells: Kernel) -> None:
    cells.run("import copy, pickle\nfrom minirt import *")
    cells.run(SAVED)
    cell = cells.run("print(repr(pickle.loads(pickle.dumps(saved))), repr(copy.deepcopy(saved)))")
    assert cell.out == "ValueError('first') ValueError('first')\n"
    again = cells.run("raise pickle.loads(pickle.dumps(saved))")
    assert "raise ValueError('first')" in again.traceback
