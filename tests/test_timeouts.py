"""How does a program fill the queues?"""

import threading
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirt import Js, Recorder, Runtime, Simulation, Undefined
from minirt.errors import NotADelay
from minirt.node.timeouts import LONGEST_DELAY, normal_delay


@pytest.fixture(params=["plain", "traced"])
def rt(request: pytest.FixtureRequest) -> Runtime:
    trace = Recorder() if request.param == "traced" else None
    return Runtime(system=Simulation(), trace=trace)


class Times:
    """When something was called, in milliseconds from the first line of main."""

    def __init__(self, rt: Runtime) -> None:
        self.rt = rt
        self.start = rt.clock.now()
        self.at: list[int] = []

    def __call__(self, _: Js) -> None:
        self.at.append(round((self.rt.clock.now() - self.start) * 1000))


@given(st.one_of(st.floats(), st.integers(), st.fractions()))
def test_every_number_becomes_a_delay_between_one_and_the_longest(ms: Any) -> None:
    delay = normal_delay(ms)
    assert 1 <= delay <= LONGEST_DELAY
    if 1 <= ms <= LONGEST_DELAY:
        assert delay == int(ms)
    else:
        assert delay == 1


@pytest.mark.parametrize("ms", [10**400, -(10**400), Fraction(10**400), float("inf")])
def test_a_number_that_no_float_can_hold_is_too_large_and_no_error(ms: Any) -> None:
    assert normal_delay(ms) == 1


@pytest.mark.parametrize("ms", ["5", None, True, False, 1j, [], object()])
def test_what_is_no_number_is_no_delay_and_registers_nothing(rt: Runtime, ms: Any) -> None:
    def main() -> None:
        for register in (rt.set_timeout, rt.set_interval):
            with pytest.raises(NotADelay, match="a number of milliseconds"):
                register(ms, print)
        assert rt.pending_events == 0

    rt.run(main)


def test_a_callback_receives_undefined(rt: Runtime) -> None:
    values: list[Js] = []

    def main() -> None:
        rt.set_timeout(1, values.append)
        rt.set_immediate(values.append)
        rt.next_tick(values.append)
        rt.queue_microtask(values.append)
        rt.call_from_thread(values.append)

    rt.run(main)
    assert values == [Undefined()] * 5


def test_an_interval_comes_again_until_it_is_cleared_inside(rt: Runtime) -> None:
    times = Times(rt)

    def tick(value: Js) -> None:
        times(value)
        if len(times.at) == 3:
            rt.clear_interval(interval)

    interval: Any = None

    def main() -> None:
        nonlocal interval
        interval = rt.set_interval(10, tick)

    rt.run(main)
    assert times.at == [10, 20, 30]


def test_an_interval_is_set_again_from_before_its_callback_and_never_bursts(rt: Runtime) -> None:
    times = Times(rt)

    def slow(value: Js) -> None:
        times(value)
        if len(times.at) == 1:
            rt.clock.sleep(0.035)
        if len(times.at) == 3:
            interval.cancel()

    def main() -> None:
        nonlocal interval
        interval = rt.set_interval(10, slow)

    interval: Any = None
    rt.run(main)
    assert times.at == [10, 45, 55]


def test_an_interval_goes_on_after_an_error_that_was_handled(rt: Runtime) -> None:
    times, errors = Times(rt), []  # type: tuple[Times, list[Exception]]
    rt.on_uncaught = errors.append

    def fails(value: Js) -> None:
        times(value)
        if len(times.at) == 3:
            interval.cancel()
        raise ValueError

    def main() -> None:
        nonlocal interval
        interval = rt.set_interval(10, fails)

    interval: Any = None
    rt.run(main)
    assert times.at == [10, 20, 30]
    assert len(errors) == 3


@pytest.mark.parametrize("by", ["handle", "identity", "cancel"])
@pytest.mark.parametrize("kind", ["set_timeout", "set_interval"])
def test_a_timer_is_cleared_by_its_handle_or_its_identity(rt: Runtime, by: str, kind: str) -> None:
    times = Times(rt)

    def main() -> None:
        timer = getattr(rt, kind)(10, times)
        rt.set_timeout(10, times)
        if by == "cancel":
            timer.cancel()
            timer.cancel()
        else:
            rt.clear_timeout(timer if by == "handle" else timer.identity)
            rt.clear_interval(timer if by == "handle" else timer.identity)

    rt.run(main)
    assert times.at == [10]


def test_clearing_what_is_no_timer_leaves_everything_alone(rt: Runtime) -> None:
    from minirt import Int, TaskKind

    log: list[Js] = []

    def main() -> None:
        immediate = rt.set_immediate(log.append)
        task = rt.register_event_threadpool(lambda: Int(1), TaskKind.ENCRYPT, log.append)
        for nothing in (None, 12345, immediate, task):
            rt.clear_timeout(nothing)
        timer = rt.set_timeout(1, log.append)
        rt.clear_immediate(timer.identity)
        rt.clear_immediate(None)

    rt.run(main)
    assert len(log) == 3


def test_refresh_starts_the_delay_again(rt: Runtime) -> None:
    times = Times(rt)

    def main() -> None:
        timer = rt.set_timeout(10, times)
        rt.set_timeout(5, lambda _: timer.refresh())

    rt.run(main)
    assert times.at == [15]


def test_refresh_in_the_timers_own_callback_sets_it_once_more(rt: Runtime) -> None:
    times = Times(rt)

    def again(value: Js) -> None:
        times(value)
        if len(times.at) < 3:
            timer.refresh()

    def main() -> None:
        nonlocal timer
        timer = rt.set_timeout(10, again)

    timer: Any = None
    rt.run(main)
    assert times.at == [10, 20, 30]


def test_refresh_after_the_timer_ran_sets_it_again_and_after_a_cancel_never(rt: Runtime) -> None:
    times = Times(rt)

    def main() -> None:
        ran = rt.set_timeout(10, times)
        cancelled = rt.set_timeout(10, times)
        cancelled.cancel()
        rt.set_timeout(20, lambda _: (ran.refresh(), cancelled.refresh()))

    rt.run(main)
    assert times.at == [10, 30]


def test_refresh_takes_a_timer_out_of_the_running_batch(rt: Runtime) -> None:
    times = Times(rt)

    def main() -> None:
        rt.set_timeout(10, lambda _: timer.refresh())
        timer = rt.set_timeout(10, times)

    rt.run(main)
    assert times.at == [20]


def test_a_refreshed_timer_comes_after_the_others_of_its_deadline(rt: Runtime) -> None:
    log: list[str] = []

    def main() -> None:
        first = rt.set_timeout(10, lambda _: log.append("first"))
        rt.set_timeout(10, lambda _: log.append("second"))
        assert first.refresh() is first

    rt.run(main)
    assert log == ["second", "first"]


def test_an_interval_may_be_refreshed_between_its_calls_and_inside_one(rt: Runtime) -> None:
    times = Times(rt)

    def tick(value: Js) -> None:
        times(value)
        interval.refresh()
        if len(times.at) == 2:
            interval.cancel()
            interval.refresh()

    def main() -> None:
        nonlocal interval
        interval = rt.set_interval(10, tick)
        rt.set_timeout(15, lambda _: interval.refresh())

    interval: Any = None
    rt.run(main)
    assert times.at == [10, 25]


def test_unref_lets_the_loop_end_and_ref_takes_that_back(rt: Runtime) -> None:
    times = Times(rt)

    def main() -> None:
        rt.set_interval(10, times).unref()
        rt.set_timeout(500, times).unref().ref().unref()
        rt.set_timeout(35, lambda _: None)

    rt.run(main)
    assert times.at == [10, 20, 30]


def test_unref_of_a_timer_that_ran_changes_nothing(rt: Runtime) -> None:
    times = Times(rt)

    def main() -> None:
        first = rt.set_timeout(5, times)
        rt.set_timeout(10, lambda _: first.unref())
        rt.set_timeout(20, times)

    rt.run(main)
    assert times.at == [5, 20]


def test_a_handle_says_what_it_is(rt: Runtime) -> None:
    with rt:
        timeout, interval = rt.set_timeout(10, print), rt.set_interval(20, print)
        assert repr(timeout) == f"<Timeout {timeout.identity}: 10 ms>"
        assert repr(interval) == f"<Interval {interval.identity}: 20 ms>"


METHODS: dict[str, Callable[[Runtime, Any], object]] = {
    "set_timeout": lambda rt, timer: rt.set_timeout(1, print),
    "set_interval": lambda rt, timer: rt.set_interval(1, print),
    "clear_timeout": lambda rt, timer: rt.clear_timeout(timer),
    "clear_interval": lambda rt, timer: rt.clear_interval(timer.identity),
    "cancel": lambda rt, timer: timer.cancel(),
    "refresh": lambda rt, timer: timer.refresh(),
    "ref": lambda rt, timer: timer.ref(),
    "unref": lambda rt, timer: timer.unref(),
}


@pytest.mark.parametrize("name", METHODS)
def test_a_handle_in_a_foreign_thread_changes_nothing(rt: Runtime, name: str) -> None:
    """A cancel that is refused must not be half done: the interval goes on, and can be ended."""
    from minirt.errors import ForeignThread

    times, errors = Times(rt), []  # type: tuple[Times, list[BaseException]]

    def foreign() -> None:
        try:
            METHODS[name](rt, interval)
        except ForeignThread as error:
            errors.append(error)

    def tick(value: Js) -> None:
        times(value)
        if len(times.at) == 2:
            interval.cancel()

    def main() -> None:
        nonlocal interval
        interval = rt.set_interval(10, tick)
        thread = threading.Thread(target=foreign)
        thread.start()
        thread.join()

    interval: Any = None
    rt.run(main)
    assert times.at == [10, 20]
    assert "call_from_thread" in str(errors[0])
