"""The laws: what holds for every program, however it is watched and wherever it runs.

Random programs (`tests/random_programs.py`) run on a Runtime in real time, in simulated time, and
on a slow model (`tests/model.py`). MINIRT_LAWS=large tries a hundred times as many.
"""

import asyncio
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, note, settings
from hypothesis import strategies as st

from minirt import Int, Js, Recorder, Runtime, Simulation
from minirt.watching.trace import Event
from tests.model import Race, Unsaid
from tests.random_programs import (
    KIND,
    QUEUES,
    TIMED,
    VERBS,
    Do,
    Outcome,
    Program,
    Spawn,
    Touch,
    World,
    modelled,
    perform,
    programs,
    real,
    simulated,
)

LARGE = os.environ.get("MINIRT_LAWS") == "large"
TRIES = 5  # of a run in real time: a race with a busy machine is no fault
APART = 5.0  # ms that keep two events in order in simulated time, whose chance moves them less
FAR_APART = 14.0  # ms that do so on a shared machine, mostly
LONGEST = 250.0  # ms of real time for one program
pytestmark = pytest.mark.timeout(7200 if LARGE else 120)


def examples(count: int) -> settings:
    """So many programs, or a hundred times as many."""
    return settings(
        max_examples=count * 100 if LARGE else count,
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


# a. A program does the same, watched or not


class Sink:
    """A sink of the user's own: it looks at each event, all of it."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def record(self, event: Event) -> None:
        self.seen.append(repr(event))


def traces() -> dict[str, Any]:
    """Every way to watch."""
    return {"recorder": Recorder(), "small recorder": Recorder(3), "own sink": Sink()}


@examples(80)
@given(program=programs(), seed=st.integers(0, 3))
@pytest.mark.slow
def test_a_watched_program_does_the_same_at_the_same_times(program: Program, seed: int) -> None:
    def run(trace: object) -> Outcome:
        return perform(program, simulated(seed, threads=program.threads, trace=trace), counts=True)

    plain = run(None)
    for name, trace in traces().items():
        note(name)
        assert run(trace) == plain


@examples(50)
@given(program=programs(kinds=(*QUEUES, "event"), ends=("raise", "raise thorny", "exit", "stop")))
@pytest.mark.slow
def test_a_watched_program_does_the_same_in_real_time(program: Program) -> None:
    def run(trace: object) -> Outcome:
        outcome = perform(program, real(threads=program.threads, trace=trace), counts=True)
        outcome.times.clear()
        return outcome

    plain = run(None)
    for name, trace in traces().items():
        note(name)
        assert run(trace) == plain


def paced(rt: Any, main: Callable[[], object]) -> None:
    """Through a gate that holds each callback for a moment."""
    loop = asyncio.new_event_loop()  # asyncio.run asks for the text of an error that has none
    try:
        loop.run_until_complete(rt.play(main, view=False, speed=0.995))
    finally:
        loop.close()


@examples(12)
@given(program=programs(ends=("raise", "raise thorny", "stop", "block", "wrap")))
@pytest.mark.slow
def test_a_paced_program_does_the_same(program: Program) -> None:
    plain = perform(program, simulated(threads=program.threads))
    held = perform(program, simulated(threads=program.threads), run=paced)
    traced = perform(program, simulated(threads=program.threads, trace=Recorder()), run=paced)
    assert held == plain
    assert traced == plain


# b. Real and simulated time agree


MESSAGE_OF_A_TASK = Program(
    (
        (Spawn("task", ms=60, outcome="message"), Spawn("timeout", ms=20)),
        (Spawn("immediate"),),
    )
)
WORK_BESIDE_A_TASK = Program(
    (
        (Spawn("task", ms=10), Spawn("timeout", ms=60, skip=1), Spawn("tick")),
        (Do("block"),),
        (Spawn("immediate"),),
    )
)

WORK_BESIDE_TASKS_IN_A_ROW = Program(
    (
        (Spawn("task", ms=10), Spawn("task", ms=60), Spawn("tick")),
        (Do("block"), Touch("cancel task", 1)),
    ),
    threads=1,
)


@examples(15)
@example(program=MESSAGE_OF_A_TASK)
@example(program=WORK_BESIDE_A_TASK)
@example(program=WORK_BESIDE_TASKS_IN_A_ROW)
@given(
    program=programs(
        delays=(15, 45, 105), ends=("raise", "raise thorny", "exit", "stop", "block"), bodies=5
    )
)
@pytest.mark.slow
def test_real_and_simulated_time_agree_where_the_order_is_fixed(program: Program) -> None:
    world = modelled(FAR_APART, ties=False, threads=program.threads)
    without_races(program, world)
    assume(world.rt.now <= LONGEST)
    there = perform(program, simulated(threads=program.threads))
    for _ in range(TRIES):
        here = perform(program, real(threads=program.threads))
        if (here.lines, here.error) == (there.lines, there.error):
            return
    assert (here.lines, here.error) == (there.lines, there.error)


@examples(60)
@given(program=programs(kinds=QUEUES, verbs=VERBS, ends=("raise", "raise thorny", "exit", "stop")))
@pytest.mark.slow
def test_real_and_simulated_time_agree_on_queues(program: Program) -> None:
    here = perform(program, real(threads=program.threads))
    there = perform(program, simulated(threads=program.threads))
    assert (here.lines, here.error) == (there.lines, there.error)


@given(program=programs(), seed=st.integers())
@examples(30)
def test_one_seed_gives_one_run(program: Program, seed: int) -> None:
    first = perform(program, simulated(seed, threads=program.threads), counts=True)
    assert perform(program, simulated(seed, threads=program.threads), counts=True) == first


# c. Every callback runs once, or is dropped; nothing is left

IN_REAL_TIME = programs(
    kinds=(*QUEUES, *TIMED, "event"), delays=(1, 2, 3), ends=("raise", "exit", "stop", "close")
)


@examples(80)
@given(program=programs())
@pytest.mark.slow
def test_every_callback_runs_once_or_is_dropped_in_simulated_time(program: Program) -> None:
    recorder = Recorder()
    check_lives(program, simulated(threads=program.threads, trace=recorder), recorder)


@examples(40)
@given(program=IN_REAL_TIME)
@pytest.mark.slow
def test_every_callback_runs_once_or_is_dropped_in_real_time(program: Program) -> None:
    recorder = Recorder()
    check_lives(program, real(threads=program.threads, trace=recorder), recorder)


def check_lives(program: Program, world: World, recorder: Recorder) -> None:
    rt = world.rt
    outcome = perform(program, world)
    check_counters(rt, program)
    assert faults_of_lives(recorder.events) == []
    dropped = [event for event in recorder if event.kind == "dropped" and event.identity is None]
    never_called = outcome.registered - outcome.called
    least = sum(never_called[kind] for kind in ("tick", "microtask", "message"))
    # one that a task would have sent later, as far as the loop knows, was not there to be dropped
    assert least <= len(dropped) <= least + never_called["message of a task"]


@examples(80)
@given(program=programs())
@pytest.mark.slow
def test_when_a_run_is_over_the_counters_say_that_nothing_waits(program: Program) -> None:
    world = simulated(threads=program.threads)
    perform(program, world)
    check_counters(world.rt, program)


@examples(40)
@given(program=IN_REAL_TIME)
@pytest.mark.slow
def test_the_counters_say_so_in_real_time_too(program: Program) -> None:
    world = real(threads=program.threads)
    perform(program, world)
    check_counters(world.rt, program)


def check_counters(rt: Any, program: Program) -> None:
    left = (rt.pending_events, rt.epoll_pending_events, rt.available_threads)
    assert left == (0, 0, program.threads)


def faults_of_lives(events: list[Event]) -> list[str]:
    """What is wrong with the lives of callbacks that have an identity."""
    faults: list[str] = []
    alive: set[object] = set()
    stays: set[object] = set()  # intervals, and persistent events: a call does not end them
    for event in events:
        identity, detail = event.identity, event.detail or {}
        if identity is None:
            continue
        if event.kind == "queued":
            if detail.get("repeats") or detail.get("persistent"):
                stays.add(identity)
            elif not detail.get("again"):
                stays.discard(identity)
        if event.kind in ("boxed", "queued"):
            alive.add(identity)
        elif event.kind in ("run", "dropped"):
            if identity not in alive:
                faults.append(f"{identity}: {event.kind}, and nobody waits")
            if event.kind == "dropped" or identity not in stays:
                alive.discard(identity)
    return faults + [f"{identity}: neither called nor dropped" for identity in alive]


# d. A dead handle touches nobody

DEATHS = ("cancelled", "cleared", "cleared by number", "ran", "ran, then cancelled")
OWNERS = ("timeout", "interval", "immediate", "task", "boxed", "token", "unref'd timeout")
TOUCHES = ("cancel", "clear", "refresh", "ref", "unref")


@examples(120)
@given(
    death=st.sampled_from(DEATHS),
    repeats=st.booleans(),
    owner=st.sampled_from(OWNERS),
    touches=st.lists(st.sampled_from(TOUCHES), min_size=1, max_size=4),
    is_traced=st.booleans(),
)
@pytest.mark.slow
def test_a_dead_handle_touches_nobody_who_has_its_number_now(
    death: str, repeats: bool, owner: str, touches: list[str], is_traced: bool
) -> None:
    trace = Recorder if is_traced else lambda: None
    touched = life_of_an_owner(death, repeats, owner, touches, trace())
    assert touched == life_of_an_owner(death, repeats, owner, [], trace())


def life_of_an_owner(
    death: str, repeats: bool, owner: str, touches: list[str], trace: Recorder | None
) -> list[tuple[object, ...]]:
    """What becomes of a callback that got the number of a dead timer."""
    rt = Runtime(system=Simulation(), trace=trace, threads=1)
    log: list[tuple[object, ...]] = []

    def main() -> None:
        make = rt.set_interval if repeats else rt.set_timeout
        old.append(make(10, lambda _: old[0].cancel() if repeats else None))
        if death in ("cancelled", "cleared"):
            old[0].cancel() if death == "cancelled" else rt.clear_timeout(old[0])
        elif death == "cleared by number":
            rt.clear_timeout(old[0].identity)
        rt.set_timeout(30, succeed)

    def succeed(_: Js) -> None:
        if death == "ran, then cancelled":
            old[0].cancel()
        rt.identity_token = old[0].identity - 1
        got, end = new_owner(rt, owner, old[0].identity, note_call)
        assert got == old[0].identity
        for touch in touches:
            rt.clear_timeout(old[0]) if touch == "clear" else getattr(old[0], touch)()
        log.append(("left", rt.pending_events, rt.epoll_pending_events))
        rt.identity_token = got - 1
        log.append(("is its number taken?", rt.generate_cb_identity() != got))
        rt.set_timeout(45, lambda _: end())

    def note_call(value: Js) -> None:
        log.append(("called", value, round(rt.system.clock.now(), 3)))

    old: list[Any] = []
    # a timer that ran may run again, which is no business of the owner's
    if "refresh" in touches and death == "ran" and not repeats:
        touches = [touch for touch in touches if touch != "refresh"]
    rt.run(main)
    return log


def new_owner(
    rt: Runtime, owner: str, identity: int, cb: Callable[[Js], object]
) -> tuple[int, Callable[[], object]]:
    """Register `cb` under the next identity. Returns it, and what ends it."""

    def nothing() -> None:
        """It ends alone."""

    if owner == "immediate":
        return rt.set_immediate(cb), nothing
    if owner == "task":
        return rt.register_event_threadpool(lambda: Int(1), KIND, cb), nothing
    if owner == "boxed":
        rt.add_callback(identity, cb)
        return identity, nothing
    if owner == "token":
        rt.register_event_epoll(identity, cb)
        return identity, lambda: rt.deregister_event_epoll(identity)
    if owner == "interval":
        interval = rt.set_interval(10, cb)
        return interval.identity, interval.cancel
    timeout = rt.set_timeout(10 if owner == "timeout" else 100, cb)
    if owner == "unref'd timeout":
        timeout.unref()
    return timeout.identity, nothing


# e. A program does what the model does


@examples(200)
@example(program=MESSAGE_OF_A_TASK, seed=0)
@example(program=WORK_BESIDE_A_TASK, seed=0)
@example(program=WORK_BESIDE_TASKS_IN_A_ROW, seed=0)
@given(program=programs(), seed=st.integers(0, 3))
@pytest.mark.slow
def test_a_program_does_what_the_model_does(program: Program, seed: int) -> None:
    expected = without_races(program, modelled(APART, threads=program.threads))
    outcome = perform(program, simulated(seed, threads=program.threads))
    assert (outcome.lines, outcome.error) == (expected.lines, expected.error)


@examples(80)
@given(program=programs(kinds=(*QUEUES, "event"), ends=("raise", "raise thorny", "exit", "stop")))
@pytest.mark.slow
def test_queues_and_events_in_real_time_do_what_the_model_does(program: Program) -> None:
    expected = without_races(program, modelled(APART, threads=program.threads))
    outcome = perform(program, real(threads=program.threads))
    assert (outcome.lines, outcome.error) == (expected.lines, expected.error)


def without_races(program: Program, model: World) -> Outcome:
    """What the model does; a program whose order is not fixed is none for this law."""
    try:
        return perform(program, model)
    except (Race, Unsaid):
        assume(False)
        raise
