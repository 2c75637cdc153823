"""What happened, when, in which phase, on which thread?"""

import json
from collections import deque
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minirt import Recorder, Runtime, Simulation, set_interval, set_timeout
from minirt.watching.trace import (
    KINDS,
    SLICES,
    WIDTH,
    Event,
    Named,
    Silence,
    Tee,
    chrome_trace,
    console_line,
    read_jsonl,
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


@given(st.lists(st.sampled_from(["record", "record", "add", "settle", "clear"])), st.integers(1, 5))
def test_a_recorder_is_a_ring_that_counts_what_it_dropped(steps: list[str], capacity: int) -> None:
    recorder = Recorder(capacity)
    ring: deque[Event] = deque(maxlen=capacity)
    came = 0
    for number, step in enumerate(steps):
        if step == "clear":
            recorder.clear()
            ring.clear()
            came = 0
        elif step == "settle":
            recorder.settle()
        else:
            if step == "record":
                recorder.record(event(number))
            else:
                recorder.add(event(number))
            ring.append(event(number))
            came += 1
        assert recorder.events == list(recorder) == list(ring)
        assert len(recorder) == len(ring)
        assert (recorder.recorded, recorder.dropped) == (came, came - len(ring))
    assert recorder.capacity == capacity
    assert all(type(each) is Event for each in recorder)


def test_a_recorder_settles_to_at_most_twice_its_size() -> None:
    recorder = Recorder(10)
    for number in range(1000):
        recorder.add(event(number))
        recorder.settle()
        assert len(recorder._fields) < 20 * len(Event._fields)
    assert recorder.dropped == 990
    assert [each.turn for each in recorder] == list(range(990, 1000))


def test_a_recorder_keeps_one_event_or_more() -> None:
    with pytest.raises(ValueError, match="1 event or more"):
        Recorder(0)


def test_silence_keeps_nothing_and_tee_tells_everybody() -> None:
    first, second = Recorder(), Recorder()
    tee = Tee(first, Silence(), second)
    tee.record(event(1))
    assert first.events == second.events == [event(1)]
    silence = Silence()
    silence.add(event(1))
    silence.settle()


def test_a_sink_that_knows_only_record_gets_events_with_names() -> None:
    class Own:
        def __init__(self) -> None:
            self.events: list[Event] = []

        def record(self, event: Event) -> None:
            self.events.append(event)

    own = Own()
    named = Named(own)
    named.add(event(3))
    named.settle()
    assert own.events == [event(3)]
    assert own.events[0].turn == 3


@given(st.lists(EVENTS, max_size=20))
@settings(max_examples=30)
def test_json_lines_come_back_as_the_same_events(events: list[Event]) -> None:
    import tempfile

    recorder = Recorder()
    for each in events:
        recorder.record(each)
    with tempfile.TemporaryDirectory() as folder:
        path = recorder.write_jsonl(Path(folder) / "trace.jsonl")
        assert read_jsonl(path) == events
        assert len(path.read_text().splitlines()) == len(events)


def check_chrome(trace: dict[str, Any], threads: set[str]) -> None:
    """Valid for a viewer: times and rows are there, and begin and end are balanced in each row."""
    trace = json.loads(json.dumps(trace))
    names = {e["tid"]: e["args"]["name"] for e in trace["traceEvents"] if e["ph"] == "M"}
    assert set(names.values()) == threads
    depth = dict.fromkeys(names, 0)
    for entry in trace["traceEvents"]:
        assert entry["pid"] == 1
        assert entry["ph"] in "MBEiC"
        if entry["ph"] in "MC":
            continue
        assert isinstance(entry["ts"], float)
        assert entry["args"]["phase"]
        depth[entry["tid"]] += {"B": 1, "E": -1, "i": 0}[entry["ph"]]
        assert depth[entry["tid"]] >= 0
    assert set(depth.values()) <= {0}


@given(st.lists(EVENTS, max_size=40))
@settings(max_examples=30)
def test_whatever_was_cut_off_chrome_gets_as_many_ends_as_beginnings(events: list[Event]) -> None:
    check_chrome(chrome_trace(iter(events)), {each.thread for each in events})


def test_chrome_gets_rows_slices_moments_and_counters(tmp_path: Path) -> None:
    recorder = Recorder()
    detail = {"kind": "File read"}
    for number, (kind, thread, details) in enumerate(
        [
            ("turn", "main", {"pending_events": 2}),
            ("enter", "main", {}),
            ("slept", "main", {}),
            ("started", "pool3", detail),
            ("finished", "pool3", detail),
            ("woke", "main", {"why": "result"}),
            ("run", "main", {}),
            ("printed", "main", {"text": "x"}),
        ]
    ):
        recorder.record(event(number, kind, thread, details))
    path = recorder.write_chrome(tmp_path / "trace.json")
    trace = json.loads(path.read_text())
    check_chrome(trace, {"main", "pool3"})
    entries = [(e["ph"], e["name"], e.get("tid")) for e in trace["traceEvents"] if e["ph"] != "M"]
    assert entries == [
        ("i", "turn", 1),
        ("C", "pending_events", None),
        ("B", "poll", 1),
        ("B", "sleep", 1),
        ("B", "File read 3", 2),
        ("E", "File read 4", 2),
        ("E", "sleep", 1),
        ("B", "callback 6", 1),
        ("i", "printed", 1),
        ("E", "callback 6", 1),
        ("E", "poll", 1),
    ]
    assert trace["otherData"] == {"dropped": 0}
    times = [e["ts"] for e in trace["traceEvents"] if "ts" in e]
    assert times == sorted(times)


def test_a_callback_without_an_identity_has_a_name_as_well() -> None:
    nameless = event(1)._replace(identity=None)
    assert chrome_trace([nameless])["traceEvents"][1]["name"] == "callback"
    assert chrome_trace([]) == {
        "traceEvents": [],
        "displayTimeUnit": "ms",
        "otherData": {"dropped": 0},
    }


def test_a_console_line_has_the_shape_of_the_source_chapter() -> None:
    assert console_line("main", "Registered timer event id: 2") == (
        "Thread: main  Registered timer event id: 2"
    )
    assert console_line("pool3", "x") == "Thread: pool3 x"
    assert set(SLICES) <= set(KINDS)


def test_a_recorder_behind_a_tee_is_cut_back_too() -> None:
    recorder = Recorder(10)
    rt = Runtime(system=Simulation(), trace=Tee(recorder, Silence()))

    def main() -> None:
        interval = set_interval(1, lambda _: None)
        set_timeout(500, lambda _: interval.cancel())

    rt.run(main)
    assert recorder.recorded > 1000
    assert len(recorder._fields) < 100 * WIDTH
