"""How does a program use the loop?"""

import gc
import os
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from minirt import Int, Interest, Js, Recorder, Runtime, Simulation, String, TaskKind, Undefined
from minirt.errors import CalledTwice, ForkedRuntime, IdentityTaken, NoRuntime
from minirt.node import forking

KIND = TaskKind("Test")
PATIENCE = 10  # s
ROOT = Path(__file__).parent.parent


def sim(**options: Any) -> Runtime:
    return Runtime(system=Simulation(), **options)


# Its life


def test_run_calls_main_turns_until_nothing_is_alive_and_closes(no_leaks: None) -> None:
    rt, log = Runtime(), []  # type: tuple[Runtime, list[str]]

    def main() -> None:
        log.append(rt.phase)
        rt.set_timeout(2, lambda _: log.append(rt.phase))

    rt.run(main)
    assert log == ["main", "timers"]
    assert rt.phase == "closed"
    assert rt.pending_events == 0


def test_an_empty_program_ends_without_a_turn() -> None:
    rt = sim()
    rt.run(lambda: None)
    assert rt.ticks == 0


def test_a_runtime_is_turned_by_hand_with_start_and_tick(no_leaks: None) -> None:
    rt, log = Runtime(), []  # type: tuple[Runtime, list[str]]

    def main() -> None:
        log.append("main")
        rt.set_immediate(lambda _: rt.set_immediate(lambda _: log.append("nested")))

    rt.start(main)
    assert (log, rt.ticks) == (["main"], 0)
    assert rt.tick()
    assert log == ["main"]
    assert not rt.tick()
    assert log == ["main", "nested"]
    assert not rt.tick()
    assert rt.phase == "closed"


def test_starting_a_program_with_nothing_to_do_ends_at_the_first_tick(no_leaks: None) -> None:
    rt = Runtime()
    rt.start(lambda: None)
    assert not rt.tick()
    assert rt.phase == "closed"


def test_an_error_in_a_tick_or_in_main_closes_and_leaves(no_leaks: None) -> None:
    def fails(_: object = None) -> None:
        raise LookupError("inside")

    rt = Runtime()
    rt.start(lambda: rt.set_immediate(fails) and None)
    with pytest.raises(LookupError):
        rt.tick()
    assert rt.phase == "closed"
    rt = Runtime()
    with pytest.raises(LookupError):
        rt.start(fails)
    assert rt.phase == "closed"


def test_stop_ends_a_program_that_is_turned_by_hand() -> None:
    rt = sim()
    rt.start(lambda: rt.set_interval(1, lambda _: rt.stop()) and None)
    while rt.tick():
        pass
    assert rt.phase == "closed"
    rt = sim()
    rt.start(rt.stop)
    assert not rt.tick()


def test_tick_before_start_says_so() -> None:
    with sim() as rt, pytest.raises(NoRuntime):
        rt.tick()


def test_a_context_manager_closes_also_after_an_error(no_leaks: None) -> None:
    def program() -> None:
        with rt:
            rt.start(lambda: rt.set_interval(1, print) and None)
            raise LookupError

    rt = Runtime()
    with pytest.raises(LookupError):
        program()
    assert rt.phase == "closed"
    with Runtime() as rt:
        pass
    rt.close()
    assert rt.phase == "closed"


def test_stop_ends_after_the_current_callback_and_before_its_ticks() -> None:
    rt, log = sim(), []  # type: tuple[Runtime, list[str]]

    def callback(_: Js) -> None:
        rt.next_tick(lambda _: log.append("tick"))
        rt.stop()
        log.append("to its end")

    def main() -> None:
        rt.set_timeout(5, callback)
        rt.set_timeout(5, lambda _: log.append("never"))

    rt.run(main)
    assert log == ["to its end"]


def test_stop_in_main_ends_the_program() -> None:
    rt, log = sim(), []  # type: tuple[Runtime, list[str]]

    def main() -> None:
        rt.stop()
        rt.set_immediate(lambda _: log.append("never"))
        log.append("main")

    rt.run(main)
    assert log == ["main"]


def test_close_in_a_callback_is_stop(no_leaks: None) -> None:
    """The loop still turns: its poll and its pool cannot be pulled away under it."""
    rt, log = Runtime(), []  # type: tuple[Runtime, list[str]]
    gate = threading.Barrier(3)

    def task() -> Js:
        gate.wait(PATIENCE)
        return Int(0)

    def done(_: Js) -> None:
        rt.close()
        assert rt.phase == "poll"
        log.append("done")

    def main() -> None:
        for _ in range(2):
            rt.register_event_threadpool(task, KIND, done)
        rt.set_immediate(lambda _: gate.wait(PATIENCE))

    rt.run(main)
    assert log == ["done"]
    assert rt.phase == "closed"


@pytest.mark.parametrize("busy", [False, True], ids=["asleep", "busy"])
def test_another_thread_stops_the_loop_asleep_or_busy(no_leaks: None, busy: bool) -> None:
    rt = Runtime()
    reached = threading.Event()

    def main() -> None:
        rt.set_timeout(3_600_000, lambda _: None)
        if busy:
            breed(Undefined())
        else:
            rt.set_timeout(1, lambda _: reached.set())

    def breed(_: Js) -> None:
        reached.set()
        rt.set_immediate(breed)

    def stop() -> None:
        assert reached.wait(PATIENCE)
        rt.stop()

    thread = threading.Thread(target=stop)
    thread.start()
    before = time.monotonic()
    rt.run(main)
    thread.join()
    assert time.monotonic() - before < PATIENCE


def test_at_close_what_modules_hold_is_given_back_last_in_first_out() -> None:
    rt, log = sim(), []  # type: tuple[Runtime, list[str]]

    def main() -> None:
        rt.at_close(lambda: log.append("first"))
        rt.at_close(lambda: log.append("second"))
        rt.set_timeout(5, lambda _: log.append("timer"))

    rt.run(main)
    assert log == ["timer", "second", "first"]


def test_everything_is_closed_also_when_a_module_fails_to(no_leaks: None) -> None:
    rt = Runtime()

    def main() -> None:
        rt.at_close(lambda: 1 / 0)
        rt.register_event_threadpool(lambda: Int(1), KIND, lambda _: None)

    with pytest.raises(ZeroDivisionError):
        rt.run(main)
    assert rt.phase == "closed"


# Threads


def test_call_from_thread_wakes_a_loop_that_sleeps(no_leaks: None) -> None:
    rt, log = Runtime(), []  # type: tuple[Runtime, list[str]]
    asleep = threading.Event()

    def main() -> None:
        timer.append(rt.set_timeout(3_600_000, lambda _: None))
        rt.set_timeout(1, lambda _: asleep.set())
        thread.start()

    def call() -> None:
        assert asleep.wait(PATIENCE)
        rt.call_from_thread(
            lambda _: (log.append(threading.current_thread().name), timer[0].cancel())
        )

    timer: list[Any] = []
    thread = threading.Thread(target=call)
    rt.run(main)
    thread.join()
    assert log == [threading.current_thread().name]


def test_a_shorter_timer_set_while_the_poll_sleeps_fires_in_time(no_leaks: None) -> None:
    rt, late = Runtime(), []  # type: tuple[Runtime, list[float]]

    def main() -> None:
        long.append(rt.set_timeout(3_600_000, lambda _: None))
        thread.start()

    def shorter(_: Js) -> None:
        asked = rt.clock.now()
        rt.set_timeout(20, lambda _: done(asked))

    def done(asked: float) -> None:
        late.append(rt.clock.now() - asked - 0.02)
        long[0].cancel()

    long: list[Any] = []
    thread = threading.Thread(target=lambda: rt.call_from_thread(shorter))
    rt.run(main)
    thread.join()
    assert 0 <= late[0] + 1e-6 < 1


def test_no_wake_up_is_lost_between_many_threads_and_a_loop_that_falls_asleep(
    no_leaks: None,
) -> None:
    """A lost one would leave the loop asleep for an hour."""
    rt, count = Runtime(), [0]
    threads, each = 4, 500

    def main() -> None:
        timer.append(rt.set_timeout(3_600_000, lambda _: None))
        for thread in workers:
            thread.start()

    def work() -> None:
        for _ in range(each):
            answered = threading.Event()
            rt.call_from_thread(lambda _, answered=answered: arrived(answered))  # type: ignore[misc]
            assert answered.wait(PATIENCE)

    def arrived(answered: threading.Event) -> None:
        answered.set()
        count[0] += 1
        if count[0] == threads * each:
            timer[0].cancel()

    timer: list[Any] = []
    workers = [threading.Thread(target=work) for _ in range(threads)]
    rt.run(main)
    for thread in workers:
        thread.join()
    assert count == [threads * each]


@pytest.mark.slow
def test_no_result_of_the_pool_is_lost_when_the_loop_falls_asleep(no_leaks: None) -> None:
    rt, count = Runtime(threads=2), [0]

    def done(_: Js) -> None:
        count[0] += 1
        if count[0] < 3000:
            rt.register_event_threadpool(Undefined, KIND, done)

    rt.run(lambda: rt.register_event_threadpool(Undefined, KIND, done) and None)
    assert count == [3000]


def test_messages_of_a_task_come_before_its_result(no_leaks: None) -> None:
    rt, log = Runtime(), []  # type: tuple[Runtime, list[str]]

    def task() -> Js:
        rt.call_from_thread(lambda _: log.append("message"))
        return Int(0)

    def main() -> None:
        for _ in range(50):
            rt.register_event_threadpool(task, KIND, lambda _: log.append("result"))

    rt.run(main)
    for count in range(1, 51):
        at = [number for number, line in enumerate(log) if line == "result"][count - 1]
        assert log[:at].count("message") >= count


def test_a_message_that_comes_as_the_loop_closes_is_refused_or_dropped(no_leaks: None) -> None:
    from minirt.errors import RuntimeClosed

    for _ in range(20):
        rt, refused = Runtime(), threading.Event()

        def flood(rt: Runtime = rt, refused: threading.Event = refused) -> None:
            while True:
                try:
                    rt.call_from_thread(lambda _: None)
                    rt.stop()
                except RuntimeClosed:
                    refused.set()
                    return

        thread = threading.Thread(target=flood)

        def main(rt: Runtime = rt, thread: threading.Thread = thread) -> None:
            thread.start()
            rt.set_timeout(3_600_000, print)

        rt.run(main)
        thread.join(PATIENCE)
        assert refused.is_set()
        assert len(rt.loop.inbox) < 2


# The names of the source chapter


def test_add_callback_boxes_under_a_chosen_identity_and_keeps_nothing_alive() -> None:
    rt, log = sim(), []  # type: tuple[Runtime, list[Js]]

    def main() -> None:
        rt.add_callback(9, log.append)
        with pytest.raises(IdentityTaken):
            rt.add_callback(9, print)
        assert rt.pending_events == 0
        rt.loop.callbacks.boxed.call(9, Int(1))
        with pytest.raises(CalledTwice, match="identity 9"):
            rt.loop.callbacks.boxed.call(9, Int(2))

    rt.run(main)
    assert log == [Int(1)]


def test_identities_count_through_the_runtime() -> None:
    with sim() as rt:
        assert (rt.generate_identity(), rt.generate_cb_identity(), rt.identity_token) == (1, 2, 2)
        rt.identity_token = 2**64 - 1
        assert rt.generate_identity() == 0


def test_free_threads_are_given_out_by_number_the_last_first() -> None:
    with sim(threads=2) as rt:
        assert [rt.get_available_thread() for _ in range(3)] == [1, 0, None]
        assert rt.available_threads == 0


def test_the_counters_follow_what_waits() -> None:
    rt, seen = sim(), []  # type: tuple[Runtime, list[int]]
    rt.system.add_peer("peer", 1, lambda got: None)  # type: ignore[attr-defined]

    def main() -> None:
        seen.append(rt.pending_events)
        timer = rt.set_timeout(5, lambda _: None)
        rt.set_immediate(lambda _: seen.append(rt.pending_events))
        rt.set_immediate(lambda _: None)
        rt.register_event_threadpool(lambda: Int(0), KIND, lambda _: None)
        token = rt.generate_cb_identity()
        rt.epoll_registrator.register(rt.system.connect("peer", 1), token, Interest.READABLE)  # type: ignore[arg-type]
        rt.register_event_epoll(token, lambda _: None)
        seen.extend([rt.pending_events, rt.epoll_pending_events])
        timer.cancel()
        rt.deregister_event_epoll(token)
        seen.extend([rt.pending_events, rt.epoll_pending_events])

    rt.run(main)
    assert seen[:5] == [0, 5, 1, 3, 0]
    assert seen[5] in (1, 2)  # of two: this immediate itself is out, the task may be
    assert rt.pending_events == rt.epoll_pending_events == 0


def test_log_writes_a_line_with_the_name_of_its_thread(capsys: pytest.CaptureFixture[str]) -> None:
    recorder = Recorder()
    rt = sim(trace=recorder)
    rt.run(lambda: rt.log("hello"))
    assert capsys.readouterr().out == "Thread: main  hello\n"
    assert [e.detail for e in recorder.events if e.kind == "printed"] == [{"text": "hello"}]


def test_a_snapshot_shows_what_waits_and_is_frozen() -> None:
    rt, snapshots = sim(threads=2), []  # type: tuple[Runtime, list[Any]]
    rt.system.add_peer("peer", 1, lambda got: None)  # type: ignore[attr-defined]

    def main() -> None:
        rt.set_timeout(5, lambda _: None)
        rt.set_timeout(9, lambda _: None).cancel()
        rt.set_immediate(lambda _: None)
        rt.next_tick(lambda _: None)
        rt.queue_microtask(lambda _: None)
        for _ in range(3):
            rt.register_event_threadpool(lambda: Int(0), KIND, lambda _: None)
        connection: Any = rt.system.connect("peer", 1)
        rt.epoll_registrator.register(connection, 77, Interest.READABLE)
        rt.register_event_epoll(77, lambda _: None)
        snapshots.append(rt.snapshot())
        snapshots.append(rt.snapshot(most=1))
        rt.deregister_event_epoll(77)

    rt.run(main)
    full, short = snapshots
    assert (full.phase, full.ticks, full.pending_events, full.epoll_pending_events) == (
        "main",
        0,
        6,
        1,
    )
    assert (full.immediates, full.next_ticks, full.microtasks, full.callbacks) == (1, 1, 1, 6)
    assert (full.threads, full.available_threads, full.waiting_tasks) == (2, 0, 1)
    assert [identity for _, identity in full.timers] == [1]
    assert full.running == ((1, 4, "Test"), (0, 5, "Test"))
    assert full.waiting == ((6, "Test"),)
    assert [entry[1:] for entry in full.watched] == [(77, "read")]
    assert set(full.callback_identities) == {1, 3, 4, 5, 6, 77}
    assert (len(short.callback_identities), len(short.timers)) == (1, 1)
    with pytest.raises(AttributeError):
        full.ticks = 3
    assert rt.snapshot().phase == "closed"


def test_any_thread_may_take_snapshots_while_the_program_runs(no_leaks: None) -> None:
    rt, over = Runtime(), threading.Event()
    errors: list[BaseException] = []

    def look() -> None:
        while not over.is_set():
            try:
                rt.snapshot()
            except BaseException as error:
                errors.append(error)
                return

    def work(_: Js) -> None:
        for number in range(50):
            rt.set_timeout(number % 7, lambda _: None)
            rt.set_immediate(lambda _: None)
            rt.register_event_threadpool(Undefined, KIND, lambda _: None)

    def main() -> None:
        for delay in range(0, 60, 3):
            rt.set_timeout(delay, work)

    thread = threading.Thread(target=look)
    thread.start()
    rt.run(main)
    over.set()
    thread.join()
    assert errors == []


# Where it runs


def test_a_callback_and_a_task_run_in_the_context_in_which_the_program_was_started() -> None:
    from contextvars import ContextVar

    place: ContextVar[str] = ContextVar("place", default="nowhere")
    rt, seen = Runtime(), []  # type: tuple[Runtime, list[str]]

    def task() -> Js:
        return String(place.get())

    def main() -> None:
        rt.set_timeout(1, lambda _: seen.append(place.get()))
        rt.register_event_threadpool(
            task, KIND, lambda value: seen.append(value.into_string() or "")
        )
        place.set("inside")

    token = place.set("cell")
    rt.run(main)
    assert sorted(seen) == ["cell", "inside"]
    assert place.get() == "cell"
    place.reset(token)


def test_a_task_has_no_runtime_of_its_own_and_may_run_one(no_leaks: None) -> None:
    rt, log = Runtime(), []  # type: tuple[Runtime, list[str]]

    def task() -> Js:
        with pytest.raises(NoRuntime):
            Runtime.current()
        inner = Runtime()
        inner.run(lambda: inner.set_timeout(1, lambda _: log.append("inner")) and None)
        return Int(0)

    rt.run(
        lambda: (
            rt.register_event_threadpool(
                task, KIND, lambda value: log.append(f"outer {value.into_int()}")
            )
            and None
        )
    )
    assert log == ["inner", "outer 0"]


def test_a_thread_that_inherited_the_context_may_run_a_runtime_of_its_own(no_leaks: None) -> None:
    from contextvars import copy_context

    rt, log = Runtime(), []  # type: tuple[Runtime, list[str]]

    def other() -> None:
        inner = Runtime()
        inner.run(lambda: inner.set_timeout(1, lambda _: log.append("inner")) and None)

    def main() -> None:
        thread = threading.Thread(target=copy_context().run, args=(other,))
        thread.start()
        thread.join()

    rt.run(main)
    assert log == ["inner"]


def test_a_runtime_may_be_made_in_one_thread_and_run_in_another(no_leaks: None) -> None:
    rt, log = Runtime(), []  # type: tuple[Runtime, list[str]]
    thread = threading.Thread(
        target=lambda: rt.run(lambda: rt.set_timeout(1, lambda _: log.append("ran")) and None)
    )
    thread.start()
    thread.join()
    assert log == ["ran"]


# Being watched


def test_a_trace_may_come_and_go_while_the_program_runs() -> None:
    rt, recorder = sim(), Recorder()
    watched: list[bool] = []

    def main() -> None:
        rt.set_timeout(5, lambda _: rt.attach(recorder))
        rt.set_timeout(15, lambda _: watched.append(rt.loop.is_watched))
        rt.set_timeout(20, lambda _: rt.detach())
        rt.set_timeout(30, lambda _: watched.append(rt.loop.is_watched))

    rt.run(main)
    assert watched == [True, False]
    assert type(rt) is Runtime
    assert {event.identity for event in recorder.events if event.kind == "run"} == {2, 3}
    turns = [event.turn for event in recorder.events if event.kind == "turn"]
    assert turns == sorted(set(turns)) and len(turns) >= 2


# Many of them


@pytest.mark.slow
def test_two_hundred_runtimes_in_a_row_leave_no_thread_descriptor_or_memory(
    no_leaks: None,
) -> None:
    def one() -> None:
        rt = Runtime()
        left, right = socket.socketpair()

        def main() -> None:
            rt.set_timeout(0, lambda _: None)
            rt.set_interval(1, lambda _: None).unref()
            rt.register_event_threadpool(lambda: Int(1), KIND, lambda _: right.send(b"x") and None)
            rt.epoll_registrator.register(left, 900, Interest.READABLE)
            rt.register_event_epoll(900, lambda _: None)

        rt.run(main)
        left.close()
        right.close()

    for _ in range(20):
        one()
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        for _ in range(20):
            one()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(200):
            one()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
        gc.enable()
    assert grown < 200 * 3000  # bytes: one Runtime kept alive has many more


# Fork


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("handler", [False, True], ids=["no handler", "with on_uncaught"])
def test_the_child_of_a_fork_gets_forked_runtime_and_the_parent_goes_on(handler: bool) -> None:
    program = f"""
import os, sys
from minirt import Runtime, Int, TaskKind
from minirt.errors import ForkedRuntime
rt = Runtime()
log = []
if {handler}:
    rt.on_uncaught = lambda error: log.append("handler")
def main():
    rt.register_event_threadpool(lambda: Int(1), TaskKind("A"), forks)
    rt.set_timeout(100, lambda _: log.append("timer"))
def forks(value):
    global child
    child = os.fork()
    if child == 0:
        return
    rt.register_event_threadpool(lambda: Int(2), TaskKind("A"), lambda _: log.append("task"))
    assert os.waitpid(child, 0)[1] == 42 << 8
    log.append("child told")
try:
    rt.run(main)
except ForkedRuntime as error:
    os._exit(42 if child == 0 and log == [] and "parent" in str(error) else 1)
print(*log)
"""
    answer = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )
    assert answer.stderr == ""
    assert answer.stdout.split() == ["child", "told", "task", "timer"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fork_outside_of_a_callback_concerns_no_runtime() -> None:

    forking.after_fork_in_child()  # no runtime is running here: nothing happens


def test_what_the_child_of_a_fork_does_is_to_end_its_loop_with_forked_runtime() -> None:

    rt, log = Runtime(), []  # type: tuple[Runtime, list[Any]]
    rt.on_uncaught = log.append
    rt.set_timeout(1, lambda _: forking.after_fork_in_child())
    rt.set_timeout(1, log.append)
    with pytest.raises(ForkedRuntime, match=r"os\._exit"):
        rt.run(lambda: None)
    assert log == []
    assert rt.phase == "closed"
