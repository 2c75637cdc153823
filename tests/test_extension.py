"""Do the magics do in a real kernel what they promise, and leave it as they found it?"""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import ipykernel
import pytest

from minirt.exercises.registry import exercise
from minirt.magics.cells import rewrite
from minirt.magics.node import first_difference, recorded, rule_for, side_by_side
from minirt.watching.trace import read_jsonl
from tests.kernels import Kernel

pytestmark = pytest.mark.slow  # real kernels

with_node = pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")


def in_one_line(text: str) -> str:
    """What was said, however its lines were broken."""
    return " ".join(text.split())


# --- %%minirt ---


def test_the_cell_is_the_program_and_its_names_stay(cells: Kernel) -> None:
    cell = cells.run(
        "%%minirt\n"
        "set_timeout(300, lambda _: print('timer'))\n"
        "set_immediate(lambda _: print('immediate', x))\n"
        "x = 3\n"
        "print('main')"
    )
    assert cell.status == "ok", cell
    assert cell.out == "main\nimmediate 3\ntimer\n"
    assert cells.run("print(x, set_timeout.__module__)").out == "3 minirt.node.ambient\n"


def test_only_the_names_that_are_used_and_missing_are_imported(cells: Kernel) -> None:
    cells.run("next_tick = 'mine'")
    cells.run("%%minirt\nset_immediate(lambda _: print(next_tick))")
    assert cells.run("print(next_tick, 'set_timeout' in globals())").out == "mine False\n"


def test_the_live_view_is_shown_unless_it_is_off(cells: Kernel) -> None:
    assert "widget-view" in str(cells.run("%%minirt\nprint(1)").shown)
    cells.run("%config MinirtMagics.view = False")
    assert cells.run("%%minirt\nprint(1)").shown == []


def test_the_events_of_a_cell_fire_once(cells: Kernel) -> None:
    cells.run(
        "fired = []\n"
        "note = lambda *_: fired.append('cell')\n"
        "get_ipython().events.register('post_run_cell', note)"
    )
    cells.run("fired.clear()")
    cells.run("%%minirt --sim\nprint(1)")
    cells.run("get_ipython().events.unregister('post_run_cell', note)")
    assert cells.run("print(len(fired))").out == "2\n"  # this one's clear(), and the program


def test_an_error_points_to_the_lines_of_the_cell_and_to_no_others(cells: Kernel) -> None:
    cell = cells.run("\n%%minirt --sim\n\ndef f(_):\n    1/0\n\nset_timeout(10, f)")
    assert cell.status == "error"
    assert "----> 5     1/0" in cell.traceback
    assert "ZeroDivisionError" in cell.traceback
    assert "runtime.py" not in cell.traceback and "program.py" not in cell.traceback


@pytest.mark.parametrize("view", ["None", "False"])
def test_an_error_that_play_raises_points_to_the_lines_of_the_cell_alone(
    cells: Kernel, view: str
) -> None:
    cell = cells.run(
        "from minirt import Runtime\nrt = Runtime()\ndef f(_):\n    1/0\n"
        f"await rt.play(lambda: rt.set_timeout(10, f), view={view})"
    )
    assert "----> 4     1/0" in cell.traceback
    assert "ZeroDivisionError" in cell.traceback
    for file in ("play.py", "runtime.py", "loop.py", "calls.py"):
        assert file not in cell.traceback


def test_an_error_in_a_file_of_the_reader_shows_that_file_alone(
    cells: Kernel, tmp_path: Path
) -> None:
    (tmp_path / "my_program.py").write_text("def main():\n    1/0\n")
    cell = cells.run(
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nimport my_program\n"
        "from minirt import Runtime\nawait Runtime().play(my_program.main, view=False)"
    )
    assert "my_program.py:2" in cell.traceback
    assert "play.py" not in cell.traceback


def test_an_error_of_minirt_stops_at_the_readers_line(cells: Kernel) -> None:
    cell = cells.run("%%minirt --sim\nset_timeout('soon', print)")
    assert "----> 2 set_timeout('soon', print)" in cell.traceback
    assert "NotADelay: got 'soon', expected a delay" in cell.traceback
    assert "ambient.py" not in cell.traceback


def test_a_syntax_error_is_shown_at_its_line(cells: Kernel) -> None:
    cell = cells.run("%%minirt\nx = 1\nfor y in:\n    pass")
    assert "line 3\n    for y in:" in cell.traceback
    assert "SyntaxError: invalid syntax" in cell.traceback
    assert "'return' outside function" in cells.run("%%minirt\nreturn 1").traceback


def test_await_in_a_program_is_refused_in_a_sentence(cells: Kernel) -> None:
    cell = cells.run("%%minirt\nimport asyncio\nawait asyncio.sleep(1)")
    assert "the body of main(), and 'await' outside function (line 3)" in cell.err
    assert cell.traceback == ""


def test_an_interrupt_ends_the_program_and_everything_is_closed(cells: Kernel) -> None:
    # ipykernel 6 and pyzmq start one without a name when they please
    named = "sorted(t.name for t in threading.enumerate() if not t.name.startswith('Thread-'))"
    cells.run(f"import threading; before = {named}")
    cell = cells.begin("%%minirt\nset_interval(10, lambda _: print('beat'))")
    cells.hear(cell, "beat")
    cells.interrupt()
    cells.watch(lambda: "idle" in cell.messages)
    assert cell.traceback.endswith("stopped, and everything that it had is closed")
    assert "asyncio" not in cell.traceback
    assert cells.run(f"print({named} == before)").out == "True\n"
    assert "phase closed" in cells.run("%minirt").out


def test_an_interrupt_gives_the_kernel_back_while_a_callback_is_busy(cells: Kernel) -> None:
    cells.run("%config MinirtMagics.view = False")
    cells.run("import threading; release = threading.Event()")
    cell = cells.begin(
        "%%minirt\n"
        "def work(_):\n"
        "    print('busy')\n"
        "    try: release.wait(20); print('to its end')\n"
        "    finally: 1 / 0\n"
        "set_timeout(1, work)"
    )
    cells.hear(cell, "busy")
    cells.interrupt()
    cells.watch(lambda: "idle" in cell.messages)
    assert "the program was told to stop, and ends when its callback" in cell.traceback
    status = cells.run("%minirt").out
    assert status.startswith("interrupted, and not closed yet · real time")
    after = cells.run("release.set(); print('next')")
    assert after.out == "next\n" and after.seconds < 5
    cells.watch(lambda: "ZeroDivisionError" in cell.traceback)
    assert "1 / 0" not in after.traceback and "to its end" not in cell.out
    cells.watch(lambda: cells.run("%minirt").out.startswith("interrupted · real time"))
    assert "lines printed 1" in cells.run("%minirt").out


@pytest.mark.skipif(
    ipykernel.version_info < (7,),
    reason="it sends them under the cell that runs then; a page finds a view by its identity",
)
def test_the_view_of_an_interrupted_program_says_when_it_has_ended(cells: Kernel) -> None:
    cells.run("%config MinirtMagics.view = True")
    cells.run("import threading; release = threading.Event()")
    cell = cells.begin(
        "%%minirt\nset_timeout(1, lambda _: (print('busy'), release.wait(20)))\n"
        "set_timeout(60_000, print)"
    )

    def states() -> list[str]:
        updates = (sent["data"].get("state", {}) for sent in cell.comms)
        return [update["frame"]["state"] for update in updates if update.get("frame")]

    cells.hear(cell, "busy")
    cells.interrupt()
    cells.watch(lambda: "idle" in cell.messages)
    assert states()[-1] == "stopping"
    shown = len(cell.shown)
    after = cells.run("release.set()")
    cells.watch(lambda: states()[-1] == "interrupted" and len(cell.shown) > shown)
    assert "<img" in cell.html() and after.shown == []


def test_a_frozen_dataclass_is_raised_and_shown_like_any_exception(cells: Kernel) -> None:
    cells.run("%config MinirtMagics.view = False")
    cell = cells.run(
        "%%minirt\n"
        "from dataclasses import dataclass\n"
        "@dataclass(frozen=True)\n"
        "class Broken(Exception):\n"
        "    code: int\n"
        "def fail(_):\n"
        "    raise Broken(3)\n"
        "set_timeout(1, fail)"
    )
    assert "----> 7     raise Broken(3)" in cell.traceback
    assert "FrozenInstanceError" not in cell.traceback and "runtime.py" not in cell.traceback


def test_a_cancelled_error_of_the_program_is_no_interrupt(cells: Kernel) -> None:
    cells.run("%config MinirtMagics.view = False")
    cell = cells.run(
        "%%minirt\nimport asyncio\ndef fail(_):\n    raise asyncio.CancelledError\n"
        "set_timeout(1, fail)"
    )
    assert "----> 4     raise asyncio.CancelledError" in cell.traceback
    assert "the program was stopped" not in cell.traceback


def test_what_any_thread_of_a_program_prints_is_in_its_recording(cells: Kernel) -> None:
    cells.run("%config MinirtMagics.view = False")
    cell = cells.run(
        "%%minirt --trace printing\n"
        "import contextvars, sys, threading\n"
        "from minirt import TaskKind, Undefined, log\n"
        "def task():\n    print('from a task'); return Undefined()\n"
        "def other():\n    print('from a thread')\n"
        "Runtime.current().register_event_threadpool(task, TaskKind.ENCRYPT, lambda _: None)\n"
        "run = contextvars.copy_context().run\n"
        "thread = threading.Thread(target=run, args=(other,), name='other')\n"
        "thread.start(); thread.join()\n"
        "sys.stdout.writelines(['from ', 'main\\n'])\n"
        "log('once\\nmore')\n"
        "print('Thread: mine')"
    )
    assert cell.status == "ok", cell
    said = cells.run(
        "program = %minirt trace printing\n"
        "for event in program.recorder:\n"
        "    if event.kind == 'printed': print(event.thread, event.detail['text'])"
    )
    lines = set(said.out.splitlines())
    expected = ("main from main", "other from a thread", "main once", "main more")
    assert {*expected, "main Thread: mine"} < lines
    assert any(line.startswith("pool") and line.endswith(" from a task") for line in lines)
    assert len(said.out.splitlines()) == 6


def test_line_magics_work_inside_a_program(cells: Kernel) -> None:
    assert cells.run("%%minirt --sim\n%pwd\nx = %pwd\nprint(x != '')").out == "True\n"


def test_a_simulation_costs_no_time_and_draws_a_picture(cells: Kernel) -> None:
    pytest.importorskip("minirt.views.picture")
    cell = cells.run("%%minirt --sim\nset_timeout(60_000, lambda _: print('later'))")
    assert cell.out == "later\n"
    assert cell.seconds < 20
    assert "<img" in cell.html()


def test_one_seed_gives_one_order(cells: Kernel) -> None:
    program = (
        "%%minirt --sim --seed {}\n"
        "set_immediate(lambda _: print('immediate'))\n"
        "set_timeout(0, lambda _: print('timeout'))"
    )
    orders = {seed: cells.run(program.format(seed)).out for seed in range(6)}
    assert len(set(orders.values())) == 2, "either order is possible"
    assert orders == {seed: cells.run(program.format(seed)).out for seed in range(6)}


def test_threads_and_settings_reach_the_runtime(cells: Kernel) -> None:
    pool = "print(Runtime.current().available_threads)"
    assert cells.run(f"%%minirt --sim --threads 2\n{pool}").out == "2\n"
    cells.run("%config MinirtMagics.threads = 7")
    assert cells.run(f"%%minirt --sim\n{pool}").out == "7\n"
    assert "MinirtMagics.threads=<Int>" in cells.run("%config MinirtMagics").out


# --- errors in options, and help ---


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("%%minirt --smi\n1", "%%minirt has no option --smi. Did you mean --sim?"),
        ("%%minirt --speed fast\n1", "invalid float value: 'fast'. `%%minirt --help` shows"),
        ("%%minirt --speed 0\n1", "at 0.01 to 100 times its speed; --paused begins without"),
        ("%%minirt --speed 1000\n1", "speed=1000.0: a program runs at 0.01 to 100 times"),
        ("%%minirt --seed 3\n1", "--seed belongs to --sim"),
        ("%%minirt --sim --paused\n1", "takes neither --speed nor --paused"),
        ("%%minirt --sim --threads -1\n1", "a pool has 0 or more threads"),
        ("%%minirt --trace 'a\n1", "Is a quotation mark open"),
        ("%minirt", "no program has run yet. Put %%minirt over a cell"),
        ("%minirt pitcure", "%minirt has no 'pitcure'. Did you mean picture?"),
        ("%minirt trace first", "nothing is kept as 'first'. There are none."),
        ("%%exercise identity_8bits\n1", "Did you mean identity_8_bits?"),
        ("%%exercise\n1", "which exercise? There are:"),
        ("%hint", "which exercise? There are:"),
        ("%solution idnetity_8_bits", "Did you mean identity_8_bits?"),
        ("%node_order pool_fifo1", "there is no program 'pool_fifo1'. Did you mean 52_pool1_fifo?"),
        ("%node-order tick", "there is more than one program 'tick'"),
        ("%%node --alnoe\n1", "%%node has no option --alnoe. Did you mean --alone?"),
    ],
)
def test_a_mistake_is_one_short_line_without_a_traceback(
    cells: Kernel, text: str, says: str
) -> None:
    cell = cells.run(text)
    assert cell.status == "error"
    assert cell.traceback == ""
    assert cell.err.startswith("UsageError: ")
    assert says in cell.err
    assert cell.err.count("\n") == 1


@pytest.mark.parametrize(
    "magic", ["%%minirt", "%minirt", "%%exercise", "%hint", "%solution", "%%node", "%node_order"]
)
def test_help_is_printed_and_nothing_is_run(cells: Kernel, magic: str) -> None:
    cell = cells.run(f"{magic} --help\n" + ("print('ran')" if magic.startswith("%%") else ""))
    assert cell.out.startswith(f"{magic} ")
    if magic != "%%exercise":
        assert "ran\n" not in cell.out


# --- %minirt ---


def test_the_last_program_is_summed_up_kept_and_exported(cells: Kernel, tmp_path: Path) -> None:
    cells.run("%config MinirtMagics.view = False")
    cells.run("%%minirt --trace first\nprint(1)")
    cells.run("%%minirt --trace second\nset_timeout(1, lambda _: 1 / 0)")
    status = cells.run("%minirt").out
    assert status.startswith("second: ended with ZeroDivisionError · real time · turns 1")
    assert "pending_events 0" in status and "kept: first, second" in status
    assert "lines printed 1" in str(cells.run("%minirt trace first").shown)
    for name in ("run.json", "run.jsonl"):
        assert "events written" in cells.run(f"%minirt export {tmp_path / name}").out
    assert json.loads((tmp_path / "run.json").read_text())["traceEvents"]
    assert read_jsonl(tmp_path / "run.jsonl")[-1].kind == "end"
    assert "FILE ends with .json" in cells.run("%minirt export run.txt").err
    assert "No such file" in cells.run("%minirt export /nowhere/run.json").err


# --- exercises ---

IDENTITY = exercise("identity_8_bits")


def test_a_stub_passes_quietly(cells: Kernel) -> None:
    cell = cells.run(f"%%exercise {IDENTITY.name}\n{IDENTITY.stub}")
    assert cell.status == "ok"
    assert "not begun, and that is fine" in cell.out and f"%hint {IDENTITY.name}" in cell.out


def test_the_model_answer_is_right_in_a_notebook(cells: Kernel) -> None:
    cell = cells.run(f"%%exercise {IDENTITY.name}\n{IDENTITY.answer}")
    assert "right, all 5 checks pass" in cell.out


@pytest.mark.parametrize("wrong", IDENTITY.wrong, ids=lambda wrong: wrong.says[:30])
def test_a_wrong_answer_is_told_why_in_a_notebook(cells: Kernel, wrong: object) -> None:
    cell = cells.run(f"%%exercise {IDENTITY.name}\n{wrong.text}")  # type: ignore[attr-defined]
    assert cell.status == "ok", "Run All goes on"
    assert wrong.says in in_one_line(cell.out)  # type: ignore[attr-defined]


def test_the_cell_of_an_answer_is_a_normal_cell(cells: Kernel) -> None:
    cell = cells.run(
        f"%%exercise {IDENTITY.name}\nimport asyncio\nawait asyncio.sleep(0.01)\n40 + 2"
    )
    assert cell.shown == [{"text/plain": "42"}]
    assert "your cell defines no Identities" in cell.out
    failed = cells.run(f"%%exercise {IDENTITY.name}\nx = 1\n1 / 0")
    assert "----> 3 1 / 0" in failed.traceback and "# %%exercise" in failed.traceback
    assert failed.out == "", "an answer that fails is not judged"
    assert "line 2" in cells.run(f"%%exercise {IDENTITY.name}\nfor x in:").traceback


@pytest.mark.parametrize(
    "body",
    ["while True: pass", "import asyncio\nawait asyncio.sleep(60)", "import time\ntime.sleep(60)"],
    ids=["loop", "await", "sleep"],
)
def test_an_answer_that_hangs_is_ended(cells: Kernel, body: str) -> None:
    cells.run("%config MinirtMagics.exercise_time_limit = 0.3")
    cell = cells.run(f"%%exercise {IDENTITY.name}\n{body}")
    assert cell.status == "error"
    assert "the cell was ended after 0.3 s" in cell.out
    assert cells.run("print('alive')").out == "alive\n"


def test_hints_come_one_after_the_other_and_the_solution_is_folded(cells: Kernel) -> None:
    first, second, third = (
        cells.run(line).out for line in ("%hint identity_8_bits", "%hint", "%hint")
    )
    assert first.startswith("Hint 1 of 2: ") and in_one_line(IDENTITY.hints[0]) in in_one_line(
        first
    )
    assert second.startswith("Hint 2 of 2: ") and in_one_line(IDENTITY.hints[1]) in in_one_line(
        second
    )
    assert "There are no more hints. `%solution identity_8_bits` shows" in third
    assert "<details><summary>" in cells.run("%solution").html()


# --- Node ---

RACE = "set_immediate(lambda _: print('immediate'))\nset_timeout(0, lambda _: print('timeout'))"


@with_node
def test_node_stands_beside_the_last_program_with_the_rule(cells: Kernel) -> None:
    cells.run("%config MinirtMagics.view = False")
    cells.run(
        "%%minirt --sim\n"
        "queue_microtask(lambda _: print('microtask'))\n"
        "next_tick(lambda _: print('tick'))\n"
        "print('main')"
    )
    cell = cells.run("%%node\nconsole.log('main');console.log('microtask');console.log('tick')")
    assert "    Node       minirt\n  1 main       main\n≠ 2 microtask  tick\n" in cell.out
    assert "Line 2 differs. Node runs the microtask before the tick: after a callback" in cell.out
    same = cells.run("%%node\nfor (const s of ['main', 'tick', 'microtask']) console.log(s)")
    assert "The same lines in the same order." in same.out
    assert cells.run("%%node --alone\nconsole.log(1)").out == "1\n"


@with_node
def test_an_error_and_an_endless_program_of_node_are_shown(cells: Kernel) -> None:
    cell = cells.run("%%node\nconsole.log('a')\nthrow new Error('no')")
    assert cell.out.startswith("a\n\nstderr:\n") and "cell.js:2" in cell.out
    assert "Node ended with status 1." in cell.out
    cells.run("%config MinirtMagics.node_time_limit = 0.3")
    endless = cells.run("%%node\nsetInterval(() => {}, 10)").out
    assert (
        endless
        == "(Node printed nothing)\n\nNode was ended after 0.3 s: something kept it alive.\n"
    )


def test_without_node_it_says_so_plainly(cells: Kernel) -> None:
    cells.run("import os; path = os.environ['PATH']; os.environ['PATH'] = ''")
    cell = cells.run("%%node\nconsole.log(1)")
    cells.run("os.environ['PATH'] = path")
    assert "there is no Node on this machine" in cell.err and "%node_order" in cell.err


def test_the_recorded_order_of_a_program_needs_no_node(cells: Kernel) -> None:
    assert cells.run("%node-order").out.count("\n") == len(recorded())
    shown = cells.run("%node_order timeout_vs_imm").out
    assert "setTimeout(() => log('timeout'), 0)" in shown
    assert "prints one of:\n  immediate\n  timeout\n  or\n  timeout\n  immediate\n" in shown
    cells.run(f"%%minirt --sim\n{RACE}")
    assert "The same lines in the same order." in cells.run("%node-order 45 --compare").out


def test_lines_are_compared_one_by_one() -> None:
    assert first_difference(["a"], ["a"]) is None
    assert first_difference(["a", "b"], ["a", "c"]) == 1
    assert first_difference(["a", "b"], ["a"]) == 1
    assert side_by_side(["a"], [], []) == (
        "    Node  minirt\n≠ 1 a     (nothing)\n\nLine 1 differs. Only Node prints 'a'."
    )


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        ("immediate", "timer", "the two race"),
        ("close", "timer", "close callbacks come before the timers"),
        ("tick", "timer", "ticks and microtasks run after the current callback"),
        ("main", "tick", "main runs to its end"),
        ("pool", "pool", "not fixed"),
    ],
)
def test_the_rule_is_named_where_it_can_be_told(first: str, second: str, says: str) -> None:
    assert says in (rule_for(first, second) or "")
    assert rule_for("message", "callback") is None


# --- the transform, and leaving ---


def test_other_cells_are_left_alone() -> None:
    for lines in ([], ["\n"], ["x = 1\n"], ["%%time\n", "%%minirt\n"], ["%%minirtx\n"]):
        assert rewrite(list(lines)) == lines


def test_an_indented_cell_is_a_program_too(cells: Kernel) -> None:
    assert cells.run("    %%minirt --sim\n    if True:\n        print('in')").out == "in\n"


STATE = """
import threading, sys
from ipykernel.eventloops import loop_map
from minirt import Runtime
ip = get_ipython()
print((
    sorted(sum((list(table) for table in ip.magics_manager.magics.values()), [])),
    sorted(ip.magics_manager.registry), [type(c).__name__ for c in ip.configurables],
    [str(f) for f in ip.input_transformers_cleanup], len(ip.ast_transformers),
    {name: len(fs) for name, fs in ip.events.callbacks.items()}, sorted(map(str, loop_map)),
    ip.kernel.eventloop, sorted(t.name for t in threading.enumerate()), sys.stdout,
    Runtime.current.__qualname__,
    len(ip.kernel._trait_notifiers.get("eventloop", {}).get("change", [])),
))
"""


def test_unloading_leaves_nothing(kernel_of_module: Kernel) -> None:
    run: Callable[[str], object] = kernel_of_module.run
    for loads_magics_of_ipython in ("%config", "%gui", STATE):
        run(loads_magics_of_ipython)
    before = kernel_of_module.run(STATE).out
    run("%load_ext minirt")
    run("%config MinirtMagics.view = False")
    run("%%minirt\nset_timeout(1, lambda _: print(1))")
    run("%gui minirt")
    run("minirt_timer = Runtime.current().set_timeout(60_000, lambda _: print(1))")
    run("%%exercise identity_8_bits\n...")
    assert kernel_of_module.run(STATE).out != before
    run("%unload_ext minirt")
    assert kernel_of_module.run(STATE).out == before
    assert kernel_of_module.run("%config MinirtMagics").err


def test_loading_again_works_and_a_second_load_changes_nothing(cells: Kernel) -> None:
    cells.run("%reload_ext minirt")
    assert "already loaded" in cells.run("%load_ext minirt").out
    assert cells.run("%%minirt --sim\nprint(1)").out == "1\n"


@pytest.mark.skipif(os.name != "posix", reason="the terminal of this test is a posix one")
def test_a_shell_without_a_kernel_runs_programs_and_exercises() -> None:
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    shell = InteractiveShell()
    try:
        shell.extension_manager.load_extension("minirt")
        with capture_output() as captured:
            assert shell.run_cell("%%minirt\nset_timeout(1, lambda _: print('ran'))").success
            shell.run_cell(f"%%exercise {IDENTITY.name}\n{IDENTITY.answer}")
        assert "ran\n" in captured.stdout and "right, all 5" in captured.stdout
        shell.extension_manager.unload_extension("minirt")
        assert "MinirtMagics" not in shell.magics_manager.registry
    finally:
        shell.history_manager.end_session()
        InteractiveShell.clear_instance()
