"""minirt.exercises.order: the quiz of chapter 08."""

import re
from pathlib import Path

import nbformat
import pytest

from minirt.exercises.knobs import program
from minirt.exercises.order import expect, shuffled

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "08_nodes_order.ipynb"
ASKED = ("08", "10", "27", "70", "22", "28", "47", "71", "59", "54")


def sources() -> list[str]:
    return [cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells]


@pytest.mark.parametrize("number", ASKED)
def test_the_chapter_shows_the_program_that_it_asks_about(number: str) -> None:
    (shown,) = [source for source in sources() if f"**Program {number}.**" in source]
    found = re.search(r"```python\n(.*?)\n```", shown, re.DOTALL)
    assert found is not None
    assert program(number).python.partition('"""\n\n')[2].rstrip("\n") == found[1]


@pytest.mark.parametrize("number", ASKED)
@pytest.mark.slow
def test_its_cell_starts_shuffled_and_keeps_the_answer_folded(number: str) -> None:
    lines = "\n".join(shuffled(program(number)))
    assert f'expect("{number}", """\n{lines}\n""")' in sources()
    guess = expect(number, lines)
    assert guess.is_untouched and not guess.is_right
    assert "run the cell again" in repr(guess) and "Node" not in repr(guess)
    assert "<details><summary>What minirt and Node print</summary>" in guess._repr_html_()


@pytest.mark.parametrize("number", ASKED)
@pytest.mark.slow
def test_the_order_of_node_is_right(number: str) -> None:
    guess = expect(number, "\n".join(program(number).orders[0]))
    assert guess.is_right
    assert repr(guess).startswith(f"✓ {number}: right. The rule: ")


def test_another_order_is_laid_over_the_right_one() -> None:
    guess = expect("40", "A\nC (nested)\nB")
    assert not guess.is_right and not guess.is_untouched
    assert repr(guess).startswith("✗ 40: not this order.")
    assert "you, minirt and Node differ, first in line 2" in guess._repr_html_()


def test_lines_that_the_program_does_not_print_are_named() -> None:
    assert "not those of the program: B, D" in repr(expect("40", "A\nC (nested)\nD"))
