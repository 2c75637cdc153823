"""How does a student's server begin? With a copy of the notebooks that is theirs for good.

    python start_server.py NOTEBOOKS FOLDER [COMMAND ...]

Copies each file of NOTEBOOKS that FOLDER does not have, and never writes over one that it has: what
a student changed stays, and a file that they renamed or deleted is there again, as new. Then it
becomes COMMAND, no process of which can have more than MEM_LIMIT bytes of its own; so JupyterHub
calls what its `mem_limit` says. All of it happens with the student's rights, not with the hub's.
"""

import os
import resource
import shutil
import sys
from pathlib import Path


def copy_missing(source: Path, target: Path) -> None:
    """Copy the files of `source` that `target` does not have; hidden ones are left out."""
    target.mkdir(parents=True, exist_ok=True)
    for one in sorted(source.rglob("*")):
        name = one.relative_to(source)
        other = target / name
        if any(part.startswith((".", "__")) for part in name.parts) or os.path.lexists(other):
            continue
        if one.is_dir():
            other.mkdir()
        elif other.parent.is_dir():  # else the student has put a file where the folder was
            # first under another name: a copy that was cut short is not taken for the file
            half = other.with_name(f".{other.name}.part")
            shutil.copyfile(one, half)
            half.replace(other)


def limit_memory(size: int) -> None:
    """Let no process have more than `size` bytes of its own; what it starts inherits that."""
    # not RLIMIT_AS, which counts what is only reserved: Node reserves gigabytes
    resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def main(arguments: list[str]) -> None:
    notebooks, folder, *command = arguments
    copy_missing(Path(notebooks), Path(folder).expanduser())
    if command:
        if "MEM_LIMIT" in os.environ:
            limit_memory(int(os.environ["MEM_LIMIT"]))
        os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
