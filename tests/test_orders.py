"""minirt.views.orders: where two orders of the same lines part."""

import base64
import re
from xml.etree import ElementTree

import pytest

from minirt.views.orders import Orders, joints, orders

SAME = orders(Node=["a", "b"], minirt=["a", "b"])
OTHER = orders(Node=["a", "timeout", "<b>"], minirt=["a", "<b>", "timeout"])


def test_equal_orders_have_no_difference() -> None:
    assert SAME.first_difference is None
    assert SAME.alt == "Node and minirt: the same 2 lines in the same order."
    assert "≠" not in SAME.text and "≠" not in SAME.svg


def test_the_first_line_that_differs_is_marked() -> None:
    assert OTHER.first_difference == 1
    assert OTHER.alt == (
        "Node and minirt differ, first in line 2: Node has timeout, minirt has <b>."
    )
    assert OTHER.text.splitlines()[2] == "≠  2  timeout  <b>"
    assert OTHER.svg.count("≠") == 1


def test_a_line_that_is_missing_differs() -> None:
    short = orders(Node=["a", "b"], minirt=["a"])
    assert short.first_difference == 1
    assert "minirt has (nothing)" in short.alt
    assert orders(Node=[], minirt=[]).first_difference is None


def test_equal_lines_are_joined_each_with_its_like() -> None:
    assert joints(["a", "b"], ["b", "a"]) == [(0, 1), (1, 0)]
    assert joints(["a", "a", "b"], ["a", "a"]) == [(0, 0), (1, 1)]
    assert joints(["a"], ["b"]) == []


def test_a_joint_that_goes_straight_has_another_colour_than_one_that_crosses() -> None:
    drawn = ElementTree.fromstring(OTHER.svg)
    strokes = [one.get("stroke") for one in drawn.iter("{http://www.w3.org/2000/svg}line")]
    assert len(strokes) == 3 and strokes[1] == strokes[2] != strokes[0]


def test_what_is_no_text_is_shown_as_print_would() -> None:
    assert orders(a=[1, None], b=["1", "None"]).first_difference is None


def test_three_orders_stand_side_by_side() -> None:
    three = orders(you=["a", "b"], minirt=["b", "a"], Node=["b", "a"])
    assert three.alt.startswith("you, minirt and Node differ, first in line 1: you has a")
    drawn = ElementTree.fromstring(three.svg)
    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}line"))) == 4


@pytest.mark.parametrize("count", [0, 1, 4])
def test_other_numbers_of_orders_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"these are {count}"):
        Orders({str(number): [] for number in range(count)})


def test_it_is_an_image_with_a_text_in_its_place() -> None:
    html = OTHER._repr_html_()
    assert 'alt="Node and minirt differ' in html and "&lt;b&gt;" in html
    assert "<b>" not in html
    found = re.search(r"base64,([^\"]+)", html)
    assert found is not None
    assert base64.b64decode(found[1]).decode() == OTHER.svg
    assert repr(OTHER) == OTHER.text


def test_a_long_line_is_cut_in_the_picture_and_whole_in_the_text() -> None:
    long = orders(a=["x" * 100], b=["x" * 100])
    assert "x" * 100 not in long.svg and "…" in long.svg
    assert "x" * 100 in long.text
