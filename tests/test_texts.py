"""Text from outside in a format with rules: XML, HTML, JSON, an encoding, one line of a table."""

import io
import json
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minirt import Recorder, Runtime, Simulation, TaskKind, Undefined, log
from minirt.views.console import Console
from minirt.views.orders import Orders
from minirt.views.picture import Picture, picture
from minirt.views.tape import pack, tape, unpack
from minirt.views.watch import Watch
from minirt.watching.event import UNPRINTABLE
from minirt.watching.trace import Event, Tee

ODD = "tab\x1b[31m \ud800 \x00 \x85 \u2028 \ufffe <b>&\"' é"
TEXTS = st.text(st.characters(), max_size=20)


def run(text: str, *sinks: Any) -> tuple[Recorder, Watch]:
    """A run in which everything that a program may choose is called `text`."""
    recorder, watch = Recorder(), Watch()
    rt = Runtime(threads=1, system=Simulation(), trace=Tee(recorder, watch, *sinks))

    def task() -> Undefined:
        raise OSError(2, "No such file", text)

    def named(_: object) -> None:
        raise RuntimeError(text)

    named.__qualname__ = text
    named.__code__ = named.__code__.replace(co_filename=text.replace("\x00", "0"))

    def main() -> None:
        rt.on_uncaught = lambda error: None
        rt.set_timeout(5, named)
        rt.register_event_threadpool(task, TaskKind(text), named)
        recorder.record(Event(0.0, 0, "main", "main", "printed", None, {"text": text}))
        watch.record(Event(0.0, 0, "main", "main", "printed", None, {"text": text}))

    rt.run(main)
    return recorder, watch


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, Any]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))


def check_picture(shown: Picture | Orders) -> None:
    root = ElementTree.fromstring(shown.svg)
    assert int(root.get("width", "0")) >= 300
    for text in (shown.svg, shown.alt, shown.text, shown._repr_html_()):
        text.encode()
        assert not UNPRINTABLE.search(text.replace("\n", " "))
    tags = Tags(shown._repr_html_()).found
    (alt,) = [attributes["alt"] for tag, attributes in tags if tag == "img"]
    assert alt == shown.alt
    assert shown.text in unescape(shown._repr_html_())


@given(TEXTS)
@example(ODD)
@settings(max_examples=40)
def test_a_picture_is_xml_and_html_whatever_its_program_is_called(text: str) -> None:
    check_picture(picture(run(text)[0]))


@given(st.lists(TEXTS, max_size=4), st.lists(TEXTS, max_size=4), TEXTS)
@example([ODD, "a"], ["a", ODD], ODD)
def test_orders_are_xml_and_html_whatever_their_lines_are(
    left: list[str], right: list[str], name: str
) -> None:
    check_picture(Orders({f"{name} left": left, f"{name} right": right}))


@given(TEXTS)
@example(ODD)
@settings(max_examples=40)
@pytest.mark.slow
def test_files_frames_and_recordings_are_json_in_utf_8(text: str) -> None:
    import tempfile

    recorder, watch = run(text)
    with tempfile.TemporaryDirectory() as folder:
        for path in (
            recorder.write_jsonl(Path(folder) / "run.jsonl"),
            recorder.write_chrome(Path(folder) / "run.json"),
        ):
            for line in path.read_text(encoding="utf-8").split("\n"):
                assert not line or json.loads(line)
    rt = Runtime()
    frame = watch.frame(rt.snapshot())
    rt.close()
    recording = tape(watch.entries(), before=watch.before, source=lambda file, line: text)
    assert unpack(pack(recording)) == recording
    for sent in (frame, recording):  # as a kernel sends it
        json.dumps(sent, ensure_ascii=False, allow_nan=False).encode()


@given(TEXTS, st.sampled_from(["ascii", "utf-8", "cp1252"]))
@example(ODD, "ascii")
@settings(max_examples=40)
def test_the_console_prints_to_any_encoding(text: str, encoding: str) -> None:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding)
    run(text, Console(file))
    file.flush()
    lines = raw.getvalue().decode(encoding).split("\n")
    assert lines[-2] == "Thread: main  FINISHED"
    assert all(line.startswith("Thread: ") for line in lines[:-1])


def test_a_program_may_log_what_its_output_cannot_express(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii")
    monkeypatch.setattr("sys.stdout", file)
    Runtime(system=Simulation()).run(lambda: log("né \ud800"))
    file.flush()
    assert raw.getvalue() == b"Thread: main  n\\xe9 \\ud800\n"
