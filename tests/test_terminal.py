"""What does a terminal show of a printed line?"""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import minirt
from minirt import Recorder, Runtime, Simulation
from minirt.views.state import State
from minirt.watching.event import UNPRINTABLE
from minirt.watching.terminal import line, lines, shown
from minirt.watching.trace import Event

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
        ("\x1b[31mabc\r\x1b[32mx", [[0, 1, "green-fg"], [1, 3, "red-fg"]]),
        ("a日本b", [[1, 3, "wide"]]),
        ("\x1b[5mx\x1b[21my", [[0, 1, "bold"]]),
        ("\x1b[;31mx\x1b[;my", [[0, 1, "red-fg"]]),
        ("\x1b[1;xm", []),
    ],
)
def test_colours_and_wide_letters_are_told_by_their_places(text: str, styles: list[Any]) -> None:
    assert shown(text)[1] == styles


# What tests/browser/test_colours.py compares with a real Lab, in short
LOOKS_OF_LAB = {
    "one of the cube is exact": ("38;5;208", "#ff8700-fg"),
    "the first of the cube is black": ("38;5;16", "#000000-fg"),
    "the last of the cube is white": ("48;5;231", "#ffffff-bg"),
    "the cube has six steps": ("38;5;67", "#5f87af-fg"),
    "the darkest grey is not black": ("38;5;232", "#080808-fg"),
    "the lightest grey is not white": ("48;5;255", "#eeeeee-bg"),
    "one of 24 bits is exact": ("38;2;18;52;86", "#123456-fg"),
    "the ground has one of its own": ("38;2;1;2;3;48;5;17", "#010203-fg #00005f-bg"),
    "the first eight by number have names": ("38;5;1", "red-fg"),
    "the next eight are bright": ("48;5;15", "white-intense-bg"),
    "an empty number is the first one": ("38;5;", "black-fg"),
    "zeros before a number say nothing": ("38;5;00208", "#ff8700-fg"),
    "bold makes a name bright": ("31;1", "bold red-intense-fg"),
    "bold leaves the ground as it is": ("1;41", "bold red-bg"),
    "bold leaves an exact colour as it is": ("1;38;5;208", "bold #ff8700-fg"),
    "underlined in a colour": ("4;38;5;208", "underline #ff8700-fg"),
    "a name on an exact ground is exact": ("37;48;5;17", "#c5c1b4-fg #00005f-bg"),
    "a bright name, too": ("1;30;48;5;208", "bold #282c36-fg #ff8700-bg"),
    "a name below an exact colour is exact": ("43;38;5;57", "#5f00ff-fg #ddb62b-bg"),
    "a name on a ground with a name has its name": ("31;44", "red-fg blue-bg"),
    "inverse of a name on an exact ground": ("7;37;48;5;17", "#00005f-fg #c5c1b4-bg"),
    "inverse of nothing": ("7", "inverse"),
    "inverse of a name": ("7;31", "inverse red-bg"),
    "inverse of a ground": ("7;44", "inverse blue-fg"),
    "inverse of both": ("7;31;44", "blue-fg red-bg"),
    "inverse of an exact colour": ("7;38;5;208", "inverse #ff8700-bg"),
    "inverse of an exact ground": ("7;48;2;1;2;3", "inverse #010203-fg"),
    "inverse of both that are exact": ("7;38;5;208;48;2;1;2;3", "#010203-fg #ff8700-bg"),
    "inverse of what is bold": ("7;1;31", "bold inverse red-intense-bg"),
    "inverse that is over": ("7;27;38;5;208", "#ff8700-fg"),
    "a colour that is over": ("38;5;208;39", ""),
    "a ground that is over": ("48;5;208;49", ""),
    "nothing says which colour": ("38", ""),
    "nothing says which of 256": ("38;5", ""),
    "one of 24 bits is not whole": ("38;2;1;2", ""),
    "a kind of colour that is none": ("38;3;1;4", ""),
    "no such colour ends the sequence": ("31;48;5;256;1", "red-fg"),
    "none so bright ends the sequence": ("4;38;2;300;0;0;1", "underline"),
    "with colons it is none": ("38:5:208;1", ""),
    "with colons and a space of colours it is none": ("38:2::255:0:0", ""),
    "a wave is no line": ("4:3", ""),
    "faint, italic and struck are not shown": ("2;3;9", ""),
    "a colour of lines is not known, what follows is": ("58;5;31", "bold red-intense-fg"),
    "a number that is too long is not known": ("99999999999999999999;10031;31", "red-fg"),
}


@pytest.mark.parametrize(("numbers", "style"), LOOKS_OF_LAB.values(), ids=LOOKS_OF_LAB)
def test_colours_are_those_of_the_outputs_of_lab(numbers: str, style: str) -> None:
    assert shown(f"\x1b[{numbers}mx")[1] == ([[0, 1, style]] if style else [])


def test_a_rainbow_has_a_colour_for_each_of_its_letters() -> None:
    rainbow = "".join(f"\x1b[38;2;{at};0;{255 - at}m#" for at in range(80))
    styles = line(rainbow, 500)["styles"]
    assert styles == [[at, at + 1, f"#{at:02x}00{255 - at:02x}-fg"] for at in range(80)]


def test_a_wide_letter_may_have_an_exact_colour() -> None:
    assert shown("\x1b[38;5;208m日x")[1] == [[0, 1, "#ff8700-fg wide"], [1, 2, "#ff8700-fg"]]


def test_an_emoji_of_many_parts_is_one_letter() -> None:
    assert shown("👩‍🚀!") == ("👩‍🚀!", [[0, 3, "wide"]])


def test_a_bar_of_progress_that_is_long_is_seen_at_its_end() -> None:
    bar = "".join(f"\r{n:5} of 99999" for n in range(100_000))
    assert line(bar, 500) == {"text": "99999 of 99999"}


def test_a_part_that_is_left_out_of_a_long_line_leaves_its_colours() -> None:
    bar = "".join(f"\r{n:5}" for n in range(10_000))
    _, red = lines("\x1b[31m", 500)
    assert lines(f"\x1b[32m{bar}", 500)[0] == [{"text": " 9999", "styles": [[0, 5, "green-fg"]]}]
    assert lines(f"\x1b[0m{bar}", 500, red)[0] == [{"text": " 9999"}]
    assert lines(bar, 500, red)[0] == [{"text": " 9999", "styles": [[0, 5, "red-fg"]]}]


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
    rt.run(lambda: [rt.log("\x1b[31mred\x1b[m"), rt.log("plain"), rt.log("1%\r2%")])
    state = State()
    for event in recorder:
        state.apply(event)
    lines, rows = state.fields(["console"])["console"]
    assert lines == 3
    assert rows == [[0.0, "red", [[0, 3, "red-fg"]]], [0.0, "plain"], [0.0, "2%"]]


@pytest.mark.parametrize(
    ("text", "styles"),
    [
        ("\x1b[31ma\nb", ["red-fg", "red-fg"]),
        ("\x1b[31ma\n\nb", ["red-fg", None, "red-fg"]),
        ("\x1b[31ma\x1b[m\nb", ["red-fg", None]),
        ("\x1b[1ma\n\x1b[31mb\nc", ["bold", "bold red-intense-fg", "bold red-intense-fg"]),
        ("\x1b[31ma\n\x1b[0;32mb\nc", ["red-fg", "green-fg", "green-fg"]),
        ("\x1b[38;5;208ma\n\x1b[39mb", ["#ff8700-fg", None]),
        ("\x1b[2Ka\nb", [None, None]),
        ("\x1b[4ma" + 50 * "\x1b[31m\x1b[39m" + "\nb", ["underline", "underline"]),
        ("a\nb", [None, None]),
    ],
)
def test_a_colour_goes_on_in_the_next_line(text: str, styles: list[str | None]) -> None:
    """Whether one call tells all of them or each tells one, and whoever calls."""
    assert styles_of(lambda: minirt.log(text)) == styles
    assert styles_of(lambda: [minirt.log(line) for line in text.split("\n")]) == styles
    assert styles_of(lambda: [said(line, "pool1") for line in text.split("\n")]) == styles


def test_a_colour_goes_on_in_its_own_stream() -> None:
    def main() -> None:
        said("\x1b[31ma")
        said("b", stream="stderr")
        minirt.log("c")

    assert styles_of(main) == ["red-fg", None, "red-fg"]


def test_a_line_that_goes_on_leaves_its_colours_when_it_is_over() -> None:
    def main() -> None:
        said("\x1b[31ma", is_over=False)
        said("\x1b[31ma\x1b[1mb")
        said("c")

    assert styles_of(main) == ["red-fg", "red-fg", "bold red-intense-fg"]


def said(text: str, thread: str = "main", is_over: bool = True, stream: str = "stdout") -> None:
    Runtime.current().loop.calls.printed(text, thread, is_over, stream)


def styles_of(main: Callable[[], object]) -> list[str | None]:
    """The first look in each line that a program prints."""
    recorder = Recorder()
    Runtime(system=Simulation(), trace=recorder).run(lambda: main() and None)
    printed = [event.detail or {} for event in recorder if event.kind == "printed"]
    return [detail["styles"][0][2] if "styles" in detail else None for detail in printed]


def test_what_is_logged_in_several_lines_is_several_lines_of_the_console() -> None:
    recorder = Recorder()
    Runtime(system=Simulation(), trace=recorder).run(lambda: minirt.log("a\n\x1b[31mb\n"))
    printed = [event.detail for event in recorder if event.kind == "printed"]
    assert printed == [{"text": "a"}, {"text": "b", "styles": [[0, 1, "red-fg"]]}, {"text": ""}]


@pytest.mark.parametrize(
    "style",
    [
        "x; }",
        "",
        "#ff8700",
        "#ff870-fg",
        "#ff87000-fg",
        "#FF8700-fg",
        "#ff8700-fg;x",
        "#ff8700-fg\n",
        "red -fg",
        "red-fg  bold",
        "url(x)-bg",
        "röt-fg",
        "bold " * 100 + "bold",
    ],
)
def test_a_style_of_somebody_elses_event_that_is_none_is_left_out(style: str) -> None:
    assert console_of([[0, 1, style]]) == [[0.0, "text"]]


@pytest.mark.parametrize(
    "styles",
    [
        *("red", [1, 2], {"a": 1}, 5, True),
        *([[5, 2, "bold"]], [[-1, 2, "bold"]], [[0, 1]], [[0, 5, "bold"]], [[0, 10**400, "bold"]]),
    ],
)
def test_styles_of_somebody_elses_event_without_places_are_left_out(styles: Any) -> None:
    assert console_of(styles) == [[0.0, "text"]]


def test_styles_of_somebody_elses_event_do_not_lie_over_each_other() -> None:
    assert console_of([[0, 2, "bold"], [1, 3, "red-fg"], [2, 4, "#ff8700-fg"]]) == [
        [0.0, "text", [[0, 2, "bold"], [2, 4, "#ff8700-fg"]]]
    ]


def console_of(styles: Any) -> list[Any]:
    """The rows after somebody printed "text" with these."""
    state = State()
    detail = {"text": "text", "styles": styles}
    state.apply(Event(0.0, 0, "main", "main", "printed", None, detail))
    rows: list[Any] = state.fields(["console"])["console"][1]
    return rows


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
