"""What does a view hand over when the run is over? And what where nobody could look on?

A picture, the recording, and a box of HTML with both. Where a program has no thread of its own, as
in a web page, it runs to its end at once, and this is all there is to see of it.
"""

import linecache
import sys
from typing import Any, NamedTuple
from uuid import uuid4

from minirt.views.picture import Picture
from minirt.views.saved import saved_run
from minirt.views.tape import pack, tape
from minirt.views.watch import Watch

RUNS = '<p class="minirt-picture">The program runs. Its recording comes when it is over.</p>'


class Recorded(NamedTuple):
    """A run that is over."""

    picture: Picture
    packed: bytes  # the recording
    html: str


def recorded(watch: Watch, said: dict[str, Any], run: str = "") -> Recorded:
    """What this watch has seen. said: how the run ended, as a frame says it; run: its name."""
    entries = watch.entries()
    picture = Picture(entries, watch.dropped)
    told = tape(entries, dropped=watch.dropped, before=watch.before, source=linecache.getline)
    packed = pack(told)
    return Recorded(picture, packed, saved_run(picture._repr_html_(), packed, said, run))


class RecordedView:
    """In the place of a live view, where nobody can look on."""

    def __init__(self) -> None:
        self.watch = Watch(budget=sys.maxsize)  # there is no screen that it could be too fast for
        self._identity = uuid4().hex

    def begin(self) -> None:
        """Take its place, above what the program prints."""
        self._show(RUNS, "running")

    def end(self, snapshot: Any, error: str) -> None:
        """Show the recording. error: what the program raised, as text."""
        self.watch.frame(snapshot)  # which says what no event says
        state = "failed" if error else "ended"
        said = {"state": state, "error": error}
        self._show(recorded(self.watch, said).html, state, update=True)

    def _show(self, html: str, state: str, **options: Any) -> None:
        from IPython.display import display

        shown = {"text/html": html, "text/plain": f"<LiveView: {state}>"}
        display(shown, raw=True, display_id=self._identity, **options)  # type: ignore[no-untyped-call]
