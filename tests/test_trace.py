"""minirt.watching.trace: where events go, what keeps them, and what they become in a file."""

import io
import json
import threading
from collections import deque
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minirt import Recorder
from minirt.watching.trace import (
    KINDS,
    Event,
    Tee,
    adder,
    console_line,
    read_jsonl,
    write_line,
)


def event(
    number: int, kind: str = "run", thread: str = "main", detail: dict[str, Any] | None = None
) -> Event:
    return Event(number / 10, number, "poll", thread, kind, number, detail)


EVENTS = st.builds(
    Event,
    time=st.floats(0, 1e6),
    turn=st.integers(0, 99),
    phase=st.sampled_from(["main", "poll", "timers"]),
    thread=st.sampled_from(["main", "pool0", "epoll"]),
    kind=st.sampled_from(KINDS),
    identity=st.none() | st.integers(0, 2**64 - 1),
    detail=st.none()
    | st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text()),
)


# --- the ring ---


@given(st.lists(st.sampled_from(["record", "add", "add", "clear"])), st.integers(1, 5))
def test_a_recorder_is_a_ring_that_counts_what_it_dropped(steps: list[str], capacity: int) -> None:
    recorder = Recorder(capacity)
    ring: deque[Event] = deque(maxlen=capacity)
    came = 0
    for number, step in enumerate(steps):
        if step == "clear":
            recorder.clear()
            ring.clear()
            came = 0
        else:
            getattr(recorder, step)(event(number))
            ring.append(event(number))
            came += 1
        assert recorder.events == list(recorder) == list(ring)
        assert len(recorder) == len(ring)
        assert (recorder.recorded, recorder.dropped) == (came, came - len(ring))
    assert recorder.capacity == capacity
    assert all(type(each) is Event for each in recorder)


def test_a_recorder_holds_no_more_than_its_size_at_any_moment() -> None:
    recorder = Recorder(10)
    for number in range(1000):
        recorder.add(event(number))
        assert len(recorder) <= 10
    assert recorder.dropped == 990
    assert [each.turn for each in recorder] == list(range(990, 1000))


def test_no_event_of_many_threads_goes_uncounted() -> None:
    recorder, start = Recorder(100), threading.Barrier(4)

    def busy() -> None:
        start.wait()
        for number in range(20_000):
            recorder.add(event(number))

    threads = [threading.Thread(target=busy) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recorder.recorded == 80_000
    assert (len(recorder), recorder.dropped) == (100, 79_900)


def test_a_recorder_keeps_one_event_or_more() -> None:
    with pytest.raises(ValueError, match="1 event or more"):
        Recorder(0)


# --- sinks ---


class Own:
    """A sink that knows only `record`."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        self.events.append(event)


class Loud(Recorder):
    """A recorder that hears each event."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Event] = []

    def record(self, event: Event) -> None:
        self.heard.append(event)
        super().record(event)


class Quiet(Recorder):
    """A recorder with nothing of its own."""


def test_a_recorder_is_given_plain_tuples() -> None:
    for recorder in (Recorder(), Quiet()):
        assert adder(recorder) is recorder.add


def test_a_sink_that_knows_only_record_gets_events_with_names() -> None:
    own = Own()
    adder(own)(tuple(event(3)))
    assert own.events == [event(3)]
    assert own.events[0].turn == 3


def test_a_recorder_that_overrides_record_hears_every_event() -> None:
    loud = Loud()
    adder(loud)(tuple(event(3)))
    assert loud.heard == loud.events == [event(3)]
    assert type(loud.heard[0]) is Event


class NoSink:
    """Has no `record`."""


class Taken:
    record = "not a method"


@pytest.mark.parametrize("sink", [None, 7, "trace.json", NoSink(), Taken(), print])
@pytest.mark.parametrize("give", [adder, Tee])
def test_what_cannot_record_is_refused_at_once(give: Any, sink: Any) -> None:
    with pytest.raises(TypeError, match=rf"{type(sink).__name__} has none. Use Recorder\(\)$"):
        give(sink)


def test_a_tee_tells_everybody_and_each_recorder_keeps_its_size() -> None:
    small, own, loud = Recorder(3), Own(), Loud()
    add = adder(Tee(small, own, loud))
    for number in range(10):
        add(tuple(event(number)))
    assert own.events == loud.heard == [event(number) for number in range(10)]
    assert small.events == own.events[-3:]
    assert small.dropped == 7


# --- files and lines ---


@given(st.lists(EVENTS, max_size=20))
@settings(max_examples=30)
@pytest.mark.slow
def test_json_lines_come_back_as_the_same_events(events: list[Event]) -> None:
    import tempfile

    recorder = Recorder()
    for each in events:
        recorder.record(each)
    with tempfile.TemporaryDirectory() as folder:
        path = recorder.write_jsonl(Path(folder) / "trace.jsonl")
        assert read_jsonl(path) == events
        assert len(path.read_text().splitlines()) == len(events)


def test_an_identity_of_64_bits_is_exact_in_a_file(tmp_path: Path) -> None:
    recorder = Recorder()
    for identity in (2**64 - 3, 2**64 - 2, 2**64 - 1):
        recorder.record(event(1)._replace(identity=identity))
    path = recorder.write_jsonl(tmp_path / "trace.jsonl")
    written = [json.loads(line)["identity"] for line in path.read_text().splitlines()]
    assert written == ["18446744073709551613", "18446744073709551614", "18446744073709551615"]
    assert [each.identity for each in read_jsonl(path)] == [2**64 - 3, 2**64 - 2, 2**64 - 1]


def test_any_text_can_be_written_to_a_file(tmp_path: Path) -> None:
    recorder = Recorder()
    odd = "\ud800 \x1b \u2028 \x85 é"
    recorder.record(event(1, "printed", detail={"text": odd}))
    path = recorder.write_jsonl(tmp_path / "trace.jsonl")
    assert path.read_bytes().isascii()
    assert recorder.write_chrome(tmp_path / "trace.json").read_bytes().isascii()
    assert [each.detail for each in read_jsonl(path)] == [{"text": odd}]


def test_a_console_line_has_the_shape_of_the_source_chapter() -> None:
    assert console_line("main", "Registered timer event id: 2") == (
        "Thread: main  Registered timer event id: 2"
    )
    assert console_line("pool3", "x") == "Thread: pool3 x"


@pytest.mark.parametrize(
    ("encoding", "written"),
    [("ascii", b"n\\xe9 \\ud800\n"), ("utf-8", b"n\xc3\xa9 \\ud800\n")],
)
def test_a_line_that_the_encoding_cannot_express_is_written_with_escapes(
    encoding: str, written: bytes
) -> None:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding)
    write_line(file, "né \ud800")
    file.flush()
    assert raw.getvalue() == written


def test_a_file_in_memory_has_no_encoding_and_gets_lines_as_well() -> None:
    file = io.StringIO()
    write_line(file, "né \ud800")
    assert file.getvalue() == "né \\ud800\n"
