"""What is one measurement? One program, in a process of its own, that prints one line of JSON.

`python -m tests.benchmarks.measure ROW PEER [--number N]`
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from .rows import named


def measure(row: str, peer: str, number: int | None = None) -> dict[str, Any]:
    (chosen,) = named([row])
    return chosen.program(peer, number or chosen.number_for(peer))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.measure", description=__doc__)
    parser.add_argument("row")
    parser.add_argument("peer")
    parser.add_argument("--number", type=int, help="callbacks, timers, requests ... to make")
    asked = parser.parse_args()
    print(json.dumps(measure(asked.row, asked.peer, asked.number)))


if __name__ == "__main__":
    main()
