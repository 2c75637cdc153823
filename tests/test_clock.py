"""What time is it?"""

import time

import pytest

from minirt import ManualClock, MonotonicClock


def test_the_monotonic_clock_never_runs_backwards() -> None:
    clock = MonotonicClock()
    times = [clock.now() for _ in range(1000)]
    assert times == sorted(times)
    assert time.monotonic() >= times[-1]


def test_sleeping_on_the_monotonic_clock_lets_that_much_time_pass() -> None:
    clock = MonotonicClock()
    before = clock.now()
    clock.sleep(0.005)
    assert clock.now() - before >= 0.005


def test_a_manual_clock_moves_only_when_it_is_told_to() -> None:
    clock = ManualClock(10.0)
    assert (clock.now(), clock.now()) == (10.0, 10.0)
    assert clock.advance(2.5) == 12.5
    clock.sleep(0.5)
    assert clock.now() == 13.0


def test_a_manual_clock_refuses_to_run_backwards() -> None:
    clock = ManualClock()
    with pytest.raises(ValueError, match="zero or more"):
        clock.advance(-1)
    assert clock.now() == 0.0
