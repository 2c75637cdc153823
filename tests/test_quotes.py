"""Is what the chapters show the package's code? And would the check notice if it were not?"""

import ast
import contextlib
import re
import textwrap
from collections.abc import Mapping
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests import quotes
from tests.quotes import (
    completeness_faults,
    faults,
    quote_faults,
    read_not_quoted,
    read_notebooks,
    read_package,
    write,
)
from tests.quoting import QuoteError, Source, parse_address, quote, source_at, source_of


@pytest.mark.slow
def test_the_chapters_show_the_package_letter_for_letter() -> None:
    found = faults(read_notebooks(), read_package(), read_not_quoted())
    assert not found, "\n" + "\n".join(found)


def mutation(text: str, number: int) -> str:
    """`text` with another last character in line `number`; in each third line with one blank more.

    One a line: each is a whole file to parse.
    """
    lines = text.split("\n")
    line = lines[number - 1]
    changed = line[:-1] + ("y" if line.endswith("x") else "x") if number % 3 else line + " "
    return "\n".join([*lines[: number - 1], changed, *lines[number:]])


def uncaught_mutations(
    notebooks: Mapping[str, Any], package: Mapping[str, str], step: int = 1
) -> list[str]:
    """Quoted lines of the package in which a changed character passes unseen.

    step: every how many lines; where a cell begins depends on its text.
    """
    marked = [cell for cell in quotes.marked_cells(notebooks) if not cell.address.is_draft]
    missed = []
    for path in {cell.address.path for cell in marked}:
        cells = [cell for cell in marked if cell.address.path == path]
        for cell in cells:
            lines = sorted(source_at(cell.address, package).render(cell.address).lines)
            for number in lines[len(cell.text) % step :: step]:
                changed = {path: mutation(package[path], number)}
                if quotes.quote_fault(cell.text, cell.address, changed) is None:
                    missed.append(f"{path}, line {number}, quoted by {cell.where}")
    return missed


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_changed_character_in_any_quoted_line_of_the_package_is_caught() -> None:
    # each line is a whole file to parse: every fourth is tried, other ones after each change
    assert not uncaught_mutations(read_notebooks(), read_package(), step=4)


# --- a small package and its chapter ---

TIMERS = '''\
"""Which callbacks are due?"""

from __future__ import annotations

import heapq
# the wall clock may jump, this one does not
from time import monotonic

try:
    from select import epoll
except ImportError:
    epoll = None

__all__ = ["Timers", "due"]

MAX_DELAY = 2**31 - 1  # ms
# shortest delay
MIN_DELAY = 1


# a box for one timer
@staticmethod
def due(heap, now):
    """Is the first one due?

    Source: the chapter.
    """
    return bool(heap) and heap[0] <= now
    # never raises


class Base:
    def __len__(self):
        return 0


class Timers(Base):
    """Deadlines in order."""

    __slots__ = ("heap",)
    unit = "ms"

    def __init__(self):
        super().__init__()
        self.heap = []  # (deadline, order)

    def __len__(self):
        return len(self.heap)

    # what is asked for
    def schedule(self, deadline):
        """Keep it.

        Any order will do.
        """
        heapq.heappush(self.heap, deadline)
        return """
    kept
"""

    @property
    def first(self):
        return self.heap[0]

    @first.setter
    def first(self, deadline):
        self.heap[0] = deadline

    @classmethod
    def of(cls, *deadlines):
        timers = cls()
        for deadline in deadlines: timers.schedule(deadline)
        return timers

    def pop_due(self, now):
        while self.heap and self.heap[0] <= now:
            yield heapq.heappop(self.heap)

    size = __len__

    def _check(self):
        assert self.heap == sorted(self.heap)
'''
PACKAGE = {"minirt/__init__.py": '__all__ = ["Runtime"]\n', "minirt/core/timers.py": TIMERS}


def chapter(*cells: str, modules: tuple[str, ...] = (), fill: bool = True) -> dict[str, Any]:
    notebook = new_notebook(cells=[new_code_cell(textwrap.dedent(cell)) for cell in cells])
    notebook.metadata["minirt"] = {"modules": list(modules)}
    notebooks = {"04.ipynb": notebook}
    if fill:
        write(notebooks, PACKAGE)
    return notebooks


def quoted(items: str) -> str:
    return quote(f"# minirt/core/timers.py: {items}", PACKAGE).partition("\n")[2]


def only_fault(*cells: str, modules: tuple[str, ...] = (), fill: bool = True) -> str:
    """Of the chapter's own rules; what is not quoted does not matter."""
    notebooks = chapter(*cells, modules=modules, fill=fill)
    found = quote_faults(notebooks, PACKAGE)
    found += quotes.ChapterCheck("04.ipynb", notebooks["04.ipynb"], PACKAGE).faults()
    assert len(found) == 1, found
    return found[0]


def no_fault(*cells: str, modules: tuple[str, ...] = ()) -> None:
    notebooks = chapter(*cells, modules=modules)
    assert quote_faults(notebooks, PACKAGE) == []
    assert quotes.ChapterCheck("04.ipynb", notebooks["04.ipynb"], PACKAGE).faults() == []


# --- what each address shows ---


def test_imports_are_shown_as_they_stand_without_what_lies_between() -> None:
    assert quoted("imports") == (
        "from __future__ import annotations\n\nimport heapq\n# the wall clock may jump, this one "
        "does not\n"
        "from time import monotonic\n\n"
        "try:\n    from select import epoll\nexcept ImportError:\n    epoll = None"
    )


def test_a_definition_brings_its_decorators_and_the_comments_that_touch_it() -> None:
    text = quoted("due")
    assert text.startswith("# a box for one timer\n@staticmethod\ndef due(heap, now):\n")
    assert text.endswith("    return bool(heap) and heap[0] <= now\n    # never raises")
    assert text in TIMERS


def test_stubs_for_type_checkers_are_not_shown() -> None:
    text = """\
from typing import overload

LIMIT = 7


@overload
def read(path: str, cb: None = None) -> str: ...
@overload
def read(path: str, cb: int) -> int: ...
def read(path: str, cb: int | None = None) -> str | int:
    return path if cb is None else cb


def write() -> None:
    pass
"""
    example = {"minirt/example.py": text}
    shown = quote("# minirt/example.py: LIMIT, read, write", example)
    assert (
        shown
        == """\
# minirt/example.py: LIMIT, read, write
LIMIT = 7


def read(path: str, cb: int | None = None) -> str | int:
    return path if cb is None else cb


def write() -> None:
    pass"""
    )
    assert Source("minirt/example.py", text).public_units == ("LIMIT", "read", "write")


def test_constants_are_quoted_by_name_with_their_comments() -> None:
    assert quoted("MAX_DELAY") == "MAX_DELAY = 2**31 - 1  # ms"
    assert (
        quoted("MAX_DELAY, MIN_DELAY")
        == "MAX_DELAY = 2**31 - 1  # ms\n# shortest delay\nMIN_DELAY = 1"
    )
    assert quoted("MIN_DELAY, Base").startswith("# shortest delay\nMIN_DELAY = 1\n\n\nclass Base:")


def test_a_class_can_be_quoted_with_some_of_its_methods() -> None:
    assert quoted("Timers(pop_due, __len__)") == textwrap.dedent('''\
        class Timers(Base):
            """Deadlines in order."""

            __slots__ = ("heap",)
            unit = "ms"

            def __len__(self):
                return len(self.heap)

            def pop_due(self, now):
                while self.heap and self.heap[0] <= now:
                    yield heapq.heappop(self.heap)''')


def test_a_class_can_be_quoted_with_none_of_its_methods() -> None:
    assert quoted("Timers()").endswith('__slots__ = ("heap",)\n    unit = "ms"')
    with pytest.raises(QuoteError, match="no body left"):
        quoted("Base()")


def test_a_method_becomes_a_plain_function_and_is_joined_to_its_class() -> None:
    assert quoted("Timers.pop_due") == (
        "def pop_due(self, now):\n    while self.heap and self.heap[0] <= now:\n"
        "        yield heapq.heappop(self.heap)\n\nTimers.pop_due = pop_due"
    )


def test_a_joined_method_keeps_its_comment_its_docstring_and_the_value_of_its_strings() -> None:
    text = quoted("Timers.schedule")
    assert text.startswith(
        "# what is asked for\ndef schedule(self, deadline):\n"
        '    """Keep it.\n\n    Any order will do.\n'
    )
    assert 'return """\n    kept\n"""\n\nTimers.schedule = schedule' in text


def test_a_property_is_joined_with_its_setter_and_an_alias_like_a_method() -> None:
    text = quoted("Timers.first")
    assert (
        text.startswith("@property\ndef first(self):")
        and "\n\n@first.setter\ndef first(self, deadline)" in text
    )
    assert text.endswith("\n\nTimers.first = first")
    assert quoted("Timers.of").startswith("@classmethod\ndef of(cls, *deadlines):")
    assert quoted("Timers.size") == "size = __len__\n\nTimers.size = size"


@pytest.mark.parametrize(
    ("items", "sentence"),
    [
        ("Timer", "the module defines no Timer. Did you mean Timers?"),
        ("Timers.pop", "the class Timers defines no pop"),
        ("Timers(pop_du)", "the class Timers defines no pop_du. Did you mean pop_due?"),
        ("MAX_DELAY.bit", "MAX_DELAY in minirt/core/timers.py is no class"),
        ("Timers.__init__", r"super\(\) without arguments, which works only inside the class"),
        ("Timers[0]", "neither `name` nor"),
    ],
)
def test_an_address_that_leads_nowhere_says_why(items: str, sentence: str) -> None:
    with pytest.raises(QuoteError, match=sentence):
        quoted(items)


@pytest.mark.parametrize(
    "line",
    [
        "# minirt/core/timers.py Timers",
        "# minirt/timers: Timers",
        "#minirt/core/timers.py: Timers",
        "# draft of Timers",
    ],
)
def test_a_line_that_is_almost_an_address_is_not_taken_for_a_comment(line: str) -> None:
    with pytest.raises(QuoteError, match="is no address"):
        parse_address(line)


def test_an_ordinary_comment_is_no_address() -> None:
    assert parse_address("# the timers of minirt\nimport heapq") is None
    assert parse_address("heapq = 1\n# minirt/core/timers.py: Timers") is None


def test_a_private_name_of_a_class_is_quoted_inside_it() -> None:
    package = {"minirt/box.py": "class Box:\n    def open(self):\n        return self.__value\n"}
    with pytest.raises(QuoteError, match="private name __value"):
        quote("# minirt/box.py: Box.open", package)


def test_a_relative_import_cannot_be_quoted() -> None:
    with pytest.raises(QuoteError, match="relative import"):
        quote("# minirt/box.py: imports", {"minirt/box.py": "from .clock import now\n"})


# --- the class grows, and runs ---


def test_a_class_that_is_quoted_in_parts_does_what_the_package_does() -> None:
    notebooks = chapter(
        "# minirt/core/timers.py: imports",
        "# minirt/core/timers.py: Base, Timers(__init__, __len__)",
        "# minirt/core/timers.py: Timers.schedule",
        "# minirt/core/timers.py: Timers.first",
        "# minirt/core/timers.py: Timers.of",
        "# minirt/core/timers.py: Timers.pop_due",
    )
    built: dict[str, Any] = {}
    original: dict[str, Any] = {}
    for cell in notebooks["04.ipynb"].cells:
        exec(compile(cell.source, "cell", "exec", dont_inherit=True), built)
    exec(compile(TIMERS, "package", "exec", dont_inherit=True), original)
    for namespace in (built, original):
        timers = namespace["Timers"].of(3, 1, 2)
        assert timers.first == 1
        timers.first = 0
        assert list(timers.pop_due(2)) == [0, 2]
        assert len(timers) == 1
    assert built["Timers"]().schedule(1) == original["Timers"]().schedule(1) == "\n    kept\n"


# --- the rules of a chapter ---


def test_a_chapter_that_quotes_in_order_is_fine() -> None:
    no_fault(
        "# minirt/core/timers.py: imports",
        "# draft of minirt/core/timers.py: Timers(schedule)\nclass Timers:\n    schedule = print",
        "timers = Timers()",
        "# minirt/core/timers.py: Base, Timers(__init__, __len__)",
        "# draft of minirt/core/timers.py: Timers.pop_due\ndef pop_due(self, now): ...\n"
        "Timers.pop_due = pop_due",
        "# minirt/core/timers.py: Timers.schedule",
        "# minirt/core/timers.py: Timers.pop_due",
        "%time later = [now for now in range(3)]\nawait something",
        "%%minirt --sim\ndef main(): ...",
        "%%bash\nTimers=1",
        modules=("minirt/core/timers.py",),
    )


def test_a_quote_that_differs_names_the_line_and_the_cure() -> None:
    fault = only_fault(
        "# minirt/core/timers.py: MIN_DELAY\n# shortest delay\nMIN_DELAY = 2", fill=False
    )
    assert (
        "04.ipynb, cell 1" in fault
        and "in its line 3: 'MIN_DELAY = 2' should be 'MIN_DELAY = 1'" in fault
    )
    assert "make quotes" in fault


def test_a_missing_last_line_is_a_difference() -> None:
    assert "differs" in only_fault(
        "# minirt/core/timers.py: MIN_DELAY\n# shortest delay", fill=False
    )


def test_a_draft_is_followed_by_its_final_quote() -> None:
    fault = only_fault("# draft of minirt/core/timers.py: due\ndef due(heap, now): ...")
    assert "draft of due, and no later cell" in fault
    assert "draft" in only_fault(
        "# minirt/core/timers.py: due",
        "# draft of minirt/core/timers.py: due\ndef due(heap, now): ...",
    )


def test_a_draft_of_some_methods_is_answered_by_the_whole_class() -> None:
    no_fault(
        "# draft of minirt/core/timers.py: Timers(schedule)\nclass Timers: ...",
        "# minirt/core/timers.py: Timers",
    )


def test_a_draft_binds_what_its_address_names() -> None:
    fault = only_fault(
        "# draft of minirt/core/timers.py: due\ndef due(heap, now): ...\nclass Timers: ...",
        "# minirt/core/timers.py: due",
    )
    assert "binds Timers, which its address does not name" in fault


@pytest.mark.parametrize(
    "cell",
    [
        "def due(heap, now): ...",
        "class Timers: ...",
        "if True:\n    Timers = 1",
        "for due in range(3): ...",
        "with open('x') as due: ...",
        "print(due := 1)",
        "import heapq as due",
        "Timers.schedule = print",
        "%%minirt --sim\nTimers = 1",
        "Runtime = 1",
        "await x\ndue = 1",
    ],
)
def test_an_unmarked_cell_defines_no_name_of_the_package(cell: str) -> None:
    assert "in a cell without an address" in only_fault(cell, modules=("minirt/core/timers.py",))


def test_an_unmarked_cell_may_use_them_and_bind_its_own() -> None:
    no_fault(
        "timers = Timers()\ntimers.heap = []\nTimers.naive = print",
        "def f():\n    due = 1\nx = [due for due in y]",
        "from minirt import Runtime",
        modules=("minirt/core/timers.py",),
    )


def test_a_chapter_does_not_import_what_it_builds() -> None:
    assert "which this chapter builds" in only_fault(
        "from minirt.core.timers import Timers", modules=("minirt/core/timers.py",)
    )
    no_fault("from minirt.core.timers import Timers")
    no_fault("import minirt.core.timers", modules=("minirt/core/timers.py",))


def test_a_chapter_may_import_what_no_chapter_quotes() -> None:
    notebooks = chapter("from minirt.core.timers import epoll", modules=("minirt/core/timers.py",))
    reasons = {"minirt/core/timers.py": {"epoll": "the operating system's own"}}
    assert "imports epoll" in " ".join(faults(notebooks, PACKAGE, {}))
    assert "imports epoll" not in " ".join(faults(notebooks, PACKAGE, reasons))


def test_a_method_is_joined_to_a_class_that_is_there() -> None:
    assert "is not there yet" in only_fault("# minirt/core/timers.py: Timers.pop_due")
    no_fault("from minirt.core.timers import Timers", "# minirt/core/timers.py: Timers.pop_due")
    draft = "# draft of minirt/core/timers.py: Timers\nclass Timers: ..."
    fault = only_fault(
        draft, "# minirt/core/timers.py: Timers.pop_due", "# minirt/core/timers.py: Timers()"
    )
    assert "only a draft of it" in fault


def test_a_joined_method_hides_nothing() -> None:
    fault = only_fault(
        "def pop_due(): ...",
        "# minirt/core/timers.py: Timers()",
        "# minirt/core/timers.py: Timers.pop_due",
    )
    assert "hides an earlier cell's pop_due" in fault


def test_the_metadata_names_modules_that_exist() -> None:
    assert "names minirt/timer.py, which does not exist" in only_fault(
        "1 + 1", modules=("minirt/timer.py",)
    )


# --- completeness ---


def test_every_public_definition_is_quoted_or_listed_with_a_reason() -> None:
    notebooks = chapter(
        "# minirt/core/timers.py: Timers, MIN_DELAY, MAX_DELAY, due",
        modules=("minirt/core/timers.py",),
    )
    found = completeness_faults(notebooks, PACKAGE, {})
    assert [fault.partition("quotes ")[2].partition(".")[0] for fault in found] == [
        "epoll",
        "Base",
        "Base",
    ]
    reasons = {
        "epoll": "the operating system's own",
        "Base": "only here to be tested",
        "Base.__len__": "the same as above",
    }
    assert completeness_faults(notebooks, PACKAGE, {"minirt/core/timers.py": reasons}) == []


def test_a_module_that_no_chapter_is_about_may_stay_unquoted() -> None:
    assert completeness_faults(chapter("1 + 1"), PACKAGE, {}) == []


@pytest.mark.parametrize(
    ("unit", "reason", "sentence"),
    [
        ("Timer", "it is only a test", "no public Timer"),
        ("due", "it is only a test", "due of minirt/core/timers.py is quoted now"),
        ("Timers", "", "say in a few words"),
    ],
)
def test_the_list_of_what_is_not_quoted_stays_true(unit: str, reason: str, sentence: str) -> None:
    notebooks = chapter("# minirt/core/timers.py: due")
    (fault,) = completeness_faults(notebooks, PACKAGE, {"minirt/core/timers.py": {unit: reason}})
    assert sentence in fault


# --- writing ---


def test_writing_fills_the_quote_and_touches_nothing_else() -> None:
    cell = new_code_cell(
        "# minirt/core/timers.py: MIN_DELAY\nold", metadata={"tags": ["keep"]}, execution_count=3
    )
    cell.outputs = [nbformat.v4.new_output("stream", text="kept\n")]
    draft = new_code_cell("# draft of minirt/core/timers.py: MIN_DELAY\nMIN_DELAY = 0")
    notebook = new_notebook(
        cells=[new_markdown_cell("# minirt/core/timers.py: MIN_DELAY"), draft, cell]
    )
    before = nbformat.from_dict(notebook)
    assert write({"04.ipynb": notebook}, PACKAGE) == ({"04.ipynb"}, [])
    assert cell.source == "# minirt/core/timers.py: MIN_DELAY\n# shortest delay\nMIN_DELAY = 1"
    before.cells[2].source = cell.source
    assert notebook == before
    assert write({"04.ipynb": notebook}, PACKAGE) == (set(), [])


def test_writing_reports_what_it_cannot_fill_and_leaves_it() -> None:
    notebooks = chapter("# minirt/core/timers.py: Timer\nmine", fill=False)
    changed, (problem,) = write(notebooks, PACKAGE)
    assert not changed and "04.ipynb, cell 1" in problem and "Did you mean Timers?" in problem
    assert notebooks["04.ipynb"].cells[0].source.endswith("mine")


# --- mutations ---

EVERY_FORM = (
    "# minirt/core/timers.py: imports",
    "# minirt/core/timers.py: MIN_DELAY, MAX_DELAY",
    "# minirt/core/timers.py: due",
    "# minirt/core/timers.py: Timers(__init__, schedule)",
    "# minirt/core/timers.py: Timers.schedule",
    "# minirt/core/timers.py: Timers.first",
    "# minirt/core/timers.py: Timers.of",
    "# minirt/core/timers.py: Base, Timers",
)


def test_a_changed_character_in_any_quoted_line_of_the_example_is_caught() -> None:
    assert uncaught_mutations(chapter(*EVERY_FORM), PACKAGE) == []


@given(st.data())
@pytest.mark.slow
def test_any_one_character_that_changes_in_a_quoted_line_is_caught(data: st.DataObject) -> None:
    line = data.draw(st.sampled_from(EVERY_FORM))
    address = parse_address(line)
    assert address is not None
    cell = quote(line, PACKAGE)
    number = data.draw(st.sampled_from(sorted(source_at(address, PACKAGE).render(address).lines)))
    lines = TIMERS.split("\n")
    column = data.draw(st.integers(0, len(lines[number - 1])))
    character = data.draw(st.sampled_from("ax_ (#\t0\"'"))
    replaced = lines[number - 1][column : column + 1]
    lines[number - 1] = lines[number - 1][:column] + character + lines[number - 1][column + 1 :]
    fault = quotes.quote_fault(cell, address, {"minirt/core/timers.py": "\n".join(lines)})
    assert (fault is None) == (replaced == character)


# --- any module ---

names = st.sampled_from(["alpha", "beta", "gamma", "delta"])
comments = st.sampled_from(["", "# a reason\n", "# two\n# lines\n"])
bodies = st.sampled_from(
    [
        "return 1",
        '"""Doc.\n\n{i}More.\n{i}"""\n{i}return 2',
        'return """\nflush\n  left\n"""',
        "x = f'''\n{{3}}\n'''\n{i}return x",
    ]
)


@st.composite
def functions(draw: st.DrawFn, indent: str) -> str:
    decorator = draw(st.sampled_from(["", f"{indent}@keep\n"]))
    comment = textwrap.indent(draw(comments), indent)
    body = draw(bodies).replace("{{", "{").replace("}}", "}").replace("{i}", indent + "    ")
    argument = "self" if indent else ""
    return f"{comment}{decorator}{indent}def {draw(names)}({argument}):\n{indent}    {body}\n"


@st.composite
def modules(draw: st.DrawFn) -> str:
    methods = draw(st.lists(functions(indent="    "), min_size=1, max_size=4))
    header = draw(
        st.sampled_from(["", '    """A box."""\n\n', "    size = 3\n    other: int = 4\n\n"])
    )
    top = draw(st.lists(functions(indent=""), max_size=3))
    return "\n\n".join([*top, f"class Box:\n{header}" + "\n".join(methods)])


@given(modules())
@pytest.mark.slow
def test_whole_definitions_are_found_in_the_source_as_they_are_shown(text: str) -> None:
    for name, pieces in source_of("minirt/box.py", text).names.items():
        shown = quote(f"# minirt/box.py: {name}", {"minirt/box.py": text}).partition("\n")[2]
        assert len(pieces) > 1 or shown in text


@given(modules())
@pytest.mark.slow
def test_a_class_with_all_its_methods_is_the_whole_class(text: str) -> None:
    package = {"minirt/box.py": text}
    members = ", ".join(Source("minirt/box.py", text).members("Box"))
    assert (
        quote(f"# minirt/box.py: Box({members})", package).split("\n")[1:]
        == (quote("# minirt/box.py: Box", package).split("\n")[1:])
    )


@given(modules())
@pytest.mark.slow
def test_a_joined_method_returns_what_the_method_of_the_package_returns(text: str) -> None:
    package = {"minirt/box.py": text}
    original: dict[str, Any] = {"keep": lambda function: function}
    exec(text, original)
    for member in Source("minirt/box.py", text).members("Box"):
        built: dict[str, Any] = {"keep": original["keep"], "Box": type("Box", (), {})}
        exec(quote(f"# minirt/box.py: Box.{member}", package), built)
        assert getattr(built["Box"](), member)() == getattr(original["Box"](), member)()


@given(st.text(alphabet="# minrt/ae.py:(),DO \n", max_size=40))
def test_any_first_line_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(QuoteError):
        parse_address(text)


def test_the_example_is_python() -> None:
    ast.parse(TIMERS)


QUOTED = re.compile(r"([\w.]+), which (?:is quoted|chapter (\d\d) quotes)")


def test_what_a_reason_says_is_quoted_is_quoted() -> None:
    """Of "one call of Loop.receive, which is quoted" the last word before the comma."""
    package = read_package()
    shown: dict[str, set[str]] = {}  # number of the chapter -> last words of what it quotes
    for cell in quotes.marked_cells(read_notebooks()):
        if not cell.address.is_draft:
            source = source_at(cell.address, package)
            names = {unit.rpartition(".")[2] for unit in source.covered_units(cell.address)}
            shown.setdefault(cell.notebook[:2], set()).update(names)
    wrong = [
        f"{unit}: {reason}"
        for units in read_not_quoted().values()
        for unit, reason in units.items()
        for name, chapter in QUOTED.findall(reason)
        if not any(
            name.rpartition(".")[2] in names
            for number, names in shown.items()
            if chapter in ("", number)
        )
    ]
    assert not wrong, wrong
