"""Nothing searches, nothing grows: what is done n times costs n times as much, and no more.

Each case is done n times and 8 n times. Two things are counted, neither of them on a clock that
others turn as well: the steps of Python code, which are the same in every run, and the time of the
processor, the least of a few runs, for the searches that Python code does not show
(`list.index`, `deque.remove`, a copy of a dict). A logarithm may come on top.
"""

import gc
import itertools
import os
import resource
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, ModuleType
from typing import Any

import pytest

from minirt import Int, Interest, Js, Recorder, Runtime, Simulation, TaskKind, http

KIND = TaskKind("Test")
MORE = 8  # times as many
STEPS_FACTOR = 2.0  # what a logarithm may add
SECONDS_FACTOR = 2.5  # and what a shared machine adds to that
TRIES = 3  # runs of which the fastest counts


def nothing(_: object) -> None:
    """A callback."""


def value() -> Js:
    return Int(1)


# The cases: each prepares a runtime in main, and returns what is measured


Case = Callable[[Runtime, int], Callable[[], object]]
CASES: dict[str, Case] = {}


def case(function: Case) -> Case:
    CASES[function.__name__.replace("_", " ")] = function
    return function


def each(operation: Callable[[Any], object], items: list[Any]) -> Callable[[], object]:
    def do() -> None:
        for item in items:
            operation(item)

    return do


@case
def clear_immediate_the_last_first(rt: Runtime, count: int) -> Callable[[], object]:
    identities = [rt.set_immediate(nothing) for _ in range(count)]
    return each(rt.clear_immediate, identities[::-1])


@case
def clear_immediate_the_first_first(rt: Runtime, count: int) -> Callable[[], object]:
    return each(rt.clear_immediate, [rt.set_immediate(nothing) for _ in range(count)])


@case
def cancel_task_the_last_first(rt: Runtime, count: int) -> Callable[[], object]:
    identities = [rt.register_event_threadpool(value, KIND, nothing) for _ in range(count)]
    return each(rt.cancel_task, identities[::-1])


@case
def cancel_task_the_first_first(rt: Runtime, count: int) -> Callable[[], object]:
    identities = [rt.register_event_threadpool(value, KIND, nothing) for _ in range(count)]
    return each(rt.cancel_task, identities)


@case
def clear_timeout_by_handle(rt: Runtime, count: int) -> Callable[[], object]:
    return each(rt.clear_timeout, [rt.set_timeout(1000 + n, nothing) for n in range(count)][::-1])


@case
def clear_timeout_by_number(rt: Runtime, count: int) -> Callable[[], object]:
    timers = [rt.set_timeout(1000 + n, nothing).identity for n in range(count)]
    return each(rt.clear_timeout, timers[::-1])


@case
def clear_timeout_of_one_delay(rt: Runtime, count: int) -> Callable[[], object]:
    return each(rt.clear_timeout, [rt.set_timeout(1000, nothing).identity for _ in range(count)])


@case
def refresh_of_one_delay(rt: Runtime, count: int) -> Callable[[], object]:
    timers = [rt.set_timeout(1000, nothing) for _ in range(count)]
    return each(lambda timer: timer.refresh(), timers[::-1])


@case
def refresh_of_one_among_many(rt: Runtime, count: int) -> Callable[[], object]:
    timers = [rt.set_timeout(1000, nothing) for _ in range(count)]
    return each(lambda _: timers[0].refresh(), timers)


@case
def refresh_at_many_times(rt: Runtime, count: int) -> Callable[[], object]:
    timers = [rt.set_timeout(10**6, nothing) for _ in range(count)]

    def later(timer: Any) -> None:
        rt.system.clock.spend(0.001)
        timer.refresh()

    return each(later, timers)


@case
def unref_and_ref(rt: Runtime, count: int) -> Callable[[], object]:
    timers = [rt.set_timeout(1000, nothing) for _ in range(count)]
    return each(lambda timer: timer.unref().ref().unref(), timers)


@case
def pending_events_beside_unrefd_timers(rt: Runtime, count: int) -> Callable[[], object]:
    timers = [rt.set_timeout(1000, nothing).unref() for _ in range(count)]
    return each(lambda _: rt.pending_events, timers)


@case
def set_and_clear(rt: Runtime, count: int) -> Callable[[], object]:
    return each(lambda n: rt.set_timeout(1000 + n % 97, nothing).cancel(), list(range(count)))


@case
def a_number_for_each_callback(rt: Runtime, count: int) -> Callable[[], object]:
    return each(lambda n: rt.add_callback(n, nothing), list(range(1, count + 1)))


@case
def a_free_number_beside_taken_ones(rt: Runtime, count: int) -> Callable[[], object]:
    for number in range(1, count + 1):
        rt.add_callback(number, nothing)
    return each(lambda _: rt.generate_cb_identity(), [None] * count)


@case
def tokens_that_come_and_go(rt: Runtime, count: int) -> Callable[[], object]:
    tokens = list(range(1, count + 1))
    for token in tokens:
        rt.register_event_epoll(token, nothing, persistent=token % 2 == 0)
    return each(rt.deregister_event_epoll, tokens[::-1])


def steps(case: Case, count: int) -> int:
    """How many steps of Python code the case takes."""
    found: list[int] = []
    in_main(lambda rt: found.append(steps_of(case(rt, count))))
    return found[0]


def seconds(case: Case, count: int) -> float:
    """How long the case takes, in seconds of the processor."""
    found: list[float] = []
    in_main(lambda rt: found.append(seconds_of(case(rt, count))))
    return found[0]


def in_main(measure: Callable[[Runtime], object]) -> None:
    rt = Runtime(system=Simulation(), threads=1)

    def main() -> None:
        measure(rt)
        rt.stop()

    rt.run(main)


def steps_of(do: Callable[[], object]) -> int:
    count = 0

    def step(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += 1
        return step

    before = sys.gettrace()
    sys.settrace(step)
    try:
        do()
    finally:
        sys.settrace(before)
    return count


steps_of(lambda: None)  # the first time, CPython 3.12 counts calls and not what is in them


def seconds_of(do: Callable[[], object]) -> float:
    gc.collect()
    gc.disable()
    try:
        start = time.process_time()
        do()
        return time.process_time() - start
    finally:
        gc.enable()


@pytest.mark.parametrize("name", CASES)
def test_n_operations_take_n_times_the_steps_of_one(name: str) -> None:
    few, many = steps(CASES[name], 100), steps(CASES[name], 100 * MORE)
    assert many <= few * MORE * STEPS_FACTOR


def assert_in_proportion(seconds: Callable[[int], float], count: int) -> None:
    """8 n times takes 8 times as long as n times. A machine that is busy gets another chance."""
    few, many = [], []
    for _ in range(TRIES):
        few.append(seconds(count))
        many.append(seconds(count * MORE))
        if min(many) <= min(few) * MORE * SECONDS_FACTOR:
            return
    assert min(many) <= min(few) * MORE * SECONDS_FACTOR


@pytest.mark.parametrize("name", CASES)
def test_n_operations_take_n_times_the_time_of_one(name: str) -> None:
    assert_in_proportion(lambda count: seconds(CASES[name], count), 1_500)


# The same for whole runs

RUNS: dict[str, Callable[[int], object]] = {}


def whole_run(function: Callable[[int], object]) -> Callable[[int], object]:
    RUNS[function.__name__.replace("_", " ")] = function
    return function


def simulated(main: Callable[[Runtime], object], **options: Any) -> None:
    rt = Runtime(system=Simulation(), **options)
    rt.run(lambda: main(rt))


@whole_run
def equal_intervals(count: int) -> None:
    def main(rt: Runtime) -> None:
        intervals = [rt.set_interval(10, nothing) for _ in range(count)]
        rt.set_timeout(35, lambda _: [interval.cancel() for interval in intervals])

    simulated(main)


@whole_run
def timers_of_many_delays(count: int) -> None:
    simulated(lambda rt: [rt.set_timeout(1 + n * 7919 % 1000, nothing) for n in range(count)])


@whole_run
def timers_that_are_cleared_by_their_sibling(count: int) -> None:
    def main(rt: Runtime) -> None:
        rt.set_timeout(10, lambda _: [timer.cancel() for timer in timers[::-1]])
        timers = [rt.set_timeout(10, nothing) for _ in range(count)]

    simulated(main)


@whole_run
def immediates_that_are_cleared_by_their_sibling(count: int) -> None:
    def main(rt: Runtime) -> None:
        rt.set_immediate(lambda _: [rt.clear_immediate(number) for number in numbers[::-1]])
        numbers = [rt.set_immediate(nothing) for _ in range(count)]

    simulated(main)


@whole_run
def tasks_that_wait_for_one_thread(count: int) -> None:
    simulated(all_at_once(count), threads=1)


@whole_run
def tasks_by_priority(count: int) -> None:
    simulated(all_at_once(count), threads=1, schedule="priority")


@whole_run
def tasks_by_their_length(count: int) -> None:
    simulated(all_at_once(count), threads=1, schedule="shortest")


def all_at_once(count: int) -> Callable[[Runtime], object]:
    kinds = [TaskKind(f"Test {n}", priority=n) for n in range(5)]
    return lambda rt: [
        rt.register_event_threadpool(value, kinds[n % 5], nothing) for n in range(count)
    ]


@whole_run
def messages_ticks_and_microtasks(count: int) -> None:
    def main(rt: Runtime) -> None:
        for _ in range(count):
            rt.call_from_thread(nothing)
            rt.next_tick(nothing)
            rt.queue_microtask(nothing)
            rt.set_immediate(nothing)

    simulated(main)


@whole_run
def turns_beside_unrefd_timers(count: int) -> None:
    def main(rt: Runtime) -> None:
        for _ in range(count):
            rt.set_timeout(10**6, nothing).unref()
        left = iter(range(count))

        def again(_: Js) -> None:
            if next(left, None) is not None:
                rt.set_timeout(1, again)

        rt.set_timeout(1, again)

    simulated(main)


@whole_run
def what_is_traced(count: int) -> None:
    def main(rt: Runtime) -> None:
        numbers = [rt.set_immediate(nothing) for _ in range(count)]
        for number in numbers[::-2]:
            rt.clear_immediate(number)
        for _ in range(count):
            rt.set_timeout(5, nothing).cancel()

    simulated(main, trace=Recorder(100))


@whole_run
def requests_to_a_simulated_peer(count: int) -> None:
    def answer(sent: bytes) -> list[tuple[float, bytes]] | None:
        if not sent.endswith(b"\r\n\r\n"):
            return None
        return [(0.01, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")]

    answers: list[Js] = []
    system = Simulation()
    system.add_peer("127.0.0.1", 80, answer)
    Runtime(system=system).run(
        lambda: [http.get("http://127.0.0.1/", answers.append) for _ in range(count // 20)]
    )
    assert [answer.into_string() for answer in answers] == ["hi"] * (count // 20)


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.slow
def test_a_run_of_n_callbacks_takes_n_times_the_steps_of_one(name: str) -> None:
    few, many = (steps_of(lambda: RUNS[name](count)) for count in (100, 100 * MORE))
    assert many <= few * MORE * STEPS_FACTOR


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.slow
def test_a_run_of_n_callbacks_takes_n_times_the_time_of_one(name: str) -> None:
    assert_in_proportion(lambda count: seconds_of(lambda: RUNS[name](count)), 1_000)


# Descriptors: real ones, of which a process has few


@contextmanager
def pipes(count: int) -> Iterator[list[int]]:
    """`count` descriptors of one pipe that is never readable."""
    reader, writer = os.pipe()
    copies = [os.dup(reader) for _ in range(count)]
    try:
        yield copies
    finally:
        for number in (reader, writer, *copies):
            os.close(number)


@pytest.mark.parametrize("by_token", [True, False], ids=["by token", "by descriptor"])
def test_n_descriptors_that_come_and_go_take_n_times_the_steps_of_one(by_token: bool) -> None:
    few, many = 40, 40 * MORE
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < many + 100:
        pytest.skip("this process may not open so many descriptors")
    counted = []
    for count in (few, many):
        rt = Runtime()
        with pipes(count) as descriptors:
            rt.run(lambda: counted.append(steps_of(lambda: come_and_go(rt, descriptors, by_token))))
    assert counted[1] <= counted[0] * MORE * STEPS_FACTOR


def come_and_go(rt: Runtime, descriptors: list[int], by_token: bool) -> None:
    registrator = rt.epoll_registrator
    for number in descriptors:
        rt.register_event_epoll(number + 1000, nothing)
        registrator.register(number, number + 1000, Interest.READABLE)
    for number in reversed(descriptors):
        if not by_token:
            registrator.deregister(number)
        rt.deregister_event_epoll(number + 1000)


# What costs the same however much there is


@pytest.mark.slow
def test_a_snapshot_takes_as_long_beside_many_timers_as_beside_few() -> None:
    few, many = snapshot_seconds(1_000), snapshot_seconds(64_000)
    assert many <= few * SECONDS_FACTOR


@pytest.mark.slow
def test_a_snapshot_beside_a_million_timers_takes_less_than_two_milliseconds() -> None:
    assert snapshot_seconds(1_000_000) < 0.002


def snapshot_seconds(timers: int) -> float:
    found: list[float] = []

    def main(rt: Runtime) -> None:
        for number in range(timers):
            rt.set_timeout(1 + number % 100_000, nothing)
        found.extend(seconds_of(rt.snapshot) for _ in range(100))
        rt.stop()

    simulated(main)
    return min(found)


# Turns in which nothing happens


def turns(main: Callable[[Runtime], object]) -> int:
    rt = Runtime(system=Simulation())
    rt.run(lambda: main(rt))
    return rt.ticks


def test_timers_that_were_moved_do_not_wake_the_loop() -> None:
    def main(rt: Runtime) -> None:
        timer = rt.set_timeout(500, nothing)
        for _ in range(200):
            rt.system.clock.spend(0.002)
            timer.refresh()

    assert turns(main) <= 3


def test_timers_that_are_moved_by_a_timer_do_not_wake_the_loop() -> None:
    def main(rt: Runtime) -> None:
        watchdog = rt.set_timeout(100, nothing)
        interval = rt.set_interval(7, lambda _: watchdog.refresh())
        rt.set_timeout(705, lambda _: interval.cancel())

    assert turns(main) <= 100 + 5


def test_timers_that_were_cleared_do_not_wake_the_loop() -> None:
    def main(rt: Runtime) -> None:
        for timer in [rt.set_timeout(10 + number, nothing) for number in range(200)]:
            timer.cancel()
        rt.set_timeout(500, nothing)

    assert turns(main) <= 3


def test_a_cleared_timer_is_nothing_to_wait_for() -> None:
    def main(rt: Runtime) -> None:
        rt.set_timeout(500, nothing).cancel()
        rt.clear_timeout(rt.set_timeout(500, nothing).identity)
        rt.set_interval(500, nothing).cancel()

    assert turns(main) == 0


# What is over leaves nothing behind

OPAQUE = (type, ModuleType, FunctionType, BuiltinFunctionType, CodeType, FrameType, str, bytes, int)
MOST_LEFT = 3_000  # entries: a sweep may wait until it is worth it


def entries(root: object) -> int:
    """How many entries all containers have that can be reached from `root`."""
    seen: set[int] = set()
    total, waiting = 0, [root]
    while waiting:
        found = waiting.pop()
        if id(found) in seen or isinstance(found, OPAQUE):
            continue
        seen.add(id(found))
        if isinstance(found, dict | list | set | tuple | frozenset | deque):
            total += len(found)
        waiting.extend(gc.get_referents(found))
    return total


LEFT_BEHIND: dict[str, Callable[[Runtime, int], object]] = {
    "cancelled timers": lambda rt, n: rt.set_timeout(10**6 + n, nothing).cancel(),
    "timers cleared by number": lambda rt, n: rt.clear_timeout(
        rt.set_timeout(10**6 + n, nothing).identity
    ),
    "unref'd and cancelled timers": lambda rt, n: rt.set_timeout(9 + n, nothing).unref().cancel(),
    "cancelled and unref'd timers": lambda rt, n: cancelled(rt).unref().ref().unref(),
    "cancelled intervals": lambda rt, n: rt.set_interval(10**6, nothing).cancel(),
    "cleared immediates": lambda rt, n: rt.clear_immediate(rt.set_immediate(nothing)),
    "cancelled tasks": lambda rt, n: rt.cancel_task(
        rt.register_event_threadpool(value, KIND, nothing)
    ),
    "tokens": lambda rt, n: (
        rt.register_event_epoll(10**9 + n, nothing),
        rt.deregister_event_epoll(10**9 + n),
    ),
}


def cancelled(rt: Runtime) -> Any:
    timer = rt.set_timeout(10**6, nothing)
    timer.cancel()
    return timer


@pytest.mark.parametrize("name", LEFT_BEHIND)
def test_what_is_over_leaves_nothing_behind(name: str) -> None:
    left: list[int] = []

    def main(rt: Runtime) -> None:
        for _ in range(2):  # no thread is free for what is cancelled
            rt.register_event_threadpool(value, KIND, nothing)
        before = entries(rt)
        for number in range(20_000):
            LEFT_BEHIND[name](rt, number)
        left.append(entries(rt) - before)
        rt.stop()

    simulated(main, threads=1)
    assert left[0] <= MOST_LEFT


def test_a_timer_that_is_refreshed_again_and_again_leaves_nothing_behind() -> None:
    left: list[int] = []

    def main(rt: Runtime) -> None:
        timer = rt.set_timeout(10**6, nothing)
        before = entries(rt)
        for _ in range(20_000):
            rt.system.clock.spend(0.001)
            timer.refresh()
        left.append(entries(rt) - before)
        rt.stop()

    simulated(main)
    assert left[0] <= MOST_LEFT


@pytest.mark.slow
def test_what_ran_leaves_nothing_behind() -> None:
    left: list[int] = []
    rounds = itertools.count()

    def main(rt: Runtime) -> None:
        def one_round(_: Js) -> None:
            left.append(entries(rt))
            if next(rounds) < 20:
                for _ in range(300):
                    rt.set_timeout(1, nothing).unref()
                    rt.set_immediate(nothing)
                    rt.next_tick(nothing)
                    rt.queue_microtask(nothing)
                    rt.call_from_thread(nothing)
                    rt.register_event_threadpool(value, KIND, nothing)
                rt.set_timeout(1000, one_round)  # long enough for every task

        rt.set_timeout(1, one_round)

    simulated(main, threads=1)
    assert left[-1] - left[1] <= MOST_LEFT
