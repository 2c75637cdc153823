"""Has a student seen what the author of the notebook saw?"""

from collections.abc import Iterator
from typing import Any

from tests.notebooks import RAISES_TAGS, UNCHECKED_TAGS, comparison, tags


class SeenOtherwise(Exception):
    """A cell shows an error, or something else than is kept in the notebook. Says what."""


def compare(cell: Any, outputs: list[Any]) -> None:
    """Compare a cell's new outputs with its kept ones, as strictly as the notebooks' own tests.

    SeenOtherwise for an error that no tag announces, and for an output that differs where the
    cell's tags do not say that it may.
    """
    where = cell.source.partition("\n")[0]
    for output in outputs:
        if output.output_type == "error" and not tags(cell) & RAISES_TAGS:
            raise SeenOtherwise(f"{output.ename}: {output.evalue} in: {where}")
    outputs = list(merged(outputs))
    if not comparison().same_outputs(cell.outputs, outputs, bool(tags(cell) & UNCHECKED_TAGS)):
        seen = " ".join(words(output) for output in outputs)
        raise SeenOtherwise(f"{seen[:300]!r} in: {where}")


def merged(outputs: list[Any]) -> Iterator[Any]:
    """One output for all that goes to one stream, as a notebook keeps it."""
    streams: dict[str, Any] = {}
    for output in outputs:
        if output.output_type == "stream":
            if (first := streams.get(output.name)) is not None:
                first.text += output.text
                continue
            streams[output.name] = output
        yield output


def words(output: Any) -> str:
    """What a person could read of an output."""
    data = output.get("data", {})
    return str(output.get("text") or data.get("text/plain") or output.output_type)
