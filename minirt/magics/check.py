"""Is everything here that the chapters use, and which of them misses what is not?

Each chapter asks so in its first cell. What they use stands in a table, and a test reads the
notebooks and compares.

The chapters name their data from their own folder on, as in `fs.read("data/notes.txt")`. A kernel
may be started elsewhere: by papermill, by an editor with a setting of its own. Where the data is
not to be seen from there, the check goes to a folder from which it is, and says so.
"""

import importlib.util
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from minirt.core.machine import HAS_THREADS, IN_A_PAGE

DATA = ("data/notes.txt",)  # what the chapters read, from their folder on
WINDOWS = (
    "On Windows the runtime works, with select() in place of epoll. For the cells of chapter 05 "
    "on epoll, and on how many files a process may open, use WSL, or read along on Binder."
)
NO_EPOLL = "There is no epoll here; its cells in chapter 05 say so and are passed over."
KEPT = "A cell that cannot run here keeps the output that it had there, and says why."
ALL_IS_HERE = "Everything that the chapters use is here."
OLDEST_NODE = 18  # the oldest that has all that the chapters' JavaScript uses
PATIENCE = 5  # s: for Node to say its version
FROM_PYPI = "Run `make lab`, or: pip install 'minirt[lab]'"


@dataclass(frozen=True, slots=True)
class Need:
    """Something that chapters use: what they miss without it, and what to do about it."""

    name: str
    is_here: Callable[[], bool]
    chapters: tuple[str, ...]  # () means every one
    without: str  # {} stands for the chapters
    remedy: str

    def finding(self) -> str:
        """What to say when it is not here."""
        missed = self.without.format(in_words(self.chapters))
        return f"{self.name} is missing: {missed}. {self.remedy}"


def in_words(chapters: tuple[str, ...]) -> str:
    """ "chapter 08", "chapters 00 and 07", "every chapter"."""
    if not chapters:
        return "every chapter"
    *first, last = chapters
    return f"chapters {', '.join(first)} and {last}" if first else f"chapter {last}"


def has_package(name: str) -> bool:
    """Could it be imported?"""
    return importlib.util.find_spec(name) is not None


def has_node() -> bool:
    """Does a `node` on the PATH answer, and is it new enough?"""
    node = shutil.which("node")
    if node is None:
        return False
    try:
        asked = [node, "--version"]
        said = subprocess.run(asked, capture_output=True, timeout=PATIENCE, check=False).stdout
    except (OSError, subprocess.SubprocessError):
        return False
    major = said.strip().removeprefix(b"v").partition(b".")[0]
    return major.isdigit() and int(major) >= OLDEST_NODE


def has_threads() -> bool:
    """May this process have one thread more?"""
    thread = threading.Thread(target=int)
    try:
        thread.start()
    except RuntimeError:
        return False
    thread.join()
    return True


def has_ports() -> bool:
    """Can a program listen on this machine, and another one reach it?"""
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname(), timeout=1).close()
    except OSError:
        return False
    return True


def has_temporary_folder() -> bool:
    """Is there a place for files that nobody keeps?"""
    try:
        with tempfile.TemporaryFile():
            return True
    except OSError:
        return False


NEEDS = (
    Need(
        "anywidget", partial(has_package, "anywidget"), (),
        "the questions and the live view of {} will not show", FROM_PYPI,
    ),
    Need(
        "ipywidgets", partial(has_package, "ipywidgets"), (),
        "the questions and the live view of {} will not show", FROM_PYPI,
    ),
    Need(
        "matplotlib", partial(has_package, "matplotlib"), ("02", "03", "04", "05", "08"),
        "the plots of {} will not show", FROM_PYPI,
    ),
    Need(
        "h11", partial(has_package, "h11"), ("00", "07", "09"),
        "{} cannot ask for web pages", "Run: pip install h11",
    ),
    Need(
        "aiohttp", partial(has_package, "aiohttp"), ("10",),
        "one program of {} will not run", "Run: pip install aiohttp. Nothing else needs it",
    ),
    Need(
        f"Node {OLDEST_NODE} or newer", has_node,
        ("01", "02", "03", "04", "05", "06", "07", "08", "09", "10"),
        "the `%%node` cells of {} say so", "https://nodejs.org has it, and the other cells do "
        "without: what it printed is recorded",
    ),
    Need(
        "One more thread", has_threads, (),
        "the pool of {} cannot start its threads", "Allow this process more of them, as with "
        "`ulimit -u`, or restart the kernel",
    ),
    Need(
        "A port on 127.0.0.1", has_ports, ("00", "03", "05", "07", "09"),
        "no server of {} can be reached", "Let this process listen there, or read along on Binder",
    ),
    Need(
        "A temporary folder", has_temporary_folder, ("03", "06", "07"),
        "{} cannot write their examples", "Set TMPDIR to a folder that you may write to, and "
        "restart the kernel",
    ),
)  # fmt: skip
READ_BY = ("00", "01", "02", "03", "05", "07", "09")  # the chapters that read the data


def findings() -> list[str]:
    """One sentence for each thing that is missing: who misses it, and what to do about it."""
    if not HAS_THREADS:
        sentences = IN_A_PAGE.replace(". ", ".\n")  # a page does not break lines
        return [sentences, KEPT, *data_findings()]
    found = [need.finding() for need in NEEDS if not need.is_here()]
    if sys.platform == "win32":
        found.append(WINDOWS)
    elif not hasattr(select, "epoll"):
        found.append(NO_EPOLL)
    return found + data_findings()


def report(moved: str = "") -> str:
    """What `%minirt check` prints. moved: what `go_to_the_data` has said."""
    found = findings()
    return "\n".join([moved, *found] if moved else found) or ALL_IS_HERE


# The data of the chapters


def data_findings() -> list[str]:
    """What to say of data that is not near the working folder."""
    if any(map(has_data, near_folders())):
        return []
    if has_data(own_folder()):
        return [f"{not_here()} but in {own_folder()}."]
    return [f"{not_here()}. Keep the folder `data` beside the notebooks, and open them there."]


def not_here() -> str:
    """The beginning of a sentence."""
    return f"{', '.join(DATA)}, which {in_words(READ_BY)} read, is not in {working_folder()}"


def go_to_the_data(notebook: str = "") -> str:
    """Make the data's folder the working folder, and say so; "" when nothing is to be done.

    notebook: the path of the one that runs, where the front end says so.
    """
    folders = (*near_folders(notebook), own_folder())
    found = next((folder for folder in folders if has_data(folder)), None)
    if found is None or found == working_folder():
        return ""
    missing = not_here()
    os.chdir(found)
    return f"{missing} but in {found}: relative paths begin there from now on."


def has_data(folder: Path) -> bool:
    """Is everything there that the chapters read? Not in a folder where nobody may look."""
    try:
        return all((folder / name).is_file() for name in DATA)
    except OSError:
        return False


def working_folder() -> Path:
    """Where relative paths begin; the root where somebody has removed that folder."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path(os.sep)


def near_folders(notebook: str = "") -> Iterator[Path]:
    """Where a reader's copy of the chapters may lie, the most likely one first."""
    here = working_folder()
    yield here
    for path in (notebook, os.environ.get("JPY_SESSION_NAME", "")):  # Jupyter Server's name
        if path:
            yield (here / path).parent
    for folder in (here, *here.parents):
        yield folder / "notebooks"
    yield from here.parents


def own_folder() -> Path:
    """Where the chapters lie in a checkout, beside the package."""
    return Path(__file__).resolve().parents[2] / "notebooks"
