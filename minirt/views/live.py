"""How does a reader watch a program run?

`LiveView` is a widget: while the program runs it is sent one frame at a time. A widget needs its
kernel, or its state in the file, or else a page shows an error in its place. So when the run is
over the view is replaced, wherever it is displayed, by what needs neither: see `saved`.
"""

import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any, Protocol
from uuid import uuid4

import anywidget
import traitlets
from IPython.core.getipython import get_ipython
from IPython.display import display
from ipywidgets.widgets.widget import _instances  # of all widgets that are open

from minirt.views.clicks import hear_clicks, hear_pages
from minirt.views.picture import Picture
from minirt.views.recorded import recorded
from minirt.views.saved import code_of, player
from minirt.views.watch import Watch

STATIC = Path(__file__).parent / "static"
NOT_HERE = '<p class="minirt-picture">The live view runs in JupyterLab; here is its picture.</p>'
GOES_ON = "minirt: no page shows the buttons of this paused program, so it goes on.\n"
UNHEARD = 3.0  # s: a page that shows the view says so by then
MOST_DISPLAYS = 20  # of one view
MOST_WORDS = 200  # letters that are looked for


class Controls(Protocol):
    """What the buttons of a view do. Any thread may call these."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def step(self) -> None: ...
    def set_speed(self, speed: float) -> None: ...
    def stop(self) -> None: ...


class LiveView(anywidget.AnyWidget):
    """The runtime at work: phases, counters, timers, queues, threads, descriptors, console.

    It belongs to the cell that makes it: when that cell runs again, it is closed.
    """

    _esm = player(code_of(STATIC / "widget.js", STATIC / "live.css"), "loader.js")
    frame = traitlets.Dict().tag(sync=True)
    recording = traitlets.Bytes().tag(sync=True)  # JSON, deflated; empty while the program runs
    recordings = traitlets.Int().tag(sync=True)  # so far
    run = traitlets.Unicode().tag(sync=True)  # names it for a page that shows it at several places

    def __init__(self, displays_itself: bool = False, **traits: Any) -> None:
        self._cell = _cell_that_runs()
        self._saved = ""  # HTML, after the run
        super().__init__(**traits)
        self.displays_itself = displays_itself  # when a program begins, under its cell
        self._controls: Controls | None = None
        self.words = ""  # what the reader looks for among the tasks
        self.picture: Picture | None = None  # after the run
        self._displays: deque[str] = deque(maxlen=MOST_DISPLAYS)  # identities
        self._shown: int | None = None  # how often, in all pages; None before the first
        self._comes_back = False  # a page that showed it may be loaded again
        self._began = 0.0  # s: when the run did
        self._heard = False  # a page, in this run
        self.on_msg(self._command)

    # How it is displayed

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The widget; and for a reader whose page cannot run it, the picture, once there is one."""
        bundle = super()._repr_mimebundle_(**options)
        parts = bundle if isinstance(bundle, tuple) else (bundle, {})
        if parts[0] is None:
            return bundle
        html = NOT_HERE if self.picture is None else self.picture._repr_html_()
        return {**parts[0], "text/plain": repr(self), "text/html": html}, parts[1]

    def _ipython_display_(self) -> None:
        self._displays.append(uuid4().hex)
        self._publish(self._displays[-1])

    def _publish(self, identity: str, **options: Any) -> None:
        """Show it as it is now: as the widget, or what is left of it."""
        is_widget = self.comm is not None and not self._saved
        shown = self._repr_mimebundle_()[0] if is_widget else self._left()
        display(shown, raw=True, display_id=identity, **options)  # type: ignore[no-untyped-call]

    def _left(self) -> dict[str, str]:
        """What is left of it, for a page that shows no widget."""
        return {"text/html": self._saved or NOT_HERE, "text/plain": repr(self)}

    def _send_left(self) -> None:
        """Let a page put it into the notebook itself."""
        self.send({"identity": self.model_id, "left": self._left() if self._saved else None})

    def _publish_again(self) -> None:
        """Show it as it is now, wherever it is displayed."""
        for identity in self._displays:
            self._publish(identity, update=True)

    def __repr__(self) -> str:
        state = self.frame.get("state", "new")
        return f"<LiveView: {state}>"

    # A run

    def begin(self, controls: Controls) -> None:
        """A program starts. From now on the buttons of the page are these controls."""
        hear_pages()
        self.open()
        self._controls = controls
        self._began, self._heard = monotonic(), False
        self.run = uuid4().hex
        self.recording = b""
        self.picture, self._saved, self._comes_back = None, "", False
        self._publish_again()
        if self.displays_itself:
            display(self)  # type: ignore[no-untyped-call]

    def show(self, frame: dict[str, Any]) -> None:
        """Send one frame, unless it is the one that the page has."""
        self.frame = frame

    def send_state(self, key: Any = None) -> None:
        """Send traits. A frame has no bytes: nobody looks at each of its values for some."""
        if key != "frame":
            super().send_state(key)
        elif self.comm is not None:
            self.comm.send({"method": "update", "state": {"frame": self.frame}, "buffer_paths": []})

    async def listen(self) -> None:
        """Handle the clicks that the kernel would keep until the cell is over."""
        await hear_clicks()
        if not self._heard and monotonic() > self._began + UNHEARD:
            self._heard = True  # no page will say so any more
            if self.frame.get("state") == "paused" and not _may_be_asked() and self._controls:
                sys.stderr.write(GOES_ON)
                self._controls.resume()

    def end(self, watch: Watch, frame: dict[str, Any]) -> None:
        """The program has ended: its recording takes the place of the view."""
        self._controls = None
        said: dict[str, Any] = {one: frame[one] for one in ("state", "error") if one in frame}
        self.picture, packed, self._saved = recorded(watch, said, self.run)
        self._publish_again()
        # a page that was loaded again during the run shows the widget still
        with self.hold_sync():  # one message, or the page would look between two
            self.frame = {**frame, "spans": []}  # the recording has them
            self.recording = packed
            self.recordings += 1
        if self._shown == 0 and self.comm is not None:
            self._send_left()  # its cell was deleted, which may be undone
        self._close_if_it_is_nowhere()

    # Its life

    def open(self) -> None:
        """Be a widget in the pages, also after it was closed."""
        if self.comm is None and "layout" in self._trait_values:  # it was one before
            self.__dict__.pop("_repr_mimebundle_", None)  # which closing has hidden
            self._model_id = None  # a page may not have forgotten the old one yet
            self._shown = None
            self.layout.open()
        if self.comm is None and self._cell is not None:
            _events().register("pre_run_cell", self._hear_of_cell)
        super().open()

    def close(self) -> None:
        """Leave the pages and the file. Where it is displayed is then what needs no kernel."""
        if self.comm is None:
            return
        super().close()
        self.layout.close()
        if self._cell is not None:
            _events().unregister("pre_run_cell", self._hear_of_cell)
        if not self._saved:
            self._publish_again()

    def _close_if_it_is_nowhere(self) -> None:
        """What is left of it is shown in its place, or its cell has no outputs any longer."""
        if self._saved and self._shown == 0 and not self._comes_back and not self._is_a_part():
            self.close()

    def _is_a_part(self) -> bool:
        """Of another widget, such as a box, which shows it in a place of its own."""
        parts = [getattr(other, "children", None) for other in list(_instances.values())]
        return any(isinstance(some, tuple | list) and self in some for some in parts)

    @property
    def model_id(self) -> str:
        """Its identity in the pages. Another widget asks for it to show it: so it is one again."""
        if self.comm is None:
            self.open()
        identity: str = self.comm.comm_id
        return identity

    def _hear_of_cell(self, about: Any) -> None:
        if about.cell_id == self._cell:
            self.close()

    def _command(self, widget: object, content: Any, buffers: object) -> None:
        if not isinstance(content, dict):
            return
        self._heard = True
        name, value = content.get("command"), content.get("value")
        if name == "shown":
            self._shown, self._comes_back = (self._shown or 0) + 1, False
            # a page that has its state from the file hears nothing
            self.send({"identity": self.model_id})
        elif name in ("left", "away"):
            self._shown = max(0, (self._shown or 0) - 1)
            self._comes_back = name == "away"
            self._close_if_it_is_nowhere()
        elif name == "keep":
            self._send_left()
        elif name == "find":
            self.words = str(value)[:MOST_WORDS]
        elif self._controls is not None:
            _control(self._controls, name, value)


def _cell_that_runs() -> str | None:
    """Its identity, where a front end gives one to each cell."""
    kernel: Any = getattr(get_ipython(), "kernel", None)
    identity: str | None = kernel and kernel.get_parent().get("metadata", {}).get("cellId")
    return identity


def _may_be_asked() -> bool:
    """Does a person sit there? What runs a notebook from its first cell to its last asks nobody."""
    parent: Any = getattr(get_ipython(), "get_parent", dict)()
    return bool(parent.get("content", {}).get("allow_stdin", True))


def _events() -> Any:
    """What IPython calls before and after each cell."""
    shell: Any = get_ipython()
    return shell.events


def _control(controls: Controls, name: object, value: object) -> None:
    """Do what a button says. What is no command does nothing."""
    commands: dict[object, Callable[[], None]] = {
        "pause": controls.pause,
        "resume": controls.resume,
        "step": controls.step,
        "stop": controls.stop,
    }
    if name == "speed" and isinstance(value, int | float) and 0.01 <= value <= 100:
        controls.set_speed(float(value))
    elif isinstance(name, str) and name in commands:
        commands[name]()
