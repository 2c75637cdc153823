"""Is a picture complete in itself, whatever its text says?"""

import base64
import re
from html import unescape
from xml.etree import ElementTree

from minirt.views.image import drawing, image

EVIL = "<script>alert('1')</script> & \"more\""


def test_a_drawing_is_xml_with_a_title_and_a_ground_of_its_size() -> None:
    root = ElementTree.fromstring(drawing(120, 40, 12, EVIL, ['<circle r="3"/>']))
    title, ground, circle = root
    assert title.text == EVIL
    assert (ground.get("width"), ground.get("height")) == ("120", "40")
    assert ground.get("fill", "").startswith("#")
    assert circle.tag.endswith("circle")


def test_an_image_holds_its_svg_and_says_the_same_as_text() -> None:
    html = image("run", "<svg/>", 120, EVIL, EVIL)
    encoded = re.findall(r'src="data:image/svg\+xml;base64,([^"]*)"', html)
    assert base64.b64decode(encoded[0]) == b"<svg/>"
    assert unescape(re.findall(r'alt="([^"]*)"', html)[0]) == EVIL
    assert unescape(re.findall(r"<pre>(.*)</pre>", html)[0]) == EVIL
    assert "<script" not in html
