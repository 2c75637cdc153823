"""When is a program that is played traced, and when is it left alone?

It is traced for its view. When more happens than anybody could look at, the trace is taken off for
a while: the program is faster so, and the view makes do with snapshots. Only a traced program asks
the gate, so when the gate has something to say (a pause, a step, another speed) it is traced again,
and without a view it is traced for the gate alone.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from minirt.watching.calls import WatchedCalls
from minirt.watching.gate import Gate, PacedClock, Waiting
from minirt.watching.trace import Event, Sink, Tee

if TYPE_CHECKING:
    from minirt.core.loop import Loop


class Playable(Protocol):
    """What is asked of a runtime here, and in `play`."""

    @property
    def loop(self) -> "Loop": ...
    def run(self, main: Callable[[], object]) -> None: ...
    def stop(self) -> None: ...
    def attach(self, trace: Sink | None = None, gate: Gate | None = None) -> None: ...
    def detach(self) -> None: ...
    def call_from_thread(self, cb: Callable[[Any], object]) -> None: ...
    def snapshot(self) -> Any: ...


class Watch(Protocol):
    """What makes the frames of a view: it takes the events in, and says when it needs a rest."""

    next: Waiting | None  # the callback that waits at the gate
    words: str  # what the reader looks for among the tasks

    def record(self, event: Event, /) -> object: ...
    def take(self) -> None: ...
    def frame(self, snapshot: Any) -> dict[str, Any]: ...
    @property
    def is_overloaded(self) -> bool: ...
    def rest(self) -> None: ...
    @property
    def is_resting(self) -> bool: ...
    def has_rested(self) -> bool: ...
    def begin(self, snapshot: Any) -> None: ...


class Attention:
    """Puts the gate between a program and its clock, and before its callbacks where it is needed.

    watch: for the view; None without one.
    """

    def __init__(self, runtime: Playable, watch: Watch | None, gate: Gate) -> None:
        self._runtime = runtime
        self._watch = watch
        self._gate = gate
        self._is_asked = False  # the program's thread is asked to trace again
        loop = runtime.loop
        others = loop.calls.sink if isinstance(loop.calls, WatchedCalls) else None
        self._sink = self._sink_beside(others)
        paced = loop.system.paced(PacedClock)
        if paced is not None:
            loop.clock = paced
        if self._sink is not None or not gate.is_neutral:
            runtime.attach(self._sink, gate)
        gate.attach(paced, self._react)

    def keep(self) -> None:
        """Trace again after a rest, or for a gate that has something to say. On any thread."""
        gate, watch = self._gate, self._watch
        is_wanted = not gate.is_neutral or (watch is not None and watch.has_rested())
        if is_wanted and not (gate.stopped or self._is_asked or self._runtime.loop.is_watched):
            self._is_asked = True
            try:
                self._runtime.call_from_thread(self._trace_again)
            except RuntimeError:
                pass  # it ended meanwhile

    def _sink_beside(self, others: Sink | None) -> Sink | None:
        """Where the events go. others: a trace of the program's own, which wants all of them."""
        if self._watch is None:
            return others
        return _Resting(self._watch, self._rest) if others is None else Tee(self._watch, others)

    def _react(self) -> None:
        """The gate changed. On any thread."""
        if self._gate.stopped:
            self._runtime.stop()
        else:
            self._runtime.loop.wake()
            self.keep()

    def _rest(self) -> bool:
        """Leave the program alone, if too much happens and nothing else forbids it."""
        watch = self._watch
        if watch is None or not watch.is_overloaded or not self._gate.is_neutral:
            return False
        watch.rest()
        self._runtime.detach()
        return True

    def _trace_again(self, _: object) -> None:
        self._is_asked = False
        if self._watch is not None and self._watch.is_resting:
            self._watch.begin(self._runtime.snapshot())
        self._runtime.attach(self._sink, self._gate)


class _Resting:
    """Hands the events to a watch. When a turn begins it asks whether to rest."""

    def __init__(self, watch: Watch, rest: Callable[[], bool]) -> None:
        self._watch = watch
        self._rest = rest

    def record(self, event: Event) -> None:
        if event.kind != "turn" or not self._rest():
            self._watch.record(event)

    def look(self) -> bool:
        """Rest, if it is time. For who has much to note within one turn. On the loop's thread."""
        return self._rest()
