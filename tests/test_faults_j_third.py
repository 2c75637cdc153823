"""Faults J in Jupyter, found by who tried to break them a third time."""

import pytest

from tests.kernels import Cell, Kernel

pytestmark = pytest.mark.slow  # real kernels

NEXT = "import sys\nprint('next', type(sys.stdout).__name__)"


def interrupted(kernel: Kernel, text: str) -> Cell:
    """The cell, interrupted once as soon as it has printed "busy", until it is over."""
    cell = kernel.begin(text)
    kernel.watch(lambda: "busy" in cell.out)
    kernel.interrupt()
    kernel.watch(lambda: "idle" in cell.messages, seconds=5)
    return cell


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


def test_one_interrupt_ends_the_wait_for_the_pool_after_what_was_interrupted(
    cells: Kernel,
) -> None:
    cells.run("import threading, time\nfrom minirt import *\ngo = threading.Event()")
    cell = interrupted(
        cells,
        "with Runtime() as rt:\n"
        "    rt.start(lambda: rt.register_event_threadpool(go.wait, TaskKind('Wait'), print))\n"
        "    print('busy')\n    time.sleep(30)",
    )
    assert "KeyboardInterrupt" in cell.traceback
    assert cells.run(f"go.set()\n{NEXT}").out == "next OutStream\n"


def test_an_interrupt_that_a_cell_catches_itself_comes_once(cells: Kernel) -> None:
    """What it runs afterwards is another thing."""
    cell = interrupted(
        cells,
        "import time\nfrom minirt import *\nprint('busy')\n"
        "try: time.sleep(30)\n"
        "except KeyboardInterrupt:\n"
        "    Runtime().run(lambda: set_timeout(700, lambda _: print('cleaned up')))",
    )
    assert (cell.out, cell.traceback) == ("busy\ncleaned up\n", "")


@pytest.mark.parametrize("body", [SWALLOWS, SLEEPS_AGAIN])
def test_one_interrupt_ends_a_callback_while_the_kernel_is_idle(cells: Kernel, body: str) -> None:
    cells.run("%gui minirt\nimport time\nfrom minirt import *")
    cell = cells.run(f"def f(*_):\n    print('busy')\n{body}\n_ = set_timeout(1, f)")
    cells.watch(lambda: "busy" in cell.out)
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
