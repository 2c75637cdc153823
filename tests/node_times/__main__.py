"""Measure the times of Node: `python -m tests.node_times [--record] [--runs N] [NAME ...]`."""

import argparse
import json
import platform
import statistics
import subprocess
from typing import Any

from tests.node_times import EARLY, FOLDER, LATE, MANIFEST, NAMES, SHARE, faults, measured, ruled


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.node_times", description=__doc__)
    parser.add_argument("names", nargs="*", default=NAMES, help="programs; all, if none is named")
    parser.add_argument("--runs", type=int, default=15, help="of each program (default: 15)")
    parser.add_argument("--record", action="store_true", help=f"write {MANIFEST.name}")
    options = parser.parse_args()
    programs = [record(name, options.runs) for name in options.names]
    if options.record and options.names == NAMES:
        manifest = {
            "node": subprocess.check_output(["node", "--version"], text=True).strip(),
            "machine": f"{platform.system()} {platform.machine()}",
            "runs": options.runs,
            "unit": "milliseconds since the program began",
            "tolerance": {"early": EARLY, "late": LATE, "share": SHARE},
            "programs": programs,
        }
        text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
        MANIFEST.write_text(text, encoding="utf-8")


def record(name: str, runs: int) -> dict[str, Any]:
    """The median of each time over `runs` runs, and how far the runs were apart."""
    all_runs = [measured(name) for _ in range(runs)]
    orders = {tuple(label for label, _ in lines) for lines in all_runs}
    if len(orders) > 1:
        raise SystemExit(f"{name}: its order is a race, {orders}")
    lines = []
    for at_one_place in zip(*all_runs, strict=True):
        times = [time for _, time in at_one_place]
        middle = round(statistics.median(times), 1)
        label = at_one_place[0][0]
        lines.append({"label": label, "median": middle, "least": min(times), "most": max(times)})
    medians = [(line["label"], line["median"]) for line in lines]
    print(f"{name:42}", *(f"{median:.0f}" for _, median in medians))
    for fault in faults(medians, medians, ruled(name)):
        print(f"    against the rule: {fault}")
    first_line = (FOLDER / f"{name}.js").read_text(encoding="utf-8").partition("\n")[0]
    return {"name": name, "title": first_line.removeprefix("// "), "lines": lines}


if __name__ == "__main__":
    main()
