"""Does a coloured line look in the view's console as it does in Lab's own output?"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from minirt import Recorder, Runtime, Simulation
from minirt.views.report import page

from .conftest import PATIENCE, Lab, Notebook
from .test_saved import wait_for_play

Open = Callable[..., Notebook]
EACH = [
    "\x1b[38;5;208morange\x1b[39m, \x1b[48;5;17mon navy\x1b[49m and neither",
    "\x1b[38;5;16mthe first of the cube \x1b[38;5;231mand the last",
    "\x1b[38;5;232mthe darkest grey \x1b[48;5;255mon the lightest",
    "\x1b[38;5;1mby number, as red, \x1b[38;5;9mand as bright red",
    "\x1b[38;2;18;52;86mof 24 bits \x1b[48;2;254;220;186mon another",
    "\x1b[1;38;2;1;2;3mbold leaves it \x1b[31mand makes red bright \x1b[22munless it ends",
    "\x1b[4;38;5;99munderlined \x1b[24mand not",
    "\x1b[7;38;5;208minverse \x1b[48;5;17mof two \x1b[39mof the ground \x1b[27mand over",
    "\x1b[7mall inverse \x1b[31mof red \x1b[44mof red on blue",
    "\x1b[31mred \x1b[48;5;230mon cream \x1b[0;38;5;57;43mviolet on yellow",
    *(
        f"\x1b[{code};48;5;208m{code} on it \x1b[7mand inverse \x1b[1mand bold"
        for code in (*range(30, 38), *range(90, 98))
    ),
    "\x1b[38;5mnothing to say which \x1b[38;2;1;2mor not all \x1b[38;9;1mor of no kind",
    "\x1b[31;38;5;256;1mno such colour \x1b[38;2;256;0;0;4mand none so bright",
    "\x1b[38;5;;1mblack, since it is empty \x1b[mand over",
    "\x1b[38:5:208mwith colons \x1b[38:2::1:2:3mof 24 bits \x1b[4:3mand a wave",
    "\x1b[2mfaint \x1b[3mitalic \x1b[9mand struck \x1b[58;5;33mwith a line",
    "\x1b[10031mlong \x1b[0000000000031mnumbers",
    "\x1b[38;5;202m\u65e5\u672c\u8a9e\x1b[48;5;22m\u6f22",
    "".join(f"\x1b[38;2;{3 * at};{255 - 3 * at};128m#" for at in range(80)),
]
TOGETHER = [  # with the others no more than the console keeps while a program runs
    "\x1b[4;38;5;208ma colour that is left open",
    "",
    "goes on, and \x1b[31manother \x1b[24mtakes its place",
    "\x1b[7mwith more \x1b[48;5;17mand more",
    "until\x1b[m it ends",
    "and nothing goes on",
]
LINES = [*(f"{line}\x1b[0m" for line in EACH), *TOGETHER]
# Of each line [letter, how it looks]. A colour that has a name is the view's own, and goes by it,
# but for those that are beside an exact one.
LOOKS = """(console) => {
    const lines = [[]];
    const walker = document.createTreeWalker(console, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        const computed = getComputedStyle(element);
        const names = [...element.classList].filter((name) => name.startsWith("ansi-"))
            .map((name) => name.replace(/-default(-inverse)-[fb]g/, "$1"));
        const isExact = element.style.color || element.style.backgroundColor;
        const colour = (property, ending) => {
            const name = names.find((one) => one.endsWith(ending));
            const isSet = name || element.style[property];
            return isExact && isSet ? computed[property] : name ?? "";
        };
        const look = [
            names.includes("ansi-inverse") ? "inverse" : "", computed.fontWeight,
            computed.fontStyle, computed.textDecorationLine,
            colour("color", "-fg"), "on", colour("backgroundColor", "-bg"),
        ].join(" ");
        for (const letter of walker.currentNode.data) {
            if (letter === "\\n") lines.push([]);
            else lines.at(-1).push([letter, look]);
        }
    }
    return lines;
}"""
TIME = len("   0.000  ")


def looks_of_lab(notebook: Notebook) -> list[Any]:
    found: list[Any] = notebook.page.locator(".jp-OutputArea-output pre").first.evaluate(LOOKS)
    return found[: len(LINES)]


def looks_of_view(notebook: Notebook) -> list[Any]:
    return [line[TIME:] for line in notebook.part("lines").evaluate(LOOKS)][: len(LINES)]


def is_same(notebook: Notebook) -> bool:
    """Compares line by line, so that a difference is read easily."""
    for printed, of_lab, of_view in zip(
        LINES, looks_of_lab(notebook), looks_of_view(notebook), strict=True
    ):
        assert of_view == of_lab, printed
    return True


def test_colours_are_in_the_console_as_in_the_output_of_lab(lab: Lab, open_notebook: Open) -> None:
    name = lab.write(
        "as_in_lab",
        f"LINES = {LINES!a}\nfor line in LINES:\n    print(line)",
        """
from minirt import Runtime
rt = Runtime()
def main():
    for line in LINES:
        rt.log(line)
    rt.set_interval(20, lambda _: None)
await rt.play(main)
""",
    )
    notebook = open_notebook(name).run()
    notebook.page.wait_for_function(
        "document.querySelector('.mr-lines').textContent.includes('and nothing goes on')",
        timeout=PATIENCE,
    )
    assert is_same(notebook)
    notebook.part("lines").evaluate("(lines) => { lines.style.flex = 'none'; }")  # for the pictures
    notebook.choose_theme("JupyterLab Dark")
    assert is_same(notebook)
    notebook.shot("colours-dark")
    notebook.choose_theme("JupyterLab Light")
    notebook.shot("colours-light")
    notebook.stop()
    assert is_same(notebook)
    wait_for_play(notebook)
    notebook.save()
    notebook.shut_down()
    again = open_notebook(name)
    wait_for_play(again)
    assert is_same(again)
    again.page.emulate_media(forced_colors="active")
    letters = again.part("lines").locator("span", has_text="orange")
    color, of_view = (
        one.evaluate("(element) => getComputedStyle(element).color")
        for one in (letters, again.view)
    )
    assert color == of_view  # the system's


STYLES = ["#ff8700-fg", "#ff8700-fg;x", "#ff870-bg", "url(x)-bg", "x#ff8700-bg", "#ff8700-color"]


def test_nothing_but_a_colour_reaches_a_style_whoever_wrote_the_recording(
    browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minirt.views.words._is_look", lambda text: True)  # another wrote it
    recorder = Recorder()
    runtime = Runtime(system=Simulation(), trace=recorder)
    runtime.run(lambda: runtime.log(f"\x1b[1m{'x' * len(STYLES)}"))
    for event in recorder:
        if event.kind == "printed":
            event.detail["styles"] = [[at, at + 1, style] for at, style in enumerate(STYLES)]
    policy = """<head><meta http-equiv="Content-Security-Policy" content="style-src-attr 'none'">"""
    html = page(recorder, "Colours").replace("<head>", policy)
    (tmp_path / "colours.html").write_text(html, encoding="utf-8")
    shown = browser.new_page()
    errors: list[str] = []
    shown.on("console", lambda message: errors.append(message.text))
    shown.goto((tmp_path / "colours.html").as_uri())
    letters = shown.locator(".mr-lines span")
    letters.first.wait_for(timeout=PATIENCE)
    found = letters.evaluate_all("(letters) => letters.map((one) => one.style.cssText)")
    assert found == ["color: rgb(255, 135, 0);", *[""] * 5]
    assert policy in html and errors == []
    shown.close()
