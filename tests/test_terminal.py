"""What does a terminal show of a printed line?"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import minirt
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
        ("abc\b\bX", "aX"),
        ("abc\b \b", "ab"),
        ("|\b/\b-", "-"),
        ("abc\rXY\bZ", "XZc"),
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
        ("日本\bx", "日x"),
        ("e\u0301\bx", "x"),
        ("nul \x00", "nul \\x00"),
        ("a bell\x07", "a bell"),
        ("a form\x0cfeed\x0b", "a form\\x0cfeed\\x0b"),
        ("a longer text\r\x1b[Kshort", "short"),
        ("a longer text\r\x1b[2Kshort", "short"),
        ("日本\b\x1b[K", "日"),
        ("as it is\x1b[K\x1b[2K\x1b[1K", "as it is"),
        ("👩‍🚀x\ry", "y x"),
        ("👍🏽x\b\b\bok", "ok"),
        ("👍🏽\rx", "x "),
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
        ("\x1b[4:3mx\x1b[4:0my", [[0, 1, "underline"]]),
        ("\x1b[38:2::255:0:0mx", [[0, 1, "red-fg"]]),
        ("\x1b[38:2:255:0:0mx", [[0, 1, "red-fg"]]),
        ("\x1b[58;5;31mx", []),
        ("\x1b[58;2;1;31;7;4mx", [[0, 1, "underline"]]),
        ("\x1b[38;5mx", []),
        ("\x1b[31;48;5;256;1mx", [[0, 1, "red-fg"]]),
        ("\x1b[38;2;300;0;0mx", []),
        ("\x1b[38;5;52mx", [[0, 1, "red-fg"]]),
        ("\x1b[38;5;236mx", [[0, 1, "black-fg"]]),
        ("\x1b[38;5;250mx", [[0, 1, "white-fg"]]),
        ("\x1b[7mx\x1b[27my", [[0, 1, "inverse"]]),
        ("\x1b[7;31;44mx", [[0, 1, "red-bg"]]),
        ("\x1b[5mx\x1b[21my", [[0, 1, "bold"]]),
        ("\x1b[;31mx\x1b[;my", [[0, 1, "red-fg"]]),
        ("\x1b[1;xm", []),
    ],
)
def test_colours_and_wide_letters_are_told_by_their_places(text: str, styles: list[Any]) -> None:
    assert shown(text)[1] == styles


def test_an_emoji_of_many_parts_is_one_letter() -> None:
    assert shown("👩‍🚀!") == ("👩‍🚀!", [[0, 3, "wide"]])


def test_a_bar_of_progress_that_is_long_is_seen_at_its_end() -> None:
    bar = "".join(f"\r{n:5} of 99999" for n in range(100_000))
    assert line(bar, 500) == {"text": "99999 of 99999"}


def test_a_long_line_is_seen_from_its_beginning() -> None:
    assert line("début " + "x" * 1_000_000, 500)["text"].startswith("début xxx")
    coloured = line("\x1b[32mok\x1b[0m " + "x" * 1_000_000, 500)
    assert coloured["text"].startswith("ok xxx") and coloured["styles"] == [[0, 2, "green-fg"]]
    assert line("é" * 30_000 + "\rstart" + "é" * 30_000, 500)["text"].startswith("starté")


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


def test_what_is_logged_in_several_lines_is_several_lines_of_the_console() -> None:
    recorder = Recorder()
    Runtime(system=Simulation(), trace=recorder).run(lambda: minirt.log("a\n\x1b[31mb\n"))
    printed = [event.detail for event in recorder if event.kind == "printed"]
    assert printed == [{"text": "a"}, {"text": "b", "styles": [[0, 1, "red-fg"]]}, {"text": ""}]


@pytest.mark.parametrize(
    "styles", ["red", [1, 2], [[0, 1, "x; }"]], [[5, 2, "bold"]], [[0, 1]], [[0, 1, ""]], {"a": 1}]
)
def test_styles_of_somebody_elses_event_that_are_none_are_left_out(styles: Any) -> None:
    from minirt.watching.trace import Event

    state = State()
    detail = {"text": "x", "styles": styles}
    state.apply(Event(0.0, 0, "main", "main", "printed", None, detail))
    assert state.fields(["console"])["console"] == [1, [[0.0, "x"]]]


WIDTHS = {"日": 2, "a": 1, "é": 1, "\u0301": 0, "😀": 2}


def seen_in(text: str) -> str:
    """A terminal of one line, as simple as can be: a list of columns."""
    columns, cursor = [], 0
    for letter in text:
        width = WIDTHS.get(letter)
        if letter == "\r":
            cursor = 0
        elif letter == "\b" and cursor == len(columns):
            while columns and not columns.pop():  # the right half of a wide letter
                pass
            cursor = len(columns)
        elif letter == "\b":
            cursor -= cursor > 0
        elif letter == "\t":
            cursor = (cursor // 8 + 1) * 8
            columns += [" "] * (cursor - len(columns))
        elif width == 0 and cursor:
            at = cursor - 1 if columns[cursor - 1] else cursor - 2
            columns[at] += letter
        else:
            width = width or 1
            if cursor < len(columns) and not columns[cursor]:
                columns[cursor - 1] = " "
            if cursor + width < len(columns) and not columns[cursor + width]:
                columns[cursor + width] = " "
            columns[cursor : cursor + width] = [letter, ""][:width]
            cursor += width
    return "".join(columns)


@given(st.text(st.sampled_from(["\r", "\b", "\t", *WIDTHS]), max_size=30))
def test_letters_that_are_taken_many_at_a_time_are_where_each_would_be(text: str) -> None:
    assert shown(text)[0] == seen_in(text)
