"""How does a reader watch a program run?

`LiveView` is a widget: while the program runs it is sent one frame at a time, and at the end the
whole recording, which the page then plays back without a kernel.
"""

import linecache
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import anywidget
import traitlets
from IPython.display import display

from minirt.views.clicks import hear_clicks
from minirt.views.picture import Picture
from minirt.views.script import script
from minirt.views.tape import pack, tape
from minirt.views.watch import Watch

STATIC = Path(__file__).parent / "static"
NOT_HERE = '<p class="minirt-picture">The live view runs in JupyterLab; here is its picture.</p>'


class Controls(Protocol):
    """What the buttons of a view do. Any thread may call these."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def step(self) -> None: ...
    def set_speed(self, speed: float) -> None: ...
    def stop(self) -> None: ...


class LiveView(anywidget.AnyWidget):
    """The runtime at work: phases, counters, timers, queues, threads, descriptors, console."""

    _esm = script(STATIC / "live.js")
    _css = STATIC / "live.css"
    frame = traitlets.Dict().tag(sync=True)
    recording = traitlets.Bytes().tag(sync=True)  # JSON, deflated; empty while the program runs
    recordings = traitlets.Int().tag(sync=True)  # so far

    def __init__(self, displays_itself: bool = False, **traits: Any) -> None:
        super().__init__(**traits)
        self.displays_itself = displays_itself  # when a program begins, under its cell
        self._controls: Controls | None = None
        self.picture: Picture | None = None  # after the run
        self.on_msg(self._command)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The widget; and for a reader whose page cannot run it, the picture, once there is one."""
        bundle = super()._repr_mimebundle_(**options)
        parts = bundle if isinstance(bundle, tuple) else (bundle, {})
        if parts[0] is None:
            return bundle
        html = NOT_HERE if self.picture is None else self.picture._repr_html_()
        return {**parts[0], "text/plain": repr(self), "text/html": html}, parts[1]

    def __repr__(self) -> str:
        state = self.frame.get("state", "new")
        return f"<LiveView: {state}>"

    def begin(self, controls: Controls) -> None:
        """A program starts. From now on the buttons of the page are these controls."""
        self._controls = controls
        self.recording = b""
        self.picture = None
        if self.displays_itself:
            display(self)  # type: ignore[no-untyped-call]

    def show(self, frame: dict[str, Any]) -> None:
        """Send one frame, unless it is the one that the page has."""
        self.frame = frame

    async def listen(self) -> None:
        """Handle the clicks that the kernel would keep until the cell is over."""
        await hear_clicks()

    def end(self, watch: Watch, frame: dict[str, Any]) -> None:
        """The program has ended: the page gets the recording."""
        self._controls = None
        entries = watch.entries()
        self.picture = Picture(entries)
        recorded = tape(
            entries,
            dropped=watch.dropped,
            before=watch.before,
            source=linecache.getline,
        )
        with self.hold_sync():  # one message, or the page would look between two
            self.frame = frame
            self.recording = pack(recorded)
            self.recordings += 1
        if self.displays_itself:
            display(self.picture)  # type: ignore[no-untyped-call]

    def _command(self, widget: object, content: Any, buffers: object) -> None:
        controls = self._controls
        if controls is None or not isinstance(content, dict):
            return
        commands: dict[str, Callable[[], None]] = {
            "pause": controls.pause,
            "resume": controls.resume,
            "step": controls.step,
            "stop": controls.stop,
        }
        name, value = content.get("command"), content.get("value")
        if name == "speed" and isinstance(value, int | float) and 0.01 <= value <= 100:
            controls.set_speed(float(value))
        elif name in commands:
            commands[name]()
