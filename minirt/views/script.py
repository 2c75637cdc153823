"""How do the files in static/ become the one module that a page loads?

There is no bundler. Each file says with `import` what it needs of the others, and the files are put
one after another.
"""

import re
from pathlib import Path

IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+)\.js";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


def script(entry: Path) -> str:
    """One ES module: the file `entry`, and before it, each once, what it imports.

    An import names a file beside its own: `import { a, b } from "./file.js";`. The files then have
    one scope, so no two of them may give the same name to something at their top level.
    """
    return "\n".join(_texts(entry, set()))


def _texts(path: Path, done: set[Path]) -> list[str]:
    if path in done:
        return []
    done.add(path)
    text = path.read_text(encoding="utf-8")
    needed = [path.with_name(f"{name}.js") for name in IMPORT.findall(text)]
    before = [one for other in needed for one in _texts(other, done)]
    return [*before, EXPORT.sub("", IMPORT.sub("", text))]
