"""How much memory does a student need? Watches the processes of a class while it works.

Two figures of a process: RSS counts every page that it has in memory. PSS shares out the pages that
several processes have in common, the interpreter's code among them, so that the figures of a
machine's processes add up. One student alone, as in a container, needs the RSS; thirty on one
machine need thirty times the PSS.
"""

import threading
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.classroom.hub import Hub, processes_in

EVERY = 1.0  # seconds; reading a process's map costs it some milliseconds
THE_HUB = "hub and proxy"


@dataclass
class Peak:
    """The most that was seen at any one moment; sizes in bytes."""

    server: int = 0  # RSS
    kernel: int = 0  # RSS
    together: int = 0  # PSS
    cpu: float = 0.0  # seconds


@dataclass
class Memory:
    """Peaks by student's name. Use it as a context manager."""

    hub: Hub
    peaks: dict[str, Peak] = field(default_factory=dict)
    of_all: int = 0  # PSS
    _over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(EVERY):
            self.look()

    def look(self) -> None:
        """Look at every process once."""
        now: dict[str, Peak] = {}
        for process, place in processes_in(self.hub.folder).items():
            try:
                with process.oneshot():
                    memory = process.memory_full_info()
                    times = process.cpu_times()
                    is_kernel = any("ipykernel" in word for word in process.cmdline())
            except psutil.Error:
                continue  # it has ended meanwhile
            seen = now.setdefault(self._whose(place), Peak())
            if is_kernel:
                seen.kernel += memory.rss
            else:
                seen.server += memory.rss
            seen.cpu += times.user + times.system
            seen.together += getattr(memory, "pss", memory.rss)  # macOS has no PSS
        for name, seen in now.items():
            peak = self.peaks.setdefault(name, Peak())
            peak.server = max(peak.server, seen.server)
            peak.kernel = max(peak.kernel, seen.kernel)
            peak.together = max(peak.together, seen.together)
            peak.cpu = max(peak.cpu, seen.cpu)
        self.of_all = max(self.of_all, sum(seen.together for seen in now.values()))

    def _whose(self, place: Path) -> str:
        if place.is_relative_to(self.hub.students) and place != self.hub.students:
            return place.relative_to(self.hub.students).parts[0]
        return THE_HUB
