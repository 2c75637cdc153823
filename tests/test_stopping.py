"""minirt.watching.stopping: a call that does not come to its end, and what is left of ending it."""

import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, sys, threading
from minirt import Runtime

async def look_on():
    rt = Runtime()
    playing = asyncio.ensure_future(rt.play(lambda: rt.set_timeout(1, {callback}), view=False))
    if {interrupted}:
        await asyncio.sleep(0.2)
        playing.cancel()
    await asyncio.wait([playing])
    playing.exception() if not playing.cancelled() else None

def endless(_):
    while True:
        pass

asyncio.run(look_on())
for thread in threading.enumerate():
    if thread is not threading.main_thread():
        thread.join(10)
steps = 0
def step(frame, event, value):
    global steps
    steps += 1
    return step
sys.settrace(step)
sum(number for number in range(10))
sys.settrace(None)
print(steps > 0)
"""


@pytest.mark.parametrize(
    ("callback", "interrupted"),
    [("lambda _: None", False), ("endless", True), ("lambda _: 1 / 0", False)],
    ids=["ended", "interrupted", "failed"],
)
@pytest.mark.slow
def test_a_debugger_works_after_a_program_was_played(callback: str, interrupted: bool) -> None:
    """CPython 3.11 hung in sys.settrace: it looked for ever for what had been taken back."""
    program = PROGRAM.format(callback=callback, interrupted=interrupted)
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.stdout == "True\n", run.stderr
