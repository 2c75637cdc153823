"""Which exercises are there? Those in the tuple `EXERCISES` of each module of this folder."""

import difflib
import pkgutil
from importlib import import_module

import minirt.exercises
from minirt.exercises.mechanism import Exercise


class NoSuchExercise(KeyError):
    """There is no exercise of this name; the message names those that are close."""

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would show the message in quotes


def exercises() -> dict[str, Exercise]:
    """Every exercise by its name, in the order of the chapters."""
    found: list[Exercise] = []
    for module in pkgutil.iter_modules(minirt.exercises.__path__):
        found += getattr(import_module(f"minirt.exercises.{module.name}"), "EXERCISES", ())
    return {one.name: one for one in sorted(found, key=lambda one: one.chapter)}


def exercise(name: str) -> Exercise:
    """The exercise of this name."""
    known = exercises()
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name.lower(), known, 1)
    hint = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(known)}."
    raise NoSuchExercise(f"there is no exercise {name!r}. {hint}")
