"""What does one turn of the loop do?"""

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minirt import Error, Int, Interest, Js, ManualClock, Recorder, Runtime, Simulation, TaskKind
from minirt.core.callbacks import Listener
from minirt.core.loop import PHASES
from minirt.core.policies import Schedule
from minirt.core.polls import Poll, Watch
from minirt.core.system import RealSystem
from minirt.core.threadpool import ThreadPool
from minirt.values import UNDEFINED
from minirt.watching import trace

# A loop in which a callback takes no time and a sleep takes exactly what it may


class InstantPoll(Poll):
    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self.clock = clock
        self.ready: list[tuple[int, Int]] = []
        self.slept: list[float | None] = []

    def poll(self, timeout: float | None) -> list[tuple[Listener, Js]]:
        assert timeout is not None or self.ready, "it would sleep for ever"
        self.slept.append(timeout)
        if not self.ready:
            self.clock.advance(timeout or 0)
        ready, self.ready = self.ready, []
        found = [(self.watched[number].reader, readiness) for number, readiness in ready]
        return [(one, readiness) for one, readiness in found if one is not None]

    def wake(self) -> None:
        pass

    def close(self) -> None:
        pass

    def is_open(self, watch: Watch) -> bool:
        return True

    def _tell_kernel(self, watch: Watch, before: int, after: int) -> None:
        pass


class InstantSystem(RealSystem):
    def __init__(self) -> None:
        super().__init__(ManualClock())

    def open_poll(self) -> InstantPoll:
        assert isinstance(self.clock, ManualClock)
        return InstantPoll(self.clock)


def instant(**options: Any) -> Runtime:
    return Runtime(system=InstantSystem(), **options)


# The rules one by one


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture(params=["plain", "traced"])
def rt(request: pytest.FixtureRequest, no_leaks: None) -> Iterator[Runtime]:
    runtime = instant(trace=Recorder() if request.param == "traced" else None)
    yield runtime
    runtime.close()


def says(log: list[str], text: str) -> Callable[[Js], None]:
    return lambda _: log.append(text)


def test_the_phases_come_in_nodes_order(rt: Runtime, log: list[str]) -> None:
    def note(_: Js = UNDEFINED) -> None:
        if not log or log[-1] != rt.phase:
            log.append(rt.phase)

    def main() -> None:
        note()
        rt.set_timeout(1, everything)

    def everything(_: Js) -> None:
        note()
        rt.loop.idle_hooks.append(partial(once, rt.loop.idle_hooks))
        rt.loop.prepare_hooks.append(partial(once, rt.loop.prepare_hooks))
        rt.call_in_pending_phase(note)
        rt.call_from_thread(note)
        rt.call_in_close_phase(note)
        rt.set_immediate(note)
        rt.set_timeout(1, note)

    def once(hooks: list[Any]) -> None:
        note()
        hooks.clear()

    rt.run(main)
    assert log == [
        "main",
        "timers",
        "pending",
        "idle",
        "prepare",
        "poll",
        "check",
        "close",
        "timers",
    ]
    assert rt.phase == "closed"


def test_timers_come_also_once_on_entry(rt: Runtime, log: list[str]) -> None:
    def main() -> None:
        rt.set_timeout(1, says(log, "timeout"))
        rt.set_immediate(says(log, "immediate"))
        rt.clock.sleep(0.002)  # main took longer than that

    rt.run(main)
    assert log == ["timeout", "immediate"]


def test_within_a_result_an_immediate_comes_before_a_timeout(rt: Runtime, log: list[str]) -> None:
    def result(_: Js) -> None:
        rt.set_timeout(0, says(log, "timeout"))
        rt.set_immediate(says(log, "immediate"))

    rt.run(lambda: rt.call_from_thread(result))
    assert log == ["immediate", "timeout"]


def test_after_every_callback_come_all_ticks_then_all_microtasks(
    rt: Runtime, log: list[str]
) -> None:
    def callback(name: str) -> Callable[[Js], None]:
        def run(_: Js) -> None:
            log.append(name)
            rt.queue_microtask(microtask)
            rt.next_tick(says(log, "tick"))

        return run

    def microtask(_: Js) -> None:
        log.append("microtask")
        rt.next_tick(says(log, "tick of microtask"))
        rt.queue_microtask(says(log, "another"))

    after = ["tick", "microtask", "another", "tick of microtask"]
    order = ["main", "timeout", "timeout 2", "message", "immediate", "close"]

    def main() -> None:
        callback("main")(UNDEFINED)
        rt.set_timeout(1, callback("timeout"))
        rt.set_timeout(1, callback("timeout 2"))
        rt.set_timeout(2, rest)

    def rest(_: Js) -> None:
        rt.call_from_thread(callback("message"))
        rt.set_immediate(callback("immediate"))
        rt.call_in_close_phase(callback("close"))

    rt.run(main)
    assert log == [line for name in order for line in (name, *after)]


def test_an_immediate_made_by_an_immediate_waits_one_turn(rt: Runtime, log: list[str]) -> None:
    def first(_: Js) -> None:
        log.append(f"first {rt.ticks}")
        rt.set_immediate(lambda _: log.append(f"nested {rt.ticks}"))

    def main() -> None:
        rt.set_immediate(first)
        rt.set_immediate(lambda _: log.append(f"second {rt.ticks}"))

    rt.run(main)
    assert log == ["first 1", "second 1", "nested 2"]


def test_equal_delays_keep_their_order_and_no_deadline_is_lost(rt: Runtime, log: list[str]) -> None:
    def main() -> None:
        for number in range(100):
            rt.set_timeout(7, says(log, str(number)))

    rt.run(main)
    assert log == [str(number) for number in range(100)]


def test_timers_run_by_deadline(rt: Runtime, log: list[str]) -> None:
    def main() -> None:
        for delay in (30, 10, 20, 10):
            rt.set_timeout(delay, says(log, str(delay)))

    rt.run(main)
    assert log == ["10", "10", "20", "30"]


def test_a_timer_set_in_a_timer_callback_never_joins_the_running_batch(
    rt: Runtime, log: list[str]
) -> None:
    def first(_: Js) -> None:
        log.append("first")
        rt.set_timeout(0, says(log, "nested"))
        rt.clock.sleep(0.01)  # the nested one is due before the batch is over
        rt.set_immediate(says(log, "immediate"))

    def main() -> None:
        rt.set_timeout(5, first)
        rt.set_timeout(5, says(log, "second"))

    rt.run(main)
    assert log == ["first", "second", "immediate", "nested"]


@pytest.mark.parametrize("kind", ["timeout", "immediate", "interval"])
def test_a_sibling_cleared_in_the_same_batch_never_runs(
    rt: Runtime, log: list[str], kind: str
) -> None:
    def main() -> None:
        if kind == "immediate":
            rt.set_immediate(lambda _: rt.clear_immediate(sibling))
            sibling: Any = rt.set_immediate(says(log, "never"))
            rt.set_immediate(says(log, "third"))
        else:
            rt.set_timeout(5, lambda _: rt.clear_timeout(sibling))
            set_it = rt.set_timeout if kind == "timeout" else rt.set_interval
            sibling = set_it(5, says(log, "never"))
            rt.set_timeout(5, says(log, "third"))

    rt.run(main)
    assert log == ["third"]


def test_an_immediate_that_ran_or_runs_cannot_be_cleared_any_more(
    rt: Runtime, log: list[str]
) -> None:
    def first(_: Js) -> None:
        log.append("first")
        rt.clear_immediate(identities[0])

    def second(_: Js) -> None:
        rt.clear_immediate(identities[0])
        rt.clear_immediate(identities[1])
        rt.clear_immediate(None)
        rt.clear_immediate(12345)
        log.append("second")

    identities: list[int] = []
    rt.run(lambda: identities.extend([rt.set_immediate(first), rt.set_immediate(second)]))
    assert log == ["first", "second"]


def test_an_immediate_cleared_before_its_phase_leaves_the_others(
    rt: Runtime, log: list[str]
) -> None:
    def main() -> None:
        identities = [rt.set_immediate(says(log, str(number))) for number in range(4)]
        rt.clear_immediate(identities[1])
        rt.clear_immediate(identities[1])

    rt.run(main)
    assert log == ["0", "2", "3"]


def test_the_poll_sleeps_until_the_nearest_deadline_and_not_while_immediates_wait(
    no_leaks: None,
) -> None:
    rt = instant()
    slept = rt.loop.poll.slept  # type: ignore[attr-defined]

    def main() -> None:
        rt.set_timeout(50, lambda _: None)
        rt.set_timeout(20, lambda _: rt.set_immediate(lambda _: slept.append("immediate")))

    rt.run(main)
    assert [round(each, 6) if type(each) is float else each for each in slept] == [
        0.02,
        "immediate",
        0.03,
    ]


def test_all_results_of_a_batch_come_in_one_turn_first_in_first_out(log: list[str]) -> None:
    rt = instant()
    turns = set()

    def arrived(value: Js) -> None:
        log.append(str(value.into_int()))
        turns.add(rt.ticks)

    def main() -> None:
        for number in range(4):
            rt.loop.callbacks.tasks[100 + number] = arrived
            rt.loop.pool.finished.append((100 + number, 0, Int(number)))

    rt.run(main)
    assert log == ["0", "1", "2", "3"]
    assert len(turns) == 1


def test_a_result_that_arrives_while_results_are_handled_waits_for_the_next_turn() -> None:
    rt, turns = instant(), []

    def late(_: Js) -> None:
        turns.append(rt.ticks)
        if len(turns) < 3:
            rt.loop.callbacks.tasks[200 + len(turns)] = late
            rt.loop.pool.finished.append((200 + len(turns), 0, Int(0)))

    def main() -> None:
        rt.loop.callbacks.tasks[200] = late
        rt.loop.pool.finished.append((200, 0, Int(0)))

    rt.run(main)
    assert turns == [1, 2, 3]


def test_a_result_whose_callback_was_dropped_is_passed_over(rt: Runtime) -> None:
    rt.run(lambda: rt.loop.pool.finished.append((77, 0, Int(1))))
    assert rt.phase == "closed"


def test_the_loop_is_alive_while_anything_waits_and_not_for_what_was_unrefd(rt: Runtime) -> None:
    alive: list[bool] = []

    def main() -> None:
        alive.append(rt.loop.is_alive())
        rt.set_timeout(1000, lambda _: alive.append(True)).unref()
        rt.add_callback(900, lambda _: None)
        alive.append(rt.loop.is_alive())
        timeout = rt.set_timeout(1, lambda _: None).unref()
        alive.append(rt.loop.is_alive())
        timeout.ref()
        alive.append(rt.loop.is_alive())

    rt.run(main)
    assert alive == [False, False, False, True]
    assert rt.clock.now() < 1


@pytest.mark.parametrize("where", ["pending", "closing", "inbox", "immediate", "task"])
def test_each_of_these_keeps_the_loop_alive(where: str, log: list[str]) -> None:
    rt = Runtime(system=Simulation())

    def main() -> None:
        done = says(log, where)
        match where:
            case "pending":
                rt.call_in_pending_phase(done)
            case "closing":
                rt.call_in_close_phase(done)
            case "inbox":
                rt.call_from_thread(done)
            case "immediate":
                rt.set_immediate(done)
            case "task":
                rt.register_event_threadpool(lambda: Int(1), TaskKind.ENCRYPT, done)

    rt.run(main)
    assert log == [where]


def test_events_of_one_batch_run_one_by_one_with_ticks_between(rt: Runtime, log: list[str]) -> None:
    poll: Any = rt.loop.poll

    def ready(name: str) -> Callable[[Js], None]:
        def run(readiness: Js) -> None:
            log.append(name)
            rt.next_tick(says(log, f"tick of {name}"))
            rt.deregister_event_epoll(token)

        token = len(poll.watched) + 500
        rt.epoll_registrator.register(token, token, Interest.READABLE)
        return run

    def main() -> None:
        for number, persistent in enumerate([True, False, True]):
            rt.register_event_epoll(500 + number, ready(str(number)), persistent)
        poll.ready = [(500, Int(1)), (501, Int(1)), (502, Int(1))]

    rt.run(main)
    assert log == ["0", "tick of 0", "1", "tick of 1", "2", "tick of 2"]


def test_the_phases_have_their_names_from_one_list() -> None:
    assert trace.PHASES == PHASES


# Errors


def test_with_a_handler_an_error_does_not_keep_the_others_from_running(
    rt: Runtime, log: list[str]
) -> None:
    rt.on_uncaught = lambda error: log.append(f"caught {error}")

    def fails(name: str) -> Callable[[Js], None]:
        def run(_: Js) -> None:
            rt.next_tick(says(log, f"tick of {name}"))
            raise ValueError(name)

        return run

    def main() -> None:
        rt.set_timeout(1, fails("timer"))
        rt.set_timeout(1, says(log, "timer 2"))
        rt.set_timeout(2, second)

    def second(_: Js) -> None:
        rt.set_immediate(fails("immediate"))
        rt.set_immediate(says(log, "immediate 2"))
        rt.call_from_thread(fails("message"))
        rt.call_from_thread(says(log, "message 2"))
        rt.next_tick(fails("tick"))
        rt.next_tick(says(log, "tick 2"))
        rt.queue_microtask(fails("microtask"))
        rt.queue_microtask(says(log, "microtask 2"))

    rt.run(main)
    expected = []
    for name in ("timer", "tick", "microtask", "message", "immediate"):
        expected += [f"caught {name}", f"tick of {name}", f"{name} 2"]
    expected[4:6] = ["tick 2", "tick of tick"]  # a tick of a tick comes after the ticks that wait
    at = expected.index("tick of microtask")
    expected[at : at + 2] = ["tick of microtask", "microtask 2"]
    assert sorted(log) == sorted(expected)
    assert log.index("caught timer") < log.index("tick of timer") < log.index("timer 2")
    assert log.index("caught message") < log.index("tick of message") < log.index("message 2")
    assert log.index("caught immediate") < log.index("tick of immediate") < log.index("immediate 2")


def test_ten_thousand_failing_ticks_are_ten_thousand_errors_and_no_recursion(rt: Runtime) -> None:
    errors: list[Exception] = []
    rt.on_uncaught = errors.append

    def fails(_: Js) -> None:
        raise ValueError

    def main() -> None:
        for _ in range(5000):
            rt.next_tick(fails)
            rt.queue_microtask(fails)

    rt.run(main)
    assert len(errors) == 10_000
    assert {type(error) for error in errors} == {ValueError}


def test_an_error_in_an_event_leaves_the_other_events(rt: Runtime, log: list[str]) -> None:
    poll: Any = rt.loop.poll
    rt.on_uncaught = lambda error: log.append("caught")

    def fails(_: Js) -> None:
        raise ValueError

    def main() -> None:
        for token, callback in ((500, fails), (501, says(log, "second"))):
            rt.epoll_registrator.register(token, token, Interest.READABLE)
            rt.register_event_epoll(token, callback)
        poll.ready = [(500, Int(1)), (501, Int(1))]

    rt.run(main)
    assert log == ["caught", "second"]


def test_an_error_in_a_result_leaves_the_other_results(log: list[str]) -> None:
    rt = Runtime(system=Simulation())
    rt.on_uncaught = lambda error: log.append("caught")

    def fails(_: Js) -> None:
        log.append("fails")
        raise ValueError

    def main() -> None:
        rt.loop.callbacks.tasks[500] = fails
        rt.loop.callbacks.tasks[501] = says(log, "second")
        rt.loop.pool.finished.extend([(500, 0, Int(1)), (501, 0, Int(1))])

    rt.run(main)
    assert log == ["fails", "caught", "second"]


# Any program, against a slow and obviously right model of the rules

Callback = Callable[[], None]


class Model:
    """Node's rules, written down with lists. Time is whole milliseconds, callbacks take none."""

    def __init__(self) -> None:
        self.time = 0
        self.order = 0
        self.timers: dict[int, tuple[int, int]] = {}  # handle -> (deadline, order)
        self.calls: dict[int, tuple[int, Callback, bool]] = {}  # handle -> (delay, call, repeats)
        self.cancelled: set[int] = set()
        self.immediates: list[tuple[int, Callback]] = []
        self.cleared: set[int] = set()
        self.ticks: deque[Callback] = deque()
        self.microtasks: deque[Callback] = deque()
        self.pending: list[Callback] = []
        self.messages: list[Callback] = []
        self.closing: list[Callback] = []
        self.handles = 0
        self.unref: set[int] = set()
        self.errors: Callable[[Exception], None] = print

    def set_timer(self, delay: int, call: Callback, repeats: bool) -> int:
        self.handles += 1
        self.calls[self.handles] = (max(1, delay), call, repeats)
        self.arm(self.handles)
        return self.handles

    def arm(self, handle: int) -> None:
        self.order += 1
        self.timers[handle] = (self.time + self.calls[handle][0], self.order)

    def cancel(self, handle: int) -> None:
        self.timers.pop(handle, None)
        self.cancelled.add(handle)

    def refresh(self, handle: int) -> None:
        if handle not in self.cancelled:
            self.arm(handle)

    def set_immediate(self, call: Callback) -> int:
        self.handles += 1
        self.immediates.append((self.handles, call))
        return self.handles

    def call(self, callback: Callback) -> None:
        try:
            callback()
        except Exception as error:
            self.errors(error)
        while self.ticks or self.microtasks:
            for queue in (self.ticks, self.microtasks):
                while queue:
                    try:
                        queue.popleft()()
                    except Exception as error:
                        self.errors(error)

    def run(self, main: Callback) -> None:
        self.call(main)
        while self.is_alive():
            for callback in self.take("pending"):
                self.call(callback)
            busy = self.messages or self.immediates or self.closing or self.pending
            if not busy and self.is_alive():
                self.time = max(self.time, min(at for at, _ in self.timers.values()))
            for callback in self.take("messages"):
                self.call(callback)
            batch, self.immediates = self.immediates, []
            for handle, callback in batch:
                if handle not in self.cleared:
                    self.call(callback)
            for callback in self.take("closing"):
                self.call(callback)
            due = sorted((when, h) for h, when in self.timers.items() if when[0] <= self.time)
            for when, handle in due:
                if self.timers.get(handle) == when:
                    self.fire(handle)

    def fire(self, handle: int) -> None:
        _, callback, repeats = self.calls[handle]
        if not repeats:
            del self.timers[handle]
            self.call(callback)
            return

        def repeated() -> None:
            try:
                callback()
            finally:
                if handle not in self.cancelled:
                    self.arm(handle)  # callbacks take no time here: from before it is from now

        self.call(repeated)

    def take(self, name: str) -> list[Callback]:
        batch: list[Callback] = getattr(self, name)
        setattr(self, name, [])
        return batch

    def is_alive(self) -> bool:
        live = [handle for handle in self.timers if handle not in self.unref]
        waiting = [handle for handle, _ in self.immediates if handle not in self.cleared]
        return bool(live or waiting or self.pending or self.messages or self.closing)


class Real:
    """The same few methods on a runtime."""

    def __init__(self, rt: Runtime) -> None:
        self.rt = rt
        self.handles: list[Any] = [None]

    def set_timer(self, delay: int, call: Callback, repeats: bool) -> int:
        make = self.rt.set_interval if repeats else self.rt.set_timeout
        self.handles.append(make(delay, lambda _: call()))
        return len(self.handles) - 1

    def set_immediate(self, call: Callback) -> int:
        self.handles.append(self.rt.set_immediate(lambda _: call()))
        return len(self.handles) - 1

    def cancel(self, handle: int) -> None:
        timer = self.handles[handle]
        if handle % 2:
            timer.cancel()
        else:
            self.rt.clear_timeout(timer.identity)

    def refresh(self, handle: int) -> None:
        self.handles[handle].refresh()


Program = tuple[list[Any], int]  # what it does, and how often an interval repeats

ACTIONS = st.deferred(
    lambda: st.lists(
        st.one_of(
            st.tuples(st.sampled_from(["timeout"]), st.integers(0, 4), ACTIONS),
            st.tuples(st.sampled_from(["interval"]), st.integers(1, 3), ACTIONS),
            st.tuples(
                st.sampled_from(["immediate", "tick", "microtask", "pending", "message", "close"]),
                st.just(0),
                ACTIONS,
            ),
            st.tuples(
                st.sampled_from(["cancel", "refresh", "clear immediate", "unref"]),
                st.integers(0, 9),
                st.just([]),
            ),
            st.tuples(st.just("raise"), st.just(0), st.just([])),
        ),
        max_size=4,
    )
)


class Interpreter:
    """Runs a program on a model or a runtime, and logs each callback by its place in it."""

    def __init__(self, on: Any) -> None:
        self.on = on
        self.log: list[str] = []
        self.timers: list[int] = []
        self.immediates: list[int] = []
        self.refreshes = 0
        self.made = 0

    def body(self, name: str, actions: list[Any]) -> Callback:
        return lambda: self.do(name, actions)

    def do(self, name: str, actions: list[Any]) -> None:
        self.log.append(name)
        for number, (action, argument, inner) in enumerate(actions):
            self.made += 1
            if self.made > 200:
                return
            self.act(action, argument, self.body(f"{name}.{action}{number}", inner))

    def act(self, action: str, argument: int, call: Callback) -> None:
        match action:
            case "timeout":
                self.timers.append(self.on.set_timer(argument, call, False))
            case "interval":
                self.timers.append(self.interval(argument, call))
            case "immediate":
                self.immediates.append(self.on.set_immediate(call))
            case "cancel" if self.timers:
                self.cancel(self.timers[argument % len(self.timers)])
            case "refresh" if self.timers and self.refreshes < 5:
                self.refreshes += 1
                self.on.refresh(self.timers[argument % len(self.timers)])
            case "raise":
                raise ValueError
            case "clear immediate" if self.immediates:
                self.clear_immediate(self.immediates[argument % len(self.immediates)])
            case _:
                self.enqueue(action, call)

    def interval(self, delay: int, call: Callback) -> int:
        calls = []

        def counted() -> None:
            calls.append(1)
            if len(calls) == 3:
                self.cancel(handle)
            call()

        handle: int = self.on.set_timer(delay, counted, True)
        return handle

    def cancel(self, handle: int) -> None:
        self.on.cancel(handle)
        if isinstance(self.on, Model):
            self.on.cancelled.add(handle)
        else:
            self.on.handles[handle].cancel()

    def clear_immediate(self, handle: int) -> None:
        if isinstance(self.on, Model):
            self.on.cleared.add(handle)
        else:
            self.on.rt.clear_immediate(self.on.handles[handle])

    def enqueue(self, action: str, call: Callback) -> None:
        if isinstance(self.on, Model):
            queues = {
                "tick": self.on.ticks,
                "microtask": self.on.microtasks,
                "pending": self.on.pending,
                "message": self.on.messages,
                "close": self.on.closing,
            }
            if action in queues:
                queues[action].append(call)  # type: ignore[attr-defined]
            return
        rt = self.on.rt
        doors = {
            "tick": rt.next_tick,
            "microtask": rt.queue_microtask,
            "pending": rt.call_in_pending_phase,
            "message": rt.call_from_thread,
            "close": rt.call_in_close_phase,
        }
        if action in doors:
            doors[action](lambda _: call())

    def caught(self, error: Exception) -> None:
        self.log.append(f"caught {type(error).__name__}")


@pytest.mark.parametrize("traced", [False, True], ids=["plain", "traced"])
@given(program=ACTIONS)
@settings(max_examples=60)
@pytest.mark.slow
def test_any_program_runs_in_the_order_of_the_model(traced: bool, program: list[Any]) -> None:
    expected = Interpreter(model := Model())
    model.errors = expected.caught
    model.run(expected.body("main", program))
    rt = instant(trace=Recorder() if traced else None)
    real = Interpreter(Real(rt))
    rt.on_uncaught = real.caught
    rt.run(real.body("main", program))
    assert real.log == expected.log
    assert round(rt.clock.now() * 1000, 3) == model.time


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=8))
def test_the_loop_ends_with_the_last_timer_that_is_not_unrefd(timers: list[Any]) -> None:
    rt, log = instant(), []  # type: tuple[Runtime, list[int]]

    def main() -> None:
        for delay, unref in timers:
            timer = rt.set_timeout(delay, lambda _, d=delay: log.append(d))  # type: ignore[misc]
            if unref:
                timer.unref()

    rt.run(main)
    last = max((max(1, delay) for delay, unref in timers if not unref), default=0)
    assert sorted(log) == sorted(delay for delay, _ in timers if max(1, delay) <= last)


def test_the_parts_of_the_system_are_what_the_loop_stands_on() -> None:
    opened: list[str] = []

    class Own(InstantSystem):
        def open_pool(
            self, threads: int, wake: Any, schedule: Schedule, max_waiting: int | None
        ) -> ThreadPool:
            opened.append(f"{threads} {schedule} {max_waiting}")
            return super().open_pool(threads, wake, schedule, max_waiting)

    Runtime(threads=3, system=Own(), schedule="priority", max_waiting=7).close()
    assert opened == ["3 priority 7"]
    assert Error(ValueError()) != UNDEFINED
