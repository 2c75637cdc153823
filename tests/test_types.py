"""Does a user's type checker know what the package's functions return?"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """\
from minirt import Future, Js, Runtime, Task, crypto, fs, http, in_pool, sleep_ms


def told(value: Js) -> None:
    print(value)


async def awaits() -> int:
    text: str = await fs.read("a file")
    content: bytes = await fs.read_bytes("a file", None)
    written: Future[None] = fs.write("a file", text, cb=None)
    number: int = await fs.stat("a file") + await crypto.encrypt(10)
    key: str = await crypto.pbkdf2("password", b"salt", 1) + await crypto.sha256(content)
    page: str = await http.get("http://example.com", timeout=1) + await http.get_slow("url", 10)
    kept: Future[str] = fs.read("a file", delay=0.5)
    found: float = await in_pool(lambda: 1.5)
    slept: Future[None] = sleep_ms(1)
    task: Task[int] = Task(awaits())
    return await task + len(page + key + await kept)


def calls() -> None:
    first: int = fs.read("a file", told, delay=0.5)
    second: int = fs.write("a file", "text", cb=told) + crypto.sha256("text", told)
    http.get("http://example.com", told, max_bytes=100).cancel()
    http.get_slow("http://example.com", 10, told).cancel()


async def mistakes() -> None:
    number: int = await fs.read("a file")  # wrong
    text: str = await fs.read_bytes("a file")  # wrong
    await fs.read("a file", told)  # wrong
    nothing = await fs.write("a file", "text")  # wrong
    fs.read("a file").upper()  # wrong
    fs.read("a file", "told")  # wrong
    fs.read(7)  # wrong
    http.get("http://example.com", told).set_result("x")  # wrong
    crypto.encrypt("10")  # wrong


Runtime().run(awaits)
"""


@pytest.mark.slow
def test_what_a_module_returns_is_known_with_and_without_a_callback(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    root = Path(__file__).parent.parent
    said = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--config-file=", "program.py"),
            f"--cache-dir={root / '.mypy_cache' / 'types'}",
        ],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    found = {int(line) for line in re.findall(r"^program.py:(\d+): error:", said, re.MULTILINE)}
    wrong = {n for n, line in enumerate(PROGRAM.splitlines(), 1) if line.endswith("# wrong")}
    assert found == wrong, said
