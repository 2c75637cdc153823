"""Which words may stand at the cursor, in the line of a magic of ours?

IPython asks its matchers one after the other, each with the text of the cell and the place of the
cursor. Ours answers in the lines of our magics alone, and what it says there keeps the others, who
would offer the names of Python, from being asked. The words come from where they are used: options
from the parser of the magic, values from whoever looks them up when the magic runs.
"""

import argparse
import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from IPython.core import completer

# values(magic, option, words): what may stand for an option or a word of a magic, after these words
Values = Callable[[str, str, Sequence[str]], Iterable[str]]
LINE = re.compile(r"\s*(?:[\w., ]+=\s*)?(?P<kind>%%?)(?P<name>[\w-]+)\s(?P<rest>.*)", re.DOTALL)
KINDS = ("line", "cell")  # one per cent sign, two
# A word as shlex reads it: a quotation mark may be open at its end
WORD = re.compile(r"""(?:'[^']*'?|"(?:\\.|[^"\\])*"?|\\.?|[^\s'"\\])+""", re.DOTALL)


class Completion:
    """The matcher for `ip.Completer.custom_matchers`."""

    def __init__(self, magics: dict[str, dict[str, Any]], values: Values) -> None:
        self._magics = magics  # kind -> name -> function
        self._values = values

    def matches(self, context: Any) -> dict[str, Any]:
        """What IPython asks for: the words, and which part of the text they stand for."""
        fragment, words = self.words(context)
        found: Any = completer  # has no types
        return {
            "completions": [found.SimpleCompletion(word, type="magic") for word in words],
            "matched_fragment": fragment,
            "suppress": bool(words),
            "ordered": True,
        }

    # how IPython knows that a matcher wants a context, and which one it is
    matches.matcher_api_version = 2  # type: ignore[attr-defined]
    matches.matcher_identifier = "minirt"  # type: ignore[attr-defined]

    def words(self, context: Any) -> tuple[str, list[str]]:
        """(what stands before the cursor, what may stand there)."""
        line = LINE.fullmatch(context.text_until_cursor)
        above = context.full_text.split("\n")[: context.cursor_line]
        if line is None or (line["kind"] == "%%" and not all(map(may_stand_above, above))):
            return "", []
        *before, fragment = words_before(line["rest"])
        magic = self._magics[KINDS[len(line["kind"]) - 1]].get(line["name"])
        parser = getattr(magic, "parser", None)
        if isinstance(parser, argparse.ArgumentParser):
            option, equals, value = fragment.partition("=")
            if equals:
                before, fragment = [*before, option], value
            known = self._at_the_cursor(parser, line["name"], before, fragment)
        else:
            known = self._values(line["name"], "", before)
        begun = unquoted(fragment)
        return fragment, [shlex.quote(word) for word in known if word.startswith(begun)]

    def _at_the_cursor(
        self, parser: argparse.ArgumentParser, name: str, before: list[str], fragment: str
    ) -> Iterable[str]:
        """The next word of a magic: the value of an option, a word of its own, or an option."""
        options = {flag: action for action in parser._actions for flag in action.option_strings}
        words = [action for action in parser._actions if not action.option_strings]
        used, given = set(), []  # options, words
        waiting: argparse.Action | None = None  # an option whose value comes next
        for word in before:
            action = options.get(word.partition("=")[0])
            if waiting is not None:
                waiting = None
            elif action is None:
                given.append(word)
            else:
                used.add(action)
                waiting = action if action.nargs != 0 and "=" not in word else None
        if waiting is None and len(given) < len(words) and not fragment.startswith("-"):
            waiting = words[len(given)]
        if waiting is not None:
            return waiting.choices or self._values(name, waiting.dest, given)
        return [*(flag for flag in options if options[flag] not in used), "--help"]


def words_before(text: str) -> list[str]:
    """The words before the cursor as they are written, and the one at it, which may be empty."""
    words = WORD.findall(text)
    return words if words and text.endswith(words[-1]) else [*words, ""]


def unquoted(word: str) -> str:
    """What a word stands for, of which the end is not written yet."""
    for end in ("", "'", '"'):
        try:
            return "".join(shlex.split(word + end))
        except ValueError:
            pass  # a quotation mark is open, or a backslash is its last letter
    return word.rstrip("\\")


def may_stand_above(line: str) -> bool:
    """May a cell magic follow this line: a blank one, a comment, or a magic as `%%time`?"""
    return not line.strip() or line.lstrip().startswith(("#", "%%"))
