"""The fourth look at the views: what is shown live, what is recorded and what is true are one."""

import asyncio
import os
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirt import Interest, Recorder, Runtime, Simulation, TaskKind, Undefined
from minirt.aio.program import AsyncioProgram
from minirt.views.frame import FIELDS
from minirt.views.printed import Printed
from minirt.views.state import State
from minirt.views.tape import tape
from minirt.views.watch import Watch
from minirt.watching.trace import Event

from .runs import unfolded


def fields(frame: dict[str, Any]) -> dict[str, Any]:
    """What a recording has of a frame, too."""
    return {name: frame[name] for name in FIELDS}


# --- J21: live, recorded and true ---


def test_who_lost_its_descriptor_waits_for_none_until_it_has_another_one() -> None:
    watch, looks = Watch(), []
    rt = Runtime(trace=watch)

    def look(event: str) -> None:
        snapshot = rt.snapshot()
        frame = watch.frame(snapshot)
        waits = {where: count for where, count in snapshot.queues if count}
        assert (event, dict(frame["queue"][2])) == (event, waits)
        looks.append((frame["watched"], len(watch.entries()), fields(frame)))

    def main() -> None:
        reader, writer = os.pipe()
        for token, persistent in ((7, True), (8, False)):
            rt.register_event_epoll(token, ignore, persistent)
            rt.epoll_registrator.register(reader, token, Interest.READABLE)
            look("registered")
            rt.epoll_registrator.deregister(reader)
            look("deregistered")
            rt.epoll_registrator.register(reader, token, Interest.READABLE)
            look("registered again")
            rt.deregister_event_epoll(token)
            look("gone")
        os.close(reader)
        os.close(writer)

    rt.run(main)
    assert [watched[0] for watched, _, _ in looks] == 2 * [1, 0, 1, 0]
    assert [len(watched[1]) for watched, _, _ in looks] == 2 * [1, 0, 1, 0]
    frames = unfolded(tape(watch.entries(), before=watch.before))
    assert [fields(frames[count - 1]) for _, count, _ in looks] == [seen for _, _, seen in looks]


@pytest.mark.parametrize("how", ["deregistered", "forgotten", "ready"])
def test_a_descriptor_takes_no_boxed_callback_of_the_same_identity_with_it(how: str) -> None:
    rt = Runtime()

    def main() -> None:
        reader, writer = os.pipe()
        rt.add_callback(7, ignore)
        rt.epoll_registrator.register(reader, 7, Interest.READABLE)
        if how == "deregistered":
            rt.epoll_registrator.deregister(reader)
        elif how == "forgotten":
            rt.deregister_event_epoll(7)
        else:
            os.write(writer, b"x")
        rt.set_timeout(5, lambda _: look(reader, writer))

    def look(*descriptors: int) -> None:
        assert dict(rt.snapshot().queues)["boxed"] == 1
        for number in descriptors:
            os.close(number)

    rt.run(main)


def test_a_result_that_comes_with_the_message_that_begins_to_watch_leaves_the_view() -> None:
    """As after each rest of a busy program."""
    watch, finished = Watch(), threading.Event()
    rt = Runtime(threads=1)

    def main() -> None:
        rt.register_event_threadpool(work, TaskKind.FILE_READ, ignore)
        finished.wait(5)
        while not rt.loop.pool.finished:
            pass
        rt.call_from_thread(begin)
        rt.set_timeout(1, lambda _: look())

    def work() -> Undefined:
        finished.set()
        return Undefined()

    def begin(_: object) -> None:
        watch.begin(rt.snapshot())
        rt.attach(watch)

    def look() -> None:
        assert watch.frame(rt.snapshot())["queue"] == [0, [], []]

    rt.run(main)
    assert "returned" in {entry.kind for entry in watch.entries() if isinstance(entry, Event)}


def test_a_task_has_its_name_from_its_first_step_on() -> None:
    """Before Python 3.12 it gets that after it was made, and told of."""
    recorder, state = Recorder(), State()

    async def main() -> None:
        for name in ("first", "second"):
            await asyncio.create_task(asyncio.sleep(0), name=name)

    AsyncioProgram(Simulation(), recorder).run(main())
    called = []
    for event in recorder:
        state.apply(event)
        if event.kind == "run" and state.current is not None:
            called.append(state.current[1])
    assert "first: sleep" in called and "second: sleep" in called
    labels = [span[-1] for span in state.timeline.recent(state.origin)]
    assert labels.count("first: sleep") == 2


def test_what_tasks_do_in_the_round_in_which_they_are_looked_at_again_is_seen_after_it() -> None:
    watch, program = Watch(), AsyncioProgram(Simulation())
    shown = {}

    async def main() -> None:
        loop = asyncio.get_running_loop()
        goes_on = loop.create_future()

        async def ends() -> None:
            await goes_on

        async def moves() -> None:
            await goes_on
            await asyncio.sleep(60)

        kept = [asyncio.create_task(ends()), asyncio.create_task(moves())]
        await asyncio.sleep(0)
        loop.call_soon(begin)
        goes_on.set_result(None)
        await asyncio.sleep(0.01)
        for row in watch.frame(program.snapshot())["tasks"][1]:
            shown[row["coroutine"].rpartition(".")[2]] = row["what"]
        kept[1].cancel()

    def begin() -> None:
        watch.begin(program.snapshot())
        program.attach(watch)

    program.run(main())
    assert shown == {"main": "", "moves": "sleep 60 s"}


# --- J24: the console ---


@given(st.lists(st.integers(0, 130), max_size=6))
@pytest.mark.slow
def test_the_console_has_the_last_lines_however_many_come_between_two_looks(
    bursts: list[int],
) -> None:
    printed = Printed()
    texts: list[str] = []
    for burst in bursts:
        for _ in range(burst):
            texts.append(str(len(texts)))
            printed.add(1.0, texts[-1])
        count, rows = printed.rows(0.0)
        assert count == len(texts)
        assert [text for _, text in rows] == texts[-40:]


def test_a_line_that_goes_on_stays_while_others_print() -> None:
    shown = []
    watch = Watch()
    rt = Runtime(trace=watch)

    def printed(text: str, is_over: bool, stream: str = "stdout", thread: str = "main") -> None:
        rt.loop.calls.printed(text, thread, is_over, stream)
        count, rows = watch.frame(rt.snapshot())["console"]
        assert count == len(rows)
        shown.append([text for _, text in rows])

    def main() -> None:
        printed("Loading ...", False)
        printed("10 %", False, "stderr")
        printed("20 %", False, "stderr")
        printed("from a thread", True, "stdout", "pool0")
        printed("30 %", False, "stderr")
        printed("Loading ... done", True)
        printed("100 %", True, "stderr")

    rt.run(main)
    assert shown == [
        ["Loading ..."],
        ["Loading ...", "10 %"],
        ["Loading ...", "20 %"],
        ["Loading ...", "20 %", "from a thread"],
        ["Loading ...", "from a thread", "30 %"],
        ["from a thread", "30 %", "Loading ... done"],
        ["from a thread", "Loading ... done", "100 %"],
    ]
    frames = unfolded(tape(watch.entries(), before=watch.before))
    recorded = [[text for _, text in frame["console"][1]] for frame in frames]
    assert [rows for rows in shown if rows not in recorded] == []


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=300))
@pytest.mark.slow
def test_whoever_prints_in_turns_each_line_is_shown_once(steps: list[tuple[int, bool]]) -> None:
    printed = Printed()
    over = 0
    begun: set[int] = set()
    for number, (by, goes_on) in enumerate(steps):
        printed.add(1.0, f"{by} {number}", goes_on=goes_on, by=by)
        begun.discard(by)
        if goes_on:
            begun.add(by)
        else:
            over += 1
        count, rows = printed.rows(0.0)
        assert count == over + len(begun)
        assert len(rows) <= 40
        assert rows[-1][1] == f"{by} {number}"


def ignore(_: object) -> None:
    pass
