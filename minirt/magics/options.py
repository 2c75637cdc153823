"""How are a magic's options read, and what is said about one that does not exist?"""

import difflib
import shlex
import sys
import textwrap
from argparse import Namespace
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, TypeVar

from IPython.core import magic as ipython
from IPython.core import magic_arguments as arguments
from IPython.core.error import UsageError

SHORTEST_LIMIT, LONGEST_LIMIT = 0.01, 86_400  # s
LINE_LENGTH = 88  # letters: what a notebook of half a screen shows

Function = TypeVar("Function", bound=Callable[..., Any])
Option: TypeAlias = tuple[tuple[str, ...], dict[str, Any]]


def magic(name: str, *options: Option) -> Callable[[Function], Function]:
    """Make a method the magic `name`, as it is written: "%%minirt" or "%minirt".

    IPython's own decorators, which have no types, for a function that keeps its type.
    """
    of_ipython: Any = arguments
    kind: Any = ipython.cell_magic if name.startswith("%%") else ipython.line_magic
    bare = name.lstrip("%")

    def decorate(function: Function) -> Function:
        for flags, settings in reversed(options):
            function = of_ipython.argument(*flags, **settings)(function)
        function = of_ipython.magic_arguments(bare)(function)
        kind(bare)(function)
        return function

    return decorate


def option(*flags: str, **settings: Any) -> Option:
    """An option of a magic, in the words of argparse's `add_argument`."""
    return flags, settings


def read_options(magic: Callable[..., Any], line: str, name: str) -> Namespace | None:
    """The options on `line`. None when help was asked for, which is printed then.

    UsageError, which IPython shows without a traceback, when an option is wrong.
    """
    parser: arguments.MagicArgumentParser = magic.parser  # type: ignore[attr-defined]
    try:
        words = shlex.split(line)
    except ValueError as error:
        reason = str(error).rstrip(".")
        raise UsageError(
            f"{name}: {reason}. Is a quotation mark open, or a \\ at the end?"
        ) from None
    if {"--help", "-h"} & set(words):
        say(help_text(parser, name))
        return None
    known = [option for action in parser._actions for option in action.option_strings]
    for word in words:
        flag = word.partition("=")[0]
        if flag.startswith("--") and flag not in known:
            raise UsageError(f"{name} has no option {flag}. {close_to(flag, known)}")
    try:
        return parser.parse_args(words)
    except UsageError as error:
        raise UsageError(f"{name}: {error}. `{name} --help` shows what it takes") from None


def help_text(parser: arguments.MagicArgumentParser, name: str) -> str:
    """What `--help` prints."""
    text = parser.format_help().strip().removeprefix("::").strip()
    return name + text.removeprefix("%" + parser.prog)


def first_below(text: str) -> str:
    """The first line of a cell's text that is code: not a blank line, nor a comment."""
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line and not line.startswith("#")), "")


def check_below(name: str, text: str) -> None:
    """UsageError when another cell magic stands below this one, where IPython finds none."""
    below = first_below(text).split()[:1]
    if below and below[0].startswith("%%"):
        raise UsageError(
            f"{name}: {below[0]} stands below it, where IPython looks for no such magic. Put it "
            "above, or into a cell of its own"
        )


def checked_limit(name: str, seconds: float) -> float:
    """The setting of this name, if it is a time limit; UsageError otherwise."""
    if not SHORTEST_LIMIT <= seconds <= LONGEST_LIMIT:
        raise UsageError(
            f"MinirtMagics.{name} = {seconds:g}: a time limit is {SHORTEST_LIMIT} to "
            f"{LONGEST_LIMIT} seconds. Set it with %config MinirtMagics.{name} = 10"
        )
    return seconds


def close_to(wrong: str, known: Iterable[str]) -> str:
    """A sentence: which of the known names may have been meant, or which there are."""
    known = list(known)
    by_letters = {name.lower(): name for name in known}
    close = difflib.get_close_matches(wrong.lower(), by_letters, 1)
    if close:
        return f"Did you mean {by_letters[close[0]]}?"
    return f"There are: {', '.join(known)}." if known else "There are none."


def say(text: object) -> None:
    """Print a line under the cell."""
    sys.stdout.write(f"{text}\n")


def say_in_lines(text: object) -> None:
    """Print prose: a notebook would break a long line within a word."""
    for line in str(text).splitlines():
        indent = " " * (len(line) - len(line.lstrip(" ✓✗")))
        say(
            textwrap.fill(
                line,
                LINE_LENGTH,
                subsequent_indent=indent,
                break_long_words=False,
                break_on_hyphens=False,
            )
        )
