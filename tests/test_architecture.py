"""Does the picture of the package show the floors that the imports keep?"""

import xml.etree.ElementTree as ElementTree

from tests.architecture import (
    PAGE,
    PICTURE,
    RIGHT,
    drawn,
    filled,
    floors,
    listed,
    main,
)
from tests.layers import read_sources

HOUSE = {
    "": '"""The house. It has rooms."""',
    "errors": "",
    "core": '"""A `loop`, and nothing\n    else?"""',
    "core.loop": '"""What is one turn?"""',
    "core.timers": "",
    "views": "",
    "views.live": "",
}
SVG = "{http://www.w3.org/2000/svg}"


def test_the_picture_is_that_of_the_package() -> None:
    assert PICTURE.read_text(encoding="utf-8") == drawn(read_sources()), "make architecture"


def test_the_list_is_that_of_the_package() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert listed(read_sources()) in page, "make architecture"
    assert filled(page, read_sources()) == page


def test_every_module_is_in_the_picture_once() -> None:
    names = [
        f"{one.name}{file}"
        for rooms in floors(read_sources())
        for one in rooms
        for file in one.files
    ]
    assert len(names) == len(set(names)) > 40


def test_the_roof_is_on_top_and_a_folder_says_what_it_is() -> None:
    package, views, core, ground = [rooms for rooms in floors(HOUSE) if rooms]
    assert [(one.name, one.about, one.files) for one in core] == [
        ("core/", "A loop, and nothing else?", ("loop", "timers"))
    ]
    assert [(one.name, one.only) for one in views] == [("views/", ("watching.trace",))]
    assert [(one.name, one.about) for one in package] == [("minirt/", "The house.")]
    assert [(one.name, one.files) for one in ground] == [("", ("errors",))]


def test_nothing_is_drawn_outside_of_its_floor() -> None:
    many = {f"core.a_module_with_a_long_name_{n}": "" for n in range(30)}
    tree = ElementTree.fromstring(drawn({**HOUSE, **many}))
    boxes = [
        [float(one.attrib[key]) for key in ("x", "y", "width", "height")]
        for one in tree.iter(f"{SVG}rect")
        if one.attrib["class"] == "pill"
    ]
    assert len(boxes) == 35
    assert all(x + width <= RIGHT for x, _, width, _ in boxes)
    assert all(y + high <= float(tree.attrib["height"]) for _, y, _, high in boxes)


def test_a_name_with_a_sign_of_xml_does_no_harm() -> None:
    text = drawn({"core": '"""Is a < b & c?"""', "core.loop": ""})
    assert "Is a < b & c?" in "".join(ElementTree.fromstring(text).itertext())


def test_the_command_writes_only_when_it_is_told_to() -> None:
    assert main([]) == 2
