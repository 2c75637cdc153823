"""What does a terminal show of a printed line?"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirt import Recorder, Runtime, Simulation
from minirt.views.state import State
from minirt.watching.event import UNPRINTABLE
from minirt.watching.terminal import line, shown

PIECES = st.sampled_from(
    [
        "\x1b[31m",
        "\x1b[0m",
        "\x1b[38;5;200m",
        "\x1b[",
        "\x1b",
        "\r",
        "\b",
        "\t",
        "\x00",
        "日",
        "é",
        "e\u0301",
        "👩‍🚀",
        "ab",
    ]
)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("10%\r50%\r100%", "100%"),
        ("a longer text\rshort", "shortger text"),
        ("windows\r", "windows"),
        ("abc\b\bX", "aXc"),
        ("\b\bstart", "start"),
        ("a\tb", "a       b"),
        ("\x1b[2K\x1b[1Gdone\x1b[K", "done"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;http://example.com\x1b\\a link\x1b]8;;\x1b\\", "a link"),
        ("\x1b(Bplain\x1b7\x1b8", "plain"),
        ("an end \x1b[", "an end "),
        ("\x1b", ""),
        ("日本\r漢", "漢本"),
        ("日本\rx", "x 本"),
        ("日本\bx", "日 x"),
        ("e\u0301\bx", "x"),
        ("nul \x00", "nul \\x00"),
    ],
)
def test_what_is_seen(text: str, seen: str) -> None:
    assert shown(text)[0] == seen


@pytest.mark.parametrize(
    ("text", "styles"),
    [
        ("\x1b[31mred\x1b[0m no", [[0, 3, "red-fg"]]),
        ("\x1b[1;4;44mx", [[0, 1, "bold underline blue-bg"]]),
        ("\x1b[92mx\x1b[39my", [[0, 1, "green-intense-fg"]]),
        ("\x1b[1mx\x1b[22my\x1b[mz", [[0, 1, "bold"]]),
        ("\x1b[38;5;196mx", [[0, 1, "red-fg"]]),
        ("\x1b[38;5;9mx", [[0, 1, "red-intense-fg"]]),
        ("\x1b[48;2;0;200;0mx", [[0, 1, "green-bg"]]),
        ("\x1b[38:5:4mx", [[0, 1, "blue-fg"]]),
        ("\x1b[31mabc\r\x1b[32mx", [[0, 1, "green-fg"], [1, 3, "red-fg"]]),
        ("a日本b", [[1, 3, "wide"]]),
        ("\x1b[99999999999999999999;31mx", [[0, 1, "red-fg"]]),
    ],
)
def test_colours_and_wide_letters_are_told_by_their_places(text: str, styles: list[Any]) -> None:
    assert shown(text)[1] == styles


def test_an_emoji_of_many_parts_is_one_letter() -> None:
    assert shown("👩‍🚀!") == ("👩‍🚀!", [[0, 3, "wide"]])


def test_a_bar_of_progress_that_is_long_is_seen_at_its_end() -> None:
    bar = "".join(f"\r{n:5} of 99999" for n in range(100_000))
    assert line(bar, 500) == {"text": "99999 of 99999"}


def test_a_line_that_is_cut_has_no_style_behind_its_end() -> None:
    cut = line("\x1b[31m" + "x" * 1000, 500)
    assert len(cut["text"]) == 500 and cut["text"].endswith("…")
    assert cut["styles"] == [[0, 499, "red-fg"]]


@given(st.lists(PIECES, max_size=40).map("".join))
def test_whatever_is_printed_is_one_line_of_printable_text(text: str) -> None:
    detail = line(text, 50)
    assert not UNPRINTABLE.search(detail["text"])
    assert len(detail["text"]) <= 50
    places = [place for start, end, _ in detail.get("styles", []) for place in (start, end)]
    assert places == sorted(places)
    assert all(0 <= place <= len(detail["text"]) for place in places)


def test_the_console_of_the_view_has_the_styles_and_the_other_views_plain_text() -> None:
    recorder = Recorder()
    rt = Runtime(system=Simulation(), trace=recorder)
    rt.run(lambda: [rt.log("\x1b[31mred"), rt.log("plain"), rt.log("1%\r2%")])
    state = State()
    for event in recorder:
        state.apply(event)
    lines, rows = state.fields(["console"])["console"]
    assert lines == 3
    assert rows == [[0.0, "red", [[0, 3, "red-fg"]]], [0.0, "plain"], [0.0, "2%"]]


@pytest.mark.parametrize(
    "styles", ["red", [1, 2], [[0, 1, "x; }"]], [[5, 2, "bold"]], [[0, 1]], [[0, 1, ""]], {"a": 1}]
)
def test_styles_of_somebody_elses_event_that_are_none_are_left_out(styles: Any) -> None:
    from minirt.watching.trace import Event

    state = State()
    detail = {"text": "x", "styles": styles}
    state.apply(Event(0.0, 0, "main", "main", "printed", None, detail))
    assert state.fields(["console"])["console"] == [1, [[0.0, "x"]]]
