"""What do you expect? A question that a reader answers before the experiment answers it.

    predict(
        "Two threads draw 1,000 identities each. How many different ones?",
        {
            "2,000": "Only if no thread is interrupted between reading and writing.",
            "fewer": "Both may read the same `token` before either writes it.",
        },
        answer="fewer",
    )

In a notebook the options are buttons, and each shows its why, right or wrong. The page does this
alone: it works while the kernel is busy or gone, and on any day after. Where no script runs, as on
GitHub, every option is a line that unfolds. Text between backticks is shown as code.
"""

import html
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minirt.views.saved import code_of, saved

RIGHT, WRONG = "✓ Right, “{}”.", "✗ Not “{}”."  # begins with what the reader chose
VERDICTS = re.compile(r"(yes|no|right|wrong|true|false|correct)\b[.,:;!]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Question:
    """A question, its options with the why of each, and the one that is right."""

    text: str
    options: Mapping[str, str]  # option -> why it is right or wrong
    answer: str

    def __post_init__(self) -> None:
        if len(self.options) < 2:
            raise ValueError(f"{self.text!r} needs two options or more to choose from.")
        if self.answer not in self.options:
            raise ValueError(f"the answer {self.answer!r} is none of {list(self.options)}.")
        silent = [option for option, why in self.options.items() if not why.strip()]
        if silent:
            raise ValueError(f"say why {silent[0]!r} is right or wrong.")

        judging = [option for option, why in self.options.items() if VERDICTS.match(why.strip())]
        if judging:
            raise ValueError(
                f"the why of {judging[0]!r} begins with a verdict, which is shown before it. "
                "Begin with the reason."
            )

    def __str__(self) -> str:
        return "\n".join([f"Predict: {self.text}", *(f"  ( ) {one}" for one in self.options)])

    def html(self) -> str:
        """What a page without scripts shows: each option unfolds to its why."""
        folded = [
            f"<details><summary>{_with_code(option)}</summary>"
            f"<p>{(RIGHT if option == self.answer else WRONG).format(_with_code(option))} "
            f"{_with_code(why)}</p></details>"
            for option, why in self.options.items()
        ]
        return "\n".join([f"<p><strong>Predict.</strong> {_with_code(self.text)}</p>", *folded])

    def state(self) -> dict[str, Any]:
        """What the page needs to draw it."""
        options = [
            {"text": option, "why": why, "right": option == self.answer}
            for option, why in self.options.items()
        ]
        return {"text": self.text, "options": options}


def predict(question: str, options: Mapping[str, str], answer: str) -> None:
    """Show a question with its options, {option: why it is right or wrong}."""
    asked = Question(question, dict(options), answer)
    shell = _shell()
    if shell is None:
        sys.stdout.write(f"{asked}\n")
        return
    from IPython.display import display

    shown = {"text/plain": str(asked), "text/html": box_of(asked)}
    display(shown, raw=True)  # type: ignore[no-untyped-call]


def box_of(question: Question) -> str:
    """The question as HTML: its buttons, and what a page without scripts shows."""
    code = code_of(Path(__file__).with_suffix(".js"))
    return saved(__name__, question.html(), {"question": question.state()}, {}, code)


def _shell() -> Any:
    """The IPython that runs this program, if one does; asking must not load it."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def _with_code(text: str) -> str:
    """The text as HTML, what stands between backticks as code."""
    return "".join(
        f"<code>{html.escape(part)}</code>" if number % 2 else html.escape(part)
        for number, part in enumerate(text.split("`"))
    )
