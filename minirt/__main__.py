"""`python -m minirt`: the main example in a terminal, or a program of your own."""

import argparse
import os
import select
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from minirt.as_main import NoProgram, file_as_main, module_as_main, show
from minirt.core.simulation import Simulation
from minirt.main_example import main as main_example
from minirt.node.runtime import Runtime
from minirt.views.console import Console
from minirt.views.slow import Slow
from minirt.watching.trace import Recorder, Sink, Tee

EPILOG = """minirt's own options come first; all that follows FILE.py or MODULE is the program's.

examples:
  python -m minirt                          the main example, for real: 3.5 seconds
  python -m minirt --sim --seed 7           the same in simulated time: at once, and always alike
  python -m minirt --trace run.json         keep the run; ui.perfetto.dev opens the file
  python -m minirt --console program.py     your program, and what the runtime says meanwhile
  python -m minirt program.py --name Ada    your program, with arguments of its own
  python -m minirt --asyncio program.py     a program of asyncio's, and what was slow in it
  python -m minirt -m package.module        a module of yours, as `python -m package.module` has it
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parse = argparse.ArgumentParser(
        prog="python -m minirt",
        usage="%(prog)s [OPTIONS] [FILE.py | -m MODULE] [ARGUMENTS OF THE PROGRAM ...]",
        description="Run a program on minirt: the main example, or the file or module that you "
        "name. Its top level is the program's main.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # an argument of the program may look like half an option of ours
    )
    parse.add_argument(
        "program",
        nargs=argparse.REMAINDER,
        metavar="FILE.py",
        help="the program (a folder or a zip file with a __main__.py will do), and its arguments",
    )
    parse.add_argument("-m", dest="module", action="store_true", help="run a module by its name")
    parse.add_argument(
        "--asyncio", action="store_true", help="the program is one of asyncio's; say what was slow"
    )
    parse.add_argument("--sim", action="store_true", help="in simulated time")
    parse.add_argument("--seed", type=int, metavar="N", help="which simulated run (implies --sim)")
    parse.add_argument("--threads", type=int, default=4, metavar="N", help="size of the pool (4)")
    parse.add_argument(
        "--trace",
        type=Path,
        metavar="FILE",
        help="write the events: FILE.json for Perfetto, FILE.jsonl",
    )
    parse.add_argument(
        "--console",
        action=argparse.BooleanOptionalAction,
        help="print what the runtime does, line by line (on for the main example, and "
        "with --asyncio)",
    )
    return parse


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and return the exit status: 0, 1 after an error, 130 after Ctrl-C, 141 when `| head`
    has read enough.

    A program that was named stays `sys.modules["__main__"]`, as in a process of its own.
    """
    parse = parser()
    chosen = parse.parse_args(arguments)
    if chosen.program[:1] == ["--"]:
        del chosen.program[0]
    if chosen.module and not chosen.program:
        parse.error("-m needs the name of a module: python -m minirt -m package.module")
    if chosen.asyncio and not chosen.program:
        parse.error("--asyncio needs a program: python -m minirt --asyncio program.py")
    if chosen.threads < 0:
        parse.error("--threads takes 0 or more")
    try:
        return run(chosen)
    except NoProgram as error:
        parse.error(str(error))
    except KeyboardInterrupt:
        print("interrupted: everything is closed", file=sys.stderr)
        return 130
    except SystemExit:
        raise
    except BaseException as error:
        if isinstance(error, BrokenPipeError) and not somebody_reads():
            return 141  # and not a pipe or socket of the program's own
        show(error)
        return 1


def run(chosen: argparse.Namespace) -> int:
    """Run what was chosen, and write its trace if one was asked for."""
    system = Simulation(chosen.seed or 0) if chosen.sim or chosen.seed is not None else None
    recorder = Recorder(1_000_000)
    sinks: list[Sink] = [recorder] if chosen.trace else []
    if chosen.console or (chosen.console is None and (chosen.asyncio or not chosen.program)):
        sinks.append(Console())
    slow = Slow()
    if chosen.asyncio:
        sinks.append(slow)
    trace = Tee(*sinks) if sinks else None
    runtime: Any
    if chosen.asyncio:
        from minirt.aio.program import AsyncioProgram  # asyncio, which others need not wait for

        runtime = AsyncioProgram(system, trace)
    else:
        runtime = Runtime(threads=chosen.threads, system=system, trace=trace)
    try:
        runtime.run(program_of(chosen))
    finally:
        if slow.has_seen:
            print(slow.table(), file=sys.stderr)
        if chosen.trace:
            write = (
                recorder.write_jsonl if chosen.trace.suffix == ".jsonl" else recorder.write_chrome
            )
            print(f"{len(recorder)} events in {write(chosen.trace)}", file=sys.stderr)
    return 0


def program_of(chosen: argparse.Namespace) -> Callable[[], object]:
    """What is to be run. NoProgram."""
    if not chosen.program:
        return main_example
    return (module_as_main if chosen.module else file_as_main)(*chosen.program)


def somebody_reads() -> bool:
    """Does our output still arrive? If not, the rest of it goes nowhere, without a complaint."""
    poll = select.poll()
    poll.register(sys.stdout, 0)  # only errors: a pipe whose reader has gone is one
    if not poll.poll(0):
        return True
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return False


if __name__ == "__main__":
    if status := main():
        sys.exit(status)
