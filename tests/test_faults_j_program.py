"""Faults J of `%%minirt` and of `play`: the instance that was found, and its brothers."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import ipykernel
import nbformat
import pytest

from minirt import Runtime, Simulation
from minirt.core.signatures import misfit
from minirt.errors import AlreadyRan, NotAMain, NotCallable, RuntimeClosed, WrongArguments
from tests.kernels import Cell, Kernel, Page, interrupted, plain

pytestmark = pytest.mark.slow  # real kernels


@pytest.fixture
def cells(kernel_of_module: Kernel) -> Iterator[Kernel]:
    """A kernel with the extension freshly loaded, and no view."""
    kernel_of_module.run("%reset -f")
    assert kernel_of_module.run("%load_ext minirt").status == "ok"
    kernel_of_module.run("%config MinirtMagics.view = False")
    yield kernel_of_module
    assert kernel_of_module.run("%unload_ext minirt").status == "ok"


AFTERWARDS = """
import sys
from minirt import Runtime
from minirt.errors import NoRuntime
print("next", type(sys.stdout).__name__)
try:
    Runtime.current()
except NoRuntime:
    print("no runtime")
"""


def is_as_before(kernel: Kernel) -> bool:
    """Does the next cell run, with its own stdout and without a runtime of another's?"""
    cell = kernel.run(AFTERWARDS)
    return cell.out == "next OutStream\nno runtime\n"


# --- J1: whatever runs can be ended ---

POOL = "from minirt import TaskKind, Undefined\nadd = Runtime.current().register_event_threadpool\n"
ENDLESS = {
    "a callback": "def f(_):\n    print('busy')\n    while True: pass\nset_timeout(1, f)",
    "main": "print('busy')\nwhile True: pass",
    "one that swallows errors": (
        "def f(_):\n    print('busy')\n    while True:\n"
        "        try: sum(range(1000))\n        except Exception: pass\nset_timeout(1, f)"
    ),
    "microtasks": "def f(_): queue_microtask(f)\nprint('busy')\nqueue_microtask(f)",
    "a task of the pool": (
        f"{POOL}def task():\n    print('busy')\n    while True: pass\n"
        "add(task, TaskKind('Spin'), lambda _: None)"
    ),
    "nothing but waiting": "print('busy')\nset_timeout(60_000, print)",
}


@pytest.mark.parametrize("head", ["%%minirt", "%%minirt --sim", "%%time\n%%minirt"])
@pytest.mark.parametrize("text", ENDLESS.values(), ids=ENDLESS)
def test_an_interrupt_ends_whatever_runs(cells: Kernel, text: str, head: str) -> None:
    if "60_000" in text and "sim" in head:
        pytest.skip("there it takes no time")
    cell = interrupted(cells, f"{head}\n{text}")
    assert "KeyboardInterrupt" in cell.traceback
    assert "minirt/" not in cell.traceback, "only the program's lines"
    assert is_as_before(cells)
    cells.watch(lambda: "not closed yet" not in cells.run("%minirt").out)


def test_the_line_at_which_it_was_is_shown(cells: Kernel) -> None:
    cell = interrupted(cells, "%%minirt\n" + ENDLESS["a callback"])
    assert "----> 4     while True: pass" in cell.traceback
    assert cell.traceback.endswith("stopped, and everything that it had is closed")


WAIT = "print('busy')\n    go.wait(20); print('later')"
DEAF = {
    "a callback": f"def f(_):\n    {WAIT}\nset_timeout(1, f)",
    "main": "print('busy')\ngo.wait(20); print('later')",
    "a task of the pool": (
        f"{POOL}def task():\n    {WAIT}; return Undefined()\n"
        "add(task, TaskKind('Wait'), lambda _: print('never'))"
    ),
}


@pytest.mark.parametrize("text", DEAF.values(), ids=DEAF)
def test_a_call_that_hears_nothing_is_left_alone_and_named(cells: Kernel, text: str) -> None:
    cells.run("import threading; go = threading.Event()")
    cell = interrupted(cells, f"%%minirt\n{text}")
    name = "pool3" if "task" in text else "main"
    assert "the program was told to stop, and ends when its callback" in cell.traceback
    assert f'thread "{name}" is still at line ' in cell.traceback
    assert is_as_before(cells)
    cells.run("go.set()")
    cells.watch(lambda: "not closed yet" not in cells.run("%minirt").out)
    assert cell.out == "busy\n", "it prints into no later cell, and into its own no more"
    left = "print([t.name for t in threading.enumerate() if t.name.startswith(('main', 'pool'))])"
    cells.watch(lambda: cells.run(left).out == "[]\n")


def page_of(cells: Kernel, text: str) -> Page:
    """A page beside the cell, which has printed "busy"; its clicks go where those of Lab go."""
    return Page(cells, text, "busy", on_subshell=ipykernel.version_info >= (7,))


@pytest.mark.parametrize("command", ["stop", "pause"])
@pytest.mark.parametrize("name", ["a callback", "main"])
def test_the_buttons_end_what_does_not_end(cells: Kernel, name: str, command: str) -> None:
    cells.run("%config MinirtMagics.view = True")
    page = page_of(cells, f"%%minirt\n{ENDLESS[name]}")
    page.click(command)
    cells.watch(lambda: "idle" in page.cell.messages, seconds=10)
    assert "while True: pass" in page.cell.traceback
    assert ("a pause waits 1 s" in page.cell.traceback) == (command == "pause")
    assert is_as_before(cells)


def test_a_button_that_nobody_hears_ends_the_cell(cells: Kernel) -> None:
    cells.run("%config MinirtMagics.view = True")
    cells.run("import threading; go = threading.Event()")
    page = page_of(cells, f"%%minirt\n{DEAF['a callback']}")
    page.click("stop")
    cells.watch(lambda: "idle" in page.cell.messages, seconds=10)
    assert 'thread "main" is still at line 4 of f' in page.cell.traceback
    cells.run("go.set()")


# --- J4: what is handed over is called with one argument ---


class Called:
    def none(self) -> None: ...
    def one(self, value: object) -> None: ...
    def __call__(self) -> None: ...


@pytest.mark.parametrize(
    ("function", "given", "reason"),
    [
        (lambda: None, 1, "takes none"),
        (lambda a, b: None, 1, "takes 2"),
        (lambda a, b, c=1: None, 1, "takes 2 to 3"),
        (lambda a, *, b: None, 1, "wants b by name"),
        (Called().none, 1, "takes none"),
        (Called(), 1, "too many positional"),
        (lambda a: None, 0, "takes 1"),
        (lambda a: None, 1, ""),
        (lambda *a: None, 1, ""),
        (lambda a=1, b=2: None, 1, ""),
        (lambda a, *, b=1: None, 1, ""),
        (Called().one, 1, ""),
        (print, 1, ""),
        ([].append, 1, ""),
        (int, 1, ""),
    ],
)
def test_why_a_function_cannot_be_called_is_read_without_calling_it(
    function: Callable[..., object], given: int, reason: str
) -> None:
    found = misfit(function, given)
    assert reason in found and bool(reason) == bool(found)


@pytest.mark.parametrize("wrong", [lambda: None, lambda a, b: None, Called().none])
def test_a_callback_with_the_wrong_arguments_is_refused_where_it_is_handed_over(
    wrong: Callable[..., object],
) -> None:
    from minirt import Recorder, http, net

    def refuses(hand_over: Callable[[], object]) -> None:
        with pytest.raises(WrongArguments, match="called with one argument"):
            hand_over()

    def main() -> None:
        refuses(lambda: rt.set_interval(1, wrong))
        refuses(lambda: rt.call_in_close_phase(wrong))
        refuses(lambda: rt.call_from_thread(wrong))
        refuses(lambda: setattr(rt, "on_uncaught", wrong))
        refuses(lambda: net.create_server(wrong))
        refuses(lambda: http.get("http://localhost:1/", wrong))
        if rt.loop.is_watched:
            refuses(lambda: rt.set_timeout(1, wrong))
            refuses(lambda: rt.set_immediate(wrong))
            refuses(lambda: rt.next_tick(wrong))
            refuses(lambda: rt.queue_microtask(wrong))

    for trace in (None, Recorder()):
        rt = Runtime(trace=trace)
        rt.run(main)


@pytest.mark.parametrize(
    "hand_over", ["set_timeout(1, wrong)", "set_immediate(wrong)", "next_tick(wrong)"]
)
def test_a_call_that_fails_later_is_told_in_one_sentence(hand_over: str) -> None:
    def wrong() -> None: ...

    def main() -> None:
        eval(f"rt.{hand_over}", {"rt": rt, "wrong": wrong})

    rt = Runtime(system=Simulation())
    with pytest.raises(WrongArguments, match=r"wrong\(\) takes 0 positional arguments but 1"):
        rt.run(main)


def test_a_type_error_of_the_program_stays_what_it_is() -> None:
    def callback(_: object) -> None:
        len()  # type: ignore[call-arg]

    rt = Runtime(system=Simulation())
    with pytest.raises(TypeError) as caught:
        rt.run(lambda: rt.set_timeout(1, callback))
    assert type(caught.value) is TypeError


@pytest.mark.parametrize("main", [5, None, "main", print(end="")])
def test_a_main_that_is_no_function_is_refused(main: object) -> None:
    rt = Runtime()
    for run in (rt.run, rt.start):
        with pytest.raises(NotAMain):
            run(main)  # type: ignore[arg-type]
    with pytest.raises(WrongArguments, match="main is called without arguments, and <lambda>"):
        rt.run(lambda value: None)  # type: ignore[misc,arg-type]
    rt.run(lambda: None)  # a refusal does not use it up
    with pytest.raises(AlreadyRan):
        rt.run(lambda: None)
    assert issubclass(NotAMain, TypeError) and not issubclass(NotAMain, NotCallable)
    assert RuntimeClosed.__bases__ == AlreadyRan.__bases__


WRONG = {
    "a callback": ("%%minirt\n\nset_timeout(10, lambda: print('hi'))", "----> 3", "takes none"),
    "in a callback": (
        "%%minirt\ndef f(_):\n    set_immediate(lambda a, b: 1)\nset_timeout(1, f)",
        "----> 3     set_immediate",
        "takes 2",
    ),
    "a number": ("from minirt import Runtime\nawait Runtime().play(5)", "----> 2", "5 is not"),
    "a main": (
        "from minirt import Runtime\ndef main(x): pass\nawait Runtime().play(main)",
        "----> 3",
        "main is called without arguments",
    ),
    "twice": (
        "from minirt import Runtime\nrt = Runtime(); rt.run(int)\nawait rt.play(lambda: None)",
        "----> 3",
        "AlreadyRan",
    ),
    "closed": (
        "from minirt import Runtime\nrt = Runtime(); rt.close()\nawait rt.play(lambda: None)",
        "----> 3",
        "RuntimeClosed",
    ),
}


@pytest.mark.parametrize(("text", "line", "says"), WRONG.values(), ids=WRONG)
def test_a_mistake_is_shown_at_the_readers_line(
    cells: Kernel, text: str, line: str, says: str
) -> None:
    cell = cells.run(text)
    assert line in cell.traceback and says in cell.traceback
    assert "minirt/" not in cell.traceback
    assert cell.traceback.count("\n") < 12


@pytest.mark.parametrize(
    "text", ["set_immediate(int)", "import functools\nnext_tick(functools.partial(int, 1, 2))"]
)
def test_never_more_than_three_frames_are_ours(cells: Kernel, text: str) -> None:
    assert cells.run(f"%%minirt\n{text}").traceback.count("minirt/") <= 3


# --- J5: what a program raises is what is shown ---

RAISED = {
    "StopIteration": "next(iter([]))",
    "StopAsyncIteration": "raise StopAsyncIteration",
    "CancelledError": "import asyncio; raise asyncio.CancelledError('mine')",
    "GeneratorExit": "raise GeneratorExit",
    "SystemExit": "raise SystemExit(3)",
    "KeyboardInterrupt": "raise KeyboardInterrupt('mine')",
    "UsageError": "from IPython.core.error import UsageError; raise UsageError('mine')",
    "ExceptionGroup": "raise ExceptionGroup('two', [ValueError(1), KeyError(2)])",
}


@pytest.mark.parametrize("head", ["%%minirt", "%%minirt --sim", "%%time\n%%minirt"])
@pytest.mark.parametrize("name", RAISED)
def test_what_a_program_raises_is_shown_unchanged(cells: Kernel, name: str, head: str) -> None:
    cell = cells.run(f"{head}\ndef f(_):\n    {RAISED[name]}\nset_timeout(1, f)")
    said = cell.traceback + cell.err
    assert cell.status == "error" or "%%time" in head
    assert name in said and "coroutine" not in said and "was stopped" not in said
    assert said.count("minirt/") <= (3 if "Group" in name else 0)  # IPython shows a group itself
    assert is_as_before(cells)
    ended = "interrupted" if name == "KeyboardInterrupt" else f"ended with {name}"
    assert cells.run("%minirt").out.startswith(ended)


def test_what_plays_reader_gets_is_said_when_python_lets_it_not_out(cells: Kernel) -> None:
    cell = cells.run(
        "from minirt import Runtime\nrt = Runtime()\n"
        "await rt.play(lambda: rt.set_timeout(1, lambda _: next(iter([]))))"
    )
    assert "the program raised StopIteration" in cell.traceback
    assert "----> 3" in cell.traceback and "minirt/" not in cell.traceback


# --- J9, J14: where IPython runs a cell in one go ---

PROGRAM = "set_timeout(30, lambda _: print('timer'))\nprint('main')"


def test_time_shows_the_time_of_a_program_and_it_is_said_once(cells: Kernel) -> None:
    first = cells.run(f"%%time\n%%minirt\n{PROGRAM}")
    assert first.out.startswith("main\ntimer\n") and "Wall time: " in first.out
    assert first.err.count("without the live view and its controls") == 1
    assert cells.run(f"%%time\n%%minirt\n{PROGRAM}").err == ""


@pytest.mark.parametrize(
    "text",
    [
        f"%%capture out\n%%minirt\n{PROGRAM}",
        f"%%timeit -n1 -r1\n%%minirt\n{PROGRAM}",
        f"%%time\n%%minirt --paused\n{PROGRAM}",
        f"%%time\n%%minirt --sim\n{PROGRAM}",
        "%rerun 2",
        "%autoawait False\nget_ipython().run_cell('%%minirt\\nprint(1)')",
    ],
)
def test_below_another_magic_it_runs_to_its_end(cells: Kernel, text: str) -> None:
    cells.run(f"%%minirt --trace before\n{PROGRAM}")
    if "rerun" in text:
        text = text.replace("2", cells.run("print(get_ipython().execution_count - 2)").out)
        text = "%rerun -l 2"
    cell = cells.run(text)
    cells.run("%autoawait True")
    assert cell.status == "ok" and cell.traceback == ""
    assert cells.run("%minirt").out.removeprefix("before: ").startswith("ended")
    assert is_as_before(cells)


@pytest.mark.parametrize("head", ["%%minirt", "%%time\n%%minirt"])
@pytest.mark.parametrize("threads", ["$n", "{n}", "{n + 0}"])
def test_names_in_the_first_line_are_expanded(cells: Kernel, threads: str, head: str) -> None:
    cells.run("n = 3")
    cell = cells.run(f"{head} --threads {threads}\nprint(Runtime.current().available_threads)")
    assert cell.out.startswith("3\n")


def test_the_name_of_an_exercise_is_expanded_too(cells: Kernel) -> None:
    cells.run("which = 'identity_8_bits'")
    assert "identity_8_bits: " in cells.run("%%exercise $which\n...").out


CELLS = (
    "%load_ext minirt",
    f"%%minirt\n{PROGRAM}",
    f"%%minirt --sim\n{PROGRAM}",
    "%%exercise identity_8_bits\n...",
    "print('the end')",
)


def ipython(*arguments: str, folder: Path) -> str:
    """What IPython prints in a terminal."""
    environment = {**os.environ, "IPYTHONDIR": str(folder / "ipython"), "TERM": "dumb"}
    command = (sys.executable, "-m", "IPython", "--colors=NoColor", "--no-banner", *arguments)
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr
    return plain(done.stdout + done.stderr)


@pytest.mark.parametrize("suffix", [".ipynb", ".py", ".ipy"])
def test_a_notebook_runs_as_a_file_and_as_an_exported_script(tmp_path: Path, suffix: str) -> None:
    notebook = nbformat.v4.new_notebook(  # type: ignore[no-untyped-call]
        cells=[nbformat.v4.new_code_cell(text) for text in CELLS]  # type: ignore[no-untyped-call]
    )
    nbformat.write(notebook, tmp_path / "chapter.ipynb")  # type: ignore[no-untyped-call]
    if suffix != ".ipynb":
        export = [sys.executable, "-m", "nbconvert", "--to", "python", "chapter.ipynb"]
        subprocess.run(export, cwd=tmp_path, check=True, capture_output=True, timeout=60)
        (tmp_path / "chapter.py").rename(tmp_path / f"chapter{suffix}")
    said = ipython(f"chapter{suffix}", folder=tmp_path)
    assert said.count("main\ntimer\n") == 2 and "the end" in said
    assert said.count("without the live view and its controls") == 1
    if suffix == ".py":  # IPython runs the other two silently, and then judges nothing
        assert "identity_8_bits: " in said


# --- J6: a terminal ---


@pytest.mark.skipif(os.name != "posix", reason="a terminal of POSIX")
@pytest.mark.parametrize("way", ["%%minirt", "play"])
def test_ctrl_c_in_a_terminal_ends_the_program_and_gives_stdout_back(
    tmp_path: Path, way: str
) -> None:
    pexpect = pytest.importorskip("pexpect")
    environment = {**os.environ, "IPYTHONDIR": str(tmp_path / "ipython"), "TERM": "dumb"}
    arguments = ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"]
    terminal = pexpect.spawn(
        sys.executable, arguments, env=environment, timeout=30, encoding="utf-8", echo=False
    )
    try:
        terminal.expect(r"In \[1\]: ")
        terminal.sendline("%load_ext minirt")
        terminal.expect(r"In \[2\]: ")
        if way == "play":
            terminal.sendline("from minirt import *; rt = Runtime()")
            terminal.expect(r"In \[3\]: ")
            terminal.sendline(
                "await rt.play(lambda: rt.set_interval(20, lambda _: print('be' 'at')))"
            )
        else:
            program = "%%minirt\\nset_interval(20, lambda _: print('be' 'at'))"
            terminal.sendline(f'get_ipython().run_cell("{program}"); 1')
        terminal.expect("beat")
        terminal.sendintr()
        terminal.expect("KeyboardInterrupt")
        terminal.expect(r"In \[\d+\]: ")
        terminal.sendline(
            "import sys, threading; print(type(sys.stdout).__name__, '=', threading.active_count())"
        )
        terminal.expect(r"(\w+) = (\d+)")
        assert terminal.match[1] == "TextIOWrapper" and "beat" not in terminal.before
    finally:
        terminal.close(force=True)


# --- J15: text that cannot be sent ---

ODD = ("chr(0xd800)", "'\\udfff' * 3", "'a\\x00b\\x1b'", "'\\ufffe\\uffff'")


@pytest.mark.parametrize("view", ["True", "False"])
@pytest.mark.parametrize("text", ODD)
def test_no_text_ends_a_program(cells: Kernel, text: str, view: str) -> None:
    cells.run(f"%config MinirtMagics.view = {view}")
    cell = cells.run(
        f"%%minirt\nlog({text})\nprint({text})\nimport sys\nsys.stdout.writelines([{text}])\n"
        "set_timeout(1, lambda _: print('goes on'))"
    )
    assert cell.status == "ok" and cell.err == "" and "goes on" in cell.out


@pytest.mark.parametrize("head", ["%%minirt", "%%time\n%%minirt"])
@pytest.mark.parametrize(
    "error",
    [
        "ValueError(chr(0xd800))",
        "KeyError('\\udfff')",
        "type('Odd', (Exception,), {'__str__': lambda self: 1 / 0})()",
        "type('Deep', (Exception,), {'__str__': lambda self: str(self)})()",
    ],
)
def test_an_error_whose_text_cannot_be_sent_is_shown(cells: Kernel, error: str, head: str) -> None:
    cell = cells.run(f"{head}\ndef f(_):\n    raise {error}\nset_timeout(1, f)")
    assert "    raise " in cell.traceback
    assert is_as_before(cells)


# --- J16: options and settings out of range ---


@pytest.mark.parametrize(
    ("setting", "text", "says"),
    [
        ("", "%%minirt --speed 1000\n1", "0.01 to 100 times"),
        ("", "%%minirt --speed nan\n1", "0.01 to 100 times"),
        ("", "%%minirt --threads -1\n1", "0 or more threads"),
        ("", "%%minirt --threads 1000000000000\n1", "0 to 1024 threads"),
        ("", "%%minirt --threads 1.5\n1", "invalid int value"),
        ("", "%%minirt --sim --seed -5\n1", "a whole number from 0 up"),
        ("", "%%time\n%%minirt --speed 0\n1", "0.01 to 100 times"),
        ("speed = 0", "%%minirt\n1", "0.01 to 100 times"),
        ("speed = -1", "%%minirt\n1", "0.01 to 100 times"),
        ("threads = -3", "%%minirt\n1", "0 or more threads"),
        ("threads = 10**9", "%%minirt\n1", "0 to 1024 threads"),
        ("exercise_time_limit = -1", "%%exercise identity_8_bits\n...", "0.01 to 86400 seconds"),
        ("exercise_time_limit = 0", "%%exercise identity_8_bits\n...", "0.01 to 86400 seconds"),
        ("exercise_time_limit = 1e300", "%%exercise identity_8_bits\n...", "0.01 to 86400 seconds"),
        ("node_time_limit = -1", "%%node --alone\n1", "0.01 to 86400 seconds"),
        ("node_time_limit = float('nan')", "%%node --alone\n1", "0.01 to 86400 seconds"),
    ],
)
def test_what_is_out_of_range_is_one_sentence(
    cells: Kernel, setting: str, text: str, says: str
) -> None:
    if setting:
        assert cells.run(f"%config MinirtMagics.{setting}").traceback == ""
    cell = cells.run(text)
    cells.run("%config MinirtMagics.speed = 1.0\n%config MinirtMagics.threads = 4")
    for name in ("exercise_time_limit", "node_time_limit"):
        cells.run(f"%config MinirtMagics.{name} = 10.0")
    assert cell.traceback == "" and says in cell.err
    assert cell.err.startswith("UsageError: ") and cell.err.count("\n") == 1


# --- J19: a play that no cell awaits ---

BUTTON = """
import asyncio, ipywidgets
from minirt import Runtime
button = ipywidgets.Button(description="run")
def clicked(_):
    global playing
    playing = asyncio.ensure_future(Runtime().play(main))
button.on_click(clicked)
button
"""


def clicked(kernel: Kernel, main: str) -> Cell:
    """The cell of a button that plays this main, after a click."""
    cell = kernel.run(f"{BUTTON}\ndef main():\n    {main}\nbutton")
    (button,) = (
        sent["comm_id"]
        for sent in cell.comms
        if sent.get("data", {}).get("state", {}).get("_model_name") == "ButtonModel"
    )
    data = {"method": "custom", "content": {"event": "click"}}
    session = kernel.client.session
    kernel.client.shell_channel.send(session.msg("comm_msg", {"comm_id": button, "data": data}))
    return cell


def test_a_play_that_a_button_started_is_seen_under_the_last_cell(cells: Kernel) -> None:
    cell = clicked(cells, "print('played')")
    shown = len(cell.shown)
    cells.watch(lambda: "played" in cell.out and len(cell.shown) > shown)
    assert "widget-view" in str(cell.shown)


@pytest.mark.parametrize("error", ["ZeroDivisionError", "SystemExit", "KeyboardInterrupt"])
def test_what_it_raises_is_seen_there_and_ends_no_kernel(cells: Kernel, error: str) -> None:
    cell = clicked(cells, f"raise {error}")
    cells.watch(lambda: error in cell.traceback)
    assert is_as_before(cells)
