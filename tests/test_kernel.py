"""minirt.kernel: "Python 3 on minirt", a real kernel whose asyncio loop is minirt's."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import ipykernel
import pytest
from IPython.core.error import UsageError
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

from minirt.kernel.__main__ import main, write_spec
from minirt.magics.kernel_view import KernelView
from tests.kernels import PATIENCE, Cell, Kernel

pytestmark = pytest.mark.slow  # real kernels

ROOT = Path(__file__).resolve().parent.parent
VERSION = ipykernel.version_info[:2]


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelManager]:
    folder = tmp_path_factory.mktemp("kernels")
    write_spec(folder / "minirt")
    specs = KernelSpecManager(kernel_dirs=[str(folder)])
    made = KernelManager(kernel_name="minirt", kernel_spec_manager=specs)
    made.start_kernel()
    yield made
    made.shutdown_kernel(now=True)
    made.cleanup_resources()


@pytest.fixture(scope="module")
def cells(manager: KernelManager) -> Iterator[Kernel]:
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=PATIENCE)
    yield Kernel(client, manager.interrupt_kernel)
    client.stop_channels()


def test_its_loop_is_minirts(cells: Kernel) -> None:
    cell = cells.run(
        "import asyncio\n"
        "from minirt.aio import MinirtEventLoop\n"
        "print(isinstance(asyncio.get_running_loop(), MinirtEventLoop))"
    )
    assert cell.out == "True\n"


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        ("await asyncio.sleep(0.01); print('slept')", "slept\n"),
        ("print(await asyncio.to_thread(len, 'abc'))", "3\n"),
        (
            """made = await asyncio.create_subprocess_exec("echo", "x", stdout=-1)
print((await made.communicate())[0])""",
            "b'x\\n'\n",
        ),
        ("%%bash\necho hello", "hello\n"),
        ("!echo hello", "hello\n"),
        ("task = asyncio.create_task(asyncio.sleep(0, 'later'))\nprint(await task)", "later\n"),
    ],
    ids=["sleep", "thread", "subprocess", "bash", "shell", "task"],
)
def test_what_a_cell_awaits_or_starts_works_as_on_the_standard_kernel(
    cells: Kernel, code: str, printed: str
) -> None:
    cells.run("import asyncio")
    cell = cells.run(code)
    assert (cell.out.replace("\r", ""), cell.traceback) == (printed, "")


def test_a_runtime_runs_inside_it(cells: Kernel) -> None:
    cell = cells.run(
        "from minirt import Runtime, set_timeout\n"
        "Runtime().run(lambda: set_timeout(5, lambda _: print('due')))"
    )
    assert cell.out == "due\n"


def test_the_magics_of_minirt_work_on_it(cells: Kernel) -> None:
    cells.run("%load_ext minirt")
    assert "in time" in cells.run("%%minirt\nset_timeout(5, lambda _: print('in time'))").out
    cells.run("%gui minirt")
    later = cells.run("_ = set_timeout(5, lambda _: print('while it rests'))")
    cells.hear(later, "while it rests")
    cells.run("%gui")


def test_a_widget_hears_its_page(cells: Kernel) -> None:
    cells.run(
        "import ipywidgets\nheard, slider = [], ipywidgets.IntSlider()\n"
        "slider.observe(lambda change: heard.append(change.new), 'value')"
    )
    identity = cells.run("print(slider.model_id)").out.strip()
    cells.update_widget(identity, value=42)
    assert cells.run("print(heard)").out == "[42]\n"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("print('on'); time.sleep(60)", "KeyboardInterrupt"),
        ("print('on')\nwhile True: pass", "KeyboardInterrupt"),
        ("print('on'); await asyncio.sleep(60)", "CancelledError"),
        ("print('on'); await asyncio.Event().wait()", "CancelledError"),
    ],
    ids=["sleep", "endless", "await", "await for ever"],
)
def test_an_interrupt_ends_the_cell_and_the_next_one_runs(
    cells: Kernel, code: str, error: str
) -> None:
    cells.run("import asyncio, time")
    cell = cells.begin(code)
    cells.hear(cell, "on")
    cells.interrupt()
    reply = cells.reply(cell.identity)["content"]
    assert reply["status"] == "error" and reply["ename"] in (error, "KeyboardInterrupt")
    assert cells.run("print('goes on')").out == "goes on\n"


def test_input_asks_the_front_end(cells: Kernel) -> None:
    cell = cells.collect(Cell(cells.client.execute("print(input('who?'))", allow_stdin=True)))
    request = cells.client.get_stdin_msg(timeout=PATIENCE)
    assert request["content"]["prompt"] == "who?"
    cells.client.input("Ada")
    cells.reply(cell.identity)
    cells.watch(lambda: "idle" in cell.messages)
    assert cell.out == "Ada\n"


def test_a_restart_is_a_new_kernel_on_a_loop_of_minirts(
    manager: KernelManager, cells: Kernel
) -> None:
    cells.run("mark = 1")
    manager.restart_kernel(now=False)
    cells.client.wait_for_ready(timeout=PATIENCE)
    cell = cells.run(
        "import asyncio\nprint('mark' in globals(), type(asyncio.get_running_loop()).__name__)"
    )
    assert cell.out == "False MinirtEventLoop\n"


@pytest.mark.parametrize("chapter", ["05_epoll"])  # all of them: make nbval KERNEL=minirt
def test_a_chapter_passes_strict_nbval_on_it(chapter: str, tmp_path: Path) -> None:
    """All of them: `make nbval KERNEL=minirt`."""
    assert main(["install", "--prefix", str(tmp_path)]) == 0
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval"),
            *("--nbval-kernel-name=minirt", "--nbval-cell-timeout=60"),
            "--nbval-sanitize-with=tests/nbval_sanitize.cfg",
            f"notebooks/{chapter}.ipynb",
        ],
        cwd=ROOT,
        env={**os.environ, "JUPYTER_PATH": str(tmp_path / "share" / "jupyter")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:]


# Installing it


def test_the_list_of_kernels_has_it_until_it_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share" / "jupyter"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "of the user"))
    for others in ("ENV_JUPYTER_PATH", "SYSTEM_JUPYTER_PATH"):  # the reader's own is left alone
        monkeypatch.setattr(f"jupyter_core.paths.{others}", [])
    assert main(["install", "--prefix", str(tmp_path)]) == 0
    assert "Kernel, Change Kernel" in capsys.readouterr().out
    spec = json.loads((tmp_path / "share/jupyter/kernels/minirt/kernel.json").read_text())
    assert spec["display_name"] == "Python 3 on minirt"
    assert spec["argv"][0] == sys.executable
    assert main(["uninstall"]) == 0
    assert "is removed" in capsys.readouterr().out
    assert "minirt" not in KernelSpecManager().find_kernel_specs()
    assert main(["uninstall"]) == 0
    assert "is not installed" in capsys.readouterr().out


def test_a_command_that_is_none_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["add"])
    assert "install" in capsys.readouterr().err


def test_where_no_loop_runs_the_kernels_view_says_what_to_do() -> None:
    with pytest.raises(UsageError, match="Python 3 on minirt"):
        KernelView()


def test_the_live_view_shows_the_kernels_own_loop(cells: Kernel) -> None:
    cells.run("%load_ext minirt\nimport asyncio, time")
    shown = cells.run("%minirt kernel")
    assert "comm_open" in shown.messages
    cells.run("await asyncio.sleep(0.25)")
    cells.run("time.sleep(0.12)")
    cells.run("view = get_ipython().magics_manager.registry['MinirtMagics'].kernel_view._view")
    frame = cells.run(
        "await asyncio.sleep(0.25)\n"  # a frame is drawn while a message is at work
        "print(view.frame['kernel'], view.frame['phases'],"
        " [row['coroutine'] for row in view.frame['tasks'][1]], view.frame['found'])"
    ).out
    assert "True ['poll', 'timers', 'round']" in frame
    takes = "the queue of messages" if VERSION < (7, 0) else "a message on the shell channel"
    assert takes in frame
    assert "in line 1: time.sleep(0.12)" in frame
    assert "minirt-widget" in cells.run("%unload_ext minirt").html()  # its recording


def test_a_kernel_of_another_loop_has_no_such_view() -> None:
    from IPython.core.error import UsageError

    from minirt.magics.kernel_view import KernelView

    async def look() -> None:
        KernelView()

    with pytest.raises(UsageError, match=r"python -m minirt\.kernel install"):
        asyncio.run(look())
