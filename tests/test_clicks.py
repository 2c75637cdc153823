"""Does a program that a cell awaits hear the page's buttons, whichever kernel the reader has?"""

from collections.abc import Iterator

import ipykernel
import pytest

from tests.kernels import Cell, Kernel, Page

pytestmark = pytest.mark.slow  # real kernels

VERSION = ipykernel.version_info[:2]
PLAY = """
from minirt import Runtime
rt = Runtime()
ran = []
def main():
    rt.set_interval(2, ran.append)
    rt.set_timeout(0, lambda _: print("started"))
await rt.play(main)
print("over", rt.phase)
"""


def ways() -> list[str]:
    """Where a page may send a click: to the kernel's main shell, or, as Lab does, to a subshell."""
    return ["main"] * (VERSION < (7, 0) or VERSION > (7, 3)) + ["subshell"] * (VERSION >= (7, 0))


@pytest.fixture(params=ways())
def page(request: pytest.FixtureRequest, kernel_of_module: Kernel) -> Iterator[Page]:
    opened = Page(kernel_of_module, PLAY, "started", on_subshell=request.param == "subshell")
    yield opened
    if "idle" not in opened.cell.messages:
        kernel_of_module.interrupt()
        kernel_of_module.watch(lambda: "idle" in opened.cell.messages)


def test_it_pauses_steps_and_goes_on(page: Page) -> None:
    page.click("pause")
    held = page.wait(lambda frame: frame["state"] == "paused")
    page.click("step")
    assert page.wait(lambda frame: frame["run"] > held["run"])["run"] == held["run"] + 1
    page.click("resume")
    page.wait(lambda frame: frame["state"] == "running" and frame["run"] > held["run"] + 5)
    assert page.stop().out.endswith("over closed\n")


def test_its_speed_is_chosen(page: Page) -> None:
    page.click("speed", value=0.25)
    page.wait(lambda frame: frame["speed"] == 0.25)
    page.stop()


def test_what_the_cell_prints_after_a_click_appears_under_it(page: Page) -> None:
    assert page.stop().out == "started\nover closed\n"


@pytest.mark.skipif(VERSION >= (7, 0), reason="there the kernel does it")
def test_the_page_is_told_that_its_click_was_handled(page: Page) -> None:
    click = Cell(page.click("speed", value=0.5))
    page.cells.collect(click)
    page.cells.watch(lambda: "idle" in click.messages)
    assert "idle" not in page.cell.messages
    page.cells.watch(lambda: page.cell.messages.count("busy") == 2)  # the cell goes on
    page.stop()


def test_a_page_that_is_loaded_again_is_answered(page: Page) -> None:
    if page.subshell is None and VERSION >= (7, 0):
        pytest.skip("ipykernel 7 answers a page on a subshell")
    asked = page.send("comm_info_request", {"target_name": "jupyter.widget"})
    reply = page.cells.reply(asked)
    assert "idle" not in page.cell.messages
    assert page.view in reply["content"]["comms"]
    page.stop()


def test_a_message_that_cannot_be_read_disturbs_nobody(page: Page) -> None:
    page.cells.client.shell_channel.socket.send_multipart([b"<IDS|MSG>", b"", b"no", b"{}"])
    waiting = page.cells.begin("print('still here')")
    page.click("pause")
    page.wait(lambda frame: frame["state"] == "paused")
    page.stop()
    page.cells.watch(lambda: "idle" in waiting.messages)
    assert waiting.out == "still here\n"


def test_the_cells_that_wait_behind_it_run_afterwards_in_their_order(page: Page) -> None:
    waiting = [page.cells.begin(f"print({n}, rt.phase)") for n in range(3)]
    page.click("pause")
    page.wait(lambda frame: frame["state"] == "paused")
    assert [cell.out for cell in waiting] == ["", "", ""]
    page.stop()
    page.cells.watch(lambda: "idle" in waiting[-1].messages)
    assert [cell.out for cell in waiting] == [f"{n} closed\n" for n in range(3)]
