"""Faults J of the magics but `%%minirt`: the instance that was found, and its brothers."""

import shutil
from typing import Any

import pytest

from tests.kernels import Kernel

pytestmark = pytest.mark.slow  # real kernels


@pytest.fixture
def idle(cells: Kernel) -> Kernel:
    """A kernel in which runtimes go on while it is idle."""
    assert cells.run("%gui minirt").err == ""
    cells.run("import sys; from minirt import Runtime, set_timeout, set_interval, clear_interval")
    return cells


def goes_on(kernel: Kernel) -> bool:
    """Does a timer that is set now still fire?"""
    cell = kernel.run("_ = set_timeout(5, lambda _: print('fired'))")
    kernel.watch(
        lambda: cell.out.endswith("\n")
    )  # its text and its end of line may come one by one
    return cell.out == "fired\n"


# --- J2: what may leave a callback under %gui minirt ---

LEAVES = {
    "an interrupt of the program's own": "raise KeyboardInterrupt('mine')",
    "the end of an iterator": "next(iter([]))",
    "a group": "raise BaseExceptionGroup('two', [SystemExit(1), KeyError(2)])",
    "endless recursion": "fail(_)",
    "one that says itself how it is shown": (
        "raise type('Own', (Exception,), {'_render_traceback_': property(lambda self: 1 / 0)})"
    ),
    "one that has no attributes": (
        "raise type('Shut', (Exception,), {'__getattribute__': lambda self, name: 1 / 0})"
    ),
    "one that keeps no attributes": (
        "raise type('Fixed', (Exception,), {'__setattr__': lambda *_: 1 / 0})"
    ),
    "one of a class that denies it": (
        "raise type('Denied', (Exception,), {'__class__': property(lambda self: 1 / 0)})"
    ),
    "one whose repr exits": (
        "raise type('Gone', (Exception,), {'__repr__': lambda self: sys.exit()})"
    ),
    "one whose class has a name of its own": (
        "raise type('Meta', (type,), {'__name__': property(lambda self: 1 / 0)})"
        "('Odd', (Exception,), {'__str__': lambda self: 1 / 0})"
    ),
    "one whose text never came": (
        "raise type('Deep', (Exception,), {'__str__': lambda self: str(self)})"
    ),
    "an exit with a text": "sys.exit('this is the end')",
}


@pytest.mark.parametrize("body", LEAVES.values(), ids=LEAVES)
def test_whatever_leaves_a_callback_is_shown_and_ends_its_own_runtime_alone(
    idle: Kernel, body: str
) -> None:
    other = idle.run("beat = set_interval(10, lambda _: print('beat'))")
    cell = idle.run(
        f"def fail(_):\n    {body}\n\nset_timeout(20, fail)\nleft = set_timeout(60_000, print)"
    )
    idle.watch(lambda: cell.traceback != "" or cell.err != "")
    before = other.out.count("beat")
    idle.watch(lambda: other.out.count("beat") > before + 3)
    assert idle.run("clear_interval(beat); print('alive')").out == "alive\n"
    assert "idle.py" not in cell.traceback and "idle.py" not in cell.err
    assert goes_on(idle)


@pytest.mark.parametrize(
    "name", ["on_uncaught", "a close callback"], ids=["on_uncaught", "a close callback"]
)
def test_an_exit_where_an_error_is_told_ends_no_kernel(idle: Kernel, name: str) -> None:
    setting = {
        "on_uncaught": "rt.on_uncaught = lambda error: sys.exit()",
        "a close callback": (
            "from minirt import net\n"
            "server = net.create_server(print); server.close(lambda _: sys.exit())"
        ),
    }[name]
    body = "\n    ".join(setting.split("\n"))
    cell = idle.run(
        "rt = Runtime()\n"
        f"def main():\n    {body}\n    rt.set_timeout(5, lambda _: 1 / 0)\nrt.start(main)"
    )
    idle.watch(lambda: cell.traceback != "" or cell.err != "")
    assert goes_on(idle)


def test_a_name_of_the_notebook_that_answers_with_an_error_stops_nothing(idle: Kernel) -> None:
    idle.run("proxy = type('Proxy', (), {'__class__': property(lambda self: 1 / 0)})()")
    cell = idle.run("1")
    assert cell.err == "" and cell.traceback == ""
    cell = idle.run("rt = Runtime()\nrt.start(lambda: set_timeout(20, lambda _: print('fired')))")
    idle.watch(lambda: cell.out == "fired\n")


# --- J10: what else sets the kernel's loop ---


@pytest.mark.parametrize(
    "line",
    [
        "%matplotlib inline",
        "%matplotlib agg",
        "%matplotlib",
        "%pylab inline --no-import-all",
        "import matplotlib.pyplot as plt; plt.ion(); plt.figure()",
        "get_ipython().enable_matplotlib('inline')",
    ],
)
def test_pictures_that_need_no_loop_leave_ours_on(idle: Kernel, line: str) -> None:
    waits = idle.run("_ = set_timeout(50, lambda _: print('fired'))")
    cell = idle.run(line)
    assert cell.status == "ok" and "minirt" not in cell.out + cell.err
    idle.watch(lambda: waits.out == "fired\n")
    assert goes_on(idle)


def test_timers_of_the_cell_that_asks_for_pictures_go_on(idle: Kernel) -> None:
    cell = idle.run(
        "mine = Runtime.current()\n%matplotlib inline\nprint(mine is Runtime.current())\n"
        "_ = set_timeout(20, lambda _: print('fired'))"
    )
    idle.watch(lambda: cell.out == "True\nfired\n")


@pytest.mark.parametrize(
    "line",
    ["%gui", "%gui inline", "get_ipython().enable_gui()", "get_ipython().kernel.eventloop = None"],
)
def test_who_switches_it_off_is_told_so(idle: Kernel, line: str) -> None:
    beats = idle.run("_ = set_interval(5, lambda _: print('beat'))")
    said = idle.run(line).out
    assert said.startswith("%gui minirt is off") and said.count("\n") == 1
    before = beats.out
    assert idle.run("import asyncio; await asyncio.sleep(0.2)").out == ""
    assert beats.out == before, "what waits stands still"
    assert idle.run("%gui minirt").out == ""
    idle.watch(lambda: beats.out != before)


@pytest.mark.parametrize("line", ["%gui asyncio", "%gui tk", "%gui gtk3", "%matplotlib tk"])
def test_another_loop_is_refused_in_a_sentence_while_ours_is_on(idle: Kernel, line: str) -> None:
    cell = idle.run(line)
    said = cell.out + cell.err
    assert "%gui minirt is on, and a kernel has one loop: say `%gui`" in said
    assert cell.traceback == ""
    assert goes_on(idle)


def test_ours_is_refused_in_a_sentence_while_another_loop_is_on(cells: Kernel) -> None:
    cells.run("%gui asyncio")
    cell = cells.run("%gui minirt")
    assert "%gui asyncio is on, and a kernel has one loop" in cell.out + cell.err
    assert cells.run("%gui").out == ""
    assert cells.run("%gui minirt").out == ""


def test_unloaded_the_shells_own_methods_are_back(idle: Kernel) -> None:
    idle.run("%unload_ext minirt")
    left = "print({'enable_gui', 'enable_matplotlib'} & set(vars(get_ipython())))"
    assert idle.run(left).out == "set()\n"
    assert idle.run("%matplotlib inline").status == "ok"
    assert idle.run("print(get_ipython().kernel.eventloop)").out == "None\n"


# --- J13: a %%node cell has an end; tests/test_real_node.py has the brothers ---


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")
def test_a_detached_child_of_node_does_not_hold_the_kernel(cells: Kernel) -> None:
    cells.run("%config MinirtMagics.node_time_limit = 1")
    cell = cells.run(
        "%%node\n"
        "const { spawn } = require('child_process');\n"
        "spawn('sleep', ['20'], { stdio: 'inherit', detached: true });\n"
        "console.log('from Node');"
    )
    assert cell.seconds < 6
    assert "from Node" in cell.out and "ended after 1 s" in cell.out
    assert cells.run("print('alive')").out == "alive\n"


# --- J17: every door of sys.stdout leads to the program's console ---

PRINTS = {
    "writelines": "sys.stdout.writelines(['a\\n', 'b\\n'])",
    "print with a file": "print('a', file=sys.stdout); print('b', file=sys.stdout, flush=True)",
    "print in pieces": "print('a', end='\\n' 'b'); print()",
    "write": "sys.stdout.write('a\\nb\\n')",
    "a log": (
        "import logging\nlog = logging.getLogger('mine')\n"
        "handler = logging.StreamHandler(sys.stdout)\nlog.addHandler(handler)\n"
        "log.error('a'); log.error('b'); log.removeHandler(handler)"
    ),
    "a thread": (
        "from contextvars import copy_context\nimport threading\n"
        "thread = threading.Thread(target=copy_context().run, args=[print, 'a\\nb'])\n"
        "thread.start(); thread.join()"
    ),
    "pprint": "import pprint; pprint.pprint('a' * 1); print('b')",
}


@pytest.mark.parametrize("body", PRINTS.values(), ids=PRINTS)
def test_what_goes_to_standard_output_is_in_the_programs_console(cells: Kernel, body: str) -> None:
    shown = cells.run(f"%%minirt --sim\nimport sys\n{body}").out
    last = "get_ipython().magics_manager.registry['MinirtMagics'].last"
    lines = cells.run(f"print({last}.console.texts())").out.strip()
    assert lines == str(shown.splitlines())
    assert [line.strip("'") for line in shown.splitlines()] == ["a", "b"]


# --- J18: two names of one extension ---

LONG, SHORT = "minirt.extension", "minirt"


@pytest.mark.parametrize("one", [SHORT, LONG])
@pytest.mark.parametrize("other", [SHORT, LONG])
@pytest.mark.parametrize("unloaded", [SHORT, LONG])
def test_loaded_by_any_names_and_unloaded_by_one_it_is_gone(
    kernel_of_module: Kernel, one: str, other: str, unloaded: str
) -> None:
    run = kernel_of_module.run
    run(f"%load_ext {one}")
    run(f"%load_ext {other}")
    assert run("%%minirt --sim\nprint(1)").out == "1\n"
    run(f"%unload_ext {unloaded}")
    cell = run("%%minirt --sim\nprint(1)")
    if unloaded in (one, other):
        assert "`%%minirt` not found" in cell.err and cell.traceback == ""
    else:
        assert cell.out == "1\n"  # "The minirt extension is not loaded"
    assert "already loaded" not in run(f"%load_ext {other}").out or unloaded not in (one, other)
    assert run("%%minirt --sim\nprint(2)").out == "2\n"
    for name in (SHORT, LONG):
        assert run(f"%unload_ext {name}").traceback == ""
    assert (
        run(
            "print([t for t in get_ipython().input_transformers_cleanup if 'rewrite' in str(t)])"
        ).out
        == "[]\n"
    )


@pytest.mark.parametrize(
    "lines",
    [
        ["%unload_ext minirt", "%unload_ext minirt.extension"],
        ["%reload_ext minirt", "%reload_ext minirt.extension", "%reload_ext minirt"],
        ["%reload_ext minirt.extension", "%load_ext minirt", "%unload_ext minirt.extension"],
        ["import minirt.extension as e; e.unload_ipython_extension(get_ipython())"] * 2,
        ["import minirt.extension as e; e.load_ipython_extension(get_ipython())"] * 2,
        ["get_ipython().input_transformers_cleanup.clear()", "%unload_ext minirt"],
        [
            "import importlib, minirt.magics.cells, minirt.extension",
            "_ = importlib.reload(minirt.magics.cells); _ = importlib.reload(minirt.extension)",
            "%unload_ext minirt",
        ],
    ],
)
def test_no_order_of_loading_and_unloading_is_an_error(cells: Kernel, lines: list[str]) -> None:
    for line in lines:
        cell = cells.run(line)
        assert cell.traceback == "" and cell.status == "ok"
        assert "KeyError" not in str(cells.run("%%minirt --sim\nprint(1)"))
    cells.run("import minirt.extension as e; e.unload_ipython_extension(get_ipython())")
    cells.run("%load_ext minirt")
    assert cells.run("%%minirt --sim\nprint(3)").out == "3\n"


# --- J20: an async def as a callback, or where nobody runs what it returns ---

WATCHED_OR_NOT = {
    "a program": "%%minirt\n{}",
    "a simulation": "%%minirt --sim\n{}",
    "a run of its own": (
        "from minirt import *\nfrom minirt import fs\ndef main():\n    global tick\n    {}\n"
        "Runtime().run(main)"
    ),
}
HANDED_OVER = {
    "a timer": "set_timeout(1, tick)",
    "an immediate": "set_immediate(tick)",
    "a tick": "next_tick(tick)",
    "a microtask": "queue_microtask(tick)",
    "a result": "fs.read('no such file', tick)",
    "in a lambda": "set_timeout(1, lambda value: tick(value))",
}


@pytest.mark.parametrize("cell", WATCHED_OR_NOT.values(), ids=WATCHED_OR_NOT)
@pytest.mark.parametrize("handed_over", HANDED_OVER.values(), ids=HANDED_OVER)
def test_an_async_callback_runs(cells: Kernel, cell: str, handed_over: str) -> None:
    program = f"async def tick(_):\n    print('ran')\n\n{handed_over}"
    ran = cells.run(cell.format(program.replace("\n", "\n    ") if "main" in cell else program))
    assert (ran.out, ran.err, ran.traceback) == ("ran\n", "", "")


def test_an_async_callback_runs_while_the_kernel_is_idle(idle: Kernel) -> None:
    cell = idle.run("async def tick(_):\n    print('ran')\n\n_ = set_timeout(5, tick)")
    idle.watch(lambda: cell.out == "ran\n")
    assert cell.err == ""


HANDLERS = {
    "on_data": "client.on_data = tick",
    "on_uncaught": "rt.on_uncaught = tick\n    rt.set_immediate(lambda _: 1 / 0)",
}


@pytest.mark.parametrize("handler", HANDLERS.values(), ids=HANDLERS)
def test_an_async_handler_runs_or_is_told_in_one_sentence_each_time(
    cells: Kernel, handler: str
) -> None:
    for _ in range(2):
        ran = cells.run(
            "from minirt import Runtime, net, set_timeout\nrt = Runtime()\n"
            "async def tick(_):\n    print('ran')\n\n"
            "def hello(socket):\n    socket.write(b'x'); socket.end()\n\n"
            "def main():\n    server = net.create_server(hello)\n"
            f"    client = net.connect(*server.address)\n    {handler}\n"
            "    set_timeout(300, lambda _: rt.stop())\n\nrt.run(main)"
        )
        said = ran.err + ran.traceback
        assert "never awaited" not in said and "/minirt/" not in said
        told = said.count("tick is an async def: its call made a coroutine")
        assert ("ran" in ran.out) != (told == 1)
        assert "async def tick(_):" in said or not told


def test_other_warnings_are_as_they_were(cells: Kernel) -> None:
    cell = cells.run("async def mine(): pass\nmine(); 1")
    assert "coroutine 'mine' was never awaited" in cell.err
    assert "UserWarning: a text" in cells.run("import warnings; warnings.warn('a text')").err
    cells.run("shown = warnings.showwarning")
    cells.run("%unload_ext minirt")
    after = (
        "print(warnings.showwarning is shown, any('awaited' in str(f) for f in warnings.filters))"
    )
    assert cells.run(after).out == "False False\n"


# --- J25: completion, as a front end asks for it ---


def completed(kernel: Kernel, text: str) -> list[str]:
    content: Any = kernel.reply(kernel.client.complete(text, len(text)))["content"]
    assert content["status"] == "ok"
    return [text[: content["cursor_start"]] + match for match in content["matches"]]


@pytest.mark.parametrize("jedi", ["True", "False"])
def test_a_front_end_completes_options_and_names(cells: Kernel, jedi: str) -> None:
    cells.run(f"get_ipython().Completer.use_jedi = {jedi}")
    assert completed(cells, "%%minirt --s") == [
        "%%minirt --sim", "%%minirt --seed", "%%minirt --speed",
    ]  # fmt: skip
    assert completed(cells, "%minirt pi") == ["%minirt picture"]
    assert completed(cells, "x = 1\n%minirt pi") == ["x = 1\n%minirt picture"]
    assert "%%exercise identity_8_bits" in completed(cells, "%%exercise ")
    assert completed(cells, "%hint identity_8") == ["%hint identity_8_bits"]
    assert completed(cells, "%gui minir") == ["%gui minirt"]
    cells.run("%%minirt --sim --trace mine\nprint(1)")
    assert completed(cells, "%minirt trace m") == ["%minirt trace mine"]
    assert "--sim" not in str(completed(cells, "%%minirt\nx --s"))


def test_unloaded_it_completes_nothing_of_ours(kernel_of_module: Kernel) -> None:
    kernel_of_module.run("%load_ext minirt")
    kernel_of_module.run("%unload_ext minirt")
    assert "--sim" not in str(completed(kernel_of_module, "%%minirt --s"))
