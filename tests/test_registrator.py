"""How does a program say which descriptor an event of its own is about?"""

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minirt import Int, Interest, Ready, Runtime, Simulation, TaskKind
from minirt.core.loop import Loop
from minirt.core.system import RealSystem
from minirt.errors import (
    AlreadyRegistered,
    DescriptorClosed,
    ForeignThread,
    IdentityTaken,
    NobodyReports,
    NotAnIdentity,
    NotCallable,
    NotPollable,
    NotRegistered,
)
from minirt.node.registrator import Registrator
from minirt.values import Error, Js
from tests.polls import IN_USE, heard

READ, WRITE = Interest.READABLE, Interest.WRITABLE
BOTH = READ | WRITE
KIND = TaskKind("Test")

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture(params=list(IN_USE))
def rt(request: pytest.FixtureRequest, no_leaks: None) -> Runtime:
    return Runtime(system=RealSystem(poll=IN_USE[request.param]))


def watch(
    rt: Runtime, fileobj: Any, cb: Callable[[Js], object], interest: Interest = READ, **options: Any
) -> int:
    token = rt.generate_cb_identity()
    rt.epoll_registrator.register(fileobj, token, interest)
    rt.register_event_epoll(token, cb, **options)
    return token


def nothing(_: Js) -> None:
    """A callback that nobody waits for."""


# A descriptor gets a token


def test_a_second_registration_of_one_interest_is_refused(rt: Runtime, pair: Pair) -> None:
    registrator = rt.epoll_registrator
    registrator.register(pair[0], 1, READ)
    with pytest.raises(AlreadyRegistered, match=r"Use modify\(\)"):
        registrator.register(pair[0], 2, BOTH)
    with pytest.raises(AlreadyRegistered):
        registrator.register(pair[0], 1, READ)
    assert not registrator.is_watched(2) and registrator.is_watched(1)
    assert heard(rt.loop.poll) == []
    rt.close()


def test_modify_changes_what_one_token_is_told(rt: Runtime, pair: Pair) -> None:
    registrator, poll = rt.epoll_registrator, rt.loop.poll
    registrator.register(pair[0], 1, READ)
    registrator.modify(pair[0], 1, WRITE)
    pair[1].send(b"x")
    assert heard(poll) == [(1, Int(Ready.WRITABLE))]
    registrator.register(pair[0], 2, READ)
    with pytest.raises(AlreadyRegistered):
        registrator.modify(pair[0], 1, BOTH)
    with pytest.raises(AlreadyRegistered):
        registrator.modify(pair[0], 2, WRITE)
    with pytest.raises(NotRegistered, match="not registered"):
        registrator.modify(pair[0], 3, READ)
    with pytest.raises(NotRegistered):
        registrator.modify(pair[1], 1, READ)
    assert heard(poll) == [(2, Int(Ready.READABLE)), (1, Int(Ready.WRITABLE))]
    rt.close()


def test_what_is_not_registered_cannot_be_deregistered(rt: Runtime, pair: Pair) -> None:
    registrator = rt.epoll_registrator
    with pytest.raises(NotRegistered) as caught:
        registrator.deregister(pair[0])
    assert "Call register" in str(caught.value) and not str(caught.value).startswith('"')
    registrator.register(pair[0], 1, READ)
    for unknown in (2, 3):
        with pytest.raises(NotRegistered):
            registrator.deregister(pair[0], unknown)
        registrator.register(pair[1], 3, WRITE) if unknown == 2 else None
    registrator.deregister(pair[0])
    assert not registrator.is_watched(1) and registrator.is_watched(3)
    rt.close()


def test_what_was_closed_can_be_deregistered_once(rt: Runtime) -> None:
    registrator = rt.epoll_registrator
    one, other = socket.socketpair()
    number = other.detach()
    registrator.register(one, 1, READ)
    registrator.register(number, 2, READ)
    one.close()
    os.close(number)
    for fileobj, token in ((one, 1), (number, 2)):
        registrator.deregister(fileobj)
        assert not registrator.is_watched(token)
        with pytest.raises(NotRegistered):
            registrator.deregister(fileobj)
    rt.close()


def test_a_number_of_another_file_is_not_registered_and_may_be_registered(
    rt: Runtime,
) -> None:
    """R14: AlreadyRegistered for ever, and FileNotFoundError out of modify."""
    told: list[Js] = []
    first = os.pipe()

    def main() -> None:
        registrator = rt.epoll_registrator
        registrator.register(first[0], 1, READ)
        rt.register_event_epoll(1, told.append)
        for number in first:
            os.close(number)
        assert os.pipe() == first
        with pytest.raises(NotRegistered):
            registrator.modify(first[0], 1, READ)
        registrator.register(first[0], 2, READ)
        rt.register_event_epoll(2, told.append)
        os.write(first[1], b"x")

    rt.run(main)
    assert [type(value) for value in told] == [Int, Error] or told[1] == Int(Ready.READABLE)
    assert sum(isinstance(value, Error) for value in told) == 1
    for number in first:
        os.close(number)


@pytest.mark.parametrize("interest", [0, 1, Interest(0), "read", None])
def test_what_is_refused_leaves_no_trace(
    rt: Runtime, pair: Pair, tmp_path: Path, interest: Any
) -> None:
    registrator = rt.epoll_registrator
    with pytest.raises(ValueError, match="expected an interest"):
        registrator.register(pair[0], 1, interest)
    with pytest.raises(NotAnIdentity):
        registrator.register(pair[0], -1, READ)
    with (tmp_path / "file").open("w") as file, pytest.raises(NotPollable, match=r"fs\.read"):
        registrator.register(file, 1, WRITE)
    closed = socket.socket()
    closed.close()
    with pytest.raises(ValueError, match="is closed"):
        registrator.register(closed, 1, READ)
    with pytest.raises(NotCallable):
        rt.register_event_epoll(1, None)  # type: ignore[arg-type]
    assert rt.loop.poll.watched == {} and not registrator.is_watched(1)
    assert not registrator.knows(1) and rt.pending_events == 0
    rt.close()


def test_a_registrator_that_was_looked_up_before_refuses_another_thread(
    rt: Runtime, pair: Pair
) -> None:
    registrator, raised = rt.epoll_registrator, list[type[Exception]]()
    registrator.register(pair[0], 1, READ)

    def elsewhere() -> None:
        for call in (
            lambda: registrator.register(pair[1], 2, READ),
            lambda: registrator.modify(pair[0], 1, WRITE),
            lambda: registrator.deregister(pair[0]),
        ):
            try:
                call()
            except ForeignThread as error:
                raised.append(type(error))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert raised == [ForeignThread] * 3
    assert registrator.is_watched(1) and not registrator.is_watched(2)
    rt.close()


# A token gets a callback


def test_a_one_shot_event_is_told_once_and_leaves_nothing(rt: Runtime, pair: Pair) -> None:
    log: list[Js] = []

    def main() -> None:
        pair[1].send(b"unread")
        token = watch(rt, pair[0], log.append)
        assert rt.epoll_pending_events == rt.pending_events == 1
        rt.set_timeout(5, lambda _: log.append(Int(int(rt.epoll_registrator.is_watched(token)))))

    rt.run(main)
    assert log == [Int(Ready.READABLE), Int(0)]
    assert rt.epoll_pending_events == 0


@pytest.mark.parametrize("order", ["descriptor first", "callback first"])
def test_descriptor_and_callback_may_come_in_any_order(rt: Runtime, pair: Pair, order: str) -> None:
    log: list[Js] = []

    def main() -> None:
        pair[1].send(b"x")
        if order == "callback first":
            rt.register_event_epoll(7, log.append)
            assert rt.pending_events == rt.epoll_pending_events == 1
        rt.epoll_registrator.register(pair[0], 7, READ)
        if order == "descriptor first":
            assert rt.pending_events == 0
            rt.register_event_epoll(7, log.append)
        assert rt.pending_events == rt.epoll_pending_events == 1

    rt.run(main)
    assert log == [Int(Ready.READABLE)]


def test_a_one_shot_event_may_be_registered_again_in_its_callback(rt: Runtime, pair: Pair) -> None:
    log: list[bytes] = []
    pair[1].send(b"abc")

    def ready(_: Js) -> None:
        log.append(pair[0].recv(1))
        if len(log) < 3:
            rt.register_event_epoll(9, ready)
            rt.epoll_registrator.register(pair[0], 9, READ)

    def main() -> None:
        rt.epoll_registrator.register(pair[0], 9, READ)
        rt.register_event_epoll(9, ready)

    rt.run(main)
    assert log == [b"a", b"b", b"c"]


def test_a_persistent_event_stays_until_it_is_deregistered(rt: Runtime, pair: Pair) -> None:
    log: list[bytes] = []

    def ready(_: Js) -> None:
        log.append(pair[0].recv(1))
        if len(log) == 3:
            rt.deregister_event_epoll(token)
            rt.deregister_event_epoll(token)  # nothing is left: nothing happens

    def main() -> None:
        nonlocal token
        pair[1].send(b"abcd")
        token = watch(rt, pair[0], ready, persistent=True)

    token = 0
    rt.run(main)
    assert log == [b"a", b"b", b"c"]


def test_a_token_has_one_callback_at_a_time(rt: Runtime, pair: Pair) -> None:
    def main() -> None:
        token = watch(rt, pair[0], nothing)
        with pytest.raises(IdentityTaken):
            rt.register_event_epoll(token, nothing)
        timer = rt.set_timeout(1, nothing)
        with pytest.raises(IdentityTaken):
            rt.register_event_epoll(timer.identity, nothing)
        with pytest.raises(IdentityTaken):
            rt.add_callback(token, nothing)
        rt.deregister_event_epoll(token)
        rt.add_callback(token, nothing)

    rt.run(main)


def test_an_event_whose_interest_was_deregistered_does_not_keep_the_loop_alive(
    rt: Runtime, pair: Pair
) -> None:
    log: list[bytes] = []

    def ready(_: Js) -> None:
        log.append(pair[0].recv(1))
        if len(log) == 2:
            rt.epoll_registrator.deregister(pair[0])
            assert rt.pending_events == 0

    def main() -> None:
        pair[1].send(b"abcd")
        watch(rt, pair[0], ready, persistent=True)

    rt.run(main)
    assert log == [b"a", b"b"]


def test_an_interest_that_was_deregistered_may_come_back(rt: Runtime, pair: Pair) -> None:
    """As a socket that is paused and resumed: the callback stays."""
    log: list[str] = []

    def ready(_: Js) -> None:
        log.append(pair[0].recv(1).decode())
        rt.epoll_registrator.deregister(pair[0])
        if len(log) == 1:
            rt.set_timeout(5, resume)

    def resume(_: Js) -> None:
        log.append("resumed")
        with pytest.raises(IdentityTaken):  # meanwhile it is nobody else's
            rt.add_callback(token, nothing)
        rt.epoll_registrator.register(pair[0], token, READ)

    def main() -> None:
        nonlocal token
        pair[1].send(b"abcd")
        token = watch(rt, pair[0], ready, persistent=True)

    token = 0
    rt.run(main)
    assert log == ["a", "resumed", "b"]


def test_a_token_deregistered_in_the_same_batch_is_passed_over(rt: Runtime, pair: Pair) -> None:
    log: list[str] = []
    tokens: dict[str, int] = {}
    other = {"a": "b", "b": "a"}

    def ready(name: str) -> None:
        log.append(name)
        rt.epoll_registrator.deregister(pair[0 if other[name] == "a" else 1])
        rt.deregister_event_epoll(tokens[name])

    def main() -> None:
        for at, name in enumerate("ab"):
            tokens[name] = watch(
                rt,
                pair[at],
                lambda _, n=name: ready(n),
                WRITE,
                persistent=True,  # type: ignore[misc]
            )

    rt.run(main)
    assert len(log) == 1


def test_a_replaced_callback_never_runs_again(rt: Runtime, pair: Pair) -> None:
    log: list[str] = []
    tokens: list[int] = []

    def old(_: Js) -> None:
        log.append("old")

    def new(_: Js) -> None:
        log.append("new")
        rt.deregister_event_epoll(tokens[2])

    def first(_: Js) -> None:
        rt.deregister_event_epoll(tokens[0])
        rt.deregister_event_epoll(tokens[1])
        tokens.append(watch(rt, pair[1], new, WRITE, persistent=True))

    def main() -> None:
        tokens.append(watch(rt, pair[0], first, WRITE, persistent=True))
        tokens.append(watch(rt, pair[1], old, WRITE, persistent=True))

    rt.run(main)
    assert log[-1] == "new"
    assert log.count("new") == 1
    assert log in (["new"], ["old", "new"])


def test_a_ready_descriptor_without_a_callback_does_not_spin(rt: Runtime, pair: Pair) -> None:
    def main() -> None:
        rt.epoll_registrator.register(pair[0], 5, WRITE)
        rt.set_timeout(20, nothing)

    rt.run(main)
    assert rt.ticks < 20


# One token, two descriptors


def test_one_token_hears_of_two_descriptors(rt: Runtime, pair: Pair) -> None:
    log: list[Js] = []

    def ready(value: Js) -> None:
        log.append(value)
        if len(log) == 3:
            assert rt.pending_events == 1
            rt.deregister_event_epoll(5)

    def main() -> None:
        rt.epoll_registrator.register(pair[0], 5, WRITE)
        rt.epoll_registrator.register(pair[1], 5, WRITE)
        rt.register_event_epoll(5, ready, persistent=True)
        assert rt.pending_events == 1

    rt.run(main)
    assert log == [Int(Ready.WRITABLE)] * 3


def test_a_one_shot_event_of_two_ready_descriptors_is_told_once(rt: Runtime, pair: Pair) -> None:
    log: list[Js] = []

    def main() -> None:
        rt.epoll_registrator.register(pair[0], 5, WRITE)
        rt.epoll_registrator.register(pair[1], 5, WRITE)
        rt.register_event_epoll(5, log.append)
        rt.set_timeout(5, lambda _: log.append(Int(len(rt.loop.poll.watched))))

    rt.run(main)
    assert log == [Int(Ready.WRITABLE), Int(0)]


def test_a_token_that_loses_one_of_two_descriptors_waits_for_the_other(
    rt: Runtime, pair: Pair
) -> None:
    log: list[Js] = []

    def main() -> None:
        rt.epoll_registrator.register(pair[0], 5, READ)
        rt.epoll_registrator.register(pair[1], 5, READ)
        rt.register_event_epoll(5, log.append)
        rt.epoll_registrator.deregister(pair[0], 5)
        assert rt.pending_events == 1 and rt.epoll_registrator.is_watched(5)
        pair[0].send(b"x")

    rt.run(main)
    assert log == [Int(Ready.READABLE)]


def test_of_two_descriptors_one_may_be_closed_while_the_other_reports(
    rt: Runtime, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minirt.core.loop.QUIET", 0.02)
    log: list[Js] = []
    gone, far = socket.socketpair()

    def ready(value: Js) -> None:
        log.append(value)
        if isinstance(value, Error):
            assert rt.pending_events == 1  # it waits for the other one
            pair[1].send(b"x")
        else:
            rt.deregister_event_epoll(5)

    def main() -> None:
        rt.epoll_registrator.register(pair[0], 5, READ)
        rt.epoll_registrator.register(gone, 5, READ)
        rt.register_event_epoll(5, ready, persistent=True)
        gone.close()
        far.close()

    rt.run(main)
    assert [type(value) for value in log] == [Error, Int]


# A token without a descriptor


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("system", [None, Simulation])
def test_a_token_that_no_descriptor_has_ends_the_program_with_a_sentence(
    system: Any, persistent: bool, no_leaks: None
) -> None:
    """R19: it waited for ever, silently."""
    rt = Runtime(system=system and system())
    with pytest.raises(NobodyReports, match=r"event of token 7, .*register\(fileobj, token"):
        rt.run(lambda: rt.register_event_epoll(7, nothing, persistent=persistent))


@pytest.mark.parametrize("system", [None, Simulation])
def test_also_once_everything_else_is_over_or_was_cleared(system: Any, no_leaks: None) -> None:
    rt = Runtime(system=system and system())
    log: list[str] = []

    def main() -> None:
        for token in range(7, 20):
            rt.register_event_epoll(token, nothing)
        rt.set_timeout(60_000, nothing).cancel()
        rt.register_event_threadpool(
            lambda: log.append("task") or Int(1),  # type: ignore[func-returns-value]
            KIND,
            lambda _: log.append("result"),
        )
        rt.set_timeout(5, lambda _: log.append("timer"))
        rt.call_from_thread(lambda _: log.append("message"))

    with pytest.raises(NobodyReports, match=r"token 7, 8, 9, 10, 11, \.\.\.,"):
        rt.run(main)
    assert sorted(log) == ["message", "result", "task", "timer"]


@pytest.mark.parametrize("system", [None, Simulation])
def test_whatever_may_still_register_the_descriptor_is_waited_for(
    system: Any, no_leaks: None
) -> None:
    """A timer, the result of a task and a message may; so nobody complains before."""
    rt = Runtime(system=system and system())
    log: list[str] = []
    far: list[socket.socket] = []

    def give(token: int) -> None:
        if system:
            rt.system.add_peer("peer", 1, lambda received: None)  # type: ignore[attr-defined]
            connection: Any = rt.system.connect("peer", 1)
        else:
            connection, other = socket.socketpair()
            far.extend([connection, other])
        rt.epoll_registrator.register(connection, token, WRITE)

    def main() -> None:
        for token, name in ((101, "timer"), (102, "unref'd"), (103, "task"), (104, "message")):
            rt.register_event_epoll(token, lambda _, n=name: log.append(n))  # type: ignore[misc]
        rt.set_timeout(20, lambda _: give(101))
        rt.set_timeout(10, lambda _: give(102)).unref()
        rt.register_event_threadpool(lambda: task(), KIND, lambda _: give(103))

    def task() -> Js:
        rt.clock.sleep(0.03)
        rt.call_from_thread(lambda _: give(104))
        return Int(0)

    rt.run(main)
    assert sorted(log) == ["message", "task", "timer", "unref'd"]
    for each in far:
        each.close()


def test_a_token_that_was_deregistered_is_waited_for_no_longer(rt: Runtime) -> None:
    def main() -> None:
        rt.register_event_epoll(7, nothing)
        rt.deregister_event_epoll(7)
        assert rt.pending_events == 0

    rt.run(main)


# A descriptor that is closed under the loop


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("kind", ["socket", "file", "number"])
def test_a_descriptor_closed_under_the_loop_reaches_its_callback_as_an_error(
    rt: Runtime, persistent: bool, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minirt.core.loop.QUIET", 0.03)
    log: list[Js] = []
    read_end, write_end = os.pipe()
    one, other = socket.socketpair()
    file = os.fdopen(read_end, "rb")
    watched = {"socket": one, "file": file, "number": file.fileno()}[kind]

    def main() -> None:
        watch(rt, watched, log.append, persistent=persistent)
        rt.set_timeout(5, lambda _: (one.close(), file.close()))

    rt.run(main)
    other.close()
    os.close(write_end)
    (value,) = log
    with pytest.raises(DescriptorClosed, match=r"deregister\(fileobj\) before"):
        value.into_int()


@pytest.mark.parametrize("every", [None, 300])
def test_it_is_noticed_also_after_a_quiet_second_and_between_timers(
    every: int | None, no_leaks: None
) -> None:
    """In simulated time, with a descriptor that a simulation knows."""
    simulation = Simulation()
    simulation.add_peer("peer", 1, lambda received: None)
    rt = Runtime(system=simulation)
    log: list[tuple[float, Js]] = []

    def main() -> None:
        connection = simulation.connect("peer", 1)
        watch(rt, connection, lambda value: told(value))
        rt.set_timeout(5000, lambda _: connection.close())
        if every:
            interval.append(rt.set_interval(every, nothing))

    def told(value: Js) -> None:
        log.append((rt.clock.now(), value))
        for each in interval:
            each.cancel()

    interval: list[Any] = []
    rt.run(main)
    ((at, value),) = log
    assert isinstance(value, Error)
    assert 5.0 <= at <= 6.5


def test_a_socket_closed_and_its_number_taken_by_another_is_told_as_well(
    rt: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minirt.core.loop.QUIET", 0.03)
    log: list[Js] = []
    one, other = socket.socketpair()
    later: list[socket.socket] = []

    def main() -> None:
        watch(rt, one, log.append)
        rt.set_timeout(5, swap)

    def swap(_: Js) -> None:
        one.close()
        again, far = socket.socketpair()
        later.extend([again, far])
        token = watch(rt, again, nothing)
        rt.set_timeout(100, lambda _: rt.deregister_event_epoll(token))

    rt.run(main)
    for each in (other, *later):
        each.close()
    assert [type(value) for value in log] == [Error]


def test_a_persistent_event_that_lost_its_descriptor_may_get_another(
    rt: Runtime, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minirt.core.loop.QUIET", 0.02)
    log: list[Js] = []
    one, other = socket.socketpair()

    def ready(value: Js) -> None:
        log.append(value)
        if isinstance(value, Error):
            rt.epoll_registrator.register(pair[0], token, WRITE)
        else:
            rt.deregister_event_epoll(token)

    def main() -> None:
        nonlocal token
        token = watch(rt, one, ready, persistent=True)
        one.close()
        other.close()

    token = 0
    rt.run(main)
    assert [type(value) for value in log] == [Error, Int]


# Any history


Step = tuple[str, int, int, Interest]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["register", "register", "modify", "deregister", "token", "expect"]),
        st.integers(0, 1),
        st.integers(1, 3),
        st.sampled_from([READ, WRITE, BOTH]),
    ),
    max_size=30,
)


@pytest.mark.parametrize("name", list(IN_USE))
@given(steps=STEPS)
@settings(max_examples=60)
def test_no_history_separates_the_registrator_from_a_model(  # noqa: C901 (a step a branch)
    name: str, steps: list[Step]
) -> None:
    """The model: {(socket, side): token}, and the tokens with a callback."""
    loop = Loop(RealSystem(poll=IN_USE[name]), threads=0)
    registrator, sockets = Registrator(loop), socket.socketpair()
    model: dict[tuple[int, Interest], int] = {}
    expected: set[int] = set()
    had: set[int] = set()  # a descriptor, since they are known
    for step, at, token, interest in steps:
        sides = [side for side in (READ, WRITE) if side & interest]
        mine = [key for key in model if key[0] == at and model[key] == token]
        error: type[Exception] | None = None
        if step == "register":
            if any((at, side) in model for side in sides):
                error = AlreadyRegistered
            call = lambda: registrator.register(sockets[at], token, interest)  # noqa: E731
        elif step == "modify":
            if not mine:
                error = NotRegistered
            elif any(model.get((at, side), token) != token for side in sides):
                error = AlreadyRegistered
            call = lambda: registrator.modify(sockets[at], token, interest)  # noqa: E731
        elif step == "deregister":
            error = None if mine else NotRegistered
            call = lambda: registrator.deregister(sockets[at], token)  # noqa: E731
        elif step == "token":
            call = lambda: registrator.forget(token)  # noqa: E731
        else:
            error = IdentityTaken if token in expected else None
            call = lambda: registrator.expect(token, nothing, persistent=True)  # noqa: E731
        if error is not None:
            with pytest.raises(error):
                call()
            continue
        call()
        if step in ("modify", "deregister"):
            for key in mine:
                del model[key]
        if step in ("register", "modify"):
            model.update({(at, side): token for side in sides})
            had.add(token)
        if step == "token":
            model = {key: other for key, other in model.items() if other != token}
            expected.discard(token)
        if step == "expect":
            expected.add(token)
        had &= expected | set(model.values())
        check(loop, registrator, model, expected, had)
    loop.poll.close()
    for each in sockets:
        each.close()


def check(
    loop: Loop,
    registrator: Registrator,
    model: dict[tuple[int, Interest], int],
    expected: set[int],
    had: set[int],
) -> None:
    watched, everybody = set(model.values()), {1, 2, 3}
    answers = sorted(token for token, _ in heard(loop.poll))
    assert answers == sorted(token for (_, side), token in model.items() if side == WRITE)
    assert {token for token in everybody if registrator.is_watched(token)} == watched
    assert {token for token in everybody if registrator.knows(token)} == expected
    callbacks = loop.callbacks
    assert {listener.identity for listener in callbacks.listeners} == expected & watched
    assert set(callbacks.dangling) == expected - watched - had
    assert set(callbacks.boxed) == (expected & had) - watched
    assert callbacks.waits_for_readiness() == len(expected - (had - watched))
