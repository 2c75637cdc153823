"""call_later and call_at: deadlines in floating seconds, whatever somebody gives."""

import asyncio
import re
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from minirt import Simulation
from minirt.aio import MinirtEventLoop
from tests.patience import patience

Loop = asyncio.AbstractEventLoop


def run_for(loop: Loop, seconds: float) -> None:
    loop.call_later(seconds, loop.stop)
    with patience():
        loop.run_forever()


def skip_what_fails_on_nan(loop: Loop) -> None:
    if sys.version_info >= (3, 13) and not isinstance(loop, MinirtEventLoop):
        pytest.skip("since 3.13 the standard loop makes an integer of the time to sleep")


@pytest.mark.parametrize("delay", [0, -1, -1e9, float("-inf"), float("nan"), False])
def test_a_delay_that_is_none_is_over_at_once(loop: Loop, delay: float) -> None:
    called: list[int] = []
    if delay != delay:
        skip_what_fails_on_nan(loop)
    loop.call_later(delay, called.append, 1)
    run_for(loop, 0.01)
    assert called == [1]


@pytest.mark.parametrize("delay", [float("inf"), 1e12, 86_400 * 365 * 50, 2**40])
def test_a_delay_of_years_does_not_stop_the_loop(loop: Loop, delay: float) -> None:
    called: list[int] = []
    timer = loop.call_later(delay, called.append, 1)
    run_for(loop, 0.01)
    assert not called
    timer.cancel()


def test_a_nan_among_others_loses_nobody(loop: Loop) -> None:
    skip_what_fails_on_nan(loop)
    called: list[int] = []
    for number in range(50):
        loop.call_later(float("nan") if number % 5 == 0 else number / 5000, called.append, number)
    run_for(loop, 0.03)
    assert sorted(called) == list(range(50))


@pytest.mark.parametrize("apart", [1e-7, 1e-5, 1e-4])
def test_deadlines_run_in_their_order_however_close(loop: Loop, apart: float) -> None:
    called: list[int] = []
    start = loop.time() + 0.005
    for number in (3, 1, 2, 0):
        loop.call_at(start + number * apart, called.append, number)
    run_for(loop, 0.02)
    assert called == [0, 1, 2, 3]


def test_equal_deadlines_keep_the_order_of_registration(ours: MinirtEventLoop) -> None:
    called: list[int] = []
    when = ours.time() + 0.002
    for number in range(100):
        ours.call_at(when, called.append, number)
    run_for(ours, 0.01)
    assert called == list(range(100))


def test_a_deadline_in_the_past_is_due_now(loop: Loop) -> None:
    called: list[str] = []
    loop.call_at(loop.time() - 100, called.append, "earlier")
    loop.call_at(loop.time() - 200, called.append, "earliest")
    run_for(loop, 0)
    assert called == ["earliest", "earlier"]


def test_a_timer_cancelled_after_it_became_due_does_not_run(loop: Loop) -> None:
    called: list[int] = []
    timers: list[asyncio.TimerHandle] = []
    loop.call_at(1.0, lambda: timers[0].cancel())
    timers.append(loop.call_at(2.0, called.append, 1))
    run_for(loop, 0)
    assert not called
    timers[0].cancel()  # once more, of what is over


def test_a_cancelled_timer_keeps_nothing(ours: MinirtEventLoop) -> None:
    for _ in range(20_000):
        ours.call_later(1000, print).cancel()
    timers = ours._core.timers
    assert not timers.waiting
    assert len(timers._heap) < 3000
    assert len(timers._slots) < 3000


def test_a_timer_says_when(loop: Loop) -> None:
    timer = loop.call_at(1234.5, print)
    assert timer.when() == 1234.5
    assert "when=1234.5" in repr(timer)
    timer.cancel()
    assert timer.cancelled()


def test_no_timer_is_early(loop: Loop) -> None:
    early: list[float] = []

    def look(when: float) -> None:
        early.append(max(0.0, when - loop.time() - 1e-9))

    for number in range(50):
        when = loop.time() + number / 1000
        loop.call_at(when, look, when)
    run_for(loop, 0.06)
    assert early == [0.0] * 50


def test_the_time_of_a_test_is_the_time_of_the_loop(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[int] = []
    loop.call_later(3600, called.append, 1)
    later = time.monotonic() + 4000
    monkeypatch.setattr(loop, "time", lambda: later)
    run_for(loop, 0)
    assert called == [1]


def test_a_clock_that_is_set_back_delays_what_waits(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []
    real, behind = loop.time, [0.0]
    monkeypatch.setattr(loop, "time", lambda: real() - behind[0])
    loop.call_later(0.01, called.append, "waits")
    loop.call_soon(behind.__setitem__, 0, 0.03)
    began = time.monotonic()
    loop.call_later(0.02, loop.stop)
    with patience():
        loop.run_forever()
    assert called == ["waits"]
    assert 0.045 < time.monotonic() - began < 5


def test_a_clock_that_jumps_calls_all_that_it_passed_in_order(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[int] = []
    real, ahead = loop.time, [0.0]
    monkeypatch.setattr(loop, "time", lambda: real() + ahead[0])
    for hours in (3, 1, 5, 2, 0):
        loop.call_later(3600 * hours, called.append, hours)
    loop.call_soon(ahead.__setitem__, 0, 3600 * 4)
    loop.call_later(3600 * 4 + 0.01, loop.stop)
    with patience():
        loop.run_forever()
    assert called == [0, 1, 2, 3]


def test_a_clock_that_stands_still_stops_no_callback(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []
    now = loop.time()
    monkeypatch.setattr(loop, "time", lambda: now)
    loop.call_later(0.001, called.append, "never")
    loop.call_at(now, called.append, "now")
    for _ in range(10):
        loop.call_soon(loop.stop)
        loop.run_forever()
    assert called == ["now"]


def test_a_timer_of_years_alone_lets_the_loop_sleep(ours: MinirtEventLoop) -> None:
    for delay in (10**9, float("inf"), 1e300):
        ours.call_later(delay, print)
    waker = threading.Timer(0.05, ours.call_soon_threadsafe, [ours.stop])
    turns = ours._core.turns
    waker.start()
    with patience():
        ours.run_forever()
    waker.join()
    assert ours._core.turns - turns < 6


def test_a_subclass_with_a_time_of_its_own_decides(no_leaks: None) -> None:
    class Shifted(MinirtEventLoop):
        ahead = 0.0

        def time(self) -> float:
            return super().time() + self.ahead

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(setattr, loop, "ahead", 30.0)
        await asyncio.sleep(20)

    with patience(), asyncio.Runner(loop_factory=Shifted) as runner:
        runner.run(main())


@pytest.mark.parametrize("when", [None, "soon", object(), [1]])
def test_what_is_no_time_is_refused_at_the_call(ours: MinirtEventLoop, when: Any) -> None:
    for call in (ours.call_at, ours.call_later):
        with pytest.raises(TypeError):
            call(when, print)
    run_for(ours, 0.001)


# In simulated time


def test_an_hour_takes_no_time(no_leaks: None) -> None:
    began = time.monotonic()
    with asyncio.Runner(loop_factory=lambda: MinirtEventLoop(Simulation(seed=4))) as runner:
        runner.run(asyncio.sleep(3600))
        assert runner.get_loop().time() == pytest.approx(3600, abs=0.1)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("seconds", [1 / 3, 0.1 + 1e-10, 1e-7, 12345.6789012345, 1e7 + 1 / 3, 1e9])
def test_simulated_time_reaches_every_deadline(seconds: float, no_leaks: None) -> None:
    loop = MinirtEventLoop(Simulation())
    with patience():
        loop.run_until_complete(asyncio.sleep(seconds))
        loop.run_until_complete(asyncio.sleep(seconds))
    loop.close()


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("method", ["call_later", "call_at", "call_soon"])
def test_a_cancelled_handle_says_of_itself_what_it_says_on_the_standard_loop(
    method: str, debug: bool
) -> None:
    def told(make: Callable[[], asyncio.AbstractEventLoop]) -> list[object]:
        with closing(make()) as loop:
            loop.set_debug(debug)
            arguments = () if method == "call_soon" else (1e9,)
            handle = getattr(loop, method)(*arguments, print, "never")
            before = repr(handle)
            handle.cancel()
            once = repr(handle)
            handle.cancel()
            return [before, once, repr(handle), handle.cancelled(), vars_of(handle)]

    def vars_of(handle: Any) -> list[object]:
        return [handle._callback, handle._args, handle._cancelled]

    standard = [re.sub(r"when=[\d.]+", "when=?", str(one)) for one in told(asyncio.new_event_loop)]
    ours = [re.sub(r"when=[\d.]+", "when=?", str(one)) for one in told(MinirtEventLoop)]
    assert ours == standard
