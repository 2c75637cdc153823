"""The view for everybody: contrast, names, the three themes, and little motion."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Lab, Notebook, tool, violations

HERE = Path(__file__).parent
THEMES = {
    "light": "JupyterLab Light",
    "dark": "JupyterLab Dark",
    "high-contrast": "JupyterLab Dark High Contrast",
}
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
    "rules": {"region": {"enabled": False}},
}
Open = Callable[..., Notebook]


@pytest.mark.parametrize(("where", "outcome"), [("1", pytest.fail), ("", pytest.skip)])
def test_a_missing_tool_fails_in_continuous_integration_and_is_skipped_elsewhere(
    monkeypatch: pytest.MonkeyPatch, where: str, outcome: Any
) -> None:
    monkeypatch.setenv("CI", where)
    with pytest.raises(outcome.Exception, match="the browser tests need no_such_tool"):
        tool("no_such_tool.base")


def test_the_view_meets_wcag_aa(lab: Lab, open_notebook: Open) -> None:
    notebook = open_notebook(lab.copy(HERE / "live.ipynb")).run()
    notebook.page.wait_for_function(
        "document.querySelectorAll('.minirt-live .mr-bar-task').length > 12", timeout=15_000
    )
    found = {"running": violations(notebook, ".minirt-live", RULES)}

    def look(moment: str) -> None:
        for theme, name in THEMES.items():
            notebook.choose_theme(name)
            notebook.shot(f"{theme}-{moment}")
            found[f"{moment}, {theme}"] = violations(notebook, ".minirt-live", RULES)
        notebook.choose_theme(THEMES["light"])  # Lab remembers it for the tests that follow

    notebook.pause()
    look("paused")
    notebook.button("Resume").click()
    notebook.stop()
    notebook.view.get_by_label("Event of the recording").fill("300")
    notebook.frames()
    notebook.view.locator("[aria-label=Timers] .mr-link").first.click()
    notebook.frames()
    look("recorded")
    assert {moment: faults for moment, faults in found.items() if faults} == {}


def test_a_reader_who_wants_little_motion_gets_none(lab: Lab, open_notebook: Open) -> None:
    notebook = open_notebook(lab.copy(HERE / "live.ipynb"), reduced_motion="reduce").run()
    moving = notebook.view.evaluate(
        """(view) => [...view.querySelectorAll("*")].filter((element) => {
            const style = getComputedStyle(element);
            return style.animationName !== "none" || parseFloat(style.transitionDuration) > 0;
        }).length"""
    )
    assert moving == 0
    notebook.stop()


TRIES = 30  # pauses: most of the time the loop sleeps


def test_a_change_of_state_is_said_to_a_screen_reader(lab: Lab, open_notebook: Open) -> None:
    notebook = open_notebook(lab.copy(HERE / "live.ipynb")).run()
    status = notebook.view.get_by_role("status")
    assert status.text_content() == "Running"
    for _ in range(TRIES):
        notebook.pause()
        if status.text_content().startswith("Paused, next"):
            break
        notebook.button("Resume").click()  # the loop slept, and no callback waited at the gate
        notebook.wait_for_state("Running")
    assert status.text_content().startswith("Paused, next")
    notebook.stop()
    assert status.text_content() == "Ended"


CONTRASTS = """(view) => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const light = (colour) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        const bytes = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
        const parts = bytes.map((byte) => byte / 255)
            .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
    };
    const ground = light(getComputedStyle(view).backgroundColor);
    const contrast = (colour) => {
        const [dark, bright] = [light(colour), ground].sort((one, other) => one - other);
        return (bright + 0.05) / (dark + 0.05);
    };
    return [...view.querySelectorAll("svg text, svg path, svg polyline, svg rect")].map((part) => {
        const { fill, stroke } = getComputedStyle(part);
        const drawn = [fill, stroke].filter((colour) => colour !== "none").map(contrast);
        return [part.classList[0] ?? part.parentElement.classList[0], Math.max(...drawn)];
    });
}"""


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_with_the_colours_of_the_system_everything_is_seen(
    scheme: str, lab: Lab, open_notebook: Open
) -> None:
    notebook = open_notebook(
        lab.copy(HERE / "live.ipynb"), forced_colors="active", color_scheme=scheme
    ).run()
    notebook.page.wait_for_function(
        "document.querySelectorAll('.minirt-live .mr-bar-task').length > 3", timeout=15_000
    )
    notebook.pause()
    contrasts = notebook.view.evaluate(CONTRASTS)
    assert len(contrasts) > 30
    assert [part for part in contrasts if part[1] < 3] == []
    notebook.shot(f"forced-{scheme}")
    notebook.button("Resume").click()
    notebook.stop()
    assert [part for part in notebook.view.evaluate(CONTRASTS) if part[1] < 3] == []
    notebook.shot(f"forced-{scheme}-recorded")
