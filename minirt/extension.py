"""What does `%load_ext minirt` add to a notebook?

    %%minirt            the cell is a program; watch it run
    %minirt             how the last program is doing; its trace, its picture
    %%exercise NAME     the cell is an answer; it runs, then it is checked
    %hint, %solution    help with an exercise
    %%node              the cell is JavaScript: what does real Node print?
    %node_order NAME    what Node printed for a recorded program
    %gui minirt         runtimes go on while the kernel is idle, so that cells return at once
    %config MinirtMagics    what holds where an option is left out

Each has `--help`. `%unload_ext minirt` leaves nothing behind.
"""

from typing import Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, magics_class
from traitlets import Bool, Float, Int

from minirt.magics import check, gui
from minirt.magics.answers import Answers, Folded
from minirt.magics.cells import rewrite
from minirt.magics.console import Tee
from minirt.magics.node import recorded, recorded_program, run_node, show_recorded, side_by_side
from minirt.magics.options import close_to, magic, option, read_options, say, say_in_lines
from minirt.magics.program import (
    Program,
    cell_of_caller,
    check_together,
    export,
    main_of,
    new_program,
    run,
    show,
    show_picture,
)

WHAT = ("status", "trace", "export", "picture", "check")


@magics_class
class MinirtMagics(Magics):
    """The magics, their settings, and what they remember."""

    threads = Int(4, help="Threads of the pool of a %%minirt program.").tag(config=True)
    speed = Float(1.0, help="Pace of a %%minirt program: 0.5 is half as fast.").tag(config=True)
    view = Bool(True, help="Show the live view of a %%minirt program?").tag(config=True)
    exercise_time_limit = Float(
        10.0, help="Seconds for the cell of an %%exercise, and for each of its checks."
    ).tag(config=True)
    node_time_limit = Float(10.0, help="Seconds for the program of a %%node cell.").tag(config=True)

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.ip = shell
        self.answers = Answers(shell)
        self.programs: dict[str, Program] = {}  # those that --trace keeps, by name
        self.last: Program | None = None
        self._tee = Tee()
        self.loop: gui.KernelLoop | None = None

    # Programs

    @magic(
        "%%minirt",
        option(
            "--sim", action="store_true", help="Run in simulated time; draw a picture after it."
        ),
        option(
            "--seed",
            type=int,
            default=None,
            help="Seed of the simulation: one seed, one order. Default: 0.",
        ),
        option("--speed", type=float, default=None, help="Pace: 0.5 is half as fast."),
        option(
            "--paused", action="store_true", help="Begin paused: the view has a button to go on."
        ),
        option("--trace", metavar="NAME", default="", help="Keep the recording under this name."),
        option("--threads", type=int, default=None, help="Threads of the pool. Default: 4."),
    )
    def minirt_cell(self, line: str, cell: str) -> None:
        """Run the cell as a program, and show the live view while it runs.

        The cell is the body of main(): it may use the names of the notebook, and what it defines
        stays. A name of minirt that it uses and that nobody defined, such as set_timeout, is
        imported. The cell is over when the program is; interrupt the kernel to stop it.
        """
        raise UsageError("%%minirt must be the first line of its cell")

    def program(self, line: str, text: str) -> Any:
        """What a `%%minirt` cell becomes: to be awaited."""
        return self._program(line, text, cell_of_caller())

    async def _program(self, line: str, text: str, filename: str) -> None:
        options = read_options(self.minirt_cell, line, "%%minirt")
        if options is None:
            return
        speed = self.speed if options.speed is None else options.speed
        check_together(options, speed)
        main = main_of(text, filename, self.ip)
        seed = (options.seed or 0) if options.sim else None
        threads = self.threads if options.threads is None else options.threads
        program = self.last = new_program(threads, seed, options.trace, self._tee)
        if options.trace:
            self.programs[options.trace] = program
        if options.sim:
            await run(program, main, self.ip, view=False)
            show(show_picture(program), self.ip)
        else:
            view = None if self.view else False
            await run(program, main, self.ip, view=view, speed=speed, paused=options.paused)

    @magic(
        "%minirt",
        option("what", nargs="?", default="status", help=" | ".join(WHAT) + ". Default: status."),
        option("name", nargs="?", default="", help="trace NAME, or export FILE."),
    )
    def minirt_line(self, line: str) -> object:
        """Ask about the last program of a `%%minirt` cell.

        %minirt                 how it is doing, and which recordings are kept
        %minirt trace NAME      go back to the recording that --trace NAME has kept
        %minirt picture         draw it
        %minirt export FILE     write it: .json for ui.perfetto.dev, .jsonl one event a line
        %minirt check           is everything here that the chapters use?
        """
        options = read_options(self.minirt_line, line, "%minirt")
        if options is None:
            return None
        if options.what not in WHAT:
            raise UsageError(f"%minirt has no {options.what!r}. {close_to(options.what, WHAT)}")
        if options.what == "check":
            say(check.report())
            return None
        if options.what == "trace":
            return self._trace(options.name)
        program = self._last()
        if options.what == "picture":
            return show_picture(program)
        say(export(program, options.name) if options.what == "export" else self._status(program))
        return None

    def _last(self) -> Program:
        if self.last is None:
            raise UsageError("%minirt: no program has run yet. Put %%minirt over a cell and run it")
        return self.last

    def _status(self, program: Program) -> str:
        lines = [str(program), program.state()]
        if self.programs:
            lines.append(f"kept: {', '.join(self.programs)}")
        return "\n".join(lines)

    def _trace(self, name: str) -> Program:
        if name not in self.programs:
            known = close_to(name, self.programs)
            what = f"%minirt trace: nothing is kept as {name!r}." if name else "%minirt trace NAME."
            raise UsageError(f"{what} {known} Keep one with %%minirt --trace NAME")
        self.last = self.programs[name]
        return self.last

    # Exercises

    @magic(
        "%%exercise",
        option("name", nargs="?", default="", help="Which exercise."),
    )
    def exercise_cell(self, line: str, cell: str) -> None:
        """Run the cell as an answer to an exercise: first as any other cell, then its checks.

        As long as a lone `...` is left in it, nothing is judged. A cell that does not end is ended
        after %config MinirtMagics.exercise_time_limit seconds.
        """
        raise UsageError("%%exercise must be the first line of its cell")

    def begin(self, line: str, text: str) -> None:
        """What the first line of an `%%exercise` cell becomes."""
        options = read_options(self.exercise_cell, line, "%%exercise")
        if options is not None:
            limit = self.exercise_time_limit
            self.answers.begin(options.name, text, cell_of_caller(), limit)

    @magic(
        "%hint",
        option("name", nargs="?", default="", help="Default: the exercise that was tried last."),
    )
    def hint(self, line: str) -> None:
        """Give a hint for an exercise: the first one, and asked again the second."""
        options = read_options(self.hint, line, "%hint")
        if options is not None:
            say_in_lines(self.answers.hint(options.name))

    @magic(
        "%solution",
        option("name", nargs="?", default="", help="Default: the exercise that was tried last."),
    )
    def solution(self, line: str) -> Folded | None:
        """Show an answer to an exercise. In a notebook it is folded: click to see it."""
        options = read_options(self.solution, line, "%solution")
        return None if options is None else self.answers.solution(options.name)

    # Node

    @magic(
        "%%node",
        option("--alone", action="store_true", help="Do not compare with the last minirt program."),
    )
    def node(self, line: str, cell: str) -> None:
        """Run the cell's JavaScript in real Node, and compare its lines with the last program's.

        The last program is that of the `%%minirt` cell that ran last. Node is ended after
        %config MinirtMagics.node_time_limit seconds.
        """
        options = read_options(self.node, line, "%%node")
        if options is None:
            return
        ran = run_node(cell, self.node_time_limit)
        say(self._compared(ran.lines, options.alone) or "(Node printed nothing)")
        if ran.errors.strip():
            say(f"\nstderr:\n{ran.errors.strip()}")
        if ran.ended:
            say(f"\n{ran.ended}.")

    @magic("%node-order")
    @magic(
        "%node_order",
        option("name", nargs="?", default="", help="Which program. Left out: list them."),
        option("--compare", action="store_true", help="Compare with the last minirt program."),
    )
    def node_order(self, line: str) -> None:
        """Show what real Node printed for a recorded program, and why. No Node is needed."""
        options = read_options(self.node_order, line, "%node_order")
        if options is None:
            return
        if not options.name:
            say("\n".join(f"{name:<35} {p['title']}" for name, p in recorded().items()))
            return
        program = recorded_program(options.name)
        say(show_recorded(program))
        if options.compare:
            own = self._last().console.texts()
            order = own if own in program["orders"] else program["orders"][0]
            say("\n" + self._compared(order, False))

    def _compared(self, lines: list[str], alone: bool) -> str:
        if alone or not lines or self.last is None:
            return "\n".join(lines)
        console = self.last.console
        return side_by_side(lines, console.texts(), console.origins())


# IPython calls these two


def load_ipython_extension(ip: InteractiveShell) -> None:
    """`%load_ext minirt`."""
    magics = MinirtMagics(ip)
    ip.register_magics(magics)
    ip.input_transformers_cleanup.insert(0, rewrite)
    ip.events.register("post_run_cell", magics.answers.end)
    magics.loop = gui.register(ip)


def unload_ipython_extension(ip: InteractiveShell) -> None:
    """`%unload_ext minirt`: nothing is left."""
    magics = ip.magics_manager.registry.pop("MinirtMagics", None)
    if not isinstance(magics, MinirtMagics):
        return
    if magics.loop is not None:
        magics.loop.remove()
    ip.events.unregister("post_run_cell", magics.answers.end)
    ip.input_transformers_cleanup.remove(rewrite)
    configurables: list[Any] = ip.configurables
    configurables.remove(magics)
    for kind, names in magics.magics.items():
        for name in names:
            ip.magics_manager.magics[kind].pop(name, None)
