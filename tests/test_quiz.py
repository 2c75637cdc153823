"""Does a question read well wherever it is shown, and is it shown once?"""

import io
import json
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from minirt.exercises import quiz
from minirt.exercises.quiz import Question, predict
from tests.layers import ROOT
from tests.notebooks import execute

OPTIONS = {"one": "Because `a < b`.", "<b>two</b>": "It is not."}
SHOWN = "Predict: How many?\n  ( ) one\n  ( ) <b>two</b>"


@pytest.fixture
def question() -> Question:
    return Question("How many?", OPTIONS, "one")


def test_without_ipython_the_question_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiz, "_shell", lambda: None)
    printed = io.StringIO()
    with redirect_stdout(printed):
        predict("How many?", OPTIONS, answer="one")
    assert printed.getvalue() == SHOWN + "\n"


def test_every_option_unfolds_to_its_why(question: Question) -> None:
    html = question.html()
    assert html.count("<details>") == html.count("</details>") == len(OPTIONS)
    assert "<summary>one</summary><p>✓ Right, “one”. Because <code>a &lt; b</code>.</p>" in html
    assert "✗ Not “&lt;b&gt;two&lt;/b&gt;”. It is not." in html


def test_a_label_is_text_and_never_html(question: Question) -> None:
    assert "<summary>&lt;b&gt;two&lt;/b&gt;</summary>" in question.html()
    assert "<b>" not in question.html()
    assert "innerHTML" not in Path(quiz.__file__).with_name("quiz.js").read_text(encoding="utf-8")


def test_a_question_that_cannot_be_answered_is_refused() -> None:
    with pytest.raises(ValueError, match="none of \\['one', '<b>two</b>'\\]"):
        Question("How many?", OPTIONS, "three")
    with pytest.raises(ValueError, match="two options or more"):
        Question("How many?", {"one": "Why not?"}, "one")
    with pytest.raises(ValueError, match="say why 'two'"):
        Question("How many?", {"one": "So it is.", "two": " "}, "one")


@pytest.mark.parametrize("why", ["Yes. It is.", "No, it is not.", "right: it is", "Wrong!"])
def test_a_why_that_begins_with_a_verdict_is_refused(why: str) -> None:
    with pytest.raises(ValueError, match="begins with a verdict"):
        Question("How many?", {"one": why, "two": "It is not."}, "one")


@pytest.mark.parametrize("why", ["No runtime runs there.", "Nothing is left.", "Right before it."])
def test_a_reason_may_begin_with_a_word_like_it(why: str) -> None:
    assert why in Question("How many?", {"one": why, "two": "It is not."}, "one").html()


def test_what_is_shown_needs_no_widget_and_has_the_folded_answers(question: Question) -> None:
    box = quiz.box_of(question)
    assert box.startswith('<div class="minirt-widget" data-kind="minirt.exercises.quiz">')
    assert question.html() in box
    state = json.loads(box.split('<script type="application/json">')[1].split("</script>")[0])
    options = state["values"]["question"]["options"]
    assert options[0] == {"text": "one", "why": OPTIONS["one"], "right": True}


def test_importing_it_loads_no_notebook_machinery() -> None:
    program = "import sys, minirt.exercises.quiz as q; q.predict('?', {'a': 'b', 'c': 'd'}, 'a')"
    program += "; assert not {'IPython', 'ipywidgets', 'anywidget'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT, capture_output=True)


@pytest.mark.slow
def test_in_a_notebook_it_shows_once_and_the_same_each_time(tmp_path: Path) -> None:
    cells = [
        new_code_cell("from minirt.exercises.quiz import predict"),
        new_code_cell(f"predict('How many?', {OPTIONS!r}, answer='one')"),
    ]
    notebook = nbformat.from_dict(new_notebook(cells=cells))
    first, second = (execute(notebook, tmp_path) for _ in range(2))
    for executed in (first, second):
        (output,) = executed.cells[1].outputs
        assert output.output_type == "display_data"
        assert output.data["text/plain"] == SHOWN
        assert set(output.data) == {"text/plain", "text/html"}
        assert "widgets" not in executed.metadata
    assert first.cells[1].outputs == second.cells[1].outputs
