"""minirt.views.picture: what a reader sees where nothing can run."""

import base64
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

from minirt import Recorder, Runtime, Simulation, TaskKind, Undefined
from minirt.views.picture import COLOURS, Picture, picture


def run(name: str = "done", seed: int = 0) -> Picture:
    recorder = Recorder()
    rt = Runtime(threads=2, system=Simulation(seed=seed), trace=recorder)

    def work() -> Undefined:
        rt.clock.sleep(0.1)
        return Undefined()

    def done(_: object) -> None:
        """What is called at the end of each."""

    done.__qualname__ = name

    def main() -> None:
        rt.set_timeout(100, done)
        for _ in range(3):
            rt.register_event_threadpool(work, TaskKind(name), done)

    rt.run(main)
    return picture(recorder)


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, Any]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))


def test_the_same_run_gives_the_same_picture() -> None:
    assert run().svg == run().svg
    assert run()._repr_html_() == run()._repr_html_()


def test_another_order_gives_another_picture() -> None:
    assert run(seed=1).svg != run(seed=2).svg


def dashes_of(many: int, turn: float) -> list[float]:
    """How long the dashes and gaps of the sleeping loop are (px), if it wakes in each turn (s)."""
    recorder = Recorder()
    rt = Runtime(threads=0, system=Simulation(), trace=recorder)

    def main() -> None:
        for number in range(1, many + 1):
            rt.set_timeout(number * turn * 1000, lambda _: rt.clock.sleep(turn * 0.1))

    rt.run(main)
    (line,) = re.findall(
        rf'stroke-dasharray="([^"]*)" stroke="{COLOURS["sleep"]}"', picture(recorder).svg
    )
    return [float(length) for length in line.split()]


def test_a_gap_between_two_bars_that_nobody_can_see_is_not_kept() -> None:
    assert len(dashes_of(3, turn=1)) >= 6  # three sleeps, each with its gap
    assert len(dashes_of(300, turn=1)) < 10


def test_it_is_an_image_with_a_text_in_its_place() -> None:
    ((tag, attributes),) = [t for t in Tags(run()._repr_html_()).found if t[0] == "img"]
    assert tag == "img"
    assert attributes["alt"].startswith("A run of 0.2")
    assert "3 tasks on 2 threads" in attributes["alt"]


def test_the_image_needs_nothing_from_outside() -> None:
    (source,) = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', run()._repr_html_())
    svg = base64.b64decode(source).decode()
    assert svg == run().svg
    assert "var(" not in svg and "href" not in svg and "<script" not in svg


def test_the_svg_is_well_formed_and_has_a_lane_for_each_thread() -> None:
    root = ElementTree.fromstring(run().svg)
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"loop", "pool0", "pool1"} <= set(texts)


def test_a_name_with_markup_stays_a_name() -> None:
    name = "<img src=x onerror=alert(1)>"
    shown = run(name)
    ElementTree.fromstring(shown.svg)
    assert [tag for tag, _ in Tags(shown._repr_html_()).found].count("img") == 1
    assert name in shown.text


def test_the_text_has_a_row_for_each_callback_that_ran() -> None:
    rows = run().text.splitlines()
    assert sum("pool done" in row for row in rows) == 3
    assert sum("timer 100 ms" in row for row in rows) == 1


def test_the_text_says_that_tasks_had_to_wait() -> None:
    assert "1 task waited because all 2 threads were busy" in run().text


def test_a_recording_of_nothing_has_a_picture_too() -> None:
    ElementTree.fromstring(picture([]).svg)
    assert picture([]).alt.startswith("A run of 0.000 s")


def many_timers(recorder: Recorder) -> Picture:
    """6,000 timers, one each millisecond."""
    rt = Runtime(threads=0, system=Simulation(), trace=recorder)
    rt.run(lambda: [rt.set_timeout(each, lambda _: None) for each in range(1, 6_001)])
    return picture(recorder)


def test_a_long_run_is_drawn_to_its_end() -> None:
    drawn = many_timers(Recorder())
    (bars,) = re.findall(rf'stroke-dasharray="([^"]+)" stroke="{COLOURS["callback"]}"', drawn.svg)
    *dashes, rest = map(float, bars.split())
    assert rest == 760  # px, the width: the last one is a gap
    assert sum(dashes) > 0.99 * (760 - 64 - 16)


def test_a_picture_without_the_beginning_of_its_run_says_so() -> None:
    recorder = Recorder(1_000)
    drawn = many_timers(recorder)
    assert drawn.alt.startswith("The last 0.")
    assert f" s of a run, without {recorder.dropped} events before them: " in drawn.alt
    assert many_timers(Recorder()).alt.startswith("A run of 6.000 s: ")
