"""How does an event get from a loop to its sink?

Watching must not change the program. So a sink that raises is told nothing more, and its error
comes to the loop as a message of its own, on whatever thread it was raised; the callback, the task
and the thread that were being noted go on.
"""

from functools import partial
from typing import Any

from minirt.core.loop import Loop
from minirt.values import Js
from minirt.watching.trace import Fields, Sink, adder, is_plain


class Notes:
    """Hands the events of one loop to a sink."""

    loop: Loop

    def __init__(self, loop: Loop, sink: Sink | None) -> None:
        self.loop = loop
        self.sink = sink
        self._clock = loop.clock  # also when the loop is closed, and has another
        self._sink_add = adder(sink) if sink is not None else nowhere
        if is_plain(sink):
            self._add, self._halves = sink.add, (sink.keep, sink.count)
        else:
            self._add, self._halves = self._add_guarded, (self._add_guarded, nothing)

    def rest(self) -> None:
        """Note nothing any more."""
        self._add = self._sink_add = nowhere
        self._halves = (nowhere, nothing)

    def note(
        self,
        kind: str,
        identity: int | None = None,
        detail: dict[str, Any] | None = None,
        thread: str = "main",
    ) -> None:
        """Hand one event to the sink."""
        loop = self.loop
        self._add((self._clock.now(), loop.turns, loop.phase, thread, kind, identity, detail))

    def _add_guarded(self, fields: Fields) -> None:
        try:
            self._sink_add(fields)
        except Exception as error:
            self.rest()
            self.loop.receive(partial(_raise, error))


def nowhere(fields: Fields) -> None:
    """Nobody is told."""


def nothing() -> None:
    """Nobody counts."""


def _raise(error: Exception, _: Js) -> None:
    raise error
