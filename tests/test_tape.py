"""minirt.views.tape: what a page needs to play a run back."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirt import Runtime
from minirt.views.lives import threads_of
from minirt.views.state import State
from minirt.views.tape import pack, short_file, tape, unpack
from minirt.watching.trace import PHASES, Event

from .runs import busy_program, event, recorded, task, unfolded


def test_the_last_frame_of_a_recording_shows_that_nothing_is_left() -> None:
    frame = unfolded(tape(recorded(busy_program)[1]))[-1]
    pending, epoll, callbacks, free, waiting, _ = frame["counters"]
    assert (pending, epoll, callbacks, free, waiting) == (0, 0, 0, 4, 0)
    assert frame["timers"] == [0, []]
    assert frame["soon"] == [0, 0, 0]


def test_the_recording_shows_at_each_turn_what_the_runtime_said_of_itself() -> None:
    _, events = recorded(busy_program)
    turns = [(at, e.detail) for at, e in enumerate(events) if e.kind == "turn" and e.detail]
    frames = unfolded(tape(events))
    assert len(turns) > 20
    for at, counters in turns:
        pending, epoll, _, free, _, _ = frames[at]["counters"]
        assert pending == counters["pending_events"]
        assert epoll == counters["epoll_pending_events"]
        assert free == counters["available_threads"]


def test_a_field_that_did_not_change_is_not_recorded_again() -> None:
    recording = tape(recorded(busy_program)[1])
    fields = len(unfolded(recording)[-1])
    changed = sum(len(row[-1]) for row in recording["events"])
    assert changed < len(recording["events"]) * fields / 3


def test_the_page_gets_back_what_was_packed() -> None:
    recording = tape(recorded(busy_program)[1])
    assert unpack(pack(recording)) == recording


@given(st.integers(0, 200))
@pytest.mark.slow
def test_a_recording_without_its_beginning_shows_the_same_frames(dropped: int) -> None:
    _, events = recorded(busy_program)
    whole = unfolded(tape(events, 4))
    before = State(4)
    for each in events[:dropped]:
        before.apply(each)
    rest = unfolded(tape(events[dropped:], before=before, dropped=dropped))
    assert rest == whole[dropped:]


def test_the_size_of_the_pool_is_read_from_the_recording() -> None:
    assert threads_of(recorded(busy_program, threads=3)[1]) == 3
    assert tape(recorded(busy_program, threads=3)[1])["threads"] == 3


def test_the_names_of_the_phases_come_with_the_recording() -> None:
    assert tape([])["phases"] == list(PHASES)


def test_identities_go_to_a_page_as_text() -> None:
    def program(rt: Runtime) -> None:
        rt.identity_token = 2**64 - 3
        rt.set_timeout(5, lambda _: None)
        task(rt, 0.1)

    recording = tape(recorded(program)[1])
    seen = {row[5] for row in recording["events"]}
    expected = {"18446744073709551614", "18446744073709551615"}
    assert expected <= seen <= expected | {None}
    assert set(recording["places"]) == expected
    assert {span[4] for span in recording["spans"]} <= seen
    assert str(2**64 - 2) in json.dumps(recording)
    assert not any(number > 2**53 for number in numbers(recording))


def numbers(value: Any) -> list[float]:
    """The numbers in a JSON value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [found for inner in value for found in numbers(inner)]
    return [value] if isinstance(value, int | float) else []


@pytest.mark.parametrize(
    ("file", "short"),
    [
        ("/home/ada/program.py", "program.py"),
        ("C:\\ada\\program.py", "program.py"),
        ("/tmp/ipykernel_12/34.py", "cell"),
        ("<ipython-input-1>", "cell"),
    ],
)
def test_a_place_is_called_by_its_file_or_as_a_cell(file: str, short: str) -> None:
    assert short_file(file) == short


def test_the_line_of_a_source_is_shown_on_one_line() -> None:
    boxed = event(0, "boxed", 7, callback="f", file="f.py", line=3)
    recording = tape([boxed], source=lambda file, line: f"  {file}\t{line}\x1b\n")
    assert recording["places"] == {"7": ["f", "f.py", 3, "f.py\\t3\\x1b"]}


@pytest.mark.slow
def test_twelve_thousand_events_are_folded_in_a_moment() -> None:
    def program(rt: Runtime) -> None:
        for number in range(2500):
            rt.set_timeout(number % 50, lambda _: None)

    events: list[Event] = recorded(program)[1]
    assert len(events) > 12_000
    frames = unfolded(tape(events))
    assert frames[-1]["run"] == 2501
