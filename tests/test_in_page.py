"""Does the package work where Python runs in a web page: in Pyodide, here under Node?

Nothing is played here: the cells run in the Python that the site's pages load.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from minirt.core.machine import IN_A_PAGE
from minirt.exercises.mechanism import Exercise
from minirt.exercises.registry import exercises
from tests import in_page
from tests.in_page import NOT_HERE, Ran, run, try_chapter
from tests.kernels import plain
from tests.notebooks import NOTEBOOKS, chosen, tags
from tests.once import once

pytestmark = pytest.mark.slow  # Node, and in it a whole Python
THOROUGH = (pytest.mark.browser, pytest.mark.thorough)  # its Python is a browser's
QUICK = ("00", "06")  # the chapters that `make test` runs; `make thorough` runs all

OF_MAKE_TEST = "04_timers"  # the chapter whose exercises `make test` tries, too
NEED_MORE = {"echo_on_poll", "bend_a_rule", "find_the_holder", "free_the_loop"}  # sockets, threads

# name -> a cell, run in this order in one page
CELLS: dict[str, str | dict[str, str]] = {
    "imports": """
import importlib, pkgutil, warnings
import minirt
warnings.simplefilter("error")
for module in pkgutil.walk_packages(minirt.__path__, "minirt."):
    if not module.name.endswith("__main__"):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            print(module.name, error.name.partition(".")[0])
warnings.resetwarnings()
""",
    "begin": "%load_ext minirt\n%minirt check",
    "an hour": """
from minirt import *
rt = Runtime()
rt.run(lambda: rt.set_timeout(3_600_000, lambda _: print("an hour is over")))
""",
    "pool": 'Runtime().run(lambda: fs.read("data/notes.txt", lambda text: print(text)))',
    "server": """
def main():
    server = net.create_server(lambda guest: setattr(guest, "on_data", lambda _: guest.end(b"bye")))
    client = net.connect(*server.address, lambda _: client.write(b"hello"))
    client.on_data = lambda chunk: (print(chunk.into_bytes()), server.close(), client.end())
Runtime().run(main)
""",
    "play": """
rt = Runtime()
await rt.play(lambda: rt.set_timeout(100, lambda _: print("played")))
""",
    "play that fails": "await Runtime().play(lambda: 1 / 0)",
    "magic": "%%minirt\nset_timeout(100, lambda _: print('in a cell'))",
    "status": "%minirt",
    "busy": """
rt = Runtime()
def busy():
    until = rt.clock.now() + 0.5
    while rt.clock.now() < until:
        pass
    return Undefined()
def main():
    rt.set_timeout(100, lambda _: print("timer"))
    rt.register_event_threadpool(busy, TaskKind("Busy"), lambda _: print("busy task"))
rt.run(main)
""",
    "key": 'Runtime().run(lambda: crypto.pbkdf2("p", "s", 1000, lambda key: print(key.value)))',
    "asyncio": """
%%minirt --asyncio
import asyncio
await asyncio.sleep(3600)
print("slept")
""",
    "asyncio.run": "import asyncio\nasyncio.run(asyncio.sleep(0))",
    "a new loop": "print(type(asyncio.new_event_loop()).__name__)\nawait asyncio.sleep(0.01)",
    "a pair": """
import select, socket
ear, mouth = socket.socketpair()
print(select.select([ear], [], [], 0)[0] == [], mouth.send(b"hello"), end=" ")
print(select.select([ear], [], [], 1)[0] == [ear], ear.recv(10))
""",
    "await": "import asyncio\nawait asyncio.sleep(0.01)\n_x = 5\n_x",
    "value": "_ + 1",
    "streams": """
import sys
print("out", end="")
print("err", file=sys.stderr)
""",
    "display": """
from IPython.display import clear_output, display
handle = display("before", display_id=True)
handle.update("after")
""",
    "clear": "display(1)\nclear_output()\ndisplay(2)",
    "error": "def inner():\n    1 / 0\ninner()",
    "no Python": "1 +",
    "thread": "import threading\nthreading.Thread(target=print).start()",
    "executor": "import concurrent.futures\nconcurrent.futures.ThreadPoolExecutor().submit(int)",
    "real pool": "from minirt.core.system import RealSystem\n"
    "Runtime(system=RealSystem()).run(lambda: fs.read('data/notes.txt', print))",
    "epoll": "import select\nselect.epoll()",
    "eventfd": "import os\nos.eventfd(0)",
    "setitimer": "import signal\nsignal.setitimer(signal.ITIMER_REAL, 1)",
    "listen": "import socket\nsocket.create_server(('127.0.0.1', 0))",
    "connect": "socket.create_connection(('example.com', 80))",
    "asyncio server": "await asyncio.start_server(print, '127.0.0.1', 0)",
    "slow server": "from minirt.modules.slowserver import SlowServer\nSlowServer().start()",
    "process": "import subprocess\nsubprocess.run(['ls'])",
    "shell": "!ls",
    "fork": "os.fork()",
    "plot": "import matplotlib.pyplot as plt",
    "widget": "from minirt.views.live import LiveView",
    "node": "%%node\nconsole.log(1)",
    "kernel": "%minirt kernel",
    "short limit": "%config MinirtMagics.exercise_time_limit = 0.5",
    "endless": "%%exercise identity_8_bits\nwhile True:\n    pass",
    "endless recursion of calls": """\
%%exercise identity_8_bits
def f(): pass
while True: f()
""",
    "endless await": "%%exercise identity_8_bits\nimport asyncio\nawait asyncio.sleep(3600)",
    "endless check": """\
%%exercise identity_8_bits
class Identities:
    def __init__(self, *args): pass
    def __getattr__(self, name):
        while True: pass
""",
    "passed over": {
        "passed_over": "import no_such_module, math\nfrom math import pi\n"
        "def f():\n    return pi\n1 / 0",
        "instead": "two = 2",
    },
    "passed over too": {"passed_over": "%%node\nconsole.log(1)", "instead": ""},
    "what is left": "print(f() > 3, two)",
    "the end": "print('the page goes on')",
    "long limit": "%config MinirtMagics.exercise_time_limit = 10.0",
}
# asked for -> what the sentence names
LACKING = {
    "thread": "threads", "executor": "threads", "real pool": "threads", "slow server": "threads",
    "epoll": "select.epoll", "eventfd": "os.eventfd", "setitimer": "signal.setitimer",
    "listen": "sockets", "connect": "sockets", "asyncio server": "sockets",
    "process": "processes", "shell": "processes", "fork": "processes",
    "plot": "module matplotlib", "widget": "module anywidget",
}  # fmt: skip


def exercises_of(chapter: str) -> list[Exercise]:
    """Those that a browser can judge."""
    return [
        one for one in exercises().values() if one.chapter == chapter and one.name not in NEED_MORE
    ]


def answers(one: Exercise) -> dict[str, str]:
    """name -> a cell, as in CELLS."""
    texts = {"right": one.answer, "wrong": one.wrong[0].text}
    return {f"{one.name}: {how}": f"%%exercise {one.name}\n{text}" for how, text in texts.items()}


for exercise in exercises_of(OF_MAKE_TEST):
    CELLS |= answers(exercise)


@pytest.fixture(scope="session")
def pyodide() -> None:
    """It is there, or the test is skipped and says what is missing."""
    if why_not := in_page.missing():
        pytest.skip(why_not)


@pytest.fixture(scope="session")
def page(pyodide: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    """What each of the cells did, in one page."""
    _, kept = once(
        tmp_path_factory,
        "in_page",
        lambda _: json.dumps([vars(ran) for ran in run(CELLS.values())]),
    )
    found = [Ran(**ran) for ran in json.loads(kept)]
    return dict(zip(CELLS, found, strict=True))


def out(ran: Ran, name: str = "stdout") -> str:
    return "".join(
        one["text"] for one in ran.outputs if one["output_type"] == "stream" and one["name"] == name
    )


def html(ran: Ran) -> str:
    return "".join(one.get("data", {}).get("text/html", "") for one in ran.outputs)


def test_every_module_is_imported_without_a_warning_but_those_for_kernels(
    page: dict[str, Ran],
) -> None:
    ran = page["imports"]
    assert ran.ended == "well", ran.outputs
    lines = [line.split() for line in out(ran).splitlines()]
    assert {lacks for _, lacks in lines} <= {"anywidget", "ipykernel", "zmq", "tornado"}
    of_kernels = ("minirt.kernel", "minirt.views.live", "minirt.magics.kernel_view")
    assert all(module.startswith(of_kernels) for module, _ in lines), lines


def test_it_is_said_that_time_is_simulated(page: dict[str, Ran]) -> None:
    assert IN_A_PAGE in out(page["begin"]).replace(".\n", ". ")
    assert "missing" not in out(page["begin"])


@pytest.mark.parametrize(
    ("name", "printed"),
    {
        "an hour": "an hour is over",
        "pool": "A loop sleeps until something is ready.",
        "server": "b'bye'",
        "busy": "timer\nbusy task",
        "key": hashlib.pbkdf2_hmac("sha256", b"p", b"s", 1000).hex(),
        "a new loop": "MinirtEventLoop",
        "a pair": "True 5 True b'hello'",
        "the end": "the page goes on",
    }.items(),
)
def test_a_program_runs_there(page: dict[str, Ran], name: str, printed: str) -> None:
    assert (page[name].ended, printed in out(page[name])) == ("well", True), page[name]


@pytest.mark.parametrize("name", ["play", "magic", "asyncio"])
def test_a_program_that_would_be_watched_hands_over_its_recording(
    page: dict[str, Ran], name: str
) -> None:
    ran = page[name]
    assert ran.ended == "well", ran.outputs
    assert [one["output_type"] for one in ran.outputs] == ["display_data", "stream"]
    assert 'data-kind="minirt.views.live.LiveView"' in html(ran)
    assert "The program runs." not in html(ran)


def test_a_program_that_fails_hands_it_over_too_and_the_cell_has_the_error(
    page: dict[str, Ran],
) -> None:
    ran = page["play that fails"]
    assert "ZeroDivisionError" in html(ran)
    assert error_of(ran)["ename"] == "ZeroDivisionError"
    assert "minirt/" not in plain("\n".join(error_of(ran)["traceback"]))


def test_its_status_says_that_it_was_simulated(page: dict[str, Ran]) -> None:
    assert "simulated, seed 0" in out(page["status"])


def error_of(ran: Ran) -> dict[str, Any]:
    """Of a cell; a warning of the garbage collector's about an earlier one may follow it."""
    (error,) = (one for one in ran.outputs if one["output_type"] == "error")
    return error


@pytest.mark.parametrize(("name", "what"), LACKING.items())
def test_what_a_browser_has_not_is_told_in_one_sentence(
    page: dict[str, Ran], name: str, what: str
) -> None:
    ran = page[name]
    assert ran.ended == "badly"
    (sentence,) = error_of(ran)["traceback"]
    assert sentence.startswith("NotInABrowser: ")
    assert f" has no {what}. " in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("name", "what"), {"node": "cannot start Node", "kernel": IN_A_PAGE}.items()
)
def test_a_magic_that_cannot_work_there_says_so(page: dict[str, Ran], name: str, what: str) -> None:
    assert what in out(page[name], "stderr")
    assert all(one["output_type"] == "stream" for one in page[name].outputs)


def test_asyncio_run_is_refused_as_in_a_kernel_and_the_page_goes_on(page: dict[str, Ran]) -> None:
    assert "cannot be called from a running event loop" in error_of(page["asyncio.run"])["evalue"]
    assert page["await"].ended == "well"


def test_a_cell_that_awaits_has_a_value_that_the_next_one_knows(page: dict[str, Ran]) -> None:
    assert page["await"].outputs[0]["data"]["text/plain"] == "5"
    assert page["value"].outputs[0]["data"]["text/plain"] == "6"
    assert page["value"].outputs[0]["output_type"] == "execute_result"


def test_streams_and_displays_are_those_of_a_notebook(page: dict[str, Ran]) -> None:
    assert (out(page["streams"]), out(page["streams"], "stderr")) == ("out", "err\n")
    assert [one["data"]["text/plain"] for one in page["display"].outputs] == ["'after'"]
    assert [one["data"]["text/plain"] for one in page["clear"].outputs] == ["2"]


def test_an_error_has_the_traceback_of_a_kernel(page: dict[str, Ran]) -> None:
    (error,) = page["error"].outputs
    assert (error["ename"], error["evalue"]) == ("ZeroDivisionError", "division by zero")
    text = "\n".join(error["traceback"])
    assert "\x1b[" in text
    assert "in inner()" in plain(text)
    assert "in_page" not in plain(text)
    assert page["no Python"].outputs[0]["ename"] == "SyntaxError"


@pytest.mark.parametrize("name", ["endless", "endless recursion of calls", "endless await"])
def test_an_endless_answer_is_ended_with_the_message_of_its_exercise(
    page: dict[str, Ran], name: str
) -> None:
    said = " ".join(out(page[name]).split())
    assert "✗ identity_8_bits: the cell was ended after 0.5 s. Is there a loop" in said


def test_a_check_that_never_comes_back_is_ended(page: dict[str, Ran]) -> None:
    assert "your code was still busy in __getattr__" in " ".join(out(page["endless check"]).split())


def test_a_cell_that_is_passed_over_leaves_what_it_defines(page: dict[str, Ran]) -> None:
    assert [page[name].ended for name in ("passed over", "passed over too")] == ["well"] * 2
    assert page["passed over"].outputs == []
    assert out(page["what is left"]) == "True 2\n"


# The chapters


@pytest.mark.usefixtures("pyodide")
@pytest.mark.parametrize(
    "name",
    [
        name if name in QUICK else pytest.param(name, marks=THOROUGH)
        for name in (path.name[:2] for path in sorted(NOTEBOOKS.glob("*.ipynb")))
    ],
)
def test_a_chapter_runs_in_a_page_and_prints_what_it_prints_in_a_kernel(name: str) -> None:
    (path,) = chosen([name])
    chapter = try_chapter(path)
    print(chapter)
    assert not chapter.told, chapter.told


@pytest.mark.parametrize("path", chosen([]), ids=lambda path: path.stem)
def test_a_cell_that_cannot_run_in_a_browser_says_why(path: Path) -> None:
    for cell in nbformat.read(path, as_version=4).cells:
        why = cell.metadata.get("minirt", {}).get("not_in_a_browser", "")
        assert bool(why) == (NOT_HERE in tags(cell)), cell.source
        assert not why or (why[0].isupper() and why.endswith(".") and len(why) < 80), why


# The exercises


def test_an_exercise_takes_its_model_answer_and_refuses_a_wrong_one(page: dict[str, Ran]) -> None:
    asked = exercises_of(OF_MAKE_TEST)
    assert asked
    for one in asked:
        check(one, page[f"{one.name}: right"], page[f"{one.name}: wrong"])


@pytest.mark.usefixtures("pyodide")
@pytest.mark.browser
@pytest.mark.thorough
@pytest.mark.parametrize("chapter", sorted({one.chapter for one in exercises().values()}))
def test_each_exercise_of_a_chapter_does(chapter: str) -> None:
    asked = exercises_of(chapter)
    cells = ["%load_ext minirt", *(text for one in asked for text in answers(one).values())]
    _, *ran = run(cells)
    for one, right, wrong in zip(asked, ran[::2], ran[1::2], strict=True):
        check(one, right, wrong)


def check(exercise: Exercise, right: Ran, wrong: Ran) -> None:
    assert f"✓ {exercise.name}: right" in out(right)
    said = " ".join(out(wrong).split())
    assert f"✗ {exercise.name}: " in said
    assert " ".join(exercise.wrong[0].says.split()) in said
