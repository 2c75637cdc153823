"""Has each chapter the form that its readers were promised?

Short quotes between a sentence and an experiment, answers folded until a reader has chosen, words
explained before they are used, and what only the curious need in an appendix.
"""

import re
from collections.abc import Iterator
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests.notebooks import APPENDIX, NOTEBOOKS, experiment_after, fold, is_prediction
from tests.words import (
    GLOSSARY_OF,
    HEADING,
    OneWord,
    Word,
    all_texts,
    glossary,
    is_quote,
    one_words,
    prose_of,
    read_all,
    second_names,
    too_early,
    words,
)

LONGEST_QUOTE = 25  # lines of the package, the address not counted
OF_THE_PACKAGE = 1 / 3  # at most, of the code in a chapter's main part
BOX = "In Node, in asyncio"
WITHOUT_A_BOX = {"00_start_here"}

CHAPTERS = [path.stem for path in sorted(NOTEBOOKS.glob("*.ipynb"))]
WITH_A_BOX = [chapter for chapter in CHAPTERS if chapter not in WITHOUT_A_BOX]


@pytest.fixture(scope="session")
def notebooks() -> dict[str, Any]:
    return read_all()


def lines(text: str) -> int:
    return sum(bool(line.strip()) for line in text.split("\n"))


def is_final(text: str) -> bool:
    return is_quote(text) and not text.startswith("# draft")


def main_part(notebook: Any) -> list[Any]:
    """The cells before the appendix."""
    found: list[Any] = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and cell.source.startswith(APPENDIX):
            break
        found.append(cell)
    return found


# --- quotes ---


def long_quotes(notebook: Any) -> Iterator[str]:
    for number, cell in enumerate(notebook.cells):
        length = cell.source.count("\n")
        if cell.cell_type == "code" and is_final(cell.source) and length > LONGEST_QUOTE:
            yield f"[{number}] {cell.source.partition(chr(10))[0]}: {length} lines"


def part_of_the_package(notebook: Any) -> float:
    code = [cell.source for cell in main_part(notebook) if cell.cell_type == "code"]
    return sum(lines(text) for text in code if is_final(text)) / max(1, sum(map(lines, code)))


def unannounced_quotes(cells: list[Any]) -> Iterator[str]:
    """Quotes before which no sentence stands; more than two in a row have one before each pair."""
    for number, cell in enumerate(cells):
        if cell.cell_type == "code" and is_final(cell.source):
            before = [one.cell_type for one in cells[max(0, number - 2) : number]]
            if "markdown" not in before:
                yield f"[{number}] {cell.source.partition(chr(10))[0]}"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_quote_is_short_enough_to_be_read(chapter: str, notebooks: dict[str, Any]) -> None:
    assert list(long_quotes(notebooks[chapter])) == []


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_at_most_a_third_of_the_main_part_is_the_package(
    chapter: str, notebooks: dict[str, Any]
) -> None:
    assert part_of_the_package(notebooks[chapter]) <= OF_THE_PACKAGE


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_sentence_says_what_to_look_for(chapter: str, notebooks: dict[str, Any]) -> None:
    assert list(unannounced_quotes(notebooks[chapter].cells)) == []


def test_a_quote_that_is_too_long_is_found() -> None:
    quote = "# minirt/core/timers.py: Timers.due\n" + "\n".join(["x = 1"] * 25)
    assert list(long_quotes(new_notebook(cells=[new_code_cell(quote)]))) == []
    assert list(long_quotes(new_notebook(cells=[new_code_cell(quote + "\n#")]))) != []


def test_what_stands_in_the_appendix_does_not_count() -> None:
    first, second = (new_code_cell("# minirt/core/timers.py: Timers.due\nx = 1") for _ in "12")
    cells = [first, new_code_cell("1\n2"), new_markdown_cell(APPENDIX), second]
    assert part_of_the_package(notebook(*cells)) == 0.5


# --- what is folded ---


def answers(cells: list[Any]) -> set[int]:
    found = {experiment_after(cells, n) for n, cell in enumerate(cells) if is_prediction(cell)}
    return {number for number in found if number is not None}


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_answer_to_a_prediction_is_folded(chapter: str, notebooks: dict[str, Any]) -> None:
    cells = notebooks[chapter].cells
    closed = {
        number
        for number, cell in enumerate(cells)
        if cell.metadata.get("jupyter", {}).get("outputs_hidden")
    }
    assert closed == answers(cells)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_appendix_is_folded(chapter: str, notebooks: dict[str, Any]) -> None:
    for cell in notebooks[chapter].cells:
        is_folded = cell.metadata.get("jp-MarkdownHeadingCollapsed", False)
        assert is_folded == cell.source.startswith(APPENDIX)
        assert (
            not is_folded or "\n###" not in cell.source
        )  # what is in the heading's own cell is seen


def test_the_answer_is_the_next_cell_that_runs_and_is_no_quote() -> None:
    question = new_code_cell("predict('?', {}, '')")
    quote = new_code_cell("# minirt/core/timers.py: Timers.due\n")
    cells = [question, new_markdown_cell("so"), quote, question, new_code_cell("1 + 1")]
    fold(cells)
    assert answers(cells) == {4}
    assert cells[4].metadata == {"collapsed": True, "jupyter": {"outputs_hidden": True}}
    cells[0].source = cells[3].source = "nothing is asked any more"
    fold(cells)
    assert cells[4].metadata == {}


def test_an_exercise_answers_nothing() -> None:
    cells = [new_code_cell("predict('?', {}, '')"), new_code_cell("%%exercise x\n...")]
    assert experiment_after(cells, 0) is None


# --- words ---


@pytest.mark.slow
def test_no_word_comes_before_the_cell_that_explains_it(notebooks: dict[str, Any]) -> None:
    assert too_early(notebooks, words()) == []


def test_the_glossary_is_what_the_words_say(notebooks: dict[str, Any]) -> None:
    """`python -m tests.words --write` fills it."""
    assert notebooks[GLOSSARY_OF].cells[-1].source == glossary(words(), CHAPTERS)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_each_chapter_leads_to_the_glossary(chapter: str, notebooks: dict[str, Any]) -> None:
    target = "#Glossary" if chapter == GLOSSARY_OF else f"{GLOSSARY_OF}.ipynb#Glossary"
    assert f"]({target})" in notebooks[chapter].cells[0].source


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_head_says_how_long_it_takes_and_what_comes_before_and_after(
    chapter: str, notebooks: dict[str, Any]
) -> None:
    def link(chapter: str) -> str:
        title = notebooks[chapter].cells[0].source.splitlines()[0].removeprefix("# ")
        return f"[{title}]({chapter}.ipynb)"

    *_, time, way = notebooks[chapter].cells[0].source.split("\n\n")
    place = CHAPTERS.index(chapter)
    before = [f"Previous: {link(one)}" for one in CHAPTERS[:place][-1:]]
    after = [f"Next: {link(one)}" for one in CHAPTERS[place + 1 :][:1]]
    assert re.match(r"About \d+ minutes[,.]", time)
    assert way.split(" ·\n")[:-1] == [*before, *after]  # and last the glossary


def test_the_site_leads_to_the_glossary() -> None:
    page = (NOTEBOOKS.parent / "site" / "index.md").read_text(encoding="utf-8")
    assert f"](notebooks/{GLOSSARY_OF}.ipynb#glossary)" in page


@pytest.mark.slow
def test_one_thing_has_one_word(notebooks: dict[str, Any]) -> None:
    assert second_names(all_texts(notebooks), one_words()) == []


@pytest.mark.parametrize(
    "cell",
    [
        new_markdown_cell("In each loop iteration all timers are looked at."),
        new_code_cell("x = 1  # at the loop iteration's end"),
        new_code_cell('def f():\n    """One loop iteration."""'),
        new_code_cell("predict('Which loop iteration?', {'a': 'b'}, answer='a')"),
        new_code_cell("%%node\nf();  // in the next loop iteration"),
    ],
    ids=["in prose", "in a comment", "in a docstring", "in a question", "of Node"],
)
def test_a_second_name_is_found(cell: Any) -> None:
    rule = OneWord("turn", "loop iterations?", "an iteration is a step of a for loop")
    (sentence,) = second_names(all_texts({"01_a": notebook(cell)}), [rule])
    assert sentence.startswith("01_a[0]: …")
    assert sentence.endswith("the word is 'turn', and an iteration is a step of a for loop")


def test_a_name_of_code_is_no_second_name() -> None:
    rule = OneWord("pool task", "jobs?")
    cells = [new_markdown_cell("`job` and `jobs()`"), new_code_cell("job = jobs()")]
    assert second_names(all_texts({"01_a": notebook(*cells)}), [rule]) == []


BOX_WORD = Word("box", "02", "Where a callback waits.", forms="box(?:es)?")


def notebook(*cells: Any) -> Any:
    return nbformat.from_dict(new_notebook(cells=list(cells)))


@pytest.mark.parametrize(
    "cell",
    [
        new_markdown_cell("All boxes are open."),
        new_code_cell("predict('Which box?', {'a': 'b'}, answer='a')"),
        new_code_cell('# minirt/core/callbacks.py: Once\nclass Once:\n    """A box."""\n'),
    ],
    ids=["in prose", "in a question", "in a quoted docstring"],
)
def test_a_word_that_comes_too_early_is_found(cell: Any) -> None:
    explained = notebook(new_markdown_cell("A **box** is where a callback waits."))
    (sentence,) = too_early({"01_a": notebook(cell), "02_b": explained}, [BOX_WORD])
    assert "'box' comes before the cell of 02: 01_a[0]" in sentence
    assert too_early({"02_b": explained, "03_c": notebook(cell)}, [BOX_WORD]) == []


def test_a_word_that_nobody_explains_is_found() -> None:
    (sentence,) = too_early({"02_b": notebook(new_markdown_cell("A box."))}, [BOX_WORD])
    assert sentence == "no cell of chapter 02 has *box* in bold or in italics."


def test_a_link_and_code_are_no_prose() -> None:
    cell = new_markdown_cell("`box` [a](box.html) [box](b.ipynb)\n```\nbox\n```\n[1]: box")
    assert BOX_WORD.is_used_in(prose_of(cell)) is None


# --- the box ---


@pytest.mark.parametrize("chapter", WITH_A_BOX)
def test_a_chapter_says_where_the_reader_meets_it(chapter: str, notebooks: dict[str, Any]) -> None:
    headings = [c.source for c in notebooks[chapter].cells if c.source.startswith("##")]
    assert any(heading.startswith(f"## {BOX}") for heading in headings)
    assert HEADING not in headings
