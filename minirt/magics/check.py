"""Is everything here that the chapters use?"""

import importlib.util
import select
import sys
from types import MappingProxyType

NEEDED = MappingProxyType(
    {
        "anywidget": "the live view",
        "ipywidgets": "the questions and the live view",
        "matplotlib": "the plots",
    }
)
WINDOWS = (
    "On Windows the runtime works, with select() in place of epoll. For the cells on epoll and "
    "signals use WSL, or read along on Binder."
)
NO_EPOLL = "There is no epoll here; its cells in chapter 05 say so and are passed over."


def findings() -> list[str]:
    """One sentence for each thing that is missing, and what to do about it."""
    found = [
        f"{name} is missing: {what} will not show. Run `make lab`, or: pip install 'minirt[lab]'"
        for name, what in NEEDED.items()
        if importlib.util.find_spec(name) is None
    ]
    if sys.platform == "win32":
        found.append(WINDOWS)
    elif not hasattr(select, "epoll"):
        found.append(NO_EPOLL)
    return found


def report() -> str:
    """What `%minirt check` prints."""
    return "\n".join(findings()) or "Everything that the chapters use is here."
