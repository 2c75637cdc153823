"""How is a picture shown on a page that runs no code?

As an `<img>`: GitHub, nbviewer and a notebook that is not trusted yet show it. Such an image does
not know the colours of the theme, so it has a background of its own. The same is there as text.
"""

import base64
from collections.abc import Iterable
from html import escape

GROUND, TEXT, QUIET, RULE = "#ffffff", "#1f2328", "#57606a", "#d0d7de"


def drawing(width: int, height: int, letters: int, title: str, parts: Iterable[str]) -> str:
    """An SVG of this size (px) with a background, and text of `letters` px."""
    size = f'width="{width}" height="{height}"'
    font = f'font-family="system-ui, sans-serif" font-size="{letters}"'
    box = f'viewBox="0 0 {width} {height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box} {size} {font}>',
        f"<title>{escape(title)}</title>",
        f'<rect {size} rx="8" fill="{GROUND}" stroke="{RULE}"/>',
        *parts,
        "</svg>",
    ]
    return "\n".join(lines)


def image(name: str, svg: str, width: int, alt: str, text: str) -> str:
    """The HTML of a picture of a `name`, such as "run", and its text to unfold."""
    encoded = base64.b64encode(svg.encode()).decode()
    return (
        f'<img src="data:image/svg+xml;base64,{encoded}" alt="{escape(alt)}" width="{width}">'
        f"<details><summary>The {name} as text</summary><pre>{escape(text)}</pre></details>"
    )
