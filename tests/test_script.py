"""Do the files of the live view become one module?"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from minirt.views.script import script

STATIC = Path(__file__).resolve().parent.parent / "minirt" / "views" / "static"
FILES = sorted(STATIC.glob("*.js"))
MOST_LINES = 250
IMPORTED = re.compile(r"^import \{([^}]*)\}.*$", re.MULTILINE)
EXPORTED = re.compile(r"^export (?:async )?(?:function|const|let|class) (\w+)", re.MULTILINE)
TOP_LEVEL = re.compile(r"^(?:export )?(?:async )?(?:function|const|let|class) (\w+)", re.MULTILINE)


def exported() -> set[str]:
    return {name for file in FILES for name in EXPORTED.findall(file.read_text(encoding="utf-8"))}


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.js").write_text(text, encoding="utf-8")
    return folder / "entry.js"


def test_a_file_stands_after_what_it_needs_and_only_once(tmp_path: Path) -> None:
    entry = written(
        tmp_path,
        entry='import { b } from "./b.js";\nimport { c } from "./c.js";\nexport default b + c;\n',
        b='import { c } from "./c.js";\nexport const b = c + 1;\n',
        c="export const c = 1;\n",
    )
    lines = [line for line in script(entry).splitlines() if line]
    assert lines == ["const c = 1;", "const b = c + 1;", "export default b + c;"]


def test_an_import_may_have_more_than_one_line(tmp_path: Path) -> None:
    entry = written(
        tmp_path,
        entry='import {\n  b,\n  d,\n} from "./b.js";\nexport default b;\n',
        b="export async function b() {}\nexport class d {}\n",
    )
    joined = "async function b() {} class d {} export default b;"
    assert " ".join(script(entry).split()) == joined


def test_a_file_that_needs_no_other_is_as_it_is() -> None:
    alone = STATIC.parent.parent / "exercises" / "quiz.js"
    assert script(alone) == alone.read_text(encoding="utf-8")


@pytest.mark.parametrize("entry", ["live.js", "widget.js"])
def test_the_view_is_one_module_that_imports_nothing(entry: str) -> None:
    joined = script(STATIC / entry)
    assert not re.findall(r"^import |^export (?!default)", joined, re.MULTILINE)
    assert joined.count("export default") == 1


def test_no_two_files_have_a_name_in_common() -> None:
    names = TOP_LEVEL.findall(script(STATIC / "widget.js"))
    assert len(names) > 50
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_imports_exactly_what_it_takes_from_the_others(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    imported = {name for names in IMPORTED.findall(text) for name in re.findall(r"\w+", names)}
    code = re.sub(r"//.*", "", IMPORTED.sub("", text))
    taken = {name for name in exported() if re.search(rf"(?<![.\w\"]){name}\b(?![\"\w])", code)}
    assert taken - set(TOP_LEVEL.findall(text)) == imported


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node on this machine")
def test_node_can_read_the_module(tmp_path: Path) -> None:
    module = tmp_path / "view.mjs"
    module.write_text(script(STATIC / "widget.js"), encoding="utf-8")
    subprocess.run(["node", "--check", str(module)], check=True)
