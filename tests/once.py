"""Of all processes that run tests, one makes what is dear, for all of them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest


def once(
    folders: pytest.TempPathFactory, name: str, make: Callable[[Path], str]
) -> tuple[Path, str]:
    """(a path, what `make` answered for it). Who asks while it is made waits."""
    fcntl = pytest.importorskip("fcntl")
    folder = folders.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    path, answer = folder / name, folder / f"{name}.txt"
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until it is closed
        if not answer.exists():
            answer.write_text(make(path), encoding="utf-8")
    return path, answer.read_text(encoding="utf-8")
