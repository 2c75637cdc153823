"""Where does the Python come from that runs in the pages?

    python site/runtime.py

It fetches what it needs, once, and prints the folder in which it lies:

    node_modules/pyodide   Python for the browser, and beside it the editor of the cells and esbuild
    wheels/*.whl           IPython and what it needs
    compiled.zip           the modules of both, compiled, so that a page need not do it

What is fetched is pinned with its hash, in package-lock.json for npm and in wheels.txt for pip, so
that a page can run nothing that was not tested. Other pins have a folder of their own.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).resolve().parent
CACHE = HERE.parent / "build" / "runtime"
PINS = [HERE / name for name in ("package.json", "package-lock.json", "wheels.txt")]
COMPILE = HERE / "run" / "compile.mjs"
# Only what is pure Python, whatever machine builds the site.
PURE = ["--implementation=py", "--abi=none", "--platform=any", "--python-version=3.14"]


class Missing(Exception):
    """What the pages need to run could not be had. It says what to do."""


def fetched() -> Path:
    """The folder with all of it. The first call needs the network; Missing says what lacks."""
    texts = [path.read_bytes() for path in (*PINS, COMPILE)]
    pins = hashlib.sha256(b"".join(texts)).hexdigest()
    folder = CACHE / pins[:12]
    if not folder.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=CACHE) as made:
            fetch(Path(made) / "all")
            try:
                (Path(made) / "all").rename(folder)
            except OSError:  # another build was faster
                if not folder.is_dir():
                    raise
    return folder


def fetch(folder: Path) -> None:
    """Everything, into this new folder; npm and pip compare the hashes."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if not npm or not node:
        raise Missing("Node is not there, or has no npm: install Node 20 or newer, with npm.")
    folder.mkdir()
    for path in PINS:
        shutil.copy(path, folder)
    say("fetching Python for the browser, and an editor, with npm (7 MB, once)")
    run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], folder)
    say("fetching IPython for it with pip (3 MB, once)")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download"]
    what = ["--require-hashes", "--no-deps", "--only-binary=:all:", "--requirement=wheels.txt"]
    run([*pip, *PURE, *what, "--dest=wheels"], folder)
    say("compiling them (half a minute, once)")
    run([node, str(COMPILE), "."], folder)


def run(command: list[str], folder: Path) -> None:
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if ran.returncode:
        said = (ran.stderr or ran.stdout)[-2000:]
        raise Missing(
            "what is pinned could not be fetched. Is there a network? Run it again, or read "
            f"what {Path(command[0]).name} said:\n{said}"
        )


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        print(os.fspath(fetched()))
    except Missing as missing:
        sys.exit(str(missing))
