"""What if one rule of the loop were another?

Each loop here breaks one rule, and nothing else; a runtime names it as the loop that it makes.
`noticed` runs the programs whose order in Node is recorded on such a runtime, and says which of
them come out differently.
"""

import io
import json
from collections.abc import Callable, Iterable
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

from minirt.core.loop import Loop
from minirt.core.simulation import Simulation
from minirt.modules import crypto
from minirt.modules.derived import pbkdf2_hmac
from minirt.node.runtime import Runtime

LONGEST_SLEEP = 1.0  # s: nothing wakes the loop without a wake-up, and it must end


class DrainsPerPhaseLoop(Loop):
    """Ticks and microtasks wait for the end of the phase, as in Node before version 11."""

    def drain(self) -> None:
        if self.phase == "main":  # one callback, and the end of it
            super().drain()

    def poll_phase(self, block: bool = True) -> None:
        super().poll_phase(block)
        super().drain()

    def check_phase(self) -> None:
        super().check_phase()
        super().drain()

    def close_phase(self) -> None:
        super().close_phase()
        super().drain()

    def timers_phase(self) -> None:
        super().timers_phase()
        super().drain()


class DrainsPerPhase(Runtime):
    make_loop = DrainsPerPhaseLoop


class ImmediatesUntilEmptyLoop(Loop):
    """An immediate that is set by an immediate runs in the same phase."""

    def check_phase(self) -> None:
        while self.immediates.callbacks and not self.stopped:
            super().check_phase()


class ImmediatesUntilEmpty(Runtime):
    make_loop = ImmediatesUntilEmptyLoop


class UnstableHeapLoop(Loop):
    """Timers with the same deadline run in another order than they were set in."""

    def timers_phase(self) -> None:
        self.phase = "timers"
        self.timers.begin(self.clock.now())
        while (batch := self.timers.next_batch()) and not self.stopped:
            batch.reverse()
            self.calls.timers(batch)


class UnstableHeap(Runtime):
    make_loop = UnstableHeapLoop


class PoolOfOne(Runtime):
    """One thread, however many are asked for."""

    def __init__(self, threads: int = 4, **options: Any) -> None:
        super().__init__(threads=1, **options)


class NoWakeUpLoop(Loop):
    """A result of the pool does not end the loop's sleep."""

    def wake(self) -> None:
        """Nobody is told."""

    def timeout(self) -> float | None:
        timeout = super().timeout()
        return LONGEST_SLEEP if timeout is None else min(timeout, LONGEST_SLEEP)


class NoWakeUp(Runtime):
    make_loop = NoWakeUpLoop


KNOBS = MappingProxyType(
    {
        "drain per phase": DrainsPerPhase,
        "immediates until empty": ImmediatesUntilEmpty,
        "unstable heap": UnstableHeap,
        "pool of one": PoolOfOne,
        "no wake-up": NoWakeUp,
    }
)


@dataclass(frozen=True, slots=True)
class Program:
    """A program whose order in Node is recorded, and its twin for minirt."""

    name: str  # "20_timers_by_deadline"
    title: str
    why: str
    javascript: str
    python: str
    orders: tuple[tuple[str, ...], ...]  # what Node prints: more than one where there is a race

    @property
    def threads(self) -> int:
        """What a line such as `# runtime: threads=1` asks for."""
        asked = (line for line in self.python.splitlines() if line.startswith("# runtime: "))
        return next((int(line.rpartition("=")[2]) for line in asked), 4)

    @property
    def is_simulated(self) -> bool:
        """Can it run in simulated time? Not with sockets of the outside."""
        return "net." not in self.python


@cache
def programs() -> tuple[Program, ...]:
    """Every recorded program."""
    source = files("minirt.exercises") / "node_order.json"
    return tuple(
        Program(
            one["name"],
            one["title"],
            one["why"],
            one["program"],
            one["twin"],
            tuple(tuple(lines) for lines in one["orders"]),
        )
        for one in json.loads(source.read_text(encoding="utf-8"))["programs"]
    )


def program(name: str) -> Program:
    """One of them, by its name or its number."""
    for one in programs():
        if name in (one.name, one.name.partition("_")[0]):
            return one
    raise KeyError(f"there is no program {name!r}. `%node_order` lists them")


def order_of(asked: Program, loop: Callable[..., Runtime] = Runtime, seed: int = 0) -> list[str]:
    """What the twin prints on a runtime of this class: in simulated time, if it can be."""
    return run(asked, loop, Simulation(seed) if asked.is_simulated else None)


def run(
    asked: Program, loop: Callable[..., Runtime] = Runtime, system: Simulation | None = None
) -> list[str]:
    """What the twin prints, in real time if `system` is None."""
    code = compile(asked.python, f"<{asked.name}>", "exec")
    names: dict[str, Any] = {"__name__": "__main__", "__file__": __file__}  # some read a file
    # simulated time charges for a hash, however long it takes: so each is computed once
    with patch.object(crypto, "pbkdf2_hmac", known_hash) if system else nullcontext():
        return printed_by(lambda: exec(code, names), loop(threads=asked.threads, system=system))


known_hash = cache(pbkdf2_hmac)


def printed_by(main: Callable[[], object], runtime: Runtime) -> list[str]:
    """The lines that a program prints."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        runtime.run(main)
    return printed.getvalue().splitlines()


def noticed(loop: Callable[..., Runtime], among: Iterable[Program] | None = None) -> list[Program]:
    """Those of the programs that print on this loop what Node never prints."""
    asked = programs() if among is None else among
    return [one for one in asked if tuple(order_of(one, loop)) not in one.orders]
