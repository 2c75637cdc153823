"""What is left of a live view in the notebook when its run is over?

A box of HTML that needs no kernel and no widget: a still of the run, its recording, and the code
that plays it. It is an output like any other. It leaves the file with its cell's outputs, and any
page can show it: one that runs no code shows the still. The questions of the chapters are such
boxes, too.
"""

import base64
import json
import re
import zlib
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from minirt.views.script import script
from minirt.views.state import State

STATIC = Path(__file__).parent / "static"
BOX = '<div class="minirt-widget"'  # how each begins
LIVE_VIEW = "minirt.views.live.LiveView"  # the kind of a run's


def saved(
    kind: str, still: str, values: dict[str, Any], buffers: dict[str, bytes], code: str
) -> str:
    """The box. kind: of what is drawn; still: HTML; its state: values (JSON) and buffers (bytes).

    code: from `code_of`. The pages of the site draw all boxes with one player in its place.
    """
    texts = {name: base64.b64encode(content).decode() for name, content in buffers.items()}
    state = json.dumps({"values": values, "buffers": texts}, separators=(",", ":"))
    return (
        f'{BOX} data-kind="{escape(kind)}"><div class="minirt-still">{still}</div>'
        # "<" would end the script, or open a comment in it
        f'<script type="application/json">{state.replace("<", chr(92) + "u003c")}</script>'
        f"<script>{player(code)}</script></div>"
    )


def player(code: str, file: str = "saved.js") -> str:
    """The script that unpacks this code and draws with it: that of a box, or loader.js."""
    text = (STATIC / file).read_text(encoding="utf-8")
    return shortened(text).replace("{{code}}", code)


def saved_run(still: str, packed: bytes, said: dict[str, Any], run: str = "") -> str:
    """The box of a live view. packed: its recording; said: how it ended, as a frame says it.

    run: its name, by which a page knows that this box takes the place of that live view.
    """
    values = {
        "frame": {**State().frame(0), **said},
        "recordings": 1,
        **({"run": run} if run else {}),
    }
    return saved(LIVE_VIEW, still, values, {"recording": packed}, code_of(STATIC / "live.js"))


@cache
def code_of(entry: Path, style: Path | None = None) -> str:
    """What draws a box or a view, for `player`. entry: its module; its style lies beside it."""
    style = style or entry.with_suffix(".css")
    return coded(script(entry), style.read_text(encoding="utf-8"))


def coded(code: str, style: str) -> str:
    """Code and style, small enough to be in each box."""
    text = json.dumps({"code": shortened(code), "style": shortened(style)})
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def uncoded(coded: str) -> str:
    """The same text for the same code and style, whatever zlib has packed them."""
    return zlib.decompress(base64.b64decode(coded)).decode()


def shortened(text: str) -> str:
    """Without what only a person reads: indents and comments."""
    text = re.sub(r"^\s*/\*.*?\*/\s*$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r" // [^\"'`\n]*$", "", text, flags=re.MULTILINE)
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))
