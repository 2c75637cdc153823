"""What does the Node of this machine print for a program, in a time that has an end?

A program may leave children behind, print without end, or never end. Whatever it does, the cell is
over when its time is, and what Node has started is gone, but for a child that was given a session
of its own: no signal to Node's group finds it. Such a child may hold Node's pipes for ever, so
nobody waits for their end.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from IPython.core.error import UsageError

from minirt.core.machine import HAS_THREADS

ENOUGH = 1_000_000  # bytes of output: more helps nobody, and a page is slow to show it
ONE_READ = 1 << 16  # bytes
LOOK = 0.05  # s: how often it is asked whether that is reached
LAST_WORDS = 0.5  # s: the most that the rest in a pipe may take


@dataclass(frozen=True, slots=True)
class Ran:
    """What Node printed, and how it ended."""

    lines: list[str]
    errors: str
    ended: str = ""  # "" when all is well


class Ear(threading.Thread):
    """Reads one of Node's pipes to its end, until it has enough, or until nobody listens."""

    def __init__(self, pipe: IO[bytes] | None) -> None:
        super().__init__(daemon=True)
        assert pipe is not None
        self._pipe = pipe
        self._chunks: list[bytes] = []
        self._size = 0
        self._is_over = threading.Event()
        self.start()

    def run(self) -> None:
        with self._pipe:  # closed at last, so that a child that goes on printing is told
            while not self._is_over.is_set() and not self.has_enough:
                chunk = self._pipe.read(ONE_READ)
                if not chunk:
                    return
                self._chunks.append(chunk)
                self._size += len(chunk)
            self._is_over.wait()  # closed any earlier, Node would print an error of its own

    @property
    def has_enough(self) -> bool:
        return self._size > ENOUGH

    def hear_the_end(self) -> None:
        """Node is gone. What it printed may still be in the pipe."""
        if not self.has_enough:
            self.join(LAST_WORDS)

    def text(self) -> str:
        """What came until now."""
        return b"".join(tuple(self._chunks))[:ENOUGH].decode("utf-8", "replace")

    def stop(self) -> None:
        """Nobody listens any more."""
        self._is_over.set()


def run_node(text: str, seconds: float) -> Ran:
    """Run JavaScript in the Node of this machine, at most so long. UsageError without Node."""
    node = shutil.which("node") if HAS_THREADS else None
    if node is None:
        missing = (
            "there is no Node on this machine (no `node` on the PATH)"
            if HAS_THREADS
            else "a browser cannot start Node"
        )
        raise UsageError(
            f"%%node: {missing}. What Node printed for the programs of chapter 08 is recorded: "
            "`%node_order` lists them"
        )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "cell.js"
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
        process = _start(node, path)
        out, errors = ears = Ear(process.stdout), Ear(process.stderr)
        try:
            ended = _wait(process, ears, seconds)
            _kill(process)
            for ear in ears:
                ear.hear_the_end()
            if any(ear.has_enough for ear in ears):
                ended = f"Node was ended: it printed more than {ENOUGH:,} bytes"
            said = errors.text().replace(folder + os.sep, "")
            return Ran(out.text().splitlines(), said, ended)
        finally:  # an interrupt, too
            _kill(process)
            for ear in ears:
                ear.stop()


def _start(node: str, path: Path) -> "subprocess.Popen[bytes]":
    """Start Node. UsageError when what is called `node` is no program."""
    try:
        return subprocess.Popen(
            [node, str(path)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            bufsize=0, start_new_session=True, env=_plain(),
        )  # fmt: skip
    except OSError as error:
        raise UsageError(f"%%node: {error}. `%minirt check` says which Node is needed") from None


def _wait(process: "subprocess.Popen[bytes]", ears: Sequence[Ear], seconds: float) -> str:
    """Until Node ends, its time is over, or it has printed too much. Returns how it ended."""
    over = time.monotonic() + seconds
    status: int | None = None
    while status is None and not any(ear.has_enough for ear in ears):
        rest = over - time.monotonic()
        if rest <= 0:
            return f"Node was ended after {seconds:g} s: something kept it alive"
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = process.wait(min(rest, LOOK))
    return f"Node ended with status {status}" if status else ""


def _plain() -> dict[str, str]:
    """The environment without what would make Node colour its output."""
    colours = ("FORCE_COLOR", "CLICOLOR_FORCE", "CLICOLOR")
    return {name: value for name, value in os.environ.items() if name not in colours}


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Node and its children are gone, but for those that have a session of their own."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):  # all of them ended before
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
