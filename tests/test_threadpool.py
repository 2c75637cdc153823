"""Where does work run that would hold the loop up?"""

import os
import sys
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from itertools import count
from queue import SimpleQueue
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minirt import (
    Error,
    Int,
    Js,
    ManualClock,
    MonotonicClock,
    Recorder,
    Runtime,
    Simulation,
    TaskKind,
)
from minirt.core import threadpool
from minirt.core.policies import Fifo, Task, Work
from minirt.core.threadpool import ThreadPool, run_task
from minirt.errors import ForkedRuntime, NotAJs, NoThread, NotTaken, TooManyWaiting
from tests.forks import exit_code
from tests.interrupts import split_at

KIND = TaskKind("Test")
PATIENCE = 10  # s: how long a test waits before it calls something lost

each_system = pytest.mark.parametrize("system", [None, Simulation], ids=["real", "simulated"])


@pytest.mark.parametrize("error", [ValueError("bad"), SystemExit(1), KeyboardInterrupt()])
def test_whatever_a_task_raises_becomes_an_error_value(error: BaseException) -> None:
    def task() -> Js:
        raise error

    assert run_task(Task(1, KIND, task)) == Error(error)


def test_a_task_that_returns_no_js_becomes_an_error_that_says_how_to_wrap_it() -> None:
    result = run_task(Task(1, KIND, lambda: "text"))  # type: ignore[arg-type, return-value]
    with pytest.raises(NotAJs, match=r"returned 'text'.*String\(text\)"):
        result.into_string()


@pytest.mark.parametrize("threads", [-1, True])
def test_what_is_no_number_of_threads_is_refused(threads: int) -> None:
    with pytest.raises(ValueError, match="0 or more threads"):
        Runtime(threads=threads)


# The pool by itself


class Desk:
    """A pool whose results are waited for without a loop."""

    def __init__(self, threads: int, schedule: Any = "fifo", **options: Any):
        self.woken: SimpleQueue[None] = SimpleQueue()
        self.pool = ThreadPool(
            threads, lambda: self.woken.put(None), MonotonicClock(), schedule, **options
        )
        self.results: dict[int, tuple[int, Any]] = {}

    def __enter__(self) -> "Desk":
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.close()

    def submit(self, identity: int, function: Callable[[], Any], kind: TaskKind = KIND) -> None:
        self.pool.submit(Task(identity, kind, function))

    def collect(self, count: int) -> list[int]:
        """Wait for `count` results; their identities in order of arrival."""
        arrived: list[int] = []
        while len(arrived) < count:
            self.woken.get(timeout=PATIENCE)
            while self.pool.finished:
                identity, thread, result = self.pool.finished.popleft()
                assert identity not in self.results, "delivered twice"
                self.results[identity] = (thread, result)
                arrived.append(identity)
        return arrived


class Held:
    """A task that has begun, and goes on when it may."""

    def __init__(self) -> None:
        self.begun, self.gate = threading.Event(), threading.Event()

    def __call__(self) -> Js:
        self.begun.set()
        return Int(int(self.gate.wait(PATIENCE)))


def test_the_free_threads_are_a_stack_the_last_one_works_first() -> None:
    with Desk(4) as desk:
        gate = threading.Event()

        def task() -> Js:
            assert gate.wait(PATIENCE)
            return Int(0)

        for identity in range(4):
            desk.submit(identity, task)
        assert desk.pool.available == 0
        assert [desk.pool.running()[thread][0] for thread in (3, 2, 1, 0)] == [0, 1, 2, 3]
        gate.set()
        desk.collect(4)
        assert {identity: thread for identity, (thread, _) in desk.results.items()} == {
            0: 3,
            1: 2,
            2: 1,
            3: 0,
        }


def test_threads_start_as_they_are_needed() -> None:
    with Desk(4) as desk:
        before = threading.active_count()
        desk.submit(1, lambda: Int(1))
        desk.collect(1)
        desk.submit(2, lambda: Int(2))
        desk.collect(1)
        assert threading.active_count() == before + 1
        assert desk.pool.size == 4


def test_taking_a_free_thread_by_hand_ends_with_none() -> None:
    with Desk(3) as desk:
        assert [desk.pool.take_free() for _ in range(4)] == [2, 1, 0, None]


def test_a_thread_that_was_taken_gets_no_task_until_it_is_given_back() -> None:
    with Desk(2) as desk:
        held = Held()
        assert desk.pool.take_free() == 1
        desk.submit(0, held)
        desk.submit(1, lambda: Int(1))
        assert desk.pool.count_waiting() == 1
        desk.pool.give_back(1)  # and it begins at once
        assert desk.collect(1) == [1]
        assert desk.results[1][0] == 1
        held.gate.set()
        desk.collect(1)
        assert sorted(desk.pool.free) == [0, 1]


def test_only_a_thread_that_was_taken_can_be_given_back_and_once() -> None:
    with Desk(2) as desk:
        number = desk.pool.take_free()
        assert number == 1
        desk.pool.give_back(1)
        for other in (1, 0, 7, True, None):
            with pytest.raises(NotTaken, match="get_available_thread"):
                desk.pool.give_back(other)  # type: ignore[arg-type]
        assert desk.pool.free == [0, 1]


def test_a_task_that_no_thread_could_ever_run_is_refused() -> None:
    with Desk(0) as desk, pytest.raises(NoThread, match="no threads"):
        desk.submit(1, lambda: Int(1))
    with Desk(2) as desk:
        desk.pool.take_free()
        desk.pool.check_room()
        desk.pool.take_free()
        with pytest.raises(NoThread, match="all 2 threads were taken"):
            desk.pool.check_room()
        with pytest.raises(NoThread, match=r"rt\.give_back_thread\(number\)"):
            desk.submit(1, lambda: Int(1))
        assert desk.pool.count_waiting() == 0
        desk.pool.give_back(0)
        desk.submit(1, lambda: Int(1))
        assert desk.collect(1) == [1]


def test_a_waiting_task_starts_the_moment_a_thread_is_free_without_any_loop() -> None:
    with Desk(1) as desk:
        started = threading.Event()
        desk.submit(1, lambda: Int(1))

        def second() -> Js:
            started.set()
            return Int(2)

        desk.submit(2, second)
        assert started.wait(PATIENCE)  # nobody looked at the results meanwhile
        assert desk.collect(2) == [1, 2]


def test_the_thread_that_was_freed_last_works_next() -> None:
    with Desk(3) as desk:
        assert desk.pool.free == [0, 1, 2]
        desk.pool.seen(0)
        assert desk.pool.free == [1, 2, 0]
        desk.pool.take_free()
        desk.pool.seen(0)  # busy: nothing to do
        assert desk.pool.free == [1, 2]


def test_a_full_queue_refuses_one_more_and_loses_nothing() -> None:
    with Desk(1, max_waiting=2) as desk:
        gate = threading.Event()
        desk.submit(0, lambda: Int(int(gate.wait(PATIENCE))))
        desk.submit(1, lambda: Int(1))
        desk.submit(2, lambda: Int(2))
        with pytest.raises(TooManyWaiting, match="max_waiting=2"):
            desk.submit(3, lambda: Int(3))
        assert [task[0] for task in desk.pool.waiting(9)] == [1, 2]
        assert [task[0] for task in desk.pool.waiting(1)] == [1]
        assert desk.pool.count_waiting() == 2
        gate.set()
        assert desk.collect(3) == [0, 1, 2]
        desk.submit(3, lambda: Int(3))
        assert desk.collect(1) == [3]


def test_a_task_is_cancelled_only_before_it_starts() -> None:
    with Desk(1) as desk:
        held = Held()
        desk.submit(0, held)
        desk.submit(1, lambda: Int(1))
        desk.submit(2, lambda: Int(2))
        assert held.begun.wait(PATIENCE)
        assert desk.pool.cancel(1)
        assert not desk.pool.cancel(0)
        held.gate.set()
        assert desk.collect(2) == [0, 2]


def test_no_task_takes_its_thread_with_it() -> None:
    def exits() -> Js:
        raise SystemExit(3)

    with Desk(1) as desk:
        desk.submit(0, exits)
        desk.submit(1, lambda: Int(1))
        assert desk.collect(2) == [0, 1]
        assert isinstance(desk.results[0][1], Error)
        assert desk.results[0][0] == desk.results[1][0] == 0


def test_a_pool_may_perform_its_tasks_in_another_way_and_send_back_anything() -> None:
    """As an executor does: a result, or what was raised, and no `Js`."""

    def perform(task: Work) -> tuple[object, BaseException | None]:
        try:
            return task[2](), None
        except BaseException as error:
            return None, error

    with Desk(2, perform=perform) as desk:
        desk.submit(1, lambda: "text")
        desk.submit(2, lambda: None)
        desk.submit(3, lambda: {}["missing"])
        desk.collect(3)
    results = {identity: result for identity, (_, result) in desk.results.items()}
    assert results[1] == ("text", None)
    assert results[2] == (None, None)
    assert isinstance(results[3][1], KeyError)


def test_the_threads_of_a_pool_have_its_name_and_their_number() -> None:
    with Desk(2, name="asyncio_") as desk:
        desk.submit(1, lambda: threading.current_thread().name)
        desk.collect(1)
        assert isinstance(desk.results[1][1], Error)  # a str is no Js
        assert "asyncio_1" in str(desk.results[1][1].exception)


def test_each_task_runs_in_a_copy_of_the_context_of_its_own() -> None:
    """R16: what one task set the next one on the same thread found."""
    who: ContextVar[int] = ContextVar("who", default=0)
    who.set(1)
    with Desk(1) as desk:
        desk.pool.run_in(copy_context())
        who.set(2)

        def task() -> Js:
            seen = who.get()
            who.set(99)
            return Int(seen)

        for identity in range(3):
            desk.submit(identity, task)
        desk.collect(3)
    assert {result for _, result in desk.results.values()} == {Int(1)}


class Large:
    """What a task captures, and what it returns."""


def submit_large(desk: Desk) -> list[weakref.ref[Large]]:
    """Weak references to what a task captured, and, once it has run, to what it returned."""
    captured = Large()
    references = [weakref.ref(captured)]

    def task() -> Large:
        assert captured is not None
        result = Large()
        references.append(weakref.ref(result))
        return result

    desk.submit(1, task)
    return references


def test_a_thread_with_nothing_to_do_keeps_neither_task_nor_result() -> None:
    with Desk(1, perform=lambda task: task[2]()) as desk:
        references = submit_large(desk)
        desk.collect(1)
        desk.results.clear()
        desk.submit(2, lambda: None)  # the thread has come back from the first
        desk.collect(1)
        assert [reference() for reference in references] == [None, None]


@pytest.mark.parametrize("schedule", ["fifo", "priority", "shortest", min])
@given(seconds=st.lists(st.sampled_from([0, 0, 0, 0.0005]), max_size=40), threads=st.integers(1, 5))
@settings(max_examples=15)
def test_every_task_runs_once_and_every_result_arrives_once(
    schedule: Any, seconds: list[float], threads: int
) -> None:
    ran: list[int] = []

    def work(number: int, length: float) -> Js:
        time.sleep(length)
        ran.append(number)
        return Int(number)

    if schedule is min:
        schedule = lambda waiting: min(waiting, key=lambda task: task.identity)  # noqa: E731
    kinds = [TaskKind("a"), TaskKind("b", priority=2)]
    with Desk(threads, schedule) as desk:
        for number, length in enumerate(seconds):
            desk.submit(number, lambda n=number, s=length: work(n, s), kinds[number % 2])  # type: ignore[misc]
        desk.collect(len(seconds))
        assert {n: value for n, (_, value) in desk.results.items()} == {
            n: Int(n) for n in range(len(seconds))
        }
    assert sorted(ran) == list(range(len(seconds)))
    assert sorted(desk.pool.free) == list(range(threads))
    assert desk.pool.running() == {}


def test_tasks_that_come_one_by_one_just_as_a_thread_runs_out_of_work_are_never_stranded() -> None:
    """The thread looks for work, the loop for a thread: 2,000 chances to miss each other."""
    with Desk(2, "priority") as desk:
        for identity in range(2000):
            desk.submit(2 * identity, lambda: Int(0))
            desk.submit(2 * identity + 1, lambda: Int(0))
            if identity % 3 == 0:
                desk.collect(1)
        desk.collect(4000 - len(desk.results))
        assert len(desk.results) == 4000


def test_a_task_that_another_thread_takes_in_the_last_moment_is_no_error_for_the_caller() -> None:
    with Desk(1) as desk:
        desk.pool.free.clear()

        class Faster(Fifo):
            def put(self, task: Work) -> None:
                super().put(task)
                desk.pool.free.append(0)

            def take(self) -> Work:
                self.waiting.clear()  # by the thread that was faster
                return super().take()

        desk.pool._policy = Faster()
        desk.submit(1, lambda: Int(1))
        assert desk.pool.free == [0]
        desk.pool._policy = Fifo()
        desk.pool._match()  # nothing waits: nothing happens
        assert desk.pool.free == [0]


def test_a_thread_that_sees_its_task_taken_by_a_faster_one_becomes_free() -> None:
    class Taken(Fifo):
        def take(self) -> Work:
            self.waiting.clear()
            return super().take()

    with Desk(1) as desk:
        late = Task(5, KIND, lambda: Int(5))
        desk.pool._policy = policy = Taken()
        for finish in (
            lambda: desk.pool._finish(0, Task(0, KIND, lambda: Int(0)), Int(1)),
            lambda: desk.pool._retire(0, (7, 0, Int(1))),
        ):
            desk.pool.free.clear()
            desk.pool._running[0] = late
            policy.put(late)
            assert finish() is None
            assert desk.pool.free == [0]
        assert list(desk.pool.finished) == [(0, 0, Int(1)), (7, 0, Int(1))]


def test_a_task_that_began_to_wait_while_its_thread_retired_is_taken_along() -> None:
    with Desk(1) as desk:
        late = Task(0, KIND, lambda: Int(0))
        desk.pool.free.clear()
        desk.pool._running[0] = late
        desk.pool._policy.put(late)
        assert desk.pool._retire(0, (7, 0, Int(1))) == late
        assert desk.pool.free == []
        desk.pool._running[0] = late
        desk.pool._retire(0, (0, 0, Int(1)))


def test_a_task_that_waits_beside_a_free_thread_is_handed_over() -> None:
    with Desk(1) as desk:
        desk.pool._policy.put(Task(5, KIND, lambda: Int(5)))
        desk.pool._match()
        assert desk.collect(1) == [5]


def test_when_the_system_gives_no_more_threads_the_caller_hears_of_it_and_none_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with Desk(1) as desk:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            with pytest.raises(RuntimeError, match="can't start"):
                desk.submit(1, lambda: Int(1))
        assert desk.pool.available == 1
        assert desk.pool.running() == {}
        desk.submit(2, lambda: Int(2))
        assert desk.collect(1) == [2]


def test_the_observer_hears_of_each_step_on_the_thread_that_takes_it() -> None:
    heard: list[tuple[str, int, int, str, Any]] = []

    def observe(step: str, thread: int, task: Work, result: Any) -> None:
        heard.append((step, thread, task[0], threading.current_thread().name, result))

    with Desk(1) as desk:
        desk.pool.observer = observe
        held = Held()
        desk.submit(1, held)
        desk.submit(2, lambda: Int(2))
        held.gate.set()
        desk.collect(2)
    assert heard == [
        ("started", 0, 1, "pool0", None),
        ("finished", 0, 1, "pool0", Int(1)),
        ("started", 0, 2, "pool0", None),
        ("finished", 0, 2, "pool0", Int(2)),
    ]


def test_an_observer_that_is_taken_away_while_a_task_runs_is_not_asked_again() -> None:
    with Desk(1) as desk:
        held, heard = Held(), []
        desk.pool.observer = lambda step, *_: heard.append(step)
        desk.submit(1, held)
        assert held.begun.wait(PATIENCE)
        desk.pool.observer = None
        held.gate.set()
        desk.collect(1)
        desk.submit(2, lambda: Int(0))
        desk.collect(1)
    assert heard == ["started"]


# The end of a pool


def pool_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("pool")]


def test_closing_drops_what_waits_and_lets_what_runs_finish(no_leaks: None) -> None:
    finished: list[int] = []
    desk, held = Desk(1), Held()

    def first() -> Js:
        held()
        finished.append(1)
        return Int(1)

    desk.submit(1, first)
    desk.submit(2, lambda: finished.append(2) or Int(2))  # type: ignore[func-returns-value]
    assert held.begun.wait(PATIENCE)
    with ThreadPoolExecutor(1) as helper:
        closing = helper.submit(desk.pool.close)
        while desk.pool.count_waiting():
            time.sleep(0)  # let the other thread go on
        held.gate.set()
        closing.result(PATIENCE)
    assert finished == [1]
    assert not pool_threads()


def test_a_close_that_does_not_wait_leaves_the_threads_to_end_by_themselves(
    no_leaks: None,
) -> None:
    desk, held = Desk(2), Held()
    desk.submit(1, held)
    assert held.begun.wait(PATIENCE)
    desk.submit(2, lambda: Int(2))
    desk.collect(1)
    desk.pool.close(wait=False)
    (busy,) = [thread for thread in pool_threads() if thread.name == "pool1"]
    assert busy.is_alive()
    held.gate.set()
    desk.pool.close()  # and who wants to wait may still do so
    assert not busy.is_alive() and not pool_threads()
    assert desk.woken.empty()  # there is no loop left to wake
    assert desk.pool.available == 2


class Interrupted(threading.Event):
    """Is interrupted in its first sleeps, as by Ctrl-C."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.left = times

    def wait(self, timeout: float | None = None) -> bool:
        if self.left:
            self.left -= 1
            raise KeyboardInterrupt
        return super().wait(timeout)


def interrupted_desk(times: int) -> tuple[Desk, list[Held]]:
    """Two threads at work; the wait for the first is interrupted so often."""
    desk, helds = Desk(2), [Held(), Held()]
    desk.pool._ended[0] = Interrupted(times)
    for identity, held in enumerate(helds):
        desk.submit(identity, held)
        assert held.begun.wait(PATIENCE)
    return desk, helds


def test_a_close_interrupted_once_waits_for_all_and_says_so_then(no_leaks: None) -> None:
    desk, helds = interrupted_desk(times=1)
    for held in helds:
        held.gate.set()
    with pytest.raises(KeyboardInterrupt):
        desk.pool.close()
    assert not pool_threads()
    desk.pool.close()


def test_a_close_interrupted_twice_waits_for_nobody(no_leaks: None) -> None:
    desk, helds = interrupted_desk(times=2)
    threads = pool_threads()
    with pytest.raises(KeyboardInterrupt):
        desk.pool.close()
    assert [thread.is_alive() for thread in threads] == [True, True]
    desk.pool.close()  # nobody is left to wait for
    for held in helds:
        held.gate.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert not pool_threads()


def test_a_close_that_an_interrupt_splits_anywhere_can_be_done_again(no_leaks: None) -> None:
    """A5: two threads were left."""
    for line in count(1):
        desk = Desk(2)
        for identity in range(2):
            desk.submit(identity, lambda: Int(0))
        desk.collect(2)
        was_split = split_at(line, desk.pool.close, [threadpool])
        desk.pool.close()
        assert not pool_threads()
        if not was_split:
            break
    assert line > 10


# After a fork


def test_an_abandoned_pool_closes_without_waiting_for_anybody() -> None:
    desk, held = Desk(1), Held()
    desk.submit(1, held)
    desk.submit(2, lambda: Int(2))
    assert held.begun.wait(PATIENCE)
    (thread,) = pool_threads()
    desk.pool.abandon()
    desk.pool.close()
    assert desk.pool.waiting(9) == [] and desk.pool.running() == {}
    held.gate.set()
    thread.join(PATIENCE)
    assert not pool_threads()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_the_child_of_a_task_that_forks_ends_with_the_task(
    no_leaks: None, capfd: pytest.CaptureFixture[str]
) -> None:
    """R4, A9: it hung, since nobody would ever give it another task."""
    rt, log = Runtime(threads=2, trace=Recorder()), list[Js]()

    def task() -> Js:
        child = os.fork()
        if not child:
            os.write(1, b"in the child\n")
        return Int(child)

    def main() -> None:
        rt.register_event_threadpool(task, KIND, log.append)
        rt.register_event_threadpool(lambda: Int(2), KIND, lambda _: None)

    rt.run(main)
    (value,) = log
    assert exit_code(value.into_int() or 0) == 0
    printed = capfd.readouterr()
    assert printed.out == "in the child\n" and printed.err == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_the_child_of_a_simulated_task_leaves_its_loop(no_leaks: None) -> None:
    """The task is on the loop's own thread, and so is what the child goes on with."""
    rt, log = Runtime(threads=1, system=Simulation()), list[Js]()
    parent = os.getpid()

    def main() -> None:
        for function in (lambda: Int(os.fork()), lambda: Int(1)):
            rt.register_event_threadpool(function, KIND, log.append)

    status = 1
    try:
        rt.run(main)
    except ForkedRuntime:
        status = 0 if not log else 2
    finally:
        if os.getpid() != parent:
            os._exit(status)
    child, one = log
    assert one == Int(1)
    assert exit_code(child.into_int() or 0) == 0


# On a runtime


def run(main: Callable[[Runtime], object], **options: Any) -> Runtime:
    rt = Runtime(**options)
    rt.run(lambda: main(rt))
    return rt


@each_system
def test_a_thread_given_back_by_a_program_works_again(system: Any, no_leaks: None) -> None:
    """R19: `fs.read` after four `get_available_thread()` waited for ever."""
    log: list[object] = []

    def main(rt: Runtime) -> None:
        numbers = [rt.get_available_thread() for _ in range(3)]
        assert numbers == [1, 0, None]
        with pytest.raises(NoThread, match="all 2 threads were taken"):
            rt.register_event_threadpool(lambda: Int(1), KIND, log.append)
        assert rt.pending_events == 0 and rt.available_threads == 0
        rt.set_timeout(5, lambda _: rt.give_back_thread(0))
        rt.set_timeout(10, lambda _: submit(rt))

    def submit(rt: Runtime) -> None:
        with pytest.raises(NotTaken):
            rt.give_back_thread(0)
        rt.register_event_threadpool(lambda: Int(1), KIND, log.append)

    run(main, threads=2, system=system and system())
    assert log == [Int(1)]


@each_system
def test_a_runtime_without_threads_refuses_a_task_and_goes_on(system: Any) -> None:
    log: list[str] = []

    def main(rt: Runtime) -> None:
        with pytest.raises(NoThread, match="threads=1 or more"):
            rt.register_event_threadpool(lambda: Int(1), KIND, lambda _: None)
        rt.set_timeout(1, lambda _: log.append("timer"))

    run(main, threads=0, system=system and system())
    assert log == ["timer"]


@each_system
def test_what_a_task_sets_in_its_context_is_no_news_for_the_next(system: Any) -> None:
    """R16: "alice" in reality, "nobody" in the simulation."""
    who: ContextVar[str] = ContextVar("who", default="nobody")
    log: list[str] = []

    def main(rt: Runtime) -> None:
        def first() -> Js:
            log.append(who.get())
            who.set("alice")
            return Int(1)

        rt.register_event_threadpool(first, KIND, lambda _: second(rt))

    def second(rt: Runtime) -> None:
        log.append(who.get())
        rt.register_event_threadpool(
            lambda: log.append(who.get()) or Int(2),  # type: ignore[func-returns-value]
            KIND,
            lambda _: None,
        )

    def program() -> None:
        who.set("starter")
        run(main, threads=1, system=system and system())

    copy_context().run(program)
    assert log == ["starter", "starter", "starter"]


@each_system
def test_an_exit_in_a_task_is_an_error_of_its_callback_and_the_thread_works_on(
    system: Any,
) -> None:
    log: list[Js] = []

    def main(rt: Runtime) -> None:
        rt.register_event_threadpool(sys.exit, KIND, log.append)
        rt.register_event_threadpool(lambda: Int(2), KIND, log.append)

    run(main, threads=1, system=system and system())
    assert isinstance(log[0], Error) and isinstance(log[0].exception, SystemExit)
    assert log[1] == Int(2)


@each_system
def test_after_a_stop_all_threads_are_free_again(system: Any, no_leaks: None) -> None:
    """A12: in the simulation `available_threads` stayed where it was."""
    began: list[str] = []

    def main(rt: Runtime) -> None:
        def task() -> Js:
            began.append("task")
            rt.clock.sleep(0.01)
            return Int(1)

        for _ in range(5):
            rt.register_event_threadpool(task, KIND, lambda _: None)
        rt.call_from_thread(lambda _: rt.stop())

    rt = run(main, threads=2, system=system and system())
    assert rt.available_threads == 2
    assert len(began) >= 2  # what a thread has got it does


@each_system
def test_a_task_is_noted_from_its_queue_to_its_callback(system: Any) -> None:
    def main(rt: Runtime) -> None:
        rt.register_event_threadpool(lambda: Int(1), TaskKind("Zip"), lambda _: None)

    recorder = Recorder()
    run(main, threads=1, trace=recorder, system=system and system())
    noted = [event for event in recorder.events if event.identity == 1]
    assert [(event.kind, event.thread) for event in noted] == [
        ("identity", "main"),
        ("boxed", "main"),
        ("queued", "main"),
        ("started", "pool0"),
        ("finished", "pool0"),
        ("run", "main"),
        ("returned", "main"),
    ]
    assert {event.detail["kind"] for event in noted if event.kind in ("queued", "started")} == {
        "Zip"
    }
    assert [event.thread for event in recorder.events if event.kind == "closed"] == [
        "pool0",
        "epoll",
    ]


def test_waiting_tasks_start_while_a_callback_holds_the_loop(no_leaks: None) -> None:
    log: list[bool] = []
    started = threading.Event()

    def main(rt: Runtime) -> None:
        rt.register_event_threadpool(lambda: Int(1), KIND, lambda _: None)
        rt.register_event_threadpool(lambda: started.set() or Int(2), KIND, lambda _: None)  # type: ignore[func-returns-value]
        log.append(started.wait(PATIENCE))  # main is still running: the loop has not begun

    run(main, threads=1)
    assert log == [True]


def test_what_a_refused_task_leaves_is_nothing_and_the_others_run() -> None:
    log: list[Js] = []

    def main(rt: Runtime) -> None:
        gate = threading.Event()
        for _ in range(3):
            rt.register_event_threadpool(lambda: Int(int(gate.wait(PATIENCE))), KIND, log.append)
        before = rt.pending_events
        with pytest.raises(TooManyWaiting):
            rt.register_event_threadpool(lambda: Int(9), KIND, log.append)
        assert rt.pending_events == before == 3
        gate.set()

    rt = run(main, threads=1, max_waiting=2)
    assert log == [Int(1)] * 3
    assert rt.pending_events == 0


def test_a_cancelled_task_neither_runs_nor_calls_back() -> None:
    log: list[str] = []

    def main(rt: Runtime) -> None:
        held = Held()
        running = rt.register_event_threadpool(held, KIND, lambda _: log.append("first"))
        waiting = rt.register_event_threadpool(
            lambda: log.append("ran") or Int(0),  # type: ignore[func-returns-value]
            KIND,
            lambda _: log.append("called back"),
        )
        assert held.begun.wait(PATIENCE)
        assert rt.cancel_task(waiting)
        assert not rt.cancel_task(waiting)
        assert not rt.cancel_task(running)
        held.gate.set()

    run(main, threads=1)
    assert log == ["first"]


def test_available_threads_count_down_and_up_again() -> None:
    seen: list[int] = []

    def main(rt: Runtime) -> None:
        gate = threading.Event()
        for _ in range(2):
            rt.register_event_threadpool(
                lambda: Int(int(gate.wait(PATIENCE))), KIND, lambda _: None
            )
        seen.append(rt.available_threads)
        gate.set()
        rt.set_timeout(1, lambda _: None)

    rt = run(main)
    seen.append(rt.available_threads)
    assert seen == [2, 4]


def test_a_callback_gets_the_thread_that_was_just_freed() -> None:
    threads: list[str] = []

    def task() -> Js:
        threads.append(threading.current_thread().name)
        return Int(0)

    def main(rt: Runtime) -> None:
        rt.register_event_threadpool(
            task, KIND, lambda _: rt.register_event_threadpool(task, KIND, lambda _: None)
        )

    run(main)
    assert threads == ["pool3", "pool3"]


def test_a_pool_takes_its_time_from_the_clock_that_it_was_given() -> None:
    clock = ManualClock()
    pool = ThreadPool(1, lambda: None, clock, "shortest")
    clock.advance(5.0)
    assert pool._begin(0, Task(1, KIND, lambda: Int(0))) == 5.0
    pool.close()


def test_the_last_thread_frees_a_pool_that_nobody_has_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unheard: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", unheard.append)
    pool, gate = ThreadPool(2, lambda: None, MonotonicClock()), threading.Event()
    pool.outlive()
    for identity in (1, 2):
        pool.submit(Task(identity, KIND, lambda: Int(int(gate.wait(PATIENCE)))))
    threads = list(pool._threads.values())
    pool.end()
    del pool
    gate.set()
    for thread in threads:
        thread.join()
    assert not unheard
