"""minirt.watching.gate and play: a program that is paused, stepped, slowed, stopped, left alone."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest

from minirt import ManualClock, Recorder, Runtime, Simulation, TaskKind, Undefined
from minirt.views.watch import Watch
from minirt.watching.gate import Gate, PacedClock, spacing
from minirt.watching.play import play as play_at_gate
from minirt.watching.player import Player


class Onlooker:
    """A view that is no widget: it keeps the frames, and calls `act` with each."""

    def __init__(self, act: Callable[["Onlooker"], object] = lambda view: None) -> None:
        self.frames: list[dict[str, Any]] = []
        self.controls: Any = None
        self.entries: list[Any] = []
        self.has_ended = threading.Event()
        self._act = act

    def begin(self, controls: Gate) -> None:
        self.controls = controls

    def show(self, frame: dict[str, Any]) -> None:
        self.frames.append(frame)
        self._act(self)

    async def listen(self) -> None:
        pass

    def end(self, watch: Any, frame: dict[str, Any]) -> None:
        self.entries = watch.entries()
        self.frames.append(frame)
        self.has_ended.set()


def play(rt: Runtime, main: Callable[[], object], view: object = False, **options: Any) -> None:
    asyncio.run(asyncio.wait_for(rt.play(main, view=view, **options), timeout=20))


# --- the clock ---


def test_a_paced_clock_shows_the_time_of_its_base_until_the_rate_changes() -> None:
    base = ManualClock(5.0)
    clock = PacedClock(base)
    base.advance(1.0)
    assert clock.now() == 6.0


def test_at_half_the_rate_half_the_time_passes() -> None:
    base = ManualClock()
    clock = PacedClock(base)
    clock.set_rate(0.5)
    base.advance(2.0)
    assert clock.now() == 1.0


def test_time_stands_still_while_the_rate_is_zero_and_goes_on_where_it_stood() -> None:
    base = ManualClock()
    clock = PacedClock(base)
    base.advance(1.0)
    clock.set_rate(0)
    base.advance(10.0)
    assert clock.now() == 1.0
    clock.set_rate(1)
    base.advance(1.0)
    assert clock.now() == 2.0


def test_a_slowed_loop_sleeps_longer_and_a_paused_one_for_ever() -> None:
    clock = PacedClock(ManualClock())
    clock.set_rate(0.5)
    assert [clock.real_seconds(seconds) for seconds in (1.0, 0, None)] == [2, 0, None]
    clock.set_rate(0)
    assert clock.real_seconds(1.0) is None


def test_a_task_that_sleeps_is_the_outside_world_and_not_slowed() -> None:
    base = ManualClock()
    clock = PacedClock(base)
    clock.set_rate(0.1)
    clock.sleep(1.0)
    assert base.now() == 1.0


# --- the gate ---


def test_below_full_speed_callbacks_are_spaced_and_above_they_are_not() -> None:
    assert spacing(0.1) > spacing(0.5) > 0
    assert spacing(1) == spacing(4) == 0


@pytest.mark.parametrize("speed", [0, -1, float("nan"), 1e9])
def test_a_speed_at_which_nothing_can_run_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        Gate(speed)


@pytest.mark.parametrize("speed", ["fast", True, None])
def test_a_speed_that_is_no_number_is_refused(speed: Any) -> None:
    with pytest.raises(TypeError, match="speed"):
        Gate().set_speed(speed)


def test_an_open_gate_lets_everybody_pass_at_once() -> None:
    assert Gate().enter()


def test_a_gate_that_is_stopped_lets_nobody_run() -> None:
    gate = Gate(paused=True)
    gate.stop()
    assert not gate.enter()


def test_the_clock_stands_still_while_a_gate_is_paused() -> None:
    gate, clock = Gate(speed=2), PacedClock(ManualClock())
    gate.attach(clock, lambda: None)
    assert clock.rate == 2
    gate.pause()
    assert clock.rate == 0
    gate.resume()
    assert clock.rate == 2


def test_the_clock_goes_on_for_a_step_and_stands_still_after_its_callback() -> None:
    gate, clock = Gate(paused=True), PacedClock(ManualClock())
    gate.attach(clock, lambda: None)
    gate.step()
    assert clock.rate == 1  # a loop that sleeps wakes for its next timer
    assert gate.enter()
    assert clock.rate == 1
    gate.leave()
    assert clock.rate == 0


def test_a_gate_that_is_open_at_full_speed_changes_nothing() -> None:
    gate = Gate()
    assert gate.is_neutral
    gate.set_speed(2)
    assert gate.is_open and not gate.is_neutral
    gate.set_speed(1)
    gate.pause()
    assert not gate.is_neutral


def test_every_change_is_told() -> None:
    told: list[str] = []
    gate = Gate()
    gate.attach(None, lambda: told.append("changed"))
    told.clear()
    gate.pause()
    gate.step()
    gate.resume()
    gate.set_speed(0.5)
    gate.stop()
    assert len(told) == 5


def test_a_step_while_the_gate_is_open_shuts_it() -> None:
    gate = Gate()
    gate.step()
    assert gate.paused
    passed = threading.Event()
    threading.Thread(target=lambda: (gate.enter(), passed.set()), daemon=True).start()
    assert not passed.wait(0.05)
    gate.step()
    assert passed.wait(10)


# --- a program that is played ---


@pytest.mark.usefixtures("no_leaks")
def test_play_runs_main_and_its_callbacks_on_a_thread_of_their_own() -> None:
    rt, threads = Runtime(), []

    def main() -> None:
        rt.set_timeout(1, lambda _: threads.append(threading.get_ident()))

    play(rt, main)
    assert threads and threads[0] != threading.get_ident()


@pytest.mark.usefixtures("no_leaks")
def test_an_error_of_a_callback_is_raised_after_everything_is_closed() -> None:
    rt = Runtime()
    with pytest.raises(ZeroDivisionError):
        play(rt, lambda: rt.set_timeout(1, lambda _: 1 / 0))
    assert rt.phase == "closed"


@pytest.mark.usefixtures("no_leaks")
def test_a_cell_that_is_cancelled_stops_the_program_and_closes_it() -> None:
    rt = Runtime()

    def main() -> None:
        rt.set_interval(1, lambda _: None)

    async def cell() -> None:
        playing = asyncio.ensure_future(rt.play(main, view=view))
        await started.wait()
        playing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await playing

    started = asyncio.Event()
    view = Onlooker(lambda view: started.set())
    asyncio.run(cell())
    assert rt.phase == "closed"
    assert view.frames[-1]["state"] == "interrupted"


@pytest.mark.usefixtures("no_leaks")
def test_a_paused_program_is_stepped_one_callback_at_a_time() -> None:
    rt, ran = Runtime(), []
    seen: list[list[str]] = []

    def act(view: Onlooker) -> None:
        if view.frames[-1]["held"] or not view.frames[-1]["run"]:
            seen.append(list(ran))
            view.controls.step()

    def main() -> None:
        ran.append("main")
        for name in "abc":
            rt.set_immediate(lambda _, name=name: ran.append(name))
        rt.next_tick(lambda _: ran.append("tick"))

    play(rt, main, view=Onlooker(act), paused=True)
    assert ran == ["main", "tick", "a", "b", "c"]
    assert [len(state) for state in seen[:6]] == sorted({len(state) for state in seen[:6]})
    assert seen[0] == []  # paused before main


@pytest.mark.usefixtures("no_leaks")
def test_the_frame_of_a_held_program_names_the_callback_that_is_next() -> None:
    rt = Runtime()

    def after_main(_: object) -> None:
        """A callback with a name."""

    def act(view: Onlooker) -> None:
        if view.frames[-1]["held"]:
            names.append(view.frames[-1]["current"][1])
            view.controls.step()

    names: list[str] = []
    play(rt, lambda: rt.set_immediate(after_main), view=Onlooker(act), paused=True)
    assert "after_main" in names


@pytest.mark.usefixtures("no_leaks")
def test_a_paused_program_has_no_time_either_so_its_timers_keep_their_order() -> None:
    rt, ran = Runtime(), []

    def act(view: Onlooker) -> None:
        if view.frames[-1]["state"] == "paused":  # until the timer of 40 ms would be long due
            threading.Timer(0.1, view.controls.resume).start()

    def main() -> None:
        def first(_: object) -> None:
            ran.append("10 ms")
            rt.set_timeout(5, lambda _: ran.append("15 ms"))

        rt.set_timeout(10, first)
        rt.set_timeout(40, lambda _: ran.append("40 ms"))

    play(rt, main, view=Onlooker(act), paused=True)
    assert ran == ["10 ms", "15 ms", "40 ms"]


@pytest.mark.usefixtures("no_leaks")
def test_stop_ends_a_program_that_is_paused_without_running_its_next_callback() -> None:
    rt, ran = Runtime(), []

    def act(view: Onlooker) -> None:
        if view.frames[-1]["held"]:
            view.controls.stop()

    play(rt, lambda: ran.append("main"), view=Onlooker(act), paused=True)
    assert ran == []
    assert rt.phase == "closed"


@pytest.mark.usefixtures("no_leaks")
def test_stop_ends_a_program_that_sleeps() -> None:
    rt = Runtime()
    view = Onlooker(lambda view: view.controls.stop() if view.frames[-1]["turn"] else None)
    play(rt, lambda: rt.set_timeout(60_000, lambda _: None), view=view)
    assert view.frames[-1]["state"] == "ended"


@pytest.mark.usefixtures("no_leaks")
@pytest.mark.slow
def test_a_pause_is_heard_while_the_loop_sleeps_and_time_stands_still_from_then_on() -> None:
    rt, paused = Runtime(), []

    def act(view: Onlooker) -> None:
        if view.frames[-1]["turn"] and not paused:
            view.controls.pause()
            paused.append(threading.Timer(0.5, view.controls.resume))
            paused[0].start()

    view = Onlooker(act)
    play(rt, lambda: rt.set_timeout(100, lambda _: None), view=view)
    assert 0.1 <= view.frames[-1]["time"] < 0.4  # the half second of the pause is not in it


@pytest.mark.usefixtures("no_leaks")
def test_at_ten_times_the_speed_a_second_is_over_in_a_tenth() -> None:
    rt = Runtime()
    view = Onlooker()
    play(rt, lambda: rt.set_timeout(1000, lambda _: None), view=view, speed=10)
    assert view.frames[-1]["time"] >= 1.0  # the program's time
    assert len(view.frames) < 25  # at thirty a second of real time


@pytest.mark.usefixtures("no_leaks")
def test_a_simulation_is_played_in_its_own_time_and_can_be_stepped() -> None:
    rt = Runtime(system=Simulation(seed=3))
    order: list[str] = []

    def act(view: Onlooker) -> None:
        view.controls.step()

    def main() -> None:
        rt.set_timeout(3_600_000, lambda _: order.append("an hour"))
        rt.register_event_threadpool(Undefined, TaskKind.ENCRYPT, lambda _: order.append("task"))

    view = Onlooker(act)
    play(rt, main, view=view, paused=True)
    assert order == ["task", "an hour"]
    assert view.frames[-1]["time"] >= 3600


@pytest.mark.usefixtures("no_leaks")
def test_a_trace_of_ones_own_goes_on_beside_the_view() -> None:
    recorder = Recorder()
    rt = Runtime(trace=recorder)
    view = Onlooker()
    play(rt, lambda: rt.set_timeout(1, lambda _: None), view=view)
    assert [event.kind for event in recorder] == [event.kind for event in view.entries]


@pytest.mark.usefixtures("no_leaks")
def test_a_program_too_fast_to_look_at_goes_on_untraced_and_the_view_says_so() -> None:
    rt = Runtime()
    left = 150_000

    def again(_: object = None) -> None:
        nonlocal left
        left -= 1
        if left > 0:
            rt.set_immediate(again)

    def main() -> None:
        for _ in range(200):
            rt.set_immediate(again)

    view = Onlooker()
    play(rt, main, view=view)
    assert any(frame["missed"] for frame in view.frames)
    assert len(view.entries) <= 12_000


@pytest.mark.usefixtures("no_leaks")
@pytest.mark.slow
def test_a_program_that_went_on_untraced_can_still_be_paused_and_stepped() -> None:
    rt = Runtime()
    count, steps = 0, []

    def again(_: object = None) -> None:
        nonlocal count
        count += 1
        rt.set_immediate(again)

    def act(view: Onlooker) -> None:
        frame = view.frames[-1]
        if frame["missed"] and not view.controls.paused:
            view.controls.pause()
        if frame["held"]:
            steps.append(count)
            if len(steps) == 4:
                view.controls.stop()
            view.controls.step()

    def main() -> None:
        for _ in range(200):
            rt.set_immediate(again)

    play(rt, main, view=Onlooker(act))
    assert [after - before for before, after in pairwise(steps)] == [1, 1, 1]


@pytest.mark.usefixtures("no_leaks")
def test_without_a_view_and_at_full_speed_nothing_is_traced() -> None:
    rt, watched = Runtime(), []
    play(rt, lambda: rt.set_immediate(lambda _: watched.append(rt.loop.is_watched)))
    assert watched == [False]


@pytest.mark.usefixtures("no_leaks")
def test_a_program_that_nobody_traces_can_be_paused_and_stepped() -> None:
    rt, gate, held = Runtime(), Gate(), []
    count = 0

    def again(_: object = None) -> None:
        nonlocal count
        count += 1
        if count == 3:
            gate.pause()
        rt.set_immediate(again)

    async def step() -> None:
        while len(held) < 4:
            if gate.holding and count not in held:
                held.append(count)
                gate.step()
            await asyncio.sleep(0.001)
        gate.stop()

    async def cell() -> None:
        await asyncio.gather(play_at_gate(rt, again, False, gate), step())

    asyncio.run(asyncio.wait_for(cell(), 20))
    assert [after - before for before, after in pairwise(held)] == [1, 1, 1]


@pytest.mark.usefixtures("no_leaks")
def test_at_ten_times_the_speed_a_second_is_over_in_a_tenth_without_a_view_too() -> None:
    rt, times = Runtime(), []
    base = rt.clock

    def main() -> None:
        times.append(base.now())
        rt.set_timeout(1000, lambda _: times.append(base.now()))

    play(rt, main, speed=10)
    assert 0.09 < times[1] - times[0] < 0.9


@pytest.mark.usefixtures("no_leaks")
def test_a_trace_may_be_taken_off_in_the_middle_of_a_callback() -> None:
    rt, watched = Runtime(trace=Recorder()), []

    def detach(_: object) -> None:
        rt.detach()
        rt.set_timeout(1, lambda _: watched.append(rt.loop.is_watched))  # in a later turn

    rt.run(lambda: rt.set_timeout(1, detach))
    assert watched == [False]


@pytest.mark.usefixtures("no_leaks")
def test_a_view_that_fails_is_lost_and_its_program_is_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rt, ran = Runtime(), []

    def fail(view: Onlooker) -> None:
        raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")

    play(rt, lambda: rt.set_timeout(1, ran.append), view=Onlooker(fail), paused=True)
    assert len(ran) == 1
    assert [one.message for one in caplog.records] == [
        "the view failed; its program goes on without it"
    ]


# --- a program that its cell leaves ---


@contextmanager
def left_alone(rt: Runtime, work: Callable[[], object], view: Onlooker | None) -> Iterator[None]:
    """Its cell was cancelled while `work` goes on; at the end its thread is over."""
    busy = asyncio.Event()

    async def cell() -> None:
        here = asyncio.get_running_loop()

        def callback(_: object) -> None:
            here.call_soon_threadsafe(busy.set)
            work()

        playing = asyncio.ensure_future(
            rt.play(lambda: rt.set_immediate(callback), view=view or False)
        )
        await busy.wait()
        cancelled = here.time()
        playing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await playing
        assert here.time() - cancelled < 1

    asyncio.run(cell())
    (thread,) = (one for one in threading.enumerate() if one.name == "main")
    yield
    thread.join(20)


@pytest.mark.usefixtures("no_leaks")
@pytest.mark.slow
def test_a_cancelled_cell_gets_its_loop_back_while_a_callback_is_busy() -> None:
    rt, view, release, ended = Runtime(), Onlooker(), threading.Event(), []

    def work() -> None:
        release.wait(20)
        ended.append("to its end")

    with left_alone(rt, work, view):
        assert view.frames[-1]["state"] == "stopping"
        assert rt.phase == "check"
        release.set()
        assert view.has_ended.wait(20)
    assert view.frames[-1]["state"] == "interrupted"
    assert rt.phase == "closed"
    assert ended == [], "when the wait is over, the interrupt is heard"
    assert view.entries[-1].kind == "end"


@pytest.mark.usefixtures("no_leaks")
@pytest.mark.slow
def test_a_cancelled_cell_gets_its_loop_back_while_a_task_of_the_pool_is_busy() -> None:
    rt, view, release = Runtime(), Onlooker(), threading.Event()

    def task() -> Undefined:
        release.wait(20)
        return Undefined()

    def work() -> None:
        rt.register_event_threadpool(task, TaskKind.ENCRYPT, lambda _: None)

    with left_alone(rt, work, view):
        assert view.frames[-1]["state"] == "stopping"
        release.set()
        assert view.has_ended.wait(20)
    assert view.frames[-1]["state"] == "interrupted"


@pytest.mark.usefixtures("no_leaks")
@pytest.mark.slow
def test_what_a_program_raises_when_its_cell_has_gone_is_told_by_its_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", told.append)
    rt, release = Runtime(), threading.Event()

    def work() -> None:
        try:
            release.wait(20)
        finally:
            raise ZeroDivisionError

    with left_alone(rt, work, None):
        assert told == []
        release.set()
    assert [(one.exc_type, one.thread.name) for one in told] == [(ZeroDivisionError, "main")]
    assert rt.phase == "closed"


@pytest.mark.usefixtures("no_leaks")
@pytest.mark.slow
def test_the_view_says_what_a_program_raises_when_its_cell_has_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda what: None)
    rt, view, release = Runtime(), Onlooker(), threading.Event()

    def work() -> None:
        try:
            release.wait(20)
        finally:
            raise ZeroDivisionError("too late")

    with left_alone(rt, work, view):
        release.set()
        assert view.has_ended.wait(20)
    assert view.frames[-1]["error"] == "ZeroDivisionError('too late')"


@pytest.mark.usefixtures("no_leaks")
def test_a_cancelled_error_of_the_program_itself_is_an_error_like_others() -> None:
    rt, view = Runtime(), Onlooker()

    def main() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        play(rt, main, view=view)
    assert view.frames[-1]["state"] == "failed"


class Sampled(Watch):
    """A watch that always rests."""

    @property
    def is_resting(self) -> bool:
        return True


@pytest.mark.slow
def test_a_view_that_is_dear_shows_a_sampled_program_less_often() -> None:
    def burns(_: object) -> None:
        until = time.thread_time() + 0.02
        while time.thread_time() < until:
            pass

    rt, view = Runtime(), Onlooker(burns)
    player = Player(rt, view, Gate(), print, Sampled())
    asyncio.run(player.play(lambda: rt.set_timeout(900, lambda _: None)))
    assert 1 < len(view.frames) <= 7  # one in 0.2 s, and the last; not one in 0.03 s
