"""What does `python -m minirt` do in a terminal?"""

import json
import multiprocessing
import os
import py_compile
import signal
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pytest

from minirt.__main__ import main


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "minirt", *map(str, arguments)]


class Told(NamedTuple):
    status: int
    out: str
    err: str


def told(*words: object, cwd: Path | None = None) -> Told:
    """What a command says, and how it ends."""
    ran = subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=cwd,
    )
    return Told(ran.returncode, ran.stdout, ran.stderr)


@pytest.mark.slow
def test_the_main_example_runs_in_simulated_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--sim", "--seed", "3"]) == 0
    said = capsys.readouterr().out
    assert said.endswith("Thread: main  FINISHED\n")
    assert "63245986" in said


def test_a_program_file_is_the_main_of_a_runtime(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("WORD = 'beside'\n", encoding="utf-8")
    program = tmp_path / "program.py"
    program.write_text(
        "from beside import WORD\nfrom minirt import set_timeout\n\n"
        "def later(_):\n    print('later', WORD, __name__)\n\n"
        "set_timeout(1, later)\nprint('now')\n",
        encoding="utf-8",
    )
    ran = subprocess.run(command(program), capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.splitlines() == ["now", "later beside __main__"]


def test_the_console_can_be_switched_on_for_a_program(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("from minirt import set_timeout\nset_timeout(1, print)\n", encoding="utf-8")
    ran = told(*command("--sim", "--console", "--threads", "1", program))
    assert ran.status == 0
    assert "Registered timer event id: 1" in ran.out


@pytest.mark.parametrize("name", ["run.json", "run.jsonl"])
@pytest.mark.slow
def test_the_trace_is_written_for_perfetto_or_as_lines(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    assert main(["--sim", "--no-console", "--trace", str(path)]) == 0
    text = path.read_text(encoding="utf-8")
    if name.endswith("l"):
        assert json.loads(text.splitlines()[-1])["kind"] == "end"
    else:
        assert {"B", "E", "M"} <= {entry["ph"] for entry in json.loads(text)["traceEvents"]}


def test_a_file_that_is_not_there_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["nowhere.py"])
    assert ended.value.code == 2
    assert "there is no file nowhere.py" in capsys.readouterr().err


def test_fewer_threads_than_none_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--threads", "-1"])
    assert "--threads takes 0 or more" in capsys.readouterr().err


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert all(
        option in said
        for option in ("FILE.py", "--sim", "--seed", "--threads", "--trace", "--console")
    )


@pytest.mark.slow
def test_an_error_of_the_program_leaves_with_its_traceback(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "from minirt import set_timeout\nset_timeout(1, lambda _: 1 / 0)\n", encoding="utf-8"
    )
    ran = subprocess.run(command(program), capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 1
    assert 'program.py", line 2' in ran.stderr and "ZeroDivisionError" in ran.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break otherwise there")
@pytest.mark.slow
def test_a_reader_who_has_seen_enough_ends_it_without_a_complaint(tmp_path: Path) -> None:
    program = tmp_path / "talks.py"
    program.write_text(
        "from minirt import set_interval\n"
        "set_interval(1, lambda _: print('a line of a kilobyte' * 50, flush=True))\n"
    )
    with subprocess.Popen(
        command(program), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as ran:
        assert ran.stdout and ran.stderr
        ran.stdout.readline()
        ran.stdout.close()
        assert ran.stderr.read() == ""
    assert ran.returncode == 141


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break otherwise there")
def test_a_pipe_of_the_programs_own_that_breaks_is_its_error(tmp_path: Path) -> None:
    program = tmp_path / "breaks.py"
    program.write_text(
        "import os\nread, write = os.pipe()\nos.close(read)\nos.write(write, b'!')\n"
    )
    ran = subprocess.run(command(program), capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 1
    assert ran.stderr.endswith("BrokenPipeError: [Errno 32] Broken pipe\n")


def test_ctrl_c_closes_everything_and_says_so(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "from minirt import set_timeout\nset_timeout(60_000, print)\n"
        "set_timeout(1, lambda _: print('ready', flush=True))\n",
        encoding="utf-8",
    )
    with subprocess.Popen(
        command(program), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None and child.stderr is not None
        assert child.stdout.readline() == "ready\n"
        child.send_signal(signal.SIGINT)
        assert child.wait(timeout=60) == 130
        assert "interrupted: everything is closed" in child.stderr.read()


# --- a program is `__main__`, as Python would have it ---

LOOKS = """
    import sys, warnings
    import beside
    print(sorted(globals()))
    print(__name__, __file__, __spec__ and __spec__.name, __package__, __doc__, __cached__)
    print(__builtins__ is __import__("builtins"), type(__loader__), __annotations__)
    print(__loader__.get_filename(__spec__.name if __spec__ else "__main__"))
    print(vars(sys.modules["__main__"]) is globals(), sys.argv, sys.path)
"""
PICKLES = """
    from __future__ import annotations
    import atexit, pickle, typing
    from dataclasses import dataclass
    from enum import Enum

    class Colour(Enum):
        RED = 1

    @dataclass
    class Node:
        colour: Colour
        next: Node | None = None

    def function():
        return pickle.loads(pickle.dumps((function, Node(Colour.RED, Node(Colour.RED)))))

    def look(_=None):
        assert function()[0] is function
        print(function()[1], typing.get_type_hints(Node), repr(Node))

    look()
    atexit.register(look)
"""
ENDINGS = {
    "no error": "print('fine')",
    "an error": "def f():\n    return 1 / 0\n\nf()",
    "an error with a cause": (
        "try:\n    {}['x']\nexcept KeyError as error:\n    raise ValueError('no x') from error"
    ),
    "an error in a module": "import json\njson.loads('{')",
    "a syntax error": "print('before')\nx = = 1",
    "a syntax error in a module": "import broken",
    "a module that is not there": "import not_there",
    "a group of errors": "raise ExceptionGroup('two', [ValueError(1), TypeError(2)])",
    "an exit": "import sys\nsys.exit(3)",
    "an exit with words": "import sys\nsys.exit('that is all')",
    "an exit without a number": "raise SystemExit",
    "a hook": (
        "import sys\nsys.excepthook = lambda _, error, trace: print(error, trace.tb_lineno)\n1 / 0"
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a module for programs to import, which is not the working folder."""
    (tmp_path / "beside.py").write_text("import sys\nprint(sys.argv, __name__)\n")
    (tmp_path / "broken.py").write_text("x = = 1\n")
    (tmp_path / "elsewhere").mkdir()
    return tmp_path


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text), encoding="utf-8")
    return path


def as_python_does(*words: object, cwd: Path) -> Told:
    """What `python ...` and `python -m minirt ...` both say."""
    there = told(sys.executable, *words, cwd=cwd)
    here = told(*command(*words), cwd=cwd)
    assert here == there
    return here


@pytest.mark.parametrize("text", [LOOKS, PICKLES], ids=["looks", "pickles"])
@pytest.mark.slow
def test_a_file_runs_as_python_runs_it(folder: Path, text: str) -> None:
    written(folder / "program.py", text)
    words = ["../program.py", "one", "--threads", "-m", "--", "--t", "-h"]
    assert as_python_does(*words, cwd=folder / "elsewhere").status == 0


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.slow
def test_a_file_ends_as_python_ends_it(folder: Path, ending: str) -> None:
    written(folder / "program.py", ENDINGS[ending])
    as_python_does("program.py", cwd=folder)


@pytest.mark.slow
def test_a_file_that_is_no_text_is_a_syntax_error(folder: Path) -> None:
    (folder / "program.py").write_bytes(b"\xff")
    ran = told(*command("program.py"), cwd=folder)
    assert ran.status == 1
    assert "Traceback" not in ran.err and "\nSyntaxError: (unicode error)" in ran.err


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
@pytest.mark.slow
def test_a_link_to_a_file_finds_the_modules_beside_the_file(folder: Path) -> None:
    written(folder / "program.py", LOOKS)
    (folder / "elsewhere" / "link.py").symlink_to("../program.py")
    as_python_does("link.py", cwd=folder / "elsewhere")


@pytest.mark.slow
def test_a_folder_or_a_zip_file_runs_its_main(folder: Path) -> None:
    written(folder / "app" / "__main__.py", LOOKS)
    written(folder / "app" / "beside.py", "")
    with zipfile.ZipFile(folder / "app.zip", "w") as packed:
        for name in ("__main__.py", "beside.py"):
            packed.write(folder / "app" / name, name)
    assert as_python_does("app", "--sim", cwd=folder).status == 0
    assert as_python_does("app.zip", "--sim", cwd=folder).status == 0
    ran = told(*command("elsewhere"), cwd=folder)
    assert ran.status == 2
    assert ran.err.endswith("there is no __main__.py in elsewhere. Name a Python file\n")


@pytest.mark.slow
def test_a_compiled_file_runs(folder: Path) -> None:
    program = written(folder / "program.py", "print(__name__, 'compiled')")
    compiled = py_compile.compile(str(program), cfile=str(folder / "program.pyc"))
    assert as_python_does(compiled, cwd=folder).out == "__main__ compiled\n"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.slow
def test_a_program_may_come_through_a_pipe(folder: Path) -> None:
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("print(__name__)",))
    writer.start()
    assert told(*command(pipe)) == (0, "__main__\n", "")
    writer.join()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_said_in_one_line(folder: Path) -> None:
    written(folder / "program.py", "").chmod(0)
    ran = told(*command("program.py"), cwd=folder)
    assert ran.status == 2
    assert ran.err.endswith("program.py cannot be read: Permission denied. Name another file\n")


@pytest.mark.slow
def test_options_of_minirt_come_before_the_file_and_the_rest_is_the_programs(
    folder: Path,
) -> None:
    written(folder / "program.py", "import sys\nprint(sys.argv)")
    ran = told(*command("--threads", "0", "--no-console", "--", "program.py", "--sim"), cwd=folder)
    assert ran == (0, "['program.py', '--sim']\n", "")


IN_A_CALLBACK = """
    import pickle, sys, typing
    from minirt import set_timeout
    {imports}

    class Node:
        next: "Node | None"

    def square(n):
        return n * n

    def later(_):
        assert pickle.loads(pickle.dumps(square)) is square
        assert typing.get_type_hints(Node)["next"] == Node | None
        {body}

    if __name__ == "__main__":
        set_timeout(1, later)
"""


@pytest.mark.slow
@pytest.mark.parametrize("way", ["spawn", "fork", "forkserver"])
def test_a_pool_of_processes_calls_the_programs_functions(folder: Path, way: str) -> None:
    if way not in multiprocessing.get_all_start_methods():
        pytest.skip(f"there is no {way} here")
    body = f"""
        with ProcessPoolExecutor(2, mp_context=get_context("{way}")) as pool:
            print(list(pool.map(square, [1, 2, 3])))
    """.strip()
    imports = (
        "from concurrent.futures import ProcessPoolExecutor; "
        "from multiprocessing import get_context"
    )
    written(folder / "package" / "__init__.py", "")
    written(folder / "package" / "program.py", IN_A_CALLBACK.format(imports=imports, body=body))
    file = told(*command("--threads", "0", "package/program.py"), cwd=folder)
    module = told(*command("--threads", "0", "-m", "package.program"), cwd=folder)
    assert file == module == (0, "[1, 4, 9]\n", "")


@pytest.mark.slow
def test_a_program_leaves_with_its_status_from_a_callback(folder: Path) -> None:
    written(folder / "program.py", IN_A_CALLBACK.format(imports="", body="sys.exit(3)"))
    assert told(*command("program.py"), cwd=folder) == (3, "", "")


@pytest.mark.parametrize("option", ["--no-console", "--console"])
@pytest.mark.slow
def test_a_traceback_begins_with_the_programs_own_line(folder: Path, option: str) -> None:
    written(folder / "program.py", IN_A_CALLBACK.format(imports="", body="square(None)"))
    ran = told(*command(option, "--sim", "program.py"), cwd=folder)
    assert ran.status == 1
    first, where, *_ = ran.err.splitlines()
    assert first == "Traceback (most recent call last):"
    assert where == f'  File "{folder}/program.py", line 15, in later'
    assert ran.err.count("File ") == 2


@pytest.mark.slow
def test_an_error_of_minirt_shows_the_line_of_the_program_that_made_it(folder: Path) -> None:
    written(folder / "program.py", "from minirt import set_timeout\nset_timeout('1', print)\n")
    said = told(*command("program.py"), cwd=folder).err.splitlines()
    assert said[1:3] == [
        f'  File "{folder}/program.py", line 2, in <module>',
        "    set_timeout('1', print)",
    ]
    assert said[-1].startswith("minirt.errors.NotADelay: ")


# --- python -m minirt -m MODULE ---


@pytest.mark.slow
def test_a_module_runs_as_python_runs_it(folder: Path) -> None:
    looks = dedent(LOOKS).replace("import beside", "from . import beside")
    for name in ("__init__", "beside"):
        written(folder / "package" / f"{name}.py", "import sys\nprint(sys.argv, __name__)")
    written(folder / "package" / "module.py", looks)
    written(folder / "package" / "__main__.py", looks)
    words = ["-x", "--sim", "-m", "--", "-h"]
    assert as_python_does("-m", "package.module", *words, cwd=folder).status == 0
    assert as_python_does("-m", "package", *words, cwd=folder).status == 0


@pytest.mark.slow
def test_a_module_that_is_not_there_is_said_in_one_line(folder: Path) -> None:
    written(folder / "package" / "__init__.py", "")
    for name, why in {
        "nowhere": "No module named nowhere",
        "package": "'package' is a package and cannot be directly executed",
        "beside.py": "Try using 'beside' instead of 'beside.py' as the module name",
    }.items():
        ran = told(*command("-m", name), cwd=folder)
        assert ran.status == 2
        assert why in ran.err.splitlines()[-1]
    assert "-m needs the name of a module" in told(*command("-m")).err


@pytest.mark.slow
def test_an_error_of_a_modules_package_leaves_with_its_line(folder: Path) -> None:
    written(folder / "package" / "__init__.py", "import not_there")
    ran = told(*command("-m", "package.module"), cwd=folder)
    assert ran.status == 1
    assert ran.err.splitlines()[1] == f'  File "{folder}/package/__init__.py", line 1, in <module>'


# --- in-process: what the command leaves alone ---


@pytest.mark.slow
def test_the_main_example_changes_neither_the_main_module_nor_the_search_path() -> None:
    before = sys.modules["__main__"], list(sys.path), list(sys.argv)
    assert main(["--sim", "--no-console"]) == 0
    assert (sys.modules["__main__"], sys.path, sys.argv) == before
