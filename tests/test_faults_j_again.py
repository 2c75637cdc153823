"""Faults J in Jupyter, found by who tried to break what was mended: more brothers of each."""

from typing import Any

import pytest

from tests.kernels import Cell, Kernel, interrupted

pytestmark = pytest.mark.slow  # real kernels

NEXT = "import sys\nprint('next', type(sys.stdout).__name__)"


@pytest.fixture
def idle(cells: Kernel) -> Kernel:
    """A kernel in which runtimes go on while it is idle."""
    assert cells.run("%gui minirt").err == ""
    cells.run("import sys, asyncio, minirt\nfrom minirt import *")
    return cells


def later(kernel: Kernel) -> Cell:
    """A cell that awaits for a moment, in which what is set goes on."""
    return kernel.run("await asyncio.sleep(0.2)\nprint('next')")


# --- J1: one interrupt, wherever the program is ---

AT_CLOSE = (
    "def close():\n    print('busy')\n    while True: pass\n"
    "Runtime.current().at_close(close)\nset_timeout(1, lambda _: None)"
)


@pytest.mark.parametrize("head", ["%%minirt", "%%time\n%%minirt", "%%minirt --sim"])
def test_one_interrupt_ends_a_close_that_does_not_end(cells: Kernel, head: str) -> None:
    cells.run("%config MinirtMagics.view = False")
    cell = interrupted(cells, f"{head}\n{AT_CLOSE}")
    assert "while True: pass" in cell.traceback
    assert cells.run(NEXT).out == "next OutStream\n"


def test_one_interrupt_ends_it_while_the_kernel_is_idle(idle: Kernel) -> None:
    cell = idle.run(AT_CLOSE)
    idle.hear(cell, "busy")
    idle.interrupt()
    assert later(idle).out == "next\n"
    assert "while True: pass" in cell.traceback


# --- J2: what leaves a callback is shown, and under its own cell ---


def test_what_a_close_prints_is_under_the_cell_that_started_its_program(idle: Kernel) -> None:
    cell = idle.run(
        "Runtime.current().at_close(lambda: print('closing'))\n"
        "_ = set_timeout(20, lambda _: print('timer'))"
    )
    assert later(idle).out == "next\n"
    assert cell.out == "timer\nclosing\n"


UNTELLABLE = {
    "half a character": "ValueError('\\ud800')",
    "an interrupt": (
        "type('T', (Exception,), {'__str__': lambda _: exec('raise KeyboardInterrupt')})()"
    ),
    "an exit": "type('T', (Exception,), {'__str__': lambda _: sys.exit()})()",
}


@pytest.mark.parametrize("error", UNTELLABLE.values(), ids=UNTELLABLE)
def test_an_error_whose_text_cannot_be_made_is_shown_by_its_class(idle: Kernel, error: str) -> None:
    cell = idle.run(f"def fail(_):\n    raise {error}\n_ = set_immediate(fail)")
    assert later(idle).out == "next\n"
    assert "ValueError" in cell.traceback or "T: T" in cell.traceback
    assert cell.err == ""


# --- J4: the reader's lines, whoever calls the program ---

IDLE = {
    "a lambda": ("set_timeout(1, lambda: 0)", "takes none"),
    "a class": ("class K:\n    def __init__(self): pass\nset_immediate(K)", "K says"),
    "a part": ("import functools\nnext_tick(functools.partial(lambda a: 0, 1))", "argument"),
    "a generator": ("def g(_):\n    yield 1\nqueue_microtask(g)", "has a `yield`"),
    "a coroutine": ("async def a(): pass\nset_timeout(1, a())", "without parentheses"),
}


@pytest.mark.parametrize(("text", "says"), IDLE.values(), ids=IDLE)
def test_what_is_handed_over_in_a_cell_is_refused_at_its_line(
    idle: Kernel, text: str, says: str
) -> None:
    cell = idle.run(text)
    assert says in cell.traceback + later(idle).traceback
    assert f"----> {text.count(chr(10)) + 1} " in cell.traceback
    assert cell.traceback.count("minirt/") <= 3 and "never awaited" not in cell.err


RUN = "from minirt import *\nrt = Runtime()\nrt.run(lambda: rt.set_timeout(1, {}))"
SHOWN = {
    "its own error": (RUN.format("lambda _: 1 / 0"), "ZeroDivisionError"),
    "a wrong callback": (RUN.format("lambda: 0"), "WrongArguments"),
    "a bad main": ("from minirt import *\nRuntime().run(5)", "NotAMain"),
    "the end of an iterator": (RUN.format("lambda _: next(iter([]))"), "StopIteration"),
    "bad text": (RUN.format("lambda _: exec('x x')"), "SyntaxError"),
    "no runtime": ("import minirt\nminirt.set_timeout(1, print)", "NoRuntime"),
    "a library": (RUN.format("lambda _: __import__('json').loads('{')"), "JSONDecodeError"),
}


@pytest.mark.parametrize(("text", "says"), SHOWN.values(), ids=SHOWN)
def test_a_run_in_a_cell_shows_the_readers_lines_too(cells: Kernel, text: str, says: str) -> None:
    cell = cells.run(text)
    assert says in cell.traceback and "Cell In[" in cell.traceback
    assert cell.traceback.count("minirt/") <= 3


def test_what_did_not_go_through_the_package_is_shown_as_ever(cells: Kernel) -> None:
    text = "def f(n): return f(n - 1) if n else 1 / 0\nf(3)"
    shown = cells.run(text).traceback
    cells.run("%unload_ext minirt")
    plain = cells.run(text).traceback
    cells.run("%load_ext minirt")
    assert shown.splitlines()[2:] == [
        line.replace(plain.split("In[")[1].split("]")[0], shown.split("In[")[1].split("]")[0])
        for line in plain.splitlines()[2:]
    ]


# --- J9: where a cell's magic may stand ---

ABOVE = {
    "nothing": "",
    "blank lines": "\n  \n",
    "a comment": "# what it does\n",
    "comments and blank lines": "# one\n\n  # two\n",
}


@pytest.mark.parametrize("above", ABOVE.values(), ids=ABOVE)
@pytest.mark.parametrize("head", ["%%minirt", "%%minirt --sim", "%%exercise identity_8_bits"])
def test_a_comment_may_stand_above_a_magic(cells: Kernel, above: str, head: str) -> None:
    cells.run("%config MinirtMagics.view = False")
    cell = cells.run(f"{above}{head}\nprint('ran')\n...")
    assert "ran\n" in cell.out and cell.err == "" and cell.traceback == ""
    if "minirt" in head:
        lines = f"{above}{head}\n\n1 / 0"
        assert f"----> {lines.count(chr(10)) + 1} 1 / 0" in cells.run(lines).traceback
        for run in ("run_cell", "run_cell_magic"):
            text = f"{above}{head}\nprint('ran')"
            call = f"get_ipython().run_cell({text!r})" if run == "run_cell" else f"%%time\n{text}"
            assert "ran\n" in cells.run(call).out or above


# --- J16: options ---

OPTIONS = {
    "%minirt export a\x00.json": "Choose another name",
    "%minirt export ~/not/there.json": "/not/there.json",
    "%minirt picture extra": "leave 'extra' out",
    "%minirt STATUS": "Did you mean status?",
    "%minirt status extra": "leave 'extra' out",
    "%%minirt --SIM\n1": "Did you mean --sim?",
    "%%minirt --sim \\\n1": "a \\ at the end?",
    "%hint IDENTITY_8_BITS": "Did you mean identity_8_bits?",
}


@pytest.mark.parametrize("text", OPTIONS)
def test_a_wrong_option_is_told_in_one_sentence(cells: Kernel, text: str) -> None:
    cells.run("%%minirt --sim\nprint(1)")
    cell = cells.run(text)
    assert OPTIONS[text] in cell.err and cell.traceback == ""
    assert cell.err.count("\n") == 1 and "[Errno 2] No such file or directory: '~" not in cell.err


# --- J18: loaded and unloaded while a program plays ---


@pytest.mark.parametrize("line", ["unload_ext", "reload_ext"])
@pytest.mark.parametrize("end", ["print('went on')", "raise ValueError('told')"])
def test_a_program_may_unload_the_extension(cells: Kernel, line: str, end: str) -> None:
    cell = cells.run(
        f"%%minirt\nset_timeout(5, lambda _: get_ipython().run_line_magic('{line}', 'minirt'))\n"
        f"def last(_):\n    {end}\nset_timeout(20, last)"
    )
    cells.run("%load_ext minirt")
    assert "KeyError" not in cell.traceback
    assert ("went on" in cell.out) != ("ValueError: told" in cell.traceback)
    assert cells.run(NEXT).out == "next OutStream\n"


# --- J11, J17: what goes to standard error is in the view's console, too ---


def test_the_recording_has_what_is_shown_below_the_cell(cells: Kernel) -> None:
    cells.run("import logging, sys, threading\n%config MinirtMagics.view = False")
    cell = cells.run(
        "%%minirt\nlogging.getLogger('mine').warning('logged')\n"
        "thread = threading.Thread(target=print, args=['from a thread'])\n"
        "thread.start(); thread.join()\n"
        "sys.stderr.write('half \\udfff\\n')\nprint('10 %\\r20 %', end='')"
    )
    last = "get_ipython().magics_manager.registry['MinirtMagics'].last"
    said = cells.run(
        f"print([e.detail['text'] for e in {last}.recorder"
        " if e.kind == 'printed' and 'goes_on' not in e.detail])"
    )
    assert said.out == "['logged', 'from a thread', 'half \\\\udfff', '20 %']\n"
    assert "ERROR" not in cell.err and cell.out == "from a thread\n10 %\r20 %"


# --- J19: a play that no cell awaits, or that the program itself ends ---

PLAY = "import asyncio, sys\nfrom minirt import *\ndef long(): set_timeout(60_000, print)\n"
FAILS = f"{PLAY}def main(): set_timeout(20, lambda _: 1 / 0)\n"


def test_what_a_play_in_the_background_raises_is_shown_under_its_cell(cells: Kernel) -> None:
    cell = cells.run(f"{FAILS}playing = asyncio.ensure_future(Runtime().play(main, view=False))")
    cells.watch(lambda: "ZeroDivisionError" in cell.traceback)
    assert "lambda _: 1 / 0" in cell.traceback
    assert cells.run("del playing\nimport gc; gc.collect(); print('next')").err == ""


@pytest.mark.parametrize(
    "text",
    [
        "try: await asyncio.gather(playing)\nexcept ZeroDivisionError: print('caught')",
        (
            "async def wait():\n    try: await playing\n"
            "    except ZeroDivisionError: print('caught')\nawait asyncio.create_task(wait())"
        ),
    ],
)
def test_what_somebody_awaits_is_not_shown_a_second_time(cells: Kernel, text: str) -> None:
    cell = cells.run(
        f"{FAILS}playing = asyncio.ensure_future(Runtime().play(main, view=False))\n{text}"
    )
    assert cells.run("await asyncio.sleep(0.3); print('next')").out == "next\n"
    assert (cell.out, cell.traceback, cell.err) == ("caught\n", "", "")


ENDED = {
    "wait_for": "await asyncio.wait_for(Runtime().play(long, view=False), 0.2)",
    "timeout": "async with asyncio.timeout(0.2): await Runtime().play(long, view=False)",
}


@pytest.mark.parametrize("text", ENDED.values(), ids=ENDED)
def test_a_time_limit_of_the_program_ends_its_play(cells: Kernel, text: str) -> None:
    cell = cells.run(f"{PLAY}try:\n    {text}\nexcept TimeoutError: print('in time')")
    assert (cell.out, cell.traceback, cell.err) == ("in time\n", "", "")


@pytest.mark.parametrize("text", ["await Runtime().play(busy, view=False)", "%%minirt\nbusy()"])
def test_interrupts_are_heard_after_plays_that_ended_out_of_order(cells: Kernel, text: str) -> None:
    cells.run(
        f"{PLAY}def busy(): print('busy'); set_timeout(60_000, print)\n"
        "async def ended(ms):\n"
        "    await Runtime().play(lambda: set_timeout(ms, lambda _: None), view=False)\n"
        "await asyncio.gather(ended(20), ended(120), ended(60))"
    )
    for _ in range(2):
        assert "KeyboardInterrupt" in interrupted(cells, text).traceback
    assert cells.run(NEXT).out == "next OutStream\n"


# --- J1: an asyncio program that is interrupted leaves nothing that complains later ---

STUBBORN = {
    "one that does not want to be cancelled": (
        "async def main():\n    print('busy')\n    while True:\n"
        "        try: await asyncio.sleep(9)\n        except asyncio.CancelledError: pass\n"
        "asyncio.run(main())"
    ),
    "one that refuses whatever comes": (
        "print('busy')\nfor _ in range(3):\n    try: await asyncio.sleep(9)\n"
        "    except BaseException: pass"
    ),
    "an endless task": (
        "async def task():\n    print('busy')\n    while True: pass\nawait asyncio.gather(task())"
    ),
    "an endless end": (
        "print('busy')\ntry: await asyncio.sleep(9)\nfinally:\n    while True: pass"
    ),
}


@pytest.mark.parametrize("head", ["%%minirt --asyncio", "%%minirt --asyncio --sim"])
@pytest.mark.parametrize("text", STUBBORN.values(), ids=STUBBORN)
def test_an_interrupted_asyncio_program_says_nothing_in_the_next_cell(
    cells: Kernel, text: str, head: str
) -> None:
    cells.run("import asyncio, gc\n%config MinirtMagics.view = False")
    if "for _" in text and "sim" in head:
        pytest.skip("there it takes no time")
    cell = interrupted(cells, f"{head}\n{text}")
    assert "the program was stopped" in cell.traceback
    later = cells.run("_ = gc.collect(); print('next')")
    assert (later.out, later.err) == ("next\n", "")


SWALLOWED = {
    "main": "print('busy')\nwhile True: pass",
    "a callback": (
        "def f(_):\n    print('busy')\n    for _ in range(2):\n        try:\n"
        "            while True: sum(range(1000))\n        except BaseException: pass\n"
        "    while True: pass\nasyncio.get_running_loop().call_soon(f, 0)\nawait asyncio.sleep(9)"
    ),
    **STUBBORN,
}


@pytest.mark.parametrize("text", SWALLOWED.values(), ids=SWALLOWED)
def test_one_interrupt_ends_an_asyncio_program_that_runs_without_controls(
    cells: Kernel, text: str
) -> None:
    """Under `asyncio.run` it needs two, and who is stubborn more."""
    cells.run("import asyncio, gc")
    cell = interrupted(cells, f"%%time\n%%minirt --asyncio\n{text}")
    assert "KeyboardInterrupt" in cell.traceback + cell.err
    later = cells.run("_ = gc.collect(); " + NEXT)
    assert (later.out, later.err) == ("next OutStream\n", "")


def test_one_interrupt_ends_a_callback_that_swallows_it_where_there_are_no_controls(
    cells: Kernel,
) -> None:
    text = SWALLOWED["a callback"].partition("asyncio")[0]
    cell = interrupted(cells, f"%%time\n%%minirt\n{text}set_timeout(1, f)")
    assert "KeyboardInterrupt" in cell.traceback + cell.err
    assert cells.run(NEXT).out == "next OutStream\n"


# --- a reader's line is told by the number of its cell ---

TOLD_BY_THE_CELL = {
    "a task that nobody awaits": (
        "async def lost(): raise ValueError('x')\n"
        "Runtime().run(lambda: set_timeout(1, lambda _: (Task(lost()), None)[1]))"
    ),
    "an async def that is no callback": (
        "async def close(): pass\ndef main():\n    Runtime.current().at_close(close)\n"
        "Runtime().run(main)"
    ),
}


@pytest.mark.parametrize("text", TOLD_BY_THE_CELL.values(), ids=TOLD_BY_THE_CELL)
def test_a_place_in_a_cell_is_told_by_the_number_of_the_cell(cells: Kernel, text: str) -> None:
    cells.run("from minirt import *")
    said = cells.run(text)
    told = said.err + said.traceback
    assert "Cell In[" in told
    assert "ipykernel_" not in told and ".py" not in told


def test_a_task_of_a_cell_has_its_place_in_the_recording(cells: Kernel) -> None:
    cells.run("async def mine(): pass")
    cells.run("%%minirt --trace it\nfrom minirt import Task\n_ = Task(mine())")
    events = "get_ipython().magics_manager.registry['MinirtMagics'].last.recorder.events"
    said = cells.run(
        "import linecache\nfrom minirt.views.tape import tape\n"
        f"places = tape({events}, source=linecache.getline)['places'].values()\n"
        "print([place for place in places if 'mine' in place[0]])"
    )
    assert said.out == "[['mine', 'cell', 3, '_ = Task(mine())']]\n"


# --- J1: a program that is paused where nobody can go on ---


def test_a_paused_program_that_no_page_shows_goes_on_where_nobody_can_be_asked(
    cells: Kernel,
) -> None:
    """So what runs a whole notebook, as nbconvert does, comes to its end."""
    cells.run("%config MinirtMagics.view = True")
    cell = cells.run("%%minirt --paused\nset_timeout(1, lambda _: print('ran'))")
    assert (cell.status, cell.out) == ("ok", "ran\n")
    assert cell.err == "minirt: no page shows the buttons of this paused program, so it goes on.\n"


def test_a_paused_program_without_a_view_is_refused_in_one_sentence(cells: Kernel) -> None:
    cells.run("%config MinirtMagics.view = False")
    cell = cells.run("%%minirt --paused\n1")
    assert cell.err.startswith("UsageError: %%minirt: --paused needs the live view")


# --- J25: completion, wherever the line stands ---


def completed(kernel: Kernel, text: str) -> list[str]:
    content: Any = kernel.reply(kernel.client.complete(text, len(text)))["content"]
    return [text[: content["cursor_start"]] + match for match in content["matches"]]


@pytest.mark.parametrize("above", ["", "%%time\n", "# a comment\n", "\n", "%%capture out\n# one\n"])
def test_a_magic_is_completed_below_what_may_stand_above_it(cells: Kernel, above: str) -> None:
    assert completed(cells, f"{above}%%minirt --si") == [f"{above}%%minirt --sim"]
    assert "--sim" not in str(completed(cells, f"{above}x = 1\n%%minirt --si"))


@pytest.mark.parametrize("begun", ["", "t", "'two"])
def test_a_name_with_a_space_is_completed_as_it_must_be_written(cells: Kernel, begun: str) -> None:
    cells.run("%%minirt --sim --trace 'two words'\nprint(1)")
    assert completed(cells, f"%minirt trace {begun}") == ["%minirt trace 'two words'"]
    assert cells.run("%minirt trace 'two words'").err == ""


# --- J2, J5, J11: an error that answers with errors, in whatever way it gets out ---

ANSWERS = {
    "its text": "__str__=lambda self: exec('raise KeyboardInterrupt')",
    "its traceback": "__traceback__=property(lambda self: 1 / 0)",
    "its cause": "__cause__=property(lambda self: 1 / 0)",
    "how it is shown": "_render_traceback_=property(lambda self: 1 / 0)",
    "all": "__getattribute__=lambda self, name: 1 / 0",
    "its class": "__class__=property(lambda self: 1 / 0)",
    "a notebook's own": "__hash__=None, __eq__=lambda *_: 1 / 0",
    "half a character": "__str__=lambda self: '\\ud800'",
}
OUT = {
    "play": "rt = Runtime()\nawait rt.play(lambda: rt.set_timeout(1, fail), view=False)",
    "a program": "get_ipython().run_cell_magic('minirt', '', 'set_timeout(1, fail)')",
    "an async one": (
        "async def later(_): fail(_)\nrt = Runtime()\n"
        "await rt.play(lambda: rt.set_timeout(1, later), view=False)"
    ),
    "one after another": (
        "def chained(_):\n    try: fail(_)\n    except BaseException: raise ValueError('second')\n"
        "rt = Runtime()\nawait rt.play(lambda: rt.set_timeout(1, chained), view=False)"
    ),
}


@pytest.mark.parametrize("out", OUT.values(), ids=OUT)
def test_no_error_of_a_program_keeps_its_cell_from_its_end(cells: Kernel, out: str) -> None:
    cells.run("import sys, asyncio\nfrom minirt import *")
    for answers in ANSWERS.values():
        cell = cells.run(
            f"Odd = type('Odd', (Exception,), dict({answers}))\n"
            f"def fail(_):\n    raise Odd('told')\n{out}"
        )
        assert cell.status == "error" and cell.traceback.count("minirt/") <= 3
        named = ("\nOdd: ", "\nZeroDivisionError: ", "\nValueError: second")
        assert any(name in cell.traceback for name in named), answers
        assert cells.run(NEXT).out == "next OutStream\n"


def test_an_async_callback_may_raise_what_cannot_be_written_to(cells: Kernel) -> None:
    cell = cells.run(
        "%%minirt\nimport dataclasses\n@dataclasses.dataclass(frozen=True)\n"
        "class Fixed(Exception):\n    x: int\nasync def fail(_):\n    raise Fixed(1)\n"
        "set_timeout(1, fail)"
    )
    assert cell.traceback.endswith("Fixed: 1") and "raise Fixed(1)" in cell.traceback
