"""How long does `import` take in a fresh process, and what does it drag in?"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[2]

PROGRAM = """
import sys, time
began = time.perf_counter()
import {module}
seconds = time.perf_counter() - began
loaded = [name for name in ("IPython", "ipywidgets", "anywidget") if name in sys.modules]
print('{{"value": %r, "modules": %d, "notebook": %d}}' % (seconds, len(sys.modules), len(loaded)))
"""


def importing(peer: str, repeats: int) -> dict[str, Any]:
    """Wall-clock seconds, the median of `repeats` fresh processes; one before fills the caches."""
    command = [sys.executable, "-c", PROGRAM.format(module=peer)]
    answers = [
        json.loads(
            subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        )
        for _ in range(1 + repeats)
    ]
    return {**answers[-1], "value": median(answer["value"] for answer in answers[1:])}
