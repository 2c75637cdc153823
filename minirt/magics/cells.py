"""How does a cell that begins with `%%minirt` become a program, and still run as a normal cell?

By its text, before IPython reads it: a cell magic that ran the cell itself could not contain
`await`, and would fire the cell's events twice.
"""

from IPython.core.inputtransformer2 import leading_indent

ROOM = 'get_ipython().magics_manager.registry["MinirtMagics"]'


def rewrite(lines: list[str]) -> list[str]:
    """A transform for `ip.input_transformers_cleanup`: the lines of any cell, with their ends."""
    blank = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
    cell = leading_indent(lines[blank:])
    if not cell:
        return lines
    magic, _, options = cell[0].strip().partition(" ")
    match magic:
        case "%%minirt":
            text = commented(lines[:blank], cell)
            return [f"await {ROOM}.program({options.strip()!r}, {text!r})\n"]
        case "%%exercise":
            text = commented(lines[:blank], cell)
            start = f"{ROOM}.begin({options.strip()!r}, {text!r})\n"
            return lines[:blank] + [start] + cell[1:]
    return lines


# IPython asks every transform without side effects whether a cell is complete. This one stays out
# of it, so that a terminal treats these cells as it does every other cell magic.
rewrite.has_side_effects = True  # type: ignore[attr-defined]


def commented(blank: list[str], cell: list[str]) -> str:
    """The cell with its first line as a comment: Python, and every line at its place."""
    return "".join([*blank, "# " + cell[0], *cell[1:]])
