"""Where does a program print in another order than real Node, and which rule is behind it?"""

import json
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from itertools import zip_longest
from typing import Any

from IPython.core.error import UsageError

from minirt.magics.options import close_to

SOON = ("tick", "microtask")
RACE = (
    "timers come after the immediates of a turn, but once before the first turn as well. "
    "Set in main, the two race, and real Node prints either order"
)
IMMEDIATES = (
    "immediates run in the order in which they were set, and one that is set by an immediate "
    "waits for the next turn"
)
POOL = (
    "a result of the pool comes when its thread is done, and with more than one thread the order "
    "is not fixed"
)
RULES = (  # who printed the two lines, and what says which one comes first
    ("timer immediate", RACE),
    ("tick microtask", "after a callback all ticks run, then all microtasks"),
    ("tick", "ticks run in the order in which they were set"),
    ("microtask", "microtasks run in the order in which they were queued"),
    ("timer", "timers run by deadline, equal deadlines in the order in which they were set"),
    ("immediate", IMMEDIATES),
    ("epoll immediate", "the check phase, with the immediates, follows the poll"),
    ("epoll timer", "after the poll come immediates, then close callbacks, then timers"),
    ("close immediate", "close callbacks come after the immediates of the same turn"),
    ("close timer", "close callbacks come before the timers of the same turn"),
    ("pool", POOL),
)


# Side by side


def side_by_side(node: Sequence[str], own: Sequence[str], origins: Sequence[str]) -> str:
    """Both orders as a table, the first line that differs marked, with the rule behind it."""
    at = first_difference(node, own)
    pairs = list(zip_longest(node, own, fillvalue="(nothing)"))
    width = min(60, max(len(there) for there, _ in [("Node", ""), *pairs]))
    rows = [f"    {'Node':<{width}}  minirt"]
    for number, (there, here) in enumerate(pairs):
        mark = "≠" if number == at else " "
        rows.append(f"{mark}{number + 1:>2} {there:<{width}}  {here}")
    if at is None:
        return "\n".join([*rows, "", "The same lines in the same order."])
    rule = rule_behind(node, own, origins, at)
    return "\n".join([*rows, "", f"Line {at + 1} differs." + (f" {rule}" if rule else "")])


def first_difference(node: Sequence[str], own: Sequence[str]) -> int | None:
    """The number of the first line that differs, counted from 0; None when none does."""
    for number, (there, here) in enumerate(zip(node, own, strict=False)):
        if there != here:
            return number
    return None if len(node) == len(own) else min(len(node), len(own))


def rule_behind(
    node: Sequence[str], own: Sequence[str], origins: Sequence[str], at: int
) -> str | None:
    """Why Node's line comes first, if it can be told from who printed the two lines."""
    missing, more = Counter(node) - Counter(own), Counter(own) - Counter(node)
    if missing or more:
        only = [f"Only Node prints {line!r}." for line in missing]
        only += [f"Only minirt prints {line!r}." for line in more]
        return " ".join(only[:3] + ["..."] * (len(only) > 3))
    later = own.index(node[at], at)
    first, second = origins[later], origins[at]
    why = rule_for(first, second)
    return f"Node runs the {first} before the {second}: {why}." if why else None


def rule_for(first: str, second: str) -> str | None:
    """The rule for two sorts of callback, `first` being the one that Node runs first."""
    pair = {first, second}
    for who, rule in RULES:
        if pair == set(who.split()):
            return rule
    if first == "main":
        return "main runs to its end before anything that it has set"
    if first in SOON:
        return "ticks and microtasks run after the current callback, before the next one"
    return None


# What Node printed for the recorded programs


def recorded() -> dict[str, dict[str, Any]]:
    """The programs whose order was recorded, by name: title, why, program, orders."""
    source = files("minirt.exercises") / "node_order.json"
    programs = json.loads(source.read_text(encoding="utf-8"))["programs"]
    return {program["name"]: program for program in programs}


def recorded_program(name: str) -> dict[str, Any]:
    """One of them, by its name, its number or a part of its name. UsageError when there is none."""
    programs = recorded()
    for known, program in programs.items():
        if name in (known, known.partition("_")[0], known.partition("_")[2]):
            return program
    similar = [known for known in programs if name in known]
    if len(similar) == 1:
        return programs[similar[0]]
    hint = close_to(name, similar or programs)
    what = "more than one" if similar else "no"
    raise UsageError(f"%node_order: there is {what} program {name!r}. {hint}")


def show_recorded(program: dict[str, Any]) -> str:
    """The program, what Node printed, and why."""
    orders = [
        "\n".join("  " + line for line in order) or "  (nothing)" for order in program["orders"]
    ]
    count = "prints" if len(orders) == 1 else "prints one of"
    return (
        f"{program['name']}: {program['title']}\n\n{program['program'].strip()}\n\n"
        f"Node {recorded_version()} {count}:\n" + "\n  or\n".join(orders)
        + (f"\nbecause: {program['why']}" if program["why"] else "")
    )  # fmt: skip


def recorded_version() -> str:
    """The Node that printed the recorded orders."""
    source = files("minirt.exercises") / "node_order.json"
    return str(json.loads(source.read_text(encoding="utf-8"))["node"])
