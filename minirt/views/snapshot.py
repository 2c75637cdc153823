"""What does a view know of a run whose events it did not see?"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Snapshot(Protocol):
    """What `Runtime.snapshot` gives, as far as a view looks at it."""

    @property
    def time(self) -> float: ...
    @property
    def phase(self) -> str: ...
    @property
    def ticks(self) -> int: ...
    @property
    def identity_token(self) -> int: ...
    @property
    def pending_events(self) -> int: ...
    @property
    def next_ticks(self) -> int: ...
    @property
    def microtasks(self) -> int: ...
    @property
    def threads(self) -> int: ...
    @property
    def available_threads(self) -> int: ...
    @property
    def waiting_tasks(self) -> int: ...
    @property
    def queues(self) -> Sequence[tuple[str, int]]: ...  # (kind, how many): exact
    @property
    def timers(self) -> Sequence[tuple[float, int]]: ...
    @property
    def running(self) -> Sequence[tuple[int, int, str]]: ...
    @property
    def waiting(self) -> Sequence[tuple[int, str]]: ...
    @property
    def watched(self) -> Sequence[tuple[int, int, str]]: ...
    @property
    def callback_identities(self) -> Sequence[int]: ...


class Gap(NamedTuple):
    """Stands in a recording for `missed` turns that were not traced: the run after them."""

    snapshot: Snapshot
    missed: int

    @property
    def time(self) -> float:
        return self.snapshot.time
