"""How are a magic's options read, and what is said about one that does not exist?"""

import difflib
from argparse import Namespace
from collections.abc import Callable, Iterable
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic_arguments import MagicArgumentParser
from IPython.utils.process import arg_split


def read_options(magic: Callable[..., Any], line: str, name: str) -> Namespace | None:
    """The options on `line`. None when help was asked for, which is printed then.

    `magic` is decorated with `magic_arguments`; `name` is how the reader calls it: "%%minirt".
    UsageError, which IPython shows without a traceback, when an option is wrong.
    """
    parser: MagicArgumentParser = magic.parser  # type: ignore[attr-defined]
    try:
        words = arg_split(line)
    except ValueError as error:
        raise UsageError(f"{name}: {error}: a quotation mark is open") from None
    if {"--help", "-h"} & set(words):
        print(help_text(magic, name))
        return None
    known = [option for action in parser._actions for option in action.option_strings]
    for word in words:
        option = word.partition("=")[0]
        if option.startswith("--") and option not in known:
            raise UsageError(f"{name} has no option {option}. {close_to(option, known)}")
    try:
        return parser.parse_args(words)
    except UsageError as error:
        raise UsageError(f"{name}: {error}. `{name} --help` shows what it takes") from None


def help_text(magic: Callable[..., Any], name: str) -> str:
    """What `--help` prints."""
    parser: MagicArgumentParser = magic.parser  # type: ignore[attr-defined]
    text = parser.format_help().strip().removeprefix("::").strip()
    return name + text.removeprefix("%" + parser.prog)


def close_to(wrong: str, known: Iterable[str]) -> str:
    """A sentence: which of the known names may have been meant, or which there are."""
    known = list(known)
    close = difflib.get_close_matches(wrong, known, 1)
    if close:
        return f"Did you mean {close[0]}?"
    return f"There are: {', '.join(known)}." if known else "There are none yet."
