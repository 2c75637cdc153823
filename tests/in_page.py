"""Run the chapters in Pyodide under Node, as the site's pages run them, and compare the outputs.

    python -m tests.in_page              all of them; `04 05` chooses by the beginning of the name
    python -m tests.in_page --list 03    also names the cells that differ, fail, or are passed over

Prints a line a chapter: its code cells, how many ran, how many are tagged as what cannot run in a
browser, and how many outputs differ, by the rules of nbval. What is fetched, once, is what the
site's pages have: see site/runtime.py.
"""

import argparse
import copy
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

from tests.kernels import plain
from tests.notebooks import (
    RAISES_TAGS,
    ROOT,
    UNCHECKED_TAGS,
    chosen,
    comparison,
    tags,
)

RUNNER = Path(__file__).with_name("in_page.mjs")
NOT_HERE = "not-in-a-browser"  # the tag of a cell that cannot run in a page
PATIENCE = 60.0  # s for a cell; a shared machine is slow at times
# (in a page, on the machine that ran the notebooks): two words for the same
SAME = (
    ("[Errno 44]", "[Errno 2]"),  # WebAssembly numbers the errors in its own way
    # newer versions of Python say more
    ("'Q' format requires 0 <= number <= 18446744073709551615", "argument out of range"),
)
START = "%load_ext minirt"  # the first cell of a chapter, which says what is different in a page

Output = dict[str, Any]


@dataclass
class Ran:
    """A cell that has run."""

    ended: str  # "well", "badly", or "never"
    outputs: list[Output] = field(default_factory=list)
    seconds: float = 0.0


def missing() -> str:
    """Why nothing can be run here; "" when all is there."""
    node = shutil.which("node")
    if node is None:
        return "there is no Node"
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.strip().lstrip("v").partition(".")[0]) < 20:
        return f"this Node is {version.strip()}, and Pyodide needs 20"
    try:
        runtime()
    except Exception as error:
        return str(error)
    return ""


def runtime() -> Path:
    """The folder with Pyodide and the wheels that the pages run on."""
    sys.path.insert(0, str(ROOT / "site"))
    try:
        import runtime as of_the_site  # type: ignore[import-not-found,unused-ignore]
    finally:
        sys.path.pop(0)
    folder: Path = of_the_site.fetched()
    return folder


def run(cells: Iterable[str | dict[str, str]], patience: float = PATIENCE) -> Iterator[Ran]:
    """Run these cells one after the other in a fresh page. Ends with the first that never ends.

    {"passed_over": text, "instead": text} is a cell that cannot run in a page.
    """
    folder, texts = runtime(), list(cells)
    job = {
        "pyodide": str(folder / "node_modules" / "pyodide"),
        "wheels": [str(path) for path in sorted((folder / "wheels").glob("*.whl"))],
        "package": str(ROOT / "minirt"),
        "data": str(ROOT / "notebooks" / "data"),
        "cells": texts,
    }
    process = subprocess.Popen(
        ["node", str(RUNNER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert process.stdin and process.stdout and process.stderr
    errors: list[str] = []
    reader = threading.Thread(target=lambda: errors.append(process.stderr.read()), daemon=True)
    reader.start()
    try:
        process.stdin.write(json.dumps(job))
        process.stdin.close()
        for number in range(-1, len(texts)):  # the first is the start, which takes longest
            ran = _one(process, patience if number >= 0 else 3 * PATIENCE)
            if number >= 0:
                yield ran
            if ran.ended == "died":
                reader.join(timeout=5)
                raise RuntimeError(f"Node ended at cell {number}: {''.join(errors)[-2000:]}")
            if ran.ended == "never":
                return
    finally:
        process.kill()
        process.wait()
        reader.join(timeout=5)
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()


def _one(process: "subprocess.Popen[str]", patience: float) -> Ran:
    """What comes until a cell has ended."""
    ran = Ran(ended="died")

    def give_up() -> None:
        ran.ended = "never"
        process.kill()  # which ends the lines

    alarm = threading.Timer(patience, give_up)
    alarm.start()
    assert process.stdout is not None
    try:
        for line in process.stdout:
            message = json.loads(line)
            if "output" in message:
                add(ran.outputs, message["output"])
            else:
                ran.ended, ran.seconds = message["ended"], message.get("seconds", 0.0)
                return ran
    finally:
        alarm.cancel()
    process.wait()
    return ran


def add(outputs: list[Output], output: Output) -> None:
    """Put an output to those of its cell, as a notebook does."""
    kind, identity = output["output_type"], output.pop("transient", {}).get("display_id")
    if kind == "clear_output":
        outputs.clear()
    elif kind == "update_display_data":
        for one in outputs:
            if identity and one.get("display") == identity:
                one["data"], one["metadata"] = output["data"], output["metadata"]
    elif (
        kind == "stream"
        and outputs
        and (outputs[-1]["output_type"], outputs[-1].get("name")) == (kind, output["name"])
    ):
        outputs[-1]["text"] += output["text"]
    else:
        outputs.append(output | ({"display": identity} if identity else {}))


@dataclass
class Chapter:
    """What became of the code cells of a chapter."""

    name: str
    cells: list[Any]
    ran: dict[int, Ran] = field(default_factory=dict)  # number of the code cell -> what it did
    told: dict[int, str] = field(default_factory=dict)  # number -> what is wrong

    @property
    def tagged(self) -> list[int]:
        return [number for number, cell in enumerate(self.cells) if NOT_HERE in tags(cell)]

    def __str__(self) -> str:
        seconds = sum(one.seconds for one in self.ran.values())
        return (
            f"{self.name:<28} cells {len(self.cells):>3}  ran {len(self.ran):>3}  "
            f"tagged {len(self.tagged):>3}  wrong {len(self.told):>3}  {seconds:5.1f} s"
        )


def in_a_page(cell: Any) -> str | dict[str, str]:
    """What `run` is given of this cell."""
    text: str = cell.source
    if NOT_HERE not in tags(cell):
        return text
    return {"passed_over": text, "instead": cell.metadata.get("minirt", {}).get("instead", "")}


def try_chapter(path: Path, patience: float = PATIENCE) -> Chapter:
    """Run a chapter as its page does, and compare."""
    cells = [one for one in nbformat.read(path, as_version=4).cells if one.cell_type == "code"]
    chapter = Chapter(path.stem, cells)
    came = 0
    for number, ran in enumerate(run(map(in_a_page, cells), patience)):
        came, cell = number + 1, cells[number]
        if NOT_HERE in tags(cell):
            if ran.ended != "well":
                chapter.told[number] = "what runs in its place fails"
            continue
        chapter.ran[number] = ran
        if (wrong := fault(cell, ran)) is not None:
            chapter.told[number] = wrong
    for number in range(came, len(cells)):
        chapter.told[number] = "never came to it"
    return chapter


def fault(cell: Any, ran: Ran) -> str | None:
    """What is wrong with a run of this cell; None when it is as in the notebook."""
    if ran.ended == "never":
        return "never ended"
    if ran.ended == "badly" and not tags(cell) & RAISES_TAGS:
        return f"raised{raised(ran)}"
    if tags(cell) & UNCHECKED_TAGS or cell.source.startswith(START):
        return None
    text = json.dumps(ran.outputs)
    for here, there in SAME:
        text = text.replace(here, there)
    before, now = copy.deepcopy(cell.outputs), nbformat.from_dict(json.loads(text))
    for one in (*before, *now):
        if one.output_type == "error":
            one.traceback = places(one.traceback)
    if comparison().same_outputs(merged(before), merged(now), is_ignored=False):
        return None
    return f"differs: {first_difference(before, now)}"


def places(traceback: list[str]) -> list[str]:
    """Its frames and their lines. A page has other colours, and other lines around them."""
    lines = plain("\n".join(traceback)).splitlines()
    return [" ".join(line.split()) for line in lines if line.startswith("Cell ") or "--> " in line]


def merged(outputs: list[Any]) -> list[Any]:
    """One output a stream, as nbval compares them."""
    streams: dict[str, Any] = {}
    found = []
    for one in outputs:
        if one.output_type == "stream" and one.name in streams:
            streams[one.name].text += one.text
            continue
        if one.output_type == "stream":
            streams[one.name] = one
        found.append(one)
    return found


def raised(ran: Ran) -> str:
    errors = [one for one in ran.outputs if one["output_type"] == "error"]
    return f": {errors[-1]['ename']}: {errors[-1]['evalue']}"[:160] if errors else ""


def first_difference(before: list[Any], now: list[Any]) -> str:
    """Where the texts part."""
    old, new = ("".join(map(text_of, one)) for one in (before, now))
    at = next((n for n, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), None)
    at = min(len(old), len(new)) if at is None else at
    start = max(0, at - 30)
    return f"{old[start : at + 50]!r} is now {new[start : at + 50]!r}"


def text_of(output: Any) -> str:
    data = output.get("data", {})
    return str(output.get("text") or output.get("evalue") or data.get("text/plain") or sorted(data))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.in_page", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument(
        "--list", action="store_true", help="say what is wrong, and with which cell"
    )
    parser.add_argument("--patience", type=float, default=PATIENCE, help="seconds for a cell")
    options = parser.parse_args(arguments)
    if why := missing():
        print(why, file=sys.stderr)
        return 2
    is_wrong = False
    for path in chosen(options.names):
        began = time.monotonic()
        chapter = try_chapter(path, options.patience)
        print(f"{chapter}  (all in all {time.monotonic() - began:.0f} s)", flush=True)
        is_wrong |= bool(chapter.told)
        if options.list:
            for number, what in sorted(chapter.told.items()):
                first = chapter.cells[number].source.partition("\n")[0]
                print(f"    [{number}] {first[:60]} · {what}", flush=True)
    return int(is_wrong)


if __name__ == "__main__":
    sys.exit(main())
