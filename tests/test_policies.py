"""Which of the waiting tasks is next?"""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirt import Int, Runtime, Simulation, TaskKind
from minirt.core.policies import Chosen, Fifo, Priority, Shortest, Task, policy_for

KIND = TaskKind("Test")


def tasks(*names: str) -> list[Task]:
    return [Task(number, TaskKind(name), lambda: Int(0)) for number, name in enumerate(names)]


def of_kinds(*kinds: TaskKind) -> list[Task]:
    return [Task(number, kind, lambda: Int(0)) for number, kind in enumerate(kinds)]


def taken(policy: Fifo, waiting: Sequence[Task]) -> list[int]:
    for task in waiting:
        policy.put(task)
    return [policy.take()[0] for _ in waiting]


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


# The four


def test_fifo_takes_the_oldest_first() -> None:
    assert taken(Fifo(), tasks("a", "b", "c")) == [0, 1, 2]


def test_priority_takes_the_most_important_kind_first_and_the_oldest_among_equals() -> None:
    low, high, also_low = TaskKind("low"), TaskKind("high", priority=5), TaskKind("also low")
    assert taken(Priority(), of_kinds(low, high, also_low, high, low)) == [1, 3, 0, 2, 4]


def test_shortest_takes_what_was_quick_so_far_and_tries_a_kind_never_seen_first() -> None:
    policy = Shortest()
    slow, quick, new = TaskKind("slow"), TaskKind("quick"), TaskKind("new")
    policy.learn(slow, 1.0)
    policy.learn(slow, 3.0)
    policy.learn(quick, 0.5)
    assert (policy.expected(slow), policy.expected(quick), policy.expected(new)) == (2.0, 0.5, 0.0)
    assert taken(policy, of_kinds(slow, quick, new, slow)) == [2, 1, 0, 3]


def test_what_is_learned_while_tasks_wait_counts_for_them() -> None:
    policy = Shortest()
    one, two = TaskKind("one"), TaskKind("two")
    for task in of_kinds(one, two):
        policy.put(task)
    policy.learn(one, 1.0)
    assert policy.take()[0] == 1


def test_a_function_chooses_and_sees_tasks_by_name() -> None:
    policy = policy_for(lambda waiting: max(waiting, key=lambda task: task.identity))
    assert taken(policy, tasks("a", "b", "c")) == [2, 1, 0]


@pytest.mark.parametrize(
    "choose",
    [
        lambda waiting: Task(99, KIND, lambda: Int(0)),
        lambda waiting: 1 / 0,
        lambda waiting: (_ for _ in ()).throw(SystemExit),
        lambda waiting: None,
    ],
    ids=["not a waiting one", "raises", "raises SystemExit", "chooses none"],
)
def test_a_function_that_chooses_badly_leaves_no_task_waiting(choose: Any) -> None:
    assert taken(Chosen(choose), tasks("a", "b")) == [0, 1]


def test_what_a_function_makes_up_is_not_run_in_place_of_the_task() -> None:
    policy = Chosen(lambda waiting: waiting[0]._replace(function=lambda: Int(99)))
    (real,) = tasks("a")
    policy.put(real)
    assert policy.take() is real


def test_an_unknown_schedule_is_refused_with_the_names_of_the_known() -> None:
    with pytest.raises(ValueError, match="'fifo', 'priority', 'shortest', or a function"):
        Runtime(schedule="lifo")


# What all have in common

ALL: dict[str, Callable[[], Fifo]] = {
    "fifo": Fifo,
    "priority": Priority,
    "shortest": Shortest,
    "function": lambda: policy_for(min),
}
each = pytest.mark.parametrize("make", ALL.values(), ids=ALL)


@each
def test_when_none_waits_none_is_taken(make: Callable[[], Fifo]) -> None:
    with pytest.raises(KeyError):
        make().take()


@each
def test_removing_takes_one_task_back(make: Callable[[], Fifo]) -> None:
    policy = make()
    for task in tasks("a", "a", "b", "b"):
        policy.put(task)
    assert policy.remove(0) and policy.remove(3)
    assert not policy.remove(0) and not policy.remove(9)
    assert [task[0] for task in policy.first(9)] == [1, 2]
    assert [policy.take()[0], policy.take()[0]] == [1, 2]
    assert not policy.waiting


@each
def test_some_of_those_that_wait_are_told_the_oldest_first(make: Callable[[], Fifo]) -> None:
    policy, waiting = make(), tasks("b", "a", "c")
    for task in waiting:
        policy.put(task)
    assert policy.first(2) == waiting[:2]
    assert policy.first(0) == []
    policy.clear()
    assert policy.first(9) == [] and not policy.remove(0)
    with pytest.raises(KeyError):
        policy.take()


@each
@given(st.lists(st.tuples(st.sampled_from(["put", "put", "take", "remove"]), st.integers(0, 5))))
@pytest.mark.slow
def test_each_task_leaves_once_whatever_happens(
    make: Callable[[], Fifo], steps: list[tuple[str, int]]
) -> None:
    policy, here, gone = make(), list[int](), list[int]()
    for number, (step, pick) in enumerate(steps):
        if step == "put":
            policy.put(Task(number, TaskKind("k", pick % 3), lambda: Int(0)))
            here.append(number)
        elif step == "take" and here:
            taken = policy.take()[0]
            here.remove(taken)
            gone.append(taken)
        elif step == "remove" and here:
            one = here.pop(pick % len(here))
            assert policy.remove(one)
            gone.append(one)
        assert [task[0] for task in policy.first(99)] == here
    assert not any(policy.remove(identity) for identity in gone)


@each
def test_a_task_is_taken_by_a_thread_or_taken_back_and_never_both(
    make: Callable[[], Fifo],
) -> None:
    policy, by_thread = make(), list[int]()
    for number in range(2000):
        policy.put(Task(number, KIND, lambda: Int(0)))

    def take_all() -> None:
        try:
            while True:
                by_thread.append(policy.take()[0])
        except KeyError:
            pass

    thread = threading.Thread(target=take_all)
    thread.start()
    taken_back = [number for number in reversed(range(2000)) if policy.remove(number)]
    thread.join()
    assert sorted(by_thread + taken_back) == list(range(2000))


# Nobody is searched for


class Looked(int):
    """An identity that counts how often it is looked at."""

    looks = 0

    def __hash__(self) -> int:
        Looked.looks += 1
        return super().__hash__()

    def __eq__(self, other: object) -> bool:
        Looked.looks += 1
        return super().__eq__(other)


@pytest.mark.parametrize("make", [Fifo, Priority, Shortest])
@pytest.mark.parametrize("take_back", [False, True], ids=["taken", "taken back"])
def test_the_next_task_and_one_that_is_taken_back_are_not_searched_for(
    make: Callable[[], Fifo], take_back: bool
) -> None:
    """R21: 16,000 tasks taken back, the last first, took 7.7 s."""
    policy, Looked.looks = make(), 0
    kinds = [TaskKind("a"), TaskKind("b", priority=1), TaskKind("c", priority=2)]
    count = 3000
    for number in range(count):
        policy.put(Task(Looked(number), kinds[number % 3], lambda: Int(0)))
    for number in reversed(range(count)):
        if take_back:
            assert policy.remove(Looked(number))
        else:
            policy.take()
    assert Looked.looks <= 20 * count


def test_who_is_next_is_asked_of_the_kinds_and_not_of_the_tasks() -> None:
    class Counting(Priority):
        asked = 0

        def rank(self, kind: TaskKind) -> float:
            self.asked += 1
            return super().rank(kind)

    policy = Counting()
    taken(policy, of_kinds(*[TaskKind("a"), TaskKind("b", priority=1)] * 500))
    assert policy.asked <= 2 * 1000


# On a runtime


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("fifo", ["a", "b", "c"]),
        ("priority", ["c", "a", "b"]),
        (lambda waiting: waiting[-1], ["c", "b", "a"]),
    ],
)
@pytest.mark.parametrize("system", [None, Simulation])
def test_the_schedule_of_a_runtime_decides_who_is_next(
    schedule: Any, expected: list[str], system: Any
) -> None:
    log: list[str] = []
    gate = threading.Event()
    rt = Runtime(threads=1, schedule=schedule, system=system and system())

    def main() -> None:
        rt.register_event_threadpool(lambda: Int(int(gate.wait(10))), KIND, lambda _: None)
        for name, priority in (("a", 0), ("b", 0), ("c", 9)):
            kind = TaskKind(name, priority)
            rt.register_event_threadpool(lambda: Int(0), kind, lambda _, n=name: log.append(n))  # type: ignore[misc]
        gate.set()

    rt.run(main)
    assert log == expected


def test_the_shortest_schedule_learns_from_what_the_tasks_took() -> None:
    log: list[str] = []
    rt = Runtime(threads=1, system=Simulation(), schedule="shortest")
    clock = rt.clock
    long, short = TaskKind("long"), TaskKind("short")

    def work(seconds: float) -> Int:
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
