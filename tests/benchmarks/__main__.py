"""`python -m tests.benchmarks`: measures the rows and prints the table. See `--help`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .loops import present, release
from .ratios import in_order, verdicts
from .report import summary, table
from .rounds import steps, take
from .rows import Row, named

Found = dict[str, dict[str, list[dict[str, Any] | None]]]  # row -> peer -> one measurement a round


def names(text: str) -> list[str]:
    return [name for name in re.split(r"[,\s]+", text) if name]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="minirt beside its peers: ratios, measured in fresh processes.",
    )
    parser.add_argument(
        "--rows", type=names, default=[], help="names, as --list shows them (default: all)"
    )
    parser.add_argument(
        "--peers", type=names, default=[], help="asyncio,uvloop,node,... (default: all present)"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write every figure of every round here"
    )
    parser.add_argument(
        "--list", action="store_true", help="the rows, their peers and goals; measure nothing"
    )
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the work, one round: does it run?"
    )
    parser.add_argument("--seed", type=int, help="repeat an order of measuring")
    return parser.parse_args()


def list_rows(rows: Sequence[Row]) -> None:
    for row in rows:
        print(f"{row.name:<16} {row.title:<42} {' '.join(row.peers)}")


def choose(peers: Sequence[str], rows: Sequence[Row]) -> set[str]:
    """Who takes part: minirt and the peers asked for, as far as they are on this machine."""
    known = {peer for row in rows for peer in row.peers}
    unknown = sorted(set(peers) - known - {"minirt"})
    if unknown:
        raise ValueError(
            f"no such peer here: {', '.join(unknown)}. There are: {', '.join(sorted(known))}"
        )
    wanted = {row.subject for row in rows} | {"minirt"} | (set(peers) or known)
    absent = sorted(peer for peer in wanted if not present(peer))
    if absent:
        print(f"Not on this machine, left out: {', '.join(absent)}.")
    if "minirt" in absent:
        print("minirt is missing: the peers' own figures follow, and no ratio can be given.")
    return wanted - set(absent)


def measure_all(
    rows: Sequence[Row], taking_part: set[str], asked: argparse.Namespace
) -> tuple[Found, int]:
    """Everything that was measured, and how many measurements failed."""
    found: Found = {
        row.name: {
            peer: [None] * (row.rounds or asked.rounds)
            for peer in in_order(row)
            if peer in taking_part
        }
        for row in rows
    }
    order = random.Random(asked.seed)
    plan = list(steps(rows, asked.rounds, taking_part.__contains__, order))
    failed = 0
    for number, step in enumerate(plan, 1):
        progress(f"{number}/{len(plan)}  round {step.turn + 1}  {step.row.name} {step.peer}")
        figures = take(step, asked.quick)
        if isinstance(figures, str):
            failed += 1
            progress("")
            print(f"FAILED: {step.row.name} {step.peer}: {figures}", file=sys.stderr)
        else:
            found[step.row.name][step.peer][step.turn] = figures
    progress("")
    return found, failed


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def machine() -> dict[str, Any]:
    return {
        "python": sys.version,
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def main() -> int:
    asked = arguments()
    try:
        rows = named(asked.rows)
        if asked.list:
            list_rows(rows)
            return 0
        taking_part = choose(asked.peers, rows)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if asked.quick:
        asked.rounds = 1
    here, began = machine(), time.monotonic()
    print(
        f"Python {platform.python_version()}, {here['cores']} cores, load {here['load'][0]:.1f}, ",
        end="",
    )
    print(f"{asked.rounds} rounds.", flush=True)
    found, failed = measure_all(rows, taking_part, asked)
    judged = [verdict for row in rows for verdict in verdicts(row, found[row.name])]
    print(f"\n{table(rows, found)}\n\n{summary(judged)}")
    print(
        f"{time.monotonic() - began:.0f} s. Only ratios mean something, and only those of one run."
    )
    if asked.quick:
        print("--quick measures too little to judge by: it shows that every program runs.")
    if asked.json:
        write(asked.json, here, taking_part, rows, found)
    return 1 if failed else 0


def write(
    path: Path, here: dict[str, Any], taking_part: set[str], rows: Sequence[Row], found: Found
) -> None:
    judged = {
        row.name: [
            {
                "against": verdict.peer,
                "field": verdict.field,
                "sense": verdict.sense,
                "median": verdict.median,
                "per_round": verdict.per_round,
                "must": verdict.must,
                "aim": verdict.aim,
                "mark": verdict.mark,
            }
            for verdict in verdicts(row, found[row.name])
        ]
        for row in rows
    }
    versions = {peer: release(peer) for peer in sorted(taking_part)}
    everything = {"machine": here, "versions": versions, "figures": found, "verdicts": judged}
    path.write_text(json.dumps(everything, indent=1) + "\n")
    print(f"Every figure is in {path}.")


if __name__ == "__main__":
    sys.exit(main())
