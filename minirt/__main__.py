"""`python -m minirt`: the main example in a terminal, or a program of your own."""

import argparse
import os
import select
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from minirt.main_example import main as main_example
from minirt.node.runtime import Runtime
from minirt.core.simulation import Simulation
from minirt.watching.trace import Recorder, Sink, Tee
from minirt.views.console import Console

EPILOG = """examples:
  python -m minirt                          the main example, for real: 3.5 seconds
  python -m minirt --sim --seed 7           the same in simulated time: at once, and always alike
  python -m minirt --trace run.json         keep the run; ui.perfetto.dev opens the file
  python -m minirt program.py --console     your program, and what the runtime says meanwhile
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parse = argparse.ArgumentParser(
        prog="python -m minirt",
        description="Run a program on minirt: the main example, or the file that you name. "
        "The file's top level is the program's main.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parse.add_argument("file", nargs="?", type=Path, metavar="FILE.py", help="the program")
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
        help="print what the runtime does, line by line (on for the main example)",
    )
    return parse


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and return the exit status: 0, 1 after an error, 130 after Ctrl-C, 141 when `| head`
    has read enough.
    """
    parse = parser()
    chosen = parse.parse_args(arguments)
    if chosen.file is not None and not chosen.file.is_file():
        parse.error(
            f"there is no file {chosen.file}. Name a Python file, or none for the main example"
        )
    if chosen.threads < 0:
        parse.error("--threads takes 0 or more")
    system = Simulation(chosen.seed or 0) if chosen.sim or chosen.seed is not None else None
    recorder = Recorder(1_000_000)
    sinks: list[Sink] = [recorder] if chosen.trace else []
    if chosen.console or (chosen.console is None and chosen.file is None):
        sinks.append(Console())
    runtime = Runtime(threads=chosen.threads, system=system, trace=Tee(*sinks) if sinks else None)
    try:
        runtime.run(program(chosen.file))
    except KeyboardInterrupt:
        print("interrupted: everything is closed", file=sys.stderr)
        return 130
    except BrokenPipeError:
        if somebody_reads():
            raise  # a pipe or socket of the program's own
        return 141
    finally:
        if chosen.trace:
            write = (
                recorder.write_jsonl if chosen.trace.suffix == ".jsonl" else recorder.write_chrome
            )
            print(f"{len(recorder)} events in {write(chosen.trace)}", file=sys.stderr)
    return 0


def program(file: Path | None) -> Callable[[], object]:
    """What the runtime calls as main."""
    if file is None:
        return main_example
    code = compile(file.read_bytes(), str(file), "exec")
    sys.path.insert(0, str(file.resolve().parent))  # as `python FILE.py` does
    namespace = {"__name__": "__main__", "__file__": str(file)}
    return lambda: exec(code, namespace)


def somebody_reads() -> bool:
    """Does our output still arrive? If not, the rest of it goes nowhere, without a complaint."""
    poll = select.poll()
    poll.register(sys.stdout, 0)  # only errors: a pipe whose reader has gone is one
    if not poll.poll(0):
        return True
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return False


if __name__ == "__main__":
    sys.exit(main())
