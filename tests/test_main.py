"""What does `python -m minirt` do in a terminal?"""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from minirt.__main__ import main


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "minirt", *map(str, arguments)]


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


def test_the_console_can_be_switched_on_for_a_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "program.py"
    program.write_text("from minirt import set_timeout\nset_timeout(1, print)\n", encoding="utf-8")
    assert main([str(program), "--sim", "--console", "--threads", "1"]) == 0
    assert "Registered timer event id: 1" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["run.json", "run.jsonl"])
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


def test_an_error_of_the_program_leaves_with_its_traceback(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "from minirt import set_timeout\nset_timeout(1, lambda _: 1 / 0)\n", encoding="utf-8"
    )
    ran = subprocess.run(command(program), capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 1
    assert 'program.py", line 2' in ran.stderr and "ZeroDivisionError" in ran.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break otherwise there")
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
