"""Run the notebooks and keep their outputs, so that running them again leaves no difference.

    python -m tests.notebooks              all of them; `04 05` chooses by the beginning of the name
    python -m tests.notebooks --check      run, save nothing, and say which would differ
    python -m tests.notebooks --fresh      also renew outputs that nothing checks (see below)
    python -m tests.notebooks --no-run     only bring the files into their normal form

Each notebook runs in a fresh kernel, from its own folder. What is random or depends on the machine
is then made the same everywhere: identities of cells and widgets, timings, paths in tracebacks. A
saved view or question is drawn by the package's code of today, whenever it was recorded. The output
that answers a prediction is closed, and so is the appendix "For the curious".

A notebook says which Python has written it. JupyterLab compares that with its kernel's, and shows a
notebook that was only opened as modified when the two differ, or when nothing is said. So the
version is there, and stays the one that it was.

Some outputs differ in every run because they are measured: plots, the live view's recording, cells
tagged nbval-ignore-output. When such a cell's code and the kind of its outputs are as before, the
outputs of before are kept, or every run would change every file. `--fresh` renews them.
"""

import argparse
import copy
import hashlib
import json
import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from minirt.exercises import quiz
from minirt.views.saved import BOX, LIVE_VIEW, STATIC, code_of, player, uncoded
from tests.quoting import ADDRESS

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
SANITIZE = Path(__file__).with_name("nbval_sanitize.cfg")

CELL_TIMEOUT = 60  # seconds
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
UNCHECKED_TAGS = frozenset({"nbval-ignore-output", "nbval-skip"})
RAISES_TAGS = frozenset({"raises-exception", "nbval-raises-exception"})
UNCHECKED_MIME_TYPES = frozenset({WIDGET_VIEW, "image/png", "image/jpeg"})  # as nbval has it
OF_THE_EDITOR = ("execution", "ExecuteTime", "scrolled", "trusted")  # cell metadata, says nothing

# what draws a box, by its kind
DRAWS = {LIVE_VIEW: STATIC / "live.js", quiz.__name__: Path(quiz.__file__).with_suffix(".js")}
NAME_OF_RUN = re.compile(r',"run":"[0-9a-f]{32}"')  # in the state of a box; it is random
APPENDIX = "## For the curious"

Notebook = Any  # nbformat.NotebookNode, whose attributes are its keys


def tags(cell: Notebook) -> set[str]:
    return set(cell.metadata.get("tags", []))


# --- running ---


def execute(notebook: Notebook, folder: Path) -> Notebook:
    """A copy with a fresh kernel's outputs; CellExecutionError for an error no tag announces."""
    executed = copy.deepcopy(notebook)
    executed.metadata.pop("widgets", None)
    for cell in executed.cells:
        if tags(cell) & RAISES_TAGS:  # nbclient knows one of the two names that nbval knows
            cell.metadata["tags"] = [*cell.metadata["tags"], "raises-exception"]
    client = NotebookClient(
        executed,
        kernel_name="python3",
        timeout=CELL_TIMEOUT,
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--log-level=ERROR"],
    )
    with tempfile.TemporaryDirectory(prefix="ipython-") as profile:  # nobody's own start-up files
        client.execute(env={**os.environ, "IPYTHONDIR": profile})
    for before, after in zip(notebook.cells, executed.cells, strict=True):
        after.metadata = copy.deepcopy(before.metadata)
    return executed


# --- the normal form ---


def normalise(notebook: Notebook, name: str) -> None:
    """Make what is random or of this machine the same everywhere, in place and idempotently."""
    kept = {
        key: notebook.metadata[key] for key in ("minirt", "widgets") if key in notebook.metadata
    }
    written_by = notebook.metadata.get("language_info", {}).get("version")
    language = {**LANGUAGE, "version": written_by or platform.python_version()}
    notebook.metadata = nbformat.from_dict(
        {**kept, "kernelspec": KERNELSPEC, "language_info": language}
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        content = f"{cell.cell_type}\n{cell.source}"
        seen[content] = seen.get(content, 0) + 1
        cell["id"] = hashlib.sha256(f"{content}\n{seen[content]}".encode()).hexdigest()[:8]
        for key in OF_THE_EDITOR:
            cell.metadata.pop(key, None)
        if is_prediction(cell):  # the source gives the answer away
            cell.metadata["jupyter"] = {"source_hidden": True}
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                output.traceback = [without_paths(line) for line in output.traceback]
            elif output.output_type == "execute_result":  # one that was kept had another number
                output.execution_count = cell.execution_count
            renew_player(output)
    fold(notebook.cells)
    rename_widgets(notebook, Path(name).stem)


def renew_player(output: Notebook) -> None:
    """A saved view or question keeps what it shows, and is drawn by the code of today."""
    html = output.get("data", {}).get("text/html", "")
    if not html.startswith(BOX):
        return
    html = NAME_OF_RUN.sub("", html)
    own, begin, script = html.rpartition("<script>")
    code = code_of(DRAWS[own.partition('data-kind="')[2].partition('"')[0]])
    around, _, rest = player("{{code}}").partition("{{code}}")
    packed = script.removeprefix(around).partition('"')[0]
    if script != f"{around}{packed}{rest}</script></div>" or uncoded(packed) != uncoded(code):
        html = f"{own}{begin}{player(code)}</script></div>"
    output.data["text/html"] = html


def is_prediction(cell: Notebook) -> bool:
    return cell.cell_type == "code" and bool(re.search(r"^predict\(", cell.source, re.MULTILINE))


def experiment_after(cells: list[Notebook], prediction: int) -> int | None:
    """Which cell answers the prediction: the next one that is neither a quote nor a prediction.

    None when nothing is left to run, or an exercise comes first: then the answer stands above.
    """
    for number in range(prediction + 1, len(cells)):
        cell = cells[number]
        if cell.cell_type != "code" or is_prediction(cell) or ADDRESS.match(cell.source):
            continue
        return None if cell.source.startswith("%%exercise") else number
    return None


def fold(cells: list[Notebook]) -> None:
    """Close what a reader opens: the output that answers a prediction, and the appendix.

    JupyterLab opens an output when its cell runs; quiz.js does when the reader has chosen. It says
    in two ways that an output is closed, and adds the one that is not there.
    """
    answers = {experiment_after(cells, n) for n, cell in enumerate(cells) if is_prediction(cell)}
    for number, cell in enumerate(cells):
        if cell.cell_type == "code":
            jupyter = cell.metadata.pop("jupyter", {})
            jupyter.pop("outputs_hidden", None)
            cell.metadata.pop("collapsed", None)
            if number in answers:
                jupyter["outputs_hidden"] = cell.metadata["collapsed"] = True
            if jupyter:
                cell.metadata["jupyter"] = jupyter
        elif cell.source.startswith(APPENDIX):
            cell.metadata["jp-MarkdownHeadingCollapsed"] = True


def without_paths(text: str) -> str:
    """A traceback's line with the package's files named from the project on."""
    folders = [str(ROOT)]
    if ROOT.is_relative_to(Path.home()):
        folders.append("~/" + ROOT.relative_to(Path.home()).as_posix())
    for folder in folders:
        text = re.sub(rf"{re.escape(folder)}/(?!\.venv)", "", text)
    return re.sub(
        r"(?:~|\.\.\.)?/[^\s:\"']*(?=/site-packages/|/python3\.\d+/(?!site-packages/))", "...", text
    )


def widget_states(notebook: Notebook) -> dict[str, Any]:
    states: dict[str, Any] = (
        notebook.metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    )
    return states


def widget_views(outputs: Iterable[Notebook]) -> Iterator[dict[str, Any]]:
    for output in outputs:
        view = output.get("data", {}).get(WIDGET_VIEW)
        if view:
            yield view


def with_references_renamed(value: Any, names: dict[str, str]) -> Any:
    """A widget's state, in which `IPY_MODEL_<identity>` stands for another widget."""
    if isinstance(value, str):
        if value.startswith("IPY_MODEL_"):
            identity = value.removeprefix("IPY_MODEL_")
            return f"IPY_MODEL_{names.get(identity, identity)}"
        return value
    if isinstance(value, dict):
        return nbformat.from_dict(
            {key: with_references_renamed(item, names) for key, item in value.items()}
        )
    if isinstance(value, list):
        return [with_references_renamed(item, names) for item in value]
    return value


def references(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value.startswith("IPY_MODEL_"):
        yield value.removeprefix("IPY_MODEL_")
    elif isinstance(value, dict):
        for key in sorted(value):
            yield from references(value[key])
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def reachable(
    identity: str, states: dict[str, Any], found: dict[str, None] | None = None
) -> list[str]:
    """The widget and those that its state refers to, in an order that no identity decides."""
    found = {} if found is None else found
    if identity in states and identity not in found:
        found[identity] = None
        for other in references(states[identity].get("state", {})):
            reachable(other, states, found)
    return list(found)


def rename_widgets(notebook: Notebook, stem: str) -> None:
    """Number the widgets by their first appearance in the outputs.

    A state that no output shows is dropped: of a live view that was closed, a box of HTML is left.
    """
    states = widget_states(notebook)
    order: dict[str, None] = {}
    views = [view for cell in notebook.cells for view in widget_views(cell.get("outputs", []))]
    for view in views:
        reachable(view["model_id"], states, order)
    if not order:
        notebook.metadata.pop("widgets", None)
        return
    names = {identity: f"{stem}-{number:04}" for number, identity in enumerate(order, start=1)}
    for view in views:
        view["model_id"] = names.get(view["model_id"], view["model_id"])
    renamed = {}
    for identity, name in names.items():
        renamed[name] = with_references_renamed(states[identity], names)
        if renamed[name].get("model_name") == "OutputModel":
            renamed[name]["state"]["msg_id"] = ""
    notebook.metadata.widgets[WIDGET_STATE]["state"] = nbformat.from_dict(renamed)


# --- outputs that differ in every run ---


def sanitize_rules(text: str) -> list[tuple[re.Pattern[str], str]]:
    """The pairs of nbval's sanitize file, read as nbval reads them."""
    pairs = re.findall(r"^regex: (.*)$\n^replace: (.*)$", text, flags=re.MULTILINE)
    return [(re.compile(regex), replacement) for regex, replacement in pairs]


class Comparison:
    """Is a new output the old one, but for what nothing checks?"""

    def __init__(self, rules: list[tuple[re.Pattern[str], str]]) -> None:
        self.rules = rules

    def keep_unchecked(self, old: Notebook, new: Notebook) -> None:
        """Put the old outputs into `new` where only unchecked parts differ; both normalised."""
        old_cells = {cell["id"]: cell for cell in old.cells}
        for cell in new.cells:
            before = old_cells.get(cell["id"])
            if cell.cell_type != "code" or before is None or before.cell_type != "code":
                continue
            if self.same_outputs(
                before.outputs, cell.outputs, is_ignored=bool(tags(cell) & UNCHECKED_TAGS)
            ):
                self._keep(before.outputs, cell, widget_states(old), widget_states(new))

    def same_outputs(self, old: list[Notebook], new: list[Notebook], is_ignored: bool) -> bool:
        if [self._kind(output) for output in old] != [self._kind(output) for output in new]:
            return False
        return is_ignored or all(
            self._checked_text(one) == self._checked_text(other)
            for one, other in zip(old, new, strict=True)
        )

    @staticmethod
    def _kind(output: Notebook) -> tuple[str, ...]:
        return (output.output_type, output.get("name", ""), *sorted(output.get("data", {})))

    def _checked_text(self, output: Notebook) -> str:
        data = output.get("data", {})
        texts = ("text", "ename", "evalue", "traceback")
        checked = {key: output[key] for key in texts if key in output}
        checked |= {
            kind: content for kind, content in data.items() if kind not in UNCHECKED_MIME_TYPES
        }
        text = json.dumps(checked, sort_keys=True)
        for pattern, replacement in self.rules:
            text = pattern.sub(replacement, text)
        return text

    @staticmethod
    def _keep(
        outputs: list[Notebook], cell: Notebook, old: dict[str, Any], new: dict[str, Any]
    ) -> None:
        """The old outputs, with the old state of their widgets under the new identities."""
        pairs: dict[str, str] = {}  # old identity -> new identity
        for view, new_view in zip(widget_views(outputs), widget_views(cell.outputs), strict=True):
            before, now = reachable(view["model_id"], old), reachable(new_view["model_id"], new)
            if [_what_draws(old[one]) for one in before] != [
                _what_draws(new[other]) for other in now
            ]:
                return
            pairs.update(zip(before, now, strict=True))
        cell.outputs = copy.deepcopy(outputs)
        for view in widget_views(cell.outputs):
            view["model_id"] = pairs.get(view["model_id"], view["model_id"])
        for before_id, now_id in pairs.items():
            new[now_id] = with_references_renamed(copy.deepcopy(old[before_id]), pairs)


def comparison() -> Comparison:
    """By the rules that nbval has, too."""
    return Comparison(sanitize_rules(SANITIZE.read_text(encoding="utf-8")))


def _what_draws(model: dict[str, Any]) -> tuple[Any, ...]:
    """A widget's class and code. If these have changed, the old state is worth nothing."""
    state = model.get("state", {})
    code = {key: value for key, value in state.items() if key.startswith("_")}
    return (
        model.get("model_name"),
        model.get("model_module"),
        sorted(state),
        json.dumps(code, sort_keys=True),
    )


# --- the command ---


def make(path: Path, run: bool = True, fresh: bool = False) -> str:
    """The text that the file should have."""
    old = nbformat.read(path, as_version=4)
    new = execute(old, path.parent) if run else copy.deepcopy(old)
    if not fresh and "language_info" in old.metadata:
        new.metadata.language_info = old.metadata.language_info
    normalise(new, path.name)
    if run and not fresh:
        normalise(old, path.name)
        comparison().keep_unchecked(old, new)
        normalise(new, path.name)
    nbformat.validate(new)
    return nbformat.writes(new).rstrip("\n") + "\n"


def chosen(names: list[str], folder: Path = NOTEBOOKS) -> list[Path]:
    """The notebooks whose names begin with one of `names`; all of them without names."""
    wanted = tuple(Path(name).name for name in names)
    return [
        path
        for path in sorted(folder.glob("*.ipynb"))
        if not wanted or path.name.startswith(wanted)
    ]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.notebooks", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="the beginning of a file's name, such as 04"
    )
    parser.add_argument(
        "--check", action="store_true", help="save nothing and say which files would differ"
    )
    parser.add_argument(
        "--fresh", action="store_true", help="also renew outputs that nothing checks"
    )
    parser.add_argument(
        "--no-run", action="store_true", help="only bring the files into their normal form"
    )
    options = parser.parse_args(arguments)
    paths = chosen(options.names)
    if options.names and not paths:
        print(f"no notebook's name begins with {' or '.join(options.names)}", file=sys.stderr)
        return 2
    failed = False
    for path in paths:
        started = time.monotonic()
        try:
            text = make(path, run=not options.no_run, fresh=options.fresh)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            print(f"{path.name}: {error}", file=sys.stderr)
            failed = True
            continue
        differs = text != path.read_text(encoding="utf-8")
        if options.check:
            failed |= differs
        elif differs:
            path.write_text(text, encoding="utf-8")
        outcome = ("would change" if options.check else "changed") if differs else "as before"
        print(f"{path.name}: {outcome}, {time.monotonic() - started:.1f} s", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
