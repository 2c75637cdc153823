"""The view when its kernel is not there: it says so in words, and its controls are off."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import PATIENCE, Lab, Notebook
from .test_recording import ENDS, position
from .test_view import TICKING

KERNEL = "jupyterapp.shell.currentWidget.sessionContext.session.kernel"
# The connection is cut, and nobody makes a new one until it is mended.
CUT = f"""() => {{
    const kernel = {KERNEL};
    window.connect = kernel._createSocket;
    kernel._createSocket = () => {{}};
    kernel._ws.close();
}}"""
MEND = f"""() => {{
    const kernel = {KERNEL};
    kernel._createSocket = window.connect;
    return kernel.reconnect();
}}"""

IS_OVER = """() => ["Kernel gone", "Interrupted"].includes(
    document.querySelector(".minirt-live .mr-state")?.textContent)"""

Open = Callable[..., Notebook]


def controls(notebook: Notebook) -> Any:
    return notebook.view.locator(".mr-controls button, .mr-controls select")


def check_that_it_is_off(notebook: Notebook, *words: str) -> None:
    said = notebook.text("error")
    for word in words:
        assert word in said
    assert said in notebook.view.get_by_role("status").text_content()
    assert controls(notebook).count() == 4
    assert not any(control.is_enabled() for control in controls(notebook).all())


def restart(notebook: Notebook, process: int) -> None:
    notebook.page.evaluate(f"() => {KERNEL}.restart()")


def shut_down(notebook: Notebook, process: int) -> None:
    notebook.page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.shutdown()")


def kill(notebook: Notebook, process: int) -> None:
    os.kill(process, signal.SIGKILL)  # the server starts another one in its place


@pytest.mark.parametrize(
    "end", [restart, *(pytest.param(one, marks=pytest.mark.thorough) for one in (shut_down, kill))]
)
def test_a_kernel_that_is_gone_is_told(
    end: Callable[[Notebook, int], None], lab: Lab, open_notebook: Open
) -> None:
    name = lab.write("gone", "import os\nprint(os.getpid())", TICKING)
    notebook = open_notebook(name).run()
    assert all(control.is_enabled() for control in controls(notebook).all())
    end(notebook, int(notebook.printed(0)))
    notebook.page.wait_for_function(IS_OVER, timeout=PATIENCE)
    if notebook.state() == "Kernel gone":
        check_that_it_is_off(notebook, "The kernel", "Run the cell again")
    else:  # it had the time to end the program, and to say so
        assert notebook.state() == "Interrupted"
        assert not notebook.part("controls").is_visible()
    notebook.errors.clear()  # Lab's own, about the kernel


def test_a_connection_that_is_cut_is_told_and_so_is_its_return(
    lab: Lab, open_notebook: Open
) -> None:
    notebook = open_notebook(lab.write("away", TICKING)).run()
    notebook.page.evaluate(CUT)
    notebook.wait_for_state("Disconnected")
    check_that_it_is_off(notebook, "No connection")
    notebook.page.evaluate(MEND)
    notebook.wait_for_state("Running")
    assert notebook.text("error") == ""
    assert all(control.is_enabled() for control in controls(notebook).all())
    turn = notebook.text("turn")
    notebook.page.wait_for_function(
        "turn => document.querySelector('.minirt-live .mr-turn').textContent !== turn",
        arg=turn,
        timeout=PATIENCE,
    )
    notebook.errors.clear()  # Lab's own, about the connection
    notebook.stop()


def test_a_run_that_is_over_needs_no_kernel_and_says_nothing(lab: Lab, open_notebook: Open) -> None:
    notebook = open_notebook(lab.write("over", ENDS)).run()
    notebook.wait_for_recording()
    shut_down(notebook, 0)
    notebook.button("First event").click()
    notebook.frames(3)
    assert notebook.state() == "Recorded"
    assert notebook.text("error") == ""


def test_a_cell_that_is_moved_keeps_the_readers_place_in_the_recording(
    lab: Lab, open_notebook: Open
) -> None:
    notebook = open_notebook(lab.write("moved", "1 + 1", ENDS)).run()
    notebook.wait_for_recording()
    notebook.frames(3)
    notebook.view.get_by_label("Event of the recording").fill("40")
    notebook.view.get_by_label("Filter the events").fill("a_timer")
    notebook.view.get_by_label("Playback speed").select_option("0.5")
    notebook.view.locator("[aria-label=Timers] .mr-link").first.click()
    notebook.frames(3)
    place, biography = position(notebook), notebook.text("who")
    assert place[0] == 41 and "a_timer" in biography
    notebook.view.evaluate("view => { view.dataset.before = 'the move'; }")
    notebook.page.evaluate(
        """() => {
            const { content } = jupyterapp.shell.currentWidget;
            content.activeCellIndex = 1;
            content.moveCell(1, 0);
        }"""
    )
    notebook.page.locator('.minirt-live[data-mode="recorded"]:not([data-before])').first.wait_for(
        timeout=PATIENCE
    )
    notebook.frames(3)
    assert position(notebook) == place
    assert notebook.text("who") == biography
    assert notebook.view.get_by_label("Filter the events").input_value() == "a_timer"
    assert notebook.view.get_by_label("Playback speed").input_value() == "0.5"


HOLDS_PYTHON = """
import ctypes
from minirt import Runtime
rt = Runtime()
def main():
    rt.set_interval(50, lambda _: rt.log("tick"))
    rt.set_timeout(500, lambda _: ctypes.PyDLL(None).sleep(5))
await rt.play(main)
"""


def test_a_kernel_that_does_not_answer_is_told_and_so_is_its_return(
    lab: Lab, open_notebook: Open
) -> None:
    notebook = open_notebook(lab.write("silent", HOLDS_PYTHON)).run()
    notebook.wait_for_state("No answer")
    check_that_it_is_off(notebook, "does not let go of Python", "Restart Kernel")
    notebook.wait_for_state("Running")
    assert notebook.text("error") == ""
    notebook.pause()
    notebook.stop()
