"""In what order is everything measured, and how is one measurement taken?"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .ratios import in_order
from .rows import Row

ROOT = Path(__file__).parents[2]
PATIENCE = 120  # seconds that one measurement may take


@dataclass(frozen=True)
class Step:
    turn: int  # the round
    row: Row
    peer: str


def steps(
    rows: Sequence[Row], rounds: int, taking_part: Callable[[str], bool], order: random.Random
) -> Iterator[Step]:
    """Every measurement of all rounds. Rows and peers are shuffled anew in each round; the peers of
    one row stay together, so that what is compared was measured within the same seconds."""
    for turn in range(rounds):
        these = [row for row in rows if row.rounds is None or turn < row.rounds]
        order.shuffle(these)
        for row in these:
            peers = [peer for peer in in_order(row) if taking_part(peer)]
            order.shuffle(peers)
            for peer in peers:
                yield Step(turn, row, peer)


def take(step: Step, quick: bool = False) -> dict[str, Any] | str:
    """What a fresh process measured, or in one line why it could not."""
    number = step.row.number_for(step.peer, quick)
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.measure",
        step.row.name,
        step.peer,
        "--number",
        str(number),
    ]
    try:
        answer = subprocess.run(
            command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return f"took longer than {PATIENCE} s"
    if answer.returncode != 0:
        return (answer.stderr.strip().splitlines() or [f"ended with status {answer.returncode}"])[
            -1
        ]
    figures: dict[str, Any] = json.loads(answer.stdout)
    return figures
