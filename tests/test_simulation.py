"""What would happen, if time were an argument?"""

import signal
import socket
import time
from functools import partial
from typing import Any

import pytest

from minirt import (
    Error,
    Int,
    Interest,
    Js,
    Recorder,
    Runtime,
    Simulation,
    String,
    TaskKind,
)
from minirt.core.simulation import Agenda, SimulatedClock, SimulatedConnection
from minirt.errors import OnlySimulated, SimulationStuck
from minirt.watching.trace import Event

KIND = TaskKind("Test")


def busy_program(rt: Runtime, log: list[str]) -> None:
    """Timers, tasks, immediates, ticks and a connection, all at once."""
    system = rt.system
    system.add_peer("peer", 80, lambda got: [(0.01, b"ab"), (0.03, b"c")] if got else None)  # type: ignore[attr-defined]

    def task(number: int) -> Js:
        rt.clock.sleep(number / 1000)
        return Int(number)

    def say(what: str, _: object = None) -> None:
        log.append(what)

    for number in range(6):
        rt.register_event_threadpool(
            partial(task, number), KIND, lambda value: say(f"task {value.into_int()}")
        )
        rt.set_timeout(number, partial(say, f"timer {number}"))
    rt.set_immediate(partial(say, "immediate"))
    rt.next_tick(partial(say, "tick"))
    connection = system.connect("peer", 80)

    def readable(_: Js) -> None:
        data = connection.recv(10)
        say(f"received {data.decode()}")
        if not data:
            rt.deregister_event_epoll(5000)

    connection.send(b"GET")
    rt.epoll_registrator.register(connection, 5000, Interest.READABLE)
    rt.register_event_epoll(5000, readable, persistent=True)


def run(seed: int) -> tuple[list[str], list[Event]]:
    recorder, log = Recorder(), []  # type: tuple[Recorder, list[str]]
    rt = Runtime(system=Simulation(seed), trace=recorder)
    rt.run(lambda: busy_program(rt, log))
    return log, recorder.events


@pytest.mark.parametrize("seed", range(5))
def test_one_seed_gives_one_stream_of_events_every_time(seed: int) -> None:
    first, second = run(seed), run(seed)
    assert first == second
    assert len(first[0]) == 17
    assert first[0][0] == "tick"


def test_another_seed_gives_another_order_of_what_is_not_fixed() -> None:
    orders = {tuple(run(seed)[0]) for seed in range(8)}
    assert len(orders) > 1


def test_main_timeout_against_immediate_is_a_race_that_both_can_win() -> None:
    """Node's program 45: real Node shows both orders as well."""
    orders = set()
    for seed in range(20):
        rt, log = Runtime(system=Simulation(seed)), []  # type: tuple[Runtime, list[str]]

        def main(rt: Runtime = rt, log: list[str] = log) -> None:
            rt.set_timeout(0, lambda _: log.append("timeout"))
            rt.set_immediate(lambda _: log.append("immediate"))

        rt.run(main)
        orders.add(tuple(log))
    assert orders == {("timeout", "immediate"), ("immediate", "timeout")}


def test_a_program_of_three_and_a_half_seconds_takes_none() -> None:
    rt, log = Runtime(system=Simulation()), []  # type: tuple[Runtime, list[float]]

    def main() -> None:
        rt.set_timeout(
            3000, lambda _: rt.set_timeout(500, lambda _: log.append(rt.clock.now() - start))
        )

    start = rt.clock.now()
    before = time.perf_counter()
    rt.run(main)
    assert time.perf_counter() - before < 0.5
    assert len(log) == 1
    assert 3.5 <= log[0] <= 3.501
    assert rt.ticks < 20


def test_sleeping_in_a_task_costs_no_real_time_and_the_threads_sleep_side_by_side() -> None:
    rt, log = Runtime(system=Simulation(), threads=2), []  # type: tuple[Runtime, list[float]]

    def task() -> Js:
        rt.clock.sleep(10)
        return String("slept")

    def main() -> None:
        for _ in range(4):
            rt.register_event_threadpool(task, KIND, lambda _: log.append(rt.clock.now()))

    rt.run(main)
    assert [round(at) for at in log] == [10, 10, 20, 20]


def test_the_clock_of_a_task_is_its_own_and_the_loop_goes_on_meanwhile() -> None:
    clock = SimulatedClock()
    clock.jump(5.0)
    clock.jump(3.0)  # never back
    assert clock.now() == 5.0
    assert clock.run_task(lambda: clock.sleep(2.5)) == 7.5
    assert clock.now() == 5.0
    clock.sleep(1.0)
    assert clock.now() == 6.0
    with pytest.raises(LookupError):
        clock.run_task(lambda: {}["missing"])
    assert clock.now() == 6.0


def test_the_agenda_does_what_comes_next_in_order_and_no_further() -> None:
    clock, log = SimulatedClock(), []  # type: tuple[SimulatedClock, list[str]]
    agenda = Agenda(clock)
    for at, name in ((2.0, "c"), (1.0, "a"), (1.0, "b")):
        agenda.add(at, partial(log.append, name))
    while agenda.run_next(1.5):
        pass
    assert log == ["a", "b"]
    assert clock.now() == 1.0
    agenda.clear()
    assert not agenda.run_next(9.0)


def test_what_lives_in_real_time_is_refused() -> None:
    with socket.socket() as real, Runtime(system=Simulation()) as rt:
        with pytest.raises(OnlySimulated, match="Runtime\\(\\) without system="):
            rt.epoll_registrator.register(real, 1, Interest.READABLE)
        assert not rt.epoll_registrator.is_watched(1)
        assert not rt.loop.poll.watched


def test_a_program_that_waits_for_what_cannot_happen_is_told_so() -> None:
    simulation = Simulation()
    simulation.add_peer("silent", 1, lambda received: None)
    rt = Runtime(system=simulation)

    def main() -> None:
        rt.epoll_registrator.register(simulation.connect("silent", 1), 1, Interest.READABLE)
        rt.register_event_epoll(1, lambda _: None)

    with pytest.raises(SimulationStuck, match="1 registered events still wait"):
        rt.run(main)


def test_nobody_listens_where_no_peer_was_added() -> None:
    with pytest.raises(ConnectionRefusedError, match="Use add_peer"):
        Simulation().connect("nowhere", 80)


def test_a_peer_is_asked_until_it_has_heard_enough_and_closes_after_its_answer() -> None:
    simulation = Simulation()
    heard: list[bytes] = []

    def answer(received: bytes) -> list[tuple[float, bytes]] | None:
        heard.append(received)
        return [(0.5, b"hello"), (1.0, b"!")] if received.endswith(b"\n") else None

    simulation.add_peer("peer", 1, answer)
    rt, log = Runtime(system=simulation), []  # type: tuple[Runtime, list[tuple[bytes, int]]]
    connection: Any = simulation.connect("peer", 1)

    def readable(_: Js) -> None:
        log.append((connection.recv(3), round(rt.clock.now() * 10)))
        if log[-1][0] == b"":
            connection.close()
            rt.deregister_event_epoll(9000)

    def main() -> None:
        assert connection.getsockopt(0, 0) == 0
        assert "simulated connection" in repr(connection)
        assert connection.send(b"ab") == 2
        assert connection.send(b"c\n") == 2
        assert connection.send(b"ignored") == 7
        with pytest.raises(BlockingIOError):
            connection.recv(1)
        rt.epoll_registrator.register(connection, 9000, Interest.READABLE)
        rt.register_event_epoll(9000, readable, persistent=True)

    rt.run(main)
    assert heard == [b"ab", b"abc\n"]
    assert log == [(b"hel", 5), (b"lo", 5), (b"!", 10), (b"", 10)]
    assert connection.fileno() == -1


def test_immediates_that_breed_do_not_stop_time() -> None:
    rt, log = Runtime(system=Simulation()), []  # type: tuple[Runtime, list[str]]

    def breed(_: Js) -> None:
        if not log:
            rt.set_immediate(breed)

    def main() -> None:
        rt.set_timeout(20, lambda _: log.append("timer"))
        rt.set_immediate(breed)

    rt.run(main)
    assert log == ["timer"]


def test_a_closed_simulation_forgets_what_was_to_come() -> None:
    simulation, log = Simulation(), []  # type: tuple[Simulation, list[str]]
    with Runtime(system=simulation) as rt:
        rt.start(
            lambda: (
                rt.register_event_threadpool(
                    lambda: log.append("ran") or Int(0),  # type: ignore[func-returns-value]
                    KIND,
                    lambda _: None,
                )
                and None
            )
        )
    assert not simulation.agenda.run_next(float("inf"))
    assert log == ["ran"]  # as in reality: what a thread has got it does, and nobody hears of it


def test_a_task_that_waits_when_a_simulation_is_closed_never_runs() -> None:
    rt, log = Runtime(threads=1, system=Simulation()), []  # type: tuple[Runtime, list[int]]

    def main() -> None:
        for number in range(3):
            rt.register_event_threadpool(partial(work, number), KIND, lambda _: log.append(-1))

    def work(number: int) -> Js:
        log.append(number)
        return Int(number)

    with rt:
        rt.start(main)
    assert log == [0]
    assert rt.available_threads == 1


def test_what_a_task_raises_reaches_its_callback_here_too() -> None:
    rt, log = Runtime(system=Simulation()), []  # type: tuple[Runtime, list[Js]]

    def fails() -> Js:
        raise SystemExit

    rt.run(lambda: rt.register_event_threadpool(fails, KIND, log.append) and None)
    with pytest.raises(SystemExit):
        log[0].into_int()


def test_ctrl_c_in_a_task_is_for_the_program_and_not_for_the_task() -> None:
    """A6: it became the task's Error, and the program went on. A real thread never gets it."""
    rt, log = Runtime(system=Simulation()), []  # type: tuple[Runtime, list[Js]]

    def interrupted() -> Js:
        signal.raise_signal(signal.SIGINT)
        return Int(1)

    with pytest.raises(KeyboardInterrupt):
        rt.run(lambda: rt.register_event_threadpool(interrupted, KIND, log.append) and None)
    assert log == [] and rt.phase == "closed"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_program_that_is_turned_by_hand_goes_on_after_ctrl_c_in_a_task() -> None:
    rt, log = Runtime(system=Simulation()), []  # type: tuple[Runtime, list[Js]]

    def interrupted() -> Js:
        rt.clock.sleep(5)
        signal.raise_signal(signal.SIGINT)
        return Int(1)

    def main() -> None:
        rt.register_event_threadpool(interrupted, KIND, log.append)
        rt.set_timeout(100, lambda _: log.append(Int(100)))

    rt.start(main)
    with pytest.raises(KeyboardInterrupt):
        turn_to_the_end(rt)
    assert rt.clock.now() < 1  # the loop's own time again
    turn_to_the_end(rt)
    assert log[0] == Int(100)
    assert isinstance(log[1], Error) and isinstance(log[1].exception, KeyboardInterrupt)


def turn_to_the_end(rt: Runtime) -> None:
    while rt.tick():
        pass


def test_a_task_that_raises_keyboard_interrupt_itself_has_failed_like_any_other() -> None:
    rt, log = Runtime(system=Simulation()), []  # type: tuple[Runtime, list[Js]]

    def raises() -> Js:
        raise KeyboardInterrupt

    rt.run(lambda: rt.register_event_threadpool(raises, KIND, log.append) and None)
    assert isinstance(log[0], Error) and isinstance(log[0].exception, KeyboardInterrupt)


def test_connections_that_say_nothing_are_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A12: 100, 200, 400 requests took 0.07, 0.23, 0.88 s."""
    simulation, asked = Simulation(), []  # type: tuple[Simulation, list[object]]
    readiness = SimulatedConnection.readiness.fget
    assert readiness is not None
    monkeypatch.setattr(
        SimulatedConnection,
        "readiness",
        property(lambda one: asked.append(one) or readiness(one)),  # type: ignore[func-returns-value]
    )
    simulation.add_peer("silent", 1, lambda received: None)
    rt = Runtime(system=simulation)

    def main() -> None:
        for token in range(1000, 1200):
            rt.epoll_registrator.register(simulation.connect("silent", 1), token, Interest.READABLE)
            rt.register_event_epoll(token, lambda _: None)
        for ms in range(1, 101):
            rt.set_timeout(ms, lambda _: None)
        rt.set_timeout(200, lambda _: rt.stop())

    rt.run(main)
    assert rt.ticks >= 100
    assert len(asked) <= 2 * 200


def test_a_runtime_has_as_many_simulated_threads_as_real_ones() -> None:
    rt, names = Runtime(system=Simulation(), trace=(recorder := Recorder())), set()
    rt.run(
        lambda: (
            [rt.register_event_threadpool(lambda: Int(0), KIND, lambda _: None) for _ in range(9)]
            and None
        )
    )
    names = {event.thread for event in recorder.events if event.kind == "started"}
    assert names == {"pool0", "pool1", "pool2", "pool3"}


@pytest.mark.slow
def test_who_computes_until_some_moment_comes_to_an_end() -> None:
    rt, log = Runtime(system=Simulation()), []  # type: tuple[Runtime, list[object]]

    def busy(seconds: float) -> Js:
        until = rt.clock.now() + seconds
        while rt.clock.now() < until:
            pass
        return Int(round(1000 * (rt.clock.now() - until + seconds)))

    def main() -> None:
        rt.set_timeout(300, lambda _: log.append("timer"))
        rt.register_event_threadpool(lambda: busy(0.5), KIND, log.append)
        busy(0.2)
        log.append("main")

    rt.run(main)
    assert log == ["main", "timer", Int(500)]


def test_a_million_timers_are_set_in_one_moment() -> None:
    clock = SimulatedClock()
    assert {clock.now() for _ in range(1_000_000)} == {0.0}
    assert clock.now() > 0
