"""minirt.watching.chrome: a trace for ui.perfetto.dev."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minirt import Recorder
from minirt.watching.chrome import SLICES
from minirt.watching.trace import KINDS, Event, chrome_trace

from .test_trace import EVENTS, event


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
@pytest.mark.slow
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


def test_an_identity_of_64_bits_is_exact_in_chrome_too() -> None:
    entry = chrome_trace([event(2**64 - 1)])["traceEvents"][1]
    assert entry["args"]["identity"] == "18446744073709551615"
    assert entry["name"] == "callback 18446744073709551615"
    assert set(SLICES) <= set(KINDS)
