"""The faults of the source design, one test each: minirt has none of them.

The letters are those of the list in `reference/known-faults.md`.
"""

import os
import socket
import threading
import time
import tracemalloc
from typing import Any

import pytest

from minirt import Error, Int, Interest, Js, Runtime, Simulation, String, TaskKind, Undefined
from minirt.errors import AllIdentitiesTaken
from minirt.identity import Identities

KIND = TaskKind("Test")
PATIENCE = 10  # s


def test_a_the_collision_loop_never_leaves_with_an_identity_that_is_taken() -> None:
    with Runtime(system=Simulation()) as rt:
        log: list[Js] = []
        rt.add_callback(1, log.append)
        rt.add_callback(2, log.append)
        assert rt.identity_token == 0
        assert rt.generate_cb_identity() == 3
        rt.loop.callbacks.boxed.call(2, Int(2))  # nobody overwrote it
        assert log == [Int(2)]


def test_a_with_only_one_taken_the_search_ends() -> None:
    with Runtime(system=Simulation()) as rt:
        rt.add_callback(1, print)
        assert rt.generate_cb_identity() == 2
    identities = Identities(lambda: {0, 1}, count=2)
    identities.token = 0
    with pytest.raises(AllIdentitiesTaken):
        identities.generate_free()


def test_b_equal_deadlines_never_overwrite_each_other() -> None:
    rt, fired = Runtime(system=Simulation()), []  # type: tuple[Runtime, list[int]]

    def main() -> None:
        for number in range(20_000):
            rt.set_timeout(number * 7919 % 1000, lambda _, n=number: fired.append(n))  # type: ignore[misc]

    rt.run(main)
    assert sorted(fired) == list(range(20_000))


def test_c_more_tasks_than_threads_wait_instead_of_ending_the_program(no_leaks: None) -> None:
    rt, values = Runtime(), []  # type: tuple[Runtime, list[Js]]

    def main() -> None:
        for number in range(50):
            rt.register_event_threadpool(lambda n=number: Int(n), KIND, values.append)  # type: ignore[misc]

    rt.run(main)
    assert sorted(value.into_int() or 0 for value in values) == list(range(50))


def test_d_a_timer_that_is_set_while_the_poll_sleeps_is_not_late(no_leaks: None) -> None:
    rt, lateness = Runtime(), []  # type: tuple[Runtime, list[float]]

    def main() -> None:
        rest.append(rt.set_timeout(60_000, lambda _: None))  # the poll would sleep for a minute
        rt.register_event_threadpool(work, KIND, nested)

    def work() -> Js:
        time.sleep(0.005)
        return Undefined()

    def nested(_: Js) -> None:
        asked = rt.clock.now()
        rt.set_timeout(10, lambda _: done(asked))

    def done(asked: float) -> None:
        lateness.append(rt.clock.now() - asked - 0.01)
        rest[0].cancel()

    rest: list[Any] = []
    rt.run(main)
    assert -1e-6 <= lateness[0] < 1


def test_e_a_task_that_fails_takes_no_thread_with_it(no_leaks: None) -> None:
    rt, values = Runtime(), []  # type: tuple[Runtime, list[Js]]

    def read() -> Js:
        with open("/no/such/file") as file:
            return String(file.read())

    def main() -> None:
        for _ in range(8):
            rt.register_event_threadpool(read, KIND, done)

    def done(value: Js) -> None:
        values.append(value)
        if len(values) == 8:
            rt.register_event_threadpool(lambda: Int(1), KIND, values.append)

    rt.run(main)
    assert [type(value) for value in values] == [Error] * 8 + [Int]
    assert rt.pending_events == 0
    assert rt.available_threads == 4


def test_f_all_finished_tasks_are_handled_in_one_turn_first_in_first_out(no_leaks: None) -> None:
    rt, turns, order = Runtime(), set(), []  # type: tuple[Runtime, set[int], list[Js]]
    finished = threading.Semaphore(0)

    def task(number: int) -> Js:
        return Int(number)

    def main() -> None:
        for number in range(4):
            rt.register_event_threadpool(lambda n=number: task(n), KIND, done)  # type: ignore[misc]
        while len(rt.loop.pool.finished) < 4:  # the loop is held until all four are back
            finished.acquire(timeout=0.001)
        order.extend(result for _, _, result in rt.loop.pool.finished)

    def done(value: Js) -> None:
        turns.add(rt.ticks)
        assert value == order.pop(0)

    rt.run(main)
    assert len(turns) == 1
    assert order == []


def test_g_a_peer_that_drips_does_not_hold_the_loop(no_leaks: None) -> None:
    """The loop's part: reading what is there and no more, while timers keep their time."""
    rt, received, timers = Runtime(), bytearray(), []  # type: tuple[Runtime, bytearray, list[int]]
    near, far = socket.socketpair()
    near.setblocking(False)
    token = 900

    def readable(_: Js) -> None:
        data = near.recv(4096)
        received.extend(data)
        if not data:
            rt.deregister_event_epoll(token)

    def drip(_: Js) -> None:
        timers.append(len(received))
        if len(timers) == 10:
            drops.cancel()
            far.close()
        else:
            far.send(b"x")

    def main() -> None:
        nonlocal drops
        rt.epoll_registrator.register(near, token, Interest.READABLE)
        rt.register_event_epoll(token, readable, persistent=True)
        drops = rt.set_interval(2, drip)

    drops: Any = None
    rt.run(main)
    near.close()
    assert received == b"x" * 9
    assert timers == list(range(10))  # each drop was read before the next timer


def test_h_no_turns_are_spun_at_the_last_millisecond(no_leaks: None) -> None:
    rt = Runtime()

    def chain(left: int) -> None:
        if left:
            rt.set_timeout(2, lambda _: chain(left - 1))

    rt.run(lambda: chain(100))
    assert rt.ticks < 500


def test_i_a_long_callback_lets_nothing_pile_up(no_leaks: None) -> None:
    rt = Runtime()
    near, far = socket.socketpair()
    far.send(b"ready all the time")

    def readable(_: Js) -> None:
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        time.sleep(0.05)  # the callback holds the loop, and the descriptor stays ready
        grown.append(tracemalloc.get_traced_memory()[0] - before)
        tracemalloc.stop()
        rt.deregister_event_epoll(900)

    def main() -> None:
        rt.epoll_registrator.register(near, 900, Interest.READABLE)
        rt.register_event_epoll(900, readable, persistent=True)

    grown: list[int] = []
    rt.run(main)
    near.close()
    far.close()
    assert grown[0] < 100_000


def test_j_a_delay_of_three_billion_milliseconds_does_not_overflow() -> None:
    rt, fired = Runtime(system=Simulation()), []  # type: tuple[Runtime, list[float]]

    def main() -> None:
        start = rt.clock.now()
        rt.set_timeout(3e9, lambda _: fired.append(rt.clock.now() - start))
        rt.set_timeout(2**31 - 1, lambda _: fired.append(rt.clock.now() - start))

    rt.run(main)
    assert fired[0] < 0.01  # as in Node: too large becomes 1 ms
    assert fired[1] == pytest.approx(2147483.647, abs=0.001)
    assert rt.ticks < 10


def test_k_nothing_is_closed_under_who_uses_it(no_leaks: None) -> None:
    """A hundred short programs, whose threads wake the loop in the moment in which it ends."""
    for number in range(100):
        rt = Runtime(threads=2)

        def main(rt: Runtime = rt, number: int = number) -> None:
            rt.register_event_threadpool(Undefined, KIND, lambda _: None)
            thread = threading.Thread(target=rt.stop)
            rt.at_close(thread.join)
            thread.start()
            rt.set_timeout(number % 3, lambda _: None)

        rt.run(main)


@pytest.mark.parametrize("end", ["refused", "not UTF-8", "failing callback"])
@pytest.mark.slow
def test_l_none_of_these_ends_the_process(end: str, no_leaks: None) -> None:
    """The loop's part: each arrives as a value, or at on_uncaught, and the program goes on."""
    rt, log = Runtime(), []  # type: tuple[Runtime, list[Any]]
    rt.on_uncaught = log.append
    client = socket.socket()
    client.setblocking(False)

    def connected(_: Js) -> None:
        log.append(ConnectionRefusedError(client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)))

    def main() -> None:
        rt.set_timeout(300, lambda _: log.append("goes on"))
        if end == "refused":
            with socket.create_server(("127.0.0.1", 0)) as nobody:
                address = nobody.getsockname()
            client.connect_ex(address)
            rt.epoll_registrator.register(client, 900, Interest.WRITABLE)
            rt.register_event_epoll(900, connected)
        elif end == "not UTF-8":
            rt.register_event_threadpool(lambda: String(b"\xff".decode()), KIND, fails)
        else:
            rt.register_event_threadpool(lambda: String("x"), KIND, fails)

    def fails(value: Js) -> None:
        value.into_string()
        raise LookupError

    rt.run(main)
    client.close()
    expected = {
        "refused": ConnectionRefusedError,
        "not UTF-8": UnicodeDecodeError,
        "failing callback": LookupError,
    }
    assert isinstance(log[0], expected[end])
    assert log[-1] == "goes on"
    assert os.getpid()
