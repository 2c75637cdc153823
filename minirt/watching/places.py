"""How is a place in the reader's code told?

To Python each cell of a notebook is a file with a made-up name in a folder for temporary ones. A
reader knows the cell by its number.
"""

import sys
from typing import Any


def told(file: str, line: int) -> str:
    """`Cell In[3], line 2`, or `"program.py", line 2`."""
    cell = cell_of(file)
    return f"{cell}, line {line}" if cell else f'"{file}", line {line}'


def cell_of(file: str) -> str:
    """`Cell In[3]`, for the file of a cell that ran here; "" for any other."""
    ipython = sys.modules.get("IPython")
    shell: Any = ipython and ipython.get_ipython()
    name = shell and shell.compile.format_code_name(file)  # as its tracebacks have it
    return " ".join(name) if name else ""
