"""Which words does the series explain, where, and does any come before its cell?

tests/words.toml holds the words. The glossary at the end of chapter 00 is made of them:

    python -m tests.words --write    fills the glossary
    python -m tests.words            says which words come too early, and where; and which thing
                                     has a second name
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from minirt.exercises.registry import exercises
from tests.notebooks import NOTEBOOKS
from tests.quotes import parse_address, parse_cell
from tests.quoting import QuoteError

DATA = Path(__file__).with_name("words.toml")
GLOSSARY_OF = "00_start_here"
HEADING = "## Glossary"
INTRO = "Each word with the chapter that explains it. No chapter uses a word before that place."

FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
INLINE_CODE = re.compile(r"`[^`\n]*`")
ADDRESSES = re.compile(
    r"\[[^\]\n]*\]\([^)]*\)|^\[\w+\]: .*$|<https?:[^>]*>|https?:\S+", re.MULTILINE
)  # links, whose text names a page of this series or of another one
HTML_TAG = re.compile(r"</?\w+[^>]*>")


@dataclass(frozen=True)
class Word:
    word: str
    chapter: str  # "03": the beginning of the notebook's name
    meaning: str
    forms: str = ""  # how it is written, as a regular expression
    of_prose: str = ""  # the same, where the word has a plain meaning, too
    explained: str = ""  # how the cell that explains it writes it
    in_code: bool = False  # a name of code: it also counts between backticks

    def is_used_in(self, prose: str) -> re.Match[str] | None:
        forms = self.of_prose or self.forms or rf"{re.escape(self.word)}s?"
        flags = re.NOFLAG if forms != forms.lower() else re.IGNORECASE
        text = prose.replace("`", " ") if self.in_code else INLINE_CODE.sub(" ", prose)
        return re.search(rf"(?<![\w.-])(?:{forms})(?![\w-])", text, flags)

    def is_explained_in(self, markdown: str) -> bool:
        """Does it stand there in bold or in italics?"""
        forms = self.explained or self.forms or rf"{re.escape(self.word)}s?"
        return bool(re.search(rf"\*`?(?:{forms})`?\*", markdown, re.IGNORECASE))


def words() -> list[Word]:
    found = tomllib.loads(DATA.read_text(encoding="utf-8"))["word"]
    return [Word(**entry) for entry in found]


@dataclass(frozen=True)
class OneWord:
    word: str  # for this thing
    wrong: str  # its other names, as a regular expression
    meant: str = ""  # what the other name means here

    def other_names_in(self, text: str) -> Iterator[re.Match[str]]:
        return re.finditer(rf"(?<![\w.`-])(?:{self.wrong})(?![\w`(-])", text, re.IGNORECASE)


def one_words() -> list[OneWord]:
    found = tomllib.loads(DATA.read_text(encoding="utf-8"))["one_word"]
    return [OneWord(**entry) for entry in found]


def second_names(texts: Mapping[str, str], rules: list[OneWord]) -> list[str]:
    """One sentence for each thing that a text calls by another name than the series."""
    return [
        f"{where}: …{around(match)}…: the word is {rule.word!r}"
        + (f", and {rule.meant}" if rule.meant else "")
        for where, text in texts.items()
        for rule in rules
        for match in rule.other_names_in(text)
    ]


def all_texts(notebooks: Mapping[str, Any]) -> dict[str, str]:
    """Whatever a reader reads: of the cells, also of their comments, and of the exercises."""
    found = {
        f"{name}[{number}]": f"{prose_of(cell)}\n{remarks_of(cell)}"
        for name, notebook in sorted(notebooks.items())
        for number, cell in enumerate(notebook.cells)
    }
    for name, one in exercises().items():
        promises = [check.promise for check in one.checks]
        found[name] = "\n".join([one.task, *one.hints, *promises, remarks_in(one.stub)])
    return found


def remarks_of(cell: Any) -> str:
    return remarks_in(cell.source) if cell.cell_type == "code" else ""


def remarks_in(code: str) -> str:
    """Its comments and docstrings, whether it is Python or not."""
    if code.startswith("%%node"):
        return "\n".join(re.findall(r"// .*", code))
    comments = re.findall(r"(?:^|(?<=\s))# .*", code, re.MULTILINE)
    docstrings = re.findall(r'"""(.*?)"""', code, re.DOTALL)
    return "\n".join(comments + docstrings)


def prose_of(cell: Any) -> str:
    """What a reader reads in a cell: its text, a question's texts, a quote's docstrings."""
    if cell.cell_type == "markdown":
        text = ADDRESSES.sub(" ", FENCED.sub(" ", cell.source))
        return HTML_TAG.sub(" ", text)
    if cell.cell_type != "code":
        return ""
    tree = parse_cell(cell.source)
    return "\n".join(texts_of_code(tree, is_quote(cell.source))) if tree else ""


def is_quote(text: str) -> bool:
    try:
        return parse_address(text) is not None
    except QuoteError:
        return False


def texts_of_code(tree: ast.Module, quoted: bool) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="predict")):
                for text in ast.walk(node):
                    if isinstance(text, ast.Constant) and isinstance(text.value, str):
                        yield text.value
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() if quoted:
                yield ast.get_docstring(node) or ""


def too_early(notebooks: Mapping[str, Any], listed: list[Word]) -> list[str]:
    """One sentence for each word that is used before the cell that explains it, or by none."""
    found = []
    prose = {name: [prose_of(cell) for cell in notebooks[name].cells] for name in notebooks}
    for word in listed:
        used: list[str] = []
        is_known = False
        for name in sorted(notebooks):
            for number, cell in enumerate(notebooks[name].cells):
                if name.startswith(word.chapter) and is_explanation(word, cell):
                    is_known = True
                    break
                if is_passed_over(word, name, number, cell):
                    continue
                match = word.is_used_in(prose[name][number])
                if match:
                    used.append(f"{name}[{number}]: …{around(match)}…")
            if is_known:
                break
        if not is_known:
            found.append(
                f"no cell of chapter {word.chapter} has *{word.word}* in bold or in italics."
            )
            continue
        found += [f"{word.word!r} comes before the cell of {word.chapter}: {use}" for use in used]
    return found


def is_passed_over(word: Word, name: str, number: int, cell: Any) -> bool:
    """The glossary; and what a chapter promises on top, which names what it is going to explain."""
    is_promise = number == 0 and name.startswith(word.chapter) and word.chapter != "00"
    return is_promise or (cell.cell_type == "markdown" and cell.source.startswith(HEADING))


def is_explanation(word: Word, cell: Any) -> bool:
    return cell.cell_type == "markdown" and word.is_explained_in(cell.source)


def around(match: re.Match[str]) -> str:
    start, end = match.span()
    return " ".join(match.string[max(0, start - 40) : end + 30].split())


def glossary(listed: list[Word], names: list[str]) -> str:
    """The text of the cell: a list in the order of the alphabet."""
    lines = [HEADING, "", INTRO, ""]
    for word in sorted(listed, key=lambda word: word.word.lower().removeprefix("the ")):
        (name,) = [name for name in names if name.startswith(word.chapter)]
        link = f"[{word.chapter}]({name}.ipynb)" if name != GLOSSARY_OF else word.chapter
        lines.append(f"- **{word.word}** ({link}): {word.meaning}")
    return "\n".join(lines)


def read_all() -> dict[str, Any]:
    paths = sorted(NOTEBOOKS.glob("*.ipynb"))
    return {path.stem: nbformat.read(path, as_version=4) for path in paths}


def write_glossary(notebooks: Mapping[str, Any]) -> None:
    notebook = notebooks[GLOSSARY_OF]
    text = glossary(words(), list(notebooks))
    cells = [cell for cell in notebook.cells if cell.source.startswith(HEADING)]
    if not cells:
        cells = [nbformat.v4.new_markdown_cell()]
        notebook.cells += cells
    cells[0].source = text
    path = NOTEBOOKS / f"{GLOSSARY_OF}.ipynb"
    nbformat.write(notebook, path)
    from tests.notebooks import make

    path.write_text(make(path, run=False), encoding="utf-8")


def main(arguments: list[str]) -> int:
    notebooks = read_all()
    if "--write" in arguments:
        write_glossary(notebooks)
        return 0
    found = too_early(notebooks, words()) + second_names(all_texts(notebooks), one_words())
    sys.stdout.writelines(f"{sentence}\n" for sentence in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
