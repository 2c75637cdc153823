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

from minirt.views.tape import pack, tape
from minirt.views.watch import Watch

STATIC = Path(__file__).parent / "static"


class Controls(Protocol):
    """What the buttons of a view do. Any thread may call these."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def step(self) -> None: ...
    def set_speed(self, speed: float) -> None: ...
    def stop(self) -> None: ...


class LiveView(anywidget.AnyWidget):
    """The runtime at work: phases, counters, timers, queues, threads, descriptors, console."""

    _esm = STATIC / "live.js"
    _css = STATIC / "live.css"
    frame = traitlets.Dict().tag(sync=True)
    recording = traitlets.Bytes().tag(sync=True)  # JSON, deflated; empty while the program runs

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._controls: Controls | None = None
        self._displayed = False
        self.on_msg(self._command)

    def __repr__(self) -> str:
        state = self.frame.get("state", "new")
        return f"<LiveView: {state}>"

    def begin(self, controls: Controls) -> None:
        """A program starts. From now on the buttons of the page are these controls."""
        self._controls = controls
        self.recording = b""
        if not self._displayed:
            display(self)

    def show(self, frame: dict[str, Any]) -> None:
        """Send one frame, unless it is the one that the page has."""
        self.frame = frame

    def end(self, watch: Watch, frame: dict[str, Any]) -> None:
        """The program has ended: the page gets the recording."""
        self._controls = None
        self.frame = frame
        recorded = tape(
            watch.entries(),
            watch.threads,
            dropped=watch.dropped,
            known=watch.story.places,
            source=linecache.getline,
        )
        self.recording = pack(recorded)

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
        name = content.get("command")
        if name == "speed":
            controls.set_speed(float(content.get("value", 1)))
        elif name in commands:
            commands[name]()
