"""How is the table drawn? From figures to text; nothing here measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .ratios import AIM, MISS, NO_FIGURE, PASS, Figures, Verdict, medians, verdicts
from .rows import AT_LEAST, AT_MOST, Row

HEADINGS = ("", "against", "median", "rounds", "must", "aim", "")
SCALES = {"us": 1e6, "ms": 1e3, "%": 100.0, "B": 1.0}


def table(rows: Sequence[Row], figures: Mapping[str, Figures]) -> str:
    """Every row: its title, each peer's own median, then one line a comparison."""
    blocks = [
        (row, [cells(row, verdict) for verdict in verdicts(row, figures[row.name])]) for row in rows
    ]
    lines = [HEADINGS, *(line for _row, block in blocks for line in block)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]

    def aligned(line: Sequence[str]) -> str:
        return "  ".join(
            cell.ljust(width) for cell, width in zip(line, widths, strict=True)
        ).rstrip()

    text = [aligned(HEADINGS)]
    for row, block in blocks:
        text += ["", f"{row.title}  [{row.name}]", f"  {own_figures(row, figures[row.name])}"]
        text += [aligned(line) for line in block]
    return "\n".join(text)


def own_figures(row: Row, figures: Figures) -> str:
    own = [f"{peer} {amount(seconds, row.unit)}" for peer, seconds in medians(row, figures).items()]
    notes = {
        m["note"] for found in figures.values() for m in found if m is not None and "note" in m
    }
    return " · ".join(own + sorted(notes)) or "not measured"


def cells(row: Row, verdict: Verdict) -> tuple[str, ...]:
    against = verdict.peer or ("itself" if verdict.field == "value" else verdict.field)
    word = {AT_LEAST: " as fast", AT_MOST: " the cost"}[verdict.sense] if verdict.peer else ""
    found = verdict.per_round
    return (
        " ",
        against,
        figure(row, verdict, verdict.median) + word if verdict.median is not None else "-",
        f"{figure(row, verdict, min(found))} .. {figure(row, verdict, max(found))}"
        if len(found) > 1
        else "",
        f"{verdict.sense} {figure(row, verdict, verdict.must)}" if verdict.must is not None else "",
        f"{verdict.sense} {figure(row, verdict, verdict.aim)}" if verdict.aim is not None else "",
        mark(verdict),
    )


def figure(row: Row, verdict: Verdict, value: float) -> str:
    """A ratio, an amount in the row's unit, or a plain count."""
    if verdict.peer is not None:
        return f"{value:.2f}x" if value < 10 else f"{value:.1f}x"
    return amount(value, row.unit) if verdict.field == "value" else f"{value:g}"


def amount(value: float, unit: str) -> str:
    scaled = value * SCALES[unit]
    digits = 3 if abs(scaled) < 1 else 2 if abs(scaled) < 10 else 1 if abs(scaled) < 100 else 0
    return f"{scaled:.{digits}f} {unit}"


def mark(verdict: Verdict) -> str:
    if not verdict.wavers:
        return verdict.mark
    return f"{verdict.mark}, in {verdict.rounds_reaching_must} of {len(verdict.per_round)} rounds"


def summary(found: Sequence[Verdict]) -> str:
    """The last lines: how many goals are reached, and which are not."""
    goals = [verdict for verdict in found if verdict.mark]
    if not goals:
        return "No goal was measured."
    lines = [f"{sum(v.mark in (AIM, PASS) for v in goals)} of {len(goals)} goals reached."]
    for text, wanted in (("misses its must", MISS), ("could not be measured", NO_FIGURE)):
        lines += [
            f"  {v.row} against {v.peer or 'its own limit'}: {text}"
            for v in goals
            if v.mark == wanted
        ]
    return "\n".join(lines)
