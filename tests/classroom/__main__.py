"""How long does a class wait, and how much memory does it take? A rehearsal on this machine.

    python -m tests.classroom                    ten students at once run chapter 06
    python -m tests.classroom --students 30      a class
    python -m tests.classroom --chapter 00       another chapter

Starts JupyterHub with classroom/jupyterhub_config.py, lets every student log in at the same moment,
and compares what each sees with the notebook's kept outputs. Leaves nothing behind, also after
Ctrl-C.
"""

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import aiohttp

from tests.classroom.hub import LANDING, Hub, HubFailed
from tests.classroom.memory import THE_HUB, Memory, Peak
from tests.classroom.seen import SeenOtherwise
from tests.classroom.student import Student, StudentStuck
from tests.notebooks import chosen

MB = 1_000_000
MOST_OF_A_KERNEL = 500 * MB  # a kernel with the live view; Binder gives one or two gigabytes
PATIENCE = 60  # seconds a student, for each wait: all of them may wait for one processor
INTERRUPTED = 130  # as a shell counts it


@dataclass
class Lesson:
    """What became of one student."""

    student: Student
    failed: str = ""


def say(text: str) -> None:
    print(text, flush=True)


async def attend(lesson: Lesson, path: str, start: asyncio.Event) -> None:
    student = lesson.student
    try:
        async with student:
            await start.wait()
            await student.log_in(LANDING)
            say(f"{student.name}: server ready after {student.ready_after:.1f} s")
            await student.run(path)
            say(f"{student.name}: {student.cells} cells ran in {student.ran_for:.1f} s")
    except (StudentStuck, SeenOtherwise, aiohttp.ClientError, TimeoutError) as problem:
        lesson.failed = str(problem) or type(problem).__name__
        say(f"{student.name}: {lesson.failed}")


async def hold(lessons: Sequence[Lesson], path: str) -> None:
    """Let all begin at the same moment; return when the last one is through."""
    start = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for lesson in lessons:
            group.create_task(attend(lesson, path, start))
        start.set()


def report(lessons: Sequence[Lesson], memory: Memory) -> str:
    """A table: seconds and megabytes a student, then the median, the most, and all together."""
    heads = ("", "ready s", "chapter s", "CPU s", "server MB", "kernel MB", "PSS MB")
    rows = []
    for lesson in lessons:
        student, peak = lesson.student, memory.peaks.get(lesson.student.name, Peak())
        sizes = [size / MB for size in (peak.server, peak.kernel, peak.together)]
        rows.append((student.name, student.ready_after, student.ran_for, peak.cpu, *sizes))
    columns = list(zip(*(row[1:] for row in rows), strict=True))
    rows.append(("median", *map(median, columns)))
    rows.append(("most", *map(max, columns)))
    lines = ["{:12}{:>9}{:>11}{:>8}{:>11}{:>11}{:>8}".format(*heads)]
    lines += ["{:12}{:9.1f}{:11.1f}{:8.1f}{:11.0f}{:11.0f}{:8.0f}".format(*row) for row in rows]
    hub = memory.peaks.get(THE_HUB, Peak())
    everything = f"everything at its peak: {memory.of_all / MB:.0f} MB"
    lines += [
        "",
        f"{THE_HUB}: {hub.together / MB:.0f} MB; {everything} (both PSS)",
        "ready: from the login page to Lab. CPU: of server and kernel. server, kernel: peak RSS.",
        "PSS: of both together at their peak, with shared pages divided.",
    ]
    return "\n".join(lines)


def faults(lessons: Sequence[Lesson], memory: Memory) -> list[str]:
    """What makes the rehearsal fail, in words."""
    found = [f"{one.student.name}: {one.failed}" for one in lessons if one.failed]
    for lesson in lessons:
        size = memory.peaks.get(lesson.student.name, Peak()).kernel
        if not lesson.failed and not 0 < size < MOST_OF_A_KERNEL:
            found.append(f"{lesson.student.name}: a kernel of {size / MB:.0f} MB")
    return found


async def rehearse(hub: Hub, students: int, path: str, patience: float) -> bool:
    """Hold the lesson and print what it took. Was everything as it should be?"""
    await asyncio.to_thread(hub.start)
    lessons = [
        Lesson(Student(f"student{number:02}", hub.url, hub.password, patience))
        for number in range(1, students + 1)
    ]
    say(f"{students} students log in and run {path}, on {os.cpu_count()} processors")
    with Memory(hub) as memory:
        await hold(lessons, path)
    say(f"\n{report(lessons, memory)}")
    found = faults(lessons, memory)
    if any(lesson.failed and not lesson.student.ready_after for lesson in lessons):
        say(f"\nthe hub's last words:\n{hub.end_of_log()}")
    if found:
        say("\n" + "\n".join(["failed:", *found]))
    return not found


async def rehearse_and_tidy(students: int, path: str, patience: float) -> int:
    """The exit status. Ctrl-C ends the lesson; the tidying it does not end."""
    main = asyncio.current_task()
    assert main is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, main.cancel)
    started = time.monotonic()
    outcome, status = "failed", 1
    hub = Hub()
    try:
        if await rehearse(hub, students, path, patience):
            outcome, status = "passed", 0
    except asyncio.CancelledError:
        outcome, status = "interrupted", INTERRUPTED
    except HubFailed as problem:
        say(str(problem))
    finally:
        left = hub.close()  # blocks: nothing can cancel what does not await
    if left:
        outcome, status = f"left behind: {', '.join(left)}; failed", 1
    say(f"{outcome} after {time.monotonic() - started:.0f} s")
    return status


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.classroom", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--students", type=int, default=10)
    parser.add_argument("--chapter", default="06", help="the beginning of a notebook's name")
    options = parser.parse_args()
    notebooks = chosen([options.chapter])
    if len(notebooks) != 1 or options.students < 1:
        parser.error("one chapter and at least one student, please")
    path = f"notebooks/{notebooks[0].name}"
    patience = PATIENCE * max(options.students, 5)
    try:
        return asyncio.run(rehearse_and_tidy(options.students, path, patience))
    except (asyncio.CancelledError, KeyboardInterrupt):
        return INTERRUPTED  # a second Ctrl-C came too late to change anything


if __name__ == "__main__":
    sys.exit(main())
