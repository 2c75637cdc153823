"""minirt.views.timeline: what took time, and where nothing was recorded."""

from types import SimpleNamespace
from typing import Any

import pytest

from minirt import Runtime
from minirt.views.picture import Picture
from minirt.views.snapshot import Gap
from minirt.views.state import Entry, State
from minirt.views.tape import pack, tape, unpack

from .runs import call, event


def gap(time: float) -> Gap:
    fields = vars(Runtime().snapshot())
    return Gap(SimpleNamespace(**{**fields, "time": time}), 100)


LEFT_ALONE: list[Entry] = [
    *call(10.0, 10.5, 1),
    gap(11.0),
    event(11.5, "found", text="something"),  # comes also of a program that is left alone
    gap(12.0),
    gap(13.0),
    *call(13.5, 14.0, 2),
]
UNRECORDED = ["loop", 0.5, 3.5, "unrecorded", None, "not recorded"]


def shown(entries: list[Entry], now: float) -> list[list[Any]]:
    state = State()
    for entry in entries:
        state.apply(entry)
    return [span for span in state.frame(now)["spans"] if span[3] == "unrecorded"]


def test_while_a_program_is_left_alone_the_live_timeline_says_so() -> None:
    assert shown(LEFT_ALONE[:2], 11.0) == []
    for count in (3, 4, 5):
        assert shown(LEFT_ALONE[:count], 12.0) == [["loop", 0.5, None, *UNRECORDED[3:]]]
    assert shown(LEFT_ALONE, 14.0) == [UNRECORDED]


def test_the_recording_says_it_too() -> None:
    recorded = tape(LEFT_ALONE)
    for one in (recorded, unpack(pack(recorded))):
        assert [span for span in one["spans"] if span[3] == "unrecorded"] == [UNRECORDED]


def test_a_run_that_ends_while_it_is_left_alone_has_no_open_end() -> None:
    (span,) = [span for span in tape(LEFT_ALONE[:-2])["spans"] if span[3] == "unrecorded"]
    assert span[1:3] == [0.5, 3.0]


def test_the_picture_says_in_words_how_much_is_not_recorded() -> None:
    picture = Picture(LEFT_ALONE)
    assert "Of 3.000 s only samples were recorded." in picture.alt
    assert "not recorded: 3.0 s" in picture.svg


@pytest.mark.parametrize("count", [1, 2])
def test_a_run_whose_every_event_was_recorded_says_nothing_of_it(count: int) -> None:
    entries: list[Entry] = [*call(0.0, 1.0)] * count
    assert shown(entries, 1.0) == []
    assert "samples" not in Picture(entries).alt


def test_the_beginning_of_a_run_that_was_not_kept_is_not_recorded() -> None:
    before, entries = State(), [*call(0.0, 1.0), *call(5.0, 6.0)]
    for entry in entries[:2]:
        before.apply(entry)
    recorded = tape(entries[2:], before=before, dropped=2)
    for one in (recorded, unpack(pack(recorded))):
        assert one["spans"][0] == ["loop", 0.0, 5.0, "unrecorded", None, "not recorded"]
