"""Do the floors hold? And would the check notice if they did not?"""

import subprocess
import sys

import pytest

from tests import layers
from tests.layers import (
    FLOORS,
    LAZY_UPWARD,
    STATE_WITH_A_REASON,
    TYPE_CHECKING_UPWARD,
    Floor,
    circles,
    faults,
    read_sources,
)

# A small house, on which the check itself is tried
HOUSE = (
    Floor(("errors",)),
    Floor(("values", "clock", "watching.trace")),
    Floor(("timers", "epoll")),
    Floor(("loop",)),
    Floor(("views.model",)),
    Floor(("views.live", "views.console")),
    Floor(("views",)),
    Floor(("runtime",)),
    Floor(("modules.*",)),
    Floor(("modules",)),
    Floor(("",)),
    Floor(("main_example",)),
    Floor(("exercises", "exercises.*"), open_plan=True),
    Floor(("extension",)),
)


@pytest.mark.slow
def test_the_package_keeps_its_floors() -> None:
    assert not (found := faults(read_sources())), "\n" + "\n".join(found)


@pytest.mark.slow
def test_a_room_with_an_open_plan_has_no_circles() -> None:
    assert not (found := circles(read_sources())), "\n" + "\n".join(map(str, found))


def test_eight_to_ten_floors_are_enough() -> None:
    assert 8 <= len(FLOORS) <= 10


def test_a_circle_is_found_and_an_import_for_a_type_is_none() -> None:
    forward = {"a": "from minirt import b", "b": "from minirt import c", "c": "", "": ""}
    assert circles(forward) == []
    assert circles({**forward, "c": "from minirt.a import x"}) == [("a", "b", "c")]
    typed = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from minirt.a import x"
    assert circles({**forward, "c": typed}) == []


@pytest.mark.parametrize(
    "listing", [LAZY_UPWARD, TYPE_CHECKING_UPWARD], ids=["lazy", "type checking"]
)
@pytest.mark.slow
def test_each_listed_exception_is_still_needed(listing: dict[tuple[str, str], str]) -> None:
    sources = read_sources()
    empty: dict[tuple[str, str], str] = {}
    without_listing = faults(sources, type_checking_upward=empty, lazy_upward=empty)
    for (module, target), reason in listing.items():
        assert len(reason) > 10, f"{module} -> {target} needs a reason that a reader can judge"
        if module in sources and target in sources:
            line = layers.file_of(module)
            assert any(
                line in fault and layers.file_of(target) in fault for fault in without_listing
            ), f"{line} no longer imports {target} upward: take it off the list"


def test_each_listed_state_still_exists() -> None:
    sources = read_sources()
    for module, name in STATE_WITH_A_REASON:
        if module in sources:
            assert name in sources[module], (
                f"{layers.file_of(module)} has no {name} any more: take it off the list"
            )


def test_importing_the_package_loads_no_notebook_machinery() -> None:
    program = "import sys, minirt; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=layers.ROOT
    )
    loaded = set(answer.stdout.split())
    assert "minirt" in loaded
    unwanted = loaded & {
        "IPython",
        "ipywidgets",
        "anywidget",
        "ipykernel",
        "traitlets",
        "matplotlib",
        "numpy",
    }
    assert not unwanted, (
        f"import minirt also loads {sorted(unwanted)}: import them inside the function that "
        "needs them"
    )


# --- the check itself, on small houses ---


def only_fault(**modules: str) -> str:
    sources = {name.replace("__", "."): text for name, text in modules.items()}
    found = faults(sources, HOUSE, {}, {}, {})
    assert len(found) == 1, found
    return found[0]


def no_fault(**modules: str) -> None:
    sources = {name.replace("__", "."): text for name, text in modules.items()}
    assert faults(sources, HOUSE, {}, {}, {}) == []


def test_an_import_downward_is_fine() -> None:
    no_fault(timers="from minirt.clock import MonotonicClock\nimport heapq", clock="")
    no_fault(runtime="from minirt import timers\nimport minirt.loop", timers="", loop="")
    no_fault(runtime="def play():\n    from minirt.views import live", views__live="", views="")


@pytest.mark.parametrize(
    "line",
    [
        "import minirt.runtime",
        "import minirt.runtime as above",
        "from minirt import runtime",
        "from minirt.runtime import Runtime",
        "def lazily():\n    from minirt.runtime import Runtime",
        "class Lazy:\n    import minirt.runtime",
        "from importlib import import_module\nimport_module('minirt.runtime')",
        "__import__('minirt.runtime')",
        "try:\n    pass\nfinally:\n    import minirt.runtime",
    ],
)
def test_an_import_upward_is_named_with_its_line_and_what_to_do(line: str) -> None:
    fault = only_fault(timers=line, runtime="")
    assert f"minirt/timers.py, line {line.count(chr(10)) + 1}" in fault
    assert "minirt/runtime.py lies above minirt/timers.py" in fault
    assert "hand the object in" in fault


def test_an_import_of_the_package_itself_from_inside_points_upward() -> None:
    sources = {"": "", "timers": "from minirt import Runtime"}
    (fault,) = faults(sources, HOUSE)
    assert "the package itself, minirt/__init__.py, lies above" in fault
    assert faults({"": "", "main_example": "from minirt import Runtime, fs"}, HOUSE) == []


def test_rooms_on_one_floor_do_not_import_each_other() -> None:
    assert "rooms on one floor" in only_fault(timers="import minirt.epoll", epoll="")
    assert "rooms on one floor" in only_fault(
        modules__fs="from minirt.modules import crypto", modules__crypto="", modules=""
    )
    no_fault(
        exercises__identity="from minirt.exercises.checks import check",
        exercises__checks="",
        exercises="",
    )


def test_views_draw_the_trace_and_nothing_else() -> None:
    no_fault(
        views__live="from minirt.views import model\nfrom minirt.watching.trace import Event",
        views__model="",
        watching__trace="",
        views="",
    )
    assert "Put what it needs into the trace" in only_fault(
        views__model="from minirt.loop import Loop", loop=""
    )
    assert "lies above" in only_fault(
        views__model="from minirt.views.live import View", views__live="", views=""
    )
    assert "lies above" in only_fault(
        loop="from minirt.views.console import Console", views__console="", views=""
    )


def test_a_module_on_no_floor_is_told_where_to_sign_in() -> None:
    assert "minirt/scheduler.py is on no floor. Say in tests/layers.py, FLOORS" in only_fault(
        scheduler=""
    )


def test_a_type_checking_import_points_upward_only_when_listed() -> None:
    text = "import typing\nif typing.TYPE_CHECKING:\n    from minirt.runtime import Runtime"
    assert "TYPE_CHECKING_UPWARD" in only_fault(timers=text, runtime="")
    listed = {("timers", "runtime"): "a handle names its runtime"}
    assert faults({"timers": text, "runtime": ""}, HOUSE, listed) == []
    at_run_time = "from minirt.runtime import Runtime"
    assert len(faults({"timers": at_run_time, "runtime": ""}, HOUSE, listed)) == 1


def test_a_lazy_listing_does_not_excuse_an_import_at_the_top() -> None:
    listed = {("", "extension"): "asked for by IPython"}
    lazily = "def load_ipython_extension(ip):\n    from minirt.extension import load\n    load(ip)"
    assert faults({"": lazily, "extension": ""}, HOUSE, lazy_upward=listed) == []
    assert (
        len(
            faults(
                {"": "from minirt.extension import load", "extension": ""},
                HOUSE,
                lazy_upward=listed,
            )
        )
        == 1
    )


def test_star_and_relative_imports_are_refused() -> None:
    assert "Spell the names out" in only_fault(timers="from minirt.clock import *", clock="")
    assert "Spell the names out" in only_fault(timers="from math import *")
    assert "relative import" in only_fault(timers="from .clock import MonotonicClock", clock="")
    assert "relative import" in only_fault(timers="from . import clock", clock="")


@pytest.mark.parametrize(
    "line",
    [
        "waiting = []",
        "waiting: dict[int, str] = {}",
        "waiting = {1}",
        "waiting = [n for n in range(3)]",
        "first, waiting = 1, []",
        "waiting = deque()",
        "waiting = collections.deque[int]()",
        "waiting = itertools.count()",
        "waiting = ContextVar('waiting')",
        "class Timers:\n    waiting = []",
        "if True:\n    waiting = {}",
        "waiting = 0\ndef change():\n    global waiting",
    ],
)
def test_module_level_state_is_refused(line: str) -> None:
    assert "waiting" in only_fault(timers=line)


@pytest.mark.parametrize(
    "line",
    [
        "MAX_DELAY = 2**31 - 1",
        "KINDS = ('read', 'encrypt')",
        "NAMES = frozenset({'a'})",
        "NAMES = MappingProxyType({'a': 1})",
        "__all__ = ['Timers']",
        "class Timers:\n    __slots__ = ('heap',)\n    def __init__(self):\n        self.heap = []",
        "def due():\n    found = []\n    return found",
        "UNDEFINED = Undefined()",
    ],
)
def test_constants_and_local_lists_are_fine(line: str) -> None:
    no_fault(timers=line)


def test_state_with_a_reason_is_fine() -> None:
    sources = {"runtime": "_current = ContextVar('_current')"}
    assert len(faults(sources, HOUSE, state_with_a_reason={})) == 1
    assert (
        faults(sources, HOUSE, state_with_a_reason={("runtime", "_current"): "the running one"})
        == []
    )
