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

from collections.abc import Awaitable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, magics_class
from traitlets import Bool, Float, Int

from minirt.core.machine import HAS_THREADS, IN_A_PAGE
from minirt.exercises.registry import exercises
from minirt.magics import check, gui
from minirt.magics.answers import Answers, Folded
from minirt.magics.cells import rewrite
from minirt.magics.completion import Completion
from minirt.magics.console import Tee
from minirt.magics.coroutines import Rewriter
from minirt.magics.interrupts import Insistent
from minirt.magics.node import recorded, recorded_program, show_recorded, side_by_side
from minirt.magics.options import (
    check_below,
    checked_limit,
    close_to,
    magic,
    option,
    read_options,
    say,
    say_in_lines,
)
from minirt.magics.program import Program, cell_of_caller, export, show_picture
from minirt.magics.real_node import run_node
from minirt.magics.running import Running
from minirt.magics.shown import Shown
from minirt.watching.tracebacks import tellable

if TYPE_CHECKING:
    from minirt.magics.kernel_view import KernelView

NAMES = ("minirt", "minirt.extension")  # what may stand after %load_ext
NAMED = ("trace", "export")  # of these, the ones that take a name
WHAT = ("status", "trace", "export", "picture", "check", "kernel")


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
        self.tee = Tee()
        self.running = Running(self)
        self.last_cell: object = None  # the request for the cell that ran last
        self.insistent: list[Insistent] = []  # one for each cell that runs: a cell may run cells
        self.loop: gui.KernelLoop | None = None
        self.kernel_view: KernelView | None = None  # the last one
        self.completion = Completion(self.magics, self.values)
        self.rewriter = Rewriter()
        self.shown = Shown(shell)
        self.places: tuple[tuple[list[Any], object], ...] = ()  # lists of IPython, and who is there

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
        option(
            "--asyncio", action="store_true", help="The cell is an ordinary program of asyncio's."
        ),
    )
    def minirt_cell(self, line: str, cell: str) -> None:
        """Run the cell as a program, and show the live view while it runs.

        The cell is the body of main(): it may use the names of the notebook, and what it defines
        stays. A name of minirt that it uses and that nobody defined, such as set_timeout, is
        imported. The cell is over when the program is; interrupt the kernel to stop it. A call into
        C that keeps Python to itself, as sum(range(10**12)), hears nothing: restart the kernel.

        With --asyncio it may await at its top level, or call asyncio.run() itself.
        """
        self.running.here(line, cell)

    def program(self, line: str, text: str) -> Awaitable[None]:
        """What a `%%minirt` cell becomes: to be awaited, and then finished."""
        return self.running.beside(self.expand(line, 2), text, cell_of_caller())

    def expand(self, line: str, depth: int) -> str:
        """`line` with the values of $name and {name}, as IPython does it for its own magics."""
        shell: Any = self.ip
        expanded: str = shell.var_expand(line, depth)  # names of the frame so far above
        return expanded

    def begin_cell(self, info: object) -> None:
        """A cell begins. For the event `pre_run_cell`."""
        if hasattr(self.ip, "get_parent"):
            self.last_cell = self.ip.get_parent()
        if getattr(self.ip, "kernel", None) is not None:  # in a terminal Ctrl-C is pressed twice
            self.insistent.append(Insistent().__enter__())

    def end_cell(self, result: Any) -> None:
        """A cell is over. For the event `post_run_cell`."""
        if getattr(result, "error_in_exec", None) is not None:  # a kernel's reply says what it was
            result.error_in_exec = tellable(result.error_in_exec, self.ip)
        if self.insistent:  # or the extension was loaded in this cell
            self.insistent.pop().__exit__()

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
        %minirt export FILE     write it: .json for ui.perfetto.dev, .jsonl one event a line,
                                .html a page that plays it without a kernel
        %minirt kernel          the live view of this kernel's own loop, if that is minirt's
        %minirt check           is everything here that the chapters use? Goes to their data
        """
        options = read_options(self.minirt_line, line, "%minirt")
        if options is None:
            return None
        if options.what not in WHAT:
            raise UsageError(f"%minirt has no {options.what!r}. {close_to(options.what, WHAT)}")
        if options.name and options.what not in NAMED:
            raise UsageError(
                f"%minirt {options.what} takes nothing more: leave {options.name!r} out"
            )
        if options.what == "check":
            # the path of the notebook, as VS Code says it
            moved = check.go_to_the_data(str(self.ip.user_ns.get("__vsc_ipynb_file__", "")))
            say(check.report(moved))
            return None
        if options.what == "kernel":
            self._show_kernel()
            return None
        if options.what == "trace":
            return self._trace(options.name)
        program = self._last()
        if options.what == "picture":
            return show_picture(program)
        say(export(program, options.name) if options.what == "export" else self._status(program))
        return None

    def _show_kernel(self) -> None:
        if not HAS_THREADS:
            raise UsageError(f"%minirt kernel: {IN_A_PAGE}")
        from minirt.magics.kernel_view import KernelView  # brings the widgets

        if self.kernel_view is not None:
            self.kernel_view.stop()
        self.kernel_view = KernelView()
        self.kernel_view.begin()

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
        self.ip.run_cell(f"%%exercise {line}\n{cell}")  # type: ignore[no-untyped-call]

    def begin(self, line: str, text: str) -> None:
        """What the first line of an `%%exercise` cell becomes."""
        check_below("%%exercise", text)
        options = read_options(self.exercise_cell, self.expand(line, 2), "%%exercise")
        if options is not None:
            limit = checked_limit("exercise_time_limit", self.exercise_time_limit)
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
        ran = run_node(cell, checked_limit("node_time_limit", self.node_time_limit))
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

    # What may stand at the cursor

    def values(self, magic: str, option: str, words: Sequence[str]) -> Iterable[str]:
        """The values of an option, or of a word, of one of the magics, after these words."""
        match magic, option, *words:
            case "minirt", "what":
                return WHAT
            case ("minirt", "trace") | ("minirt", "name", "trace"):
                return self.programs
            case (("exercise" | "hint" | "solution"), "name"):
                return exercises()
            case (("node_order" | "node-order"), "name"):
                return recorded()
            case ("gui", "") if self.loop is not None:
                return [name for name in gui.loops() if name is not None]
        return ()


# IPython calls these two


def load_ipython_extension(ip: InteractiveShell) -> None:
    """`%load_ext minirt`, and by its longer name. Whoever asks again gets what is there."""
    if "MinirtMagics" in ip.magics_manager.registry:
        return
    magics = MinirtMagics(ip)
    ip.register_magics(magics)
    completer: Any = ip.Completer
    magics.places = (
        (ip.input_transformers_cleanup, rewrite),
        (ip.events.callbacks["post_run_cell"], magics.end_cell),
        (ip.events.callbacks["post_run_cell"], magics.answers.end),  # before it
        (ip.events.callbacks["pre_run_cell"], magics.begin_cell),
        (completer.custom_matchers, magics.completion.matches),
    )
    for things, ours in magics.places:
        things.insert(0, ours)
    magics.rewriter.begin()
    magics.shown.begin()
    magics.loop = gui.register(ip)


def unload_ipython_extension(ip: InteractiveShell) -> None:
    """`%unload_ext minirt`: nothing is left, by whichever of its names it was loaded."""
    extensions: Any = ip.extension_manager
    extensions.loaded.difference_update(NAMES)
    magics: Any = ip.magics_manager.registry.pop("MinirtMagics", None)
    if magics is None:
        return
    if magics.loop is not None:
        magics.loop.remove()
    if magics.kernel_view is not None:
        magics.kernel_view.stop()
    magics.rewriter.end()
    magics.shown.end()
    magics.answers.drop()
    while magics.insistent:
        magics.end_cell(None)
    for things, ours in (*magics.places, (ip.configurables, magics)):
        if ours in things:  # or somebody has emptied it
            things.remove(ours)
    for kind, names in magics.magics.items():
        for name in names:
            ip.magics_manager.magics[kind].pop(name, None)
