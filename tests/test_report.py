"""A run is one HTML file that plays without a kernel and asks no other host."""

import asyncio
import json
import re

from minirt import Recorder, Simulation
from minirt.aio.program import AsyncioProgram
from minirt.views.report import page
from minirt.watching.trace import chrome_trace


def recorded() -> Recorder:
    async def fetch() -> None:
        await asyncio.sleep(1)

    async def main() -> None:
        await asyncio.gather(fetch(), fetch())

    recorder = Recorder()
    AsyncioProgram(Simulation(), recorder).run(main())
    return recorder


def test_a_page_holds_all_that_it_needs() -> None:
    text = page(recorded(), "My <run>", "failed", "it broke")
    assert "<title>My &lt;run&gt;</title>" in text
    assert '"state":"failed"' in text
    assert '"error":"it broke"' in text
    assert "minirt-picture" in text
    hosts = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+", text))
    assert hosts <= {"http://www.w3.org"}  # names of SVG's, which nobody loads


def test_a_page_of_no_events_is_a_page() -> None:
    assert "</html>" in page([], "nothing")


def test_a_title_and_an_error_of_odd_characters_make_a_page_that_can_be_written() -> None:
    text = page([], "half a \ud800\0", "failed", "\udfff")
    text.encode()
    assert "<title>half a \\ud800\\x00</title>" in text


def test_perfetto_shows_a_row_for_each_task_with_its_waits() -> None:
    entries = chrome_trace(recorded().events)["traceEvents"]
    names = {e["tid"]: e["args"]["name"] for e in entries if e["ph"] == "M"}
    rows = [tid for tid, name in names.items() if name.endswith(": fetch")]
    assert len(rows) == 2
    for row in rows:
        life = [(e["ph"], e["name"]) for e in entries if e.get("tid") == row and e["ph"] != "M"]
        assert life[:2] == [("B", "fetch"), ("B", "sleep 1 s")]
        assert [step for step, _ in life] == ["B", "B", "E", "E"]
    assert json.dumps(entries)
