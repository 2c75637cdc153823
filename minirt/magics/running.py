"""How does a `%%minirt` cell run: beside the kernel, or here and now?

In a notebook its cell awaits, so that the view's buttons are heard. But IPython also runs cells in
one go: for `%%time`, `%%capture`, `%rerun` and `%run`, in a script that was made of a notebook, in
a terminal. There nothing can be awaited. So the program runs on the spot, to its end, and has no
controls. In a web page it does so too, in simulated time, and its recording has the controls.
"""

import sys
from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from minirt.core.machine import HAS_THREADS
from minirt.magics.of_asyncio import main_of_asyncio, new_program_of_asyncio
from minirt.magics.options import check_below, read_options
from minirt.magics.program import (
    Program,
    cell_of_caller,
    check_together,
    is_repeated,
    main_of,
    new_program,
    play,
    run,
    run_in_a_page,
    show,
    show_picture,
)

if TYPE_CHECKING:
    from minirt.extension import MinirtMagics

NO_CONTROLS = (
    "%%minirt: this program runs to its end without the live view and its controls, since IPython "
    "runs the cell in one go here. `%minirt picture` draws it afterwards.\n"
)

NO_BUTTON = (
    "%%minirt: --paused needs the live view, whose button goes on. Say %config MinirtMagics.view = "
    "True, or leave --paused out"
)


raised: dict[str, BaseException | None] = {}  # by the name of the cell, until its next statement


def finish() -> None:
    """Raise what the program of this cell raised. In a statement of its own: an await lets not all
    out. The program may have unloaded the extension meanwhile."""
    error = raised.pop(cell_of_caller(), None)
    try:
        if error is not None:
            raise error
    finally:
        del error


class Running:
    """The programs of the notebook's cells."""

    def __init__(self, magics: "MinirtMagics") -> None:
        self._magics = magics
        self._has_said_it = False

    async def beside(self, line: str, text: str, filename: str) -> None:
        """Run the cell of this name while it awaits. What the program raised: see `finish`."""
        options = self._options(line)
        if options is None:
            return
        if options.paused and not (options.sim or self._magics.view):
            raise UsageError(NO_BUTTON)
        program, main, speed = self._begin(options, text, filename)
        shell = self._magics.ip
        if options.sim:
            error = await play(program, main, shell, view=False)
        else:
            view = None if self._magics.view else False
            pace = {"speed": speed, "paused": options.paused}
            error = await play(program, main, shell, view=view, **pace)
        raised[filename] = error
        if options.sim and error is None:
            show(show_picture(program), shell)

    def here(self, line: str, cell: str) -> None:
        """Run it now, to its end."""
        check_below("%%minirt", cell)
        options = self._options(line)
        if options is None:
            return
        shell = self._magics.ip
        text = f"# %%minirt {line}\n{shell.input_transformer_manager.transform_cell(cell)}"
        filename: str = shell.compile.cache(text, shell.execution_count, text)
        program, main, speed = self._begin(options, text, filename)
        if options.sim or HAS_THREADS:
            self._say_once(options.sim)
            error = run(program, main, shell, 1.0 if options.sim else speed)
        else:
            error = run_in_a_page(program, main, shell, self._magics.view)
        try:
            if error is not None:
                raise error
        finally:
            del error
        if options.sim and not is_repeated():
            show(show_picture(program), shell)

    def _say_once(self, is_simulated: bool) -> None:
        if not (is_simulated or self._has_said_it):
            self._has_said_it = True
            sys.stderr.write(NO_CONTROLS)

    def _options(self, line: str) -> Namespace | None:
        return read_options(self._magics.minirt_cell, line, "%%minirt")

    def _begin(
        self, options: Namespace, text: str, filename: str
    ) -> tuple[Program, Callable[[], object], float]:
        magics = self._magics
        speed = magics.speed if options.speed is None else options.speed
        threads = magics.threads if options.threads is None else options.threads
        check_together(options, speed, threads)
        seed = (options.seed or 0) if options.sim else None
        if options.asyncio:
            main = main_of_asyncio(text, filename, magics.ip)
            program = new_program_of_asyncio(seed, options.trace, magics.tee)
        else:
            main = main_of(text, filename, magics.ip)
            program = new_program(threads, seed, options.trace, magics.tee)
        magics.last = program
        if options.trace:
            magics.programs[options.trace] = program
        return program, main, speed
