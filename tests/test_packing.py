"""minirt.views.packing: a recording is small, and the page reads the recording that was packed."""

import base64
import json
import shutil
import subprocess
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirt import Runtime
from minirt.views.packing import packed, unpacked
from minirt.views.recorded import recorded as recorded_view
from minirt.views.tape import pack, tape, unpack
from minirt.views.watch import Watch

from .runs import busy_program, event, recorded, unfolded

STATIC = Path(__file__).parents[1] / "minirt" / "views" / "static"
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(0, 1e4).map(lambda time: round(time, 6))
SCALARS = st.none() | st.booleans() | NUMBERS | st.floats(allow_nan=False) | st.text(max_size=4)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=12,
)


def windows(rows: list[Any], ends: list[tuple[int, int]]) -> list[Any]:
    """Lists that go on from each other, as the last lines of a console do: the rows are theirs."""
    return [rows[max(0, end - size) : end] for end, size in ends]


COLUMNS = st.one_of(
    st.builds(
        windows,
        st.lists(st.tuples(NUMBERS, st.text(max_size=2)).map(list), min_size=9),
        st.lists(st.tuples(st.integers(0, 9), st.integers(0, 12))).map(sorted),
    ),
    st.lists(VALUES),
    st.lists(NUMBERS),
    st.lists(st.none() | st.sampled_from(["a", "b", "7", "8"])),
    st.lists(st.tuples(st.integers(0, 3), st.floats(0, 9), st.text(max_size=2)).map(list)),
    st.lists(st.lists(st.integers(0, 3), max_size=3)),
    st.lists(st.fixed_dictionaries({}, optional={"a": NUMBERS, "b": st.text(max_size=1)})),
)
READ = """
const { unpack } = await import("data:text/javascript;base64," + process.argv[1]);
let text = "";
for await (const part of process.stdin) text += part;
console.log(JSON.stringify(unpack(JSON.parse(text))));
"""


def written(value: Any) -> str:
    """As it is sent: 1, 1.0 and true are three."""
    return json.dumps(value)


@given(COLUMNS)
@pytest.mark.slow
def test_a_list_is_unpacked_as_it_was(items: list[Any]) -> None:
    sent = json.loads(written(packed(items)))
    assert written(unpacked(sent)) == written(items)


def many_timers(rt: Runtime) -> None:
    for number in range(300):
        rt.set_timeout(number * 3, lambda _, number=number: rt.log(f"timer {number}"))


@pytest.mark.slow
def test_a_recording_of_three_hundred_timers_takes_less_than_twenty_kilobytes() -> None:
    assert len(pack(tape(recorded(many_timers)[1]))) < 20_000


@pytest.mark.slow
def test_what_is_saved_of_three_hundred_timers_takes_less_than_sixty_kilobytes() -> None:
    watch = Watch()
    rt = Runtime(trace=watch)
    rt.run(lambda: many_timers(rt))
    html = recorded_view(watch, {"state": "ended", "error": ""}, uuid4().hex).html
    assert len(json.dumps(html)) < 60_000


@pytest.mark.slow
def test_many_lines_leave_a_recording_of_the_last_and_each_of_them_once() -> None:
    watch = Watch()
    for number in range(30_000):
        watch.record(event(number / 1000, "printed", text=f"line {number}"))
    recording = tape(watch.entries(), before=watch.before, dropped=watch.dropped)
    count, rows = unfolded(recording)[-1]["console"]
    assert (count, len(rows), rows[-1][1]) == (30_000, 40, "line 29999")
    sent = pack(recording)
    assert len(sent) < 60_000
    assert len(zlib.decompress(sent)) < 800_000  # twice as much with the console of each event


def of_a_program(program: Callable[[Runtime], None]) -> dict[str, Any]:
    return tape(recorded(program)[1])


def of_lines(kept: int | None = None) -> dict[str, Any]:
    """Lines that are alike, are coloured, go on, come at one time. kept: only the last events."""
    watch = Watch() if kept is None else Watch(capacity=kept)
    for number in range(200):
        more = {"styles": [[0, 2, "ansi-red-fg"]]} if number % 3 == 0 else {}
        bar = {"goes_on": True, "stream": "stderr"} if number % 5 == 0 else {}
        detail = {"text": f"line {number % 7}", **more, **bar}
        watch.record(event(number // 2 / 1000, "printed", **detail))
        watch.record(event(number // 2 / 1000, "turn", text="line 3"))
    return tape(watch.entries(), before=watch.before, dropped=watch.dropped)


RECORDINGS: dict[str, Callable[[], dict[str, Any]]] = {
    "a busy program": partial(of_a_program, busy_program),
    "many timers": partial(of_a_program, many_timers),
    "lines": of_lines,
    "lines without their beginning": partial(of_lines, 150),
    "one event": partial(of_lines, 1),
}


@pytest.mark.parametrize("recording", RECORDINGS.values(), ids=RECORDINGS)
@pytest.mark.slow
def test_a_recording_is_unpacked_as_it_was(recording: Callable[[], dict[str, Any]]) -> None:
    made = recording()
    assert unpack(pack(made)) == made


def test_a_recording_without_an_event_is_unpacked_as_it_was() -> None:
    recording = tape(Watch().entries())
    assert unpack(pack(recording)) == recording


def test_a_line_is_one_object_in_all_consoles_of_a_recording_that_was_unpacked() -> None:
    read = unpack(pack(of_lines()))
    consoles = [event[7]["console"] for event in read["events"] if "console" in event[7]]
    (_, before), (_, after) = (read["values"][number] for number in consoles[-2:])
    assert len({*map(id, before)} & {*map(id, after)}) >= len(before) - 2 > 20


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")
@pytest.mark.parametrize("made", RECORDINGS.values(), ids=RECORDINGS)
@pytest.mark.slow
def test_the_page_unpacks_what_python_packs(made: Callable[[], dict[str, Any]]) -> None:
    recording = made()
    code = base64.b64encode((STATIC / "unpacking.js").read_bytes()).decode()
    node = subprocess.run(
        ["node", "--input-type=module", "-e", READ, code],
        input=zlib.decompress(pack(recording)),
        capture_output=True,
        check=True,
        timeout=60,
    )
    read = json.loads(node.stdout)
    assert unfolded(read) == unfolded(recording)
    assert [read["texts"][event[6]] for event in read["events"]] == [
        recording["texts"][event[6]] for event in recording["events"]
    ]
    for name in ("spans", "places", "warnings", "summary", "threads", "phases", "dropped"):
        assert read[name] == recording[name]
