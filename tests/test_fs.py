"""Files: read and written on the pool, failures as values, bad arguments at the caller's line."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from minirt import Bytes, Error, Int, Recorder, Runtime, Simulation, String, TaskKind, Undefined
from minirt.errors import NoRuntime, NotCallable
from minirt.modules import fs

pytestmark = pytest.mark.usefixtures("no_leaks")


def answers(*calls: Callable[[Callable[[Any], object]], object]) -> list[Any]:
    """What the callbacks of these calls received, in order."""
    received: list[Any] = []
    Runtime(threads=1).run(lambda: [call(received.append) for call in calls])
    return received


def answer(call: Callable[[Callable[[Any], object]], object]) -> Any:
    (value,) = answers(call)
    return value


def test_a_text_file_arrives_as_a_string_with_its_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes("zwölf\r\nBoxkämpfer\n".encode())
    assert answer(lambda cb: fs.read(path, cb)) == String("zwölf\r\nBoxkämpfer\n")
    assert answer(lambda cb: fs.read(str(path), cb)) == String("zwölf\r\nBoxkämpfer\n")


def test_reading_returns_its_identity_before_anything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("before")
    received = []

    def main() -> None:
        assert fs.read(path, received.append) == 1
        assert fs.stat(path, received.append) == 2
        assert not received

    rt = Runtime(threads=1)
    rt.run(main)
    assert received == [String("before"), Int(6)]


def test_a_file_that_is_not_there_is_an_error_that_raises_when_it_is_opened(tmp_path: Path) -> None:
    for call in (fs.read, fs.read_bytes, fs.stat):
        value = answer(lambda cb: call(tmp_path / "nowhere", cb))
        assert isinstance(value, Error)
        with pytest.raises(FileNotFoundError, match="nowhere"):
            value.into_string()


def test_a_body_that_is_not_utf_8_is_an_error_that_names_the_file_and_the_way_out(
    tmp_path: Path,
) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"\x89PNG\xff")
    text, content = answers(lambda cb: fs.read(path, cb), lambda cb: fs.read_bytes(path, cb))
    assert isinstance(text.exception, UnicodeDecodeError)
    (note,) = text.exception.__notes__
    assert "picture.png" in note and "fs.read_bytes" in note
    assert content == Bytes(b"\x89PNG\xff")


def test_a_directory_is_an_error(tmp_path: Path) -> None:
    assert isinstance(answer(lambda cb: fs.read(tmp_path, cb)).exception, IsADirectoryError)


def test_writing_replaces_the_content_and_says_undefined(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("a longer text than the new one")
    assert answer(lambda cb: fs.write(path, "kürzer\r\n", cb)) == Undefined()
    assert path.read_bytes() == "kürzer\r\n".encode()


def test_a_text_that_cannot_be_encoded_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("old")
    value = answer(lambda cb: fs.write(path, "half of a pair: \ud800", cb))
    assert isinstance(value.exception, UnicodeEncodeError)
    assert path.read_text() == "old"


def test_the_tasks_are_of_the_kinds_that_are_printed(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    recorder = Recorder()

    def main() -> None:
        fs.write(path, "x", lambda _: fs.read(path, lambda _: fs.stat(path, print)))

    Runtime(trace=recorder).run(main)
    kinds = [event.detail["kind"] for event in recorder if event.kind == "started"]
    assert kinds == ["File write", "File read", "File stat"]


def test_the_file_is_read_on_another_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []
    monkeypatch.setattr(
        fs, "read_file", lambda path: threads.append(threading.current_thread()) or b""
    )
    answer(lambda cb: fs.read(tmp_path / "any", cb))
    assert threads[0] is not threading.current_thread()


def test_a_delay_passes_on_the_simulated_clock(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("slow")
    rt = Runtime(system=Simulation())
    times: list[float] = []
    rt.run(lambda: fs.read(path, lambda _: times.append(rt.clock.now()), delay=3600.0))
    assert 3600 < times[0] < 3601


def test_the_delay_passes_before_the_reading(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    rt = Runtime(system=Simulation())
    received: list[Any] = []

    def main() -> None:
        fs.read(path, received.append, delay=1.0)
        rt.set_timeout(500, lambda _: path.write_text("written meanwhile"))

    rt.run(main)
    # a simulated task runs in one go when it starts, at 0 s: the file was not there yet
    assert isinstance(received[0].exception, FileNotFoundError)


@pytest.mark.parametrize("delay", [-1, float("nan"), float("inf")])
def test_an_impossible_delay_is_a_value_error_at_the_call(delay: float) -> None:
    with pytest.raises(ValueError, match="delay"):
        Runtime().run(lambda: fs.read("notes.txt", print, delay=delay))


@pytest.mark.parametrize("delay", ["1", None, True])
def test_a_delay_that_is_no_number_is_a_type_error_at_the_call(delay: Any) -> None:
    with pytest.raises(TypeError, match="number of seconds"):
        Runtime().run(lambda: fs.read("notes.txt", print, delay=delay))


@pytest.mark.parametrize("call", [fs.read, fs.read_bytes, fs.stat])
@pytest.mark.parametrize("path", [7, None, 1.5])
def test_a_path_that_is_none_is_a_type_error_at_the_call(call: Any, path: Any) -> None:
    with pytest.raises(TypeError):
        Runtime().run(lambda: call(path, print))


def test_a_text_that_is_none_is_a_type_error_at_the_call(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="writes a str"):
        Runtime().run(lambda: fs.write(tmp_path / "x", b"bytes", print))  # type: ignore[arg-type]
    assert not (tmp_path / "x").exists()


def test_a_callback_that_is_not_callable_is_refused_at_the_call(tmp_path: Path) -> None:
    with pytest.raises(NotCallable):
        Runtime().run(lambda: fs.read(tmp_path / "x", 3))  # type: ignore[arg-type]


def test_without_a_runtime_the_error_says_so() -> None:
    with pytest.raises(NoRuntime):
        fs.read("notes.txt", print)


def test_reading_is_of_the_kind_that_goes_first_by_priority() -> None:
    assert fs.FILE_STAT.priority == TaskKind.FILE_READ.priority > TaskKind.ENCRYPT.priority
