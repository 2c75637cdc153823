"""Where does the Python come from that runs in the pages?

    python site/runtime.py

It fetches what it needs, once, and prints the folder in which it lies:

    node_modules/pyodide   Python for the browser, and beside it the editor of the cells and esbuild
    wheels/*.whl           IPython and what it needs

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
# Only what is pure Python, whatever machine builds the site.
PURE = ["--implementation=py", "--abi=none", "--platform=any", "--python-version=3.14"]


class Missing(Exception):
    """What the pages need to run could not be had. It says what to do."""


def fetched() -> Path:
    """The folder with all of it. The first call needs the network; Missing says what lacks."""
    pins = hashlib.sha256(b"".join(path.read_bytes() for path in PINS)).hexdigest()
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
    npm = shutil.which("npm")
    if not npm:
        raise Missing("npm is not there: install Node 20 or newer, which brings it.")
    folder.mkdir()
    for path in PINS:
        shutil.copy(path, folder)
    say("fetching Python for the browser, and an editor, with npm (7 MB, once)")
    run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], folder)
    say("fetching IPython for it with pip (3 MB, once)")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download"]
    what = ["--require-hashes", "--no-deps", "--only-binary=:all:", "--requirement=wheels.txt"]
    run([*pip, *PURE, *what, "--dest=wheels"], folder)


def run(command: list[str], folder: Path) -> None:
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if ran.returncode:
        tool = "pip" if "pip" in command else "npm"
        raise Missing(
            f"{tool} could not fetch what is pinned. Is there a network? Run it again, or read "
            f"what {tool} said:\n{ran.stderr or ran.stdout}"
        )


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        print(os.fspath(fetched()))
    except Missing as missing:
        sys.exit(str(missing))
