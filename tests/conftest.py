"""What several test files share."""

import gc
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.kernels import Kernel

# A shell that runs the tests in the background has them ignore SIGINT, and children inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A shared machine is slow at times, which is no fault of the code. In continuous integration every
# run tries the same examples, so that a red run can be repeated.
settings.register_profile(
    "minirt", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True
)
settings.load_profile("minirt")


def pytest_collection_finish() -> None:
    """What was collected stays to the end: no collection of garbage looks at all of it again."""
    gc.collect()
    gc.freeze()


def open_descriptors() -> set[tuple[int, str]]:
    """(descriptor, what it refers to) of this process; a number closed and opened anew differs."""
    folder = Path("/proc/self/fd") if Path("/proc/self/fd").exists() else Path("/dev/fd")
    found = set()
    for entry in os.listdir(folder):
        try:
            target = os.readlink(folder / entry)
        except (
            OSError
        ):  # the descriptor that listed the folder, closed by now; or /dev/fd, which has no links
            if folder.name == "fd" and folder.parent.name == "dev" and _is_open(int(entry)):
                found.add((int(entry), "open"))
            continue
        found.add((int(entry), target))
    return found


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


@pytest.fixture
def no_leaks() -> Iterator[None]:
    """The test leaves no thread and no descriptor behind.

    Nothing is collected before looking: a leak that only the garbage collector mends is a leak.
    """
    gc.collect()  # what earlier tests left must not be closed in the middle of this one
    gc.freeze()  # and the next collection need not look at what stayed
    threads_before = set(threading.enumerate())
    descriptors_before = open_descriptors()
    yield
    threads = set(threading.enumerate()) - threads_before
    assert not threads, f"left running: {sorted(thread.name for thread in threads)}"
    descriptors = open_descriptors() - descriptors_before
    assert not descriptors, f"left open: {sorted(descriptors)}"


@pytest.fixture
def pair(no_leaks: None) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two sockets that are connected to each other."""
    one, other = socket.socketpair()
    yield one, other
    one.close()
    other.close()


@pytest.fixture(scope="module")
def kernel_of_module() -> Iterator["Kernel"]:
    """A real kernel, one for all tests of a file."""
    from tests.kernels import kernel  # not every test has Jupyter

    with kernel() as running:
        yield running


@pytest.fixture
def cells(kernel_of_module: "Kernel") -> Iterator["Kernel"]:
    """A kernel with the extension freshly loaded."""
    kernel_of_module.run("%reset -f")
    assert kernel_of_module.run("%load_ext minirt").status == "ok"
    yield kernel_of_module
    assert kernel_of_module.run("%unload_ext minirt").status == "ok"
