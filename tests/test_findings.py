"""minirt.views.lives and findings: what became of each callback, and what is worth a look."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirt import Recorder, Runtime, Simulation
from minirt.views.findings import History, warnings
from minirt.views.lives import Call, biography, lives_of, summary
from minirt.watching.trace import Event

from .runs import call, event, recorded, task


def test_a_biography_tells_a_callback_from_its_identity_to_its_end() -> None:
    kinds: list[str] = []

    def program(rt: Runtime) -> None:
        identity = task(rt, 0.01)
        rt.set_timeout(100, lambda _: kinds.extend(k for _, k, _ in biography(events(), identity)))

    recorder = Recorder()
    rt = Runtime(system=Simulation(), trace=recorder)

    def events() -> list[Event]:
        return recorder.events

    rt.run(lambda: program(rt))
    expected = ["identity", "boxed", "queued", "started", "finished", "run", "returned"]
    assert kinds == expected


def test_a_healthy_run_has_no_warning() -> None:
    def program(rt: Runtime) -> None:
        for n in range(4):
            task(rt, 0.2)
            rt.set_timeout(10 * n, lambda _: rt.set_immediate(lambda _: None))

    _, events = recorded(program)
    assert warnings(events, 4) == []


def test_a_callback_that_held_the_loop_is_named() -> None:
    events = [event(0, "boxed", 7, callback="crunch", line=3), *call(0.0, 0.08, 7)]
    assert [warn.text for warn in warnings(events, 4)] == [
        "callback 7 (crunch) held the loop for 80 ms."
    ]


def test_a_callback_of_just_under_fifty_milliseconds_held_nobody() -> None:
    assert warnings(call(0.0, 0.0499, 7), 4) == []


def test_a_late_timer_names_the_callback_that_made_it_late() -> None:
    events = [
        event(0, "boxed", 7, callback="crunch"),
        event(0, "queued", 8, where="timer", delay=5, deadline=0.005),
        *call(0.0, 0.04, 7),
        *call(0.04, 0.041, 8),
    ]
    assert [warn.text for warn in warnings(events, 4)] == [
        "Timer 8 was late by 35 ms because of callback 7 (crunch)."
    ]
    assert warnings(events, 4)[0].at == 2


def test_a_timer_that_is_late_because_the_machine_was_busy_blames_nobody() -> None:
    events = [event(0, "queued", 8, where="timer", delay=5, deadline=0.005), *call(0.1, 0.11, 8)]
    assert warnings(events, 4) == []


def test_several_timers_late_because_of_one_callback_are_one_warning() -> None:
    timers = [event(0, "queued", n, where="timer", delay=5, deadline=0.005) for n in (2, 3, 4)]
    events = [*timers, *call(0.0, 0.04, 1), *call(0.04, 0.04, 2), *call(0.04, 0.04, 3)]
    assert len(warnings(events, 4)) == 1
    assert warnings(events, 4)[0].text.startswith("2 timers were late by up to 35 ms")


def test_a_full_pool_is_reported_with_the_task_that_waited_longest() -> None:
    _, events = recorded(lambda rt: [task(rt, 0.1) for _ in range(3)], threads=1)
    (warn,) = warnings(events, 1)
    assert warn.text.startswith("2 tasks waited because the only thread was busy, the longest 2")
    assert warn.text.endswith("(3 Encrypt).")


def test_a_pool_with_a_thread_for_each_task_is_not_full() -> None:
    _, events = recorded(lambda rt: [task(rt, 0.1) for _ in range(4)])
    assert warnings(events, 4) == []


def test_the_summary_says_for_each_kind_how_long_its_tasks_waited_and_ran() -> None:
    _, events = recorded(lambda rt: [task(rt, 0.1) for _ in range(2)], threads=1)
    ((kind, tasks, waited, longest, ran, _),) = summary(lives_of(events, 1))
    assert (kind, tasks) == ("Encrypt", 2)
    assert ran == pytest.approx(0.1)
    assert longest == pytest.approx(0.1, abs=0.002)
    assert waited == pytest.approx(longest / 2, abs=0.002)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 5)), max_size=30), st.data())
@pytest.mark.slow
def test_the_culprit_of_a_stretch_is_the_longest_call_in_it(
    lengths: list[tuple[int, int]], data: st.DataObject
) -> None:
    calls: list[Call] = []
    now = 0
    for pause, took in lengths:
        calls.append(Call(len(calls), "", now + pause, now + pause + took, len(calls)))
        now += pause + took
    history = History(calls)
    for until in sorted({each.start for each in calls if each.start} | {now + 1}):
        since = data.draw(st.integers(0, int(until) - 1))
        shares = [min(c.end, until) - max(c.start, since) for c in calls if c.start < until]
        shares = [share for share in shares if share > 0]
        found = history.culprit(since, until)
        if sum(shares) * 2 < until - since or not shares:
            assert found is None
        else:
            assert found is not None
            assert min(found.end, until) - max(found.start, since) == max(shares)


@pytest.mark.slow
def test_thousands_of_late_timers_are_judged_at_once() -> None:
    many = 20_000
    events = [event(0, "queued", n, where="timer", delay=1, deadline=0.001) for n in range(many)]
    for number in range(many):
        events += call(number / 1000, number / 1000 + 0.001, number)
    (warn,) = warnings(events, 4)[-1:]
    assert "timers were late" in warn.text
