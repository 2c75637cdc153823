"""What do the figures of all rounds say about one goal? Pure arithmetic; nothing here measures.

The figures of a row: `{peer: [measurement or None, one a round]}`. A measurement that failed is
None, and its round says nothing about the pair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from .rows import AT_LEAST, Goal, Row

Measurement = Mapping[str, Any]
Figures = Mapping[str, Sequence[Measurement | None]]

AIM = "AIM"  # the aim is reached
PASS = "pass"  # the must is reached
SHORT = "short"  # there is only an aim, and it is not reached
MISS = "MISS"  # the must is not reached
NO_GOAL = ""
NO_FIGURE = "none"  # it could not be measured


@dataclass(frozen=True)
class Verdict:
    row: str
    peer: str | None  # None: minirt's own figure
    sense: str
    per_round: tuple[float, ...]
    must: float | None
    aim: float | None
    mark: str
    field: str = "value"

    @property
    def median(self) -> float | None:
        return median(self.per_round) if self.per_round else None

    @property
    def rounds_reaching_must(self) -> int:
        return sum(reaches(figure, self.sense, self.must) for figure in self.per_round)

    @property
    def wavers(self) -> bool:
        """Some rounds reach the must and some do not: measure again before believing the mark."""
        return self.must is not None and 0 < self.rounds_reaching_must < len(self.per_round)


def reaches(figure: float, sense: str, goal: float | None) -> bool:
    """A goal that is not set is reached by none."""
    if goal is None:
        return False
    return figure >= goal if sense == AT_LEAST else figure <= goal


def mark_of(figure: float | None, goal: Goal) -> str:
    if goal.must is None and goal.aim is None:
        return NO_GOAL
    if figure is None:
        return NO_FIGURE
    if goal.must is not None and not reaches(figure, goal.sense, goal.must):
        return MISS
    if reaches(figure, goal.sense, goal.aim):
        return AIM
    return SHORT if goal.must is None else PASS


def ratios(
    subject: Sequence[Measurement | None], peer: Sequence[Measurement | None], sense: str
) -> list[float]:
    """One ratio a round: how many times as fast (AT_LEAST), or the cost (AT_MOST)."""
    pairs = [
        (float(ours["value"]), float(theirs["value"]))
        for ours, theirs in zip(subject, peer, strict=True)
        if ours is not None and theirs is not None
    ]
    if sense == AT_LEAST:
        return [theirs / ours for ours, theirs in pairs]
    return [ours / theirs for ours, theirs in pairs]


def medians(row: Row, figures: Figures) -> dict[str, float]:
    """Each peer's own median, for those that could be measured."""
    values = {
        peer: [float(m["value"]) for m in figures.get(peer, ()) if m is not None]
        for peer in in_order(row)
    }
    return {peer: median(found) for peer, found in values.items() if found}


def in_order(row: Row) -> list[str]:
    return [row.subject, *row.peers]


def verdicts(row: Row, figures: Figures) -> list[Verdict]:
    """One verdict a goal, then one a peer that has none. Without minirt there is none at all."""
    if row.subject not in figures:
        return []
    goals = [goal for goal in row.goals if goal.peer is None or goal.peer in figures]
    if row.others is not None:
        with_goal = {goal.peer for goal in goals}
        without = [peer for peer in row.peers if peer in figures and peer not in with_goal]
        goals += [Goal(row.others, None, None, peer) for peer in without]
    return [_verdict(row, goal, figures) for goal in goals]


def _verdict(row: Row, goal: Goal, figures: Figures) -> Verdict:
    subject = figures[row.subject]
    if goal.peer is None:
        per_round = [float(m[goal.field]) for m in subject if m is not None]
    else:
        per_round = ratios(subject, figures[goal.peer], goal.sense)
    figure = median(per_round) if per_round else None
    mark = mark_of(figure, goal)
    return Verdict(
        row.name, goal.peer, goal.sense, tuple(per_round), goal.must, goal.aim, mark, goal.field
    )
