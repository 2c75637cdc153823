"""Is a `%%node` cell over when its time is, whatever its program does?"""

import os
import shutil
import threading
import time
from pathlib import Path

import pytest
from IPython.core.error import UsageError

from minirt.magics import real_node
from minirt.magics.real_node import ENOUGH, run_node

pytestmark = [
    pytest.mark.slow,  # real Node
    pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine"),
]

LIMIT = 2.0  # s: on a busy machine Node takes one to start
SLOW = 10.0  # s more: what a busy machine may need

CHILD = """
const { spawn } = require("child_process");
const program = `%s`;
spawn(process.execPath, ["-e", program], { %s });
console.log("from Node");
"""
FOR_LONG = "setTimeout(() => {}, 20000)"  # ms: what is left behind ends by itself
GRANDCHILD = (
    "require('child_process').spawn(process.execPath, ['-e', 'setTimeout(() => {}, 20000)'],"
    " { stdio: 'inherit', detached: true })"
)
IN_ITS_WAY = {
    "it never ends": "console.log('from Node'); setInterval(() => {}, 1000)",
    "it spins": "console.log('from Node'); while (true) ;",
    "a child holds the pipe": CHILD % (FOR_LONG, "stdio: 'inherit'"),
    "a child has a session of its own": CHILD % (FOR_LONG, "stdio: 'inherit', detached: true"),
    "a child does not hear SIGTERM": CHILD
    % (f"process.on('SIGTERM', () => {{}}); {FOR_LONG}", "stdio: 'inherit'"),
    "Node does not hear SIGTERM": (
        f"process.on('SIGTERM', () => {{}}); console.log('from Node'); {FOR_LONG}"
    ),
    "a grandchild has a session of its own": CHILD % (GRANDCHILD, "stdio: 'inherit'"),
}


@pytest.mark.parametrize("program", IN_ITS_WAY.values(), ids=IN_ITS_WAY)
def test_a_program_that_does_not_end_is_ended_and_what_it_printed_is_kept(program: str) -> None:
    began = time.monotonic()
    ran = run_node(program, LIMIT)
    assert time.monotonic() - began < LIMIT + SLOW
    assert ran.lines == ["from Node"]
    assert ran.ended == "Node was ended after 2 s: something kept it alive"


def test_a_child_that_outlives_node_does_not_keep_the_cell() -> None:
    child = CHILD.replace("spawn(", "const child = spawn(") + "child.unref();"
    began = time.monotonic()
    ran = run_node(child % (FOR_LONG, "stdio: 'inherit', detached: true"), 60)
    assert time.monotonic() - began < SLOW
    assert (ran.lines, ran.ended) == (["from Node"], "")


def test_a_detached_child_that_goes_on_printing_is_told_that_nobody_listens(tmp_path: Path) -> None:
    end = tmp_path / "end"
    program = (
        "process.stdout.on('error', () => {"
        f" require('fs').writeFileSync({str(end)!r}, 'told'); process.exit() }});"
        " setInterval(() => process.stdout.write('still here'), 10)"
    )
    child = CHILD % (program.replace("`", ""), "stdio: ['ignore', 'inherit', 'ignore'],")
    child = child.replace("'ignore'],", "'ignore'], detached: true")
    run_node(child, LIMIT)
    until = time.monotonic() + 30
    while not (end.exists() and end.read_text() == "told"):
        assert time.monotonic() < until, "the child prints for ever"
        threading.Event().wait(0.05)


@pytest.mark.parametrize(
    "program",
    [
        "process.stdout.write('x'.repeat(100_000_000))",
        "for (let i = 0; i < 1_000_000; i += 1) console.log('a line of a hundred bytes', i)",
        "setInterval(() => process.stdout.write('x'.repeat(1_000_000)), 0)",
    ],
)
def test_a_program_that_prints_too_much_is_ended_before_its_time(program: str) -> None:
    began = time.monotonic()
    ran = run_node(program, 60)
    assert time.monotonic() - began < 2 * SLOW
    assert ran.ended == "Node was ended: it printed more than 1,000,000 bytes"
    assert ENOUGH - 100 < sum(map(len, ran.lines)) + len(ran.lines) + len(ran.errors) <= ENOUGH + 1


@pytest.mark.parametrize("stream", ["log", "error"])
def test_a_program_that_does_nothing_but_print_is_ended(stream: str) -> None:
    """By what it prints, or by its time: what a full pipe does not take, Node keeps to itself."""
    began = time.monotonic()
    ran = run_node(f"while (true) console.{stream}('again and again')", LIMIT)
    assert time.monotonic() - began < LIMIT + SLOW
    assert ran.ended.startswith("Node was ended")
    assert (ran.lines or ran.errors.splitlines())[0] == "again and again"


def test_much_is_printed_in_full() -> None:
    ran = run_node("for (let i = 0; i < 10_000; i += 1) console.log('line', i)", 60)
    assert ran.lines == [f"line {number}" for number in range(10_000)]
    assert (ran.errors, ran.ended) == ("", "")


def test_who_reads_its_standard_input_finds_it_at_its_end() -> None:
    program = "process.stdin.on('data', () => {}).on('end', () => console.log('the end'))"
    ran = run_node(program, 60)
    assert (ran.lines, ran.ended) == (["the end"], "")


def test_bytes_that_are_no_text_are_shown_as_far_as_they_go() -> None:
    ran = run_node("process.stdout.write(Buffer.from([0x61, 0xff, 0x62]))", 60)
    assert ran.lines == ["a\ufffdb"]


def test_an_interrupt_ends_node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    noted = tmp_path / "pid"

    def interrupted(*_: object) -> str:
        until = time.monotonic() + 30
        while not (noted.exists() and noted.read_text()):
            assert time.monotonic() < until
        raise KeyboardInterrupt

    monkeypatch.setattr(real_node, "_wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_node(f"require('fs').writeFileSync({str(noted)!r}, `${{process.pid}}`); {FOR_LONG}", 60)
    with pytest.raises(ProcessLookupError):
        os.kill(int(noted.read_text()), 0)


def test_what_is_called_node_and_is_no_program_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "node").write_text("no program")
    (tmp_path / "node").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="`%minirt check` says which Node is needed"):
        run_node("1", LIMIT)
