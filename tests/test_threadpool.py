"""Where does work run that would hold the loop up?"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minirt import Error, Int, Js, ManualClock, MonotonicClock, Runtime, Simulation, TaskKind
from minirt.errors import NotAJs, TooManyWaiting
from minirt.core.threadpool import (
    CLOSE,
    Chosen,
    Fifo,
    Priority,
    Shortest,
    Task,
    ThreadPool,
    policy_for,
    run_task,
)

KIND = TaskKind("Test")
PATIENCE = 10  # s: how long a test waits before it calls something lost


def test_a_task_kind_is_what_is_printed_and_is_open_for_more() -> None:
    assert [str(kind) for kind in (TaskKind.FILE_READ, TaskKind.ENCRYPT, TaskKind.CLOSE)] == [
        "File read",
        "Encrypt",
        "Close",
    ]
    assert str(TaskKind("Zip")) == "Zip"
    assert TaskKind("Zip") == TaskKind("Zip")
    with pytest.raises(AttributeError):
        TaskKind("Zip").name = "Unzip"  # type: ignore[misc]


@pytest.mark.parametrize("error", [ValueError("bad"), SystemExit(1), KeyboardInterrupt()])
def test_whatever_a_task_raises_becomes_an_error_value(error: BaseException) -> None:
    def task() -> Js:
        raise error

    assert run_task(Task(1, KIND, task)) == Error(error)


def test_a_task_that_returns_no_js_becomes_an_error_that_says_how_to_wrap_it() -> None:
    result = run_task(Task(1, KIND, lambda: "text"))  # type: ignore[arg-type, return-value]
    with pytest.raises(NotAJs, match=r"returned 'text'.*String\(text\)"):
        result.into_string()


# Policies


def tasks(*names: str) -> list[Task]:
    return [Task(number, TaskKind(name), lambda: Int(0)) for number, name in enumerate(names)]


def taken(policy: Fifo, waiting: Sequence[Task]) -> list[int]:
    for task in waiting:
        policy.put(task)
    return [policy.take()[0] for _ in waiting]


def test_fifo_takes_the_oldest_first() -> None:
    assert taken(Fifo(), tasks("a", "b", "c")) == [0, 1, 2]
    with pytest.raises(IndexError):
        Fifo().take()


def test_priority_takes_the_most_important_kind_first_and_the_oldest_among_equals() -> None:
    low, high = TaskKind("low"), TaskKind("high", priority=5)
    waiting = [Task(n, kind, lambda: Int(0)) for n, kind in enumerate([low, high, low, high])]
    assert taken(Priority(), waiting) == [1, 3, 0, 2]


def test_shortest_takes_what_was_quick_so_far_and_tries_a_kind_never_seen_first() -> None:
    policy = Shortest()
    slow, quick, new = TaskKind("slow"), TaskKind("quick"), TaskKind("new")
    policy.learn(slow, 1.0)
    policy.learn(slow, 3.0)
    policy.learn(quick, 0.5)
    assert (policy.expected(slow), policy.expected(quick), policy.expected(new)) == (2.0, 0.5, 0.0)
    waiting = [Task(n, kind, lambda: Int(0)) for n, kind in enumerate([slow, quick, new, slow])]
    assert taken(policy, waiting) == [2, 1, 0, 3]


def test_a_function_chooses_and_sees_tasks_by_name() -> None:
    policy = policy_for(lambda waiting: max(waiting, key=lambda task: task.identity))
    assert taken(policy, tasks("a", "b", "c")) == [2, 1, 0]


@pytest.mark.parametrize(
    "choose",
    [
        lambda waiting: Task(99, KIND, lambda: Int(0)),
        lambda waiting: 1 / 0,
        lambda waiting: (_ for _ in ()).throw(SystemExit),
    ],
    ids=["not a waiting one", "raises", "raises SystemExit"],
)
def test_a_function_that_chooses_badly_leaves_no_task_waiting(choose: Any) -> None:
    assert taken(Chosen(choose), tasks("a", "b")) == [0, 1]


def test_an_unknown_schedule_is_refused_with_the_names_of_the_known() -> None:
    with pytest.raises(ValueError, match="'fifo', 'priority', 'shortest', or a function"):
        Runtime(schedule="lifo")
    with pytest.raises(ValueError, match="0 or more threads"):
        Runtime(threads=-1)
    with pytest.raises(ValueError, match="0 or more threads"):
        Runtime(threads=True)


def test_removing_takes_one_task_back() -> None:
    policy = Fifo()
    for task in tasks("a", "b"):
        policy.put(task)
    assert policy.remove(0)
    assert not policy.remove(0)
    assert policy.take()[0] == 1


def test_removing_a_task_that_a_thread_took_at_the_same_moment_is_false() -> None:
    policy = Fifo()
    policy.put(tasks("a")[0])

    class Late(list[object]):
        def copy(self) -> Any:
            seen = list(self)
            self.clear()
            return seen

        def remove(self, task: object) -> None:
            raise ValueError

    policy.waiting = Late(policy.waiting)  # type: ignore[assignment]
    assert not policy.remove(0)


# The pool by itself


class Desk:
    """A pool whose results are waited for without a loop."""

    def __init__(self, threads: int, schedule: Any = "fifo", max_waiting: int | None = None):
        self.woken: SimpleQueue[None] = SimpleQueue()
        self.pool = ThreadPool(
            threads, lambda: self.woken.put(None), MonotonicClock(), schedule, max_waiting
        )
        self.results: dict[int, tuple[int, Js]] = {}

    def __enter__(self) -> "Desk":
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.close()

    def submit(self, identity: int, function: Callable[[], Js], kind: TaskKind = KIND) -> None:
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
        desk.pool.freed(0)
        assert desk.pool.free == [1, 2, 0]
        desk.pool.take_free()
        desk.pool.freed(0)  # busy: nothing to do
        assert desk.pool.free == [1, 2]


def test_a_full_queue_refuses_one_more_and_loses_nothing() -> None:
    with Desk(1, max_waiting=2) as desk:
        gate = threading.Event()
        desk.submit(0, lambda: Int(int(gate.wait(PATIENCE))))
        desk.submit(1, lambda: Int(1))
        desk.submit(2, lambda: Int(2))
        with pytest.raises(TooManyWaiting, match="max_waiting=2"):
            desk.submit(3, lambda: Int(3))
        assert [task[0] for task in desk.pool.waiting()] == [1, 2]
        gate.set()
        assert desk.collect(3) == [0, 1, 2]
        desk.submit(3, lambda: Int(3))
        assert desk.collect(1) == [3]


def test_a_task_is_cancelled_only_before_it_starts() -> None:
    with Desk(1) as desk:
        gate, begun = threading.Event(), threading.Event()

        def first() -> Js:
            begun.set()
            return Int(int(gate.wait(PATIENCE)))

        desk.submit(0, first)
        desk.submit(1, lambda: Int(1))
        desk.submit(2, lambda: Int(2))
        assert begun.wait(PATIENCE)
        assert desk.pool.cancel(1)
        assert not desk.pool.cancel(0)
        gate.set()
        assert desk.collect(2) == [0, 2]


def test_no_task_takes_its_thread_with_it() -> None:
    def exits() -> Js:
        raise SystemExit(3)

    with Desk(1) as desk:
        desk.submit(0, exits)
        desk.submit(1, lambda: Int(1))
        assert desk.collect(2) == [0, 1]
        assert isinstance(desk.results[0][1], Error)


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
        assert desk.pool.take_free() == 0

        class Faster(Fifo):
            def __init__(self) -> None:
                super().__init__()
                self.put = self._put
                self.take = self._take

            def _put(self, task: Any) -> None:
                self.waiting.append(task)
                desk.pool.free.append(0)

            def _take(self) -> Any:
                self.waiting.clear()  # by the thread that was faster
                raise IndexError

        desk.pool._policy = Faster()
        desk.submit(1, lambda: Int(1))
        assert desk.pool.free == [0]
        desk.pool._policy = Fifo()
        desk.pool._match()  # nothing waits: nothing happens
        assert desk.pool.free == [0]


def test_a_thread_that_sees_its_task_taken_by_a_faster_one_becomes_free() -> None:
    with Desk(1) as desk:
        policy = Fifo()
        desk.pool._policy = policy
        desk.pool.take_free()
        desk.pool._running[0] = tasks("a")[0]

        def gone() -> Any:
            policy.waiting.clear()
            raise IndexError

        policy.take = gone
        policy.waiting.append(tasks("a")[0])
        assert desk.pool._finish(0, tasks("a")[0], Int(1), 0.0) is None
        assert desk.pool.free == [0]
        desk.pool.take_free()
        desk.pool._running[0] = tasks("a")[0]
        policy.waiting.append(tasks("a")[0])
        assert desk.pool._retire(0, (7, 0, Int(1))) is None
        assert desk.pool.free == [0]
        assert list(desk.pool.finished) == [(0, 0, Int(1)), (7, 0, Int(1))]


def test_a_task_that_began_to_wait_while_its_thread_retired_is_taken_along() -> None:
    with Desk(1) as desk:
        late = tasks("late")[0]
        desk.pool.take_free()
        desk.pool._running[0] = tasks("a")[0]
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
    heard: list[tuple[str, int | None, int, str]] = []

    def observe(step: str, thread: int | None, task: Any, result: Js | None) -> None:
        heard.append((step, thread, task[0], threading.current_thread().name))

    with Desk(1) as desk:
        desk.pool.observer = observe
        assert desk.pool.observer is observe
        gate = threading.Event()
        desk.submit(1, lambda: Int(int(gate.wait(PATIENCE))))
        desk.submit(2, lambda: Int(2))
        gate.set()
        desk.collect(2)
    me = threading.current_thread().name
    assert heard[0] == ("queued", 0, 1, me)
    assert ("queued", None, 2, me) in heard
    on_thread = [entry[:3] for entry in heard if entry[3] == "pool0"]
    assert on_thread == [
        ("started", 0, 1),
        ("finished", 0, 1),
        ("started", 0, 2),
        ("finished", 0, 2),
    ]
    assert heard[-1] == ("closed", 0, CLOSE[0], me)


def test_an_observer_that_is_taken_away_while_a_task_runs_is_not_asked_again() -> None:
    with Desk(1) as desk:
        gate, heard = threading.Event(), []
        desk.pool.observer = lambda step, *_: heard.append(step)
        desk.submit(1, lambda: Int(int(gate.wait(PATIENCE))))
        desk.pool.observer = None
        gate.set()
        desk.collect(1)
        desk.submit(2, lambda: Int(0))
        desk.collect(1)
    assert "finished" not in heard
    assert "closed" not in heard


def test_closing_drops_what_waits_and_lets_what_runs_finish(no_leaks: None) -> None:
    finished: list[int] = []
    desk = Desk(1)
    begun = threading.Event()

    def first() -> Js:
        begun.set()
        finished.append(1)
        return Int(1)

    desk.submit(1, first)
    assert begun.wait(PATIENCE)
    gate = threading.Event()
    desk.submit(2, lambda: Int(int(gate.wait(PATIENCE))))
    desk.submit(3, lambda: finished.append(3) or Int(3))  # type: ignore[func-returns-value]
    with ThreadPoolExecutor(1) as helper:
        closing = helper.submit(desk.pool.close)
        gate.set()
        closing.result(PATIENCE)
    assert 1 in finished
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("pool")]


def test_an_abandoned_pool_closes_without_waiting_for_anybody() -> None:
    desk = Desk(1)
    gate = threading.Event()
    desk.submit(1, lambda: Int(int(gate.wait(PATIENCE))))
    desk.submit(2, lambda: Int(2))
    inbox = desk.pool._inboxes[0]
    desk.pool.abandon()
    desk.pool.close()
    assert desk.pool.waiting() == []
    gate.set()
    inbox.put(None)


# On a runtime


def run(main: Callable[[Runtime], object], **options: Any) -> Runtime:
    rt = Runtime(**options)
    rt.run(lambda: main(rt))
    return rt


def test_waiting_tasks_start_while_a_callback_holds_the_loop(no_leaks: None) -> None:
    log: list[bool] = []
    started = threading.Event()

    def main(rt: Runtime) -> None:
        rt.register_event_threadpool(lambda: Int(1), KIND, lambda _: None)
        rt.register_event_threadpool(lambda: started.set() or Int(2), KIND, lambda _: None)  # type: ignore[func-returns-value]
        log.append(started.wait(PATIENCE))  # main is still running: the loop has not begun

    run(main, threads=1)
    assert log == [True]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("fifo", ["a", "b", "c"]),
        ("priority", ["c", "a", "b"]),
        (lambda waiting: waiting[-1], ["c", "b", "a"]),
    ],
)
def test_the_schedule_of_a_runtime_decides_who_is_next(schedule: Any, expected: list[str]) -> None:
    log: list[str] = []
    gate = threading.Event()

    def main(rt: Runtime) -> None:
        rt.register_event_threadpool(lambda: Int(int(gate.wait(PATIENCE))), KIND, lambda _: None)
        for name, priority in (("a", 0), ("b", 0), ("c", 9)):
            kind = TaskKind(name, priority)
            rt.register_event_threadpool(lambda: Int(0), kind, lambda _, n=name: log.append(n))  # type: ignore[misc]
        gate.set()

    run(main, threads=1, schedule=schedule)
    assert log == expected


def test_the_shortest_schedule_learns_from_what_the_tasks_took() -> None:
    log: list[str] = []
    rt = Runtime(threads=1, system=Simulation(), schedule="shortest")
    clock = rt.clock
    long, short = TaskKind("long"), TaskKind("short")

    def work(seconds: float) -> Js:
        clock.sleep(seconds)
        return Int(0)

    def submit(kind: TaskKind, seconds: float) -> None:
        rt.register_event_threadpool(lambda: work(seconds), kind, lambda _: log.append(kind.name))

    def main() -> None:
        submit(long, 0.5)
        submit(short, 0.1)
        rt.set_timeout(1000, second_round)

    def second_round(_: object) -> None:
        submit(long, 0.5)  # the thread is free: this one starts
        submit(long, 0.5)
        submit(short, 0.1)

    rt.run(main)
    assert log == ["long", "short", "long", "short", "long"]


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
        gate, begun = threading.Event(), threading.Event()

        def first() -> Js:
            begun.set()
            return Int(int(gate.wait(PATIENCE)))

        running = rt.register_event_threadpool(first, KIND, lambda _: log.append("first"))
        waiting = rt.register_event_threadpool(
            lambda: log.append("ran") or Int(0),  # type: ignore[func-returns-value]
            KIND,
            lambda _: log.append("called back"),
        )
        assert begun.wait(PATIENCE)
        assert rt.cancel_task(waiting)
        assert not rt.cancel_task(waiting)
        assert not rt.cancel_task(running)
        gate.set()

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
    assert pool._begin(0, tasks("a")[0]) == 5.0
    pool.close()
