"""Which floor is on top of which? Draws the package's floors, as tests/layers.py has them.

    python -m tests.architecture --write

Fills site/architecture.svg, and the list of the same in site/architecture.md. A test compares both
with the package, so that the picture shows what the imports really do.
"""

import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from tests.layers import CONFINED, FLOORS, PACKAGE, ROOT, Sources, floor_of, read_sources

PICTURE = ROOT / "site" / "architecture.svg"
PAGE = ROOT / "site" / "architecture.md"
BEGIN, END = "<!-- `make architecture` fills this -->", "<!-- end -->"
FIRST_SENTENCE = re.compile(r'"""(.*?[.?])(?=\s|""")', re.DOTALL)
MARKED = re.compile(f"{re.escape(BEGIN)}\n.*?{re.escape(END)}", re.DOTALL)


@dataclass(frozen=True)
class Room:
    """A folder of the package, or the files on one floor that are in no folder."""

    name: str  # "core/"; "" for files in no folder
    about: str  # the first sentence of the folder's own docstring
    only: tuple[str, ...]  # what its modules may import, if that is less than all below
    files: tuple[str, ...]  # without .py


def floors(sources: Sources) -> list[list[Room]]:
    """The rooms of each floor, the roof first."""
    found: list[dict[str, list[str]]] = [{} for _ in FLOORS]
    for module in sources:
        number = floor_of(module)
        if number is not None and not is_folder(module, sources):
            folder, _, file = module.rpartition(".")
            # the package's own __init__ has its docstring, and stands on a floor of its own
            found[number].setdefault(folder if file else PACKAGE, []).append(file or "__init__")
    return [[room(name, files, sources) for name, files in one.items()] for one in reversed(found)]


def is_folder(module: str, sources: Sources) -> bool:
    return module != "" and any(other.startswith(f"{module}.") for other in sources)


def room(folder: str, files: list[str], sources: Sources) -> Room:
    text = sources.get("" if folder == PACKAGE else folder, "") if folder else ""
    about = FIRST_SENTENCE.match(text)
    return Room(
        f"{folder}/" if folder else "",
        " ".join(about[1].split()).replace("`", "") if about else "",
        tuple(name for name in CONFINED.get(f"{folder}.*", ()) if name != f"{folder}.*"),
        tuple(sorted(files)),
    )


# --- as text ---


def listed(sources: Sources) -> str:
    """The list of the floors for the page, the roof first."""
    lines = []
    for number, rooms in enumerate(floors(sources), 1):
        parts = []
        for one in rooms:
            files = ", ".join(f"`{file}`" for file in one.files)
            only = f" (imports only `{'`, `'.join(one.only)}`)" if one.only else ""
            parts.append(f"**{one.name}** {files}{only}" if one.name else files)
        lines.append(f"{number}. {'; '.join(parts)}")
    return "\n".join(
        line for long in lines for line in textwrap.wrap(long, 118, subsequent_indent="   ")
    )


def filled(page: str, sources: Sources) -> str:
    """The page's text with the list between its two comments."""
    return MARKED.sub(lambda _: f"{BEGIN}\n\n{listed(sources)}\n\n{END}", page)


# --- as a picture ---

WIDTH, EDGE, LEFT = 900, 16, 76  # px; the arrow has the room on the left
RIGHT = WIDTH - EDGE
LINE, PILL, GAP = 19, 26, 8
LETTER = 7.9  # px, of a monospaced letter of 13 px

STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2933 }
  .name { font-weight: 600 } .about, .way { fill: #52606d } .file { font-family: monospace }
  .page { fill: #ffffff } .floor { fill: #eef2f7; stroke: #cbd5e1 }
  .pill { fill: #ffffff; stroke: #94a3b8 } .arrow { fill: none; stroke: #52606d; stroke-width: 1.5 }
"""


def drawn(sources: Sources) -> str:
    """The floors as SVG, the roof on top."""
    shapes: list[str] = []
    y = EDGE
    for rooms in floors(sources):
        inside: list[str] = []
        bottom = y + GAP
        for one in rooms:
            inside += room_at(one, bottom)
            bottom += height(one)
        shapes.append(rectangle("floor", LEFT, y, RIGHT - LEFT, bottom - y))
        shapes += inside
        y = bottom + GAP
    size = f'width="{WIDTH}" height="{y + GAP}" viewBox="0 0 {WIDTH} {y + GAP}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title">',
            '<title id="title">The floors of minirt: imports go only downward</title>',
            f"<style>{STYLE}</style>",
            rectangle("page", 0, 0, WIDTH, y + GAP),
            *shapes,
            *arrow(EDGE, y - GAP),
            "</svg>\n",
        ]
    )


def rectangle(kind: str, x: float, y: float, width: float, height: float) -> str:
    return (
        f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6"/>'
    )


def written(kind: str, x: float, y: float, text: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(text)}</text>'


def pills(files: tuple[str, ...]) -> Iterator[tuple[float, int, float, str]]:
    """(x, row, width, name) of each file's box."""
    x, row = LEFT + 12.0, 0
    for file in files:
        width = len(file) * LETTER + 18
        if x + width > RIGHT - 12:
            x, row = LEFT + 12.0, row + 1
        yield x, row, width, file
        x += width + GAP


def height(one: Room) -> int:
    rows = max(row for _, row, _, _ in pills(one.files)) + 1
    return (LINE + 4 if one.name else 0) + rows * (PILL + GAP)


def room_at(one: Room, y: float) -> Iterator[str]:
    """The shapes of a room whose upper edge is at y."""
    if one.name:
        only = f"It imports only {', '.join(one.only)}." if one.only else ""
        yield written("name", LEFT + 12, y + LINE - 5, one.name)
        after = LEFT + 12 + len(one.name) * LETTER + 10
        fits = int((RIGHT - after) / 6.6)  # letters
        about = textwrap.shorten(f"{one.about} {only}", fits, placeholder=" …")
        yield written("about", after, y + LINE - 5, about)
        y += LINE + 4
    for x, row, width, file in pills(one.files):
        top = y + row * (PILL + GAP)
        yield rectangle("pill", x, top, width, PILL)
        yield written("file", x + 9, top + 18, file)


def arrow(top: float, bottom: float) -> Iterator[str]:
    middle = (top + bottom) / 2
    yield f'<path class="arrow" d="M52 {top:g}V{bottom:g}m-6 -9l6 9l6 -9"/>'
    yield (
        f'<text class="way" text-anchor="middle" transform="translate(36 {middle:g}) rotate(-90)">'
        "imports go only downward</text>"
    )


def main(arguments: list[str]) -> int:
    if arguments != ["--write"]:
        print(__doc__)
        return 2
    sources = read_sources()
    PICTURE.write_text(drawn(sources), encoding="utf-8")
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), sources), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
