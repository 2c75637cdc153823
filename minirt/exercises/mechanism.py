"""What is an exercise, and how is an answer to it judged?

How to write one: make a module in this folder (`identity.py` is an example to copy) with a tuple
`EXERCISES` of `Exercise`. Nothing needs to be registered, and `tests/test_exercises.py` finds it.

    stub    what stands in the notebook under `%%exercise NAME`. It runs without an error, and holds
            a lone `...` where the reader has to write: as long as one is left, nothing is judged.
    checks  functions of an `Answer`, each with the promise that it tests:
                @check("after 255 comes 0")
                def wraps(answer): ...
            An answer is wrong when its check raises `Wrong`, with a sentence about what the answer
            did ("your identity 3 was given twice: first to ..., then to ..."). Any other exception
            is reported as the reader's own, with its line. `check(..., seconds=1, hangs="...")`
            says what it means when the check does not come back. The first check that fails ends
            the judging, so put what a reader meets first, first.
    hints   two: where to look, then what to do.
    answer  the model answer: all checks take it.
    wrong   at least four answers that a reader could really write, each with a part of the message
            that must reject it: WrongAnswer(text, says).
"""

import ast
import difflib
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from minirt.exercises.timelimit import TookTooLong, limit


class Wrong(Exception):
    """The answer does not keep a promise; the message says what it did instead."""


class Answer:
    """What the reader's cell made: `answer["Identities"]` is the object of that name.

    text: the cell, for a check that runs it once more elsewhere.
    """

    def __init__(self, namespace: Mapping[str, Any], text: str = "") -> None:
        self._namespace = namespace
        self.text = text

    def __getitem__(self, name: str) -> Any:
        if name in self._namespace:
            return self._namespace[name]
        own = [other for other in self._namespace if not other.startswith("_")]
        close = difflib.get_close_matches(name, own, 1)
        found = f" There is a {close[0]}: is that it?" if close else ""
        raise Wrong(f"your cell defines no {name}.{found}")


@dataclass(frozen=True, slots=True)
class Check:
    """One promise, and the function that tests it."""

    promise: str
    test: Callable[[Answer], None]
    seconds: float | None  # None: as long as the notebook's setting says
    hangs: str  # what it means when the time is over


def check(
    promise: str, seconds: float | None = None, hangs: str = ""
) -> Callable[[Callable[[Answer], None]], Check]:
    """Make a `Check` of the function below."""
    return lambda test: Check(promise, test, seconds, hangs)


@dataclass(frozen=True, slots=True)
class WrongAnswer:
    """An answer that a reader could really write, and a part of the message that rejects it."""

    text: str
    says: str


@dataclass(frozen=True, slots=True)
class Exercise:
    """One exercise. The texts of `stub`, `answer` and `wrong` are Python."""

    name: str
    chapter: str  # as in the notebook's file name: "01_identity"
    task: str
    stub: str
    checks: tuple[Check, ...]
    hints: tuple[str, str]
    answer: str
    wrong: tuple[WrongAnswer, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checks say: the promises that were kept, and the first one that was not."""

    exercise: Exercise
    kept: tuple[str, ...]
    broken: str | None = None  # the promise
    message: str = ""  # what the answer did instead
    untouched: int | None = None  # the line that still holds `...`
    is_begun: bool = False  # the cell is not the stub any more
    missing: str = ""  # the functions that hold it: "answer (line 24)"

    @property
    def is_right(self) -> bool:
        return self.broken is None and self.untouched is None

    def __str__(self) -> str:
        name = self.exercise.name
        if self.untouched is not None and self.is_begun:
            return (
                f"{name}: begun, and not finished. Line {self.untouched} still holds `...`, and "
                f"what is missing is {self.missing}: put your code there, in place of `...`, and "
                f"run the cell again. `%hint {name}` helps to go on."
            )
        if self.untouched is not None:
            return (
                f"{name}: not begun, and that is fine. Line {self.untouched} still holds `...`: "
                f"put your code there and run the cell again. `%hint {name}` helps to begin."
            )
        kept = [f"  ✓ {promise}" for promise in self.kept]
        if self.broken is None:
            return "\n".join([f"✓ {name}: right, all {len(kept)} checks pass.", *kept])
        message = self.message.replace("\n", "\n    ")
        wrong = [f"  ✗ {self.broken}", f"    {message}"]
        return "\n".join([f"✗ {name}: not yet.", *kept, *wrong, f"  Stuck? `%hint {name}`"])


def judge(
    exercise: Exercise, text: str, namespace: Mapping[str, Any], seconds: float, filename: str
) -> Verdict:
    """Put an answer to its checks, each within `seconds`.

    `text` is the cell, `namespace` what running it left, `filename` the name it was compiled under.
    """
    if lines := open_lines(text):
        is_begun = _code(text) != _code(exercise.stub)
        missing = _missing(text, lines)
        return Verdict(exercise, (), untouched=lines[0], is_begun=is_begun, missing=missing)
    kept: list[str] = []
    answer = Answer(namespace, text)
    for one in exercise.checks:
        message = _complaint(one, answer, seconds, filename)
        if message is not None:
            return Verdict(exercise, tuple(kept), one.promise, message)
        kept.append(one.promise)
    return Verdict(exercise, tuple(kept))


def open_lines(text: str) -> list[int]:
    """The lines that hold nothing but `...`: there the reader has to write still."""
    try:
        tree = ast.parse(text)
    except SyntaxError:  # a cell with magics in it: look at the lines
        numbered = enumerate(text.splitlines(), start=1)
        return [number for number, line in numbered if line.strip() == "..."]
    lines = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and node.value.value is ...
    ]
    return sorted(lines)


def _code(text: str) -> str:
    """What a cell does, whatever its comments and blank lines."""
    try:
        return ast.dump(ast.parse(text))
    except SyntaxError:  # a cell with magics in it
        return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def _missing(text: str, lines: list[int]) -> str:
    """The parts that hold these lines, by name: "refresh (line 18) and due (line 22)"."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except SyntaxError:
        nodes = []
    parts = []
    for line in lines:
        around = [
            node
            for node in nodes
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            and node.lineno <= line <= (node.end_lineno or 0)
        ]
        name = max(around, key=lambda node: node.lineno).name if around else "the program"
        parts.append(f"{name} (line {line})")
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


def _complaint(one: Check, answer: Answer, seconds: float, filename: str) -> str | None:
    """What is wrong, None when the promise is kept."""
    allowed = min(seconds, one.seconds or seconds)
    try:
        with limit(allowed):
            one.test(answer)
    except Wrong as wrong:
        return str(wrong)
    except TookTooLong as over:
        where = _where(over, filename)
        hangs = one.hangs or "Is there a loop that never ends, or something it waits for in vain?"
        return f"no answer after {allowed:g} s; your code was still busy{where}. {hangs}"
    except (Exception, SystemExit) as error:
        if not _where(error, filename) and (told := _unfit(error)):
            return told
        return f"your code raised {_name(error)}{_where(error, filename)}."
    return None


def _unfit(error: BaseException) -> str:
    """What a check found when it used the answer as its text says; "" for any other error."""
    if isinstance(error, AttributeError) and error.name is not None:
        if error.obj is None:
            return f"the check got None, where something with `{error.name}` was expected."
        kind = error.obj if isinstance(error.obj, type) else type(error.obj)
        return f"your {kind.__name__} has no `{error.name}`. Is it there, and spelled so?"
    if isinstance(error, TypeError):
        return (
            f"your code could not be used as the text says: {error}. Look at the names and the "
            "number of what it takes, and at what it returns."
        )
    return ""


def _name(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _where(error: BaseException, filename: str) -> str:
    """The line of the reader's cell that an error passed last."""
    passed = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in passed if frame.filename == filename]
    return f" in {own[-1].name}, line {own[-1].lineno}" if own else ""
