"""A loop is not a program's life: it turns while somebody wants it to, and can go on afterwards."""

import select
import selectors
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from minirt import Error, Int, Interest, Ready, Recorder, Runtime, Undefined
from minirt.core.callbacks import PhaseQueue
from minirt.core.epoll import EpollPoll
from minirt.core.loop import Loop
from minirt.core.selector import SelectorPoll
from minirt.core.system import RealSystem
from minirt.values import Callback, Js
from minirt.watching import calls
from tests.polls import IN_USE, has_epoll

READ, WRITE = Interest.READABLE, Interest.WRITABLE

Pair = tuple[socket.socket, socket.socket]


def nothing(_: Js) -> None:
    """A callback that nobody waits for."""


@pytest.fixture(params=["plain", "watched"])
def loop(request: pytest.FixtureRequest, no_leaks: None) -> Iterator[Loop]:
    loop = Loop(RealSystem(), threads=1)
    if request.param == "watched":
        calls.watch(loop, Recorder())
    yield loop
    loop.pool.close()
    loop.poll.close()


@pytest.fixture(params=list(IN_USE))
def on_each_poll(request: pytest.FixtureRequest, no_leaks: None) -> Iterator[Loop]:
    loop = Loop(RealSystem(poll=IN_USE[request.param]), threads=1)
    yield loop
    loop.pool.close()
    loop.poll.close()


class Unsleeping(SelectorPoll):
    """A poll that notes how long it may sleep, and does not."""

    def __init__(self) -> None:
        super().__init__(selectors.PollSelector)
        self.asked: list[float | None] = []

    def poll(self, timeout: float | None) -> Any:
        self.asked.append(timeout)
        return super().poll(0)


# How a callback comes to each queue


def add_to(queue: Callable[[Loop], PhaseQueue]) -> Callable[[Loop, Callback], None]:
    def add(loop: Loop, callback: Callback) -> None:
        queue(loop).callbacks.append(callback)
        queue(loop).identities.append(loop.callbacks.identities.generate_free())

    return add


def add_timer(loop: Loop, callback: Callback) -> None:
    identity = loop.callbacks.identities.generate_free()
    loop.timers.add(loop.clock.now() - 1, identity, callback)


def add_result(loop: Loop, callback: Callback) -> None:
    identity = loop.callbacks.identities.generate_free()
    loop.callbacks.tasks[identity] = callback
    loop.pool.finished.append((identity, 0, Undefined()))


def add_event(loop: Loop, callback: Callback) -> None:
    one, other = socket.socketpair()

    def ready(value: Js) -> None:
        loop.unwatch(one)
        one.close()
        other.close()
        callback(value)

    loop.watch(one, WRITE, ready)


def add_loss(loop: Loop, callback: Callback) -> None:
    one, other = socket.socketpair()
    loop.watch(one, READ, callback)
    one.close()
    other.close()
    loop.poll.find_losses()


WHERE: dict[str, Callable[[Loop, Callback], None]] = {
    "pending": add_to(lambda loop: loop.pending),
    "event": add_event,
    "loss": add_loss,
    "message": lambda loop, callback: loop.inbox.append(callback),
    "result": add_result,
    "check": add_to(lambda loop: loop.immediates),
    "close": add_to(lambda loop: loop.closing),
    "timers": add_timer,
    "tick": lambda loop, callback: loop.next_ticks.append(callback),
    "microtask": lambda loop, callback: loop.microtasks.append(callback),
}
everywhere = pytest.mark.parametrize("where", WHERE)


# Turning


@everywhere
@pytest.mark.parametrize("block", [True, False])
def test_a_turn_calls_what_can_be_called_and_may_be_told_not_to_sleep(
    loop: Loop, where: str, block: bool
) -> None:
    log: list[str] = []
    for name in "abc":
        WHERE[where](loop, lambda _, name=name: log.append(name))  # type: ignore[misc]
    loop.turn(block)
    loop.turn(block=False)
    assert sorted(log) == ["a", "b", "c"]
    assert not loop.is_alive()


def test_a_turn_that_may_not_sleep_never_asks_the_poll_to(no_leaks: None) -> None:
    poll = Unsleeping()
    loop = Loop(RealSystem(poll=lambda: poll))
    loop.timers.add(loop.clock.now() + 60, 1, nothing)
    loop.callbacks.dangling[2] = nothing
    for _ in range(3):
        loop.turn(block=False)
    with socket.socket() as one:
        loop.watch(one, READ, nothing)
        loop.turn(block=False)
        loop.turn(block=False)
    assert set(poll.asked) <= {0}
    poll.asked.clear()
    loop.turn()
    assert poll.asked[0] == pytest.approx(60, abs=1) or poll.asked[0] == 1.0
    poll.close()


def test_a_loop_runs_until_something_is_done_and_then_goes_on(loop: Loop) -> None:
    log: list[int] = []

    def again(_: Js) -> None:
        log.append(len(log))
        add_timer(loop, again)

    add_timer(loop, again)
    loop.run_until(lambda: len(log) >= 3)
    assert log == [0, 1, 2]
    loop.run_until(lambda: True)
    assert log == [0, 1, 2]
    loop.run_until(lambda: len(log) >= 5)
    assert log == [0, 1, 2, 3, 4]
    assert loop.is_alive()


def test_a_stopped_loop_is_not_closed_and_goes_on_when_it_may(loop: Loop) -> None:
    log: list[str] = []
    add_timer(loop, lambda _: (log.append("timer"), loop.stop()))
    add_timer(loop, lambda _: log.append("next"))
    loop.run_until(lambda: False)
    assert log == ["timer"] and loop.is_alive()
    loop.run_until(lambda: False)  # it is stopped still
    assert log == ["timer"]
    loop.stopped = False
    loop.run()
    assert log == ["timer", "next"]


@pytest.mark.parametrize("where", ["tick", "microtask"])
def test_whatever_breeds_for_ever_hears_a_stop(loop: Loop, where: str) -> None:
    """R3: the stop came in one queue, and the loop never left another one."""
    calls_until_stop = 1000

    def again(_: Js) -> None:
        nonlocal calls_until_stop
        calls_until_stop -= 1
        if calls_until_stop == 0:
            thread = threading.Thread(target=loop.stop)
            thread.start()
            thread.join()
        WHERE[where](loop, again)

    WHERE[where](loop, again)
    loop.run_until(lambda: False)
    assert calls_until_stop == 0
    assert len(loop.next_ticks) + len(loop.microtasks) == 1


# A turn that is left goes on


@everywhere
@pytest.mark.parametrize("how", ["interrupt", "exit", "stop"])
def test_a_turn_that_is_left_goes_on_with_the_very_next_callback(
    loop: Loop, where: str, how: str
) -> None:
    """R28: after a KeyboardInterrupt the rest of the batch was lost."""
    log: list[int] = []

    def callback(number: int) -> Callback:
        def call(_: Js) -> None:
            log.append(number)
            if len(log) == 2:
                leave(loop, how)

        return call

    for number in range(4):
        WHERE[where](loop, callback(number))
    leave_by(loop, how)
    assert len(log) == 2
    loop.stopped = False
    for _ in range(3):
        loop.turn(block=False)
    assert sorted(log) == [0, 1, 2, 3]  # each once
    if where != "event":  # the kernel has an order of its own
        assert log == [0, 1, 2, 3]
    assert not loop.is_alive()


def leave(loop: Loop, how: str) -> None:
    if how == "stop":
        loop.stop()
    elif how == "interrupt":
        raise KeyboardInterrupt
    else:
        raise SystemExit


def leave_by(loop: Loop, how: str) -> None:
    """Turn, and be left so."""
    if how == "stop":
        loop.run_until(lambda: False)
    else:
        with pytest.raises(KeyboardInterrupt if how == "interrupt" else SystemExit):
            loop.run_until(lambda: False)


@everywhere
def test_ticks_and_microtasks_of_a_callback_that_is_interrupted_run_next(
    loop: Loop, where: str
) -> None:
    log: list[str] = []

    def interrupted(_: Js) -> None:
        loop.microtasks.append(lambda _: log.append("microtask"))
        loop.next_ticks.append(lambda _: log.append("tick"))
        raise KeyboardInterrupt

    WHERE[where](loop, interrupted)
    WHERE[where](loop, lambda _: log.append("next"))
    with pytest.raises(KeyboardInterrupt):
        loop.run_until(lambda: False)
    if where == "event" and log:
        log.clear()  # the other one came first
        WHERE[where](loop, lambda _: log.append("next"))
    for _ in range(3):
        loop.turn(block=False)
    expected = {
        "tick": ["next", "tick", "microtask"],
        "microtask": ["tick", "next", "microtask"],
    }
    assert log == expected.get(where, ["tick", "microtask", "next"])


@pytest.mark.parametrize("kind", ["idle_hooks", "prepare_hooks"])
def test_hooks_are_called_each_turn_also_after_one_was_interrupted(loop: Loop, kind: str) -> None:
    log: list[str] = []

    def interrupted() -> None:
        log.append("a")
        if len(log) == 1:
            raise KeyboardInterrupt

    hooks = getattr(loop, kind)
    hooks.extend([interrupted, lambda: log.append("b")])
    with pytest.raises(KeyboardInterrupt):
        loop.turn(block=False)
    loop.turn(block=False)
    assert log == ["a", "a", "b"]


def test_an_error_with_a_handler_leaves_nothing_and_without_one_the_turn(loop: Loop) -> None:
    log: list[object] = []

    def fails(_: Js) -> None:
        raise LookupError

    for where in ("pending", "message", "check", "close", "timers"):
        WHERE[where](loop, fails)
        WHERE[where](loop, lambda _, where=where: log.append(where))  # type: ignore[misc]
    loop.on_uncaught = lambda error: log.append(type(error))
    loop.turn(block=False)
    assert log == [
        *(LookupError, "timers", LookupError, "pending", LookupError, "message"),
        *(LookupError, "check", LookupError, "close"),
    ]
    loop.on_uncaught = None
    WHERE["check"](loop, fails)
    WHERE["check"](loop, lambda _: log.append("after"))
    with pytest.raises(LookupError):
        loop.turn(block=False)
    loop.turn(block=False)
    assert log[-1] == "after"


# Inside the sleep of another loop


def test_a_resting_loop_says_how_long_it_has_nothing_to_do(loop: Loop) -> None:
    loop.callbacks.holds[99] = print  # something in a module's own way
    assert loop.rest() is None
    loop.turn(block=False)
    loop.timers.add(loop.clock.now() + 5, 1, nothing)
    rest = loop.rest()
    assert rest is not None and 4 < rest < 5.01
    for where in ("message", "result", "check", "tick", "microtask", "loss", "close", "pending"):
        loop.turn(block=False)
        WHERE[where](loop, nothing)
        assert loop.rest() == 0, where
    loop.turn(block=False)
    loop.turn(block=False)
    loop.stop()
    assert loop.rest() == 0


@pytest.mark.skipif(not has_epoll, reason="the poll has no descriptor here")
def test_whoever_brings_something_to_a_resting_loop_makes_its_descriptor_readable(
    no_leaks: None,
) -> None:
    loop = Loop(RealSystem(poll=EpollPoll))
    number = loop.poll.fileno()
    assert number is not None

    def is_readable() -> bool:
        return bool(select.select([number], [], [], 0)[0])

    for bring in (
        lambda: (loop.inbox.append(nothing), loop.wake()),
        lambda: loop.calls.added(1, nothing, "immediate") if loop.alert else None,
        lambda: loop.calls.dropped(1) if loop.alert else None,
        loop.stop,
    ):
        loop.stopped = False
        loop.turn(block=False)
        assert not loop.alert
        loop.rest()
        assert not is_readable()
        thread = threading.Thread(target=bring)
        thread.start()
        thread.join()
        assert is_readable()
        loop.turn(block=False)
        assert not is_readable()
    loop.poll.close()


def test_a_loop_that_does_not_sleep_is_not_woken(on_each_poll: Loop) -> None:
    woken: list[int] = []
    loop = on_each_poll
    loop.poll.wake = lambda: woken.append(1)  # type: ignore[method-assign]
    loop.wake()
    assert woken == []
    loop.rest()
    loop.wake()
    loop.wake()
    assert woken == [1]  # once is enough


# Watching


def test_a_watch_is_called_each_time_until_it_ends(on_each_poll: Loop, pair: Pair) -> None:
    loop, log = on_each_poll, list[Js]()
    listener = loop.watch(pair[0], READ, log.append)
    assert loop.is_alive() and loop.callbacks.waits_for_readiness() == 1
    pair[1].send(b"x")
    loop.turn()
    loop.turn()
    assert log == [Int(Ready.READABLE)] * 2
    assert loop.unwatch(pair[0])
    assert not loop.unwatch(pair[0])
    assert listener.callback is None and not loop.is_alive()
    loop.turn(block=False)
    assert len(log) == 2


def test_a_watch_replaces_the_one_that_was_there_and_leaves_the_other_side(
    on_each_poll: Loop, pair: Pair
) -> None:
    loop, log = on_each_poll, list[str]()
    pair[1].send(b"x")
    loop.watch(pair[0], READ, lambda _: log.append("old"))
    loop.watch(pair[0], WRITE, lambda _: log.append("writer"))
    loop.watch(pair[0], READ, lambda _: log.append("new"))
    assert loop.callbacks.waits_for_readiness() == 2
    loop.turn()
    assert log == ["new", "writer"]
    loop.unwatch(pair[0], READ)
    loop.turn()
    assert log == ["new", "writer", "writer"]
    loop.unwatch(pair[0])


def test_a_reader_replaced_from_within_its_own_callback_never_runs_again(
    on_each_poll: Loop, pair: Pair
) -> None:
    loop, log = on_each_poll, list[str]()

    def old(_: Js) -> None:
        log.append("old")
        loop.watch(pair[0], READ, new)

    def new(_: Js) -> None:
        log.append("new")
        loop.unwatch(pair[0])

    pair[1].send(b"x")
    loop.watch(pair[0], READ, old)
    loop.run()
    assert log == ["old", "new"]


@pytest.mark.parametrize("by", ["unwatch", "watch", "close"])
def test_one_that_is_taken_away_in_the_very_batch_in_which_it_is_ready_is_passed_over(
    on_each_poll: Loop, pair: Pair, by: str
) -> None:
    loop, log = on_each_poll, list[str]()
    others = {pair[0]: pair[1], pair[1]: pair[0]}

    def ready(mine: socket.socket) -> Callback:
        def call(_: Js) -> None:
            log.append("ready")
            loop.unwatch(mine)
            if by == "watch":
                loop.watch(others[mine], WRITE, lambda _: log.append("new"))
            else:
                loop.unwatch(others[mine])
                if by == "close":
                    others[mine].close()

        return call

    for one in pair:
        loop.watch(one, WRITE, ready(one))
    loop.turn()
    assert log == ["ready"]
    if by == "watch":
        loop.turn()
        assert log == ["ready", "new"]
    for one in pair:
        loop.unwatch(one)
    assert not loop.is_alive()


def test_what_is_refused_is_not_watched_and_not_waited_for(on_each_poll: Loop) -> None:
    loop = on_each_poll
    closed = socket.socket()
    closed.close()
    for fileobj, interest in ((closed, READ), (True, READ), (0, "read")):
        with pytest.raises((ValueError, TypeError)):
            loop.watch(fileobj, interest, nothing)  # type: ignore[arg-type]
    assert not loop.is_alive() and not loop.poll.watched


def test_who_watches_a_descriptor_that_is_closed_is_told_once_and_waited_for_no_longer(
    on_each_poll: Loop, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minirt.core.loop.QUIET", 0.01)
    loop, log = on_each_poll, list[Js]()
    gone, far = socket.socketpair()
    loop.watch(gone, READ, log.append)
    gone.close()
    far.close()
    loop.run()  # ends by itself
    assert [type(value) for value in log] == [Error]


# The longest sleep, and who ends it


@pytest.mark.parametrize("name", list(IN_USE))
def test_a_timer_of_25_days_is_waited_for(name: str, no_leaks: None) -> None:
    """R23: OverflowError, from the kernel's own count."""
    rt = Runtime(system=RealSystem(poll=IN_USE[name]))
    log: list[str] = []

    def main() -> None:
        timer = rt.set_timeout(2**31 - 1, nothing)

        def end(_: Js) -> None:
            log.append("woken")
            timer.cancel()

        threading.Thread(target=rt.call_from_thread, args=(end,)).start()

    rt.run(main)
    assert log == ["woken"]


def test_a_sleep_without_end_is_asked_for_when_only_somebody_else_can_end_it(
    no_leaks: None,
) -> None:
    poll = Unsleeping()
    loop = Loop(RealSystem(poll=lambda: poll))
    loop.callbacks.tasks[1] = nothing
    loop.turn()
    assert poll.asked == [None]
    poll.close()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="nothing rings here")
@pytest.mark.parametrize("where", ["check", "timers", "tick", "microtask"])
def test_what_a_signals_handler_schedules_ends_the_sleep(where: str, no_leaks: None) -> None:
    """R5: an immediate was refused, the others waited until something else woke the loop."""
    rt = Runtime()
    log: list[str] = []
    schedule = {
        "check": rt.set_immediate,
        "timers": lambda cb: rt.set_timeout(1, cb),
        "tick": rt.next_tick,
        "microtask": rt.queue_microtask,
    }[where]

    def done(_: Js) -> None:
        log.append(where)
        asleep.cancel()

    def main() -> None:
        nonlocal asleep
        asleep = rt.set_timeout(60_000, nothing)
        signal.setitimer(signal.ITIMER_REAL, 0.02)

    asleep: Any = None
    before = signal.signal(signal.SIGALRM, lambda *_: schedule(done))
    try:
        rt.run(main)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert log == [where]
