"""What does a program print? Whatever door it goes through, it is noted, and shown as ever."""

import contextlib
import io
import logging
import sys
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from minirt import Recorder
from minirt.magics.console import Console, Tee


class Heard:
    """A program's console, and what was shown meanwhile."""

    def __init__(self) -> None:
        self.said: list[str] = []  # lines
        self.so_far: list[str] = []  # what there was of lines that were not over
        self.streams: list[str] = []  # of each line
        self.console = Console(Recorder(), self.hear)
        self.out, self.err = io.StringIO(), io.StringIO()

    def hear(self, text: str, _: str, is_over: bool, stream: str) -> None:
        (self.said if is_over else self.so_far).append(text)
        self.streams.append(stream)

    def run(self, program: Callable[[], object]) -> "Heard":
        """The program runs, and afterwards all is as it was."""
        tee, start = Tee(), threading.Thread.start
        with contextlib.redirect_stdout(self.out), contextlib.redirect_stderr(self.err):
            tee.begin(self.console)
            try:
                tee.hear(self.console, lambda: [program()][1:] and None)
            finally:
                tee.end(self.console)
            assert sys.stdout is self.out and sys.stderr is self.err
            assert threading.Thread.start is start
        return self


@pytest.fixture
def heard() -> Heard:
    return Heard()


class Loud(str):
    """Text that answers with an error."""

    __slots__ = ()

    def isascii(self) -> bool:
        raise ZeroDivisionError

    def __str__(self) -> str:
        raise ZeroDivisionError


def in_a_thread() -> None:
    thread = threading.Thread(target=print, args=("a\nb",))
    thread.start()
    thread.join()


def in_a_pool() -> None:
    with ThreadPoolExecutor() as pool:
        pool.submit(lambda: pool.submit(print, "a\nb").result()).result()


DOORS = {
    "a print": lambda: print("a\nb"),
    "pieces": lambda: [print(one, end="") for one in "a\nb"],
    "lines": lambda: sys.stdout.writelines(["a\n", "b\n"]),
    "a thread of its own": in_a_thread,
    "a thread of a thread": in_a_pool,
    "text with ideas of its own": lambda: sys.stdout.write(Loud("a\nb\n")),
}


@pytest.mark.parametrize("program", DOORS.values(), ids=DOORS)
def test_each_line_is_noted_and_shown(heard: Heard, program: Callable[[], object]) -> None:
    heard.run(program)
    assert heard.said == heard.console.texts() == ["a", "b"]
    assert heard.out.getvalue().split() == ["a", "b"]


def log() -> None:
    logger = logging.Logger("mine")
    logger.addHandler(logging.StreamHandler())
    logger.error("a")


ERRORS = {
    "a print": lambda: print("a", file=sys.stderr),
    "a log": log,
    "writelines": lambda: sys.stderr.writelines(["a", "\n"]),
}


@pytest.mark.parametrize("program", ERRORS.values(), ids=ERRORS)
def test_standard_error_is_said_and_is_no_line_of_the_program(
    heard: Heard, program: Callable[[], object]
) -> None:
    heard.run(program)
    assert heard.said == ["a"] and heard.err.getvalue() == "a\n"
    assert heard.streams == ["stderr"]
    assert heard.console.texts() == []


def test_a_warning_is_said(heard: Heard) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_: print(message, file=sys.stderr)
        heard.run(lambda: warnings.warn("careful", stacklevel=1))
    assert heard.said == ["careful"]


def test_what_has_no_end_of_line_is_said_once(heard: Heard) -> None:
    heard.run(lambda: print("a", end=""))
    heard.console.end()
    assert heard.said == heard.console.texts() == ["a"]


def test_half_a_character_is_shown_as_a_number(heard: Heard) -> None:
    heard.run(lambda: (print("\ud800"), sys.stderr.write("\udfff\n")))
    assert heard.said == ["\\ud800", "\\udfff"]


@pytest.mark.parametrize("wrong", [5, b"a", None])
def test_what_is_no_text_is_refused_by_the_stream(heard: Heard, wrong: object) -> None:
    with pytest.raises(TypeError, match="str"):
        heard.run(lambda: sys.stdout.write(wrong))  # type: ignore[arg-type]


def test_a_program_that_closes_its_output_closes_nobody_elses(heard: Heard) -> None:
    heard.run(lambda: (sys.stdout.close(), sys.stderr.close(), print("after")))
    assert heard.out.getvalue() == "after\n" and not heard.err.closed


def test_other_threads_are_not_noted(heard: Heard) -> None:
    may_go, gone = threading.Event(), threading.Event()
    other = threading.Thread(target=lambda: (may_go.wait(9), print("other"), gone.set()))
    other.start()
    heard.run(lambda: (may_go.set(), gone.wait(9), print("mine")))
    other.join()
    assert heard.said == ["mine"] and heard.out.getvalue() == "other\nmine\n"


def test_a_program_that_puts_something_else_there_and_back_is_let(heard: Heard) -> None:
    def program() -> None:
        with contextlib.redirect_stdout(io.StringIO()) as mine:
            print("kept")
        print(mine.getvalue(), end="")

    assert heard.run(program).said == ["kept"]


def test_the_stream_still_has_all_else(heard: Heard) -> None:
    heard.run(lambda: print(sys.stdout.writable(), sys.stdout.isatty(), sys.stderr.closed))
    assert heard.said == ["True False False"]


def bar_of_progress() -> None:
    for part in (1, 2):
        print(f"\r{part} of 2", end="")
    print()


def question() -> None:
    print("sure? ", end="", flush=True)
    print("yes")


@pytest.mark.parametrize(
    ("program", "so_far", "said"),
    [
        (bar_of_progress, ["\r1 of 2", "\r1 of 2\r2 of 2"], ["\r1 of 2\r2 of 2"]),
        (question, ["sure? "], ["sure? yes"]),
        (lambda: print("whole", flush=True), [], ["whole"]),
        (lambda: print("not yet", end=""), [], ["not yet"]),
    ],
)
def test_a_line_that_goes_on_is_told_so_far(
    heard: Heard,
    monkeypatch: pytest.MonkeyPatch,
    program: Callable[[], object],
    so_far: list[str],
    said: list[str],
) -> None:
    monkeypatch.setattr("minirt.magics.console.PACE", 0)
    heard.run(program)
    assert (heard.so_far, heard.said) == (so_far, said)
    assert heard.console.texts() == said


def test_a_fast_bar_of_progress_is_not_told_at_each_step(heard: Heard) -> None:
    heard.run(lambda: [print(f"\r{step}", end="") for step in range(2000)])
    assert len(heard.so_far) < 200
    assert len(heard.said) == 1


@pytest.mark.slow
def test_a_line_of_very_many_pieces_is_no_dearer_than_many_lines(heard: Heard) -> None:
    def seconds(end: str) -> float:
        began = time.process_time()
        for _ in range(40_000):
            heard.console.write("0123456789" + end)
        heard.console.write("\n")
        return time.process_time() - began

    assert min(seconds("") for _ in range(3)) < 3 * min(seconds("\n") for _ in range(3)) + 0.05


def test_what_is_told_in_another_way_is_kept_and_not_said(heard: Heard) -> None:
    def program() -> None:
        with heard.console.aside():
            print("Thread: main  a\nb")
        print("Thread: mine")

    heard.run(program)
    assert heard.said == ["Thread: mine"]
    assert heard.console.texts() == ["Thread: main  a", "b", "Thread: mine"]


# --- what was kept from before the program ---


def a_handler(stream: io.StringIO) -> None:
    logger = logging.Logger("kept")
    logger.addHandler(logging.StreamHandler(stream))
    logger.warning("a\nb")


KEPT: dict[str, Callable[[io.StringIO], object]] = {
    "a print": lambda stream: print("a\nb", file=stream),
    "its write": lambda stream: stream.write("a\nb\n"),
    "lines": lambda stream: print("a", "b", sep="\n", file=stream),
    "a handler of logging": a_handler,
}


@pytest.mark.parametrize("name", ["out", "err"])
@pytest.mark.parametrize("program", KEPT.values(), ids=KEPT)
def test_a_stream_that_was_kept_from_before_is_heard(
    heard: Heard, program: Callable[[io.StringIO], object], name: str
) -> None:
    stream = getattr(heard, name)
    heard.run(lambda: program(stream))
    assert heard.said == ["a", "b"] and heard.streams == [f"std{name}"] * 2
    assert stream.getvalue() == "a\nb\n"
    print("later", file=stream)
    assert len(heard.said) == 2 and "Ear" not in repr(stream.write)


def test_two_names_of_one_stream_are_heard_apart_and_once(heard: Heard) -> None:
    heard.err = heard.out

    def program() -> None:
        print("a")
        print("b", file=sys.stderr)
        print("c", file=heard.out)

    heard.run(program).run(program)
    assert heard.said == ["a", "b", "c"] * 2
    assert heard.streams == ["stdout", "stderr", "stdout"] * 2
    assert heard.out.getvalue() == "a\nb\nc\n" * 2


def test_whoever_stands_before_the_stream_meanwhile_and_goes_is_no_trouble(heard: Heard) -> None:
    """As IPython does, cell by cell."""
    first = heard.out.write

    def program() -> None:
        print("a")
        heard.out.write = first  # type: ignore[method-assign]
        print("b")
        heard.out.write = lambda text: first(text.upper())  # type: ignore[method-assign]
        print("c")

    heard.run(program)
    assert heard.said == ["a", "b", "c"]
    print("d", file=heard.out)
    assert heard.out.getvalue().endswith("D\n")


def test_what_others_write_to_it_meanwhile_is_not_noted(heard: Heard) -> None:
    go, over = threading.Event(), threading.Event()

    def others() -> None:
        go.wait(60)
        print("elsewhere", file=heard.out)
        over.set()

    def program() -> None:
        go.set()
        over.wait(60)
        print("here")

    thread = threading.Thread(target=others)
    thread.start()
    heard.run(program)
    thread.join()
    assert heard.said == ["here"]
    assert heard.out.getvalue() == "elsewhere\nhere\n"


class Closed:
    """A stream before which nobody can stand."""

    __slots__ = ("texts",)

    def __init__(self) -> None:
        self.texts: list[str] = []

    def write(self, text: str) -> int:
        self.texts.append(text)
        return len(text)

    def flush(self) -> None:
        pass


def test_a_stream_before_which_nobody_can_stand_is_heard_where_python_looks_for_it(
    heard: Heard,
) -> None:
    heard.out = Closed()  # type: ignore[assignment]
    heard.run(lambda: print("a"))
    assert heard.said == ["a"]


def test_a_program_that_prints_nothing_needs_no_stream(heard: Heard) -> None:
    heard.out = None  # type: ignore[assignment]
    assert heard.run(lambda: None).said == []


# --- what is told in another way ---


def test_a_line_that_has_begun_is_told_before_what_is_told_in_another_way(heard: Heard) -> None:
    def program() -> None:
        print("Loading ...", end="")
        with heard.console.aside():
            print("Thread: main  done")
        print("over")

    assert heard.run(program).said == ["Loading ...", "over"]
    assert heard.console.texts() == ["Loading ...Thread: main  done", "over"]
    assert heard.out.getvalue() == "Loading ...Thread: main  done\nover\n"
