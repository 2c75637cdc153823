"""Whatever a program does, and for however long, what its view keeps and sends has a bound."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from minirt import Runtime, Simulation
from minirt.views import queues
from minirt.views.queues import KINDS_OF_WAITING
from minirt.views.state import State
from minirt.views.watch import Watch
from minirt.watching.trace import KINDS, Event

EVENTS = 100_000
ROOM = 2_000  # of the lists that have 20,000 entries, so that the test soon sees whether they grow
PLACE = {"callback": "a_callback", "file": "program.py", "line": 7}


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less room in each list that has a bound."""
    monkeypatch.setattr(queues, "KNOWN", ROOM)
    monkeypatch.setattr("minirt.views.workers.KNOWN", ROOM)


def entries_in(value: object) -> int:
    """How many entries all containers have that `value` holds, each container once."""
    seen: set[int] = set()
    ahead, count = [value], 0
    while ahead:
        here = ahead.pop()
        if id(here) in seen or isinstance(here, str | bytes | int | float | None):
            continue
        seen.add(id(here))
        if isinstance(here, dict):
            inside: list[object] = [*here.keys(), *here.values()]
        elif hasattr(here, "__iter__"):
            inside = list(here)
        else:
            inside = list(getattr(here, "__dict__", {}).values())
        count += len(inside)
        ahead += inside
    return count


def of_kind(kind: str, where: str = "") -> Iterator[Event]:
    """Events that are all of one kind, each with an identity, a thread and a text of its own."""
    for number in range(EVENTS):
        detail = {
            **PLACE,
            "where": where,
            "deadline": float(number),
            "delay": number,
            "kind": f"Kind {number}",
            "text": f"line {number}",
            "readiness": f"readiness {number}",
            "persistent": True,
            "descriptor": number,
        }
        thread = ("main", "epoll", f"pool{number % 4}", f"thread {number}")[number % 4]
        yield Event(float(number), number, "timers", thread, kind, number, detail)


def sizes(events: Iterator[Event]) -> tuple[int, int]:
    """What a watch keeps after half of the events, and after all of them."""
    watch, found = Watch(capacity=ROOM), []
    for number, event in enumerate(events, start=1):
        watch.record(event)
        if number in (EVENTS // 2, EVENTS):
            watch.take()
            found.append(entries_in(watch))
    return found[0], found[1]


CASES = [
    *((kind, "") for kind in KINDS if kind != "queued"),
    *(("queued", where) for where in (*KINDS_OF_WAITING, "tick", "elsewhere")),
]


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize(("kind", "where"), CASES)
@pytest.mark.slow
def test_a_hundred_thousand_events_of_one_kind_take_no_more_room_than_half_of_them(
    kind: str, where: str
) -> None:
    half, whole = sizes(of_kind(kind, where))
    assert whole == pytest.approx(half, rel=0.02)
    assert whole < 80 * ROOM


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("where", ["timer", "pool", "epoll", "immediate", "close", "other"])
def test_callbacks_for_which_there_is_no_room_are_counted(where: str) -> None:
    state, number = State(threads=2), 3 * ROOM

    def tell(kind: str, identity: int, **detail: Any) -> None:
        state.apply(Event(0.0, 1, "main", "main", kind, identity, detail))

    for identity in range(number):
        tell("boxed", identity, **PLACE)
        tell("queued", identity, where=where, deadline=float(identity))
    assert state.fields(["queue"])["queue"][2] == [[where, number]]
    for identity in reversed(range(number)):
        tell("dropped", identity, where=where)
    assert state.fields(["queue"])["queue"] == [0, [], []]


@pytest.mark.usefixtures("narrow")
def test_a_boxed_callback_for_which_there_is_no_room_is_counted_too() -> None:
    state = State()
    for identity in range(ROOM + 3):
        state.apply(Event(0.0, 1, "main", "main", "boxed", identity, PLACE))
    assert state.fields(["queue"])["queue"][2] == [["boxed", ROOM + 3]]


def test_a_frame_with_ten_thousand_timers_is_small() -> None:
    watch = Watch(budget=10**6)
    rt = Runtime(system=Simulation(), trace=watch)
    sent: list[int] = []

    def main() -> None:
        for delay in range(10_000):
            rt.set_timeout(delay, lambda _: rt.log("x" * 400))
        rt.set_timeout(500, look)

    def look(_: object) -> None:
        frame = watch.frame(rt.snapshot())
        assert frame["timers"][0] > 9_000
        sent.append(len(json.dumps(frame)))
        rt.stop()

    rt.run(main)
    assert sent[0] <= 20_000
