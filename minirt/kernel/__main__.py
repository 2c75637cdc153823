"""`python -m minirt.kernel install`: "Python 3 on minirt" in the list of kernels."""

import argparse
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

NAME = "minirt"
TITLE = "Python 3 on minirt"


def parser() -> argparse.ArgumentParser:
    """The command line, as far as a person writes it. Jupyter itself starts a kernel with `-f`."""
    parse = argparse.ArgumentParser(
        prog="python -m minirt.kernel",
        description=f'"{TITLE}": the Python kernel, driven by minirt\'s loop.',
    )
    commands = parse.add_subparsers(dest="command", required=True)
    install = commands.add_parser("install", help="add it to the list of kernels")
    where = install.add_mutually_exclusive_group()
    where.add_argument("--user", action="store_true", help="for this user, whatever the Python")
    where.add_argument("--prefix", type=Path, metavar="FOLDER", help="below this folder")
    commands.add_parser("uninstall", help="take it out of the list")
    return parse


def write_spec(folder: Path) -> Path:
    """Write the kernel's description, as Jupyter reads it, into `folder`. Returns `folder`."""
    from ipykernel.kernelspec import write_kernel_spec

    start = [sys.executable, "-m", "minirt.kernel", "-f", "{connection_file}"]
    write_kernel_spec(folder, {"argv": start, "display_name": TITLE})
    return folder


def install(user: bool = False, prefix: Path | None = None) -> Path:
    """Add the kernel for this Python (the default), for this user, or below `prefix`.

    Returns the folder of its description. PermissionError where this user may not write.
    """
    with TemporaryDirectory() as folder:
        spec = write_spec(Path(folder) / NAME)
        below = None if user else str(prefix or sys.prefix)
        manager = KernelSpecManager()
        return Path(manager.install_kernel_spec(str(spec), NAME, user=user, prefix=below))


def uninstall() -> Path | None:
    """Take it out. Returns the folder that was removed; None when it was not there."""
    try:
        folder = Path(KernelSpecManager().get_kernel_spec(NAME).resource_dir)
    except NoSuchKernel:
        return None
    shutil.rmtree(folder)
    return folder


def main(arguments: list[str] | None = None) -> int:
    """What the command line asks for. The exit code: 0, or 1 when it could not be done."""
    words = sys.argv[1:] if arguments is None else arguments
    if words and words[0].startswith("-") and words[0] not in ("-h", "--help"):
        from minirt.kernel.app import main as serve

        serve()
        return 0
    options = parser().parse_args(words)
    if options.command == "uninstall":
        removed = uninstall()
        print(f'"{TITLE}" is removed from {removed}' if removed else f'"{TITLE}" is not installed')
        return 0
    try:
        folder = install(options.user, options.prefix)
    except PermissionError as error:
        print(
            f"{error.filename} may not be written. Try --user, or --prefix FOLDER", file=sys.stderr
        )
        return 1
    print(f'"{TITLE}" is installed in {folder}. Choose it in JupyterLab: Kernel, Change Kernel')
    return 0


if __name__ == "__main__":
    sys.exit(main())
