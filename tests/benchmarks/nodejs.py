"""How does a program of `node/` give its figures? As one line of JSON, like all the others."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

PROGRAMS = Path(__file__).with_name("node")


def in_node(program: str, *arguments: object) -> dict[str, Any]:
    """What `node/<program>.js <arguments>` printed, in the units of the same row in Python."""
    command = ["node", "--expose-gc", str(PROGRAMS / f"{program}.js"), *map(str, arguments)]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(answer.stdout)
    return figures
