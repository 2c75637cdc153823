"""Does each exercise take its model answer, and tell each wrong answer what is wrong with it?"""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from minirt.exercises.mechanism import (
    Answer,
    Exercise,
    Verdict,
    Wrong,
    WrongAnswer,
    check,
    judge,
    open_lines,
)
from minirt.exercises.registry import NoSuchExercise, exercise, exercises
from minirt.exercises.timelimit import TookTooLong, limit
from minirt.extension import load_ipython_extension, unload_ipython_extension
from tests import attacked_again, unusual_answers, unusual_awaiting, unusual_of_asyncio

MORE = (unusual_answers, unusual_awaiting, unusual_of_asyncio, attacked_again)
RIGHT = {name: texts for each in MORE for name, texts in each.RIGHT.items()}
WRONG = {
    name: [answer for each in MORE for answer in each.WRONG.get(name, ())] for name in exercises()
}


EACH = [pytest.param(one, id=name) for name, one in exercises().items()]
EACH_WRONG = [
    pytest.param(one, wrong, id=f"{name}-{number}")
    for name, one in exercises().items()
    for number, wrong in enumerate(one.wrong, start=1)
]
UNUSUAL = [
    pytest.param(exercise(name), text, id=f"{name}-{number}")
    for name, texts in RIGHT.items()
    for number, text in enumerate(texts, start=1)
]
ATTACKS = [
    pytest.param(exercise(name), WrongAnswer(*answer), id=f"{name}-{number}")
    for name, answers in WRONG.items()
    for number, answer in enumerate(answers, start=1)
]


def verdict_on(one: Exercise, text: str, seconds: float = 10) -> Verdict:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, "the cell", "exec"), namespace)
    return judge(one, text, namespace, seconds, "the cell")


# --- every exercise of the package ---


@pytest.mark.parametrize("one", EACH)
@pytest.mark.slow
def test_the_model_answer_is_right(one: Exercise, no_leaks: None) -> None:
    verdict = verdict_on(one, one.answer)
    assert verdict.is_right, str(verdict)
    assert f"✓ {one.name}: right" in str(verdict)


@pytest.mark.parametrize(("one", "wrong"), EACH_WRONG)
@pytest.mark.slow
def test_a_wrong_answer_is_told_what_is_wrong(
    one: Exercise, wrong: WrongAnswer, no_leaks: None
) -> None:
    verdict = verdict_on(one, wrong.text)
    assert not verdict.is_right
    assert wrong.says in str(verdict), str(verdict)


@pytest.mark.slow
@pytest.mark.parametrize(("one", "text"), UNUSUAL)
def test_a_right_answer_in_an_unusual_style_is_right(
    one: Exercise, text: str, no_leaks: None
) -> None:
    verdict = verdict_on(one, text)
    assert verdict.is_right, str(verdict)


@pytest.mark.slow
@pytest.mark.parametrize(("one", "wrong"), ATTACKS)
def test_an_attack_on_the_checks_is_told_what_is_wrong(
    one: Exercise, wrong: WrongAnswer, no_leaks: None
) -> None:
    verdict = verdict_on(one, wrong.text)
    assert not verdict.is_right
    assert wrong.says in str(verdict), str(verdict)


@pytest.mark.parametrize("one", EACH)
def test_each_exercise_is_attacked(one: Exercise) -> None:
    assert len(RIGHT[one.name]) >= 3
    assert len(WRONG[one.name]) >= 4 and len(one.wrong) + len(WRONG[one.name]) >= 8


@pytest.mark.parametrize("one", EACH)
def test_the_messages_of_wrong_answers_differ(one: Exercise) -> None:
    assert len(one.wrong) >= 4, "think of four answers that a reader could really write"
    assert len({wrong.says for wrong in one.wrong}) == len(one.wrong)


@pytest.mark.parametrize("one", EACH)
def test_the_stub_runs_and_is_not_judged(one: Exercise) -> None:
    verdict = verdict_on(one, one.stub)
    assert verdict.untouched is not None, "the stub needs a lone `...` where the reader writes"
    assert f"%hint {one.name}" in str(verdict)
    assert "✗" not in str(verdict)


@pytest.mark.parametrize("one", EACH)
def test_an_exercise_has_all_its_parts(one: Exercise) -> None:
    assert one.name.isidentifier()
    assert one.chapter[:2].isdigit()
    assert one.task.strip() and one.checks
    assert len(one.hints) == 2 and all(hint.strip() for hint in one.hints)
    assert len({each.promise for each in one.checks}) == len(one.checks)


# --- every exercise, as the cell of a notebook ---


@pytest.fixture(scope="module")
def shell() -> Iterator[InteractiveShell]:
    """A real IPython with the extension loaded."""
    shell = InteractiveShell()
    load_ipython_extension(shell)
    yield shell
    unload_ipython_extension(shell)
    shell.history_manager.end_session()


def printed_by(shell: InteractiveShell, one: Exercise, text: str) -> str:
    """What stands under the cell that holds this answer, in one line."""
    shell.reset(new_session=False)
    with capture_output() as captured:
        result = shell.run_cell(f"%%exercise {one.name}\n{text}")
    assert result.success, captured.stdout
    assert all(len(line) <= 88 for line in captured.stdout.splitlines()), captured.stdout
    return " ".join(captured.stdout.split())


@pytest.mark.parametrize("one", EACH)
@pytest.mark.slow
def test_the_model_answer_is_right_in_ipython(one: Exercise, shell: InteractiveShell) -> None:
    assert f"✓ {one.name}: right" in printed_by(shell, one, one.answer)


@pytest.mark.parametrize("one", EACH)
def test_run_all_passes_on_the_stub(one: Exercise, shell: InteractiveShell) -> None:
    assert "not begun, and that is fine" in printed_by(shell, one, one.stub)


@pytest.mark.slow
@pytest.mark.parametrize(("one", "wrong"), EACH_WRONG)
def test_a_wrong_answer_is_told_why_in_ipython(
    one: Exercise, wrong: WrongAnswer, shell: InteractiveShell
) -> None:
    assert " ".join(wrong.says.split()) in printed_by(shell, one, wrong.text)


# --- the mechanism ---


@check("f(1) is 2")
def adds(answer: Answer) -> None:
    result = answer["f"](1)
    if result != 2:
        raise Wrong(f"f(1) was {result}")


@check("f(0) comes back", seconds=0.05, hangs="Zero is where you stop.")
def comes_back(answer: Answer) -> None:
    answer["f"](0)


SMALL = Exercise(
    name="small",
    chapter="99_small",
    task="",
    stub="def f(n): ...",
    checks=(adds, comes_back),
    hints=("", ""),
    answer="def f(n): return n + 1",
    wrong=(),
)


def test_the_promises_that_are_kept_are_listed_before_the_broken_one() -> None:
    text = "def f(n):\n    while n == 0:\n        pass\n    return 2"
    assert str(verdict_on(SMALL, text)) == (
        "✗ small: not yet.\n"
        "  ✓ f(1) is 2\n"
        "  ✗ f(0) comes back\n"
        "    no answer after 0.05 s; your code was still busy in f, line "
        + str(verdict_on(SMALL, text)).partition("line ")[2][0]
        + ". Zero is where you stop.\n"
        "  Stuck? `%hint small`"
    )


def test_an_exception_of_the_answer_is_reported_with_its_line() -> None:
    text = "def f(n):\n    return g(n)\n\ndef g(n):\n    raise LookupError('no n')"
    assert "your code raised LookupError: no n in g, line 5." in str(verdict_on(SMALL, text))


def test_an_answer_that_exits_does_not_take_the_kernel_with_it() -> None:
    assert "your code raised SystemExit in f, line 2." in str(
        verdict_on(SMALL, "def f(n):\n    raise SystemExit")
    )


def test_a_missing_name_suggests_the_one_that_is_there() -> None:
    with pytest.raises(Wrong, match=r"your cell defines no Identities\. There is a Identitys: is"):
        Answer({"Identitys": 1, "_": 2})["Identities"]
    with pytest.raises(Wrong, match=r"your cell defines no Identities\.$"):
        Answer({"x": 1})["Identities"]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("def f(n):\n    ...", [2]),
        ("def f(n): ...", [1]),
        ("x = 1\n...\n", [2]),
        ("def f(n):\n    ...\n\ndef g(n): ...", [2, 4]),
        ("def f(n):\n    return n", []),
        ("Callable[..., int]\nx = ...", []),
        ("%time 1\n...\n...", [2, 3]),
    ],
)
def test_a_lone_ellipsis_marks_where_to_write(text: str, lines: list[int]) -> None:
    assert open_lines(text) == lines


def test_an_answer_with_one_of_two_parts_is_begun_and_not_finished() -> None:
    stub = exercise("identity_8_bits").stub
    half = stub.replace("...", "return 1", 1)
    verdict = verdict_on(exercise("identity_8_bits"), half)
    assert "begun, and not finished. Line 12 still holds `...`" in str(verdict)
    assert "what is missing is generate_cb_identity (line 12)" in str(verdict)
    assert "✗" not in str(verdict) and not verdict.is_right


@pytest.mark.parametrize("one", EACH)
def test_code_beside_the_ellipsis_is_a_beginning(one: Exercise) -> None:
    line = next(line for line in one.stub.splitlines() if line.strip() == "...")
    verdict = verdict_on(one, one.stub.replace(line, line.replace("...", "x = 1\n") + line, 1))
    assert "begun, and not finished" in str(verdict)


def test_a_comment_is_no_beginning() -> None:
    one = exercise("pool_fair")
    assert "not begun" in str(verdict_on(one, "# mine\n\n" + one.stub))


def test_every_part_that_is_missing_is_named() -> None:
    one = exercise("echo_on_poll")
    text = one.stub.replace("self.last_token = 0", "self.last_token = 1")
    assert "what is missing is accept (line 20) and answer (line 24)" in str(verdict_on(one, text))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("class f: pass", "could not be used as the text says"),
        ("def f(): return 2", "takes 0 positional arguments but 1 was given"),
    ],
)
def test_a_check_that_cannot_use_the_answer_does_not_say_that_the_code_raised(
    text: str, says: str
) -> None:
    verdict = str(verdict_on(SMALL, text))
    assert says in verdict
    assert "your code raised" not in verdict


def test_an_unknown_exercise_suggests_a_close_one() -> None:
    with pytest.raises(NoSuchExercise, match="Did you mean identity_8_bits"):
        exercise("identity_8bit")
    with pytest.raises(NoSuchExercise, match=r"There are: .*identity_8_bits"):
        exercise("zzz")


# --- the time limit ---


def endless(swallow: type[BaseException]) -> None:
    give_up = time.monotonic() + 5
    while time.monotonic() < give_up:
        try:
            while time.monotonic() < give_up:
                pass
        except swallow:
            swallow = ZeroDivisionError  # swallows one alarm only


@pytest.mark.parametrize("swallow", [Exception, BaseException], ids=["catches", "swallows"])
@pytest.mark.parametrize("thread", ["main", "other"])
def test_an_endless_loop_ends_in_any_thread(thread: str, swallow: type[BaseException]) -> None:
    ended: list[str] = []

    def run() -> None:
        try:
            with limit(0.05):
                endless(swallow)
        except TookTooLong:
            ended.append("in time")

    if thread == "main":
        run()
    else:
        other = threading.Thread(target=run)
        other.start()
        other.join()
    assert ended == ["in time"]


def test_a_sleep_is_ended_as_well() -> None:
    began = time.monotonic()
    with pytest.raises(TookTooLong), limit(0.05):
        time.sleep(5)
    assert time.monotonic() - began < 2


def test_nothing_rings_after_the_end() -> None:
    with limit(0.01):
        pass
    with pytest.raises(TookTooLong), limit(0.05):
        time.sleep(5)
