"""What is left of a live view in the notebook when its run is over?

A box of HTML that needs no kernel and no widget: a still of the run, its recording, and the code
that plays it. It is an output like any other. It leaves the file with its cell's outputs, and any
page can show it: one that runs no code shows the still.
"""

import base64
import json
import re
import zlib
from html import escape
from pathlib import Path
from typing import Any

STATIC = Path(__file__).parent / "static"
BOX = '<div class="minirt-widget"'  # how each begins


def saved(kind: str, still: str, values: dict[str, Any], recording: bytes, code: str) -> str:
    """The box. kind: of the view; still: HTML; values: of its state, JSON; code: from `coded`."""
    buffers = {"recording": base64.b64encode(recording).decode()}
    script = (STATIC / "saved.js").read_text(encoding="utf-8").replace("{{code}}", code)
    return box(kind, still, values, buffers, f"<script>{script}</script>")


def box(
    kind: str, still: str, values: dict[str, Any], buffers: dict[str, str], player: str = ""
) -> str:
    """A widget as HTML: its still, and its state. buffers: Base64; player: what draws it, if any.

    The pages of the site have such boxes too, and draw all of them with one player.
    """
    state = json.dumps({"values": values, "buffers": buffers}, separators=(",", ":"))
    return (
        f'{BOX} data-kind="{escape(kind)}"><div class="minirt-still">{still}</div>'
        # "<" would end the script, or open a comment in it
        f'<script type="application/json">{state.replace("<", chr(92) + "u003c")}</script>'
        f"{player}</div>"
    )


def coded(code: str, style: str) -> str:
    """The code and the style of a view, small enough to be in each box."""
    text = json.dumps({"code": shortened(code), "style": shortened(style)})
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def shortened(text: str) -> str:
    """Without what only a person reads: indents and comments."""
    text = re.sub(r"^\s*/\*.*?\*/\s*$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r" // [^\"'`\n]*$", "", text, flags=re.MULTILINE)
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))
