"""minirt.views.live: the widget, without a page."""

import json
from typing import Any

import pytest

pytest.importorskip("anywidget")

from anywidget import AnyWidget
from comm.base_comm import BaseComm
from ipywidgets import HBox, Widget

from minirt import Runtime, Simulation
from minirt.views.live import LiveView
from minirt.views.tape import unpack

from .test_pacing import play


class Buttons:
    """Remembers what was pressed."""

    def __init__(self) -> None:
        self.pressed: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.pressed.append((name, *arguments))


@pytest.mark.parametrize("command", ["pause", "resume", "step", "stop"])
def test_a_button_of_the_page_does_what_it_says(command: str) -> None:
    view, buttons = LiveView(), Buttons()
    view.begin(buttons)
    view._handle_custom_msg({"command": command}, [])
    assert buttons.pressed == [(command,)]


def test_the_page_chooses_the_speed() -> None:
    view, buttons = LiveView(), Buttons()
    view.begin(buttons)
    view._handle_custom_msg({"command": "speed", "value": 0.5}, [])
    assert buttons.pressed == [("set_speed", 0.5)]


@pytest.mark.parametrize("content", [{}, {"command": "rm"}, {"command": "speed"}, "stop", None])
def test_a_message_that_is_no_command_does_nothing(content: Any) -> None:
    view, buttons = LiveView(), Buttons()
    view.begin(buttons)
    view._handle_custom_msg(content, [])
    assert buttons.pressed == []


@pytest.mark.parametrize("speed", [0, -1, 1e9, "fast", None, float("nan")])
def test_a_speed_at_which_nothing_can_run_is_not_passed_on(speed: Any) -> None:
    view, buttons = LiveView(), Buttons()
    view.begin(buttons)
    view._handle_custom_msg({"command": "speed", "value": speed}, [])
    assert buttons.pressed == []


def test_after_the_run_the_buttons_do_nothing() -> None:
    rt, view = Runtime(system=Simulation()), LiveView()
    play(rt, lambda: None, view=view)
    view._handle_custom_msg({"command": "pause"}, [])
    assert view.frame["state"] == "ended"


def test_after_the_run_the_page_has_the_recording() -> None:
    rt, view = Runtime(system=Simulation()), LiveView()
    play(rt, lambda: rt.set_timeout(5, lambda _: None), view=view)
    assert [row[3] for row in unpack(view.recording)["events"]][-1] == "end"


def test_a_view_goes_on_with_another_program() -> None:
    view = LiveView()
    for delay in (5, 7000):
        rt = Runtime(system=Simulation())
        play(rt, lambda rt=rt, delay=delay: rt.set_timeout(delay, lambda _: None), view=view)
    assert view.frame["time"] >= 7


def test_the_biography_has_the_source_line_of_its_callback() -> None:
    rt, view = Runtime(system=Simulation()), LiveView()

    def a_callback(_: object) -> None:
        """Named."""

    play(rt, lambda: rt.set_timeout(5, a_callback), view=view)
    name, file, _, source = unpack(view.recording)["places"]["1"]
    assert (name, file) == ("a_callback", "test_live.py")
    assert source == "def a_callback(_: object) -> None:"


def test_its_repr_has_no_address() -> None:
    assert repr(LiveView()) == "<LiveView: new>"


def test_a_reader_whose_page_cannot_run_it_gets_the_picture() -> None:
    rt, view = Runtime(system=Simulation()), LiveView()
    play(rt, lambda: rt.set_timeout(5, lambda _: None), view=view)
    bundle, _ = view._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert 'src="data:image/svg+xml;base64,' in bundle["text/html"]
    assert bundle["text/plain"] == "<LiveView: ended>"


class Wire(BaseComm):
    """Keeps what is sent to the pages."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        super().__init__(target_name="a view")
        self.sent.clear()

    def publish_msg(self, msg_type: str, data: Any = None, *rest: Any, **more: Any) -> None:
        self.sent.append(data)


def test_a_frame_is_sent_as_ipywidgets_sends_it() -> None:
    view, wire = LiveView(), Wire()
    view.comm = wire
    frame = {"state": "running", "time": 0.5, "queue": [1, [["1", "a timer"]]], "current": None}
    view.show(frame)
    AnyWidget.send_state(view, "frame")
    assert wire.sent[0] == wire.sent[1] and wire.sent[0]["state"] == {"frame": frame}


def test_a_frame_that_the_page_has_is_not_sent_again() -> None:
    view, wire = LiveView(), Wire()
    view.comm = wire
    for _ in range(2):
        view.show({"state": "running"})
    assert len(wire.sent) == 1


def test_a_closed_view_sends_no_frame() -> None:
    view = LiveView()
    view.close()
    view.show({"state": "running"})
    assert view.frame == {"state": "running"}


def test_a_view_that_was_closed_is_a_widget_again_when_another_one_asks_for_it() -> None:
    view = LiveView()
    before = view.model_id
    view.close()
    box = HBox([view])
    assert box.get_state("children")["children"] == [f"IPY_MODEL_{view.model_id}"]
    assert view.comm is not None and view.model_id != before


@pytest.mark.parametrize("is_boxed", [True, False])
def test_a_view_that_is_no_longer_shown_is_closed_unless_it_is_part_of_another(
    is_boxed: bool,
) -> None:
    view = LiveView()
    parts = HBox([view] if is_boxed else [])
    view._handle_custom_msg({"command": "shown"}, [])
    play(Runtime(system=Simulation()), lambda: None, view=view)
    view._handle_custom_msg({"command": "left"}, [])
    assert (view.comm is not None) == is_boxed
    parts.close()


def test_each_run_on_one_view_has_a_name_which_what_is_left_of_it_has_too() -> None:
    view, names = LiveView(), set()
    for _ in range(2):
        play(Runtime(system=Simulation()), lambda: None, view=view)
        names.add(view.run)
        assert f'"run":"{view.run}"' in view._left()["text/html"]
    assert len(names) == 2


@pytest.mark.slow
def test_what_a_notebook_keeps_of_a_view_in_a_box_is_below_sixty_kilobytes() -> None:
    rt, view = Runtime(), LiveView()
    box = HBox([view])

    def main() -> None:
        for number in range(300):
            rt.set_timeout(number, lambda _, number=number: rt.log(f"timer {number}"))

    play(rt, main, view=view)
    parts = [box, box.layout, view, view.layout]
    assert len(json.dumps(Widget.get_manager_state(widgets=parts))) < 60_000
    box.close()


@pytest.mark.parametrize("is_displayed", [True, False])
def test_a_cell_that_was_deleted_during_the_run_is_told_what_is_left_for_when_it_comes_back(
    is_displayed: bool,
) -> None:
    view, wire = LiveView(), Wire()
    view.comm = wire
    view._handle_custom_msg({"command": "shown"}, [])
    if not is_displayed:
        view._handle_custom_msg({"command": "left"}, [])
    play(Runtime(system=Simulation()), lambda: None, view=view)
    told = [one["content"] for one in wire.sent if one.get("method") == "custom"]
    left = [one["left"] for one in told if one.get("left")]
    assert left == ([] if is_displayed else [view._left()])


@pytest.mark.parametrize("displays", [0, 1])
def test_a_view_that_is_closed_during_the_run_stays_closed_at_its_end(displays: int) -> None:
    view = LiveView()

    def main() -> None:
        for command in ["shown", "left", *displays * ["shown"]]:
            view._handle_custom_msg({"command": command}, [])
        view.close()

    play(Runtime(system=Simulation()), main, view=view)
    assert view.comm is None and view.picture is not None
