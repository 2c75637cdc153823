"""A browser that reaches the site and nothing else, for every test of its pages."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .conftest import PATIENCE, SHOTS, lines_of

IS_DRAWN = """() => document.readyState === "complete"
    && document.body.dataset.jpThemeLight !== undefined
    && [...document.querySelectorAll(".minirt-widget")].every((box) =>
        box.querySelector(".minirt-still").hidden
        && [...box.querySelectorAll(".minirt-live")].every((view) =>
            view.dataset.mode === "recorded" && view.querySelector(".mr-event")))"""
FRAMES = """count => new Promise((done) => {
    const next = () => (count-- > 0 ? requestAnimationFrame(next) : done());
    next();
})"""
EVERY_RULE = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
    "resultTypes": ["violations"],
}
JUST_COLOURS = {**EVERY_RULE, "runOnly": ["color-contrast", "link-in-text-block"]}
THEMES = {"light": EVERY_RULE, "dark": JUST_COLOURS}
# A page has thousands of coloured words of code, and axe takes seconds for them. Those of one look
# are judged by the first of them.
AXE = """async (options) => {
    const looks = new Map();
    for (const word of document.querySelectorAll(".highlight pre, .highlight pre *")) {
        const { color, backgroundColor, fontWeight, fontSize } = getComputedStyle(word);
        const where = word.closest(".highlight").parentElement.className;
        const look = [color, backgroundColor, fontWeight, fontSize, where].join();
        if (!looks.has(look) && word.childElementCount === 0) looks.set(look, word);
    }
    const include = [document.documentElement, ...looks.values()];
    return (await axe.run({ include, exclude: [".highlight pre"] }, options)).violations;
}"""


@dataclass
class Window:
    """A page of the browser, and what went wrong in it."""

    page: Any
    origin: str
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def listen(self) -> None:
        self.page.set_default_timeout(PATIENCE)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._heard)
        self.page.context.route(re.compile(f"^(?!{re.escape(self.origin)})"), self._refuse)

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def _refuse(self, route: Any) -> None:
        self.outside.append(route.request.url)
        route.abort()

    def open(self, path: str) -> "Window":
        self.page.goto(self.origin + path)
        return self.wait()

    def wait(self) -> "Window":
        """Until every widget of the page is drawn."""
        self.page.wait_for_function(IS_DRAWN)
        return self

    def frames(self, count: int = 3) -> None:
        self.page.evaluate(FRAMES, count)

    def choose(self, theme: str) -> None:
        """Press the theme's button until it has this one."""
        while self.page.evaluate("document.body.dataset.theme") != theme:
            self.page.locator(".theme-toggle:visible").first.click()
        self.frames()

    def faults(self, rules: dict[str, Any]) -> list[str]:
        """What axe-core finds, one line a fault."""
        return lines_of(self.page.evaluate(AXE, rules))

    def shot(self, name: str) -> None:
        SHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SHOTS / f"site_{name}.png", animations="disabled")


@contextmanager
def window(browser: Any, origin: str, **options: Any) -> Iterator[Window]:
    context = browser.new_context(**{"viewport": {"width": 1300, "height": 1000}, **options})
    opened = Window(context.new_page(), origin)
    opened.listen()
    try:
        yield opened
    finally:
        context.close()
